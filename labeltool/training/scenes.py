"""Whole photos with all their people, for models that find people by themselves: read once, seen anew in every epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument, keypoints_of, person_category
from labeltool.geometry import FloatArray
from labeltool.skeleton import Skeleton, convert, from_category
from labeltool.training.boxes import box_of
from labeltool.training.outlines import Polygons, RunLengths, outline_of


@dataclass(frozen=True)
class Scene:
    """A photo with its people.

    Attributes:
        photo: the file.
        size: width and height in pixels.
        boxes: (N, 4) xywh.
        xy: (N, K, 2) joints.
        v: (N, K) their visibility.
        outlines: for each person COCO polygons or run lengths; no polygons where the labels have no outline.
        ignored: (M, 4) xywh boxes of crowds, neither people nor background: views show them grey.
        image_id: of the document it came from.
    """

    photo: Path
    size: tuple[int, int]
    boxes: FloatArray
    xy: FloatArray
    v: NDArray[np.int_]
    outlines: tuple[Polygons | RunLengths, ...]
    ignored: FloatArray
    image_id: int

    def __len__(self) -> int:
        return len(self.boxes)


def read_scenes(document: CocoDocument, photos: Path, skeleton: Skeleton) -> list[Scene]:
    """The photos of a COCO document that show people, with all of them.

    Args:
        document: the labels.
        photos: the folder that its file names start from.
        skeleton: the joints to learn; the document's own are brought to it by name.

    Raises:
        ModelError: a person or a crowd has no box, or one that lies outside the photo.
    """
    category = person_category(document)
    conversion = convert(from_category(category), skeleton)
    per_image: dict[int, list[Mapping[str, Any]]] = {}
    for annotation in document.annotations:
        if annotation.get("category_id") == category["id"]:
            per_image.setdefault(annotation["image_id"], []).append(annotation)
    scenes = []
    for image in document.images:
        given = per_image.get(image["id"], [])
        people = [a for a in given if not a.get("iscrowd")]
        if not people:
            continue
        boxes = np.array([box_of(a, image, document.source) for a in people])
        crowds = [box_of(a, image, document.source) for a in given if a.get("iscrowd")]
        joints = [keypoints_of(a, len(conversion.source)) for a in people]
        xy = conversion.apply(np.stack([j[0] for j in joints]), fill=0.0)
        v = conversion.apply(np.stack([j[1] for j in joints]), fill=0)
        size = (int(image["width"]), int(image["height"]))
        outlines = tuple(outline_of(a, size) for a in people)
        ignored = np.array(crowds, dtype=np.float64).reshape(-1, 4)
        scenes.append(Scene(photos / image["file_name"], size, boxes, xy, v, outlines, ignored, image["id"]))
    return scenes


def fingerprint(scenes: Sequence[Scene]) -> str:
    """The SHA-256 of all that scenes teach but the photos' pixels: names, sizes, boxes, joints, outlines; hexadecimal."""
    digest = hashlib.sha256()
    for scene in scenes:
        arrays = (scene.boxes, scene.xy, scene.v, scene.ignored)
        digest.update(repr((scene.photo.name, scene.size, scene.outlines, [a.shape for a in arrays])).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def outlined(scenes: Sequence[Scene]) -> tuple[int, int]:
    """How many of the people of scenes have an outline, and how many there are."""
    outlines = [outline for scene in scenes for outline in scene.outlines]
    return sum(map(bool, outlines)), len(outlines)
