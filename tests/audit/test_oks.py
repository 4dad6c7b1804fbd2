from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools_oracle import evaluate
from random_files import random_files

from labeltool.audit.coco_arrays import detections_from_coco, labels_from_coco
from labeltool.audit.oks import all_pairs, keypoint_similarity, squared_scale
from labeltool.audit.people import Detections, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17


def test_formula_by_hand():
    # d = 5 px, s^2 = 100, k = 2 x 0.1: exp(-25 / (2 x 100 x 0.04)) = exp(-3.125)
    ks = keypoint_similarity([[[3, 4], [0, 0]]], [[[0, 0], [0, 0]]], [100], [0.1, 0.3])
    assert ks[0].tolist() == pytest.approx([math.exp(-3.125), 1.0])


def test_a_joint_that_is_not_predicted_has_similarity_zero():
    ks = keypoint_similarity([[[np.nan, np.nan], [0, 0]]], [[[0, 0], [0, 0]]], [100], [0.1, 0.1])
    assert ks[0].tolist() == [0, 1]


@pytest.mark.parametrize("whole_pixels", [True, False])
def test_every_pair_has_the_bits_of_pycocotools(whole_pixels):
    document, results = random_files(3, COCO_17, images=30, whole_pixels=whole_pixels)
    run = evaluate(document, results, COCO_17.sigmas)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    pairs = all_pairs(labels, detections, COCO_17.sigmas)
    compared = 0
    for (image, _), theirs in run.ious.items():
        in_image = labels.image[pairs.label] == image
        if not len(theirs):
            assert not in_image.any()
            continue
        ours = pairs.oks[in_image].reshape(-1, theirs.shape[1])
        order = np.argsort(-detections.score[detections.image == image], kind="stable")[:20]
        np.testing.assert_array_equal(ours[order], theirs)
        compared += theirs.size
    assert compared > 300


def test_a_person_without_labelled_joints_is_measured_to_the_doubled_box():
    # Box 10 x 20 at (100, 100), doubled: x in 90..120, y in 80..140. One joint, 5 px outside to the left and 12 above.
    labels = Labels.of([1], np.zeros((1, 1, 2)), [[0]], [200.0], box=[[100, 100, 10, 20]])
    detections = Detections.of([1, 1], [[[90, 140]], [[85, 68]]], [1, 1])
    oks = all_pairs(labels, detections, [0.5]).oks
    assert oks.tolist() == pytest.approx([1.0, math.exp(-(25 + 144) / (2 * 200 * 1.0))])


def test_a_person_without_joints_or_box_is_near_nobody():
    labels = Labels.of([1], np.zeros((1, 1, 2)), [[0]], [200.0])
    assert all_pairs(labels, Detections.of([1], [[[0, 0]]], [1]), [0.5]).oks.tolist() == [0]


def test_joints_left_out_by_the_model_are_left_out_around_people_without_joints():
    labels = Labels.of([1], np.zeros((1, 2, 2)), [[0, 0]], [200.0], box=[[0, 0, 10, 10]])
    detections = Detections.of([1, 1], [[[5, 5], [0, 0]]] * 2, [1, 1], predicted=[[True, False], [False, False]])
    assert all_pairs(labels, detections, [0.5, 0.5]).oks.tolist() == [1, 0]


def test_the_diagonal_of_the_box_is_another_scale():
    labels = Labels.of([1], [[[0, 0]]], [[2]], [100.0], box=[[0, 0, 30, 40]])
    assert squared_scale(labels).tolist() == [100]
    assert squared_scale(labels, "bbox-diagonal").tolist() == [2500]
    near = Detections.of([1], [[[3, 4]]], [1])
    area, diagonal = (all_pairs(labels, near, [0.1], scale).oks[0] for scale in ("area", "bbox-diagonal"))
    assert (area, diagonal) == pytest.approx((math.exp(-25 / 8), math.exp(-25 / 200)))


def test_the_diagonal_needs_a_box():
    labels = Labels.of([7], [[[0, 0]]], [[2]], [100.0], person=[31])
    with pytest.raises(AuditError, match=r"labels\[0\] \(id 31, image 7\): no box, expected one"):
        squared_scale(labels, "bbox-diagonal")
    with pytest.raises(AuditError, match="scale 'bbox': unknown, expected area or bbox-diagonal"):
        squared_scale(labels, "bbox")  # type: ignore[arg-type]


def test_pairs_stay_within_their_image():
    labels = Labels.of([5, 3, 5], np.zeros((3, 1, 2)), np.ones((3, 1)), [1, 1, 1])
    detections = Detections.of([5, 4, 3, 5], np.zeros((4, 1, 2)), np.ones(4))
    pairs = all_pairs(labels, detections, [0.1])
    assert list(zip(pairs.detection, pairs.label, strict=True)) == [(0, 0), (0, 2), (2, 1), (3, 0), (3, 2)]
