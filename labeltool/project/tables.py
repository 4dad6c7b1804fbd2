"""The schema of labels.db: tables, triggers, versions and the way from one version to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from labeltool.errors import ProjectError
from labeltool.project.blind import new_key
from labeltool.project.marks_schema import add_marks
from labeltool.project.queue_schema import FIX, add_queue, create_counters
from labeltool.project.snapshots_schema import add_snapshots

METADATA = MetaData()

#: Facts about the project, each a JSON text: see the `META_` names.
meta = Table(
    "meta",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

#: The imported document without its images and annotations, which are null; the key order is the file's.
META_HEAD = "head"
#: The names of the joints, in the order of every column that holds joints.
META_JOINTS = "joints"
#: `{"id", "patch"}`: the category of new people, and how `categories` must change once there are any.
META_CATEGORY = "category"
#: The COCO annotation id of the next new person.
META_NEXT_ANNOTATION = "next_annotation_id"
#: The key of the hash that chooses who is labelled blind (blind.py), hexadecimal.
META_BLIND_KEY = "blind_key"
#: The share of people that was chosen by last; null: nobody was chosen yet (measuring.settle).
META_BLIND_SHARE = "blind_share"

#: `id` is the COCO image id, `raw` the image's JSON as it came. `people` counts those neither crowd nor deleted, `decided` their
#: joints with a human's word (triggers keep both). `finding` is the error in its labels, `fix_note` what a reviewer wrote, `fix`
#: a digit of what there is to fix, `doubt` and its parts are how unsure models are (doubting.py).
images = Table(
    "images",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("position", Integer, nullable=False, unique=True),
    Column("file_name", Text, nullable=False, index=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("problem", Text),
    Column("raw", Text, nullable=False),
    Column("people", Integer, nullable=False, server_default="0"),
    Column("decided", Integer, nullable=False, server_default="0"),
    Column("finding", Text),
    Column("fix_note", Text),
    Column("fix_author", Text),
    Column("fix", Integer, Computed(FIX, persisted=False)),
    Column("doubt", Float),
    Column("doubt_confidence", Float),
    Column("doubt_models", Float),
    Column("doubt_pose", Float),
    Index("images_queue", "status", "position"),
    Index("images_fix", "fix", "position"),
    Index("images_doubt", "doubt", "position"),
    Index("images_progress", "status", "people", "decided"),
)

#: Every annotation of the imported document, of all categories, in file order, as its JSON came; never changed.
originals = Table(
    "originals",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("image_id", Integer),
    Column("raw", Text, nullable=False),
)

#: The people as they are now. An imported person has the id of its original; the ids of new people are higher.
people = Table(
    "people",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id"), nullable=False),
    Column("annotation_id", Integer, nullable=False, unique=True),
    Column("origin", Text, nullable=False),
    Column("crowd", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("touched", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("box", Text),
    Column("keypoints", Text),
    Column("sources", Text, nullable=False),
    Column("area", Float),
    Column("area_source", Text, nullable=False),
    # Counters that follow from the joints (codec.tally), so that progress is a sum and no scan of JSON.
    Column("labelled", Integer, nullable=False),
    Column("hidden", Integer, nullable=False),
    Column("from_imported", Integer, nullable=False),
    Column("from_predicted", Integer, nullable=False),
    Column("from_accepted", Integer, nullable=False),
    Column("from_moved", Integer, nullable=False),
    Column("from_added", Integer, nullable=False),
    Column("from_removed", Integer, nullable=False),
    # Labelled without a model's help (blind.py); false for whoever came with labels, and once a model's joints were served.
    Column("blind", Boolean, nullable=False, server_default=text("0")),
    # The places that the labeller was served, as flat JSON of K times x, y or null, null: the import's, or those of the model
    # `served_by` (name@version). NULL until the first save or fill needs it.
    Column("served", Text),
    Column("served_by", Text),
    Index("people_image", "image_id"),
    Index("people_blind", "image_id", sqlite_where=text("blind = 1")),
    # The counters without the JSON beside them: all of a large project's people are summed in milliseconds.
    Index(
        "people_totals",
        "crowd",
        "deleted",
        "labelled",
        "hidden",
        "from_imported",
        "from_predicted",
        "from_accepted",
        "from_moved",
        "from_added",
        "from_removed",
        "blind",
    ),
)

#: The log of people; append-only. `before` and `after` are states by joint name (codec.encode_state).
revisions = Table(
    "revisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("base", Integer, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("active_seconds", Float, nullable=False),
    Column("edit_id", Text, unique=True),
    # What help cost and gave (measuring.py); NULL in entries of schema version 1.
    Column("joints_moved", Integer),
    Column("help", Text),
    Unique("person_id", "number"),
    Index("revisions_pace", "author", "id", "person_id", "active_seconds"),
)

#: The log of image statuses; append-only.
events = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text),
)

#: The log of what reviewers want fixed; append-only. `note` is NULL where the flag was taken away.
flags = Table(
    "flags",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text),
)

models = Table(
    "models",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("weights_hash", Text, nullable=False),
    Unique("name", "version", "weights_hash"),
)

#: That a model was run on an image, also when it found nobody. Partial: it was asked about some of its people only.
prediction_runs = Table(
    "prediction_runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("image_id", ForeignKey("images.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("partial", Boolean, nullable=False, server_default=text("0")),
    Unique("model_id", "image_id"),
)

predictions = Table(
    "predictions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("prediction_runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("person_id", ForeignKey("people.id")),
    Column("box", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("joints", Text, nullable=False),
)

#: What somebody or something wants looked at (marks.py). `joints` is a JSON list of names; `outcome` is NULL while it is open.
marks = Table(
    "marks",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("image_id", ForeignKey("images.id"), nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("joints", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("note", Text),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("outcome", Text),
    Column("outcome_by", Text),
    Column("outcome_at", Text),
    Column("outcome_revision", Integer),
    Index("marks_image", "image_id"),
    Index("marks_open", "source", "kind", "image_id", "score", sqlite_where=text("outcome IS NULL")),
    Index("marks_person", "person_id", sqlite_where=text("outcome IS NULL")),
)

#: The exports that were recorded by their hash (snapshots.py); append-only.
snapshots = Table(
    "snapshots",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("note", Text),
    Column("only_done", Boolean, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("images", Integer, nullable=False),
    Column("annotations", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("joints", Integer, nullable=False),
)

_APPEND_ONLY = (revisions, events, originals, flags, snapshots)

#: Marks the file as a labeltool database ("lblt").
APPLICATION_ID = 0x6C626C74


def _measured_help(connection: Connection) -> None:
    """1 to 2: who is labelled blind, what help each revision had, runs on a part of an image."""
    for column in (
        "people ADD COLUMN blind BOOLEAN DEFAULT 0 NOT NULL",
        "people ADD COLUMN served TEXT",
        "people ADD COLUMN served_by TEXT",
        "revisions ADD COLUMN joints_moved INTEGER",
        "revisions ADD COLUMN help TEXT",
        "prediction_runs ADD COLUMN partial BOOLEAN DEFAULT 0 NOT NULL",
    ):
        connection.exec_driver_sql(f"ALTER TABLE {column}")
    connection.exec_driver_sql("CREATE INDEX people_blind ON people (image_id) WHERE blind = 1")
    facts = {META_BLIND_KEY: json.dumps(new_key()), META_BLIND_SHARE: "null"}
    connection.execute(insert(meta), [{"key": key, "value": value} for key, value in facts.items()])


#: `MIGRATIONS[n]` leads from schema version n + 1 to n + 2, inside the transaction that also records the new version.
MIGRATIONS: Sequence[Callable[[Connection], None]] = (_measured_help, add_queue, add_marks, add_snapshots)


def schema_version() -> int:
    """The version of the schema that this labeltool writes."""
    return len(MIGRATIONS) + 1


def create_schema(connection: Connection) -> None:
    """Makes all tables and triggers in an empty database and records the version."""
    METADATA.create_all(connection)
    for table in _APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
                f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
            )
    create_counters(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {schema_version()}")


def check_version(connection: Connection, where: str) -> int:
    """The schema version of a database, which is at most the one known here.

    Raises:
        ProjectError: no labeltool database, or one of a newer labeltool.
    """
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if application != APPLICATION_ID or found < 1:
        raise ProjectError(f"{where}: a SQLite database, but not one of labeltool's")
    if found > schema_version():
        raise ProjectError(
            f"{where}: schema version {found} of a newer labeltool, expected at most {schema_version()}; update labeltool"
        )
    return found


def migrate(connection: Connection, where: str) -> None:
    """Brings a database up to date; the steps and their record are part of the caller's transaction."""
    found = check_version(connection, where)
    for version in range(found, schema_version()):
        MIGRATIONS[version - 1](connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {version + 1}")
