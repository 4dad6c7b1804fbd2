from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.stats import QUANTILES, spread, stats
from labeltool.errors import CocoError
from labeltool.skeleton import COCO_17, define


def test_the_numbers_of_a_real_file(coco_mini: Path) -> None:
    whole = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    found = stats(whole)
    flags = np.array([a["keypoints"][2::3] for a in whole.annotations if not a["iscrowd"]])
    assert (found.images, found.people, found.crowds, found.others) == (79, 117, 1, 0)
    assert sum(n * count for n, count in found.people_per_image.items()) == 117
    assert sum(found.people_per_image.values()) == 79
    assert found.flags["left_hip"] == tuple((flags[:, 11] == v).sum() for v in (0, 1, 2))
    assert sum(n * count for n, count in found.joints_per_person.items()) == (flags > 0).sum()
    assert found.area.count == 117
    assert 0.3 < found.fill.quantiles[3] < 0.7
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["joints"]["nose"]["visible"] == (flags[:, 0] == 2).sum()
    assert "limb length / torso (left_shoulder - right_hip)" in found.to_text()


def test_limb_lengths_by_hand() -> None:
    keypoints = [0, 0, 0] * 17
    for joint, x, y in (("left_shoulder", 0, 0), ("right_hip", 3, 4), ("left_elbow", 0, 10)):
        k = COCO_17.index(joint)
        keypoints[3 * k : 3 * k + 3] = [x, y, 2]
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": keypoints}
    image = {"id": 1, "file_name": "a.jpg", "width": 20, "height": 20}
    found = stats(
        CocoDocument({"images": [image], "annotations": [annotation], "categories": [COCO_17.to_category()]}, "one")
    )
    assert found.limbs["left_shoulder", "left_elbow"].quantiles == (2.0,) * len(QUANTILES)
    assert found.limbs["left_elbow", "left_wrist"].count == 0
    assert found.area.to_json() == {"count": 0, "mean": None, "quantiles": None}


def test_without_a_torso_the_box_is_the_unit() -> None:
    dog = define("dog", ("nose", "tail"), (("nose", "tail"),))
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "keypoints": [0, 0, 2, 6, 8, 1],
        "bbox": [0, 0, 20, 8],
        "area": 80,
    }
    image = {"id": 1, "file_name": "a.jpg", "width": 20, "height": 20}
    found = stats(
        CocoDocument({"images": [image], "annotations": [annotation], "categories": [dog.to_category()]}, "one")
    )
    assert found.limbs["nose", "tail"].mean == 0.5
    assert found.limb_unit == "longer side of the box"
    assert found.fill.mean == 0.5


def test_nobody_at_all() -> None:
    found = stats(CocoDocument({"images": [], "annotations": [], "categories": [COCO_17.to_category()]}, "empty"))
    assert (found.images, found.people) == (0, 0)
    assert "nose" in found.to_text()
    json.dumps(found.to_json(), allow_nan=False)
    assert spread(np.array([np.nan, np.inf])).count == 0


def test_damaged_documents_are_refused() -> None:
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [1, 2]}
    image = {"id": 1, "file_name": "a.jpg", "width": 20, "height": 20}
    broken = CocoDocument(
        {"images": [image], "annotations": [annotation], "categories": [COCO_17.to_category()]}, "one"
    )
    with pytest.raises(CocoError, match=r"annotations\[0\]: annotation \(id 1\): keypoints has 2 numbers, expected 51"):
        stats(broken)
