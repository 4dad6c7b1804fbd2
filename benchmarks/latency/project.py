"""A large project of 12-megapixel photos: the first images hold 20 people of 17 joints, the rest two each."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labeltool.coco.document import CocoDocument
from labeltool.project import Project
from labeltool.skeleton import COCO_17

FIGURES = Path(__file__).resolve().parents[2] / "datasets" / "figures" / "images"

WIDTH, HEIGHT = 4000, 3000

#: Images at the front of the queue with 20 people each; those behind have two.
CROWDED = 400
PEOPLE = 20

#: A square of one colour in the corner of each photo, where nobody stands: by it a screenshot shows which photo is painted.
PATCH = (60, 60, 420, 420)

# A standing person in shares of its box, in the order of COCO_17's joints.
_BODY = (
    (0.50, 0.08), (0.55, 0.05), (0.45, 0.05), (0.60, 0.08), (0.40, 0.08), (0.72, 0.22), (0.28, 0.22), (0.82, 0.38), (0.18, 0.38),
    (0.86, 0.52), (0.14, 0.52), (0.64, 0.54), (0.36, 0.54), (0.66, 0.75), (0.34, 0.75), (0.66, 0.96), (0.34, 0.96),
)  # fmt: skip


@dataclass(frozen=True)
class BigProject:
    """A project made for the benchmark.

    Attributes:
        path: the project folder.
        photos: the folder of its photos.
        images: how many images it has; their ids are 1, 2, ...
        colours: the colour of the patch on each photo that differs; image i shows photo (i - 1) % len(colours).
    """

    path: Path
    photos: Path
    images: int
    colours: list[tuple[int, int, int]]

    def colour(self, image_id: int) -> tuple[int, int, int]:
        """The colour of the patch on an image's photo."""
        return self.colours[(image_id - 1) % len(self.colours)]

    def photo(self, image_id: int) -> Path:
        """The file of an image's photo."""
        return self.photos / name_of(image_id)


def name_of(image_id: int) -> str:
    """The file name of an image."""
    return f"{image_id:06d}.jpg"


def make_project(folder: Path, images: int, different: int) -> BigProject:
    """A new project of so many images in a folder.

    Args:
        folder: where it goes; made when it is not there.
        images: how many.
        different: how many photos differ; the other files are links to them, which server and browser cannot tell.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    colours = make_photos(photos, different)
    for image_id in range(different + 1, images + 1):
        os.link(photos / name_of((image_id - 1) % different + 1), photos / name_of(image_id))
    crowded = min(CROWDED, images // 2)
    document = CocoDocument(make_document(images, crowded), "big.json")
    with Project.create(folder / "project", document, photos, COCO_17) as project:
        # Labels that came with the photos count as done; what is submitted here must have been waiting.
        for image_id in range(1, min(crowded, 150) + 1):
            project.set_status(image_id, "in_progress", "benchmark")
    return BigProject(folder / "project", photos, images, colours)


def make_document(images: int, crowded: int) -> dict[str, Any]:
    """The project as a COCO document."""
    rng = np.random.default_rng(0)
    cells = [(520 + 680 * column, 60 + 730 * row) for row in range(4) for column in range(5)]
    shapes = [person_at(x, y, rng) for x, y in cells]
    annotations: list[dict[str, Any]] = []
    for image_id in range(1, images + 1):
        for shape in shapes[: PEOPLE if image_id <= crowded else 2]:
            annotations.append({**shape, "id": len(annotations) + 1, "image_id": image_id})
    rows = [{"id": i, "file_name": name_of(i), "width": WIDTH, "height": HEIGHT} for i in range(1, images + 1)]
    return {"images": rows, "annotations": annotations, "categories": [COCO_17.to_category()]}


def person_at(x: float, y: float, rng: np.random.Generator) -> dict[str, Any]:
    """An annotation without ids: a person of 340 x 680 pixels whose box has this corner; every seventh joint is hidden."""
    width, height = 340.0, 680.0
    keypoints: list[float] = []
    for k, (share_x, share_y) in enumerate(_BODY):
        dx, dy = rng.normal(0, 6, 2).tolist()
        keypoints += [round(x + width * share_x + dx, 2), round(y + height * share_y + dy, 2), 1 if k % 7 == 6 else 2]
    return {
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [x, y, width, height],
        "area": width * height * 0.5,
        "num_keypoints": 17,
        "keypoints": keypoints,
        "segmentation": [],
    }


def make_photos(folder: Path, many: int) -> list[tuple[int, int, int]]:
    """Writes so many differing photos with the grain, and so the size, of a camera's; the colours of their patches."""
    sources = sorted(FIGURES.glob("*.jpg"))
    colours = [(40 + 170 * (i % 2), 40 + 170 * (i // 2 % 2), 30 + 190 * i // many) for i in range(many)]

    def write(i: int) -> None:
        with Image.open(sources[i % len(sources)]) as source:
            large = np.asarray(source.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
        grain = np.random.default_rng(i).normal(0, 7, (HEIGHT // 4, WIDTH // 4, 1)).astype(np.int16)
        photo = np.clip(large + np.tile(grain, (4, 4, 1)), 0, 255).astype(np.uint8)
        left, top, right, bottom = PATCH
        photo[top:bottom, left:right] = colours[i]
        Image.fromarray(photo).save(folder / name_of(i + 1), quality=88)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(many)))
    return colours
