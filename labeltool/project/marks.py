"""Marks: images and people that somebody or something wants looked at, with a reason and a score.

A mark says where (an image, or a person of it), who says so (its `source`: `suspects`, `fiftyone`, `audit`, ...), what (its
`kind`, such as a suspect's or a tag) and how much it matters (its `score`, the highest first). The queue can be narrowed to
marks and put in their order. A source's marks are replaced as a whole:

    with Project.open(path) as project:
        project.put_marks("fiftyone", [Mark("blurry", image_id=7), Mark("wrong", image_id=7, person_id=12, score=0.8)], "anna")
        project.mark_counts()                      # what is open, by source and kind
        project.queue(mark="fiftyone:wrong", order="mark")
        project.marks(image_id=7)                  # the open ones of an image
        project.settle_marks([3], "ben")           # looked at: it is right

A mark is open until somebody looks at it: `right` says that the labels are as they should be, `edited` that the person was
changed (a save of that person says so by itself). What was called right stays so when the source marks it again, as long as that
person's labels have not changed since; what was edited is open again when the source still finds it.

Marks are no labels: they change no person, no status and no export, and deleting them all loses nothing but the list.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from labeltool.errors import ProjectError
from labeltool.project.database import now
from labeltool.project.edits import check_author, check_number, check_text
from labeltool.project.tables import images, marks, people

#: The longest source and kind.
LONGEST = 100

#: How a mark may end.
OUTCOMES = ("right", "edited")

# Built once: it runs at every save.
_EDITED = (
    update(marks)
    .where(marks.c.person_id == bindparam("person"), marks.c.outcome.is_(None))
    .values(outcome="edited", outcome_by=bindparam("by"), outcome_at=bindparam("time"))
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One image or person to look at.

    Attributes:
        kind: what it is: a short name by which marks are counted and chosen.
        image_id: the image.
        person_id: the person, or None for the image as a whole.
        score: how much it matters; the highest come first.
        note: why, in a few words for the labeller; None: the kind says all.
        joints: names of the joints it is about.
        source: who says so; set by the store.
        id: the store's number; 0 before it is stored.
        author: who had it stored.
        at: when, UTC.
        outcome: None while it is open, else one of `OUTCOMES`.
        outcome_by: who decided.
    """

    kind: str
    image_id: int
    person_id: int | None = None
    score: float = 0.0
    note: str | None = None
    joints: tuple[str, ...] = ()
    source: str = ""
    id: int = 0
    author: str = ""
    at: str = ""
    outcome: str | None = None
    outcome_by: str | None = None


@dataclass(frozen=True, slots=True)
class MarkCount:
    """How many marks of a kind there are.

    Attributes:
        source: who says so.
        kind: what.
        open: marks that wait.
        images: images with one that waits.
        right: marks that were looked at and called right.
        edited: marks whose person was changed.
    """

    source: str
    kind: str
    open: int
    images: int
    right: int
    edited: int

    @property
    def name(self) -> str:
        """What `Project.queue(mark=...)` takes: `source:kind`."""
        return f"{self.source}:{self.kind}"


def replace_source(
    connection: Connection, names: Sequence[str], source: str, given: Iterable[Mark], author: str
) -> int:
    """Replaces all marks of a source; how many are open then. See `Project.put_marks`. The caller holds the write lock."""
    _check_name(source, "source")
    if ":" in source:
        raise ProjectError(f"source {source!r}: has a colon, expected a name without one")
    check_author(author, f"marks of {source!r}")
    rows = [_row(names, n, mark) for n, mark in enumerate(given)]
    _check_places(connection, rows)
    decided = _decided_right(connection, source)
    connection.execute(delete(marks).where(marks.c.source == source))
    at = now()
    stored = [{**row, **decided.get(_key(row), _OPEN), "source": source, "author": author, "at": at} for row in rows]
    if stored:
        connection.execute(insert(marks), stored)
    return sum(row["outcome"] is None for row in stored)


def settle(connection: Connection, ids: Collection[int], author: str, *, reopen: bool) -> list[Mark]:
    """Calls marks right, or opens them again; see `Project.settle_marks`. The caller holds the write lock."""
    check_author(author, "marks")
    found = _read(connection, marks.c.id.in_(list(ids)))
    missing = set(ids) - {mark.id for mark in found}
    if missing:
        raise ProjectError(f"mark {min(missing)}: no such mark in the project")
    revision = select(people.c.revision).where(people.c.id == marks.c.person_id).scalar_subquery()
    right = {"outcome": "right", "outcome_by": author, "outcome_at": now(), "outcome_revision": revision}
    connection.execute(update(marks).where(marks.c.id.in_(list(ids))).values(**(_OPEN if reopen else right)))
    return _read(connection, marks.c.id.in_(list(ids)))


def note_edit(connection: Connection, person_id: int, author: str) -> None:
    """Settles the open marks of a person whose labels were changed. The caller holds the write lock."""
    connection.execute(_EDITED, {"person": person_id, "by": author, "time": now()})


def find(
    connection: Connection, image_id: int | None = None, source: str | None = None, *, settled: bool = False
) -> list[Mark]:
    """Marks, the highest score first; see `Project.marks`."""
    where: list[ColumnElement[bool]] = [] if settled else [marks.c.outcome.is_(None)]
    if image_id is not None:
        where.append(marks.c.image_id == image_id)
    if source is not None:
        where.append(marks.c.source == source)
    return _read(connection, and_(true(), *where))


def counts(connection: Connection) -> list[MarkCount]:
    """How many marks there are of each source and kind, in the order of their names."""
    waiting = marks.c.outcome.is_(None)
    query = (
        select(
            marks.c.source,
            marks.c.kind,
            func.sum(waiting),
            func.count(marks.c.image_id.distinct()).filter(waiting),
            func.count().filter(marks.c.outcome == "right"),
            func.count().filter(marks.c.outcome == "edited"),
        )
        .group_by(marks.c.source, marks.c.kind)
        .order_by(marks.c.source, marks.c.kind)
    )
    return [MarkCount(*row) for row in connection.execute(query)]


def chosen(text: str) -> tuple[str, str | None]:
    """Source and kind that a choice of the queue means: `suspects` or `suspects:limb`.

    Raises:
        ProjectError: no source.
    """
    source, colon, kind = text.partition(":")
    if not source or (colon and not kind):
        raise ProjectError(f"mark {text!r}: expected a source, or source:kind")
    return source, kind if colon else None


def is_marked(text: str) -> ColumnElement[bool]:
    """The condition that an image has an open mark of a choice."""
    return images.c.id.in_(select(marks.c.image_id).where(*_of_choice(text)))


def highest(text: str) -> Any:
    """The highest score of an image's open marks of a choice, or of any where it is empty; NULL without one."""
    query = select(func.max(marks.c.score)).where(marks.c.image_id == images.c.id)
    return query.where(*(_of_choice(text) if text else [marks.c.outcome.is_(None)])).scalar_subquery()


_OPEN: dict[str, Any] = {"outcome": None, "outcome_by": None, "outcome_at": None, "outcome_revision": None}


def _of_choice(text: str) -> list[ColumnElement[bool]]:
    source, kind = chosen(text)
    found = [marks.c.outcome.is_(None), marks.c.source == source]
    return found if kind is None else [*found, marks.c.kind == kind]


def _row(names: Sequence[str], number: int, mark: Mark) -> dict[str, Any]:
    where = f"marks[{number}]"
    _check_name(mark.kind, f"{where}: kind")
    score = check_number(mark.score, f"{where}: score")
    if mark.note is not None:
        check_text(mark.note, f"{where}: note", "a text or None")
    for joint in mark.joints:
        if joint not in names:
            raise ProjectError(f"{where}: joint {joint!r} is unknown, expected one of {', '.join(names)}")
    return {
        "kind": mark.kind,
        "image_id": mark.image_id,
        "person_id": mark.person_id,
        "joints": json.dumps(list(mark.joints)),
        "score": score,
        "note": mark.note,
    }


def _check_name(name: str, where: str) -> None:
    check_text(name, where, "a short name")
    if len(name) > LONGEST:
        raise ProjectError(f"{where} has {len(name)} signs, expected at most {LONGEST}")


def _check_places(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Checks that every image is there, and every person on it."""
    if not rows:
        return
    known = set(connection.execute(select(images.c.id)).scalars())
    home: dict[int, int] = {}
    if any(row["person_id"] is not None for row in rows):
        home = {row[0]: row[1] for row in connection.execute(select(people.c.id, people.c.image_id))}
    for n, row in enumerate(rows):
        image_id, person_id = row["image_id"], row["person_id"]
        if image_id not in known:
            raise ProjectError(f"marks[{n}]: image {image_id}: no such image in the project")
        if person_id is not None and home.get(person_id) != image_id:
            raise ProjectError(f"marks[{n}]: person {person_id}: no such person on image {image_id}")


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("kind", "image_id", "person_id", "joints"))


def _decided_right(connection: Connection, source: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The marks of a source that were called right, whose person has not changed since: their outcome by what they mark."""
    unchanged = marks.c.outcome_revision.is_not_distinct_from(people.c.revision)
    query = (
        select(marks)
        .outerjoin(people, people.c.id == marks.c.person_id)
        .where(marks.c.source == source, marks.c.outcome == "right", unchanged)
    )
    rows = [row._asdict() for row in connection.execute(query)]
    return {_key(row): {name: row[name] for name in _OPEN} for row in rows}


def _read(connection: Connection, condition: ColumnElement[bool]) -> list[Mark]:
    query = select(marks).where(condition).order_by(marks.c.score.desc(), marks.c.id)
    return [_mark(row) for row in connection.execute(query)]


def _mark(row: Any) -> Mark:
    return Mark(
        kind=row.kind,
        image_id=row.image_id,
        person_id=row.person_id,
        score=row.score,
        note=row.note,
        joints=tuple(json.loads(row.joints)),
        source=row.source,
        id=row.id,
        author=row.author,
        at=row.at,
        outcome=row.outcome,
        outcome_by=row.outcome_by,
    )
