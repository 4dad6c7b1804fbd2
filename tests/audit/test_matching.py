from __future__ import annotations

import numpy as np
import pytest

from labeltool.audit.matching import joints_of, match
from labeltool.audit.oks import all_pairs
from labeltool.audit.people import Detections, Labels
from labeltool.errors import AuditError

SIGMAS = [0.5]


def people(*places, image=1, v=2, crowd=None, ids=None):
    xy = np.array(places, dtype=float).reshape(-1, 1, 2)
    n = len(xy)
    return Labels.of(np.full(n, image), xy, np.full((n, 1), v), np.full(n, 400.0), crowd=crowd, person=ids)


def guesses(*places, image=1, score=None, ids=None):
    xy = np.array(places, dtype=float).reshape(-1, 1, 2)
    n = len(xy)
    return Detections.of(np.full(n, image), xy, np.ones(n) if score is None else score, person=ids)


def matched(labels, detections):
    return match(labels, detections, all_pairs(labels, detections, SIGMAS)).tolist()


def test_the_greatest_oks_goes_first_and_each_speaks_once():
    # Detection 0 is nearest to label 1, detection 1 lies between; by score first label 0 would have got detection 0.
    labels = people((0, 0), (30, 0))
    assert matched(labels, guesses((29, 0), (16, 0), score=[0.2, 0.9])) == [1, 0]


def test_people_left_over_have_no_detection():
    labels = people((0, 0), (30, 0))
    assert matched(labels, guesses((29, 0))) == [-1, 0]
    assert matched(labels, guesses()) == [-1, -1]
    assert matched(labels, guesses((0, 0), image=2)) == [-1, -1]


def test_equal_oks_goes_to_the_higher_score_then_to_the_earlier():
    assert matched(people((0, 0)), guesses((3, 4), (4, 3), score=[0.5, 0.6])) == [1]
    assert matched(people((0, 0)), guesses((3, 4), (4, 3))) == [0]
    assert matched(people((0, 0), (0, 0)), guesses((3, 4))) == [0, -1]


def test_an_oks_of_zero_is_no_pair():
    assert matched(people((0, 0)), guesses((1e6, 0))) == [-1]


def test_crowds_and_people_without_joints_are_nobodys():
    labels = Labels.of([1, 1, 1], np.zeros((3, 1, 2)), [[2], [0], [2]], [400.0] * 3, crowd=[True, False, False])
    assert matched(labels, guesses((0, 0), (1, 0), (2, 0))) == [-1, -1, 0]


def test_by_id_however_far_off():
    labels = people((0, 0), (1e6, 0), ids=[71, 72])
    assert matched(labels, guesses((0, 0), (1, 0), ids=[72, 71])) == [1, 0]


def test_by_id_first_then_by_place():
    labels = people((0, 0), (5, 0), ids=[71, 72])
    assert matched(labels, guesses((5, 0), (4, 0), ids=[71, -1])) == [0, 1]
    # One made for somebody who is not among the labels speaks for nobody.
    assert matched(labels, guesses((0, 0), ids=[99])) == [-1, -1]


def test_two_detections_for_one_person_are_refused():
    with pytest.raises(AuditError, match="person 71: two detections speak for this person, expected one"):
        matched(people((0, 0), ids=[71]), guesses((0, 0), (0, 0), ids=[71, 71]))


def test_a_detection_in_another_image_than_its_person_is_refused():
    with pytest.raises(AuditError, match=r"detections\[0\] \(image 2\): speaks for person 71 of image 1"):
        matched(people((0, 0), ids=[71]), guesses((0, 0), image=2, ids=[71]))


def test_ids_must_be_unique_where_they_are_used():
    labels = people((0, 0), (9, 9), ids=[71, 71])
    assert matched(labels, guesses((0, 0), (9, 9))) == [0, 1]
    with pytest.raises(AuditError, match="the id stands twice"):
        matched(labels, guesses((0, 0), ids=[71]))


def test_as_the_greedy_loop_says():
    rng = np.random.default_rng(0)
    for _ in range(30):
        n, m = rng.integers(1, 9, 2)
        labels = people(*rng.integers(0, 12, (n, 2)))
        detections = guesses(*rng.integers(0, 12, (m, 2)), score=rng.choice([0.1, 0.2], m))
        pairs = all_pairs(labels, detections, SIGMAS)
        table = sorted(zip(-pairs.oks, -detections.score[pairs.detection], pairs.detection, pairs.label, strict=True))
        expected = [-1] * n
        for _, _, detection, label in table:
            if expected[label] == -1 and detection not in expected:
                expected[label] = detection
        assert matched(labels, detections) == expected


def test_joints_of_the_detection_that_speaks():
    detections = guesses((1, 2), (3, 4))
    xy = joints_of(detections, np.array([1, -1, 0]))
    np.testing.assert_array_equal(xy[:, 0], [[3, 4], [np.nan, np.nan], [1, 2]])
    assert np.isnan(joints_of(guesses(), np.array([-1, -1]))).all()
