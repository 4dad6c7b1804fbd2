from __future__ import annotations

import numpy as np
import pytest

from labeltool.audit import Labels
from labeltool.audit.stages import stage_gains
from labeltool.errors import AuditError
from labeltool.skeleton import define

SKELETON = define("tiny", ["left_shoulder", "right_hip", "nose"])
PEOPLE = 60


def labels() -> Labels:
    xy = np.tile(np.array([[0.0, 0.0], [300.0, 400.0], [50.0, 50.0]]), (PEOPLE, 1, 1))
    v = np.full((PEOPLE, 3), 2)
    v[0, 2] = 0
    return Labels.of(np.arange(PEOPLE), xy, v, np.full(PEOPLE, 1e5), person=np.arange(PEOPLE))


def off_by(distance: float, people: int = PEOPLE) -> np.ndarray:
    """The labels' joints, of the first so many people moved by 3-4-5 steps of that length (the torso is 500 px)."""
    xy = labels().xy.copy()
    xy[:people] += np.array([0.6, 0.8]) * distance
    return xy


def test_curves_are_steps_where_the_distances_are() -> None:
    found = stage_gains(labels(), [off_by(200), off_by(100)], SKELETON, replicates=20)
    rate = {(row["stage"], row["threshold"]): row["pdj"] for row in found.curve()}
    assert (rate[1, 0.39], rate[1, 0.4]) == (0, 1)
    assert (rate[2, 0.19], rate[2, 0.2], rate[2, 0.5]) == (0, 1, 1)
    assert len(rate) == 2 * 51


def test_gains_are_paired_differences_that_leave_out_what_is_not_labelled() -> None:
    found = stage_gains(
        labels(), [off_by(200), off_by(200, people=30), off_by(200, people=30)], SKELETON, replicates=200
    )
    second, third = found.overall(2), found.overall(3)
    assert (second.a, second.b) == (pytest.approx(90 / 179), 0)
    assert second.low > 0.3 and second.high < 0.7
    assert (third.value, third.low, third.high) == (0, 0, 0), "the same poses on the same images"
    assert found.gains[0]["pdj@0.2", "nose"].a == pytest.approx(30 / 59)


def test_nothing_to_measure() -> None:
    with pytest.raises(AuditError, match="no stage"):
        stage_gains(labels(), [], SKELETON)
