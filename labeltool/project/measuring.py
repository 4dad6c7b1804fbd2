"""What a model's help was to each label: who had none by chance, what the labeller was served, and how much of it moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, and_, bindparam, select, update
from sqlalchemy.sql.elements import ColumnElement

from labeltool.project import tables
from labeltool.project.blind import is_chosen
from labeltool.project.codec import decode, decode_state, encode
from labeltool.project.database import get_meta
from labeltool.project.tables import models, people, prediction_runs, predictions, revisions
from labeltool.project.values import Joint, Person

#: How the author of a model's own revisions begins.
MODEL_AUTHOR = "model:"

#: How the author of what came from a file begins; like a model it is nobody who labels.
IMPORT_AUTHOR = "import:"

#: The model of predicted joints that no run of a model accounts for: people copied from another image.
UNKNOWN_MODEL = "unknown"

#: Edits that put a model's joints before the labeller, or back before them. By any other edit a joint that is still a prediction
#: has moved with the whole person.
_SERVING = frozenset({"prefill", "undo", "redo"})

#: (x, y) of each joint that had a place when it was served.
Places: TypeAlias = dict[str, tuple[float, float]]

_SERVED = select(people.c.served, people.c.served_by).where(people.c.id == bindparam("person_id"))

#: Rows that one statement may name by id.
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Account:
    """The help that stands behind a revision.

    Attributes:
        served: the places that the labeller was given: the import's, or a model's.
        served_by: the model they are of (`name@version`), or None.
        joints_moved: joints served with a place that now have another one; one without a place then or now does not count.
        help: `blind`, `prefilled` (a model's joints were served at least once), or `none`.
    """

    served: Places
    served_by: str | None
    joints_moved: int
    help: str


def account(connection: Connection, before: Person | None, after: Person, author: str, action: str) -> Account:
    """The account of the step from one revision of a person to the next.

    Args:
        connection: the store.
        before: the person as it is stored; None for a new one.
        after: the person as it will be.
        author: who makes the step; a model begins with `model:`.
        action: what they do (`prefill`, `undo`, ...).
    """
    served, served_by = ({}, None) if before is None else _served(connection, before)
    guesses = {name: (j.x, j.y) for name, j in after.joints.items() if j.source == "predicted" and j.v > 0}
    if author.startswith(MODEL_AUTHOR):
        served, served_by = guesses, author.removeprefix(MODEL_AUTHOR) if guesses else None
    elif (before is None or action in _SERVING) and any(served.get(name) != place for name, place in guesses.items()):
        served, served_by = served | guesses, _last_model(connection, after)
    moved = sum(
        joint.v > 0 and name in served and served[name] != (joint.x, joint.y) for name, joint in after.joints.items()
    )
    helped = "blind" if after.blind else "none" if served_by is None else "prefilled"
    return Account(served, served_by, moved, helped)


def is_human(author: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a revision is neither a model's nor an import's."""
    return and_(author.not_like(f"{MODEL_AUTHOR}%"), author.not_like(f"{IMPORT_AUTHOR}%"))


def by_humans(connection: Connection, person_ids: Sequence[int]) -> set[int]:
    """Those of some people who have a revision by a human."""
    found: set[int] = set()
    for start in range(0, len(person_ids), _AT_A_TIME):
        some = revisions.c.person_id.in_(person_ids[start : start + _AT_A_TIME])
        query = select(revisions.c.person_id).where(some, is_human(revisions.c.author)).distinct()
        found.update(connection.execute(query).scalars())
    return found


def encode_places(served: Places, names: Sequence[str]) -> str:
    """The column `served`: x, y of each joint, or null twice."""
    return encode([value for name in names for value in served.get(name, (None, None))])


def chosen(connection: Connection, image_id: int, annotation_id: int) -> bool:
    """Whether chance has a new person labelled blind."""
    share = get_meta(connection, tables.META_BLIND_SHARE)
    return bool(share) and is_chosen(get_meta(connection, tables.META_BLIND_KEY), share, image_id, annotation_id)


def settled_share(connection: Connection) -> float | None:
    """The share of people that the store has chosen by; None before it has."""
    share: float | None = get_meta(connection, tables.META_BLIND_SHARE)
    return share


def settle(connection: Connection, share: float) -> None:
    """Chooses by a new share among the people whom neither a model nor a human has spoken about; the others stay what they are.

    Whoever was labelled blind stays so, and whoever was served a model's joints cannot become blind any more. The caller holds
    the write lock.
    """
    key = get_meta(connection, tables.META_BLIND_KEY)
    open_still = (
        people.c.crowd.is_(False),
        people.c.touched.is_(False),
        people.c.labelled == 0,
        people.c.from_removed == 0,
        people.c.from_predicted == 0,
    )
    query = select(people.c.id, people.c.image_id, people.c.annotation_id, people.c.blind).where(*open_still)
    wrong: dict[bool, list[int]] = {True: [], False: []}
    for row in connection.execute(query):
        blind = is_chosen(key, share, row.image_id, row.annotation_id)
        if blind != row.blind:
            wrong[blind].append(row.id)
    for blind, ids in wrong.items():
        for start in range(0, len(ids), _AT_A_TIME):
            some = people.c.id.in_(ids[start : start + _AT_A_TIME])
            connection.execute(update(people).where(some).values(blind=blind))
    connection.execute(
        update(tables.meta).where(tables.meta.c.key == tables.META_BLIND_SHARE).values(value=encode(share))
    )


def _served(connection: Connection, person: Person) -> tuple[Places, str | None]:
    row = connection.execute(_SERVED, {"person_id": person.id}).one()
    if row.served is not None:
        flat = decode(row.served)
        pairs = zip(person.joints, flat[::2], flat[1::2], strict=True)
        return {name: (x, y) for name, x, y in pairs if x is not None}, row.served_by
    return _places(person.joints) if person.revision == 0 else _from_log(connection, person)


def _from_log(connection: Connection, person: Person) -> tuple[Places, str | None]:
    """What was served to a person whose log began under schema version 1: the import, or what a model filled last."""
    query = select(revisions.c.author, revisions.c.before, revisions.c.after)
    served: Places = {}
    served_by = None
    for number, row in enumerate(
        connection.execute(query.where(revisions.c.person_id == person.id).order_by(revisions.c.number))
    ):
        if number == 0 and row.before is not None:
            served, _ = _places(decode_state(decode(row.before), list(person.joints)).joints)
        if row.author.startswith(MODEL_AUTHOR):
            served, _ = _places(decode_state(decode(row.after), list(person.joints)).joints)
            served_by = row.author.removeprefix(MODEL_AUTHOR)
    return served, served_by


def _places(joints: Mapping[str, Joint]) -> tuple[Places, None]:
    return {name: (joint.x, joint.y) for name, joint in joints.items() if joint.v > 0}, None


def _last_model(connection: Connection, person: Person) -> str:
    """The model that spoke about a person last."""
    query = (
        select(models.c.name, models.c.version)
        .join(prediction_runs, prediction_runs.c.model_id == models.c.id)
        .join(predictions, predictions.c.run_id == prediction_runs.c.id)
        .where(prediction_runs.c.image_id == person.image_id, predictions.c.person_id == person.id)
        .order_by(predictions.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return UNKNOWN_MODEL if row is None else f"{row.name}@{row.version}"
