"""A document as the rules see it: whatever can be read of it as arrays, whatever its condition.

Nothing here raises on damaged data: a value that cannot be used is NaN, -1 or left out, and the rule of its field reports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import SECTIONS
from labeltool.coco.finite import is_finite_number
from labeltool.coco.jsonfile import JsonFile
from labeltool.coco.jsonscan import Places, find_nonfinite
from labeltool.coco.show import MISSING, show
from labeltool.errors import PhotoError
from labeltool.images import upright_sizes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_NUMBERS = frozenset({int, float})


@dataclass(frozen=True)
class Table:
    """One of the document's lists.

    Attributes:
        name: `images`, `annotations` or `categories`.
        rows: its objects; what is no object is left out (and reported by C002).
        positions: where in the list each row stands.
    """

    name: str
    rows: list[dict[str, Any]]
    positions: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> str:
        """The written place of a row: `annotations[17] (id 444839)`."""
        text = f"{self.name}[{self.positions[row]}]"
        return f"{text} (id {show(self.rows[row]['id'])})" if "id" in self.rows[row] else text

    def column(self, field: str) -> list[Any]:
        """The values of a field, MISSING where a row has none."""
        return [row.get(field, MISSING) for row in self.rows]


@dataclass(frozen=True)
class JointGroup:
    """The annotations of one category whose `keypoints` are in order, as arrays.

    Attributes:
        names: K joint names.
        rows: (n,) rows of the annotations.
        xy: (n, K, 2) float, image pixels.
        v: (n, K) int, each 0, 1 or 2.
    """

    names: tuple[str, ...]
    rows: IntArray
    xy: FloatArray
    v: NDArray[np.int8]


class View:
    """A document prepared for the rules.

    Args:
        data: the parsed JSON, of any type and in any condition.
        images_root: the folder of the photos, when the rules may look at them.
        file: the file the data come from, when they come from one: its parser has noticed more than the data show.
    """

    def __init__(self, data: Any, images_root: Path | None = None, file: JsonFile | None = None) -> None:
        self.data = data
        self.images_root = images_root
        self.file = file
        self.top: Mapping[str, Any] = data if isinstance(data, dict) else {}
        self.images, self.annotations, self.categories = (_table(self.top, name) for name in SECTIONS)

    @cached_property
    def nonfinite(self) -> Places:
        """The numbers of the document that are NaN or infinite."""
        return find_nonfinite(self.data) if self.file is None else self.file.nonfinite

    @cached_property
    def image_rows(self) -> dict[int | str, int]:
        """The row of each image id (the first, where an id stands twice)."""
        return _rows_by_id(self.images)

    @cached_property
    def category_rows(self) -> dict[int | str, int]:
        """The row of each category id (the first, where an id stands twice)."""
        return _rows_by_id(self.categories)

    @cached_property
    def image_of(self) -> IntArray:
        """(N,) for each annotation the row of its image, or -1."""
        return _resolve(self.annotations.column("image_id"), self.image_rows)

    @cached_property
    def category_of(self) -> IntArray:
        """(N,) for each annotation the row of its category, or -1."""
        return _resolve(self.annotations.column("category_id"), self.category_rows)

    @cached_property
    def joint_names(self) -> list[tuple[str, ...] | None]:
        """For each category its joint names, None where it has none or they cannot be used."""
        return [joint_names(category) for category in self.categories.rows]

    @cached_property
    def joint_counts(self) -> IntArray:
        """(N,) for each annotation K, the joints of its category, or 0 where that is not known."""
        per_category = np.array([len(n) if n else 0 for n in self.joint_names] + [0], dtype=np.intp)
        return per_category[self.category_of]

    @cached_property
    def is_keypoint(self) -> NDArray[np.bool_]:
        """(N,) whether an annotation is one of a person with joints: its category names joints, or it has keypoints itself."""
        return self.has_keypoints | (self.joint_counts > 0)

    @cached_property
    def has_keypoints(self) -> NDArray[np.bool_]:
        """(N,) whether an annotation has keypoints of its own, in whatever condition; null and [] are none."""
        return np.array([bool(row.get("keypoints")) for row in self.annotations.rows], dtype=bool)

    @cached_property
    def keypoint_types(self) -> list[set[type] | None]:
        """For each annotation the types found in its `keypoints`, None where that is no list."""
        columns = self.annotations.column("keypoints")
        return [set(map(type, value)) if type(value) is list else None for value in columns]

    @cached_property
    def sizes(self) -> FloatArray:
        """(N, 2) for each annotation the width and height of its image, NaN where they are not known."""
        per_image = np.full((len(self.images) + 1, 2), np.nan)
        for column, field in enumerate(("width", "height")):
            values = [v if type(v) is int and 0 < v < 2**31 else np.nan for v in self.images.column(field)]
            per_image[: len(values), column] = values
        return per_image[self.image_of]

    @cached_property
    def boxes(self) -> FloatArray:
        """(N, 4) for each annotation its bbox, all NaN where it is not four finite numbers."""
        return float_rows(self.annotations.column("bbox"), 4)

    @cached_property
    def areas(self) -> FloatArray:
        """(N,) for each annotation its area, NaN where it is no finite number."""
        values = [v if is_finite_number(v) else np.nan for v in self.annotations.column("area")]
        return np.array(values, dtype=np.float64)

    @cached_property
    def crowds(self) -> NDArray[np.bool_]:
        """(N,) whether an annotation is a crowd."""
        return np.array(
            [type(v) in (int, float, bool) and v == 1 for v in self.annotations.column("iscrowd")], dtype=bool
        )

    @cached_property
    def labelled(self) -> IntArray:
        """(N,) for each annotation how many joints have v > 0, or -1 where its keypoints are not in order."""
        counts = np.full(len(self.annotations), -1, dtype=np.intp)
        for group in self.joint_groups:
            counts[group.rows] = (group.v > 0).sum(axis=1)
        return counts

    @cached_property
    def joint_groups(self) -> list[JointGroup]:
        """The annotations with keypoints in order, one group a category."""
        groups = []
        for category, names in enumerate(self.joint_names):
            if names is not None:
                group = self._joint_group(category, names)
                if len(group.rows):
                    groups.append(group)
        return groups

    @cached_property
    def photo_sizes(self) -> dict[int, tuple[int, int] | PhotoError]:
        """For each image row with a file name the (width, height) of its photo, or why it cannot be had; empty without a root."""
        if self.images_root is None:
            return {}
        rows = [i for i, name in enumerate(self.images.column("file_name")) if isinstance(name, str) and name]
        names = [self.images.rows[i]["file_name"] for i in rows]
        return dict(zip(rows, upright_sizes(self.images_root, names), strict=True))

    def _joint_group(self, category: int, names: tuple[str, ...]) -> JointGroup:
        length = 3 * len(names)
        columns = self.annotations.column("keypoints")
        rows = np.flatnonzero(self.category_of == category)
        flat = float_rows([columns[i] for i in rows], length).reshape(-1, len(names), 3)
        good = np.isfinite(flat).all(axis=(1, 2)) & np.isin(flat[:, :, 2], (0, 1, 2)).all(axis=1)
        flat = flat[good]
        return JointGroup(names, rows[good], flat[:, :, :2], flat[:, :, 2].astype(np.int8))


def joint_names(category: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The joint names of a category, None where they are no list of unique, non-empty strings."""
    names = category.get("keypoints")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        return None
    return tuple(names) if len(set(names)) == len(names) else None


def float_rows(values: Sequence[Any], length: int) -> FloatArray:
    """(len(values), length) float: each value that is a list of `length` finite numbers, NaN rows for the others."""
    fine = [type(v) is list and len(v) == length and _NUMBERS.issuperset(map(type, v)) for v in values]
    out = np.full((len(values), length), np.nan)
    usable = [v for v, ok in zip(values, fine, strict=True) if ok]
    if usable:
        out[np.array(fine, dtype=bool)] = _to_floats(usable)
        out[~np.isfinite(out).all(axis=1)] = np.nan
    return out


def _to_floats(rows: list[list[int | float]]) -> FloatArray:
    try:
        return np.array(rows, dtype=np.float64)
    except OverflowError:
        return np.array([[_to_float(v) for v in row] for row in rows])


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.nan


def _table(top: Mapping[str, Any], name: str) -> Table:
    section = top.get(name)
    if not isinstance(section, list):
        return Table(name, [], [])
    positions = [i for i, item in enumerate(section) if isinstance(item, dict)]
    return Table(name, [section[i] for i in positions], positions)


def _rows_by_id(table: Table) -> dict[int | str, int]:
    rows: dict[int | str, int] = {}
    for i, value in enumerate(table.column("id")):
        if type(value) is int or type(value) is str:
            rows.setdefault(value, i)
    return rows


def _resolve(values: list[Any], rows: Mapping[int | str, int]) -> IntArray:
    found = [rows.get(v, -1) if type(v) is int or type(v) is str else -1 for v in values]
    return np.array(found, dtype=np.intp)
