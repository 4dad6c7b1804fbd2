"""The annotations of a document as columns, taken batch by batch: what the rules need of all rows at once, as arrays.

Rows go by while they are still warm in the processor's cache, and may be forgotten afterwards: a file of any size is checked in
the memory of its columns. Loops run inside C functions (`map`, `sum`, `Struct.pack`) wherever a whole batch is in order; a
batch that is not is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress, starmap
from math import isfinite
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.derive import polygons_problem
from labeltool.coco.finite import all_finite_numbers
from labeltool.coco.pieces import Batch
from labeltool.coco.show import MISSING

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Numbers = NDArray[np.float64] | NDArray[np.int16] | NDArray[np.int64]

#: The fields that are kept as they are, one value a row.
SCALARS = ("id", "image_id", "category_id", "num_keypoints", "area", "iscrowd")

_FIELDS = (*SCALARS, "bbox", "keypoints", "segmentation")
_NUMBERS = frozenset({int, float})
# Small enough for the rows of a batch to stay in the processor's cache.
_BATCH = 128


@dataclass(frozen=True)
class Flat:
    """Annotations with keypoint lists of one length, all finite numbers.

    Attributes:
        rows: (n,) rows of the annotations, ascending.
        values: (n, 3K) float, or integers of 16 or 64 bits where all are: of a large file they are much of its memory.
        whole: (n,) whether all numbers are integers by type.
        float_flags: (n,) whether a v is a float by type.
        zeros: (m,) rows of further annotations, whose lists hold the integer 0 alone.
    """

    rows: IntArray
    values: Numbers
    whole: NDArray[np.bool_]
    float_flags: NDArray[np.bool_]
    zeros: IntArray


class Columns:
    """Columns of annotations; rows are added in batches, then read.

    Attributes:
        count: how many rows there are.
        fields: the values of each of `SCALARS`, MISSING where a row has none.
        outlines_to_check: for rows whose `segmentation` is not plainly a list of sound polygons its value.
    """

    def __init__(self) -> None:
        self.count = 0
        self.fields: dict[str, list[Any]] = {name: [] for name in SCALARS}
        self.outlines_to_check: dict[int, Any] = {}
        self._boxes: list[FloatArray] = []
        self._present: list[NDArray[np.bool_]] = []
        self._rle: list[NDArray[np.bool_]] = []
        self._polygons: list[NDArray[np.bool_]] = []
        self._flats: dict[int, list[Flat]] = {}
        self._batches: dict[int, list[tuple[int, NDArray[np.int16] | NDArray[np.int64]]]] = {}

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> Columns:
        """The columns of rows that are all in memory."""
        columns = cls()
        for start in range(0, len(rows), _BATCH):
            columns.add(rows[start : start + _BATCH])
        return columns

    def add(self, rows: Sequence[dict[str, Any]], *, plain: bool = False) -> None:
        """Append a batch.

        Args:
            rows: annotations, in whatever condition.
            plain: whether it is known that no number among them is a bool, NaN or infinite.
        """
        first = self.count
        self.count += len(rows)
        if not rows:
            return
        self._join_batches()
        *scalars, boxes, joints, outlines = _fields_of(rows)
        for values, found in zip(self.fields.values(), scalars, strict=True):
            values += found
        self._boxes.append(number_rows(boxes, 4, plain))
        self._add_keypoints(list(joints), first, plain)
        self._add_outlines(list(outlines), first, plain)

    def add_batch(self, batch: Batch) -> None:
        """Append annotations that were read as arrays."""
        first, count = self.count, len(batch.boxes)
        self.count += count
        for values, found in zip(self.fields.values(), batch.scalars, strict=True):
            values += found
        self._boxes.append(batch.boxes)
        self._present.append(np.ones(count, dtype=bool))
        self._rle.append(batch.is_rle)
        self._polygons.append(batch.has_polygons)
        for i, outline in batch.odd_outlines.items():
            self.outlines_to_check[first + i] = outline
        joints = batch.keypoints
        small = joints.astype(np.int16)
        kept = small if np.array_equal(small, joints) else joints
        self._batches.setdefault(joints.shape[1], []).append((first, kept))

    def boxes(self) -> FloatArray:
        """(N, 4) each bbox, all NaN where it is not four finite numbers."""
        return np.concatenate(self._boxes) if self._boxes else np.zeros((0, 4))

    def has_keypoints(self) -> NDArray[np.bool_]:
        """(N,) whether an annotation has keypoints, in whatever condition; null and [] are none."""
        return _joined(self._present)

    def is_rle(self) -> NDArray[np.bool_]:
        """(N,) whether an outline is an object."""
        return _joined(self._rle)

    def is_polygons(self) -> NDArray[np.bool_]:
        """(N,) whether an outline is a list that is not empty."""
        return _joined(self._polygons)

    def flat(self, length: int) -> Flat:
        """The annotations whose `keypoints` are a flat list of that many finite numbers."""
        self._join_batches()
        parts = self._flats.get(length, [])
        if len(parts) > 1:
            parts = [
                Flat(
                    np.concatenate([p.rows for p in parts]),
                    np.concatenate([p.values for p in parts]),
                    _joined([p.whole for p in parts]),
                    _joined([p.float_flags for p in parts]),
                    np.concatenate([p.zeros for p in parts]),
                )
            ]
            self._flats[length] = parts
        if parts:
            return parts[0]
        nothing = np.zeros(0, dtype=bool)
        none = np.zeros(0, dtype=np.intp)
        return Flat(none, np.zeros((0, length)), nothing, nothing, none)

    def _join_batches(self) -> None:
        """Put the keypoints of the batches since the last call behind the others, whose rows come before theirs."""
        for length, batches in self._batches.items():
            rows = np.concatenate([np.arange(first, first + len(joints)) for first, joints in batches])
            values = np.concatenate([joints for _, joints in batches])
            batches.clear()
            labelled = values.any(axis=1)
            whole = np.ones(int(labelled.sum()), dtype=bool)
            flat = Flat(rows[labelled], values[labelled], whole, ~whole, rows[~labelled])
            self._flats.setdefault(length, []).append(flat)
        self._batches.clear()

    def _add_keypoints(self, lists: list[Any], first: int, plain: bool) -> None:
        kinds = set(map(type, lists))
        self._present.append(np.fromiter(map(bool, lists), dtype=bool, count=len(lists)))
        if kinds == {list} and len(set(map(len, lists))) == 1:
            if not self._take(range(first, first + len(lists)), lists, plain):
                self._take_one_by_one(range(first, first + len(lists)), lists, plain)
            return
        by_length: dict[int, list[int]] = {}
        for i, value in enumerate(lists):
            if type(value) is list and value:
                by_length.setdefault(len(value), []).append(i)
        for places in by_length.values():
            rows, some = [first + i for i in places], [lists[i] for i in places]
            if not self._take(rows, some, plain):
                self._take_one_by_one(rows, some, plain)

    def _take_one_by_one(self, rows: Sequence[int], lists: list[Any], plain: bool) -> None:
        for row, value in zip(rows, lists, strict=True):
            self._take([row], [value], plain)

    def _take(self, rows: Sequence[int], lists: list[Any], plain: bool) -> bool:
        """Keep lists of one length, when all are flat lists of three finite numbers a joint."""
        length = len(lists[0])
        if length == 0 or length % 3:
            return True
        if not plain and not _NUMBERS.issuperset(map(type, chain.from_iterable(lists))):
            return False
        try:
            whole = _all_integers(lists)
        except TypeError:
            return False
        # Most annotations of COCO have no labelled joint.
        zero = whole & np.fromiter(map(([0] * length).__eq__, lists), dtype=bool, count=len(lists))
        where = np.array(rows, dtype=np.intp)
        kept = list(compress(lists, ~zero)) if zero.any() else lists
        values = to_doubles(kept, length, plain)
        if values is None:
            return False
        rest, empty = (where, where[:0]) if len(kept) == len(lists) else (where[~zero], where[zero])
        whole = whole[~zero]
        flags = np.zeros(len(kept), dtype=bool) if whole.all() else ~_all_integers([flat[2::3] for flat in kept])
        self._flats.setdefault(length, []).append(Flat(rest, values, whole, flags, empty))
        return True

    def _add_outlines(self, outlines: list[Any], first: int, plain: bool) -> None:
        kinds = set(map(type, outlines))
        full = np.fromiter(map(bool, outlines), dtype=bool, count=len(outlines))
        if kinds == {list}:
            self._rle.append(np.zeros(len(outlines), dtype=bool))
            self._polygons.append(full)
            lists, rows = outlines, list(range(first, first + len(outlines)))
        else:
            is_list = np.fromiter((type(s) is list for s in outlines), dtype=bool, count=len(outlines))
            self._rle.append(np.fromiter((type(s) is dict for s in outlines), dtype=bool, count=len(outlines)))
            self._polygons.append(is_list & full)
            lists = [s for s in outlines if type(s) is list]
            rows = (first + np.flatnonzero(is_list)).tolist()
            self.outlines_to_check.update({first + i: s for i, s in enumerate(outlines) if type(s) is not list})
        if not _are_sound(list(chain.from_iterable(lists)), plain):
            self.outlines_to_check.update({i: s for i, s in zip(rows, lists, strict=True) if polygons_problem(s)})


def number_rows(values: Sequence[Any], length: int, plain: bool = False) -> FloatArray:
    """(len(values), length) float: each value that is a list of `length` finite numbers, NaN rows for the others."""
    if set(map(type, values)) == {list} and set(map(len, values)) == {length}:
        every = to_doubles(values, length, plain)
        if every is not None:
            return every
    out = np.full((len(values), length), np.nan)
    for i, value in enumerate(values):
        if type(value) is list and len(value) == length and all_finite_numbers(value):
            out[i] = value
    return out


def to_doubles(lists: Sequence[list[Any]], length: int, plain: bool) -> FloatArray | None:
    """(n, length) the numbers of lists of that length, or None when any of them is no finite number."""
    if not plain and not _NUMBERS.issuperset(map(type, chain.from_iterable(lists))):
        return None
    try:
        # pack takes bools for numbers, but refuses everything else.
        packed = b"".join(starmap(Struct(f"{length}d").pack, lists))
    except (StructError, OverflowError):
        return None
    values = np.frombuffer(packed, dtype=np.float64).reshape(-1, length)
    return values if plain or bool(np.isfinite(values).all()) else None


def _fields_of(rows: Sequence[dict[str, Any]]) -> list[Sequence[Any]]:
    """The values of each of `_FIELDS`, MISSING where a row has none."""
    try:
        return list(zip(*map(itemgetter(*_FIELDS), rows), strict=True))
    except KeyError:
        return [[row.get(name, None if name == "keypoints" else MISSING) for row in rows] for name in _FIELDS]


def integers(values: Sequence[Any]) -> NDArray[np.int64] | None:
    """The values as integers, or None when one of them is none or needs more than 64 bits."""
    if not set(map(type, values)) <= {int}:
        return None
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return None


def equal_to(values: Sequence[Any], wanted: int) -> NDArray[np.bool_]:
    """(n,) which values are that number, be it an integer, a float or a bool."""
    whole = integers(values)
    if whole is not None:
        equal: NDArray[np.bool_] = whole == wanted
        return equal
    return np.array([type(v) in (int, float, bool) and v == wanted for v in values], dtype=bool)


def _all_integers(lists: list[list[Any]]) -> NDArray[np.bool_]:
    """(n,) for lists of numbers whether all of a list are integers: only then is their sum one."""
    try:
        kinds = list(map(type, map(sum, lists)))
    except OverflowError:
        # A float and an integer beyond all floats have no sum.
        kinds = [int if {int}.issuperset(map(type, numbers)) else float for numbers in lists]
    if kinds.count(int) == len(kinds):
        return np.ones(len(kinds), dtype=bool)
    return np.array([kind is int for kind in kinds], dtype=bool)


def _are_sound(polygons: list[Any], plain: bool) -> bool:
    """Whether all are lists of an even count of 6 or more finite numbers."""
    if not polygons:
        return True
    if set(map(type, polygons)) != {list}:
        return False
    if any(length < 6 or length % 2 for length in set(map(len, polygons))):
        return False
    if not plain and not _NUMBERS.issuperset(map(type, chain.from_iterable(polygons))):
        return False
    try:
        sums = list(map(sum, polygons))
        return plain or all(map(isfinite, sums))
    except (TypeError, OverflowError):
        return False


def _joined(parts: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)
