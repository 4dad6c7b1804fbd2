"""Labels and predictions as arrays, kept from one call to the next and from one process to the next.

Reading a hundred thousand people out of the store takes seconds, and few of them change between two looks at an audit. So the
arrays stay in memory under a mark of what they were made of; of labels only the images whose people have changed since are read
again. What took long to read is also written below the project, in `cache/arrays`. That folder may be deleted at any time: a
file that is missing, damaged or of another state of the store is made anew.

Every change of a person writes a revision, and every new person has a higher number (project/saving.py, project/batch.py):
the newest of both say whether labels have changed, and which.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, union

from labeltool.files import atomic_write
from labeltool.project import bulk, tables
from labeltool.project.bulk import LabelArrays, PredictionArrays
from labeltool.project.database import get_meta
from labeltool.project.tables import models, people, prediction_runs, revisions

#: From this many rows on, arrays are written to disk.
ENOUGH = 5_000

# With more changed images than this, everything is read anew.
_FEW_IMAGES = 2_000
_RUNS = 3
_FORMAT = 1


@dataclass(frozen=True)
class _State:
    """How far the labels of a store have got: its newest revision with its time, and its newest person."""

    revision: int
    at: str
    person: int


class KeptArrays:
    """The arrays of one project.

    Args:
        path: the project's folder.
        joints: its joints.
    """

    def __init__(self, path: Path, joints: Sequence[str]) -> None:
        self._folder = Path(path) / "cache" / "arrays"
        self._joints = tuple(joints)
        self._lock = threading.Lock()
        self._labels: tuple[_State, LabelArrays] | None = None
        self._predictions: dict[str, PredictionArrays] = {}

    def labels(self, connection: Connection) -> LabelArrays:
        """The labels as the connection sees them; see `bulk.label_arrays`."""
        with self._lock:
            now = _state(connection)
            known = self._labels or self._read_labels(connection)
            if known is not None and known[0] == now:
                found: LabelArrays | None = known[1]
            else:
                found = None if known is None else self._brought_up_to_date(connection, *known, now)
            if found is None:
                found = bulk.label_arrays(connection, len(self._joints))
                self._write("labels", self._named(connection, [now.revision, now.at, now.person]), found)
            self._labels = now, found
            return found

    def predictions(self, connection: Connection, model: str, version: str, weights_hash: str) -> PredictionArrays:
        """The predictions of a run; see `bulk.prediction_arrays`."""
        name = f"predictions-{hashlib.sha256(json.dumps([model, version, weights_hash]).encode()).hexdigest()[:16]}"
        query = (
            select(func.max(prediction_runs.c.id), func.max(prediction_runs.c.at), func.count())
            .join(models, models.c.id == prediction_runs.c.model_id)
            .where(models.c.name == model, models.c.version == version, models.c.weights_hash == weights_hash)
        )
        with self._lock:
            mark = self._named(connection, [model, version, weights_hash, *connection.execute(query).one()])
            found = self._predictions.pop(mark, None) or self._read_predictions(name, mark)
            if found is None:
                found = bulk.prediction_arrays(connection, len(self._joints), model, version, weights_hash)
                self._write(name, mark, found)
            self._predictions[mark] = found
            while len(self._predictions) > _RUNS:
                del self._predictions[next(iter(self._predictions))]
            return found

    def _brought_up_to_date(
        self, connection: Connection, then: _State, old: LabelArrays, now: _State
    ) -> LabelArrays | None:
        """The labels now, from those of then; None where that cannot be, or is not worth it."""
        if now.revision < then.revision or now.person < then.person or _time_of(connection, then.revision) != then.at:
            return None
        touched = select(revisions.c.person_id).where(revisions.c.id > then.revision)
        changed = (people.c.id > then.person, people.c.id.in_(touched))
        query = union(*(select(people.c.image_id).where(which) for which in changed))
        images = connection.execute(query.limit(_FEW_IMAGES + 1)).scalars().all()
        if len(images) > _FEW_IMAGES:
            return None
        new = bulk.label_arrays(connection, len(self._joints), images)
        stale = np.isin(old.image, np.array(images, dtype=np.int64))
        if np.array_equal(old.person[stale], new.person) and np.array_equal(old.image[stale], new.image):
            # the same people with other labels
            return LabelArrays(
                **{f.name: _with(getattr(old, f.name), stale, getattr(new, f.name)) for f in fields(LabelArrays)}
            )
        kept = np.flatnonzero(~stale)
        columns = {
            f.name: np.concatenate([getattr(old, f.name)[kept], getattr(new, f.name)]) for f in fields(LabelArrays)
        }
        order = np.lexsort((columns["person"], columns["image"]))
        return LabelArrays(**{name: column[order] for name, column in columns.items()})

    def _read_labels(self, connection: Connection) -> tuple[_State, LabelArrays] | None:
        found = self._load("labels")
        if found is None:
            return None
        mark, columns = found
        try:
            *_, revision, at, person = json.loads(mark)
            state = _State(revision, at, person)
            if self._named(connection, [revision, at, person]) != mark:
                return None
            return state, LabelArrays(**columns)
        except (TypeError, ValueError):
            return None

    def _read_predictions(self, name: str, mark: str) -> PredictionArrays | None:
        found = self._load(name)
        if found is None or found[0] != mark:
            return None
        try:
            return PredictionArrays(**found[1])
        except TypeError:
            return None

    def _named(self, connection: Connection, state: list[Any]) -> str:
        """The mark of arrays of this project, with these joints, in that state."""
        return json.dumps([_FORMAT, get_meta(connection, tables.META_BLIND_KEY), self._joints, *state])

    def _load(self, name: str) -> tuple[str, dict[str, NDArray[Any]]] | None:
        try:
            with (self._folder / f"{name}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                columns = {key: file[key] for key in file.files}
            return str(columns.pop("mark")), columns
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def _write(self, name: str, mark: str, arrays: LabelArrays | PredictionArrays) -> None:
        if len(arrays.image) < ENOUGH:
            return
        columns = {f.name: getattr(arrays, f.name) for f in fields(arrays)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._folder / f"{name}.npz") as file:
                np.savez(file, mark=np.array(mark), **columns)
        except OSError:
            # a cache: the disk may be full or the project read-only
            return


def _with(old: NDArray[Any], rows: NDArray[np.bool_], new: NDArray[Any]) -> NDArray[Any]:
    """A copy of a column with other values in some rows."""
    column = old.astype(np.promote_types(old.dtype, new.dtype))
    column[rows] = new
    return column


def _state(connection: Connection) -> _State:
    revision = connection.execute(select(func.max(revisions.c.id))).scalar() or 0
    person = connection.execute(select(func.max(people.c.id))).scalar() or 0
    return _State(revision, _time_of(connection, revision), person)


def _time_of(connection: Connection, revision: int) -> str:
    return connection.execute(select(revisions.c.at).where(revisions.c.id == revision)).scalar() or ""
