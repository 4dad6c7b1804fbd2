from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask
from pycocotools_oracle import ten_numbers

from labeltool.audit.average_precision import average_precision
from labeltool.audit.coco_arrays import detections_from_coco, labels_from_coco
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, define

TWO = define("two", ["nose", "tail"])


def annotation(**changes):
    fields = {
        "id": 5,
        "image_id": 3,
        "category_id": 1,
        "keypoints": [1, 2, 2, 3.5, 4, 1],
        "area": 20,
        "bbox": [0, 0, 4, 5],
        "iscrowd": 0,
        **changes,
    }
    return {k: v for k, v in fields.items() if v != "absent"}


def result(**changes):
    fields = {"image_id": 3, "category_id": 1, "keypoints": [1, 2, 0.5, 4, 8, 0.25], "score": 0.5, **changes}
    return {k: v for k, v in fields.items() if v != "absent"}


def test_labels():
    labels = labels_from_coco([annotation(), annotation(id=2, keypoints=[9, 9, 0, 3, 4, 2], iscrowd=1)], TWO)
    assert (labels.person.tolist(), labels.image.tolist()) == ([5, 2], [3, 3])
    assert labels.xy.tolist() == [[[1, 2], [3.5, 4]], [[0, 0], [3, 4]]]
    assert labels.v.tolist() == [[2, 1], [0, 2]]
    assert (labels.area.tolist(), labels.crowd.tolist(), labels.people.tolist()) == (
        [20, 20],
        [False, True],
        [True, False],
    )
    assert labels.box.tolist() == [[0, 0, 4, 5]] * 2


def test_a_person_with_a_box_alone_has_no_labelled_joint():
    labels = labels_from_coco([annotation(keypoints="absent"), annotation(id=6, keypoints=None)], TWO)
    assert labels.v.tolist() == [[0, 0], [0, 0]] and not labels.people.any()


def test_detections_take_their_extent_for_box_and_area():
    detections = detections_from_coco([result()], TWO)
    assert (detections.box.tolist(), detections.area.tolist()) == ([[1, 2, 3, 6]], [18])
    assert detections.confidence is not None and detections.confidence.tolist() == [[0.5, 0.25]]
    assert detections.predicted.all() and detections.person.tolist() == [-1]


def test_a_box_of_the_first_result_goes_before_the_extent():
    assert detections_from_coco([result(bbox=[0, 0, 2, 3])], TWO).area.tolist() == [6]
    assert detections_from_coco([result(bbox=[])], TWO).area.tolist() == [18]
    # Only the first is asked, as in loadRes.
    assert detections_from_coco([result(), result(bbox=[0, 0, 2, 3])], TWO).area.tolist() == [18, 18]
    with pytest.raises(AuditError, match=r"results\[1\] \(image 3\): bbox is missing, expected 4 numbers"):
        detections_from_coco([result(bbox=[0, 0, 2, 3]), result()], TWO)


def test_a_mask_without_box_gives_the_area():
    pixels = np.zeros((20, 20), dtype=np.uint8, order="F")
    pixels[2:7, 3:9] = 1
    rle = mask.encode(pixels)
    assert detections_from_coco([result(segmentation=rle)], TWO).area.tolist() == [30]
    with pytest.raises(AuditError, match=r"results\[0\] \(image 3\): segmentation is no compressed RLE"):
        detections_from_coco([result(segmentation=[[1, 2, 3, 4, 5, 6]])], TWO)


def test_results_of_another_skeleton_are_taken_over_by_name():
    xy = [[10 * i, 5 * i] for i in range(14)]
    keypoints = [n for x, y in xy for n in (x, y, 0.5)]
    detections = detections_from_coco([result(keypoints=keypoints)], COCO_17, model_skeleton=LSP_14)
    assert detections.predicted[0].tolist() == [joint in LSP_14.joints for joint in COCO_17.joints]
    wrist = COCO_17.index("left_wrist")
    assert detections.xy[0, wrist].tolist() == xy[LSP_14.index("left_wrist")]
    assert np.isnan(detections.xy[0, COCO_17.index("nose")]).all()
    # The area is that of all the joints the model gave.
    assert detections.area.tolist() == [130 * 65]
    assert detections_from_coco([result(keypoints=keypoints)], MPII_16, model_skeleton=LSP_14).predicted.sum() == 14


def test_one_category_of_several():
    records = [annotation(), annotation(id=6, category_id=2, keypoints=[1], area=None)]
    assert labels_from_coco(records, TWO, category_id=1).person.tolist() == [5]
    assert len(detections_from_coco([result(category_id=2)], TWO, category_id=1)) == 0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"keypoints": [1, 2, 2, 3]}, "annotations[1] (id 7): keypoints has 4 numbers, expected 6"),
        (
            {"keypoints": [1, 2, 2, "3", 4, 1]},
            "annotations[1] (id 7): keypoints is [1, 2, 2, '3', 4, 1], expected 6 numbers",
        ),
        (
            {"keypoints": [1, 2, 2, None, 4, 1]},
            "annotations[1] (id 7): keypoints is [1, 2, 2, None, 4, 1], expected 6 numbers",
        ),
        ({"keypoints": "no"}, "annotations[1] (id 7): keypoints is 'no', expected 6 numbers"),
        ({"keypoints": [1, 2, 2, 3, 4, 0.5]}, "annotations[1] (id 7): v of joint 1 is 0.5, expected an integer"),
        ({"bbox": [0, 0, 4]}, "annotations[1] (id 7): bbox has 3 numbers, expected 4"),
        ({"bbox": [0, 0, 4, float("inf")]}, "annotations[1] (id 7): bbox is [0, 0, 4, inf], expected finite numbers"),
        ({"bbox": "absent"}, "annotations[1] (id 7): bbox is missing, expected 4 numbers"),
        ({"area": "20"}, "annotations[1] (id 7): area is '20', expected a number"),
        ({"area": -1}, "annotations[1] (id 7): area is -1, expected a positive number"),
        ({"area": float("nan")}, "annotations[1] (id 7): area is nan, expected a positive number"),
        ({"image_id": "3"}, "annotations[1] (id 7): image_id is '3', expected an integer"),
        ({"image_id": 4}, "annotations[1] (id 7): image_id 4 is not among the images, expected one of them"),
        ({"id": "absent"}, "annotations[1] (image 3): id is missing, expected an integer"),
        ({"id": 5}, "annotations[0] (id 5): id 5 stands 2 times, expected once"),
        ({"id": 2**70}, "annotations: an id is beyond 64 bits, expected smaller integers"),
    ],
)
def test_what_is_wrong_with_a_label_is_said_in_one_line(changes, line):
    with pytest.raises(AuditError) as caught:
        labels_from_coco([annotation(), annotation(**{"id": 7, **changes})], TWO, image_ids={3, 9})
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"keypoints": [1, 2, 2]}, "results[1] (image 3): keypoints has 3 numbers, expected 6"),
        ({"keypoints": "absent"}, "results[1] (image 3): keypoints is missing, expected 6 numbers"),
        ({"score": "absent"}, "results[1] (image 3): score is missing, expected a number"),
        ({"score": "high"}, "results[1] (image 3): score is 'high', expected a number"),
        ({"score": True}, "results[1] (image 3): score is True, expected a number"),
        ({"image_id": "absent"}, "results[1] (image None): image_id is missing, expected an integer"),
        ({"image_id": 4}, "results[1] (image 4): image_id 4 is not among the images, expected one of them"),
    ],
)
def test_what_is_wrong_with_a_result_is_said_in_one_line(changes, line):
    with pytest.raises(AuditError) as caught:
        detections_from_coco([result(), result(**changes)], TWO, image_ids=[3])
    assert str(caught.value) == line


def test_real_labels_against_themselves(coco_mini):
    document = json.loads((coco_mini / "annotations" / "person_keypoints_val2017.json").read_text())
    results = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 1.0}
        for a in document["annotations"]
        if a["num_keypoints"]
    ]
    images = [image["id"] for image in document["images"]]
    labels = labels_from_coco(document["annotations"], COCO_17, category_id=1, image_ids=images)
    detections = detections_from_coco(results, COCO_17, image_ids=images)
    numbers = average_precision(labels, detections, COCO_17.sigmas).as_dict()
    assert numbers["AP"] == pytest.approx(1)
    assert numbers == pytest.approx(ten_numbers(document, results, COCO_17.sigmas), rel=0, abs=1e-12)
