"""What follows for an annotation when its person changed: area and its source, and the fields that an export writes anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX, FROM_SEGMENTATION, box_from_joints, segment_area
from labeltool.errors import CocoError
from labeltool.project.values import Box

#: The annotation came with an area and without an outline.
GIVEN = "given"
#: Nothing gives an area.
NO_AREA = "none"

_NUMBERS = frozenset({int, float})
# Numbers within this are finite, whatever they are.
_FAR = 1e300


def usable_box(raw: Mapping[str, Any]) -> Box | None:
    """The box of an annotation, or None when it has none with four finite numbers, w > 0 and h > 0."""
    box = raw.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        return None
    x, y, w, h = box
    if _NUMBERS.issuperset(map(type, box)) and -_FAR < x < _FAR and -_FAR < y < _FAR and 0 < w < _FAR and 0 < h < _FAR:
        return (x, y, w, h)
    if not (_is_finite(x) and _is_finite(y) and _is_finite(w) and _is_finite(h)):
        return None
    return (x, y, w, h) if w > 0 and h > 0 else None


def area_of(raw: Mapping[str, Any], box: Box | None, width: int, height: int) -> tuple[float | None, str]:
    """The area of a person and its source.

    - An annotation with an outline keeps the area it came with (`segmentation`); one that came without an area gets the
      outline's, counted by pycocotools.
    - Without an outline, the area it came with holds (`given`, or the annotation's own `area_source`) as long as the box does.
    - Otherwise the area is 0.53 w h of the box (`0.53 x bbox`).

    Args:
        raw: the annotation as it came (empty for a new person).
        box: the box now.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        (square pixels or None, source).
    """
    given: Any = raw.get("area")
    area = float(given) if _is_finite(given) and given > 0 else None
    if raw.get("segmentation"):
        if area is None:
            area = _outline_area(raw["segmentation"], width, height)
        if area is not None:
            return area, FROM_SEGMENTATION
    elif area is not None and (box is None or box == usable_box(raw)):
        source = raw.get("area_source")
        return area, source if isinstance(source, str) and source.isascii() and source else GIVEN
    if box is None:
        return None, NO_AREA
    return BOX_AREA_FACTOR * box[2] * box[3], FROM_BOX


def export_annotation(
    raw: Mapping[str, Any],
    keypoints: Sequence[float],
    box: Box | None,
    size: tuple[int, int],
) -> tuple[dict[str, Any], str | None]:
    """The annotation of a changed person: as it came, except for what the change concerns.

    Only numbers that differ in value are replaced, so that an int stays an int and a flag that nobody touched stays as it was
    written. Keys keep their order; new ones come last. When nothing differs, the annotation is equal to how it came.

    Args:
        raw: the annotation as it came, or the frame of a new person's.
        keypoints: 3K numbers, the labels now (predictions left out).
        box: the box now, or None when the annotation came without a usable one.
        size: image width and height in pixels.

    Returns:
        The annotation, and the source of its area when the area was written anew.
    """
    flat = merged_keypoints(raw.get("keypoints"), keypoints)
    labels_differ = flat != (raw.get("keypoints") or [0] * len(keypoints))
    box_differs = box is not None and box != usable_box(raw)
    if not labels_differ and not box_differs:
        return dict(raw), None
    out = dict(raw)
    if labels_differ:
        out["keypoints"] = flat
        out["num_keypoints"] = sum(1 for v in flat[2::3] if v > 0)
    if box is None:
        triples = np.array(keypoints, dtype=np.float64).reshape(-1, 3)
        joints_box = box_from_joints(triples[:, :2], triples[:, 2], *size)
        box = None if joints_box is None else (joints_box[0], joints_box[1], joints_box[2], joints_box[3])
        box_differs = box is not None
    if box_differs and box is not None:
        out["bbox"] = list(box)
    area, source = area_of(raw, box, *size)
    if area is None or (_is_finite(raw.get("area")) and area == raw["area"]):
        return out, None
    out["area"] = area
    out["area_source"] = source
    return out, source


def merged_keypoints(raw: Any, keypoints: Sequence[float]) -> list[float]:
    """The labels, with the file's own numbers wherever a joint is what it was.

    Args:
        raw: `keypoints` as they came: 3K numbers, or nothing.
        keypoints: 3K numbers, the labels now; a joint with v = 0 stands at (0, 0).
    """
    if not raw:
        return list(keypoints)
    flat: list[float] = []
    for start in range(0, len(raw), 3):
        old, new = raw[start : start + 3], keypoints[start : start + 3]
        unchanged = old == new or (old[2] == 0 and new[2] == 0)
        flat += old if unchanged else new
    return flat


def _outline_area(segmentation: Any, width: int, height: int) -> float | None:
    try:
        area = segment_area(segmentation, width, height)
    except CocoError:  # the validator's business; here it only gives no area
        return None
    return area if area else None


def _is_finite(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 10**300
    return type(value) is float and math.isfinite(value)
