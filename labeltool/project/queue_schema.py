"""What the queue keeps beside each image: counters, what needs fixing, doubts; and the way to it from older databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

#: The digit that an image has in the column `fix`: 1 its photo cannot be shown, 2 its labels have an error, 4 it was flagged.
FIX = "(problem IS NOT NULL) + 2 * (finding IS NOT NULL) + 4 * (fix_note IS NOT NULL)"

_LIVE = "(NOT {row}.crowd AND NOT {row}.deleted)"
_DECIDED = "({row}.labelled + {row}.from_removed)"

#: Kept by the database itself, so that the counters hold whoever writes a person.
_ADDED = "INSERT ON people"
_COUNTERS = {
    _ADDED: ("NEW", None),
    "UPDATE OF crowd, deleted, labelled, from_removed ON people": ("NEW", "OLD"),
    "DELETE ON people": (None, "OLD"),
}

_COLUMNS = (
    "people INTEGER NOT NULL DEFAULT 0",
    "decided INTEGER NOT NULL DEFAULT 0",
    "finding TEXT",
    "fix_note TEXT",
    "fix_author TEXT",
    f"fix INTEGER GENERATED ALWAYS AS ({FIX}) VIRTUAL",
    "doubt FLOAT",
    "doubt_confidence FLOAT",
    "doubt_models FLOAT",
    "doubt_pose FLOAT",
)

_FLAGS = """
CREATE TABLE flags (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	author TEXT NOT NULL, 
	note TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(image_id) REFERENCES images (id)
)
"""

_INDEXES = (
    "CREATE INDEX ix_flags_image_id ON flags (image_id)",
    "CREATE INDEX images_fix ON images (fix, position)",
    "CREATE INDEX images_doubt ON images (doubt, position)",
    "CREATE INDEX images_progress ON images (status, people, decided)",
    "CREATE INDEX people_totals ON people (crowd, deleted, labelled, hidden, from_imported, from_predicted, from_accepted, "
    "from_moved, from_added, from_removed, blind)",
    "CREATE INDEX revisions_pace ON revisions (author, id, person_id, active_seconds)",
)


def create_counters(connection: Connection) -> None:
    """Makes the triggers that keep `images.people` and `images.decided`, and forget doubts about whoever turns blind."""
    for event in _COUNTERS:
        _create_counter(connection, event)
    # The order of the queue must not tell what a model said about somebody who is labelled without its help.
    connection.exec_driver_sql(
        "CREATE TRIGGER people_turned_blind AFTER UPDATE OF blind ON people WHEN NEW.blind AND NOT OLD.blind BEGIN UPDATE images "
        "SET doubt = NULL, doubt_confidence = NULL, doubt_models = NULL, doubt_pose = NULL WHERE id = NEW.image_id; END"
    )


@contextmanager
def counted_at_once(connection: Connection, image_ids: Collection[int]) -> Iterator[None]:
    """Counts the people that the block adds to these images when it ends, not one by one; part of the caller's transaction."""
    connection.exec_driver_sql(f"DROP TRIGGER {_name(_ADDED)}")
    yield
    _create_counter(connection, _ADDED)
    recount(connection, image_ids)


def recount(connection: Connection, image_ids: Collection[int] | None = None) -> None:
    """Sets the counters of all images, or of these, anew: after people were added that the database did not count."""
    live = _LIVE.format(row="people")
    some = "" if image_ids is None else "WHERE image_id IN (SELECT value FROM json_each(?)) "
    connection.exec_driver_sql(
        "UPDATE images SET people = found.people, decided = found.decided FROM "
        f"(SELECT image_id, sum({live}) AS people, sum({live} * {_DECIDED.format(row='people')}) AS decided "
        f"FROM people {some}GROUP BY image_id) AS found WHERE images.id = found.image_id",
        () if image_ids is None else (json.dumps(list(image_ids)),),
    )


def _create_counter(connection: Connection, event: str) -> None:
    new, old = _COUNTERS[event]
    people, decided = [], []
    for row, sign in ((new, "+"), (old, "-")):
        if row is not None:
            live = _LIVE.format(row=row)
            people.append(f"{sign} {live}")
            decided.append(f"{sign} {live} * {_DECIDED.format(row=row)}")
    connection.exec_driver_sql(
        f"CREATE TRIGGER {_name(event)} AFTER {event} BEGIN UPDATE images SET "
        f"people = people {' '.join(people)}, decided = decided {' '.join(decided)} "
        f"WHERE id = {new or old}.image_id; END"
    )


def _name(event: str) -> str:
    return f"people_counted_{list(_COUNTERS).index(event)}"


def add_queue(connection: Connection) -> None:
    """The step of the schema that brings the queue's columns, its log of flags, indexes and counters."""
    for column in _COLUMNS:
        connection.exec_driver_sql(f"ALTER TABLE images ADD COLUMN {column}")
    connection.exec_driver_sql(_FLAGS)
    for index in _INDEXES:
        connection.exec_driver_sql(index)
    for verb in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER flags_no_{verb.lower()} BEFORE {verb} ON flags "
            "BEGIN SELECT RAISE(ABORT, 'flags is append-only'); END"
        )
    create_counters(connection)
    recount(connection)
