"""Rows as people and their history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from labeltool.errors import ProjectError
from labeltool.project.codec import decode, decode_box, decode_joints, decode_keypoints, source_names, spread_sources
from labeltool.project.edits import State
from labeltool.project.tables import events, images, originals, people, prediction_runs, revisions
from labeltool.project.values import LabelledPerson, Person, Revision

#: Rows that a streamed query fetches at once.
CHUNK = 2000

_COLUMNS = (
    people.c.id,
    people.c.image_id,
    people.c.annotation_id,
    people.c.revision,
    people.c.box,
    people.c.keypoints,
    people.c.sources,
    people.c.crowd,
    people.c.deleted,
    people.c.area,
    people.c.area_source,
    people.c.touched,
    people.c.origin,
    people.c.blind,
)

#: A row of any columns.
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"


#: Built once: a save asks this each time, and building a statement costs more than running it.
_ONE_PERSON = select(*_COLUMNS).where(people.c.id == bindparam("person_id"))
_ALL_OF_IMAGE = select(*_COLUMNS).where(people.c.image_id == bindparam("image_id")).order_by(people.c.id)
_OF_IMAGE = _ALL_OF_IMAGE.where(people.c.deleted.is_(False))


def select_people() -> Select[Any]:
    """The columns that `to_person` needs."""
    return select(*_COLUMNS)


def to_person(row: AnyRow, names: Sequence[str]) -> Person:
    """The person of a row of `select_people`."""
    return Person(
        id=row.id,
        image_id=row.image_id,
        annotation_id=row.annotation_id,
        revision=row.revision,
        box=decode_box(row.box),
        joints=decode_joints(names, row.keypoints, row.sources),
        crowd=row.crowd,
        deleted=row.deleted,
        area=row.area,
        area_source=row.area_source,
        touched=row.touched,
        origin=row.origin,
        blind=row.blind,
    )


def state_of(person: Person) -> State:
    """The part of a person that revisions change."""
    return State(person.box, person.joints, person.deleted)


def person(connection: Connection, names: Sequence[str], person_id: int) -> Person:
    """The person of that id.

    Raises:
        ProjectError: there is none.
    """
    row = connection.execute(_ONE_PERSON, {"person_id": person_id}).one_or_none()
    if row is None:
        raise ProjectError(f"person {person_id}: no such person in the project")
    return to_person(row, names)


def people_of(connection: Connection, names: Sequence[str], image_id: int, deleted: bool) -> list[Person]:
    """The people of an image, by id.

    Raises:
        ProjectError: no such image.
    """
    query = _ALL_OF_IMAGE if deleted else _OF_IMAGE
    found = [to_person(row, names) for row in connection.execute(query, {"image_id": image_id})]
    if not found and connection.execute(select(images.c.id).where(images.c.id == image_id)).first() is None:
        raise ProjectError(f"image {image_id}: no such image in the project")
    return found


def image_sizes(connection: Connection) -> dict[int, tuple[int, int]]:
    """Width and height of every image, in pixels, by id."""
    return {
        row[0]: (row[1], row[2]) for row in connection.execute(select(images.c.id, images.c.width, images.c.height))
    }


def find_people(connection: Connection, annotation_ids: Sequence[int]) -> dict[int, int]:
    """The store's number of the people with these COCO annotation ids, by the id."""
    query = select(people.c.annotation_id, people.c.id).where(people.c.annotation_id.in_(annotation_ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def history(connection: Connection, person_id: int) -> list[Revision]:
    """The log of a person, oldest first."""
    query = select(revisions).where(revisions.c.person_id == person_id).order_by(revisions.c.number)
    return [to_revision(row) for row in connection.execute(query)]


def to_revision(row: AnyRow) -> Revision:
    """The log entry of a row of revisions."""
    return Revision(
        number=row.number,
        person_id=row.person_id,
        base=row.base,
        author=row.author,
        at=row.at,
        action=row.action,
        before=None if row.before is None else decode(row.before),
        after=decode(row.after),
        active_seconds=row.active_seconds,
        edit_id=row.edit_id,
        joints_moved=row.joints_moved,
        help=row.help,
    )


def mark(connection: Connection) -> str:
    """A text that differs whenever labels, statuses or predictions do; see `Project.mark`."""
    newest = (
        select(func.max(revisions.c.id)).scalar_subquery(),
        select(func.max(events.c.id)).scalar_subquery(),
        select(func.max(originals.c.id)).scalar_subquery(),
        select(func.max(images.c.position)).scalar_subquery(),
        select(func.max(prediction_runs.c.id)).scalar_subquery(),
        select(func.max(prediction_runs.c.at)).scalar_subquery(),
        select(func.count()).select_from(prediction_runs).scalar_subquery(),
    )
    return " ".join(map(str, connection.execute(select(*newest)).one()))


def labelled_people(connection: Connection, names: Sequence[str], only_done: bool) -> Iterator[LabelledPerson]:
    """The people with human labels, neither crowd nor deleted, in the order of image ids."""
    query = select_people().where(people.c.labelled > 0, people.c.crowd.is_(False), people.c.deleted.is_(False))
    if only_done:
        query = query.join(images, images.c.id == people.c.image_id).where(images.c.status == "done")
    query = query.order_by(people.c.image_id, people.c.id)
    for row in connection.execute(query.execution_options(yield_per=CHUNK)):
        yield LabelledPerson(
            id=row.id,
            image_id=row.image_id,
            annotation_id=row.annotation_id,
            box=decode_box(row.box),
            area=row.area,
            area_source=row.area_source,
            keypoints=label_keypoints(row.keypoints, row.sources, len(names)),
            sources=source_names(row.sources, len(names)),
            touched=row.touched,
        )


def label_keypoints(keypoints: str | None, sources: str, count: int, with_predicted: bool = False) -> list[float]:
    """The 3K numbers of the labels: a joint with v = 0, and one that is a mere prediction, is 0, 0, 0."""
    flat = decode_keypoints(keypoints, count)
    letters = spread_sources(sources, count)
    for index in range(count):
        if not flat[3 * index + 2] or (letters[index] == "p" and not with_predicted):
            flat[3 * index : 3 * index + 3] = (0, 0, 0)
    return flat
