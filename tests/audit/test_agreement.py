from __future__ import annotations

import math

import numpy as np
import pytest

from labeltool.audit import Labels
from labeltool.audit.agreement import SIGMA_BANDS, agreement, double_labels
from labeltool.audit.oks import all_pairs
from labeltool.audit.people import Detections
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, COCO_SIGMAS, LSP_14, define

HANDS = define("hands", ["left_hand", "right_hand"], sigmas={"left_hand": 0.5, "right_hand": 0.25})


def twice(sigmas, people=4000, seed=0, outliers=0.0, per_image=2):
    """Every person labelled by two, whose joints lie apart as the sigmas say: E d^2 = s^2 sigma^2."""
    rng = np.random.default_rng(seed)
    k = len(sigmas)
    truth, area = rng.uniform(0, 400, (people, k, 2)), rng.uniform(500, 40_000, people)
    each = (np.sqrt(area)[:, None] * np.array(sigmas) / 2)[:, :, None]
    labels = [truth + rng.normal(0, 1, truth.shape) * each for _ in range(2)]
    wrong = rng.random((people, k)) < outliers
    labels[1][wrong] += 3000
    image, ids = np.arange(people) // per_image, np.arange(people)
    return Labels.of(
        np.tile(image, 2), np.concatenate(labels), np.full((2 * people, k), 2), np.tile(area, 2), person=np.tile(ids, 2)
    )


def test_pairs_are_rows_of_one_person():
    image, person = [1, 1, 1, 2, 1, 2, 1], [5, 6, 5, 5, 5, 7, 6]
    labels = Labels.of(image, np.zeros((7, 1, 2)), np.ones((7, 1)), np.ones(7), person=person)
    first, second = double_labels(labels)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 2), (0, 4), (1, 6), (2, 4)]
    alone = double_labels(labels.take([0, 1]))
    assert [a.tolist() for a in alone] == [[], []]


def test_by_hand():
    # s^2 = 25 and d = 3, 4: d^2 / s^2 = 1; the other hand was labelled by one alone.
    labels = Labels.of([1, 1], [[(0, 0), (9, 9)], [(3, 4), (0, 0)]], [[2, 2], [1, 0]], [25.0, 25.0], person=[7, 7])
    found = agreement(labels, HANDS)
    assert len(found) == 1 and found.squared[0, 0] == 1 and math.isnan(found.squared[0, 1])
    assert found.oks() == pytest.approx([math.exp(-0.5)]) and found.median_oks() == pytest.approx(math.exp(-0.5))
    assert found.only_one.tolist() == [0, 1] and found.n().tolist() == [1, 0]
    assert found.sigmas()[0] == 1 and math.isnan(found.sigmas()[1]) and math.isnan(found.robust_sigmas()[1])
    assert found.mean_ks()[0] == pytest.approx(math.exp(-0.5)) and math.isnan(found.mean_ks()[1])


def test_two_areas_of_one_person_are_averaged():
    labels = Labels.of([1, 1], [[(0, 0)], [(3, 4)]], [[2], [2]], [20.0, 30.0], person=[7, 7])
    assert agreement(labels, define("nose", ["nose"])).squared.tolist() == [[1.0]]


def test_oks_is_that_of_one_label_held_against_the_other():
    labels = twice(COCO_17.sigmas, people=40, per_image=1)
    found = agreement(labels, COCO_17)
    one, other = labels.take(found.first), labels.take(found.second)
    pairs = all_pairs(one, Detections.of(other.image, other.xy, np.ones(40)), COCO_17.sigmas)
    assert found.oks()[pairs.label] == pytest.approx(pairs.oks, abs=1e-12)


def test_cocos_sigmas_are_measured_from_labels_made_with_them():
    found = agreement(twice(COCO_17.sigmas), COCO_17)
    assert found.sigmas() == pytest.approx(COCO_17.sigmas, rel=0.05)
    assert found.robust_sigmas() == pytest.approx(COCO_17.sigmas, rel=0.06)
    assert COCO_SIGMAS["nose"] == pytest.approx(found.sigmas()[0], rel=0.05)


def test_joints_within_one_two_and_three_sigma():
    # Two normal coordinates: the distance is within n sigma with probability 1 - e^(-n^2).
    found = agreement(twice(LSP_14.sigmas), LSP_14).shares_within()
    assert SIGMA_BANDS == pytest.approx((0.8825, 0.6065, 0.3247), abs=1e-4)
    for n, share in enumerate(found, start=1):
        assert share == pytest.approx([1 - math.exp(-(n**2))] * 14, abs=0.03)


def test_outliers_move_the_robust_sigma_little():
    found = agreement(twice(LSP_14.sigmas, outliers=0.02), LSP_14)
    assert found.robust_sigmas() == pytest.approx(LSP_14.sigmas, rel=0.08)
    assert (found.sigmas() > 3 * np.array(LSP_14.sigmas)).all()


def test_intervals_of_sigmas_hold_the_truth():
    held = []
    for seed in range(12):
        low, high = agreement(twice(LSP_14.sigmas, people=300, seed=seed), LSP_14).sigma_intervals(replicates=300)
        held += ((low <= LSP_14.sigmas) & (np.array(LSP_14.sigmas) <= high)).tolist()
    assert 0.88 <= np.mean(held) <= 0.99


def test_parts_add_up_and_crowds_are_left_out():
    labels = twice(HANDS.sigmas, people=50)
    whole = agreement(labels, HANDS)
    parts = [agreement(labels.take(labels.image % 2 == r), HANDS) for r in (0, 1)]
    assert (parts[0] + parts[1]).sigmas() == pytest.approx(whole.sigmas())
    crowd = Labels.of(
        labels.image, labels.xy, labels.v, labels.area, person=labels.person, crowd=np.ones(100, dtype=bool)
    )
    assert len(agreement(crowd, HANDS)) == 0 and math.isnan(agreement(crowd, HANDS).median_oks())
    with pytest.raises(AuditError, match="agreement on other joints"):
        whole + agreement(twice(LSP_14.sigmas, people=3), LSP_14)
