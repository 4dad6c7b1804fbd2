from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labeltool.audit.circle import first_within, within
from labeltool.audit.coco_arrays import labels_from_coco
from labeltool.audit.pdj import CURVE_THRESHOLDS, THRESHOLDS, count_pdj, torso_diameters
from labeltool.audit.people import Labels
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, define

#: Shoulder, hip, their mirrors, and one joint to place.
FIVE = define("five", ["left_shoulder", "right_hip", "right_shoulder", "left_hip", "nose"])
NOSE = 4


def body(torso, v=(2, 2, 0, 0, 2), mirror=(0, 0), **rest) -> Labels:
    """One person: left shoulder at the origin, right hip at `torso`, the other diagonal `mirror`, the nose at (100, 100)."""
    xy = [[0, 0], torso, [0, 0], mirror, [100, 100]]
    return Labels.of([1], [xy], [v], [100.0], **rest)


def nose_detected(torso, offset, t) -> bool:
    labels = body(torso)
    xy = labels.xy.copy()
    xy[0, NOSE] += offset
    return bool(count_pdj(labels, xy, FIVE, thresholds=[t]).detected[0, NOSE])


@pytest.mark.parametrize(
    ("torso", "offset", "t"),
    [
        ((6, 8), (3, 4), 0.5),
        ((10, 0), (3, 4), 0.5),
        ((0, 50), (3, 4), 0.1),
        ((50, 0), (5, 0), 0.1),
        ((20, 0), (3, 0), 0.15),
        ((0, 20), (0, -7), 0.35),
        ((10, 0), (3, 0), 0.3),
        ((100, 0), (29, 0), 0.29),
        ((300, 400), (7, 24), 0.05),
        ((60, 80), (28, 21), 0.35),
    ],
)
def test_on_the_circle_is_detected_and_a_hair_outside_is_not(torso, offset, t):
    assert nose_detected(torso, offset, t)
    assert nose_detected(torso, offset, float(np.linspace(0, t, 4)[-1]))
    assert not nose_detected(torso, np.multiply(offset, 1 + 1e-9), t)
    assert not nose_detected(torso, offset, t - 1e-9)


def test_thresholds_that_carry_rounding_are_what_they_were_written_as():
    assert 0.1 + 0.2 != 0.3 and 3 * 0.05 != 0.15
    assert nose_detected((10, 0), (3, 0), 0.1 + 0.2)
    assert nose_detected((20, 0), (3, 0), 3 * 0.05)


def test_the_lectures_example():
    """0.05 x 500 = 25 px; inside is 1, outside is 0; 8 of 9."""
    nine = define("nine", ["left_shoulder", "right_hip", *(f"joint_{i}" for i in range(7))])
    places = np.array([[100, 100], [400, 500], *([50 * i, 600] for i in range(7))], dtype=float)
    errors = np.array(
        [[0, 0], [15, 20], [-25, 0], [0, 25], [7, -24], [-20, -15], [24, 7], [1, 1], [20, 16]], dtype=float
    )
    labels = Labels.of([1], [places], np.full((1, 9), 2), [1.0])
    counts = count_pdj(labels, (places + errors)[None], nine, thresholds=[0.05])
    assert np.sqrt(torso_diameters(labels, nine).squared) == 500
    assert (counts.detected.sum(), counts.counted.sum()) == (8, 9)
    assert counts.overall()[0] == 8 / 9
    assert counts.per_joint()[0].tolist() == [1] * 8 + [0]


@settings(max_examples=60, deadline=None)
@given(
    labels=hnp.arrays(np.int64, (3, 5, 2), elements=st.integers(-40, 40)),
    guesses=hnp.arrays(np.int64, (3, 5, 2), elements=st.integers(-40, 40)),
    v=hnp.arrays(np.int64, (3, 5), elements=st.integers(0, 2)),
    absent=hnp.arrays(np.bool_, (3, 5)),
)
def test_equals_the_definition_in_exact_numbers(labels, guesses, v, absent):
    people = Labels.of([1, 1, 2], labels, v, [9.0] * 3)
    counts = count_pdj(people, np.where(absent[..., None], np.nan, guesses), FIVE)
    for i, t in enumerate(CURVE_THRESHOLDS):
        t = Fraction(str(t))
        for joint in range(5):
            detected = counted = 0
            for person in range(3):
                torso2 = int(((labels[person, 0] - labels[person, 1]) ** 2).sum())
                if not (v[person, 0] and v[person, 1] and torso2 and v[person, joint]):
                    continue
                counted += 1
                d2 = int(((labels[person, joint] - guesses[person, joint]) ** 2).sum())
                detected += not absent[person, joint] and d2 <= t * t * torso2
            assert (counts.detected[i, joint], counts.counted[joint]) == (detected, counted)


def test_hidden_joints_count_and_unlabelled_ones_do_not():
    labels = body((10, 0), v=(1, 1, 0, 0, 0))
    counts = count_pdj(labels, labels.xy, FIVE)
    assert counts.counted.tolist() == [1, 1, 0, 0, 0]
    assert np.isnan(counts.per_joint()[0, NOSE]) and counts.overall()[0] == 1


def test_a_joint_without_prediction_is_missed_at_every_threshold():
    labels = body((10, 0))
    xy = labels.xy.copy()
    xy[0, NOSE] = np.nan
    counts = count_pdj(labels, xy, FIVE)
    assert counts.counted[NOSE] == 1 and counts.detected[:, NOSE].tolist() == [0] * len(CURVE_THRESHOLDS)
    assert counts.auc_per_joint()[NOSE] == 0


def test_coverage_counts_people_without_a_torso_but_pdj_does_not():
    labels = Labels.of(
        [1] * 5,
        np.array([[[0, 0], [0, 10], [5, 0], [5, 5], [2, 2]]] * 3 + [[[0, 0]] * 5] * 2, dtype=float),
        [[2, 2, 2, 2, 2], [2, 0, 2, 2, 2], [2, 2, 2, 2, 2], [2, 2, 2, 2, 2], [0, 0, 0, 0, 0]],
        [9.0] * 5,
        crowd=[False, False, True, False, False],
    )
    counts = count_pdj(labels, labels.xy, FIVE)
    assert (counts.people, counts.people_counted, counts.people_zero_torso) == (3, 1, 1)
    assert counts.coverage() == 1 / 3
    assert counts.counted.tolist() == [1] * 5
    either = count_pdj(labels, labels.xy, FIVE, torso="either-diagonal")
    assert (either.people_counted, either.people_mirrored, either.coverage()) == (2, 1, 2 / 3)


def test_the_fallback_is_taken_only_when_named_and_only_where_needed():
    needs = body((0, 0), v=(2, 0, 2, 2, 2), mirror=(30, 40))
    assert np.isnan(torso_diameters(needs, FIVE).squared[0])
    assert torso_diameters(needs, FIVE, "either-diagonal").squared[0] == 2500
    has_both = body((6, 8), v=(2, 2, 2, 2, 2), mirror=(30, 40))
    assert torso_diameters(has_both, FIVE, "either-diagonal").squared[0] == 100
    # A diagonal without length is no diagonal.
    flat = body((0, 0), v=(2, 2, 2, 2, 2), mirror=(30, 40))
    assert count_pdj(flat, flat.xy, FIVE).people_zero_torso == 1
    either = count_pdj(flat, flat.xy, FIVE, torso="either-diagonal")
    assert (either.people_zero_torso, either.people_counted) == (0, 1)
    with pytest.raises(AuditError, match="torso 'hips': unknown, expected left_shoulder-right_hip or either-diagonal"):
        torso_diameters(needs, FIVE, "hips")  # type: ignore[arg-type]


def test_torso_is_left_shoulder_to_right_hip_by_name_in_every_skeleton():
    for skeleton in (COCO_17, LSP_14):
        xy = np.zeros((1, len(skeleton), 2))
        xy[0, skeleton.index("left_shoulder")] = (160, 360)
        xy[0, skeleton.index("right_hip")] = (60, 90)
        labels = Labels.of([1], xy, np.full((1, len(skeleton)), 2), [1.0])
        # The lecture's worked example: sqrt(100^2 + 270^2) = 287.92.
        assert np.sqrt(torso_diameters(labels, skeleton).squared[0]) == pytest.approx(287.92, abs=0.005)


def test_a_skeleton_without_torso_has_no_pdj():
    hand = define("hand", ["wrist", "thumb"])
    labels = Labels.of([1], [[[0, 0], [5, 5]]], [[2, 2]], [9.0])
    counts = count_pdj(labels, labels.xy, hand)
    assert counts.coverage() == 0 and np.isnan(counts.overall()).all() and np.isnan(counts.auc())


def test_area_under_the_curve_is_exact():
    # Torso 10; the nose is 2 px off: its curve steps from 0 to 1 at 0.2, so 0.3 of 0.5 lie under it.
    labels = body((10, 0))
    xy = labels.xy.copy()
    xy[0, NOSE, 0] += 2
    counts = count_pdj(labels, xy, FIVE)
    assert counts.auc_per_joint()[NOSE] == pytest.approx(0.6)
    assert counts.auc() == pytest.approx((1 + 1 + 0.6) / 3)
    fine = count_pdj(labels, xy, FIVE, thresholds=[(i + 0.5) / 20000 for i in range(10000)])
    assert fine.per_joint()[:, NOSE].mean() == pytest.approx(0.6, abs=1e-4)


def test_counts_add_up():
    rng = np.random.default_rng(4)
    xy = rng.uniform(0, 100, (40, 14, 2))
    labels = Labels.of(np.arange(40), xy, rng.integers(0, 3, (40, 14)), np.full(40, 9.0))
    guesses = xy + rng.normal(0, 15, xy.shape)
    guesses[rng.random((40, 14)) < 0.2] = np.nan
    whole = count_pdj(labels, guesses, LSP_14, torso="either-diagonal")
    parts = [
        count_pdj(labels.take(rows), guesses[rows], LSP_14, torso="either-diagonal")
        for rows in (np.arange(15), np.arange(15, 15), np.arange(15, 40))
    ]
    added = parts[2] + parts[0] + parts[1]
    np.testing.assert_array_equal(added.detected, whole.detected)
    assert (added.people, added.people_counted, added.people_mirrored) == (
        40,
        whole.people_counted,
        whole.people_mirrored,
    )
    assert added.auc() == pytest.approx(whole.auc(), abs=1e-12)
    with pytest.raises(AuditError, match="other joints or thresholds"):
        whole + count_pdj(labels, guesses, LSP_14, thresholds=THRESHOLDS)


def test_pdj_at_a_threshold_that_was_not_counted_is_refused():
    counts = count_pdj(body((10, 0)), body((10, 0)).xy, FIVE, thresholds=THRESHOLDS)
    assert counts.at(0.2).tolist() == [1, 1, 0, 0, 1]
    with pytest.raises(AuditError, match=r"PDJ at 0.22: not counted, expected one of 0.05, 0.1"):
        counts.at(0.22)


def test_guesses_must_have_the_shape_of_the_labels():
    labels = body((10, 0))
    with pytest.raises(AuditError, match=r"predicted joints have shape \(2, 5, 2\), expected that of the labels"):
        count_pdj(labels, np.zeros((2, 5, 2)), FIVE)


def test_coverage_on_real_labels(coco_mini):
    document = json.loads((coco_mini / "annotations" / "person_keypoints_val2017.json").read_text())
    labels = labels_from_coco(document["annotations"], COCO_17)
    counts = count_pdj(labels, labels.xy, COCO_17)
    assert (counts.people, counts.people_counted) == (68, 47)
    assert counts.overall()[0] == 1


def test_the_first_circle_that_holds_a_point_is_the_one_that_within_names():
    rng = np.random.default_rng(3)
    squared = np.concatenate([np.arange(2600.0), rng.uniform(0, 9000, 2000), [np.nan, np.inf, 0]])
    unit = np.concatenate([np.full(2600, 100.0**2), rng.uniform(1, 9000, 2000), [1, 1, 1]])
    for shares in ((0.0, 0.1, 0.15, 0.3), (0.2,), tuple(i / 100 for i in range(51))):
        inside = np.array([within(squared, unit, share) for share in shares])
        expected = np.where(inside.any(axis=0), inside.argmax(axis=0), len(shares))
        np.testing.assert_array_equal(first_within(squared, unit, shares), expected)
