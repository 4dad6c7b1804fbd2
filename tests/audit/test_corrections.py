from __future__ import annotations

import copy

import numpy as np
import pytest
from planted import coco_people, plant
from pycocotools_oracle import ten_numbers
from random_files import random_files

from labeltool.audit import Detections, Labels, average_precision, detections_from_coco, labels_from_coco
from labeltool.audit.corrections import FIXES, count_corrections
from labeltool.audit.diagnosis import INVERSION, JITTER, KINDS, MISS, SWAP, diagnose
from labeltool.audit.oks import all_pairs
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, define

HANDS = define("hands", ["left_hand", "right_hand"], sigmas={"left_hand": 0.5, "right_hand": 0.5})


def corrected(labels, detections, skeleton):
    pairs = all_pairs(labels, detections, skeleton.sigmas)
    return count_corrections(labels, detections, skeleton, pairs, diagnose(labels, detections, skeleton, pairs))


def one(ks):
    """A person both of whose hands have that ks (2 sigma = 1, s = 10), and somebody far away."""
    labels = Labels.of([1], [[(0, 0), (900, 0)]], [[2, 2]], [100.0])
    d = np.sqrt(-2 * np.log(ks) * 100)
    return labels, Detections.of([1], [[(0, d), (900, d)]], [1.0], box=[[0, 0, 900, 10]])


@pytest.mark.parametrize(
    ("ks", "fix", "before", "after"), [(0.62, "jitter", 3, 8), (0.3, "miss", 0, 1), (0.62, "miss", 3, 3)]
)
def test_a_fixed_joint_reaches_the_next_band(ks, fix, before, after):
    counts = corrected(*one(ks), HANDS)
    assert counts.before.summary().AP == pytest.approx(before / 10)
    assert counts.fixed()[fix].AP == pytest.approx(after / 10)
    assert counts.gains()[fix] == pytest.approx((after - before) / 10)


def test_fixed_inversions_keep_their_ks():
    labels, _ = one(1)
    d = np.sqrt(-2 * np.log(0.72) * 100)
    counts = corrected(labels, Detections.of([1], [[(0, d), (0, d)]], [1.0], box=[[0, 0, 900, 10]]), HANDS)
    assert counts.before.summary().AP == 0
    assert counts.fixed()["inversion"].AP == pytest.approx(0.5)
    assert counts.fixed()["jitter"].AP == 0


def test_without_background_or_missed_people():
    xy = [[(0, 0), (900, 0)], [(0, 500), (900, 500)]]
    labels = Labels.of([1, 1], xy, [[2, 2]] * 2, [100.0] * 2)
    detections = Detections.of([1, 1], [xy[0], [(5000, 0)] * 2], [0.5, 0.9], box=[[0, 0, 9, 9]] * 2)
    counts = corrected(labels, detections, HANDS)
    # Found is half of the people; the false alarm comes first, so precision is .5 up to recall .5 (51 of 101 recalls).
    assert counts.before.summary().AP == pytest.approx(0.5 * 51 / 101)
    assert counts.fixed()["background"].AP == pytest.approx(51 / 101)
    assert counts.fixed()["person_missed"].AP == pytest.approx(0.5)


def test_nothing_to_fix_gains_nothing():
    counts = corrected(*one(1), HANDS)
    assert counts.gains() == dict.fromkeys(FIXES, 0)
    nobody = corrected(Labels.of([], np.zeros((0, 2, 2)), np.zeros((0, 2)), []), one(1)[1], HANDS)
    assert set(nobody.gains().values()) == {0}


def test_moved_joints_are_measured_as_pycocotools_measures_them():
    """Every kind of joint error is fixed by hand in the results file, which pycocotools then evaluates."""
    for seed in (1, 2):
        document, results = random_files(seed, COCO_17, images=30, boxes=True)
        labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
        pairs = all_pairs(labels, detections, COCO_17.sigmas)
        found = diagnose(labels, detections, COCO_17, pairs)
        counts = count_corrections(labels, detections, COCO_17, pairs, found)
        for kind in (JITTER, INVERSION, SWAP, MISS):
            fixed = copy.deepcopy(results)
            for i, j in np.argwhere(found.kind == kind):
                ks = {JITTER: 0.85 + 1e-9, MISS: 0.5 + 1e-9}.get(kind, found.ks[i, j])
                away = np.sqrt(-2 * np.log(ks) * labels.area[i]) * 2 * COCO_17.sigmas[j]
                place = [labels.xy[i, j, 0] + away, labels.xy[i, j, 1]]
                fixed[found.speaks[i]]["keypoints"][3 * j : 3 * j + 2] = [float(x) for x in place]
            expected = ten_numbers(document, fixed, COCO_17.sigmas)
            assert counts.fixed()[KINDS[kind]].as_dict() == pytest.approx(expected, rel=0, abs=1e-12)


def test_people_and_detections_taken_out_are_as_if_never_there():
    document, results = random_files(4, COCO_17, images=30)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    found = diagnose(labels, detections, COCO_17, all_pairs(labels, detections, COCO_17.sigmas))
    counts = corrected(labels, detections, COCO_17)
    real, met = ~found.background, ~found.missed
    assert counts.fixed()["background"] == average_precision(labels, detections.take(real), COCO_17.sigmas)
    assert counts.fixed()["person_missed"] == average_precision(labels.take(met), detections, COCO_17.sigmas)


def test_parts_add_up_to_the_whole():
    document, results = random_files(5, COCO_17, images=30)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    parts = [
        corrected(labels.take(labels.image % 2 == r), detections.take(detections.image % 2 == r), COCO_17)
        for r in (1, 0)
    ]
    assert (parts[0] + parts[1]).fixed() == corrected(labels, detections, COCO_17).fixed()
    with pytest.raises(AuditError, match="other corrections"):
        parts[0] + type(parts[0])(parts[1].before, {})


def test_fixing_real_errors_raises_ap(coco_mini):
    labels, skeleton = coco_people(coco_mini, times=1)
    gains = corrected(labels, plant(labels, skeleton, 0).detections, skeleton).gains()
    assert all(gains[name] > 0 for name in ("jitter", "inversion", "miss"))
