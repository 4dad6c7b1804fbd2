from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.merge import merge
from labeltool.dataset.split import split
from labeltool.errors import CocoError


def document(source: str = "a", **changes: Any) -> CocoDocument:
    data: dict[str, Any] = {
        "info": {"year": 1},
        "images": [{"id": 1, "file_name": f"{source}.jpg", "width": 40, "height": 30}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 1], "num_keypoints": 2}
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": ["left", "right"], "skeleton": []}],
    }
    return CocoDocument(copy.deepcopy(data | changes), source)


def test_parts_of_a_split_make_the_whole(coco_mini: Path) -> None:
    whole = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    parts = [part.document for part in split(whole, {"a": 0.5, "b": 0.3, "c": 0.2}).values()]
    merged = merge(parts)
    assert (merged.conflicts, merged.same_images, merged.same_people, merged.renumbered) == ((), 0, 0, (0, 0, 0))
    for name in ("images", "annotations"):
        by_id = {row["id"]: row for row in merged.document.data[name]}
        assert by_id == {row["id"]: row for row in whole.data[name]}
    assert list(merged.document.data) == list(whole.data)
    twice = merge([whole, whole])
    assert twice.document.data == whole.data
    assert (twice.same_images, twice.same_people) == (79, 118)


def test_ids_that_clash_are_renumbered() -> None:
    first, second = document("a"), document("b")
    before = copy.deepcopy((first.data, second.data))
    merged = merge([first, second])
    assert (first.data, second.data) == before
    assert [image["id"] for image in merged.document.images] == [1, 2]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in merged.document.annotations] == [(1, 1, 1), (2, 2, 1)]
    assert merged.renumbered == (1, 1, 0)
    assert merged.conflicts == ()
    assert not [f for f in check_document(merged.document) if f.code in ("I102", "A302", "A304", "A305")]


def test_a_photo_in_both_is_one_and_its_people_stay() -> None:
    other = document("a")
    other.annotations[0]["keypoints"] = [5, 5, 2, 6, 6, 2]
    other.images[0]["width"] = 41
    merged = merge([document("a"), CocoDocument(other.data, "b")])
    assert len(merged.document.images) == 1
    assert [a["keypoints"][0] for a in merged.document.annotations] == [1, 5]
    assert merged.conflicts == ("b: image 'a.jpg': width is 41, 40 in an earlier file, which stays",)


def test_the_same_joints_with_other_fields_are_reported_and_both_stay() -> None:
    other = document("a")
    other.annotations[0]["score"] = 1
    merged = merge([document("a"), other])
    assert len(merged.document.annotations) == 2
    assert "has the joints of one in an earlier file" in merged.conflicts[0]


def test_joints_in_another_order_are_put_in_order_by_name() -> None:
    other = document("b", categories=[{"id": 7, "name": "person", "keypoints": ["right", "left"], "skeleton": []}])
    other.annotations[0]["category_id"] = 7
    merged = merge([document("a"), other])
    assert merged.document.annotations[1]["keypoints"] == [3, 4, 1, 1, 2, 2]
    assert merged.document.annotations[1]["category_id"] == 1
    assert len(merged.document.categories) == 1
    assert "reordered by name" in merged.conflicts[0]


def test_what_cannot_be_merged() -> None:
    with pytest.raises(CocoError, match="nothing to merge"):
        merge([])
    other = document("b", categories=[{"id": 1, "name": "person", "keypoints": ["left", "up"]}])
    with pytest.raises(CocoError, match="has other joints than in an earlier file"):
        merge([document("a"), other])
    with pytest.raises(CocoError, match="image_id is 9"):
        merge([document("a", annotations=[{"id": 1, "image_id": 9, "category_id": 1}])])


def test_top_level_fields_that_differ_are_reported() -> None:
    merged = merge([document("a"), document("b", info={"year": 2}, licenses=[{"id": 1}])])
    assert merged.document.data["info"] == {"year": 1}
    assert merged.document.data["licenses"] == [{"id": 1}]
    assert merged.conflicts == ("b: 'info' differs from that of an earlier file, which stays",)
