from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labeltool.audit import Labels, count_confusion, count_distances
from labeltool.audit.confusion import CONFIDENCE_STEPS, DISTANCE_STEPS, FARTHEST
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, define

PAIR = define("pair", ["head", "left_hand", "right_hand"], [("head", "left_hand")], sigmas=[0.1, 0.1, 0.1])
PLACES = np.array([[[0, 0], [60, 0], [120, 0]]], dtype=float)


def person(v=(2, 2, 2), **rest) -> Labels:
    return Labels.of([1], PLACES, [v], [400.0], **rest)


def test_a_joint_lies_on_its_own_on_another_or_on_none():
    xy = PLACES.copy()
    xy[0, 1], xy[0, 2] = PLACES[0, 2], (60, 400)
    found = count_confusion(person(), xy, PAIR)
    assert found.counts.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert list(found.worst()) == [("left_hand", "right_hand", 1)]


def test_its_own_joint_wins_unless_another_is_nearer_by_the_margin():
    labels = Labels.of([1], np.array([[[0, 0], [10, 0], [500, 0]]], dtype=float), [[2, 2, 2]], [400.0])
    between = np.array([[[0, 0], [4.9, 0], [500, 0]]], dtype=float)
    nearer = np.array([[[0, 0], [2.0, 0], [500, 0]]], dtype=float)
    # s = 20, k = .2: exp(-d^2 / 32) is .471 to the left hand at 4.9, .472 to the head; and .135 against .883 at 2.
    labels_wide = Labels.of([1], labels.xy, [[2, 2, 2]], [900.0])
    assert count_confusion(labels_wide, between, PAIR).counts[1].tolist() == [0, 1, 0, 0]
    assert count_confusion(labels_wide, nearer, PAIR).counts[1].tolist() == [1, 0, 0, 0]


def test_only_labelled_joints_that_are_predicted_count_and_none_attracts_unlabelled():
    xy = PLACES.copy()
    xy[0, 0] = np.nan
    xy[0, 1] = PLACES[0, 2]
    found = count_confusion(person(v=(2, 1, 0)), xy, PAIR)
    assert found.counts.tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert count_confusion(person(crowd=[True]), PLACES, PAIR).counts.sum() == 0


def test_parts_add_up_and_other_joints_do_not():
    first, second = count_confusion(person(), PLACES, PAIR), count_confusion(person(), PLACES[:, ::-1], PAIR)
    assert ((first + second).counts == first.counts + second.counts).all()
    other = define("other", ["a", "b", "c"], [("a", "b")])
    with pytest.raises(AuditError, match="other joints"):
        first + count_confusion(person(), PLACES, other)


@settings(max_examples=50, deadline=None)
@given(arrays(float, (5, 17, 2), elements=st.floats(0, 100)), arrays(float, (5, 17, 2), elements=st.floats(0, 100)))
def test_every_counted_prediction_lies_somewhere(truth, guess):
    labels = Labels.of([1, 1, 2, 3, 4], truth, np.full((5, 17), 2), np.full(5, 900.0))
    found = count_confusion(labels, guess, COCO_17)
    assert found.counts.sum(axis=1).tolist() == [5] * 17
    parts = [count_confusion(labels.take([row]), guess[[row]], COCO_17) for row in range(5)]
    assert (sum(part.counts for part in parts) == found.counts).all()


def test_distances_stand_beside_the_confidence_they_were_said_with():
    labels = person()
    xy = PLACES + np.array([[[0, 0], [12, 0], [0, 61]]])
    found = count_distances(labels, xy, np.array([[0.99, 0.5, 0.0]]), (0, 2))
    step = DISTANCE_STEPS * 0.1 / FARTHEST
    assert found.counts.sum() == 3
    assert found.counts[CONFIDENCE_STEPS - 1, 0] == 1
    assert found.counts[CONFIDENCE_STEPS // 2, round(step) - 1] == 1, "12 of 120 px is the end of the step up to .1"
    assert found.counts[0, DISTANCE_STEPS] == 1, "beyond half a torso diameter"


def test_the_curve_says_what_stays():
    rows = count_distances(person(), PLACES + 6.0, np.array([[0.1, 0.5, 0.9]]), (0, 2)).curve()
    assert [round(row["kept"], 3) for row in rows[:: CONFIDENCE_STEPS // 4]] == [1, 0.667, 0.667, 0.333]
    assert rows[0]["median"] == pytest.approx(0.075), "6 x root 2 of 120 px is .0707: the step up to .075"
    assert np.isnan(rows[-1]["median"]) and rows[-1]["kept"] == 0


def test_people_without_a_torso_have_no_unit():
    assert count_distances(person(v=(0, 2, 2)), PLACES, np.ones((1, 3)), (0, 2)).counts.sum() == 0
