from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.diff import diff


@pytest.fixture
def whole(coco_mini: Path) -> CocoDocument:
    return read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")


def test_a_file_and_itself(whole: CocoDocument) -> None:
    found = diff(whole, whole)
    assert found.same
    assert found.people_same == 117
    assert found.to_text() == "no difference: 117 people"
    assert found.flag_table.sum() == 117 * 17
    assert json.loads(json.dumps(found.to_json()))["same"] is True


def test_planted_changes_are_found(whole: CocoDocument) -> None:
    data = copy.deepcopy(whole.data)
    people = [a for a in data["annotations"] if a["num_keypoints"] >= 14]
    nose = people[0]["keypoints"]
    assert nose[2] == 2
    nose[0] += 3
    nose[1] += 4
    k = next(k for k in range(17) if people[1]["keypoints"][3 * k + 2] == 2)
    people[1]["keypoints"][3 * k + 2] = 1
    gone = next(k for k in range(17) if people[2]["keypoints"][3 * k + 2])
    people[2]["keypoints"][3 * gone : 3 * gone + 3] = [0, 0, 0]
    people[3]["bbox"][0] += 1
    removed = people[4]
    data["annotations"].remove(removed)
    data["annotations"].append(people[5] | {"id": 77, "bbox": [0, 0, 3, 3]})
    dropped = next(
        image for image in data["images"] if not any(a["image_id"] == image["id"] for a in data["annotations"])
    )
    data["images"].remove(dropped)
    found = diff(whole, CocoDocument(data, "changed"))
    names = whole.categories[0]["keypoints"]
    assert not found.same
    assert found.images_removed == [dropped["file_name"]]
    assert [number for _, number in found.people_removed] == [removed["id"]]
    assert [number for _, number in found.people_added] == [77]
    assert (found.people_same, found.people_changed, found.boxes_changed) == (116, 4, 1)
    assert found.joints["nose"].distances == [5.0]
    assert sum(c.flags for c in found.joints.values()) == found.joints[names[k]].flags == 1
    assert sum(c.removed for c in found.joints.values()) == found.joints[names[gone]].removed == 1
    assert sum(c.added for c in found.joints.values()) == 0
    assert found.flag_table[2, 1] == 1
    changes = "flags: 1 from visible to not labelled, 1 from visible to hidden"
    assert changes in found.to_text().splitlines()
    assert found.farthest[0][0] == 5.0 and found.farthest[0][3] == "nose"
    assert diff(whole, CocoDocument(data, "changed"), tolerance=5).joints["nose"].distances == []
    back = diff(CocoDocument(data, "changed"), whole)
    assert [number for _, number in back.people_added] == [removed["id"]]
    assert "nose" in found.to_text() and "5.00" in found.to_text()


def test_people_with_other_ids_are_matched_by_their_boxes(whole: CocoDocument) -> None:
    data = copy.deepcopy(whole.data)
    for annotation in data["annotations"]:
        annotation["id"] += 10**9
    found = diff(whole, CocoDocument(data, "renumbered"))
    assert (found.people_same, found.people_added, found.people_removed) == (117, [], [])


def test_joints_are_compared_by_name() -> None:
    def one(joints: list[str], keypoints: list[Any]) -> CocoDocument:
        annotation = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": keypoints, "bbox": [0, 0, 9, 9]}
        image = {"id": 1, "file_name": "a.jpg", "width": 20, "height": 20}
        category = {"id": 1, "name": "person", "keypoints": joints}
        return CocoDocument({"images": [image], "annotations": [annotation], "categories": [category]}, "one")

    found = diff(one(["a", "b"], [1, 1, 2, 5, 5, 2]), one(["b", "c", "a"], [5, 5, 2, 7, 7, 2, 1, 1, 2]))
    assert found.joints_only == ((), ("c",))
    assert (found.people_changed, found.same) == (0, False)
    assert [c.distances for c in found.joints.values()] == [[], []]
