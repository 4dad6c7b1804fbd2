"""From a COCO document to a project: everything it holds, checked as far as the store needs, in bulk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import tables
from labeltool.project.blind import is_chosen, new_key
from labeltool.project.building import built_beside, sync
from labeltool.project.categories import Categories, find_categories
from labeltool.project.codec import LETTERS, encode
from labeltool.project.config import CONFIG_NAME, DATABASE_NAME, ProjectConfig, write_config
from labeltool.project.database import make_engine, now, translated
from labeltool.project.derived import area_of, usable_box
from labeltool.project.edits import LIMIT
from labeltool.project.queue_schema import recount
from labeltool.skeleton import Skeleton

#: Rows that are handed to SQLite at once.
BATCH = 2000

#: SQLite's integers are of 64 bits.
_ID_LIMIT = 2**63

#: The reason of the status `done` that an image has because all its people came with labels.
IMPORTED = "imported"

_UNLABELLED, _LABELLED = 1, 2


def create_project(
    path: Path,
    document: CocoDocument,
    image_root: Path,
    skeleton: Skeleton,
    *,
    name: str | None,
    problems: Mapping[int, str],
    blind_share: float,
) -> None:
    """Builds a project folder beside its place and renames it when it is whole; see `Project.create`.

    Raises:
        ProjectError: the folder exists and is not empty, cannot be written, or the document does not fit the store.
    """
    path = Path(os.path.abspath(path))
    image_root = Path(os.path.abspath(image_root))
    if not image_root.is_dir():
        raise ProjectError(f"{image_root}: no such folder of photos")
    config = ProjectConfig(name or path.name, now(), image_root, skeleton, blind_share)
    with built_beside(path, CONFIG_NAME) as folder:
        write_config(folder, config, home=path)
        _build_database(folder / DATABASE_NAME, document, skeleton, problems, blind_share)
        sync(folder / DATABASE_NAME, folder)


def _build_database(
    path: Path, document: CocoDocument, skeleton: Skeleton, problems: Mapping[int, str], blind_share: float
) -> None:
    engine = make_engine(path)
    try:
        with translated(path):
            # Nobody sees the file before the folder is renamed, and it is synced before that: no journal is needed.
            with engine.connect() as connection:
                raw = connection.connection.cursor()
                for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -64000"):
                    raw.execute(f"PRAGMA {pragma}")
                with connection.begin():
                    tables.create_schema(connection)
                    _Import(connection, document, skeleton, problems, blind_share).run()
                raw.execute("PRAGMA journal_mode = WAL")
                raw.close()
    finally:
        engine.dispose()


@dataclass
class _Import:
    """One run: the document's parts, row by row, into the tables."""

    connection: Connection
    document: CocoDocument
    skeleton: Skeleton
    problems: Mapping[int, str]
    blind_share: float
    blind_key: str = field(default_factory=new_key)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    states: dict[int, int] = field(default_factory=dict)
    annotation_ids: set[int] = field(default_factory=set)
    highest_id: int = 0

    def run(self) -> None:
        categories = find_categories(self.document, self.skeleton)
        self._check_images()
        self._add_annotations(categories)
        self._add_images()
        recount(self.connection)
        head = {key: None if key in ("images", "annotations") else value for key, value in self.document.data.items()}
        facts = {
            tables.META_HEAD: head,
            tables.META_JOINTS: list(self.skeleton.joints),
            tables.META_CATEGORY: {"id": categories.new_id, "patch": categories.patch},
            tables.META_NEXT_ANNOTATION: max(self.highest_id, 0) + 1,
            tables.META_BLIND_KEY: self.blind_key,
            tables.META_BLIND_SHARE: self.blind_share,
        }
        rows = [{"key": key, "value": self._encode(value, key)} for key, value in facts.items()]
        self.connection.execute(insert(tables.meta), rows)

    def _check_images(self) -> None:
        for index, image in enumerate(self.document.images):
            where = self._where("images", index, image)
            image_id = _check_id(image, where)
            if image_id in self.sizes:
                raise ProjectError(f"{where}: the id stands twice, expected unique image ids")
            if not isinstance(image.get("file_name"), str) or not image["file_name"]:
                raise ProjectError(f"{where}: file_name is {image.get('file_name')!r}, expected the photo's path")
            for side in ("width", "height"):
                value = image.get(side)
                if type(value) is not int or not 0 < value < _ID_LIMIT:
                    raise ProjectError(f"{where}: {side} is {value!r}, expected a whole number of pixels above 0")
            self.sizes[image_id] = (image["width"], image["height"])
        for image_id in self.problems:
            if image_id not in self.sizes:
                raise ProjectError(f"problem of image {image_id!r}: no such image")

    def _add_images(self) -> None:
        def rows() -> Iterator[tuple[Any, ...]]:
            for position, image in enumerate(self.document.images):
                image_id = image["id"]
                done = self.states.get(image_id) == _LABELLED
                yield (
                    image_id,
                    position,
                    _plain_text(image["file_name"], self._where("images", position, image)),
                    image["width"],
                    image["height"],
                    "done" if done else "unlabelled",
                    IMPORTED if done else None,
                    self._problem(image_id),
                    self._encode(image, self._where("images", position, image)),
                )

        columns = "id position file_name width height status reason problem raw"
        _insert_many(self.connection, "images", columns, rows())

    def _problem(self, image_id: int) -> str | None:
        problem = self.problems.get(image_id)
        return None if problem is None else problem.encode("utf-8", "backslashreplace").decode()

    def _add_annotations(self, categories: Categories) -> None:
        originals: list[tuple[Any, ...]] = []
        people: list[tuple[Any, ...]] = []
        for index, annotation in enumerate(self.document.annotations):
            row_id = index + 1
            annotation_id = annotation.get("id")
            if type(annotation_id) is int and annotation_id > self.highest_id:
                self.highest_id = annotation_id
            image_id = annotation.get("image_id")
            known = type(image_id) is int and image_id in self.sizes
            raw = self._encode(annotation, None, index)
            originals.append((row_id, image_id if known else None, raw))
            if type(annotation.get("category_id")) is int and annotation["category_id"] in categories.people:
                people.append(self._person(row_id, annotation, index, known))
            if len(originals) == BATCH:
                self._flush(originals, people)
        self._flush(originals, people)

    def _flush(self, originals: list[tuple[Any, ...]], people: list[tuple[Any, ...]]) -> None:
        _insert_many(self.connection, "originals", "id image_id raw", originals)
        _insert_many(
            self.connection,
            "people",
            "id image_id annotation_id origin crowd deleted touched revision box keypoints sources area area_source "
            "labelled hidden from_imported from_predicted from_accepted from_moved from_added from_removed blind",
            people,
        )
        originals.clear()
        people.clear()

    def _person(self, row_id: int, annotation: Mapping[str, Any], index: int, known: bool) -> tuple[Any, ...]:
        if not known:
            where = self._where("annotations", index, annotation)
            raise ProjectError(f"{where}: image_id is {annotation.get('image_id')!r}, expected the id of an image")
        annotation_id = annotation.get("id")
        if type(annotation_id) is not int or annotation_id in self.annotation_ids:
            where = self._where("annotations", index, annotation)
            _check_id(annotation, where)
            raise ProjectError(f"{where}: the id stands twice, expected unique annotation ids")
        self.annotation_ids.add(annotation_id)
        if not -_ID_LIMIT < annotation_id < _ID_LIMIT - 1:
            _check_id(annotation, self._where("annotations", index, annotation))
        image_id = annotation["image_id"]
        keypoints = annotation.get("keypoints")
        visible = hidden = 0
        if keypoints:
            flags = self._flags(keypoints, index, annotation)
            visible, hidden = flags.count(2), flags.count(1)
        labelled = visible + hidden
        crowd = annotation.get("iscrowd") in (1, True)
        if not crowd:
            state = _LABELLED if labelled else _UNLABELLED
            self.states[image_id] = min(self.states.get(image_id, state), state)
        box = usable_box(annotation)
        area, source = area_of(annotation, box, *self.sizes[image_id])
        return (
            row_id,
            image_id,
            annotation_id,
            "imported",
            crowd,
            False,
            False,
            0,
            None if box is None else encode(box),
            encode(keypoints) if labelled else None,
            LETTERS["imported"],
            area,
            source,
            labelled,
            hidden,
            labelled,
            0,
            0,
            0,
            0,
            0,
            not (crowd or labelled) and is_chosen(self.blind_key, self.blind_share, image_id, annotation_id),
        )

    def _flags(self, keypoints: Any, index: int, annotation: Mapping[str, Any]) -> list[Any]:
        """The K flags of keypoints that the store can hold."""
        expected = 3 * len(self.skeleton)
        if type(keypoints) is list and len(keypoints) == expected and set(map(type, keypoints)) <= {int, float}:
            flags = keypoints[2::3]
            if set(flags) <= {0, 1, 2} and max(keypoints) <= LIMIT and min(keypoints) >= -LIMIT:
                return flags
        where = self._where("annotations", index, annotation)
        if type(keypoints) is not list:
            raise ProjectError(f"{where}: keypoints is {type(keypoints).__name__}, expected a list of numbers")
        if len(keypoints) != expected:
            raise ProjectError(f"{where}: keypoints has {len(keypoints)} numbers, expected {expected}")
        for place, value in enumerate(keypoints):
            joint = self.skeleton.joints[place // 3]
            if type(value) not in (int, float) or not -LIMIT <= value <= LIMIT:
                raise ProjectError(
                    f"{where}: keypoints[{place}] ({joint}) is {_short(value)}, expected a finite number"
                )
            if place % 3 == 2 and value not in (0, 1, 2):
                raise ProjectError(f"{where}: keypoints[{place}] (v of {joint}) is {value}, expected 0, 1 or 2")
        raise ProjectError(f"{where}: keypoints hold what the store cannot keep")

    def _encode(self, value: Any, where: str | None, index: int | None = None) -> str:
        try:
            return encode(value)
        except (ValueError, TypeError, RecursionError) as error:
            if index is not None:
                where = self._where("annotations", index, value)
            reason = f"cannot be kept as JSON: {error}"
            if isinstance(error, RecursionError):
                reason = "is nested too deep"
            elif "Out of range float" in str(error):
                reason = "holds NaN or Infinity, expected finite numbers"
            raise ProjectError(f"{where}: {reason}") from None

    def _where(self, section: str, index: int, item: Mapping[str, Any]) -> str:
        return f"{self.document.source}: {section}[{index}] (id {_short(item.get('id'))})"


def _insert_many(connection: Connection, table: str, columns: str, rows: Any) -> None:
    names = columns.split()
    places = ", ".join("?" * len(names))
    # The driver's own executemany: SQLAlchemy's per-row work would take longer than SQLite's.
    cursor = connection.connection.cursor()
    cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)
    cursor.close()


def _check_id(item: Mapping[str, Any], where: str) -> int:
    value = item.get("id")
    if type(value) is not int or not -_ID_LIMIT < value < _ID_LIMIT - 1:
        raise ProjectError(f"{where}: the id is {_short(value)}, expected an integer of 64 bits")
    return value


def _plain_text(text: str, where: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProjectError(f"{where}: file_name {text!r} is no valid Unicode, expected the photo's path") from None
    return text


def _short(value: Any) -> str:
    text = f"a number of {value.bit_length()} bits" if type(value) is int and abs(value) >= _ID_LIMIT else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
