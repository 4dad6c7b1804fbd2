"""The queue as labellers choose it: which images, in which order, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from labeltool.errors import ProjectError
from labeltool.project import marks
from labeltool.project.queue import IMAGE_COLUMNS, to_record
from labeltool.project.tables import images, people, revisions
from labeltool.project.tallies import QueueEntry, QueueList
from labeltool.project.values import FILTERS, UNFINISHED, ImageRecord

#: The orders that the queue can be worked through in. `position`: as the images came; `random`: shuffled by a seed; the others
#: by how unsure models are, the most doubtful first (`uncertainty` is all three measures in one), or by the highest open mark.
ORDERS: Final = ("position", "id", "name", "random", "uncertainty", "confidence", "disagreement", "pose", "mark")

_DOUBTS: Final = {
    "uncertainty": images.c.doubt,
    "confidence": images.c.doubt_confidence,
    "disagreement": images.c.doubt_models,
    "pose": images.c.doubt_pose,
}


class Wishes(TypedDict, total=False):
    """What `Project.queue` and its like take beside the filter: the attributes of a `Wish`."""

    order: str
    seed: int
    text: str
    mark: str
    labeller: str


@dataclass(frozen=True)
class Wish:
    """What of the queue is wanted.

    Attributes:
        which: `all`, `unfinished`, a status, or `fix` (images that need fixing): one of `FILTERS`.
        order: `position` (as they came), `id`, `name`, `random`, or the most doubtful first: by `confidence`, `disagreement`,
            `pose`, or all three (`uncertainty`; see `labeltool.project.doubting`), or by the highest open `mark`.
        seed: of the order `random`: the same seed gives the same order.
        text: only images whose file name holds it, or whose id it is; empty for all.
        mark: only images with an open mark of that `source` or `source:kind` (marks.py); empty for all.
        labeller: only images on which that person saved an edit; empty for all.
    """

    which: str = "all"
    order: str = "position"
    seed: int = 0
    text: str = ""
    mark: str = ""
    labeller: str = ""

    def __post_init__(self) -> None:
        if self.which not in FILTERS:
            raise ProjectError(f"filter {self.which!r}: unknown, expected one of {', '.join(FILTERS)}")
        if self.order not in ORDERS:
            raise ProjectError(f"order {self.order!r}: unknown, expected one of {', '.join(ORDERS)}")
        if self.mark:
            marks.chosen(self.mark)


def queue_list(connection: Connection, wish: Wish) -> QueueList:
    """Ids, statuses and fix digits of the images that are wanted, in order; see `Project.queue`."""
    query = select(images.c.id, images.c.status, images.c.fix).where(*_conditions(wish)).order_by(*_order(wish))
    # The driver's own rows: of 100,000, SQLAlchemy's take as long to make as all else here together.
    text = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    cursor = connection.connection.cursor()
    rows = cursor.execute(text).fetchall()
    cursor.close()
    if wish.order == "random":
        order = shuffled([row[0] for row in rows], wish.seed).tolist()
        rows = [rows[place] for place in order]
    return QueueList(*([row[column] for row in rows] for column in range(3)))


def count(connection: Connection, wish: Wish) -> int:
    """How many images are wanted."""
    query = select(func.count()).select_from(images).where(*_conditions(wish))
    return int(connection.execute(query).scalar_one())


def page(connection: Connection, wish: Wish, offset: int, limit: int) -> list[QueueEntry]:
    """Some of the images that are wanted, in order; see `Project.queue_page`."""
    if wish.order == "random":
        ids = connection.execute(select(images.c.id).where(*_conditions(wish)).order_by(images.c.position)).scalars()
        every = np.fromiter(ids, dtype=np.int64)
        chosen = every[shuffled(every, wish.seed)[offset : offset + limit]].tolist()
    else:
        # The inner query runs on an index alone; only the images that are shown are read.
        query = select(images.c.id).where(*_conditions(wish)).order_by(*_order(wish)).offset(offset).limit(limit)
        chosen = list(connection.execute(query).scalars())
    return entries(connection, chosen)


def entries(connection: Connection, ids: Sequence[int]) -> list[QueueEntry]:
    """The images of some ids, in the order of these."""
    columns = (
        *IMAGE_COLUMNS,
        images.c.people,
        images.c.decided,
        images.c.doubt,
        images.c.doubt_confidence,
        images.c.doubt_models,
        images.c.doubt_pose,
    )
    rows = {row.id: row for row in connection.execute(select(*columns).where(images.c.id.in_(ids)))}
    return [_entry(rows[image_id]) for image_id in ids]


def walk(connection: Connection, wish: Wish, chunk: int = 500) -> Iterator[ImageRecord]:
    """The images that are wanted, one after the other, in the order they stand in now."""
    ids = queue_list(connection, wish).ids
    for start in range(0, len(ids), chunk):
        for entry in entries(connection, ids[start : start + chunk]):
            yield entry.image


def shuffled(ids: Sequence[int] | NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    """The order in which a seed puts ids: (N,) places.

    Each id draws its own number from the seed (splitmix64; Steele, Lea and Flood 2014, figure 19), so that images added later
    leave the others in the order they were in.
    """
    with np.errstate(over="ignore"):
        state = np.asarray(ids, dtype=np.int64).astype(np.uint64)
        for salt in (np.uint64(seed % 2**64), np.uint64(0)):
            state = (state ^ salt) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return np.argsort(state, kind="stable")


def _conditions(wish: Wish) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.which == "fix":
        found.append(images.c.fix > 0)
    elif wish.which == "unfinished":
        found.append(images.c.status.in_(UNFINISHED))
    elif wish.which != "all":
        found.append(images.c.status == wish.which)
    text = wish.text.strip()
    if text:
        named: ColumnElement[bool] = images.c.file_name.contains(text, autoescape=True)
        number = text.isascii() and text.lstrip("-").isdigit() and len(text) < 19
        found.append(or_(named, images.c.id == int(text)) if number else named)
    if wish.mark:
        found.append(marks.is_marked(wish.mark))
    if wish.labeller:
        edited = select(people.c.image_id).join(revisions, revisions.c.person_id == people.c.id)
        found.append(images.c.id.in_(edited.where(revisions.c.author == wish.labeller)))
    return found


def _order(wish: Wish) -> tuple[Any, ...]:
    if wish.order in _DOUBTS:
        # Where models said nothing there is no doubt to speak of: those come last.
        return (_DOUBTS[wish.order].desc(), images.c.position)
    if wish.order == "mark":
        return (marks.highest(wish.mark).desc(), images.c.position)
    if wish.order == "id":
        return (images.c.id,)
    if wish.order == "name":
        return (images.c.file_name, images.c.position)
    return (images.c.position,)


def _entry(row: Any) -> QueueEntry:
    return QueueEntry(
        image=to_record(row),
        people=row.people,
        decided=row.decided,
        doubt=row.doubt,
        confidence=row.doubt_confidence,
        disagreement=row.doubt_models,
        pose=row.doubt_pose,
    )
