"""A data set of rendered pictures: one function a picture, and the COCO document around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from figures_render import picture, scene
from labeltool.skeleton import Skeleton

#: Scenes tried until somebody can be seen in one.
MAX_TRIES = 5


@dataclass(frozen=True)
class Order:
    """One picture to make.

    Attributes:
        name: of its file.
        seed: (seed of the set, number of the picture): the only source of chance.
        size: (width, height) pixels.
        people: (least, most) people put into the scene; fewer may be left when some are hardly seen.
        joints: names of the joints to label.
        quality: of the JPEG, or None for one by chance.
        supersample: pixels rendered for one kept, along each side.
        poses: names of poses to choose from, or None for all.
    """

    name: str
    seed: tuple[int, int]
    size: tuple[int, int]
    people: tuple[int, int]
    joints: tuple[str, ...]
    quality: int | None = None
    supersample: int = 1
    poses: tuple[str, ...] | None = None


def make_picture(order: Order) -> tuple[bytes, list[dict[str, Any]]]:
    """The JPEG of an order and its annotations, without ids: the same for the same order."""
    rng = np.random.default_rng(order.seed)
    width, height = order.size
    count = int(rng.integers(order.people[0], order.people[1] + 1))
    for _ in range(MAX_TRIES):
        composed = scene.compose(rng, width, height, count, poses=order.poses)
        rendered = picture.draw(composed, rng, supersample=order.supersample)
        if rendered.scene.people:
            break
    quality = int(rng.integers(72, 96)) if order.quality is None else order.quality
    return picture.encode(rendered.pixels, quality), picture.annotate(rendered, order.joints)


def write_picture(order: Order, folder: Path) -> list[dict[str, Any]]:
    """Make a picture, write it to `folder`, and return its annotations."""
    jpeg, annotations = make_picture(order)
    (folder / order.name).write_bytes(jpeg)
    return annotations


def document(
    orders: Sequence[Order], annotations: Sequence[Sequence[Mapping[str, Any]]], skeleton: Skeleton, description: str
) -> dict[str, Any]:
    """The COCO document of finished orders: image and annotation ids count from 1."""
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for number, (order, found) in enumerate(zip(orders, annotations, strict=True), start=1):
        images.append({"id": number, "file_name": order.name, "width": order.size[0], "height": order.size[1]})
        for annotation in found:
            people.append({"id": len(people) + 1, "image_id": number, "category_id": 1, **annotation})
    return {
        "info": {"description": description, "version": "1"},
        "licenses": [],
        "images": images,
        "annotations": people,
        "categories": [skeleton.to_category()],
    }
