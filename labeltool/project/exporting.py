"""From a project to a COCO document, as a stream: what nobody touched leaves as the text that came in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from labeltool.errors import ProjectError
from labeltool.files import packed_write
from labeltool.project import tables
from labeltool.project.categories import patched
from labeltool.project.codec import decode, decode_box, encode
from labeltool.project.database import get_meta
from labeltool.project.derived import export_annotation
from labeltool.project.reading import CHUNK, AnyRow, label_keypoints
from labeltool.project.tables import images, originals, people
from labeltool.project.tallies import ExportSummary
from labeltool.skeleton import Skeleton


def to_document(connection: Connection, skeleton: Skeleton, only_done: bool, with_predicted: bool) -> dict[str, Any]:
    """The labels as a COCO document; see `Project.to_document`."""
    document: dict[str, Any] = json.loads(b"".join(chunks(connection, skeleton, only_done, with_predicted)))
    return document


def export(
    connection: Connection, skeleton: Skeleton, path: Path, only_done: bool, with_predicted: bool
) -> ExportSummary:
    """Writes the labels to a file; see `Project.export`."""
    run = _Export(connection, skeleton, only_done, with_predicted)
    try:
        with packed_write(path) as file:
            for chunk in run.chunks():
                file.write(chunk)
    except OSError as error:
        raise ProjectError(f"{path}: cannot be written: {error.strerror or error}") from None
    return run.summary()


def chunks(connection: Connection, skeleton: Skeleton, only_done: bool, with_predicted: bool) -> Iterator[bytes]:
    """The document's bytes, piece by piece; see `Project.export_chunks`."""
    return _Export(connection, skeleton, only_done, with_predicted).chunks()


def annotations_of(
    connection: Connection, skeleton: Skeleton, image_ids: Collection[int], person_id: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What an export would hold of the labelled people of some images, by id, and one category that they all belong to.

    With `person_id`, of that person alone.

    Labelled is who came with labels or was touched by a human; whoever no human touched is as it came.
    """
    category = skeleton.to_category()
    query = (
        select(people, originals.c.raw)
        .outerjoin(originals, originals.c.id == people.c.id)
        .where(people.c.image_id.in_(image_ids), people.c.deleted.is_(False))
        .where(or_(people.c.labelled > 0, people.c.touched.is_(True)))
        .order_by(people.c.id)
    )
    if person_id is not None:
        query = query.where(people.c.id == person_id)
    run = _Export(connection, skeleton, False, False)
    annotations = []
    for row in connection.execute(query):
        if row.raw is None:
            annotation = run.made(row, category["id"])
        else:
            annotation = decode(row.raw)
            if row.touched:
                annotation, _ = run.annotation(annotation, row)
        annotations.append({**annotation, "category_id": category["id"]})
    return annotations, category


@dataclass
class _Export:
    """One run: the parts of the document in the order of its keys, and what was counted on the way."""

    connection: Connection
    skeleton: Skeleton
    only_done: bool
    with_predicted: bool
    images: int = 0
    annotations: int = 0
    people: int = 0
    changed: int = 0
    new: int = 0
    area_sources: Counter[str] = field(default_factory=Counter)

    def chunks(self) -> Iterator[bytes]:
        """Compact JSON in ASCII."""
        head = get_meta(self.connection, tables.META_HEAD)
        category = get_meta(self.connection, tables.META_CATEGORY)
        for number, (key, value) in enumerate(head.items()):
            yield f"{',' if number else '{'}{encode(key)}:".encode()
            if key == "images":
                yield from _array(self._images())
            elif key == "annotations":
                yield from _array(self._annotations(category["id"]))
            else:
                if key == "categories" and category["patch"] is not None and self._has_labels_of_its_own():
                    value = patched(value, category["patch"])
                yield encode(value).encode()
        yield b"}"

    def summary(self) -> ExportSummary:
        """What the run wrote, and who was left out because of being deleted."""
        query = select(func.count()).select_from(people).where(people.c.deleted.is_(True))
        if self.only_done:
            query = query.join(images, images.c.id == people.c.image_id).where(images.c.status == "done")
        return ExportSummary(
            images=self.images,
            annotations=self.annotations,
            people=self.people,
            changed=self.changed,
            new=self.new,
            deleted=self.connection.execute(query).scalar_one(),
            area_sources=dict(self.area_sources),
        )

    def _images(self) -> Iterator[list[str]]:
        query = select(images.c.raw).order_by(images.c.position)
        if self.only_done:
            query = query.where(images.c.status == "done")
        for part in self.connection.execute(query.execution_options(yield_per=CHUNK)).scalars().partitions():
            self.images += len(part)
            yield list(part)

    def _annotations(self, new_category: int) -> Iterator[list[str]]:
        for rows in self._imported():
            texts = []
            for row in rows:
                if row.revision is None:
                    texts.append(row.raw)
                elif not row.deleted:
                    untouched = row.revision == 0 or not (row.touched or self.with_predicted)
                    texts.append(row.raw if untouched else self._changed(row))
                    self.people += not row.crowd
            self.annotations += len(texts)
            yield texts
        for rows in self._created():
            texts = [encode(self.made(row, new_category)) for row in rows]
            self.annotations += len(texts)
            self.people += len(texts)
            self.new += len(texts)
            yield texts

    def _imported(self) -> Iterator[Any]:
        """Rows of what came with the import, in its order; the columns of people are None where nothing changed."""
        query = (
            select(
                originals.c.raw,
                people.c.image_id,
                people.c.revision,
                people.c.crowd,
                people.c.deleted,
                people.c.touched,
                people.c.box,
                people.c.keypoints,
                people.c.sources,
            )
            .outerjoin(people, people.c.id == originals.c.id)
            .order_by(originals.c.id)
        )
        if self.only_done:
            query = query.join(images, and_(images.c.id == originals.c.image_id, images.c.status == "done"))
        return self.connection.execute(query.execution_options(yield_per=CHUNK)).partitions()

    def _created(self) -> Iterator[Any]:
        """Rows of people that did not come with the import, in the order they were made."""
        query = select(people).where(people.c.origin != "imported", people.c.deleted.is_(False)).order_by(people.c.id)
        if not self.with_predicted:
            query = query.where(people.c.touched.is_(True))
        if self.only_done:
            query = query.join(images, images.c.id == people.c.image_id).where(images.c.status == "done")
        return self.connection.execute(query.execution_options(yield_per=CHUNK)).partitions()

    def _changed(self, row: AnyRow) -> str:
        raw: dict[str, Any] = decode(row.raw)
        annotation, source = self.annotation(raw, row)
        if annotation == raw:
            return str(row.raw)
        self.changed += 1
        self.area_sources[source or "as it came"] += 1
        return encode(annotation)

    def made(self, row: AnyRow, category_id: int) -> dict[str, Any]:
        """The annotation of a person that did not come with the import."""
        frame = {
            "segmentation": [],
            "num_keypoints": 0,
            "area": None,
            "iscrowd": 0,
            "keypoints": [0] * (3 * len(self.skeleton)),
            "image_id": row.image_id,
            "bbox": None,
            "category_id": category_id,
            "id": row.annotation_id,
        }
        annotation, source = self.annotation(frame, row)
        self.area_sources[source or "none"] += 1
        return annotation

    def annotation(self, raw: Mapping[str, Any], row: AnyRow) -> tuple[dict[str, Any], str | None]:
        """The annotation of a person as it is now, and the source of its area when that was written anew."""
        labels = label_keypoints(row.keypoints, row.sources, len(self.skeleton), self.with_predicted)
        query = select(images.c.width, images.c.height).where(images.c.id == row.image_id)
        width, height = self.connection.execute(query).one()
        return export_annotation(raw, labels, decode_box(row.box), (width, height))

    def _has_labels_of_its_own(self) -> bool:
        """Whether any person differs from the import: then its category must name the joints."""
        differs: ColumnElement[bool] = people.c.touched.is_(True)
        if self.with_predicted:
            differs = or_(differs, people.c.from_predicted > 0)
        return self.connection.execute(select(people.c.id).where(differs).limit(1)).first() is not None


def _array(parts: Iterator[list[str]]) -> Iterator[bytes]:
    opening = "["
    for texts in parts:
        if texts:
            yield (opening + ",".join(texts)).encode()
            opening = ","
    yield b"[]" if opening == "[" else b"]"
