"""Photos of people that are one bright square each, for trainings of whole photos in a few seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labeltool.coco.document import CocoDocument
from labeltool.skeleton import define

SKELETON = define("tiny", ["left_shoulder", "right_hip", "nose"])


def square_document(folder: Path, count: int, seed: int, *, people: int = 2) -> CocoDocument:
    """Writes so many photos of 128 x 96 pixels, each with up to two squares side by side, and returns their labels.

    A square's upper left corner is the shoulder, its lower right one the hip, its centre the nose.
    """
    rng = np.random.default_rng(seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        photo = rng.integers(20, 60, (96, 128, 3), dtype=np.uint8)
        for place in range(people):
            side = int(rng.integers(28, 44))
            x, y = int(rng.integers(6, 16)) + 62 * place, int(rng.integers(6, 46))
            photo[y : y + side, x : x + side] = (220, 90, 30)
            photo[y : y + 8, x : x + 8] = (30, 220, 90)
            photo[y + side - 8 : y + side, x + side - 8 : x + side] = (30, 90, 220)
            middle = [x + side / 2, y + side / 2, 2]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": 1,
                    "bbox": [x, y, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + side, y, x + side, y + side, x, y + side]],
                    "keypoints": [x + 3, y + 3, 2, x + side - 4, y + side - 4, 1, *middle],
                    "num_keypoints": 3,
                }
            )
        name = f"{number:03d}.png"
        Image.fromarray(photo).save(folder / name)
        images.append({"id": number + 1, "file_name": name, "width": 128, "height": 96})
    data = {"images": images, "annotations": annotations, "categories": [SKELETON.to_category()]}
    return CocoDocument(data, "squares.json")
