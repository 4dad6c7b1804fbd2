"""labels.db as a place to read from and write to: connections, transactions, and SQLite's errors in one line."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from labeltool.errors import ProjectError
from labeltool.project import tables

#: How long a write waits for another process, in seconds.
BUSY_SECONDS = 30

_IMMEDIATE = "labeltool_immediate"

#: Pages of the database that a connection keeps in memory, and those of the log before they go to their places.
_CACHE_KB = 16_000
_BULK_CACHE_KB, _BULK_PAGES = 128_000, 20_000

_REASONS = (
    ("not a database", "not a SQLite database"),
    ("malformed", "the database is damaged; restore a copy of the project"),
    ("readonly", "cannot be written: the file or its folder is read-only"),
    ("unable to open", "cannot be opened: the file or its folder is not accessible"),
    ("is locked", f"another program has kept it locked for {BUSY_SECONDS} seconds"),
    ("disk is full", "cannot be written: the disk is full"),
    ("disk I/O", "cannot be read or written: the disk reports an error"),
)


class Database:
    """An open labels.db.

    Reads run beside each other and beside a write, each on a consistent snapshot (WAL). Writes begin by taking the write lock
    (BEGIN IMMEDIATE), so that what they check still holds when they write; a commit returns when the data are on disk
    (synchronous = FULL; of many in a row, see `bulk`).
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._reader = engine
        self._writer = engine.execution_options(**{_IMMEDIATE: True})
        # SQLite lets a writer that has to wait sleep, up to 100 ms at a time; threads of one process take turns without that.
        self._turn = threading.RLock()

    @classmethod
    def open(cls, path: Path, joints: Sequence[str]) -> Self:
        """The database in that file, brought up to date.

        Args:
            path: labels.db.
            joints: the joints that project.toml names; the labels must have the same in the same order.

        Raises:
            ProjectError: missing, no labeltool database, of a newer labeltool, read-only, or labels of other joints.
        """
        try:
            if not path.is_file():
                raise ProjectError(f"{path}: no such database, expected the project's labels")
            if path.stat().st_size == 0:
                raise ProjectError(f"{path}: the file is empty, expected the project's labels")
        except OSError as error:
            raise ProjectError(f"{path}: cannot be read: {error.strerror or error}") from None
        database = cls(path, make_engine(path))
        try:
            with database.read() as connection:
                found = tables.check_version(connection, str(path))
                stored = get_meta(connection, tables.META_JOINTS)
            if stored != list(joints):
                raise ProjectError(
                    f"{path}: its labels have the joints {', '.join(stored)}; project.toml names {', '.join(joints)}, "
                    "expected the same in the same order"
                )
            if found < tables.schema_version():
                with database.write() as connection:
                    tables.migrate(connection, str(path))
            else:
                database._check_writable(found)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot."""
        with translated(self.path), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self, on: Connection | None = None) -> Iterator[Connection]:
        """A connection that holds the write lock; on disk when the block ends well, undone when it raises.

        Args:
            on: the connection of `bulk`, at whose end the disk is waited for; by default one of its own.
        """
        with translated(self.path), self._turn:
            if on is None:
                with self._writer.begin() as connection:
                    yield connection
            else:
                with on.begin():
                    yield on

    @contextmanager
    def bulk(self) -> Iterator[Connection]:
        """A connection for many large writes in a row: `with database.write(connection)` for each.

        Ids in any order change pages all over the indexes. These stay in memory, and go from the log to their places in the
        file more seldom than after each write. The disk is waited for once, when the block ends: until then a process that is
        killed loses nothing that it committed, and a power failure may take the last writes back, each whole.
        """
        with translated(self.path), self._writer.connect() as connection:
            _set(
                connection,
                f"cache_size = -{_BULK_CACHE_KB}",
                f"wal_autocheckpoint = {_BULK_PAGES}",
                "synchronous = NORMAL",
            )
            try:
                yield connection
                _set(connection, "synchronous = FULL")
                # A write that changes nothing: its commit waits for the log, and so for all that stands before it.
                with self.write(connection):
                    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                    connection.exec_driver_sql(f"PRAGMA user_version = {version}")
            finally:
                _set(
                    connection,
                    "synchronous = FULL",
                    "wal_checkpoint(PASSIVE)",
                    f"cache_size = -{_CACHE_KB}",
                    "wal_autocheckpoint = 1000",
                )

    def _check_writable(self, version: int) -> None:
        """Finds out now, and not at the first save, that nothing can be written: writes what is there, and takes it back."""
        with translated(self.path), self._writer.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {version}")
            connection.rollback()

    def close(self) -> None:
        """Closes every connection."""
        self._reader.dispose()


def make_engine(path: Path) -> Engine:
    """A pool of connections to a SQLite file, set up for labels that must not be lost."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        pool_timeout=BUSY_SECONDS,
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into one line about the file."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        text = str(error.orig if isinstance(error, DBAPIError) else error)
        reason = next((line for key, line in _REASONS if key in text), text)
        raise ProjectError(f"{path}: {reason}") from error
    except OverflowError as error:
        raise ProjectError(f"{path}: a number of more than 64 bits") from error
    except SQLAlchemyError as error:
        raise ProjectError(f"{path}: {str(error).splitlines()[0]}") from error


def get_meta(connection: Connection, key: str) -> Any:
    """The value of a fact about the project (a `tables.META_` name)."""
    table = tables.meta
    return json.loads(connection.execute(select(table.c.value).where(table.c.key == key)).scalar_one())


def now() -> str:
    """The time as the log writes it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _set(connection: Connection, *pragmas: str) -> None:
    cursor = connection.connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # this module begins transactions, not sqlite3
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY", f"cache_size = -{_CACHE_KB}"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
