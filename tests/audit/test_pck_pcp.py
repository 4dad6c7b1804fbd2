from __future__ import annotations

import numpy as np
import pytest

from labeltool.audit.pck import count_pck, sum_endpoint_errors
from labeltool.audit.pcp import count_pcp
from labeltool.audit.people import Labels
from labeltool.errors import AuditError
from labeltool.skeleton import define

ARM = define("arm", ["shoulder", "elbow", "wrist"], [("shoulder", "elbow"), ("elbow", "wrist")])
#: Upper arm 10 px, lower arm 20 px.
PLACES = np.array([[[0, 0], [6, 8], [18, 24]]], dtype=float)


def arm(v=(2, 1, 2), **rest) -> Labels:
    return Labels.of([1], PLACES, [v], [50.0], **rest)


def moved(*offsets):
    return PLACES + np.array([offsets], dtype=float)


def test_pck_is_measured_by_the_longer_side_of_the_box():
    labels = arm(box=[[0, 0, 10, 25]])
    rates = count_pck(labels, moved((3, 4), (0, 5.01), (np.nan, np.nan)), ARM, alpha=0.2)
    assert rates.each().tolist() == [1, 0, 0]
    assert rates.overall() == pytest.approx(1 / 3)


def test_pck_counts_nobody_without_a_size_and_no_unlabelled_joint():
    assert count_pck(arm(), PLACES, ARM).counted.tolist() == [0, 0, 0]
    assert np.isnan(count_pck(arm(), PLACES, ARM).overall())
    assert count_pck(arm(v=(2, 0, 2), box=[[0, 0, 1, 1]]), PLACES, ARM).counted.tolist() == [1, 0, 1]
    assert count_pck(arm(box=[[0, 0, 9, 9]], crowd=[True]), PLACES, ARM).counted.tolist() == [0, 0, 0]


def test_pckh_is_pck_with_the_head_as_size():
    rates = count_pck(arm(), moved((3, 4), (3, 4.1), (0, 0)), ARM, alpha=0.5, size=[10])
    assert rates.each().tolist() == [1, 0, 1]


def test_pcp_relaxed_takes_the_mean_of_the_ends_and_strict_takes_both():
    # Upper arm (10 px): errors 2 and 8, mean 5: relaxed on the edge, strict fails. Lower arm (20 px): 8 and 10: both hold.
    labels, xy = arm(), moved((2, 0), (0, 8), (6, 8))
    relaxed, strict = count_pcp(labels, xy, ARM), count_pcp(labels, xy, ARM, rule="strict")
    assert relaxed.names == ("shoulder-elbow", "elbow-wrist")
    assert (relaxed.each().tolist(), strict.each().tolist()) == ([1, 1], [0, 1])
    assert (relaxed.overall(), strict.overall()) == (1, 0.5)


def test_pcp_counts_limbs_with_two_labelled_ends_and_a_length():
    assert count_pcp(arm(v=(2, 2, 0)), PLACES, ARM).counted.tolist() == [1, 0]
    flat = Labels.of([1], np.zeros((1, 3, 2)), [[2, 2, 2]], [9.0])
    assert count_pcp(flat, flat.xy, ARM).counted.tolist() == [0, 0]


def test_pcp_misses_a_limb_with_an_end_that_is_not_predicted():
    rates = count_pcp(arm(), moved((0, 0), (0, 0), (np.nan, np.nan)), ARM)
    assert (rates.total.tolist(), rates.counted.tolist()) == ([1, 0], [1, 1])


def test_pcp_of_another_rule_is_refused():
    with pytest.raises(AuditError, match="PCP rule 'loose': unknown, expected relaxed or strict"):
        count_pcp(arm(), PLACES, ARM, rule="loose")  # type: ignore[arg-type]


def test_a_skeleton_without_limbs_has_no_pcp():
    dots = define("dots", ["a", "b", "c"])
    assert np.isnan(count_pcp(arm(), PLACES, dots).overall())


def test_endpoint_error_leaves_out_what_has_no_distance():
    errors = sum_endpoint_errors(arm(v=(2, 0, 2)), moved((3, 4), (9, 9), (np.nan, np.nan)), ARM)
    assert errors.counted.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(errors.each(), [5, np.nan, np.nan])


def test_rates_add_up_by_name():
    one = count_pcp(arm(), PLACES, ARM)
    two = one + count_pcp(arm(), moved((0, 0), (99, 0), (0, 0)), ARM)
    assert (two.total.tolist(), two.counted.tolist()) == ([1, 1], [2, 2])
    with pytest.raises(AuditError, match="expected shoulder-elbow, elbow-wrist"):
        one + count_pck(arm(), PLACES, ARM)
