"""Views of whole photos on a canvas of fixed size: scaled, turned, shifted, possibly mirrored, with boxes, masks and joints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from labeltool.geometry import FloatArray, clip_boxes
from labeltool.images import load_photo
from labeltool.skeleton import Skeleton
from labeltool.training.outlines import Polygons, RunLengths, drawn_polygons
from labeltool.training.scenes import Scene

#: People whose box keeps less than this share inside the canvas are left out of a view.
_KEPT = 0.3


@dataclass(frozen=True)
class View:
    """A scene on a canvas of W x H pixels.

    Attributes:
        pixels: (3, H, W) photo values 0..255.
        boxes: (N, 4) xyxy, at pixel edges.
        xy: (N, K, 2) joints in pixels.
        labelled: (N, K) whether a joint is labelled and lies on the canvas.
        masks: (N, H, W) bytes 0 or 1, 0 where something covers the person; (0, H, W) when not asked for. The box stands for an
            outline that the labels do not have.
        hazy: (M, 4) xyxy, boxes of the people of whom something is not told: a joint that the labels miss, or all of somebody who
            is left out because the canvas cuts most of them off.
        untold: (M, K + 1) what that is: each joint, and last whether somebody is there at all.
    """

    pixels: Tensor
    boxes: Tensor
    xy: Tensor
    labelled: Tensor
    masks: Tensor
    hazy: Tensor
    untold: Tensor


@dataclass(frozen=True)
class Variation:
    """How far a training view may differ from the plain one.

    Attributes:
        rotation: turned by up to so many degrees either way.
        rotated: share of the views that are turned.
        full_circle: share of the views that are turned by any angle instead, for athletes upside down; by a quarter, a half or
            three quarters of a turn where somebody has no outline, whose box would be too large in a photo that lies aslant.
        scale: zoomed by a factor between 1 / scale and scale.
        shift: moved by up to this share of the canvas, each way.
        flip: share of the views that are mirrored, left joints becoming right ones.
        tint: brightness and contrast vary by up to this share.
        occlusion: share of the people of whom a piece is covered by another place of the view, or by grey where somebody would be
            seen in it; joints under it stay labelled.
    """

    rotation: float = 15.0
    rotated: float = 0.5
    full_circle: float = 0.1
    scale: float = 1.25
    shift: float = 0.1
    flip: float = 0.5
    tint: float = 0.25
    occlusion: float = 0.3


#: The photo as it is, for validation.
PLAIN = Variation(rotation=0, rotated=0, full_circle=0, scale=1, shift=0, flip=0, tint=0, occlusion=0)


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
    place = _placed(scene, canvas, variation, chance)
    pixels = _painted(load_photo(scene.photo), place, variation.tint, chance)
    for crowd in place.to_canvas(_corners(scene.ignored)):
        if place.turned:
            pixels[:, torch.from_numpy(drawn_polygons([crowd], canvas) > 0)] = 127
        else:
            ends = np.clip(crowd.round().astype(int), 0, canvas)
            (left, top), (right, bottom) = ends.min(axis=0), ends.max(axis=0)
            pixels[:, top:bottom, left:right] = 127
    xy = place.to_canvas(scene.xy + 0.5) - 0.5
    labelled = scene.v > 0
    if place.mirrored:
        order = skeleton.flip_order()
        xy, labelled = xy[:, order], labelled[:, order]
    untold = ~labelled
    labelled &= ((xy > -0.5) & (xy < np.array(canvas) - 0.5)).all(axis=2)
    extents = [_extent_on(scene, person, place) for person in range(len(scene))]
    low = np.array([points.min(axis=0) for points in extents])
    high = np.array([points.max(axis=0) for points in extents])
    whole = np.concatenate([low, high - low], axis=1)
    inside = clip_boxes(whole, *canvas)
    kept = inside[:, 2:].prod(axis=1) > _KEPT * whole[:, 2:].prod(axis=1)
    kept &= (inside[:, 2:] >= 2).all(axis=1)
    untold = np.concatenate([untold | ~kept[:, None], ~kept[:, None]], axis=1)
    hazy = untold.any(axis=1) & (inside[:, 2:] > 0).all(axis=1)
    boxes = np.concatenate([inside[:, :2], inside[:, :2] + inside[:, 2:]], axis=1)
    drawn = np.zeros((0, canvas[1], canvas[0]), dtype=np.uint8)
    if masks and kept.any():
        drawn = np.stack([_mask_on(scene, int(i), inside[i], place) for i in np.flatnonzero(kept)])
    if variation.occlusion > 0:
        drawn[:, _cover(pixels, boxes, kept, variation.occlusion, chance)] = 0
    return View(
        pixels,
        torch.from_numpy(boxes[kept]).float(),
        torch.from_numpy(xy[kept]).float(),
        torch.from_numpy(labelled[kept]),
        torch.from_numpy(drawn),
        torch.from_numpy(boxes[hazy]).float(),
        torch.from_numpy(untold[hazy]),
    )


@dataclass(frozen=True)
class _Place:
    """How a photo lies on a canvas: q = zoom R p + offset in edge coordinates, then possibly mirrored."""

    zoom: float
    rotation: FloatArray
    offset: FloatArray
    mirrored: bool
    canvas: tuple[int, int]

    @property
    def turned(self) -> bool:
        """Whether it lies aslant."""
        return bool(self.rotation[1, 0] != 0)

    def to_canvas(self, points: FloatArray) -> FloatArray:
        """Edge coordinates (..., 2) of the photo to those of the canvas."""
        out: FloatArray = points @ (self.zoom * self.rotation).T + self.offset
        if self.mirrored:
            out[..., 0] = self.canvas[0] - out[..., 0]
        return out

    @property
    def back(self) -> FloatArray:
        """The six numbers by which PIL finds where in the photo a pixel of the canvas comes from, before it is mirrored."""
        (a, b), (d, e) = (self.rotation.T / self.zoom).tolist()
        c, f = (-(self.rotation.T @ self.offset) / self.zoom).tolist()
        return np.array([a, b, c, d, e, f])


def _placed(scene: Scene, canvas: tuple[int, int], variation: Variation, chance: np.random.Generator) -> _Place:
    """A place for a photo by chance, its middle near the canvas's."""
    size = np.array(scene.size)
    zoom = math.exp(chance.uniform(-1, 1) * math.log(variation.scale))
    away = chance.uniform(-1, 1, 2) * variation.shift * np.array(canvas)
    mirrored = bool(chance.uniform() < variation.flip)
    rotation: FloatArray = np.eye(2)
    if variation.rotation > 0:
        angle = math.radians(chance.uniform(-1, 1) * variation.rotation)
        if chance.uniform() < variation.rotated:
            rotation = _turn(angle)
    shown = size
    if variation.full_circle > 0:
        angle = chance.uniform(-1, 1) * math.pi
        if chance.uniform() < variation.full_circle:
            quarters = math.ceil(abs(angle) / math.pi * 3)
            rotation = _turn(angle) if all(scene.outlines) else _QUARTER_TURNS[quarters]
            shown = np.abs(rotation) @ size  # all of the photo is to be seen
    zoom *= (np.array(canvas) / shown).min()
    offset = np.array(canvas) / 2 - zoom * (rotation @ size) / 2 + away
    return _Place(zoom, rotation, offset, mirrored, canvas)


def _turn(angle: float) -> FloatArray:
    """The matrix (2, 2) that turns points by an angle in radians."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


#: By no, one, two and three quarters of a turn, to the bit.
_QUARTER_TURNS = tuple(np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), quarters) for quarters in range(4))


def _corners(boxes: FloatArray) -> FloatArray:
    """The corners of boxes xywh, in turn: (N, 4) to (N, 4, 2)."""
    x, y, w, h = boxes.T
    return np.stack([np.stack([x, x + w, x + w, x], axis=1), np.stack([y, y, y + h, y + h], axis=1)], axis=2)


def _extent_on(scene: Scene, person: int, place: _Place) -> FloatArray:
    """The points (P, 2) on the canvas that a person's box is drawn about.

    In a photo that lies aslant the box is that of the outline, which is smaller than that of the turned box; where the labels
    have no outline the turned box has to do, for the mask as well.
    """
    outline = scene.outlines[person]
    if not place.turned or not outline:
        return _box_on(scene, person, place)
    if isinstance(outline, RunLengths):
        return place.to_canvas(outline.edge_points())
    return np.concatenate(_polygons_on(outline, place))


def _mask_on(scene: Scene, person: int, inside: FloatArray, place: _Place) -> NDArray[np.uint8]:
    """A person's pixels (H, W) on the canvas; `inside` is their box xywh there, for an upright one without an outline."""
    outline = scene.outlines[person]
    if isinstance(outline, RunLengths):
        source = Image.fromarray(outline.pixels())
        laid = np.asarray(source.transform(place.canvas, Image.Transform.AFFINE, place.back.tolist()))
        return laid[:, ::-1] if place.mirrored else laid
    if outline:
        return drawn_polygons(_polygons_on(outline, place), place.canvas)
    return (
        drawn_polygons([_box_on(scene, person, place)], place.canvas) if place.turned else _filled(inside, place.canvas)
    )


def _box_on(scene: Scene, person: int, place: _Place) -> FloatArray:
    """The corners (4, 2) of a person's box on the canvas."""
    corners: FloatArray = place.to_canvas(_corners(scene.boxes[person : person + 1]))[0]
    return corners


def _polygons_on(outline: Polygons, place: _Place) -> list[FloatArray]:
    """The points (P, 2) of each polygon on the canvas."""
    return [place.to_canvas(np.reshape(part, (-1, 2))) for part in outline]


def _painted(photo: NDArray[np.uint8], place: _Place, tint: float, chance: np.random.Generator) -> Tensor:
    """The photo on the canvas, grey about it: (3, H, W) float, 0..255."""
    source, back = Image.fromarray(photo), place.back
    if place.zoom < 0.75:  # bilinear reading alone would skip pixels
        shrunk = max(int(1 / place.zoom), 1)
        source, back = source.reduce(shrunk), back / shrunk
    painted = source.transform(
        place.canvas, Image.Transform.AFFINE, back.tolist(), Image.Resampling.BILINEAR, fillcolor=(127, 127, 127)
    )
    values = np.asarray(painted, dtype=np.float32)
    if place.mirrored:
        values = values[:, ::-1]
    if tint > 0:
        gain, lift = 1 + chance.uniform(-1, 1) * tint, chance.uniform(-1, 1) * tint * 127
        cast = chance.uniform(-0.5, 0.5, 3) * tint * 60
        values = ((values - 127) * gain + 127 + lift + cast).clip(0, 255).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _cover(
    pixels: Tensor, boxes: FloatArray, kept: NDArray[np.bool_], share: float, chance: np.random.Generator
) -> NDArray[np.bool_]:
    """Covers a piece of some people, in place, and returns the pixels (H, W) that are covered.

    A piece has 0.2 to 0.5 of the sides of the person's box. It shows another place of the view, or grey where that place holds
    somebody; nobody loses more than half of their box to another's piece.

    Args:
        pixels: (3, H, W), changed.
        boxes: (N, 4) xyxy of everybody, cut to the canvas.
        kept: (N,) whom the view is of.
        share: of them that are covered.
        chance: the source of all chance.
    """
    canvas = np.array(pixels.shape[:0:-1])
    covered = np.zeros(pixels.shape[1:], dtype=np.bool_)
    before = pixels.clone()
    for low, high in zip(boxes[kept, :2], boxes[kept, 2:], strict=True):
        lot = chance.uniform(size=7)
        size = np.maximum(((high - low) * (0.2 + 0.3 * lot[1:3])).round(), 1)
        at = (low + (high - low - size) * lot[3:5]).round()
        if lot[0] >= share or (_shared(boxes[kept], at, size) > 0.5).any():
            continue
        source = ((canvas - size) * lot[5:7]).round()
        here, there = (_slices(corner, size) for corner in (at, source))
        pixels[:, *here] = 127 if (_shared(boxes, source, size) > 0).any() else before[:, *there]
        covered[here] = True
    return covered


def _shared(boxes: FloatArray, corner: FloatArray, size: FloatArray) -> FloatArray:
    """Which share of each box xyxy lies in a rectangle: (N,)."""
    sides = np.minimum(boxes[:, 2:], corner + size) - np.maximum(boxes[:, :2], corner)
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    found: FloatArray = np.maximum(sides, 0).prod(axis=1) / np.maximum(whole, 1e-9)
    return found


def _slices(corner: FloatArray, size: FloatArray) -> tuple[slice, slice]:
    """The rows and columns of a rectangle of whole pixels."""
    (x, y), (w, h) = corner.astype(int).tolist(), size.astype(int).tolist()
    return slice(y, y + h), slice(x, x + w)


def _filled(box: FloatArray, canvas: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels (H, W) of a whole box xywh."""
    drawn = np.zeros((canvas[1], canvas[0]), dtype=np.uint8)
    x, y, w, h = box
    drawn[round(y) : math.ceil(y + h), round(x) : math.ceil(x + w)] = 1
    return drawn
