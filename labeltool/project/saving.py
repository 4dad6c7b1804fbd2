"""Saving: a labeller's edit becomes the person's next revision, or is refused with both versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from labeltool.errors import ProjectError
from labeltool.project import measuring, tables
from labeltool.project.codec import (
    decode,
    decode_state,
    encode,
    encode_box,
    encode_joints,
    encode_state,
    tally,
)
from labeltool.project.database import get_meta, now
from labeltool.project.derived import area_of
from labeltool.project.edits import Edit, State, check_edit, empty_joints, next_state
from labeltool.project.queue import change_status, get_image
from labeltool.project.reading import person as read_person
from labeltool.project.reading import state_of, to_revision
from labeltool.project.tables import images, originals, people, revisions
from labeltool.project.values import Joint, Person, Revision, StaleRevision

__all__ = ["Edit", "add_person", "save"]

# Built once: these run at every save, and building a statement costs more than running it.
_BY_EDIT = select(revisions).where(revisions.c.edit_id == bindparam("wanted"))
_CHANGE = update(people).where(people.c.id == bindparam("person_id"))
_LOG = insert(revisions)


def save(connection: Connection, names: Sequence[str], person_id: int, base: int, edit: Edit) -> Person:
    """The person after an edit; see `Project.save`. The caller holds the write lock."""
    where = f"person {person_id}"
    edit = check_edit(edit, names, where)
    earlier = _revision_of_edit(connection, edit.edit_id)
    current = read_person(connection, names, person_id)
    if earlier is not None:
        if earlier.person_id != person_id:
            raise ProjectError(
                f"{where}: edit id {edit.edit_id!r} was used for person {earlier.person_id}, expected a new one"
            )
        return _person_at(connection, names, current, earlier)
    if current.crowd:
        raise ProjectError(f"{where}: a crowd region, which is locked, expected a single person")
    if type(base) is not int:
        raise ProjectError(f"{where}: base is {base!r}, expected the revision that the edit started from")
    if base != current.revision:
        offered = _offered(connection, names, current, base, edit)
        message = f"{where}: based on revision {base}, which is stale; the person is at revision {current.revision}"
        raise StaleRevision(message, current, offered)
    _check_blind(current, edit, where)
    if current.deleted and edit.deleted is None:
        raise ProjectError(f"{where}: deleted, expected a restore before other edits")
    state = next_state(state_of(current), edit)
    person = write_revision(connection, current, state, edit, touched=True)
    if get_image(connection, person.image_id).status in ("unlabelled", "prefilled", "skipped"):
        change_status(connection, person.image_id, "in_progress", edit.author)
    return person


def add_person(connection: Connection, names: Sequence[str], image_id: int, edit: Edit) -> Person:
    """A new person drawn by a labeller; see `Project.add_person`. The caller holds the write lock."""
    where = f"new person on image {image_id}"
    edit = check_edit(edit, names, where)
    if edit.box is None:
        raise ProjectError(f"{where}: no box, expected [x, y, w, h]")
    earlier = _revision_of_edit(connection, edit.edit_id)
    if earlier is not None:
        person = read_person(connection, names, earlier.person_id)
        if person.image_id != image_id or earlier.before is not None:
            raise ProjectError(f"{where}: edit id {edit.edit_id!r} was used for another edit, expected a new one")
        return _person_at(connection, names, person, earlier)
    state = next_state(State(None, empty_joints(names, "added"), False), edit)
    person = insert_person(connection, image_id, state, edit, origin="human")
    if get_image(connection, image_id).status in ("unlabelled", "prefilled", "skipped"):
        change_status(connection, image_id, "in_progress", edit.author)
    return person


def has_edit(connection: Connection, edit_id: str) -> bool:
    """Whether an edit of this id is in the log."""
    return _revision_of_edit(connection, edit_id) is not None


def write_revision(connection: Connection, current: Person, state: State, edit: Edit, *, touched: bool) -> Person:
    """Makes `state` the person's next revision and logs it."""
    area, source = current.area, current.area_source
    if state.box != current.box:
        area, source = _area(connection, current.id, current.image_id, state)
    person = replace(
        current,
        revision=current.revision + 1,
        box=state.box,
        joints=state.joints,
        deleted=state.deleted,
        area=area,
        area_source=source,
        touched=current.touched or touched,
    )
    found = measuring.account(connection, current, person, edit.author, edit.action)
    columns = {**_columns(person), **_served(person, found)}
    connection.execute(_CHANGE, {"person_id": person.id, **columns})
    _log(connection, person, state_of(current), edit, found)
    return person


def insert_person(connection: Connection, image_id: int, state: State, edit: Edit, *, origin: str) -> Person:
    """Adds a person at revision 1, with an annotation id above every other, and logs it.

    Chance decides whether it is labelled blind. One that a model proposes then begins with its box alone; one that a labeller
    brings with joints (a copy) is not blind.
    """
    image = get_image(connection, image_id)
    annotation_id = get_meta(connection, tables.META_NEXT_ANNOTATION)
    query = update(tables.meta).where(tables.meta.c.key == tables.META_NEXT_ANNOTATION)
    connection.execute(query.values(value=encode(annotation_id + 1)))
    highest = [connection.execute(select(func.max(table.c.id))).scalar_one() for table in (originals, people)]
    area, source = area_of({}, state.box, image.width, image.height)
    blind = measuring.chosen(connection, image_id, annotation_id)
    if origin == "model" and blind:
        state = replace(state, joints=empty_joints(list(state.joints), "added"))
    person = Person(
        id=max(value or 0 for value in highest) + 1,
        image_id=image_id,
        annotation_id=annotation_id,
        revision=1,
        box=state.box,
        joints=state.joints,
        crowd=False,
        deleted=state.deleted,
        area=area,
        area_source=source,
        touched=origin == "human",
        origin=origin,
        blind=blind and not any(joint.v > 0 for joint in state.joints.values()),
    )
    fixed = {
        "id": person.id,
        "image_id": image_id,
        "annotation_id": annotation_id,
        "crowd": False,
        "origin": origin,
        "blind": person.blind,
    }
    found = measuring.account(connection, None, person, edit.author, edit.action)
    connection.execute(insert(people).values({**fixed, **_columns(person), **_served(person, found)}))
    _log(connection, person, None, edit, found)
    return person


def _columns(person: Person) -> dict[str, Any]:
    keypoints, sources = encode_joints(person.joints)
    return {
        "revision": person.revision,
        "box": encode_box(person.box),
        "keypoints": keypoints,
        "sources": sources,
        "deleted": person.deleted,
        "area": person.area,
        "area_source": person.area_source,
        "touched": person.touched,
        **tally(person.joints),
    }


def _served(person: Person, found: measuring.Account) -> dict[str, Any]:
    return {"served": measuring.encode_places(found.served, list(person.joints)), "served_by": found.served_by}


def _check_blind(person: Person, edit: Edit, where: str) -> None:
    """Refuses a model's joints for somebody who is labelled without them."""
    for name, joint in (edit.joints or {}).items():
        if person.blind and isinstance(joint, Joint) and joint.v > 0 and joint.source in ("predicted", "accepted"):
            raise ProjectError(
                f"{where}: joint {name!r} is {joint.source}, and the person is labelled blind, expected joints by hand"
            )


def _log(connection: Connection, person: Person, before: State | None, edit: Edit, found: measuring.Account) -> None:
    entry = {
        "person_id": person.id,
        "number": person.revision,
        "base": person.revision - 1,
        "author": edit.author,
        "at": now(),
        "action": edit.action,
        "before": None if before is None else encode_state(before),
        "after": encode_state(state_of(person)),
        "active_seconds": edit.active_seconds,
        "edit_id": edit.edit_id or None,
        "joints_moved": found.joints_moved,
        "help": found.help,
    }
    connection.execute(_LOG, entry)


def _revision_of_edit(connection: Connection, edit_id: str) -> Revision | None:
    row = connection.execute(_BY_EDIT, {"wanted": edit_id}).one_or_none()
    return None if row is None else to_revision(row)


def _person_at(connection: Connection, names: Sequence[str], current: Person, revision: Revision) -> Person:
    """The person as a revision left it."""
    if current.revision == revision.number:
        return current
    return _with_state(connection, current, decode_state(revision.after, names), revision.number)


def _offered(connection: Connection, names: Sequence[str], current: Person, base: int, edit: Edit) -> Person:
    """What a stale save would have made of the revision it started from (of the current one when there is no such)."""
    number, key = (1, revisions.c.before) if base == 0 else (base, revisions.c.after)
    query = select(key).where(revisions.c.person_id == current.id, revisions.c.number == number)
    text = connection.execute(query).scalar_one_or_none()
    state = state_of(current) if text is None else decode_state(decode(text), names)
    return _with_state(connection, current, next_state(state, edit), base)


def _with_state(connection: Connection, person: Person, state: State, number: int) -> Person:
    area, source = _area(connection, person.id, person.image_id, state)
    return replace(
        person,
        revision=number,
        box=state.box,
        joints=state.joints,
        deleted=state.deleted,
        area=area,
        area_source=source,
    )


def _area(connection: Connection, person_id: int, image_id: int, state: State) -> tuple[float | None, str]:
    text = connection.execute(select(originals.c.raw).where(originals.c.id == person_id)).scalar_one_or_none()
    query = select(images.c.width, images.c.height).where(images.c.id == image_id)
    width, height = connection.execute(query).one()
    return area_of({} if text is None else decode(text), state.box, width, height)
