from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.split import split
from labeltool.errors import CocoError
from labeltool.skeleton import LSP_14


def document(count: int, *, scenes: int = 5, people: int = 1) -> CocoDocument:
    images = [
        {"id": n, "file_name": f"scene{n % scenes}_{n}.jpg", "width": 9, "height": 9, "video": f"v{n % scenes}"}
        for n in range(1, count + 1)
    ]
    annotations = [
        {"id": 10 * n + p, "image_id": n, "category_id": 1, "keypoints": [1, 1, 2] * 14}
        for n in range(1, count + 1)
        for p in range(n % (people + 1))
    ]
    return CocoDocument(
        {"info": {"a": 1}, "images": images, "annotations": annotations, "categories": [LSP_14.to_category()]}, "mine"
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(12, 80), st.integers(0, 9), st.booleans(), st.sampled_from([None, "video", r"re:^scene(\d+)_"]))
def test_every_image_is_in_one_part_with_its_people(count: int, seed: int, stratify: bool, group: str | None) -> None:
    whole = document(count, people=3)
    parts = split(whole, {"train": 0.6, "val": 0.4}, seed=seed, group=group, stratify=stratify)
    images = [image for part in parts.values() for image in part.document.images]
    assert sorted(image["id"] for image in images) == [image["id"] for image in whole.images]
    annotations = [a for part in parts.values() for a in part.document.annotations]
    assert sorted(a["id"] for a in annotations) == [a["id"] for a in whole.annotations]
    for part in parts.values():
        ids = {image["id"] for image in part.document.images}
        assert {a["image_id"] for a in part.document.annotations} <= ids
        assert part.document.data["info"] == {"a": 1}
        assert part.people == len(part.document.annotations)
    if group is not None:
        videos = [{image["video"] for image in part.document.images} for part in parts.values()]
        assert not videos[0] & videos[1]
    again = split(whole, {"train": 0.6, "val": 0.4}, seed=seed, group=group, stratify=stratify)
    assert [part.document for part in again.values()] == [part.document for part in parts.values()]


def test_shares_of_images_are_met() -> None:
    parts = split(document(1000), {"train": 0.8, "val": 0.15, "test": 0.05}, seed=3)
    assert [len(part.document.images) for part in parts.values()] == [800, 150, 50]
    other = split(document(1000), {"train": 0.8, "val": 0.15, "test": 0.05}, seed=4)
    assert other["test"].document.images != parts["test"].document.images


def test_stratified_shares_of_people_and_visible_joints_are_met(coco_mini: Path) -> None:
    whole = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    parts = split(whole, {"train": 0.7, "val": 0.3}, stratify=True)
    total_visible = sum(part.visible for part in parts.values())
    val = parts["val"]
    assert len(val.document.images) / 79 == pytest.approx(0.3, abs=0.03)
    assert val.people / 118 == pytest.approx(0.3, abs=0.05)
    assert val.visible / total_visible == pytest.approx(0.3, abs=0.05)


def test_images_of_one_name_and_one_scene_stay_together() -> None:
    whole = document(6, scenes=6)
    whole.images[5]["file_name"] = whole.images[0]["file_name"]
    whole.images[5]["video"] = whole.images[3]["video"]
    for seed in range(8):
        parts = split(whole, {"a": 0.5, "b": 0.5}, seed=seed, group="video")
        home = {image["id"]: name for name, part in parts.items() for image in part.document.images}
        assert home[1] == home[6] == home[4]


@pytest.mark.parametrize(
    ("shares", "group", "reason"),
    [
        ({"a": 0.5, "b": 0.6}, None, "sum to 1.1"),
        ({"a": 1.5, "b": -0.5}, None, "share of 'a' is 1.5"),
        ({"a": 0.5, "b": 0.5}, "scene", "no image has the group key 'scene'"),
        ({"a": 0.5, "b": 0.5}, "re:(", "not a regular expression"),
        ({"a": 0.5, "b": 0.5}, "re:^nothing", "no image has the group key"),
        ({"a": 0.5, "b": 0.5}, "re:^scene", "part 'b' stays empty: 1 groups of images for 2 parts"),
    ],
)
def test_splits_that_cannot_be_made(shares: dict[str, float], group: str | None, reason: str) -> None:
    with pytest.raises(CocoError, match=reason):
        split(document(9), shares, group=group)
