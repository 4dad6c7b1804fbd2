"""Joints and boxes between labeltool's pixels and FiftyOne's share of the photo.

FiftyOne keeps coordinates as shares of the upright photo's width and height. Its own readers and writers of COCO files divide and
multiply by the size and do nothing else (`fiftyone.utils.coco`), and so does this module:

    share = (x / width, y / height)        pixels = (share_x * width, share_y * height)

so that a data set made here and one that FiftyOne read from a COCO file hold the same numbers, and either one comes back as the
file had it. labeltool's pixel centres lie at integers while FiftyOne draws the share 0 at the photo's edge: its App shows a joint
half a pixel of the photo too far left and up. Boxes are measured at pixel edges on both sides.

    labeltool   v = 0            v = 1                 v = 2
    FiftyOne    point is NaN,    visible is 1          visible is 2
                visible is 0

`visible` is the list, a number a joint, in which FiftyOne itself keeps COCO's v.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labeltool.errors import FormatError

#: Pixels are rounded to so many decimals on the way back, which takes away what dividing and multiplying left behind.
DECIMALS = 9

NAN_POINT = [math.nan, math.nan]


def to_points(keypoints: ArrayLike, width: int, height: int) -> tuple[list[list[float]], list[int]]:
    """The points and the `visible` of one person.

    Args:
        keypoints: (K, 3) x, y in pixels and v.
        width: of the upright photo, pixels.
        height: the same.

    Returns:
        K points as shares of the photo, NaN where v is 0; K values of v.
    """
    table = np.asarray(keypoints, dtype=np.float64).reshape(-1, 3)
    visible = table[:, 2].astype(int).tolist()
    shares = (table[:, :2] / (width, height)).tolist()
    return [list(NAN_POINT) if v == 0 else share for share, v in zip(shares, visible, strict=True)], visible


def to_keypoints(points: Sequence[Sequence[float]], visible: Any, width: int, height: int, where: str) -> list[float]:
    """The 3K numbers x, y, v of one person, in pixels.

    Args:
        points: K points as shares of the photo; NaN for joints that are not labelled.
        visible: K values of v, one value for all, or None: 2 wherever there is a point.
        width: of the upright photo, pixels.
        height: the same.
        where: what an error begins with.

    Raises:
        FormatError: `visible` is of another length or holds something else than 0, 1, 2; a labelled joint without a place.
    """
    if visible is None or isinstance(visible, int):
        visible = [visible] * len(points)
    if len(visible) != len(points):
        raise FormatError(f"{where}: visible has {len(visible)} values, expected one for each of {len(points)} points")
    flat: list[float] = []
    for place, (point, given) in enumerate(zip(points, visible, strict=True)):
        x, y = (float(value) for value in point)
        placed = math.isfinite(x) and math.isfinite(y)
        v = (2 if placed else 0) if given is None else given
        if v not in (0, 1, 2):
            raise FormatError(f"{where}: visible of point {place} is {given!r}, expected 0, 1 or 2")
        if v and not placed:
            raise FormatError(f"{where}: point {place} is {x:g}, {y:g} though visible is {given}, expected a place")
        flat += [_pixels(x * width), _pixels(y * height), int(v)] if v else [0, 0, 0]
    return flat


def to_bounding_box(box: Sequence[float], width: int, height: int) -> list[float]:
    """A box xywh in pixels as shares of the photo."""
    x, y, w, h = box
    return [x / width, y / height, w / width, h / height]


def to_box(bounding_box: Sequence[float], width: int, height: int) -> list[float]:
    """A box of shares as xywh in pixels."""
    x, y, w, h = bounding_box
    return [_pixels(x * width), _pixels(y * height), _pixels(w * width), _pixels(h * height)]


def _pixels(value: float) -> float:
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded
