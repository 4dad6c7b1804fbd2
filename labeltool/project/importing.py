"""From a COCO document to a project: everything it holds, checked as far as the store needs, in bulk."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from labeltool.coco.document import CocoDocument
from labeltool.coco.jsonfast import without_collector
from labeltool.errors import ProjectError
from labeltool.project import tables
from labeltool.project.blind import new_key
from labeltool.project.building import built_beside, sync
from labeltool.project.categories import Categories, find_categories
from labeltool.project.config import CONFIG_NAME, DATABASE_NAME, ProjectConfig, write_config
from labeltool.project.database import make_engine, now, translated
from labeltool.project.queue_schema import recount
from labeltool.project.rows import (
    BATCH,
    CROWD,
    ID_LIMIT,
    IMAGE_COLUMNS,
    LABELLED,
    PERSON_COLUMNS,
    RowMaker,
    check_id,
    image_row,
    insert_many,
)
from labeltool.skeleton import Skeleton

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
                # The rows have no cycles, and each look for some goes over the whole document.
                with without_collector(), connection.begin():
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
    make: RowMaker = field(init=False)

    def __post_init__(self) -> None:
        self.make = RowMaker(self.document.source, self.skeleton, self.blind_key, self.blind_share)

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
        rows = [{"key": key, "value": self.make.encode(value, key)} for key, value in facts.items()]
        self.connection.execute(insert(tables.meta), rows)

    def _check_images(self) -> None:
        for index, image in enumerate(self.document.images):
            image_id, size = self.make.image(image, index)
            if image_id in self.sizes:
                where = self.make.where("images", index, image)
                raise ProjectError(f"{where}: the id stands twice, expected unique image ids")
            self.sizes[image_id] = size
        for image_id in self.problems:
            if image_id not in self.sizes:
                raise ProjectError(f"problem of image {image_id!r}: no such image")

    def _add_images(self) -> None:
        def rows() -> Iterator[tuple[Any, ...]]:
            for position, image in enumerate(self.document.images):
                image_id = image["id"]
                done = self.states.get(image_id) == _LABELLED
                where = self.make.where("images", position, image)
                yield image_row(self.make, image, position, done, self.problems.get(image_id), where)

        insert_many(self.connection, "images", IMAGE_COLUMNS, rows())

    def _add_annotations(self, categories: Categories) -> None:
        self.make.check_keypoints(
            [
                (index, annotation)
                for index, annotation in enumerate(self.document.annotations)
                if _is_of(annotation, categories.people) and annotation.get("keypoints")
            ]
        )
        originals: list[tuple[Any, ...]] = []
        people: list[tuple[Any, ...]] = []
        for index, annotation in enumerate(self.document.annotations):
            row_id = index + 1
            annotation_id = annotation.get("id")
            if type(annotation_id) is int and annotation_id > self.highest_id:
                self.highest_id = annotation_id
            image_id = annotation.get("image_id")
            known = type(image_id) is int and image_id in self.sizes
            raw = self.make.encode(annotation, None, index)
            originals.append((row_id, image_id if known else None, raw))
            if _is_of(annotation, categories.people):
                people.append(self._person(row_id, annotation, index, known))
            if len(originals) == BATCH:
                self._flush(originals, people)
        self._flush(originals, people)

    def _flush(self, originals: list[tuple[Any, ...]], people: list[tuple[Any, ...]]) -> None:
        insert_many(self.connection, "originals", "id image_id raw", originals)
        insert_many(self.connection, "people", PERSON_COLUMNS, people)
        originals.clear()
        people.clear()

    def _person(self, row_id: int, annotation: Mapping[str, Any], index: int, known: bool) -> tuple[Any, ...]:
        if not known:
            where = self.make.where("annotations", index, annotation)
            raise ProjectError(f"{where}: image_id is {annotation.get('image_id')!r}, expected the id of an image")
        annotation_id = annotation.get("id")
        if type(annotation_id) is not int or annotation_id in self.annotation_ids:
            where = self.make.where("annotations", index, annotation)
            check_id(annotation, where)
            raise ProjectError(f"{where}: the id stands twice, expected unique annotation ids")
        self.annotation_ids.add(annotation_id)
        if not -ID_LIMIT < annotation_id < ID_LIMIT - 1:
            check_id(annotation, self.make.where("annotations", index, annotation))
        image_id = annotation["image_id"]
        row = self.make.person(row_id, annotation, self.sizes[image_id])
        if not row[CROWD]:
            state = _LABELLED if row[LABELLED] else _UNLABELLED
            self.states[image_id] = min(self.states.get(image_id, state), state)
        return row


def _is_of(annotation: Mapping[str, Any], categories: Collection[int]) -> bool:
    number = annotation.get("category_id")
    return type(number) is int and number in categories
