"""From a COCO document into a project that is there: what it has already is known again, the rest is added.

Images go in by the batch, each batch in one transaction, and an image always with all its annotations: whenever a run is cut off,
what it wrote is whole, and the next run knows it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import tables
from labeltool.project.batch import Batch, Counted, next_row, people_on, settle_statuses
from labeltool.project.categories import Joined, join_categories
from labeltool.project.codec import decode, encode
from labeltool.project.database import Database, get_meta
from labeltool.project.matching import Matching, Others, listed
from labeltool.project.measuring import IMPORT_AUTHOR
from labeltool.project.rows import (
    ID_LIMIT,
    RowMaker,
    check_id,
)
from labeltool.project.tables import images, originals, people
from labeltool.project.tallies import Addition
from labeltool.skeleton import Skeleton

#: A transaction takes images until it has so many of them or of their annotations: short enough for labellers to wait for.
_IMAGES, _ANNOTATIONS = 4000, 10_000

Told = Callable[[int], object]


def add_document(
    database: Database,
    skeleton: Skeleton,
    document: CocoDocument,
    matching: Matching,
    *,
    source: str,
    replace_edited: bool,
    problems: Mapping[int, str],
    leave_out: frozenset[int],
    told: Told | None = None,
) -> Addition:
    """Adds a document to a project; see `Project.add_document`."""
    with database.read() as connection:
        make = RowMaker(
            document.source,
            skeleton,
            get_meta(connection, tables.META_BLIND_KEY),
            get_meta(connection, tables.META_BLIND_SHARE) or 0.0,
        )
        found = _check(document, make)
        run = Adding(document, make, matching, f"{IMPORT_AUTHOR}{source}", replace_edited, problems, leave_out, found)
        run.prepare(connection)
    with database.bulk() as connection:
        for batch in run.batches():
            with database.write(connection):
                run.add(connection, batch)
            if told is not None:
                told(sum(len(run.grouped.by_image.get(document.images[n]["id"], ())) for n in batch))
    return run.result()


@dataclass
class Grouped:
    """The annotations of a document by their place in it.

    Attributes:
        by_image: those of each image, by its id.
        with_joints: those with keypoints, by category.
        categories: the categories that annotations have.
    """

    by_image: dict[int, list[int]] = field(default_factory=dict)
    with_joints: dict[Any, list[int]] = field(default_factory=dict)
    categories: set[Any] = field(default_factory=set)


def _check(document: CocoDocument, make: RowMaker) -> Grouped:
    """Looks at all ids before anything is written, and groups the annotations: in one pass, for they are far apart in memory."""
    seen: set[int] = set()
    for index, image in enumerate(document.images):
        image_id, _ = make.image(image, index)
        if image_id in seen:
            raise ProjectError(f"{make.where('images', index, image)}: the id stands twice, expected unique image ids")
        seen.add(image_id)
    ids: set[int] = set()
    found = Grouped()
    for index, annotation in enumerate(document.annotations):
        on, number = annotation.get("image_id"), annotation.get("id")
        if type(on) is not int or on not in seen:
            where = make.where("annotations", index, annotation)
            raise ProjectError(f"{where}: image_id is {on!r}, expected the id of an image")
        if type(number) is not int or number in ids or not -ID_LIMIT < number < ID_LIMIT - 1:
            where = make.where("annotations", index, annotation)
            check_id(annotation, where)
            raise ProjectError(f"{where}: the id stands twice, expected unique annotation ids")
        ids.add(number)
        found.by_image.setdefault(on, []).append(index)
        category = annotation.get("category_id")
        found.categories.add(category)
        if annotation.get("keypoints"):
            found.with_joints.setdefault(category, []).append(index)
    return found


@dataclass
class Adding:
    """One run."""

    document: CocoDocument
    make: RowMaker
    matching: Matching
    author: str
    replace_edited: bool
    problems: Mapping[int, str]
    leave_out: frozenset[int]
    grouped: Grouped
    counted: Counted = field(default_factory=Counted)
    taken_images: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    others: Others = field(default_factory=Others)
    next_annotation: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    joined: Joined = field(init=False)

    # --- before anything is written ---------------------------------------------------------------------------------------

    def prepare(self, connection: Connection) -> None:
        """Finds out which ids and categories the project has.

        Raises:
            ProjectError: the document's people have other joints than the project, or are no labels of them.
        """
        self._join_categories(connection)
        self.taken_images = set(connection.execute(select(images.c.id)).scalars())
        self.taken = set(connection.execute(select(people.c.annotation_id)).scalars())
        self.next_annotation = get_meta(connection, tables.META_NEXT_ANNOTATION)
        strangers = (
            select(originals.c.raw).outerjoin(people, people.c.id == originals.c.id).where(people.c.id.is_(None))
        )
        for raw in connection.execute(strangers.execution_options(yield_per=1000)).scalars():
            annotation = decode(raw)
            self.others.add(annotation)
            if type(annotation.get("id")) is int:
                self.taken.add(annotation["id"])

    def _join_categories(self, connection: Connection) -> None:
        head = get_meta(connection, tables.META_HEAD)
        patch = get_meta(connection, tables.META_CATEGORY)["patch"]
        ours = CocoDocument({**head, "images": [], "annotations": []}, "the project")
        annotations = self.document.annotations
        self.joined = joined = join_categories(ours, patch, self.document, self.grouped.categories, self.make.skeleton)
        for category in joined.people:
            places = self.grouped.with_joints.get(category, [])
            self.make.check_keypoints([(index, annotations[index]) for index in places])
        more = {key: value for key, value in self.document.data.items() if key not in head}
        self.facts = {
            tables.META_HEAD: {**head, "categories": joined.categories, **more},
            tables.META_CATEGORY: {"id": joined.new_id, "patch": joined.patch},
        }

    def batches(self) -> Iterator[list[int]]:
        """Indices of images that go in together."""
        batch: list[int] = []
        number = 0
        for index, image in enumerate(self.document.images):
            if image["id"] in self.leave_out:
                continue
            batch.append(index)
            number += len(self.grouped.by_image.get(image["id"], ()))
            if len(batch) >= _IMAGES or number >= _ANNOTATIONS:
                yield batch
                batch, number = [], 0
        if batch:
            yield batch

    # --- a batch ----------------------------------------------------------------------------------------------------------

    def add(self, connection: Connection, batch: Sequence[int]) -> None:
        """Adds some images with their annotations; the caller holds the write lock."""
        self._meet_new_people(connection)
        _set_facts(connection, self.facts)
        self.facts = {}
        known = [self.matching.known[i["id"]] for i in self._images(batch) if i["id"] in self.matching.known]
        there = people_on(connection, known)
        part = Batch(self, connection, next_row(connection), there)
        for index in batch:
            part.take(index)
        part.write()
        settle_statuses(self, connection, part)
        _set_facts(connection, {tables.META_NEXT_ANNOTATION: self.next_annotation})

    def _images(self, batch: Sequence[int]) -> list[dict[str, Any]]:
        return [self.document.images[index] for index in batch]

    def _meet_new_people(self, connection: Connection) -> None:
        """Labellers may have drawn people since the last batch: their ids are taken."""
        found = get_meta(connection, tables.META_NEXT_ANNOTATION)
        self.taken.update(range(self.next_annotation, found))
        self.next_annotation = max(found, self.next_annotation)

    def annotation_id(self, wanted: int) -> int:
        """The wanted id where it is free, or the next one."""
        found = wanted
        if wanted in self.taken:
            found = self.next_annotation
            self.counted.renumbered += 1
            # Those of the document are unlike each other, so it is this one that a later one may want.
            self.taken.add(found)
        if found >= self.next_annotation:
            self.next_annotation = found + 1
        return found

    def image_id(self, wanted: int) -> int:
        """The wanted id where it is free, or the next one."""
        found = wanted if wanted not in self.taken_images else max(self.taken_images) + 1
        self.taken_images.add(found)
        return found

    def result(self) -> Addition:
        """What came of the run."""
        c = self.counted
        notes = list(self.joined.notes)
        for number, text in (
            (c.renumbered, "{n} annotation{s} got another id: theirs was taken"),
            (c.crowds_kept, "{n} crowd region{s} differ from the project's, which stay"),
            (
                c.fields_kept,
                "of {n} {people} brought up to date, fields beside joints and box differ (outlines, ...): the project's stay",
            ),
        ):
            if number:
                plural = {"s": "" if number == 1 else "s", "people": "person" if number == 1 else "people"}
                notes.append(text.format(n=f"{number:,}", **plural))
        if c.done_grown:
            notes.append(
                f"{len(c.done_grown):,} photos that labellers had done have people without labels now: {listed(c.done_grown)}"
            )
        return Addition(
            known_images=c.known_images,
            new_images=c.new_images,
            people=c.people,
            others=c.others,
            same=c.same,
            updated=c.updated,
            replaced=c.replaced,
            kept=len(c.kept_places),
            kept_places=tuple(c.kept_places),
            notes=tuple(notes),
        )


def _set_facts(connection: Connection, facts: Mapping[str, Any]) -> None:
    for key, value in facts.items():
        connection.execute(update(tables.meta).where(tables.meta.c.key == key).values(value=encode(value)))
