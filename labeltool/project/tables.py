"""The schema of labels.db: tables, triggers, versions and the way from one version to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Boolean, Column, Connection, Float, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from labeltool.errors import ProjectError

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

#: `id` is the COCO image id, `raw` the image's JSON as it came.
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
    Index("images_queue", "status", "position"),
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
    Index("people_image", "image_id"),
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
    Unique("person_id", "number"),
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

models = Table(
    "models",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("weights_hash", Text, nullable=False),
    Unique("name", "version", "weights_hash"),
)

#: That a model was run on an image, also when it found nobody.
prediction_runs = Table(
    "prediction_runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("image_id", ForeignKey("images.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("people", Integer, nullable=False),
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

_APPEND_ONLY = (revisions, events, originals)

#: Marks the file as a labeltool database ("lblt").
APPLICATION_ID = 0x6C626C74

#: `MIGRATIONS[n]` leads from schema version n + 1 to n + 2, inside the transaction that also records the new version.
MIGRATIONS: Sequence[Callable[[Connection], None]] = ()


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
