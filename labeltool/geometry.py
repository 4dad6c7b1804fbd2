"""Boxes, crops, and the maps between image and crop coordinates.

The convention, once for the whole project:

        x=0   x=1   x=2          a joint at (1, 0) lies in the middle of the second pixel of the first row
      +-----+-----+-----+        (pixel centres at integers, as COCO keypoints have them);
  y=0 |  .  |  J  |  .  |        a box [x, y, w, h] is measured at pixel *edges*: [0, 0, 3, 2] is this whole
      +-----+-----+-----+        picture, so the point p of joint coordinates lies at p + 0.5 of edge coordinates.
  y=1 |  .  |  .  |  .  |
      +-----+-----+-----+        A crop of S x S pixels from a box b of w x h:
                                     u = (p + 0.5 - b_xy) * S / (w, h) - 0.5      image -> crop
                                     p = (u + 0.5) * (w, h) / S + b_xy - 0.5      crop -> image

N(y; b) = diag(1/w, 1/h) (y - b_c) is DeepPose's normalisation (Toshev & Szegedy 2014, eq. 1). It is plain arithmetic: y and b
must be in the same coordinates, so a model that normalises joints by a box passes p + 0.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating[Any]]


def box_centre(boxes: ArrayLike) -> FloatArray:
    """The centres of boxes: (..., 4) xywh -> (..., 2)."""
    b = np.asarray(boxes, dtype=np.float64)
    return b[..., :2] + b[..., 2:] / 2


def normalise(xy: ArrayLike, box: ArrayLike) -> FloatArray:
    """N(y; b) = diag(1/w, 1/h) (y - b_c): joints relative to a box (Toshev & Szegedy 2014, eq. 1).

    Args:
        xy: (..., K, 2) joints in image pixels.
        box: (..., 4) xywh, one for each person.

    Returns:
        (..., K, 2); inside the box both values lie in [-0.5, 0.5].
    """
    b = np.asarray(box, dtype=np.float64)
    return (np.asarray(xy, dtype=np.float64) - box_centre(b)[..., None, :]) / b[..., None, 2:]


def denormalise(normalised: ArrayLike, box: ArrayLike) -> FloatArray:
    """N^-1(y; b) = diag(w, h) y + b_c: the inverse of `normalise`, same shapes."""
    b = np.asarray(box, dtype=np.float64)
    return np.asarray(normalised, dtype=np.float64) * b[..., None, 2:] + box_centre(b)[..., None, :]


def scale_boxes(boxes: ArrayLike, factor: float) -> FloatArray:
    """Boxes grown about their centres: (..., 4) xywh, sides times `factor`."""
    b = np.asarray(boxes, dtype=np.float64)
    size = b[..., 2:] * factor
    return np.concatenate([box_centre(b) - size / 2, size], axis=-1)


def square_boxes(boxes: ArrayLike, factor: float = 1.0) -> FloatArray:
    """The squares about the boxes' centres whose side is the longer side times `factor`: (..., 4) xywh."""
    b = np.asarray(boxes, dtype=np.float64)
    side = np.broadcast_to(b[..., 2:].max(axis=-1, keepdims=True) * factor, b[..., 2:].shape)
    return np.concatenate([box_centre(b) - side / 2, side], axis=-1)


def clip_boxes(boxes: ArrayLike, width: float, height: float) -> FloatArray:
    """Boxes cut to an image of width x height pixels: (..., 4) xywh; w or h is 0 where nothing is left."""
    b = np.asarray(boxes, dtype=np.float64)
    limit = np.array([width, height], dtype=np.float64)
    low = np.clip(b[..., :2], 0, limit)
    high = np.clip(b[..., :2] + b[..., 2:], 0, limit)
    return np.concatenate([low, high - low], axis=-1)


def box_of_joints(xy: ArrayLike, v: ArrayLike) -> FloatArray | None:
    """The tight box [x, y, w, h] of the labelled joints, or None when no joint is labelled.

    Args:
        xy: (K, 2) joints in image pixels.
        v: (K,) visibility; joints with v = 0 do not count.
    """
    points = np.asarray(xy, dtype=np.float64)[np.asarray(v) > 0]
    if len(points) == 0:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low, high - low])


def box_iou(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Intersection over union of every box of `a` with every box of `b`: (N, 4), (M, 4) xywh -> (N, M)."""
    first = np.asarray(a, dtype=np.float64).reshape(-1, 4)[:, None]
    second = np.asarray(b, dtype=np.float64).reshape(-1, 4)[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - overlap
    iou: FloatArray = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou


def image_to_crop(xy: ArrayLike, box: ArrayLike, size: float) -> FloatArray:
    """Joints in the pixels of a size x size crop of a box: (..., K, 2), box (..., 4) xywh."""
    b = np.asarray(box, dtype=np.float64)
    return (np.asarray(xy, dtype=np.float64) + 0.5 - b[..., None, :2]) * size / b[..., None, 2:] - 0.5


def crop_to_image(uv: ArrayLike, box: ArrayLike, size: float) -> FloatArray:
    """Joints of a size x size crop of a box back in image pixels: the inverse of `image_to_crop`."""
    b = np.asarray(box, dtype=np.float64)
    return (np.asarray(uv, dtype=np.float64) + 0.5) * b[..., None, 2:] / size + b[..., None, :2] - 0.5
