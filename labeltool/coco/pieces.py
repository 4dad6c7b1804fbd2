"""A piece of a file's annotations as arrays, without a Python object for every number.

simdjson parses a piece into its own form; numbers leave it as buffers. Only a piece in perfect order is read this way: every
annotation has the same fields, the usual ones among them and these in order. Of anything else `read` says None, and the piece
is parsed into Python objects instead. That nothing is hidden in a piece is found out by counting, as in `jsonfast`:

- **Nesting.** Each opening bracket and brace of the text must be one that was met.
- **The rest.** Without what numbers and lists are written with, most pieces are the keys of the first annotation, as many times
  as there are annotations: no other key, none twice, no text, no word and no object.
- **Other pieces.** They may have their keys in any order and hold text in further fields. simdjson says how many pairs an object
  has, two of one key included: no more than the keys that were met. A buffer of numbers is refused where anything else stands
  in the list, however deep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

FIELDS = ("id", "image_id", "category_id", "num_keypoints", "area", "iscrowd", "bbox", "keypoints", "segmentation")
_FIELDS_OF = itemgetter(*FIELDS)
_NUMBERS = frozenset({int, float})
_POINTS = 6
_OF_RLE = {"size", "counts"}
# What numbers and lists are written with, but for the opening brackets, and what stands between fields.
_NUMERIC = b"0123456789.+- \t\r\n,:]"
_RLE_SKELETONS = (b'{"counts""size"}', b'{"size""counts"}')
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
            text: annotations as a JSON list.
        """
        if self._failed >= _PATIENCE:
            return None
        try:
            batch = _batch(self._parser.parse(text), text)
        except (ValueError, TypeError, LookupError, RuntimeError):
            # no JSON, no object, numbers that are none or too long, a field that is missing
            batch = None
        self._failed = 0 if batch is not None else self._failed + 1
        return batch


def _batch(rows: Any, text: bytes) -> Batch | None:
    # All of it goes through C functions: a line of Python for each annotation would cost more than parsing it.
    annotations = list(rows)
    count = len(annotations)
    names = list(annotations[0].keys())
    extra = [name for name in names if name not in FIELDS]
    fields_of = itemgetter(*FIELDS, *extra) if extra else _FIELDS_OF
    *scalars, boxes, joints, outlines = list(zip(*map(fields_of, annotations), strict=True))[: len(FIELDS)]
    kept = text.translate(None, _NUMERIC)
    plain = _is_plain(kept.replace(b"[", b""), names, count)
    # Each annotation has all of these keys, and together they have no more: none has another key, or one twice.
    if len(names) != len(FIELDS) + len(set(extra)) or (not plain and sum(map(len, annotations)) != len(names) * count):
        return None
    lengths = set(map(len, joints))
    if any(not _NUMBERS.issuperset(map(type, column)) for column in scalars):
        return None
    if set(map(len, boxes)) != {4} or len(lengths) != 1 or lengths & {0} or max(lengths) % 3:
        return None
    is_rle, has_polygons, odd, brackets, objects = _outlines(outlines, plain)
    # Lists inside lists, and objects inside lists or the values of further fields, that nobody met.
    if kept.count(b"[") != 1 + 2 * count + brackets or kept.count(b"{") != count + objects:
        return None
    return Batch(
        tuple(map(list, scalars)),
        np.frombuffer(b"".join([box.as_buffer(of_type="d") for box in boxes]), np.float64).reshape(count, 4),
        np.frombuffer(b"".join([flat.as_buffer(of_type="i") for flat in joints]), np.int64).reshape(count, -1),
        is_rle,
        has_polygons,
        odd,
    )


def _is_plain(kept: bytes, names: list[str], count: int) -> bool:
    """Whether what a piece has beside numbers and lists are these keys `count` times, and run-length encodings of numbers."""
    quoted = "".join(f'"{name}"' for name in names).encode()
    # A key of characters that were taken out cannot be told from another.
    if len(quoted.translate(None, _NUMERIC + b"[")) != len(quoted):
        return False
    for skeleton in _RLE_SKELETONS:
        kept = kept.replace(skeleton, b"")
    return kept == b"{%b}" % quoted * count


def _outlines(
    outlines: Sequence[Any], plain: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], dict[int, Any], int, int]:
    """What the outlines of a piece are, and the brackets and braces that they have.

    Args:
        outlines: list or object of simdjson each, or a number.
        plain: whether it is known that all values in their lists are numbers or lists.
    """
    is_rle = np.zeros(len(outlines), dtype=bool)
    lists = outlines
    if set(map(type, outlines)) != {simdjson.Array}:
        is_rle[:] = [type(outline) is simdjson.Object for outline in outlines]
        lists = [outline for outline in outlines if type(outline) is simdjson.Array]
        if len(lists) + int(is_rle.sum()) < len(outlines):
            raise TypeError("an outline that is neither list nor object")
    counts = list(map(len, lists))
    has_polygons = np.zeros(len(outlines), dtype=bool)
    has_polygons[~is_rle] = np.array(counts, dtype=bool)
    odd: dict[int, Any] = {}
    # A polygon that is no list has no length, which is a TypeError.
    lengths = set(map(len, chain.from_iterable(lists)))
    if any(length < _POINTS or length % 2 for length in lengths):
        for i, outline in enumerate(outlines):
            if not is_rle[i] and any(len(polygon) < _POINTS or len(polygon) % 2 for polygon in outline):
                odd[i] = outline.as_list()
    if not plain:
        for outline in lists:
            # refuses whatever is no number
            outline.as_buffer(of_type="d")
    brackets = len(lists) + sum(counts)
    for i in np.flatnonzero(is_rle).tolist():
        value = outlines[i].as_dict()
        if len(outlines[i]) != 2 or value.keys() != _OF_RLE:
            raise ValueError("no run-length encoding, or a key twice")
        odd[i] = value
        runs = [part for part in value.values() if type(part) is list]
        if len(runs) < sum(type(part) is not str for part in value.values()) or dict in map(type, chain(*runs)):
            raise ValueError("a run-length encoding that holds something else")
        brackets += len(runs)
    return is_rle, has_polygons, odd, brackets, int(is_rle.sum())
