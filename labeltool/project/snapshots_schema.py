"""The step of the schema that brings the record of snapshots (snapshots.py)."""

from __future__ import annotations

from sqlalchemy import Connection

_SNAPSHOTS = """
CREATE TABLE snapshots (
	id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	note TEXT, 
	only_done BOOLEAN NOT NULL, 
	file_name TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	images INTEGER NOT NULL, 
	annotations INTEGER NOT NULL, 
	people INTEGER NOT NULL, 
	joints INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
"""


def add_snapshots(connection: Connection) -> None:
    """Makes the record of snapshots, which is empty and only grows."""
    connection.exec_driver_sql(_SNAPSHOTS)
    for verb in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER snapshots_no_{verb.lower()} BEFORE {verb} ON snapshots "
            "BEGIN SELECT RAISE(ABORT, 'snapshots is append-only'); END"
        )
