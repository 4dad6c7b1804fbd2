from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools_oracle import evaluate, ten_numbers
from random_files import random_files

from labeltool.audit.average_precision import average_precision, count_detections, merge
from labeltool.audit.coco_arrays import detections_from_coco, labels_from_coco
from labeltool.audit.oks import all_pairs
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, Skeleton


def ours(document, results, skeleton: Skeleton = COCO_17) -> dict[str, float]:
    labels = labels_from_coco(document["annotations"], skeleton)
    detections = detections_from_coco(results, skeleton)
    return average_precision(labels, detections, skeleton.sigmas).as_dict()


def assert_same(document, results, skeleton: Skeleton = COCO_17) -> dict[str, float]:
    numbers = ours(document, results, skeleton)
    assert numbers == pytest.approx(ten_numbers(document, results, skeleton.sigmas), rel=0, abs=1e-12)
    return numbers


@pytest.mark.parametrize("boxes", [False, True], ids=["joints", "boxes"])
@pytest.mark.parametrize("skeleton", [COCO_17, LSP_14, MPII_16], ids=lambda s: s.name)
def test_equals_pycocotools(skeleton, boxes):
    for seed in range(4):
        numbers = assert_same(*random_files(seed, skeleton, boxes=boxes), skeleton)
        assert 0 < numbers["AP"] < 1 and numbers["APM"] >= 0 and numbers["APL"] >= 0


def test_equals_pycocotools_with_its_own_sigmas():
    document, results = random_files(77, COCO_17)
    assert ours(document, results) == pytest.approx(ten_numbers(document, results), rel=0, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), images=st.integers(1, 6), boxes=st.booleans(), whole_pixels=st.booleans())
def test_equals_pycocotools_on_any_small_file(seed, images, boxes, whole_pixels):
    document, results = random_files(seed, COCO_17, images=images, boxes=boxes, whole_pixels=whole_pixels)
    if results:
        assert_same(document, results)


def test_precision_and_recall_equal_pycocotools_point_by_point():
    document, results = random_files(5, COCO_17, images=40)
    oracle = evaluate(document, results, COCO_17.sigmas).eval
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    counts = count_detections(labels, detections, all_pairs(labels, detections, COCO_17.sigmas))
    precision, recall = counts.precision_recall()
    np.testing.assert_allclose(precision, oracle["precision"][:, :, 0, :, 0].transpose(2, 0, 1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(recall, oracle["recall"][:, 0, :, 0].T, rtol=0, atol=1e-12)


def test_parts_in_any_order_and_row_order_within_add_up_to_the_whole():
    document, results = random_files(11, COCO_17, images=30)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    whole = average_precision(labels, detections, COCO_17.sigmas)
    parts = []
    for remainder in (2, 0, 1):
        some_labels = labels.take(labels.image % 3 == remainder)
        some_detections = detections.take(detections.image % 3 == remainder)
        pairs = all_pairs(some_labels, some_detections, COCO_17.sigmas)
        parts.append(count_detections(some_labels, some_detections, pairs))
    assert merge(parts).summary() == whole
    assert (parts[1] + parts[2] + parts[0]).summary() == whole
    with pytest.raises(AuditError, match="measured twice"):
        parts[0] + parts[0]


def one_person(**changes):
    xy = [(100 + 7 * i, 100 + 11 * (i % 5)) for i in range(17)]
    person = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "keypoints": [n for x, y in xy for n in (x, y, 2)],
        "num_keypoints": 17,
        "area": 5000.0,
        "bbox": [100, 100, 120, 50],
        "iscrowd": 0,
    }
    person.update(changes)
    document = {"images": [{"id": 1}], "annotations": [person], "categories": [COCO_17.to_category()]}
    return document, [
        {"image_id": 1, "category_id": 1, "keypoints": [n for x, y in xy for n in (x, y, 1)], "score": 0.9}
    ]


@pytest.mark.parametrize("area", [32**2, 96**2, 32**2 - 1e-9, 96**2 + 1e-9, 1e10, 1e10 + 1])
def test_size_classes_include_both_ends(area):
    numbers = assert_same(*one_person(area=area))
    assert numbers["APM"] == pytest.approx(1 if 32**2 <= area <= 96**2 else -1)
    assert numbers["APL"] == pytest.approx(1 if 96**2 <= area <= 1e10 else -1)


def test_nobody_to_find_is_minus_one():
    nobody = [n for _ in range(17) for n in (0, 0, 0)]
    numbers = assert_same(*one_person(keypoints=nobody, num_keypoints=0))
    assert set(numbers.values()) == {-1.0}


def test_no_detections_find_nobody():
    document, results = one_person()
    numbers = ours(document, [])
    assert (numbers["AP"], numbers["AR"], numbers["APM"], numbers["APL"]) == (0, 0, 0, -1)
    # The nearest thing pycocotools can load: a detection elsewhere.
    document["images"].append({"id": 2})
    far = [{**results[0], "image_id": 2}]
    assert assert_same(document, far)["AP"] == 0


def test_nothing_at_all_is_minus_one():
    assert set(ours({"annotations": []}, []).values()) == {-1.0}
    assert set(merge([]).summary().as_dict().values()) == {-1.0}


def test_only_the_best_twenty_detections_of_an_image_are_looked_at():
    document, results = one_person()
    far = [n for _ in range(17) for n in (900, 900, 1)]
    crowd = [{**results[0], "keypoints": far, "score": 0.95} for _ in range(19)]
    assert assert_same(document, [*crowd, *results])["AR"] == pytest.approx(1)
    assert assert_same(document, [*crowd, crowd[0], *results])["AR"] == 0


def test_equal_scores_keep_the_order_of_the_file():
    document, results = one_person()
    off = [n + (6 if i % 3 == 0 else 0) for i, n in enumerate(results[0]["keypoints"])]
    worse = {**results[0], "keypoints": off}
    better_first, worse_first = [results[0], worse], [worse, results[0]]
    assert assert_same(document, better_first)["AP"] != assert_same(document, worse_first)["AP"]


def test_of_equal_oks_the_later_label_wins():
    # Two people with the same joints; the first is large. Who is taken decides what the second detection may find.
    document, results = one_person()
    document["annotations"].append({**document["annotations"][0], "id": 2})
    for areas in ((5000.0, 5000.0), (5000.0, 5000.0 + 1e-9)):
        for person, area in zip(document["annotations"], areas, strict=True):
            person["area"] = area
        assert_same(document, results)
        assert_same(document, [*results, {**results[0], "score": 0.8}])
