"""The step of the schema that brings the table of marks (marks.py)."""

from __future__ import annotations

from sqlalchemy import Connection

_MARKS = """
CREATE TABLE marks (
	id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	image_id INTEGER NOT NULL, 
	person_id INTEGER, 
	joints TEXT NOT NULL, 
	score FLOAT NOT NULL, 
	note TEXT, 
	author TEXT NOT NULL, 
	at TEXT NOT NULL, 
	outcome TEXT, 
	outcome_by TEXT, 
	outcome_at TEXT, 
	outcome_revision INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(image_id) REFERENCES images (id), 
	FOREIGN KEY(person_id) REFERENCES people (id)
)
"""

_INDEXES = (
    "CREATE INDEX marks_image ON marks (image_id)",
    "CREATE INDEX marks_open ON marks (source, kind, image_id, score) WHERE outcome IS NULL",
    "CREATE INDEX marks_person ON marks (person_id) WHERE outcome IS NULL",
)


def add_marks(connection: Connection) -> None:
    """Makes the table of marks, which is empty."""
    connection.exec_driver_sql(_MARKS)
    for index in _INDEXES:
        connection.exec_driver_sql(index)
