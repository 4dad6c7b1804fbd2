"""Small documents for the tests of the rules, made anew at each call so that a test may damage them."""

from __future__ import annotations

import copy
from typing import Any

from labeltool.skeleton import COCO_17


def person(number: int, image: int = 1, *, shift: float = 0, **changes: Any) -> dict[str, Any]:
    """A person of 17 joints that breaks no rule."""
    keypoints: list[Any] = []
    for k in range(17):
        keypoints += [100 + 5 * k + shift, 80 + 9 * k, 1 if k % 4 == 3 else 2]
    keypoints[3:6] = [0, 0, 0]
    annotation: dict[str, Any] = {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": 16,
        "bbox": [90.5 + shift, 70.5, 110.0, 170.0],
        "area": 9911.5,
        "iscrowd": 0,
        "segmentation": [[90.5 + shift, 70.5, 190.5, 70.5, 190.5, 230.5, 90.5 + shift, 230.5]],
    }
    annotation.update(changes)
    return annotation


def crowd(number: int, image: int = 1) -> dict[str, Any]:
    """A crowd region with an uncompressed RLE of the whole 640 x 480 image."""
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": [0] * 51,
        "num_keypoints": 0,
        "bbox": [0, 0, 640, 480],
        "area": 100000,
        "iscrowd": 1,
        "segmentation": {"size": [480, 640], "counts": [100000, 100000, 107200]},
    }


def good_document() -> dict[str, Any]:
    """Two images, two people, a crowd, and a second category without joints: no finding."""
    document = {
        "info": {"description": "test"},
        "licenses": [],
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480},
            {"id": 2, "file_name": "b.jpg", "width": 640, "height": 480},
        ],
        "annotations": [person(11), person(12, 2, shift=7.25), crowd(13)],
        "categories": [
            COCO_17.to_category(),
            {"id": 18, "name": "dog", "supercategory": "animal"},
        ],
    }
    document["annotations"].append(  # type: ignore[attr-defined]
        {
            "id": 14,
            "image_id": 2,
            "category_id": 18,
            "bbox": [5, 5, 50, 40],
            "area": 900.5,
            "iscrowd": 0,
            "segmentation": [[5, 5, 55, 5, 55, 45]],
        }
    )
    return copy.deepcopy(document)
