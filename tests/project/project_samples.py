"""Small documents and projects for the tests of the store."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import Skeleton, define

#: Four joints are enough to tell apart everything that can happen to one.
QUAD = define("quad", ("head", "left_hand", "right_hand", "foot"), (("head", "foot"),))

_PERSON = {"supercategory": "person", "id": 1, "name": "person", "keypoints": list(QUAD.joints), "skeleton": [[1, 4]]}

#: A document with all that a store must not lose: unknown keys at every level, key order, another category, a crowd, polygons
#: and RLE, ints beside floats, joints with v = 0 that are not at (0, 0), a person without keypoints, an image without people.
SAMPLE: dict[str, Any] = {
    "extra": {"z": 1, "a": [1.0, 1, None, True, "ü\u2028"]},
    "annotations": [
        {
            "id": 11,
            "note": "kept",
            "segmentation": [[1.5, 2, 30, 2, 30, 40.25]],
            "num_keypoints": 3,
            "area": 541.3,
            "iscrowd": 0,
            "keypoints": [10, 12.5, 2, 20, 22, 1, 7, 8, 0, 30.0, 31, 2],
            "image_id": 5,
            "bbox": [1.5, 2, 28.5, 38.25],
            "category_id": 1,
        },
        {"id": 7, "image_id": 5, "category_id": 18, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "segmentation": []},
        {
            "id": 900100000000,
            "segmentation": {"counts": [10, 20, 4770], "size": [60, 80]},
            "num_keypoints": 0,
            "area": 20,
            "iscrowd": 1,
            "keypoints": [0] * 12,
            "image_id": 5,
            "bbox": [0, 10, 1, 20],
            "category_id": 1,
        },
        {
            "id": 12,
            "keypoints": [1, 1, 2, 2, 2, 2, 3, 3, 2, 4, 4, 2],
            "num_keypoints": 4,
            "area": 100,
            "iscrowd": 0,
            "image_id": 3,
            "bbox": [0, 0, 20, 10],
            "category_id": 1,
        },
        {"id": 13, "image_id": 5, "category_id": 1, "bbox": [40, 4, 10, 20], "iscrowd": 0},
    ],
    "images": [
        {"id": 5, "file_name": "a/five.jpg", "width": 80, "height": 60, "license": 4},
        {"license": 1, "file_name": "three.jpg", "height": 50, "width": 50, "id": 3},
        {"id": 9, "file_name": "b/nine.png", "width": 20, "height": 30},
    ],
    "categories": [{"id": 18, "name": "dog"}, _PERSON],
    "info": {},
}

#: Store ids of the people of `SAMPLE`: their annotations' places in the file, from 1.
LABELLED, CROWD, FULL, EMPTY = 1, 3, 4, 5


def sample() -> dict[str, Any]:
    """A copy of `SAMPLE` that a test may change."""
    return copy.deepcopy(SAMPLE)


def make_project(
    folder: Path, data: dict[str, Any] | None = None, skeleton: Skeleton = QUAD, **options: Any
) -> Project:
    """A project of a document, by default of `SAMPLE`, in `folder`/p."""
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    document = CocoDocument(sample() if data is None else data, "sample.json")
    return Project.create(folder / "p", document, photos, skeleton, **options)


def guess(
    person_id: int | None = None, *, at: float = 5.0, score: float = 0.9, confidence: float = 0.8, **joints: Any
) -> PredictedPerson:
    """A model's guess with every joint at (at, at), or with the joints given."""
    found = joints or {name: (at, at, confidence) for name in QUAD.joints}
    return PredictedPerson((1.0, 2.0, 10.0, 20.0), score, found, person_id)


def annotation_of(document: dict[str, Any], annotation_id: int) -> dict[str, Any]:
    """The annotation with that id."""
    (found,) = [a for a in document["annotations"] if a["id"] == annotation_id]
    assert isinstance(found, dict)
    return found
