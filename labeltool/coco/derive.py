"""Values that follow from a person's joints and outline: what a changed annotation must say anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labeltool.coco.document import type_name
from labeltool.coco.finite import all_finite_numbers, is_finite_number
from labeltool.coco.show import show
from labeltool.errors import CocoError
from labeltool.geometry import box_of_joints

#: Mean of area / (w * h) over real COCO people: the segment area that a bare box stands for.
BOX_AREA_FACTOR = 0.53

#: The names under which an area's source is kept.
FROM_SEGMENTATION = "segmentation"
FROM_BOX = f"{BOX_AREA_FACTOR} x bbox"

# A polygon vertex further out than this many image sides is a mistake (and would cost the rasteriser gigabytes).
_FAR_OUT = 4.0


def labelled_count(v: ArrayLike) -> int:
    """`num_keypoints`: how many joints have v > 0; v is (K,) int."""
    return int(np.count_nonzero(np.asarray(v) > 0))


def box_from_joints(xy: ArrayLike, v: ArrayLike, width: float, height: float) -> list[float] | None:
    """The tight box [x, y, w, h] of the labelled joints, inside the image and at least one pixel a side.

    Args:
        xy: (K, 2) joints in image pixels.
        v: (K,) visibility; joints with v = 0 do not count.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        The box, or None when no joint is labelled.
    """
    tight = box_of_joints(xy, v)
    if tight is None:
        return None
    x, w = _span(float(tight[0]), float(tight[2]), width)
    y, h = _span(float(tight[1]), float(tight[3]), height)
    return [x, y, w, h]


def segment_area(segmentation: Any, width: int, height: int) -> float | None:
    """The area in pixels that an outline covers, counted on the pixel grid by pycocotools' mask.

    Overlapping polygons count once. COCO's own files hold the polygons' exact area, which differs by a few pixels.

    Args:
        segmentation: COCO `segmentation`: a list of polygons or an RLE object.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        The area, or None when there is no outline (missing, None, an empty list).

    Raises:
        CocoError: the outline is damaged: too few or odd numbers, an RLE of another size.
    """
    if segmentation is None or segmentation == []:
        return None
    problem = segmentation_problem(segmentation, width, height)
    if problem is not None:
        raise CocoError(f"segmentation: {problem}")
    if isinstance(segmentation, dict):
        counts = segmentation["counts"]
        return float(sum((rle_counts(counts) or [] if isinstance(counts, str) else counts)[1::2]))
    _check_reach(segmentation, width, height)
    from pycocotools import mask

    return float(mask.area(mask.merge(mask.frPyObjects(segmentation, height, width))))


def rle_counts(text: str) -> list[int] | None:
    """The run lengths of a compressed RLE string, or None when the text is none (pycocotools maskApi.c, rleFrString).

    Decoded here because pycocotools reads past the end of a damaged string.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 60:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if value < 0:
            return None
        counts.append(value)
        value = shift = 0
    return counts if shift == 0 else None


def person_area(
    segmentation: Any, box: tuple[float, float, float, float] | list[float], width: int, height: int
) -> tuple[float, str]:
    """The `area` of a person and the name of its source.

    Args:
        segmentation: COCO `segmentation`, which decides where it covers any pixel.
        box: [x, y, w, h], whose area times 0.53 stands in for a missing outline.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        (area in pixels, `FROM_SEGMENTATION` or `FROM_BOX`).

    Raises:
        CocoError: the outline is damaged.
    """
    area = segment_area(segmentation, width, height)
    if area is not None and area > 0:
        return area, FROM_SEGMENTATION
    return BOX_AREA_FACTOR * (box[2] * box[3]), FROM_BOX


def segmentation_problem(segmentation: Any, width: int | None, height: int | None) -> str | None:
    """What is wrong with an outline, in a few words, or None: rule B409's measure.

    Args:
        segmentation: COCO `segmentation`; an empty list is a person without outline and in order.
        width: image width in pixels, None when it is not known.
        height: image height in pixels, None when it is not known.
    """
    if isinstance(segmentation, list):
        return polygons_problem(segmentation)
    if isinstance(segmentation, dict):
        return _rle_problem(segmentation, width, height)
    return f"is {type_name(segmentation)}, expected a list of polygons or an RLE object"


def polygons_problem(polygons: list[Any]) -> str | None:
    """What is wrong with a list of polygons, in a few words, or None."""
    for i, polygon in enumerate(polygons):
        if not isinstance(polygon, list):
            return f"polygon {i} is {type_name(polygon)}, expected a list of numbers"
        if len(polygon) < 6 or len(polygon) % 2:
            return f"polygon {i} has {len(polygon)} numbers, expected an even count of 6 or more"
        if not all_finite_numbers(polygon):
            k = next(k for k, value in enumerate(polygon) if not is_finite_number(value))
            return f"polygon {i} has {show(polygon[k])} at {k}, expected a finite number"
    return None


def _rle_problem(rle: Mapping[str, Any], width: int | None, height: int | None) -> str | None:
    size, counts = rle.get("size"), rle.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(type(s) is int and s > 0 for s in size)):
        return "RLE has no size of two positive integers [height, width]"
    if width is not None and height is not None and size != [height, width]:
        return f"RLE size is {show(size[0])} x {show(size[1])}, expected {height} x {width} (height x width)"
    if isinstance(counts, str):
        counts = rle_counts(counts)
        if counts is None:
            return "RLE counts is no compressed string of run lengths"
    if not isinstance(counts, list) or not all(type(c) is int and c >= 0 for c in counts):
        return "RLE counts is no string and no list of run lengths"
    total = sum(counts)
    if total != size[0] * size[1]:
        return f"RLE counts cover {show(total)} pixels, expected {show(size[0] * size[1])}"
    return None


def _span(low: float, length: float, limit: float) -> tuple[float, float]:
    """A stretch cut to [0, limit] and grown about its middle to one pixel where it is shorter."""
    start, end = min(max(low, 0.0), limit), min(max(low + length, 0.0), limit)
    if end - start >= 1 or limit < 1:
        return start, end - start
    start = min(max((start + end) / 2 - 0.5, 0.0), limit - 1)
    return start, 1.0


def _check_reach(polygons: list[list[float]], width: int, height: int) -> None:
    far = _FAR_OUT * max(width, height)
    for i, polygon in enumerate(polygons):
        low, high = min(polygon), max(polygon)
        if low < -far or high > far:
            reach = low if low < -far else high
            raise CocoError(f"segmentation: polygon {i} reaches {reach:g}, far outside the {width} x {height} image")
