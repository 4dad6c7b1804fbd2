"""A document as the rules see it: whatever can be read of it as arrays, whatever its condition.

Nothing here raises on damaged data: a value that cannot be used is NaN, -1 or left out, and the rule of its field reports it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.columns import Columns, equal_to, integers, to_doubles
from labeltool.coco.document import CocoDocument
from labeltool.coco.finite import is_finite_number
from labeltool.coco.group import JointGroup
from labeltool.coco.jsonfile import JsonFile
from labeltool.coco.jsonscan import Places, find_nonfinite
from labeltool.coco.show import MISSING, show
from labeltool.errors import PhotoError, SkeletonError
from labeltool.images import photo_digests, upright_sizes
from labeltool.skeleton import Skeleton, from_category

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


# Ids are looked up in a table when it has at most so many places for each.
_DENSE = 8


@dataclass(frozen=True)
class Table:
    """One of the document's lists.

    Attributes:
        name: `images`, `annotations` or `categories`.
        rows: its objects; what is no object is left out (and reported by C002).
        positions: where in the list each row stands.
        columns: of the annotations, what the rules need of all rows at once.
    """

    name: str
    rows: Sequence[dict[str, Any]]
    positions: Sequence[int]
    columns: Columns | None = None
    _read: dict[str, list[Any]] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> str:
        """The written place of a row: `annotations[17] (id 444839)`."""
        text = f"{self.name}[{self.positions[row]}]"
        return f"{text} (id {show(self.rows[row]['id'])})" if "id" in self.rows[row] else text

    def column(self, name: str) -> Sequence[Any]:
        """The values of a field, MISSING where a row has none."""
        if self.columns is not None:
            return self.columns.fields.get(name) or LazyColumn(self.rows, name)
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = [row.get(name, MISSING) for row in self.rows]
        return found


@dataclass(frozen=True)
class LazyColumn(Sequence[Any]):
    """The values of a field, each looked up in its row when it is asked for."""

    rows: Sequence[dict[str, Any]]
    field: str

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index].get(self.field, MISSING)


class View:
    """A document prepared for the rules.

    Args:
        data: the parsed JSON, of any type and in any condition.
        images_root: the folder of the photos, when the rules may look at them.
        file: the file the data come from, when they come from one: its parser has noticed more than the data show.
        truth: the document that results belong to, when `data` are results.
        splits: other splits of the same set, which should share no photo with this one.
        annotations: the annotations, where they are not in `data` (a file that is read piece by piece).
    """

    def __init__(
        self,
        data: Any,
        images_root: Path | None = None,
        file: JsonFile | None = None,
        *,
        truth: CocoDocument | None = None,
        splits: Sequence[CocoDocument] = (),
        annotations: Table | None = None,
    ) -> None:
        self.data = data
        #: The results, where the data are a list.
        self.results: list[Any] | None = data if type(data) is list else None
        self.truth = truth
        self.splits = [Split(document, images_root) for document in splits]
        self.images_root = images_root
        self.file = file
        self.top: Mapping[str, Any] = data if isinstance(data, dict) else {}
        self.images, self.categories = _table(self.top, "images"), _table(self.top, "categories")
        if annotations is None:
            found = _table(self.top, "annotations")
            annotations = Table(found.name, found.rows, found.positions, Columns.of(found.rows))
        self.annotations = annotations
        self.columns: Columns = annotations.columns or Columns()

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
        return self.columns.has_keypoints()

    @cached_property
    def float_flags(self) -> NDArray[np.bool_]:
        """(N,) whether the keypoints of an annotation are in order but for a v that is a float."""
        found = np.zeros(len(self.annotations), dtype=bool)
        for length in {3 * len(names) for names in self.joint_names if names}:
            flat = self.columns.flat(length)
            found[flat.rows] = flat.float_flags
        return found

    @cached_property
    def sizes(self) -> FloatArray:
        """(N, 2) for each annotation the width and height of its image, NaN where they are not known."""
        per_image = np.full((len(self.images) + 1, 2), np.nan)
        for column, side in enumerate(("width", "height")):
            values = [v if type(v) is int and 0 < v < 2**31 else np.nan for v in self.images.column(side)]
            per_image[: len(values), column] = values
        return per_image[self.image_of]

    @cached_property
    def boxes(self) -> FloatArray:
        """(N, 4) for each annotation its bbox, all NaN where it is not four finite numbers."""
        return self.columns.boxes()

    @cached_property
    def areas(self) -> FloatArray:
        """(N,) for each annotation its area, NaN where it is no finite number."""
        values = self.annotations.column("area")
        plain = to_doubles([list(values)], len(values), plain=False) if len(values) else np.zeros(0)
        if plain is not None:
            return plain.reshape(-1)
        return np.array([v if is_finite_number(v) else np.nan for v in values], dtype=np.float64)

    @cached_property
    def crowds(self) -> NDArray[np.bool_]:
        """(N,) whether an annotation is a crowd."""
        return equal_to(self.annotations.column("iscrowd"), 1)

    @cached_property
    def labelled(self) -> IntArray:
        """(N,) for each annotation how many joints have v > 0, or -1 where its keypoints are not in order."""
        counts = np.full(len(self.annotations), -1, dtype=np.intp)
        for category, names in enumerate(self.joint_names):
            if names is not None:
                flat = self.columns.flat(3 * len(names))
                zeros = np.concatenate([flat.zeros, flat.rows[~flat.values.any(axis=1)]])
                counts[zeros[self.category_of[zeros] == category]] = 0
        for group in self.joint_groups:
            counts[group.rows] = group.counts
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

    @cached_property
    def photo_digests(self) -> dict[int, bytes]:
        """For each image row whose photo has the size of another one, here or in another split, the digest of its pixels."""
        sizes = {i: size for i, size in self.photo_sizes.items() if isinstance(size, tuple)}
        often = Counter(sizes.values())
        rows = [i for i, size in sizes.items() if self.splits or often[size] > 1]
        return _digests(self.images_root, self.images, rows)

    @cached_property
    def skeletons(self) -> list[Skeleton | None]:
        """For each category its skeleton, None where its joints cannot be used; without its limbs where those are damaged."""
        return [_skeleton(c, names) for c, names in zip(self.categories.rows, self.joint_names, strict=True)]

    def limbs_of(self, group: JointGroup) -> list[tuple[int, int]]:
        """The limbs of a group's category as 0-based pairs, with the torso of PDJ where it has one."""
        skeleton = self.skeletons[group.category]
        if skeleton is None:
            return []
        torso = (
            [] if skeleton.torso is None else [(skeleton.index(skeleton.torso[0]), skeleton.index(skeleton.torso[1]))]
        )
        return list(dict.fromkeys(skeleton.limb_indices() + torso))

    def sigmas_of(self, group: JointGroup) -> FloatArray:
        """(K,) the sigmas of a group's category: its own, else COCO's where the names are COCO's, else 0.1."""
        skeleton = self.skeletons[group.category]
        return np.full(len(group.names), 0.1) if skeleton is None else np.array(skeleton.sigmas)

    def _joint_group(self, category: int, names: tuple[str, ...]) -> JointGroup:
        flat = self.columns.flat(3 * len(names))
        flags = flat.values[:, 2::3]
        good = self.category_of[flat.rows] == category
        good &= flat.values.any(axis=1)
        known = (flags == 0) | (flags == 1) | (flags == 2)
        if not known.all():
            good &= known.all(axis=1)
        rows, values, whole = flat.rows, flat.values, flat.whole
        if not good.all():
            rows, values, whole = rows[good], values[good], whole[good]
        return JointGroup(names, rows, values, category, whole)


class Split:
    """Another split of the same set, as far as the rules look at it.

    Args:
        document: the split.
        images_root: the folder of the photos, when the rules may look at them.
    """

    def __init__(self, document: CocoDocument, images_root: Path | None) -> None:
        self.name = Path(document.source).name
        self.images = _table(document.data, "images")
        self.image_rows = _rows_by_id(self.images)
        self._images_root = images_root

    @cached_property
    def photo_digests(self) -> dict[int, bytes]:
        """For each image row whose photo can be read the digest of its pixels; empty without a folder of photos."""
        names = self.images.column("file_name")
        return _digests(self._images_root, self.images, [i for i, n in enumerate(names) if isinstance(n, str) and n])


def joint_names(category: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The joint names of a category, None where they are no list of unique, non-empty strings."""
    names = category.get("keypoints")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        return None
    return tuple(names) if len(set(names)) == len(names) else None


def _digests(root: Path | None, images: Table, rows: list[int]) -> dict[int, bytes]:
    if root is None:
        return {}
    found = photo_digests(root, [images.rows[i]["file_name"] for i in rows])
    return {i: digest for i, digest in zip(rows, found, strict=True) if isinstance(digest, bytes)}


def _skeleton(category: Mapping[str, Any], names: tuple[str, ...] | None) -> Skeleton | None:
    if names is None:
        return None
    for attempt in (category, {"name": "", "keypoints": list(names)}):
        try:
            return from_category(attempt)
        except (SkeletonError, TypeError, OverflowError):
            continue
    return None


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


def _resolve(values: Sequence[Any], rows: Mapping[int | str, int]) -> IntArray:
    wanted, known = integers(values), integers(list(rows))
    if wanted is not None and known is not None and len(known):
        found_rows = np.fromiter(rows.values(), np.intp, len(rows))
        least, most = int(known.min()), int(known.max())
        if most - least < _DENSE * len(known):
            # One place more than there are ids, for those that are none.
            table = np.full(most - least + 2, -1, dtype=np.intp)
            table[known - least] = found_rows
            return table[np.where((wanted >= least) & (wanted <= most), wanted - least, -1)]
        order = np.argsort(known)
        place = np.searchsorted(known, wanted, sorter=order)
        nearest = order[np.minimum(place, len(known) - 1)]
        return np.where(known[nearest] == wanted, found_rows[nearest], -1)
    if set(map(type, values)) <= {int, str}:
        return np.fromiter(map(rows.get, values, repeat(-1)), dtype=np.intp, count=len(values))
    found = [rows.get(v, -1) if type(v) is int or type(v) is str else -1 for v in values]
    return np.array(found, dtype=np.intp)
