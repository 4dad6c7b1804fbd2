"""A piece of a file's annotations as arrays, without a Python object for every number.

simdjson parses a piece into its own form; numbers leave it as buffers. Only a piece in perfect order is read this way: every
annotation has the usual fields, and nothing stands where one would have to look twice. Of anything else `read` says None, and
the piece is parsed into Python objects instead. That nothing is hidden in a piece is found out by counting, as in `jsonfast`:

- **Keys.** simdjson says how many pairs an object has, two of one key included.
- **Nesting.** Each opening bracket and brace of the text must be one that was met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

FIELDS = ("id", "image_id", "category_id", "num_keypoints", "area", "iscrowd", "bbox", "keypoints", "segmentation")
_SCALARS = 6
_PLAIN = frozenset({int, float, bool, str, type(None)})
# A file whose pieces are never in this order is not tried piece by piece to its end.
_PATIENCE = 4


@dataclass(frozen=True)
class Batch:
    """Annotations as columns.

    Attributes:
        scalars: the values of the first six of `FIELDS`.
        boxes: (n, 4) float, finite.
        keypoints: (n, L) int, L a multiple of three.
        is_rle: (n,) whether an outline is an object.
        has_polygons: (n,) whether an outline is a list that is not empty.
        odd_outlines: by row the outlines that are objects, or lists with a polygon of an odd or too short length.
    """

    scalars: tuple[list[Any], ...]
    boxes: NDArray[np.float64]
    keypoints: NDArray[np.int64]
    is_rle: NDArray[np.bool_]
    has_polygons: NDArray[np.bool_]
    odd_outlines: dict[int, Any]


class PieceReader:
    """Reads pieces of one file."""

    def __init__(self) -> None:
        self._parser = simdjson.Parser()
        self._failed = 0

    def read(self, text: bytes) -> Batch | None:
        """The annotations of a piece, or None when they are not in perfect order.

        Args:
            text: annotations with commas between them.
        """
        if self._failed >= _PATIENCE:
            return None
        try:
            batch = _batch(self._parser.parse(b"[" + text + b"]"), text)
        except (ValueError, TypeError, KeyError, RuntimeError):
            # no JSON, numbers that are none or too long, a field that is missing
            batch = None
        self._failed = 0 if batch is not None else self._failed + 1
        return batch


def _batch(rows: Any, text: bytes) -> Batch | None:
    scalars: tuple[list[Any], ...] = tuple([] for _ in range(_SCALARS))
    boxes, joints, outlines = [], [], []
    ids, images, categories, counts, areas, crowds = (column.append for column in scalars)
    length = -1
    keys = braces = 0
    for row in rows:
        if type(row) is not simdjson.Object:
            return None
        pairs = len(row)
        if pairs != len(FIELDS) and len(set(row.keys())) != pairs:
            return None
        keys += pairs
        ids(row["id"])
        images(row["image_id"])
        categories(row["category_id"])
        counts(row["num_keypoints"])
        areas(row["area"])
        crowds(row["iscrowd"])
        box, flat = row["bbox"], row["keypoints"]
        if type(box) is not simdjson.Array or len(box) != 4 or type(flat) is not simdjson.Array:
            return None
        if len(flat) != length:
            if length >= 0 or not len(flat) or len(flat) % 3:
                return None
            length = len(flat)
        boxes.append(box.as_buffer(of_type="d"))
        joints.append(flat.as_buffer(of_type="i"))
        outlines.append(row["segmentation"])
        braces += 1
    if length < 0 or any(not _PLAIN.issuperset(map(type, column)) for column in scalars):
        return None
    found = _outlines(outlines, plain=_numbers_only(text, keys))
    if found is None:
        return None
    is_rle, has_polygons, odd, brackets, objects = found
    if text.count(b"[") != 2 * braces + brackets or text.count(b"{") != braces + objects:
        return None
    n = len(boxes)
    return Batch(
        scalars,
        np.frombuffer(b"".join(boxes), dtype=np.float64).reshape(n, 4),
        np.frombuffer(b"".join(joints), dtype=np.int64).reshape(n, length),
        is_rle,
        has_polygons,
        odd,
    )


def _numbers_only(text: bytes, keys: int) -> bool:
    """Whether all values of a piece are numbers, lists and objects, given how many keys its annotations have."""
    return text.count(b'"') == 2 * keys and b"true" not in text and b"false" not in text and b"null" not in text


def _outlines(
    outlines: list[Any], plain: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], dict[int, Any], int, int] | None:
    """What the outlines of a piece are, and the brackets and braces that they have; None for what is neither list nor object."""
    is_rle = np.zeros(len(outlines), dtype=bool)
    has_polygons = np.zeros(len(outlines), dtype=bool)
    odd: dict[int, Any] = {}
    brackets = objects = 0
    for i, outline in enumerate(outlines):
        if type(outline) is simdjson.Array:
            polygons = len(outline)
            brackets += 1 + polygons
            has_polygons[i] = polygons > 0
            for polygon in outline:
                # no list, and len says so
                points = len(polygon)  # type: ignore[arg-type]
                if points < 6 or points % 2:
                    odd[i] = outline.as_list()
            if not plain:
                outline.as_buffer(of_type="d")
        elif type(outline) is simdjson.Object:
            value = outline.as_dict()
            if len(value) != len(outline):
                return None
            brackets += sum(type(v) is list for v in value.values())
            objects += 1
            is_rle[i], odd[i] = True, value
        else:
            return None
    return is_rle, has_polygons, odd, brackets, objects
