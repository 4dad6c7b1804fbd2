"""The fixes of boxes, areas, crowd flags and outlines, one function a code."""

from __future__ import annotations

import math
from typing import Any

from labeltool.coco.derive import box_from_joints, person_area, segmentation_problem
from labeltool.coco.draft import Draft, fix
from labeltool.coco.finite import all_finite_numbers
from labeltool.coco.fixing import ANNOTATIONS, joints_of, size_of
from labeltool.coco.show import MISSING
from labeltool.errors import CocoError


@fix("B401", "safe", ANNOTATIONS)
def box_of_the_joints(draft: Draft, row: int) -> None:
    """A missing box becomes the extent of the labelled joints, flagged by `bbox_source`."""
    if _box(draft, row) is None:
        _write_joint_box(draft, "B401", row)


@fix("B402", "all", ANNOTATIONS)
def turn_box(draft: Draft, row: int) -> None:
    """A box with negative sides is turned; one without width or height becomes the extent of the labelled joints."""
    box = _box(draft, row)
    if box is None or (box[2] > 0 and box[3] > 0):
        return
    x, y, w, h = box
    if w and h:
        draft.set("B402", ANNOTATIONS, row, "bbox", [x + min(w, 0), y + min(h, 0), abs(w), abs(h)])
    else:
        _write_joint_box(draft, "B402", row)


@fix("B403", "safe", ANNOTATIONS)
def clip_box(draft: Draft, row: int) -> None:
    """A box at most a pixel outside the image is clipped; at level `all` corners become a box, and any other box is clipped."""
    box, size = _box(draft, row), size_of(draft, row)
    if box is None or size is None or min(box[2:]) <= 0:
        return
    x, y, w, h = box
    if max(-x, -y, x + w - size[0], y + h - size[1]) > 1:
        if draft.level != "all":
            return
        if min(x, y) >= 0 and x < w <= size[0] + 1 and y < h <= size[1] + 1:
            x, y, w, h = x, y, w - x, h - y
    left, top = max(x, 0), max(y, 0)
    clipped = [left, top, min(x + w, size[0]) - left, min(y + h, size[1]) - top]
    if clipped[2] > 0 and clipped[3] > 0 and any(abs(a - b) > 1e-6 for a, b in zip(box, clipped, strict=True)):
        draft.set("B403", ANNOTATIONS, row, "bbox", clipped)


@fix("B405", "safe", ANNOTATIONS)
def area_of_outline(draft: Draft, row: int) -> None:
    """The area becomes that of the outline, or 0.53 x width x height of the bbox; `area_source` says which."""
    _write_area(draft, "B405", row)


@fix("B406", "all", ANNOTATIONS)
def area_not_of_bbox(draft: Draft, row: int) -> None:
    """The area becomes that of the outline, or 0.53 x width x height of the bbox; `area_source` says which."""
    _write_area(draft, "B406", row)


@fix("B407", "safe", ANNOTATIONS)
def not_a_crowd(draft: Draft, row: int) -> None:
    """`iscrowd` becomes 0; true and 1.0 become 1."""
    value = draft.get(ANNOTATIONS, row, "iscrowd")
    if type(value) is not int or value not in (0, 1):
        crowd = type(value) in (bool, float) and value == 1
        draft.set("B407", ANNOTATIONS, row, "iscrowd", int(crowd))


@fix("B408", "all", ANNOTATIONS)
def crowd_to_rle(draft: Draft, row: int) -> None:
    """The polygons of a crowd become one RLE mask."""
    outline, size = draft.get(ANNOTATIONS, row, "segmentation"), size_of(draft, row)
    if draft.get(ANNOTATIONS, row, "iscrowd") != 1 or not isinstance(outline, list) or not outline or size is None:
        return
    reach = 4 * max(size)
    if segmentation_problem(outline, *size) is not None or size[0] * size[1] > 2**28:
        return
    if any(abs(v) > reach for polygon in outline for v in polygon):
        return
    from pycocotools import mask

    rle = mask.merge(mask.frPyObjects(outline, size[1], size[0]))
    plain = {"size": [size[1], size[0]], "counts": rle["counts"].decode("ascii")}
    draft.set("B408", ANNOTATIONS, row, "segmentation", plain)


@fix("B409", "safe", ANNOTATIONS)
def no_outline(draft: Draft, row: int) -> None:
    """An outline that is missing or damaged becomes `[]`."""
    size = size_of(draft, row)
    outline = draft.get(ANNOTATIONS, row, "segmentation")
    if outline is MISSING or segmentation_problem(outline, *(size or (None, None))) is not None:
        draft.set("B409", ANNOTATIONS, row, "segmentation", [])


def _write_joint_box(draft: Draft, code: str, row: int) -> None:
    flat, size = joints_of(draft, row), size_of(draft, row)
    if flat is None or size is None:
        return
    xy = [flat[k : k + 2] for k in range(0, len(flat), 3)]
    box = box_from_joints(xy, flat[2::3], *size)
    if box is not None and min(box[2:]) > 0:
        draft.set(code, ANNOTATIONS, row, "bbox", box)
        draft.set(code, ANNOTATIONS, row, "bbox_source", "keypoints")


def _write_area(draft: Draft, code: str, row: int) -> None:
    box, size = _box(draft, row), size_of(draft, row)
    if box is None or size is None or min(box[2:]) <= 0:
        return
    outline = draft.get(ANNOTATIONS, row, "segmentation")
    if size[0] * size[1] > 2**28:
        outline = None
    try:
        area, source = person_area(None if outline is MISSING else outline, box, *size)
    except CocoError:
        area, source = person_area(None, box, *size)
    if area <= 1:
        area, source = person_area(None, box, *size)
    if area > 0 and math.isfinite(area):
        draft.set(code, ANNOTATIONS, row, "area", area)
        draft.set(code, ANNOTATIONS, row, "area_source", source)


def _box(draft: Draft, row: int) -> list[Any] | None:
    box = draft.get(ANNOTATIONS, row, "bbox")
    usable = isinstance(box, list) and len(box) == 4 and all_finite_numbers(box)
    return list(box) if usable else None
