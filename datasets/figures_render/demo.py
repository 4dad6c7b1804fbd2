"""The demo set of the project: which pictures it holds, and how they are made.

Twenty-two rendered pictures (all from seed 1, which training never uses) and two portraits in the public domain that come with
scikit-image and matplotlib. Every third rendered picture has its joints; the other people have a box and wait to be labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from figures_render.dataset import Order, document
from labeltool.errors import PhotoError
from labeltool.skeleton import LSP_14

#: Seed of the demo pictures; the numbers below were chosen by looking at the first 72.
SEED = 1

#: (number, width, height, least people, most people)
_PICTURES = (
    (2, 800, 600, 1, 2),
    (3, 720, 540, 1, 2),
    (5, 960, 640, 2, 3),
    (6, 512, 512, 2, 4),
    (7, 640, 800, 2, 4),
    (10, 800, 600, 3, 5),
    (11, 720, 540, 3, 5),
    (18, 800, 600, 1, 2),
    (21, 960, 640, 2, 3),
    (24, 640, 480, 1, 1),
    (25, 480, 640, 1, 1),
    (26, 800, 600, 3, 5),
    (27, 720, 540, 3, 5),
    (28, 600, 800, 1, 2),
    (29, 960, 640, 1, 2),
    (31, 640, 800, 1, 3),
    (38, 512, 512, 2, 4),
    (43, 720, 540, 3, 5),
    (47, 640, 800, 1, 3),
    (53, 960, 640, 2, 3),
    (54, 512, 512, 2, 4),
    (59, 720, 540, 3, 5),
)

_LICENSES = (
    {"id": 1, "name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    {"id": 2, "name": "Public domain", "url": "https://creativecommons.org/publicdomain/mark/1.0/"},
)


@dataclass(frozen=True)
class Portrait:
    """A photo with one person whose outline was drawn by hand.

    Attributes:
        name: of its file.
        size: (width, height) pixels.
        outline: (N, 2) corners at pixel edges.
    """

    name: str
    size: tuple[int, int]
    outline: tuple[tuple[int, int], ...]

    def annotation(self) -> dict[str, Any]:
        """The person with box, area and outline, and no joint labelled."""
        points = np.array(self.outline, dtype=np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        x, y = points[:, 0], points[:, 1]
        area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
        return {
            "bbox": [float(v) for v in (*low, *(high - low))],
            "area": area,
            "segmentation": [[float(v) for v in points.ravel()]],
            "keypoints": [0] * (3 * len(LSP_14)),
            "num_keypoints": 0,
            "iscrowd": 0,
        }


_ASTRONAUT = Portrait(
    "astronaut.jpg",
    (512, 512),
    (
        *(
            (20, 430),
            (24, 392),
            (36, 330),
            (46, 280),
            (60, 256),
            (88, 240),
            (112, 228),
            (114, 186),
            (130, 160),
            (160, 152),
        ),
        *(
            (182, 150),
            (181, 118),
            (160, 100),
            (153, 72),
            (160, 45),
            (185, 24),
            (220, 15),
            (262, 22),
            (288, 42),
            (300, 70),
        ),
        *((299, 100), (284, 120), (272, 126), (268, 146), (256, 170), (258, 178), (286, 196), (304, 228), (305, 240)),
        *((336, 252), (352, 280), (362, 330), (361, 350), (330, 362), (300, 392), (285, 425), (278, 470), (279, 512)),
        (24, 512),
    ),
)
_HOPPER = Portrait(
    "grace_hopper.jpg",
    (512, 600),
    (
        *(
            (12, 600),
            (22, 520),
            (28, 460),
            (40, 404),
            (62, 386),
            (110, 362),
            (160, 342),
            (196, 322),
            (198, 300),
            (186, 296),
        ),
        *((168, 276), (160, 240), (153, 212), (157, 190), (146, 168), (148, 130), (152, 104), (174, 84), (176, 66)),
        *(
            (196, 44),
            (230, 24),
            (270, 23),
            (310, 34),
            (346, 56),
            (356, 88),
            (369, 100),
            (371, 140),
            (368, 180),
            (377, 196),
        ),
        *((372, 230), (358, 262), (352, 290), (334, 302), (331, 322), (370, 338), (420, 356), (480, 380), (496, 400)),
        *((506, 432), (512, 460), (512, 600)),
    ),
)
PORTRAITS = (_ASTRONAUT, _HOPPER)


def orders() -> list[Order]:
    """The rendered pictures of the demo set."""
    return [
        Order(f"rendered_{place:02d}.jpg", (SEED, number), (width, height), (least, most), LSP_14.joints, 88, 2)
        for place, (number, width, height, least, most) in enumerate(_PICTURES, start=1)
    ]


def portrait_bytes(portrait: Portrait) -> bytes:
    """A portrait as JPEG bytes.

    Raises:
        PhotoError: the package that ships it is not installed.
    """
    if portrait is _HOPPER:
        return (_folder("matplotlib", portrait) / "mpl-data" / "sample_data" / "grace_hopper.jpg").read_bytes()
    out = BytesIO()
    with Image.open(_folder("skimage", portrait) / "data" / "astronaut.png") as image:
        image.convert("RGB").save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()


def _folder(package: str, portrait: Portrait) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise PhotoError(f"{portrait.name}: comes with the package {package}, which is not installed")
    return Path(spec.origin).parent


def documents(annotations: Sequence[list[dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The set as it is shipped, and the same with every joint.

    Args:
        annotations: those of each of `orders()`.

    Returns:
        (annotations.json, truth.json) as COCO documents.
    """
    made = orders()
    blank = [Order(p.name, (0, 0), p.size, (1, 1), LSP_14.joints) for p in PORTRAITS]
    people = [*annotations, *([p.annotation()] for p in PORTRAITS)]
    truth = document([*made, *blank], people, LSP_14, "labeltool's demo set, all joints of the rendered people")
    truth["licenses"] = [dict(licence) for licence in _LICENSES]
    for image in truth["images"]:
        image["license"] = 2 if image["file_name"] in {p.name for p in PORTRAITS} else 1
    shipped = deepcopy(truth)
    shipped["info"]["description"] = "labeltool's demo set: every person has a box, a third of the pictures has joints"
    for annotation in shipped["annotations"]:
        if annotation["image_id"] % 3 != 1:
            annotation["keypoints"] = [0] * len(annotation["keypoints"])
            annotation["num_keypoints"] = 0
    return shipped, truth
