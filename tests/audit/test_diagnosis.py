from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from planted import coco_people, lspet_people, plant
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from random_files import random_files

from labeltool.audit import Detections, Labels, detections_from_coco, labels_from_coco
from labeltool.audit.average_precision import labels_found
from labeltool.audit.diagnosis import (
    GOOD,
    INVERSION,
    JITTER,
    KINDS,
    MISS,
    NO_KIND,
    SWAP,
    as_table,
    count_diagnosis,
    diagnose,
)
from labeltool.audit.oks import all_pairs
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, define

PAIR = define(
    "pair", ["nose", "left_hand", "right_hand"], sigmas=dict.fromkeys(["nose", "left_hand", "right_hand"], 0.5)
)
AREA = 100.0


def at(ks):
    """The distance at which a joint of PAIR has that ks: 2 sigma = 1, s = 10."""
    return math.sqrt(-2 * math.log(ks) * AREA)


def kinds(labels, detections, skeleton=PAIR, **options):
    found = diagnose(labels, detections, skeleton, all_pairs(labels, detections, skeleton.sigmas), **options)
    return found.kind.tolist()


def person(*places, v=2, image=1):
    return Labels.of([image], [places], np.full((1, len(places)), v), [AREA])


NOSE, LEFT, RIGHT = (0.0, 0.0), (200.0, 0.0), (400.0, 0.0)


@pytest.mark.parametrize(
    ("ks", "kind"),
    [(1, GOOD), (0.8501, GOOD), (0.8499, JITTER), (0.5001, JITTER), (0.4999, MISS), (0.01, MISS)],
)
def test_bands_of_ks(ks, kind):
    labels = person(NOSE, LEFT, RIGHT)
    guess = Detections.of([1], [[(at(ks), 0), LEFT, RIGHT]], [1.0])
    assert kinds(labels, guess) == [[kind, GOOD, GOOD]]


def test_the_left_hand_on_the_right_is_an_inversion_and_a_nose_has_no_mirror():
    labels = person(NOSE, LEFT, RIGHT)
    assert kinds(labels, Detections.of([1], [[NOSE, RIGHT, LEFT]], [1.0])) == [[GOOD, INVERSION, INVERSION]]
    assert kinds(labels, Detections.of([1], [[LEFT, LEFT, RIGHT]], [1.0])) == [[MISS, GOOD, GOOD]]


def test_an_accurate_joint_in_profile_is_no_inversion_unless_no_margin_is_asked_for():
    # Both hands at almost the same place; each guess is a little nearer to the other one.
    labels = person(NOSE, (200, 0), (201, 0))
    guess = Detections.of([1], [[NOSE, (201, 0), (200, 0)]], [1.0])
    assert kinds(labels, guess) == [[GOOD, GOOD, GOOD]]
    assert kinds(labels, guess, margin=0) == [[GOOD, INVERSION, INVERSION]]


def test_the_margin_must_be_exceeded():
    labels = person(NOSE, (200, 0), (200 + at(0.75), 0))
    on_the_mirror = Detections.of([1], [[NOSE, (200 + at(0.75), 0), (500, 0)]], [1.0])
    assert kinds(labels, on_the_mirror, margin=0.2499)[0][1] == INVERSION
    assert kinds(labels, on_the_mirror, margin=0.2501)[0][1] == JITTER
    with pytest.raises(AuditError, match="margin is -1, expected 0 or more"):
        kinds(labels, on_the_mirror, margin=-1)


def two(v=2, area=AREA):
    xy = [[NOSE, LEFT, RIGHT], [(0, 300), (200, 300), (400, 300)]]
    return Labels.of([1, 1], xy, [[2, 2, 2], [v, v, v]], [AREA, area])


def test_a_joint_of_somebody_else_is_a_swap_be_it_the_same_or_its_mirror():
    guess = Detections.of([1], [[NOSE, LEFT, (400, 300)]], [1.0])
    assert kinds(two(), guess)[0] == [GOOD, GOOD, SWAP]
    assert kinds(two(), Detections.of([1], [[NOSE, LEFT, (200, 300)]], [1.0]))[0] == [GOOD, GOOD, SWAP]
    assert kinds(two(), Detections.of([1], [[NOSE, LEFT, (0, 300)]], [1.0]))[0] == [GOOD, GOOD, MISS]


def test_unlabelled_joints_of_others_attract_nobody_and_others_have_their_own_scale():
    guess = Detections.of([1], [[NOSE, LEFT, (400 + at(0.6), 300)]], [1.0])
    assert kinds(two(), guess)[0][2] == SWAP
    assert kinds(two(v=0), guess)[0][2] == MISS
    assert kinds(two(area=AREA / 4), guess)[0][2] == MISS


def test_ties_go_to_the_own_label_then_to_the_mirror():
    everyone = Labels.of([1, 1], [[NOSE, LEFT, RIGHT]] * 2, np.full((2, 3), 2), [AREA, AREA])
    assert kinds(everyone, Detections.of([1], [[NOSE, RIGHT, RIGHT]], [1.0]))[1] == [GOOD, INVERSION, GOOD]


def test_joints_that_are_not_predicted_are_misses_and_unlabelled_ones_of_no_kind():
    labels = Labels.of([1], [[NOSE, LEFT, RIGHT]], [[2, 1, 0]], [AREA])
    guess = Detections.of([1], [[NOSE, LEFT, RIGHT]], [1.0], predicted=[True, False, True])
    assert kinds(labels, guess) == [[GOOD, MISS, NO_KIND]]


def test_missed_people_background_and_excused_detections():
    xy = [[NOSE, LEFT, RIGHT], [(0, 300), (200, 300), (400, 300)], [(0, 900), (200, 900), (400, 900)]]
    labels = Labels.of([1, 1, 1], xy, [[2, 2, 2], [2, 0, 2], [2, 2, 2]], [AREA] * 3, crowd=[False, False, True])
    far = [[(5000, 0), (5000, 0), (5000, 0)]]
    detections = Detections.of([1, 1, 2], [xy[2], xy[0], *far], [0.9, 0.8, 0.7])
    found = diagnose(labels, detections, PAIR, all_pairs(labels, detections, PAIR.sigmas))
    assert found.speaks.tolist() == [1, -1, -1]
    assert found.missed.tolist() == [False, True, False]
    assert (found.background.tolist(), found.excused.tolist()) == ([False, False, True], [True, False, False])
    counts = count_diagnosis(found, labels, PAIR)
    assert (counts.people, counts.people_missed, counts.detections) == (2, 1, 3)
    assert (counts.background, counts.excused, counts.beyond_limit) == (1, 1, 0)
    assert counts.kinds.tolist() == [[1, 1, 1], *[[0, 0, 0]] * 4] and counts.person_missed.tolist() == [1, 0, 1]
    assert counts.overall() == {"good": 1, "jitter": 0, "inversion": 0, "swap": 0, "miss": 0}


def test_after_twenty_detections_nobody_looks():
    labels = person(NOSE, LEFT, RIGHT)
    crowd = Detections.of(np.ones(22), [[(900, 900)] * 3] * 21 + [[NOSE, LEFT, RIGHT]], [1.0] * 21 + [0.5])
    counts = count_diagnosis(diagnose(labels, crowd, PAIR, all_pairs(labels, crowd, PAIR.sigmas)), labels, PAIR)
    assert (counts.people_missed, counts.background, counts.beyond_limit) == (1, 20, 2)


def test_matching_is_pycocotools_at_a_tenth():
    for seed in range(3):
        document, results = random_files(seed, COCO_17, images=25, boxes=True)
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = document
            truth.createIndex()
            run = COCOeval(truth, truth.loadRes(results), "keypoints")
            run.params.iouThrs = np.array([0.1])
            run.params.areaRng, run.params.areaRngLbl = [[0, 1e10 + 2]], ["all"]
            run.evaluate()
        labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
        found, looked_at = labels_found(labels, detections, all_pairs(labels, detections, COCO_17.sigmas), 0.1)
        expected = np.full(len(detections), -1)
        seen = np.zeros(len(detections), dtype=bool)
        for part in filter(None, run.evalImgs):
            for result_id, match in zip(part["dtIds"], part["dtMatches"][0], strict=True):
                seen[result_id - 1] = True
                if match:
                    expected[result_id - 1] = int(np.flatnonzero(labels.person == match)[0])
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(looked_at, seen)


def by_the_book(labels, detections, skeleton, speaks, margin):
    """The definition in plain loops."""
    flip = skeleton.flip_order()

    def ks(point, who, joint, j):
        if labels.v[who, joint] == 0:
            return -1.0
        d2 = ((point - labels.xy[who, joint]) ** 2).sum()
        return math.exp(-d2 / (2 * (labels.area[who] + np.spacing(1)) * (2 * skeleton.sigmas[j]) ** 2))

    kind = np.full(labels.v.shape, NO_KIND)
    for i in np.flatnonzero(speaks >= 0):
        fellows = [q for q in np.flatnonzero(labels.image == labels.image[i]) if q != i]
        for j in np.flatnonzero(labels.v[i] > 0):
            point = detections.xy[speaks[i], j]
            own, mirror = ks(point, i, j, j), ks(point, i, flip[j], j)
            candidates = [(own, JITTER), *([(mirror, INVERSION)] if mirror - own > margin else [])]
            candidates += [(ks(point, q, m, j), SWAP) for q in fellows for m in (j, flip[j])]
            m, a = max(candidates, key=lambda c: c[0])
            kind[i, j] = MISS if m < 0.5 else GOOD if a == JITTER and m >= 0.85 else a
    return kind


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_as_the_definition_says(margin):
    seen = np.zeros(len(KINDS), dtype=int)
    for seed in range(4):
        document, results = random_files(seed, COCO_17, images=40)
        labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
        found = diagnose(labels, detections, COCO_17, all_pairs(labels, detections, COCO_17.sigmas), margin=margin)
        np.testing.assert_array_equal(found.kind, by_the_book(labels, detections, COCO_17, found.speaks, margin))
        counts = count_diagnosis(found, labels, COCO_17, margin)
        labelled = (labels.v > 0)[labels.people]
        assert (counts.kinds.sum(axis=0) + counts.person_missed).tolist() == labelled.sum(axis=0).tolist()
        assert counts.kinds.sum() == (labels.v > 0)[found.speaks >= 0].sum()
        seen += counts.kinds.sum(axis=1)
    assert (seen > 0).all(), "a kind never came up"


def test_parts_add_up_to_the_whole():
    document, results = random_files(3, COCO_17, images=30)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)

    def counted(some_labels, some_detections, margin=0.1):
        pairs = all_pairs(some_labels, some_detections, COCO_17.sigmas)
        return count_diagnosis(
            diagnose(some_labels, some_detections, COCO_17, pairs, margin=margin), some_labels, COCO_17, margin
        )

    parts = [counted(labels.take(labels.image % 2 == r), detections.take(detections.image % 2 == r)) for r in (1, 0)]
    whole = counted(labels, detections)
    assert (parts[0] + parts[1]).to_json() == whole.to_json()
    assert sum(row["n"] for row in as_table(whole)) == whole.kinds.sum()
    with pytest.raises(AuditError, match="another margin"):
        parts[0] + counted(labels, detections, margin=0)


def planted_and_found(labels, skeleton, seed):
    p = plant(labels, skeleton, seed)
    found = diagnose(labels, p.detections, skeleton, all_pairs(labels, p.detections, skeleton.sigmas))
    return p, found


def assert_found_again(labels, skeleton, kinds_planted, least):
    table = np.zeros((5, 5), dtype=int)
    unclear = 0
    for seed in range(2):
        p, found = planted_and_found(labels, skeleton, seed)
        assert (found.speaks >= 0)[p.clear_person].all()
        use = p.clear & p.clear_person[:, None]
        unclear += int(((p.kind >= 0) & ~use).sum())
        np.add.at(table, (p.kind[use], found.kind[use]), 1)
    for kind in kinds_planted:
        assert table[kind].sum() >= least, f"{KINDS[kind]}: {table[kind].sum()} planted"
        assert table[kind, kind] >= 0.99 * table[kind].sum(), f"{KINDS[kind]} was found as {table[kind]}"
    assert table.sum() > 2 * unclear, f"{unclear} joints are unclear, {table.sum()} are clear"


def test_errors_planted_into_people_of_coco_are_found_again(coco_mini):
    assert_found_again(*coco_people(coco_mini, times=4), range(5), least=150)


def test_errors_planted_into_athletes_of_lspet_are_found_again(lspet):
    assert_found_again(*lspet_people(lspet, people=400), range(5), least=150)


def test_planted_rates_are_recovered(lspet):
    labels, skeleton = lspet_people(lspet, people=400)
    assert skeleton is LSP_14
    p, found = planted_and_found(labels, skeleton, 9)
    use = p.clear & p.clear_person[:, None]
    for kind in range(5):
        assert (found.kind[use] == kind).mean() == pytest.approx((p.kind[use] == kind).mean(), abs=0.003)
