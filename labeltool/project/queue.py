"""The order of work: images by status, what comes next, where an image stands, and how far the whole is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, cast, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from labeltool.errors import ProjectError
from labeltool.project.database import now
from labeltool.project.edits import check_author, check_text
from labeltool.project.reading import AnyRow
from labeltool.project.tables import events as events_table
from labeltool.project.tables import images, people
from labeltool.project.tallies import Counts, Neighbours
from labeltool.project.values import SOURCES, STATUSES, ImageEvent, ImageRecord

#: The columns that `to_record` needs.
IMAGE_COLUMNS = (
    images.c.id,
    images.c.file_name,
    images.c.width,
    images.c.height,
    images.c.status,
    images.c.reason,
    images.c.problem,
    images.c.position,
    images.c.finding,
    images.c.fix_note,
    images.c.fix_author,
)

_ONE_IMAGE = select(*IMAGE_COLUMNS).where(images.c.id == bindparam("image_id"))

Statuses = tuple[str, ...] | None


def statuses(given: str | Collection[str] | None) -> Statuses:
    """A filter by status as a tuple without repeats, or None for all images.

    Raises:
        ProjectError: an unknown status.
    """
    if given is None:
        return None
    found = (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
    for status in found:
        if status not in STATUSES:
            raise ProjectError(f"status {status!r}: unknown, expected one of {', '.join(STATUSES)}")
    return found


def get_image(connection: Connection, image_id: int) -> ImageRecord:
    """The image of that COCO id.

    Raises:
        ProjectError: there is none.
    """
    row = connection.execute(_ONE_IMAGE, {"image_id": image_id}).one_or_none()
    if row is None:
        raise ProjectError(f"image {image_id}: no such image in the project")
    return to_record(row)


def find_image(connection: Connection, text: str) -> ImageRecord | None:
    """The image meant by an id, a file name, or the last part of one with or without suffix; the first in the queue."""
    conditions: list[ColumnElement[bool]] = [images.c.file_name == text]
    if text.isascii() and text.lstrip("-").isdigit() and len(text) < 19:
        conditions.insert(0, images.c.id == int(text))
    if text:
        last = images.c.file_name.endswith("/" + text, autoescape=True)
        stem = images.c.file_name.startswith(text + ".", autoescape=True)
        inner_stem = images.c.file_name.contains("/" + text + ".", autoescape=True)
        conditions.append(last | stem | inner_stem)
    for condition in conditions:
        row = connection.execute(select(*IMAGE_COLUMNS).where(condition).order_by(images.c.position).limit(1)).first()
        if row is not None:
            return to_record(row)
    return None


def list_images(connection: Connection, wanted: Statuses, after: int | None, limit: int | None) -> list[ImageRecord]:
    """Images in queue order; see `Project.images`."""
    query = _in_order(connection, select(*IMAGE_COLUMNS), wanted, after, limit)
    return [to_record(row) for row in connection.execute(query)]


def list_statuses(
    connection: Connection, wanted: Statuses, after: int | None, limit: int | None
) -> list[tuple[int, str]]:
    """Id and status of images in queue order; see `Project.statuses`."""
    query = _in_order(connection, select(images.c.id, images.c.status), wanted, after, limit)
    return [(row[0], row[1]) for row in connection.execute(query)]


def _in_order(
    connection: Connection, query: Select[Any], wanted: Statuses, after: int | None, limit: int | None
) -> Select[Any]:
    if limit is not None and limit < 0:
        raise ProjectError(f"limit is {limit}, expected at least 0")
    # The inner query runs on the index of the queue alone, so that only the images that are shown are read.
    inner = select(images.c.id).order_by(images.c.position).limit(limit)
    if wanted is not None:
        inner = inner.where(images.c.status.in_(wanted))
    if after is not None:
        inner = inner.where(images.c.position > get_image(connection, after).position)
    query = query.order_by(images.c.position)
    if wanted is not None or after is not None or limit is not None:
        query = query.where(images.c.id.in_(inner))
    return query


def next_image(
    connection: Connection, after: int | None, wanted: Statuses, *, backwards: bool, wrap: bool
) -> ImageRecord | None:
    """The next image that passes the filter; see `Project.next_image`."""
    start = None if after is None else get_image(connection, after).position
    found = _nearest(connection, start, wanted, backwards)
    if found is None and wrap and start is not None:
        found = _nearest(connection, None, wanted, backwards)
    return None if found is None else get_image(connection, found)


def neighbours(connection: Connection, image_id: int, wanted: Statuses) -> Neighbours:
    """The image's place in the queue under a filter; see `Project.neighbours`."""
    image = get_image(connection, image_id)
    before = _count(connection, wanted, images.c.position < image.position)
    return Neighbours(
        previous=_nearest(connection, image.position, wanted, backwards=True),
        next=_nearest(connection, image.position, wanted, backwards=False),
        position=before + 1,
        total=_count(connection, wanted),
    )


def status_counts(connection: Connection) -> dict[str, int]:
    """How many images have each status."""
    by_status = dict.fromkeys(STATUSES, 0)
    for status, count in connection.execute(select(images.c.status, func.count()).group_by(images.c.status)):
        by_status[status] = count
    return by_status


def counts(connection: Connection) -> Counts:
    """How far the work is."""
    by_status = status_counts(connection)
    problems = connection.execute(select(func.count()).where(images.c.problem.is_not(None))).scalar_one()
    totals: dict[str, int] = {}
    sums = [func.coalesce(func.sum(people.c[f"from_{source}"]), 0).label(source) for source in SOURCES]
    query = select(
        func.count().label("people"),
        func.coalesce(func.sum(cast(people.c.labelled > 0, Integer)), 0).label("labelled_people"),
        func.coalesce(func.sum(cast(people.c.from_predicted > 0, Integer)), 0).label("predicted_people"),
        func.coalesce(func.sum(people.c.labelled), 0).label("labelled"),
        func.coalesce(func.sum(people.c.hidden), 0).label("hidden"),
        *sums,
    ).where(people.c.crowd.is_(False), people.c.deleted.is_(False))
    totals.update(connection.execute(query).one()._asdict())
    crowds = select(func.count()).where(people.c.crowd.is_(True), people.c.deleted.is_(False))
    deleted = select(func.count()).where(people.c.deleted.is_(True))
    blind = select(func.count()).where(people.c.blind, people.c.deleted.is_(False))
    return Counts(
        images=sum(by_status.values()),
        by_status=by_status,
        problems=problems,
        people=totals["people"],
        labelled_people=totals["labelled_people"],
        predicted_people=totals["predicted_people"],
        crowds=connection.execute(crowds).scalar_one(),
        deleted=connection.execute(deleted).scalar_one(),
        joints=totals["labelled"],
        hidden_joints=totals["hidden"],
        by_source={source: totals[source] for source in SOURCES},
        blind=connection.execute(blind).scalar_one(),
    )


def set_status(connection: Connection, image_id: int, status: str, author: str, reason: str | None) -> ImageRecord:
    """The image with its new status; see `Project.set_status`."""
    where = f"image {image_id}"
    check_author(author, where)
    statuses(status)
    if reason == "":
        reason = None
    if reason is not None:
        check_text(reason, f"{where}: reason", "a text")
    return change_status(connection, image_id, status, author, reason)


def set_problem(connection: Connection, image_id: int, problem: str | None) -> ImageRecord:
    """The image with what is wrong with its photo; see `Project.set_problem`."""
    get_image(connection, image_id)
    if problem is not None:
        check_text(problem, f"image {image_id}: problem", "a text")
    connection.execute(update(images).where(images.c.id == image_id).values(problem=problem))
    return get_image(connection, image_id)


def change_status(
    connection: Connection, image_id: int, status: str, author: str, reason: str | None = None
) -> ImageRecord:
    """Gives an image a status and logs it; what holds already is not logged again."""
    image = get_image(connection, image_id)
    if image.status == status and image.reason == reason:
        return image
    connection.execute(update(images).where(images.c.id == image_id).values(status=status, reason=reason))
    entry = insert(events_table).values(
        image_id=image_id, at=now(), author=author, before=image.status, after=status, reason=reason
    )
    connection.execute(entry)
    return get_image(connection, image_id)


def events(connection: Connection, image_id: int) -> list[ImageEvent]:
    """The changes of an image's status, oldest first."""
    query = select(events_table).where(events_table.c.image_id == image_id).order_by(events_table.c.id)
    return [
        ImageEvent(row.image_id, row.at, row.author, row.before, row.after, row.reason)
        for row in connection.execute(query)
    ]


def _nearest(connection: Connection, start: int | None, wanted: Statuses, backwards: bool) -> int | None:
    """Id of the nearest image behind (before) a position that passes the filter."""
    position = images.c.position
    found: list[tuple[int, int]] = []
    for status in wanted if wanted is not None else (None,):  # one look into the index for every status
        query = select(position, images.c.id).order_by(position.desc() if backwards else position).limit(1)
        if status is not None:
            query = query.where(images.c.status == status)
        if start is not None:
            query = query.where(position < start if backwards else position > start)
        row = connection.execute(query).first()
        if row is not None:
            found.append((row[0], row[1]))
    if not found:
        return None
    return (max(found) if backwards else min(found))[1]


def _count(connection: Connection, wanted: Statuses, condition: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(images)
    if wanted is not None:
        query = query.where(images.c.status.in_(wanted))
    if condition is not None:
        query = query.where(condition)
    return connection.execute(query).scalar_one()


def to_record(row: AnyRow) -> ImageRecord:
    """The image of a row of `IMAGE_COLUMNS`."""
    return ImageRecord(
        id=row.id,
        file_name=row.file_name,
        width=row.width,
        height=row.height,
        status=row.status,
        reason=row.reason,
        problem=row.problem,
        position=row.position,
        finding=row.finding,
        flag=row.fix_note,
        flagged_by=row.fix_author,
    )
