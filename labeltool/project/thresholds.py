"""Below which confidence a labeller should look at a model's joints: chosen by an audit, kept in the project, by model and joint.

The editor rings a prediction as unsure, and asks for a look before the person is accepted, where its confidence is below its
threshold; without one, below `USUAL`. The doubts of the queue are taken from confidences that are put on one scale by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import NoResultFound

from labeltool.errors import ProjectError
from labeltool.project.codec import encode
from labeltool.project.database import get_meta, now
from labeltool.project.edits import check_author
from labeltool.project.tables import meta

#: The threshold of a joint for which none was chosen; the editor's UNSURE_BELOW.
USUAL: Final = 0.5

#: `meta`: the thresholds, by `name@version`.
META_THRESHOLDS = "look_below"

#: Above every confidence: the threshold of a joint that should always be looked at.
ALWAYS: Final = 1.01


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of one model.

    Attributes:
        joints: the threshold by joint, or None where no confidence is high enough; joints that were not judged are absent.
        precision: the share of right joints that was wanted at and above it, 0..1.
        author: who wrote them.
        at: when, UTC.
    """

    joints: Mapping[str, float | None]
    precision: float
    author: str
    at: str

    def below(self, joint: str) -> float:
        """The confidence below which that joint is unsure."""
        if joint not in self.joints:
            return USUAL
        found = self.joints[joint]
        return ALWAYS if found is None else found


def read(connection: Connection) -> dict[str, Thresholds]:
    """The thresholds by model, `name@version`."""
    try:
        stored: dict[str, Any] = get_meta(connection, META_THRESHOLDS)
    except NoResultFound:
        return {}
    return {name: Thresholds(**value) for name, value in stored.items()}


def write(
    connection: Connection,
    names: Sequence[str],
    model: str,
    joints: Mapping[str, float | None] | None,
    precision: float,
    author: str,
) -> None:
    """Replaces the thresholds of a model; None takes them away. The caller holds the write lock.

    Raises:
        ProjectError: an unknown joint, or a number that is not in 0..1.
    """
    check_author(author, f"thresholds of {model}")
    for name, value in (joints or {}).items():
        if name not in names:
            raise ProjectError(f"threshold of {name!r}: unknown joint, expected one of {', '.join(names)}")
        if value is not None and not 0 <= value <= 1:
            raise ProjectError(f"threshold of {name!r} is {value}, expected a number from 0 to 1, or None")
    if not 0 <= precision <= 1:
        raise ProjectError(f"precision is {precision}, expected a number from 0 to 1")
    known = {name: vars(value) for name, value in read(connection).items() if name != model}
    if joints is not None:
        known[model] = {"joints": dict(joints), "precision": precision, "author": author, "at": now()}
    if not known:
        connection.execute(delete(meta).where(meta.c.key == META_THRESHOLDS))
        return
    connection.execute(insert(meta).prefix_with("OR REPLACE").values(key=META_THRESHOLDS, value=encode(known)))


def on_one_scale(
    confidence: NDArray[np.float64], names: Sequence[str], thresholds: Thresholds | None
) -> NDArray[np.float64]:
    """Confidences put on a scale where one half is the threshold of each joint: (..., K).

        c / (2 t) below the threshold t, 1/2 + (c - t) / (2 (1 - t)) from it on

    Args:
        confidence: (..., K) in 0..1, NaN where nothing was predicted.
        names: the K joints.
        thresholds: of the model; None leaves everything as it is.
    """
    if thresholds is None:
        return confidence
    limit = np.clip([thresholds.below(name) for name in names], 1e-3, 1.0)
    above = 0.5 + (confidence - limit) / (2 * np.maximum(1 - limit, 1e-3))
    return np.asarray(np.where(confidence < limit, confidence / (2 * limit), above), dtype=np.float64)
