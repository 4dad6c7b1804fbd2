from __future__ import annotations

import math

import numpy as np
import pytest

from labeltool.audit import Detections, Labels
from labeltool.audit.confidence import (
    ConfidenceCounts,
    count_by_confidence,
    count_confidence,
    precision_at,
    right_joints,
)
from labeltool.audit.intervals import wilson
from labeltool.audit.matching import match
from labeltool.audit.oks import all_pairs
from labeltool.errors import AuditError
from labeltool.skeleton import LSP_14, define

ONE = ["hand"]


def counts(confidence, right, joints=ONE) -> ConfidenceCounts:
    confidence = np.asarray(confidence, dtype=float).reshape(-1, len(joints))
    right = np.asarray(right).reshape(-1, len(joints))
    return count_by_confidence(confidence, right, np.ones(confidence.shape, dtype=bool), joints)


def test_calibration_error_by_hand():
    # Bin .6: two of confidence .6, one right: |1 - 1.2|; bin .9: .9 and 1, both right: |2 - 1.9|.
    found = counts([0.6, 0.6, 0.9, 1.0], [True, False, True, True])
    assert found.calibration_error() == pytest.approx([(0.2 + 0.1) / 4])
    curve = found.curve("hand")
    assert [(p.low, p.n, p.confidence, p.right) for p in curve] == [
        (0.6, 2, pytest.approx(0.6), 0.5),
        (0.9, 2, pytest.approx(0.95), 1.0),
    ]
    assert (curve[0].right_low, curve[0].right_high) == pytest.approx(tuple(map(float, wilson(1, 2))))


def test_a_model_that_always_says_ninety_and_is_right_six_times_in_ten():
    assert counts([0.9] * 10, [True] * 6 + [False] * 4).calibration_error() == pytest.approx([0.3])


def test_a_calibrated_model_has_no_error_and_an_overconfident_one_its_excess():
    rng = np.random.default_rng(0)
    p = rng.random((60_000, 2))
    right = rng.random(p.shape) < p * [1, 0.8]
    found = counts(p, right, ["a", "b"])
    assert found.calibration_error() == pytest.approx([0, 0.1], abs=0.01)
    for point in found.curve("a"):
        assert point.right == pytest.approx(point.confidence, abs=0.03)
    pooled = found.curve()
    assert sum(point.n for point in pooled) == 120_000


def test_calibration_error_equals_the_definition():
    rng = np.random.default_rng(1)
    p = np.round(rng.random(500), 3)
    right = rng.random(500) < p**2
    for bins in (5, 10, 20):
        expected = 0.0
        for b in range(bins):
            inside = (p >= b / bins) & ((p < (b + 1) / bins) | (b == bins - 1))
            if inside.any():
                expected += inside.mean() * abs(right[inside].mean() - p[inside].mean())
        assert counts(p, right).calibration_error(bins) == pytest.approx([expected])


def test_the_threshold_is_the_smallest_that_is_precise_enough():
    rng = np.random.default_rng(2)
    p = np.round(rng.random(400), 3)
    right = rng.random(400) < p
    for wanted in (0.5, 0.7, 0.9, 0.95):
        (found,) = counts(p, right).look_below(wanted)
        expected = next(t for t in np.arange(1000) / 1000 if (p >= t).any() and right[p >= t].mean() >= wanted)
        assert found.threshold == expected
        assert found.precision == pytest.approx(right[p >= expected].mean()) and found.precision >= wanted
        assert found.kept == pytest.approx((p >= expected).mean()) and found.n == 400
        assert found.caught == pytest.approx((~right & (p < expected)).sum() / (~right).sum())


def test_every_prediction_is_good_enough_or_none_is():
    (all_good,) = counts([0.1, 0.8], [True, True]).look_below(0.9)
    assert (all_good.threshold, all_good.kept, all_good.precision) == (0.0, 1.0, 1.0) and math.isnan(all_good.caught)
    (none_good,) = counts([0.1, 0.8], [True, False]).look_below(0.9)
    assert (none_good.threshold, none_good.kept, none_good.caught) == (None, 0.0, 1.0)
    assert math.isnan(none_good.precision)
    (nothing,) = counts([], []).look_below(0.9)
    assert (nothing.threshold, nothing.n) == (None, 0)


def test_to_be_sure_asks_for_more():
    rng = np.random.default_rng(3)
    p = rng.random(300)
    right = rng.random(300) < p
    found = counts(p, right)
    (plain,), (sure,) = found.look_below(0.8), found.look_below(0.8, sure=0.95)
    assert plain.threshold < sure.threshold and sure.precision > plain.precision
    assert wilson(round(sure.precision * sure.kept * 300), round(sure.kept * 300))[0] >= 0.8


def test_to_be_sure_keeps_its_promise_on_photos_to_come():
    # Confidence beta(2, 1), right with probability p^1.5: the share that is right at or above t is 4/7 (1-t^3.5)/(1-t^2).
    rng = np.random.default_rng(4)
    p = rng.beta(2, 1, (1000, 400))
    found = counts(p, rng.random(p.shape) < p**1.5, [str(i) for i in range(400)])
    kept = {}
    for sure in (None, 0.95):
        thresholds = [row.threshold for row in found.look_below(0.85, sure=sure)]
        t = np.array([threshold for threshold in thresholds if threshold is not None])
        kept[sure] = 4 / 7 * (1 - t**3.5) / (1 - t**2)
    assert kept[None].mean() == pytest.approx(0.85, abs=0.005)
    assert (kept[0.95] >= 0.85).mean() >= 0.95


def test_precision_at_given_thresholds():
    found = counts([[0.2, 0.5], [0.6, 0.4], [0.9, 0.4]], [[False, True], [False, True], [True, True]], ["a", "b"])
    assert precision_at(found, [0.6, None])[0] == 0.5
    assert np.isnan(precision_at(found, [0.95, None])).all()


def test_parts_add_up():
    rng = np.random.default_rng(5)
    p, right = rng.random((90, 2)), rng.random((90, 2)) < 0.5
    added = counts(p[:40], right[:40], ["a", "b"]) + counts(p[40:], right[40:], ["a", "b"])
    whole = counts(p, right, ["a", "b"])
    assert (added.n == whole.n).all() and (added.right == whole.right).all()
    np.testing.assert_allclose(added.confidence, whole.confidence)
    with pytest.raises(AuditError, match="other joints"):
        added + counts([0.5], [True])


def test_only_labelled_and_predicted_joints_of_matched_people_count():
    pair = define("pair", ["left_hand", "right_hand"], sigmas={"left_hand": 0.5, "right_hand": 0.5})
    xy = np.array([[(0, 0), (900, 0)]] * 3, dtype=float)
    labels = Labels.of([1, 2, 3], xy, [[2, 0], [1, 2], [2, 2]], [100.0] * 3)
    detections = Detections.of(
        [1, 2],
        xy[:2] + np.array([[[0, 0]], [[13, 0]]]),
        [1, 1],
        predicted=[[True, True], [True, False]],
        confidence=[[0.7, 9], [0.2, 9]],
    )
    speaks = match(labels, detections, all_pairs(labels, detections, pair.sigmas))
    guess = np.where((speaks >= 0)[:, None, None], detections.xy[speaks], np.nan)
    right = right_joints(labels, guess, pair)
    assert right.tolist() == [[True, True], [False, False], [False, False]]
    found = count_confidence(labels, detections, speaks, right, pair.joints)
    assert found.n.sum(axis=1).tolist() == [2, 0] and found.right.sum(axis=1).tolist() == [1, 0]
    assert np.flatnonzero(found.n[0]).tolist() == [200, 700]


def test_confidence_that_is_none_or_beyond_one_is_refused():
    labels = Labels.of([1], np.zeros((1, 14, 2)), np.full((1, 14), 2), [9.0])
    speaks, right = np.array([0]), np.ones((1, 14), dtype=bool)
    with pytest.raises(AuditError, match="no confidence by joint"):
        count_confidence(labels, Detections.of([1], labels.xy, [1]), speaks, right, LSP_14.joints)
    wild = Detections.of([1], labels.xy, [1], confidence=np.full((1, 14), 7.5))
    with pytest.raises(AuditError, match=r"detections\[0\] \(image 1\): confidence of right_ankle is 7.5"):
        count_confidence(labels, wild, speaks, right, LSP_14.joints)


def test_questions_that_make_no_sense_are_refused():
    found = counts([0.5], [True])
    with pytest.raises(AuditError, match="3 bins, expected a divisor of 1000"):
        found.calibration_error(3)
    with pytest.raises(AuditError, match="joint 'foot': unknown, expected one of hand"):
        found.curve("foot")
    with pytest.raises(AuditError, match="precision is 95"):
        found.look_below(95)
