"""Whole photos with all their people, for models that find people by themselves: read once, seen anew in every epoch.

A view is the photo scaled, shifted and possibly mirrored onto a canvas of fixed size, with its boxes, masks and joints.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as rle
from torch import Tensor

from labeltool.coco.document import CocoDocument, keypoints_of, person_category
from labeltool.geometry import FloatArray, clip_boxes
from labeltool.images import load_photo
from labeltool.skeleton import Skeleton, convert, from_category
from labeltool.training.boxes import box_of

#: People whose box keeps less than this share inside the canvas are left out of a view.
_KEPT = 0.3


@dataclass(frozen=True)
class Scene:
    """A photo with its people.

    Attributes:
        photo: the file.
        size: width and height in pixels.
        boxes: (N, 4) xywh.
        xy: (N, K, 2) joints.
        v: (N, K) their visibility.
        outlines: for each person COCO polygons, or none where the labels have no outline.
        ignored: (M, 4) xywh boxes of crowds, neither people nor background: views show them grey.
        image_id: of the document it came from.
    """

    photo: Path
    size: tuple[int, int]
    boxes: FloatArray
    xy: FloatArray
    v: NDArray[np.int_]
    outlines: tuple[tuple[tuple[float, ...], ...], ...]
    ignored: FloatArray
    image_id: int

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class View:
    """A scene on a canvas of W x H pixels.

    Attributes:
        pixels: (3, H, W) photo values 0..255.
        boxes: (N, 4) xyxy, at pixel edges.
        xy: (N, K, 2) joints in pixels.
        labelled: (N, K) whether a joint is labelled and lies on the canvas.
        masks: (N, H, W) bytes 0 or 1; (0, H, W) when not asked for.
    """

    pixels: Tensor
    boxes: Tensor
    xy: Tensor
    labelled: Tensor
    masks: Tensor


@dataclass(frozen=True)
class Variation:
    """How far a training view may differ from the plain one.

    Attributes:
        scale: zoomed by a factor between 1 / scale and scale.
        shift: moved by up to this share of the canvas, each way.
        flip: share of the views that are mirrored, left joints becoming right ones.
        tint: brightness and contrast vary by up to this share.
    """

    scale: float = 1.25
    shift: float = 0.1
    flip: float = 0.5
    tint: float = 0.25


#: The photo as it is, for validation.
PLAIN = Variation(scale=1, shift=0, flip=0, tint=0)


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
        outlines = tuple(_outline(a) for a in people)
        size = (int(image["width"]), int(image["height"]))
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


def view(
    scene: Scene,
    skeleton: Skeleton,
    *,
    canvas: tuple[int, int],
    masks: bool,
    variation: Variation,
    chance: np.random.Generator,
) -> View:
    """One view of a scene.

    Args:
        scene: what to look at.
        skeleton: for the left/right pairs.
        canvas: width and height in pixels; the photo is fitted into it.
        masks: whether to draw the people's masks from their outlines.
        variation: how the view varies.
        chance: the source of all chance.

    Raises:
        PhotoError: the photo cannot be read.
    """
    width, height = scene.size
    zoom = min(canvas[0] / width, canvas[1] / height)
    zoom *= math.exp(chance.uniform(-1, 1) * math.log(variation.scale))
    away = chance.uniform(-1, 1, 2) * variation.shift * np.array(canvas)
    mirrored = chance.uniform() < variation.flip
    offset = np.array(canvas) / 2 - zoom * np.array(scene.size) / 2 + away

    def to_canvas(points: FloatArray) -> FloatArray:
        """Edge coordinates of the photo to those of the canvas."""
        out: FloatArray = points * zoom + offset
        if mirrored:
            out[..., 0] = canvas[0] - out[..., 0]
        return out

    pixels = _painted(load_photo(scene.photo), zoom, offset, canvas, mirrored, variation.tint, chance)
    crowds = to_canvas(np.stack([scene.ignored[:, :2], scene.ignored[:, :2] + scene.ignored[:, 2:]], axis=1))
    for ends in np.clip(crowds.round().astype(int), 0, canvas):
        (left, top), (right, bottom) = ends.min(axis=0), ends.max(axis=0)
        pixels[:, top:bottom, left:right] = 127
    xy = to_canvas(scene.xy + 0.5) - 0.5
    labelled = scene.v > 0
    if mirrored:
        order = skeleton.flip_order()
        xy, labelled = xy[:, order], labelled[:, order]
    labelled &= ((xy > -0.5) & (xy < np.array(canvas) - 0.5)).all(axis=2)
    corners = to_canvas(np.stack([scene.boxes[:, :2], scene.boxes[:, :2] + scene.boxes[:, 2:]], axis=1))
    low, high = corners.min(axis=1), corners.max(axis=1)
    whole = np.concatenate([low, high - low], axis=1)
    inside = clip_boxes(whole, *canvas)
    kept = inside[:, 2:].prod(axis=1) > _KEPT * whole[:, 2:].prod(axis=1)
    kept &= (inside[:, 2:] >= 2).all(axis=1)
    drawn = [_mask(scene.outlines[i], inside[i], to_canvas, canvas) for i in np.flatnonzero(kept)] if masks else []
    boxes = np.concatenate([inside[:, :2], inside[:, :2] + inside[:, 2:]], axis=1)[kept]
    return View(
        pixels,
        torch.from_numpy(boxes).float(),
        torch.from_numpy(xy[kept]).float(),
        torch.from_numpy(labelled[kept]),
        torch.from_numpy(np.stack(drawn)) if drawn else torch.zeros(0, canvas[1], canvas[0], dtype=torch.uint8),
    )


def _painted(
    photo: NDArray[np.uint8],
    zoom: float,
    offset: FloatArray,
    canvas: tuple[int, int],
    mirrored: bool,
    tint: float,
    chance: np.random.Generator,
) -> Tensor:
    """The photo on the canvas, grey about it: (3, H, W) float, 0..255."""
    # PIL asks where in the source each pixel of the result comes from
    back = (1 / zoom, 0.0, -offset[0] / zoom, 0.0, 1 / zoom, -offset[1] / zoom)
    source = Image.fromarray(photo)
    if zoom < 0.75:  # bilinear reading alone would skip pixels
        source, shrunk = source.reduce(max(int(1 / zoom), 1)), max(int(1 / zoom), 1)
        back = (back[0] / shrunk, 0.0, back[2] / shrunk, 0.0, back[4] / shrunk, back[5] / shrunk)
    painted = source.transform(
        canvas, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR, fillcolor=(127, 127, 127)
    )
    values = np.asarray(painted, dtype=np.float32)
    if mirrored:
        values = values[:, ::-1]
    if tint > 0:
        gain, lift = 1 + chance.uniform(-1, 1) * tint, chance.uniform(-1, 1) * tint * 127
        cast = chance.uniform(-0.5, 0.5, 3) * tint * 60
        values = ((values - 127) * gain + 127 + lift + cast).clip(0, 255).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _mask(
    outline: Sequence[Sequence[float]], box: FloatArray, to_canvas: Any, canvas: tuple[int, int]
) -> NDArray[np.uint8]:
    """A person's pixels (H, W) on the canvas; the whole box where the labels have no outline."""
    width, height = canvas
    if not outline:
        drawn = np.zeros((height, width), dtype=np.uint8)
        x, y, w, h = box
        drawn[round(y) : math.ceil(y + h), round(x) : math.ceil(x + w)] = 1
        return drawn
    polygons = [to_canvas(np.reshape(part, (-1, 2))).ravel().tolist() for part in outline]
    merged = rle.merge(rle.frPyObjects(polygons, height, width))
    with warnings.catch_warnings():  # pycocotools 2.0.11 makes its arrays in a way that numpy 2 is leaving behind
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        mask: NDArray[np.uint8] = rle.decode(merged)
    return mask


def _outline(annotation: Mapping[str, Any]) -> tuple[tuple[float, ...], ...]:
    """A person's polygons; an RLE or nothing gives none."""
    found = annotation.get("segmentation")
    if not isinstance(found, list):
        return ()
    return tuple(tuple(map(float, part)) for part in found if isinstance(part, list) and len(part) >= 6)
