"""Figures of a top-down model, held against sums done by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from labeltool.audit.people import BoolArray, FloatArray
from labeltool.skeleton import LSP_14
from labeltool.training.measuring import RIGHT_WITHIN, Answers, Worth, misses_in_lowest_third, worth
from labeltool.training.samples import Person

SHOULDER, HIP = LSP_14.joints.index("left_shoulder"), LSP_14.joints.index("right_hip")
TORSO = 100.0


def third(confidence: list[float], right: list[int], counted: list[int] | None = None) -> float:
    """Of one row of joints."""
    known = np.ones(len(right)) if counted is None else np.array(counted)
    return misses_in_lowest_third(
        np.array([confidence]), np.array([right], dtype=bool), np.array([known], dtype=bool).reshape(1, -1)
    )


@pytest.mark.parametrize(
    ("right", "share"),
    [
        # the lowest two of six: .1 and .2
        ([0, 0, 1, 1, 1, 1], 1.0),
        ([0, 1, 1, 1, 1, 0], 1 / 2),
        ([0, 0, 0, 0, 1, 1], 2 / 4),
        ([1, 1, 0, 1, 1, 1], 0.0),
        # all wrong: two of six
        ([0, 0, 0, 0, 0, 0], 1 / 3),
    ],
)
def test_the_share_of_misses_in_the_lowest_third(right: list[int], share: float) -> None:
    confidence = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert third(confidence, right) == pytest.approx(share)
    order = [3, 0, 5, 2, 1, 4]
    assert third([confidence[i] for i in order], [right[i] for i in order]) == pytest.approx(share)


def test_joints_that_are_not_known_do_not_count() -> None:
    # known are .3, .4 and .5: the third is the one joint of .3
    confidence, right = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 0, 0, 1, 0, 0]
    assert third(confidence, right, [0, 0, 1, 1, 1, 0]) == 1 / 2
    # neither does the confidence of a joint that was not predicted
    assert third([math.nan, math.nan, 0.3, 0.4, 0.5, math.nan], right, [0, 0, 1, 1, 1, 0]) == 1 / 2


def test_a_third_is_rounded_down() -> None:
    # of five joints one, of two none
    assert third([0.1, 0.2, 0.3, 0.4, 0.5], [0, 0, 1, 1, 1]) == 1 / 2
    assert third([0.1, 0.2], [0, 0]) == 0.0


def test_of_equal_confidence_the_first_are_taken() -> None:
    assert third([0.5, 0.5, 0.5], [0, 1, 1]) == 1.0
    assert third([0.5, 0.5, 0.5], [1, 1, 0]) == 0.0
    # the lowest two are the .2 and the first of the three of .5
    assert third([0.5, 0.5, 0.2, 0.5, 0.9, 0.9], [0, 0, 1, 1, 1, 1]) == 1 / 2


def test_people_are_ranked_together() -> None:
    # the lowest two of six are both the second person's
    confidence = np.array([[0.7, 0.8, 0.9], [0.1, 0.2, 0.6]])
    right = np.array([[False, True, True], [False, False, True]])
    assert misses_in_lowest_third(confidence, right, np.ones_like(right)) == pytest.approx(2 / 3)


def test_there_is_no_share_without_misses() -> None:
    assert math.isnan(third([0.1, 0.2, 0.3], [1, 1, 1]))
    assert math.isnan(third([0.1, 0.2, 0.3], [0, 0, 0], [0, 0, 0]))
    assert math.isnan(third([], []))


def people(count: int, labelled: list[str] | None = None) -> list[Person]:
    """One person a photo, the torso 100 px from left shoulder to right hip, the other joints labelled as well unless named."""
    xy = np.column_stack([np.arange(14) * 30.0 + 200, np.full(14, 50.0)])
    xy[SHOULDER], xy[HIP] = (0.0, 0.0), (60.0, 80.0)
    v = np.array([2 if labelled is None or name in labelled else 0 for name in LSP_14.joints])
    box = np.array([0.0, 0.0, 600.0, 100.0])
    return [Person(Path(f"{n}.jpg"), box, xy, v) for n in range(count)]


def answered(whom: list[Person], shift: FloatArray, confidence: FloatArray | float) -> Worth:
    """The figures of answers that lie so many pixels to the right of the labels; NaN where there are none."""
    xy = np.array([p.xy for p in whom])
    xy[..., 0] += shift
    xy[np.isnan(shift)] = np.nan
    return worth(whom, Answers(xy, np.broadcast_to(confidence, xy.shape[:2]).copy(), np.ones(len(whom))), LSP_14)


def test_everything_right() -> None:
    found = answered(people(2), np.zeros((2, 14)), 0.75)
    assert found.pdj.value == 1.0
    assert found.calibration_error == pytest.approx(1 - 0.75)
    assert math.isnan(found.misses_in_third)
    assert np.array_equal(found.distance, np.zeros((2, 14)))


def test_everything_wrong() -> None:
    found = answered(people(3), np.full((3, 14), TORSO), 0.75)
    assert found.pdj.value == 0.0
    assert found.calibration_error == pytest.approx(0.75)
    # 14 of the 42 joints, all of them misses
    assert found.misses_in_third == pytest.approx(1 / 3)
    assert found.distance == pytest.approx(np.ones((3, 14)))


def test_a_mixture_by_hand() -> None:
    # three people: 14 joints of confidence .15 of which 7 are right, 28 of confidence .85 of which 21 are right
    confidence = np.full((3, 14), 0.85)
    confidence[1] = 0.15
    shift = np.zeros((3, 14))
    shift[0, :7] = shift[1, :7] = 50
    found = answered(people(3), shift, confidence)
    assert found.pdj.value == pytest.approx(28 / 42)
    # 14/42 |7/14 - .15| + 28/42 |21/28 - .85|
    assert found.calibration_error == pytest.approx(14 / 42 * 0.35 + 28 / 42 * 0.10)
    assert found.misses_in_third == pytest.approx(7 / 14)
    assert found.distance == pytest.approx(shift / TORSO)


def test_the_limit_itself_is_right() -> None:
    shift = np.zeros((1, 14))
    shift[0, [SHOULDER, HIP]] = 20.0, 20.5
    found = answered(people(1), shift, 0.5)
    assert found.distance[0, SHOULDER] == RIGHT_WITHIN
    assert found.pdj.value == pytest.approx(13 / 14)


def test_joints_not_predicted_are_missed_by_pdj_and_have_no_confidence() -> None:
    shift = np.zeros((1, 14))
    shift[0, :4] = np.nan
    found = answered(people(1), shift, 0.75)
    missing = np.isnan(found.distance[0])
    assert list(missing) == [True] * 4 + [False] * 10
    assert found.pdj.value == pytest.approx(10 / 14)
    assert found.calibration_error == pytest.approx(0.25)
    assert math.isnan(found.misses_in_third)


@pytest.mark.parametrize("labelled", [[], ["neck", "left_shoulder"]], ids=["nobody", "no torso"])
def test_nobody_to_measure_by(labelled: list[str]) -> None:
    found = answered(people(2, labelled), np.zeros((2, 14)), 0.75)
    assert np.isnan(found.distance).all()
    assert all(math.isnan(x) for x in (found.pdj.value, found.calibration_error, found.misses_in_third))


def test_only_labelled_joints_count() -> None:
    # of four labelled joints the neck is wrong; the ten others would be as well
    shift = np.full((1, 14), 50.0)
    named = ["left_shoulder", "right_hip", "head_top", "neck"]
    right = [LSP_14.joints.index(name) for name in named[:3]]
    shift[0, right] = 0
    confidence: FloatArray = np.where(shift == 0, 0.9, 0.1)
    found = answered(people(1, named), shift, confidence)
    known: BoolArray = ~np.isnan(found.distance[0])
    assert {LSP_14.joints[k] for k in np.flatnonzero(known)} == set(named)
    assert found.pdj.value == 3 / 4
    assert found.calibration_error == pytest.approx(3 / 4 * 0.1 + 1 / 4 * 0.1)
    assert found.misses_in_third == 1.0
