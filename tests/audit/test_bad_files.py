"""What bad files do to the official numbers, and what becomes of them here: the right number, or one line that says why not.

One person, an ideal detection. The first half of each test shows pycocotools' behaviour as documented.
"""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools_oracle import ten_numbers

from labeltool.audit import audit, average_precision, detections_from_coco, labels_from_coco
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17

PLACES = [(100 + 7 * i, 100 + 11 * (i % 5)) for i in range(17)]


def person(**changes):
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "keypoints": [n for x, y in PLACES for n in (x, y, 2)],
        "num_keypoints": 17,
        "area": 5000.0,
        "bbox": [100, 100, 120, 50],
        "iscrowd": 0,
        **changes,
    }
    return {k: v for k, v in annotation.items() if v is not None}


def found(shift=0.0, **changes):
    return {
        "image_id": 1,
        "category_id": 1,
        "keypoints": [n for x, y in PLACES for n in (x + shift, y, 1)],
        "score": 0.9,
        **changes,
    }


def theirs(*annotations, results=None):
    document = {"images": [{"id": 1}], "annotations": list(annotations), "categories": [COCO_17.to_category()]}
    return ten_numbers(document, [found()] if results is None else results)["AP"]


def ours(*annotations, results=None):
    labels = labels_from_coco(list(annotations), COCO_17)
    detections = detections_from_coco([found()] if results is None else results, COCO_17)
    return average_precision(labels, detections, COCO_17.sigmas).AP


def test_no_defect():
    assert theirs(person()) == ours(person()) == pytest.approx(1)


def test_annotation_id_0():
    assert theirs(person(id=0)) == 0
    assert ours(person(id=0)) == pytest.approx(1)


def test_one_nan_coordinate_in_a_detection_300_px_off():
    bad = found(shift=300)
    bad["keypoints"][3 * COCO_17.index("left_elbow")] = float("nan")
    assert theirs(person(), results=[bad]) == pytest.approx(1)
    with pytest.raises(AuditError) as caught:
        ours(person(), results=[found(), bad])
    assert str(caught.value) == "results[1] (image 1): left_elbow is (nan, 122, 1), expected finite numbers"


def test_num_keypoints_0_though_17_are_labelled():
    assert theirs(person(num_keypoints=0)) == -1
    assert ours(person(num_keypoints=0)) == pytest.approx(1)


def test_num_keypoints_17_with_all_v_0():
    nobody = person(keypoints=[n for x, y in PLACES for n in (x, y, 0)])
    assert theirs(nobody) == pytest.approx(1)
    assert ours(nobody) == -1


def test_area_0():
    assert theirs(person(area=0), results=[found(shift=1)]) == 0
    with pytest.raises(AuditError, match=r"annotations\[0\] \(id 1\): area is 0, expected a positive number"):
        ours(person(area=0))


def test_area_1_gives_the_same_number_and_a_note():
    tiny = person(area=1)
    assert theirs(tiny, results=[found(shift=1)]) == ours(tiny, results=[found(shift=1)]) == 0
    labels, detections = labels_from_coco([tiny], COCO_17), detections_from_coco([found()], COCO_17)
    notes = audit(labels, detections, COCO_17).notes
    assert len(notes) == 1 and notes[0].startswith("labelled people with an area below 5% of their box: 1.")
    assert audit(labels, detections, COCO_17, scale="bbox-diagonal").notes == ()


def test_the_same_person_annotated_twice_gives_the_same_number_and_a_note():
    assert theirs(person(), person(id=2)) == pytest.approx(0.505, abs=5e-4)
    assert ours(person(), person(id=2)) == pytest.approx(theirs(person(), person(id=2)), abs=1e-12)
    labels = labels_from_coco([person(), person(id=2)], COCO_17)
    result = audit(labels, detections_from_coco([found()], COCO_17), COCO_17)
    assert result.notes[0].startswith("labelled people who stand twice, joint for joint, in an image: 1.")
    elsewhere = labels_from_coco([person(), person(id=2, image_id=2)], COCO_17)
    assert audit(elsewhere, detections_from_coco([found()], COCO_17), COCO_17).notes == ()


@pytest.mark.parametrize("field", ["area", "bbox"])
def test_a_missing_field_without_default_is_named(field):
    with pytest.raises(KeyError):
        theirs(person(**{field: None}))
    with pytest.raises(AuditError, match=rf"annotations\[0\] \(id 1\): {field} is missing, expected"):
        ours(person(**{field: None}))


@pytest.mark.parametrize("field", ["iscrowd", "num_keypoints"])
def test_a_missing_field_that_follows_from_the_rest_does_no_harm(field):
    with pytest.raises(KeyError):
        theirs(person(**{field: None}))
    assert ours(person(**{field: None})) == pytest.approx(1)


def test_no_results():
    with pytest.raises(IndexError):
        theirs(person(), results=[])
    assert ours(person(), results=[]) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["x", "y", "confidence", "score", "bbox"])
def test_no_number_that_is_not_finite_comes_through(where, value):
    bad = found(bbox=[100.0, 100.0, 120.0, 50.0])
    if where in ("x", "y", "confidence"):
        bad["keypoints"][("x", "y", "confidence").index(where)] = value
    elif where == "score":
        bad["score"] = value
    else:
        bad["bbox"][2] = value
    name = {"score": "score", "bbox": "bbox"}.get(where, "nose")
    with pytest.raises(AuditError, match=rf"results\[0\] \(image 1\): {name} is .*expected (a )?finite number"):
        ours(person(), results=[bad])
    label = person()
    label["keypoints"][0] = value
    with pytest.raises(AuditError, match=r"annotations\[0\] \(id 1\): nose is .*expected finite numbers"):
        ours(label)
    label["keypoints"][2] = 0
    assert np.isfinite(ours(label))
