from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.select import Choice, Tagged, select
from labeltool.errors import CocoError


@pytest.fixture
def document() -> CocoDocument:
    def person(number: int, image: int, flags: list[int], **more: Any) -> dict[str, Any]:
        keypoints = [value for v in flags for value in (5 * bool(v), 5 * bool(v), v)]
        return {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "keypoints": keypoints,
            "bbox": [0, 0, 10 * number, 5],
        } | more

    return CocoDocument(
        {
            "images": [
                {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9, "tag": "night"},
                {"id": 2, "file_name": "b.jpg", "width": 9, "height": 9, "tag": "day"},
                {"id": 3, "file_name": "c.jpg", "width": 9, "height": 9},
            ],
            "annotations": [
                person(1, 1, [2, 2, 2], tags=["sitting", "x"], area=50),
                person(2, 1, [1, 0, 2], area=900.5, iscrowd=0),
                person(3, 2, [0, 0, 0], iscrowd=1),
                {"id": 4, "image_id": 2, "category_id": 2, "level": 3},
            ],
            "categories": [
                {"id": 1, "name": "person", "keypoints": ["nose", "hip", "toe"]},
                {"id": 2, "name": "dog"},
            ],
        },
        "mine",
    )


@pytest.mark.parametrize(
    ("choice", "people", "images"),
    [
        (Choice(), [1, 2, 3, 4], [1, 2, 3]),
        (Choice(categories=("person",)), [1, 2, 3], [1, 2]),
        (Choice(crowds=False), [1, 2, 4], [1, 2]),
        (Choice(joints=(1, 2)), [2], [1]),
        (Choice(visible=(2, float("inf"))), [1], [1]),
        (Choice(named=("hip",)), [1], [1]),
        (Choice(named=("nose", "toe")), [1, 2], [1]),
        (Choice(side=(15, 30)), [2, 3], [1, 2]),
        (Choice(area=(0, 100)), [1], [1]),
        (Choice(fields=(("tags", "sitting"),)), [1], [1]),
        (Choice(fields=(("level", "3"),)), [4], [2]),
        (Choice(fields=(("image.tag", "night"),)), [1, 2], [1]),
        (Choice(joints=(3, 3), empty=True), [1], [1, 2, 3]),
        (Choice(joints=(3, 3), fields=(("image.tag", "night"),), empty=True), [1], [1]),
    ],
)
def test_what_stays(document: CocoDocument, choice: Choice, people: list[int], images: list[int]) -> None:
    selected = select(document, choice)
    assert [a["id"] for a in selected.document.annotations] == people
    assert [image["id"] for image in selected.document.images] == images
    assert selected.images == 3 - len(images)
    assert sum(selected.dropped.values()) == 4 - len(people)
    assert all(any(a is b for b in document.annotations) for a in selected.document.annotations)


def test_unknown_names_are_refused(document: CocoDocument) -> None:
    with pytest.raises(CocoError, match="no category 'cat', expected one of 'person', 'dog'"):
        select(document, Choice(categories=("cat",)))
    with pytest.raises(CocoError, match="no joint 'nase', expected one of nose, hip, toe"):
        select(document, Choice(named=("nase",)))


def test_everything_of_a_real_file(coco_mini: Path) -> None:
    whole = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    assert select(whole, Choice()).document.data == whole.data
    assert len(select(whole, Choice(joints=(1, 17))).document.annotations) == 68


def test_tags_of_people_of_photos_and_from_elsewhere(document: CocoDocument) -> None:
    def ids(*tags: str, tagged: Tagged | None = None) -> list[int]:
        return [a["id"] for a in select(document, Choice(tags=tags), tagged).document.annotations]

    assert ids("sitting") == [1]
    assert ids("night") == [1, 2]
    assert ids("sitting", "day") == [1, 3, 4]
    assert ids("dusk") == []
    beside = Tagged({"dusk": {2}}, {"dusk": {1}, "odd": {2}})
    assert ids("dusk", tagged=beside) == [1, 3, 4]
    assert ids("odd", tagged=beside) == [2]
    assert select(document, Choice(tags=("dusk",))).dropped == {"tag": 4}
