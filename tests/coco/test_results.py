from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sample_documents import good_document

from labeltool.coco.document import CocoDocument
from labeltool.coco.results import read_results
from labeltool.errors import CocoError


def result(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 1, "keypoints": [1.5, 2, 1] * 17, "score": 0.5} | changes


def written(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "results.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_good_results_come_back_as_they_are(tmp_path: Path) -> None:
    results = [result(), result(image_id=2, bbox=[1, 2, 3, 4], note="kept"), result(keypoints=[0] * 51)]
    truth = CocoDocument(good_document(), "truth.json")
    assert read_results(written(tmp_path, results)) == results
    assert read_results(written(tmp_path, results), truth) == results


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"images": [], "annotations": []}, r"an object with annotations \(a COCO document\), expected a list"),
        ("3", "the top level is a number"),
        ([], "the list is empty"),
        ([result(), 5], r"results\[1\]: is 5, expected an object"),
        ([result(image_id="1")], r"results\[0\]: image_id is '1', expected an integer"),
        ([result(image_id=True)], "image_id is true"),
        ([{"image_id": 1}], "category_id is missing"),
        ([result(keypoints=[])], "keypoints is \\[\\]"),
        ([result(keypoints=[1, 2])], "keypoints has 2 numbers"),
        ([result(), result(keypoints=[1, 2, 1])], r"keypoints has 3 numbers, expected 51 as results\[0\]"),
        ([result(keypoints=[1, "2", 1])], r"keypoints\[1\] is '2'"),
        ([result(keypoints=[[1, 2, 1]] * 3)], r"keypoints\[0\] is \[1, 2, 1\]"),
        ([result(score=None)], "score is null"),
        ([result(score="0.5")], "score is '0.5'"),
        ([result(bbox=[1, 2, 3])], "bbox is \\[1, 2, 3\\]"),
        ('[{"image_id": 1, "category_id": 1, "keypoints": [NaN, 1, 2], "score": 1}]', r"\[0\].keypoints\[0\].*NaN"),
        ('[{"image_id": 1, "image_id": 2}]', "'image_id' stands twice"),
        ('[{"image_id": 1', "ends in the middle"),
    ],
)
def test_bad_results_are_refused_in_one_line(tmp_path: Path, value: Any, reason: str) -> None:
    with pytest.raises(CocoError, match=reason) as caught:
        read_results(written(tmp_path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_id": 99}, "image_id 99 is no image of the truth"),
        ({"category_id": 18}, r"category_id 18 is no keypoint category of the truth \(known: 1\)"),
        ({"keypoints": [1, 2, 1]}, "keypoints has 3 numbers, expected 51"),
    ],
)
def test_results_must_belong_to_their_truth(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(CocoError, match=reason):
        read_results(written(tmp_path, [result(**changes)]), CocoDocument(good_document(), "truth.json"))
