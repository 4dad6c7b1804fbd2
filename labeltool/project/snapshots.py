"""Snapshots: exports that the project records by their hash and never changes.

The file lies in the project's folder `snapshots`, read-only, as `<number>-<the hash's first 12 digits>.json`; the record beside
the labels has the whole hash. A file that is no longer what was recorded is found by it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, insert, or_, select

from labeltool.errors import ProjectError
from labeltool.project import exporting
from labeltool.project.building import held, remove_leftovers, sync
from labeltool.project.database import Database, now
from labeltool.project.edits import check_text
from labeltool.project.tables import images, people, snapshots
from labeltool.skeleton import Skeleton

#: The folder of the files, in the project's.
FOLDER = "snapshots"

_PIECE = 1 << 20
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as it was recorded.

    Attributes:
        number: from 1.
        at: UTC time, ISO 8601.
        note: what it was taken for, or None.
        only_done: whether it has only images that were done.
        path: the file.
        sha256: the hash of its bytes, hexadecimal.
        size: its bytes.
        images: images in it.
        annotations: annotations in it, of all categories.
        people: of them, people of the project; crowd regions are none.
        joints: their labelled joints (v > 0).
    """

    number: int
    at: str
    note: str | None
    only_done: bool
    path: Path
    sha256: str
    size: int
    images: int
    annotations: int
    people: int
    joints: int

    def fault(self) -> str | None:
        """What is wrong with the file; None while it is what was recorded.

        Raises:
            ProjectError: it cannot be read.
        """
        try:
            if self.path.stat().st_size != self.size:
                return "changed: its size is another"
            return None if _hash(self.path) == self.sha256 else "changed: its hash is another"
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            raise ProjectError(f"{self.path}: cannot be read: {error.strerror or error}") from None


def take(database: Database, skeleton: Skeleton, folder: Path, note: str | None, only_done: bool) -> Snapshot:
    """Writes an export and records it; see `Project.take_snapshot`.

    Raises:
        ProjectError: an empty note, or the folder cannot be written.
    """
    if note is not None:
        check_text(note, "note", "some text or none")
    place = folder / FOLDER
    try:
        place.mkdir(exist_ok=True)
        remove_leftovers(place, ".")
        with tempfile.TemporaryDirectory(dir=place, prefix=".", suffix=".part") as temporary, held(Path(temporary)):
            whole = Path(temporary) / "labels.json"
            with database.read() as connection:
                summary = exporting.export(connection, skeleton, whole, only_done, False)
                joints = _joints(connection, only_done)
            digest, size = _hash(whole), whole.stat().st_size
            with database.write() as connection:
                number = connection.execute(select(func.coalesce(func.max(snapshots.c.id), 0) + 1)).scalar_one()
                path = place / f"{number:04d}-{digest[:_DIGITS]}.json"
                if not (path.exists() and _hash(path) == digest):
                    os.chmod(whole, 0o444)
                    os.replace(whole, path)
                    sync(place)
                found = Snapshot(
                    number=number,
                    at=now(),
                    note=note,
                    only_done=only_done,
                    path=path,
                    sha256=digest,
                    size=size,
                    images=summary.images,
                    annotations=summary.annotations,
                    people=summary.people,
                    joints=joints,
                )
                connection.execute(insert(snapshots), _row(found))
    except OSError as error:
        raise ProjectError(f"{place}: cannot be written: {error.strerror or error}") from None
    return found


def list_snapshots(connection: Connection, folder: Path) -> list[Snapshot]:
    """The snapshots of a project, the first one first."""
    rows = connection.execute(select(snapshots).order_by(snapshots.c.id))
    return [
        Snapshot(
            number=row.id,
            at=row.at,
            note=row.note,
            only_done=row.only_done,
            path=folder / FOLDER / row.file_name,
            sha256=row.sha256,
            size=row.size,
            images=row.images,
            annotations=row.annotations,
            people=row.people,
            joints=row.joints,
        )
        for row in rows
    ]


def _row(found: Snapshot) -> dict[str, object]:
    return {
        "id": found.number,
        "at": found.at,
        "note": found.note,
        "only_done": found.only_done,
        "file_name": found.path.name,
        "sha256": found.sha256,
        "size": found.size,
        "images": found.images,
        "annotations": found.annotations,
        "people": found.people,
        "joints": found.joints,
    }


def _joints(connection: Connection, only_done: bool) -> int:
    """Labelled joints of the people that an export holds."""
    query = select(func.coalesce(func.sum(people.c.labelled), 0)).where(
        people.c.deleted.is_(False),
        people.c.crowd.is_(False),
        or_(people.c.origin != "model", people.c.touched.is_(True)),
    )
    if only_done:
        query = query.join(images, images.c.id == people.c.image_id).where(images.c.status == "done")
    return int(connection.execute(query).scalar_one())


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
