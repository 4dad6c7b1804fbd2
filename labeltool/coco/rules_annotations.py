"""Rules A301-A308, A312 and A313: annotations, what they refer to, and the shape of their keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.columns import integers
from labeltool.coco.document import type_name
from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.finite import is_finite_number
from labeltool.coco.rules_images import castable_to_int, ids_are_integers, ids_are_unique
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import IntArray, View

_SCALARS = frozenset({int, float, bool, str, type(None)})
_NO_INTEGER = -(2**63)


@rule("A301", "error", "give every annotation an integer id")
def annotation_id(view: View) -> Iterator[Hits]:
    """An annotation's `id` is an integer.

    Bad: `{"id": "17", "image_id": 7, "category_id": 1}`
    Good: `{"id": 17, "image_id": 7, "category_id": 1}`
    """
    yield from ids_are_integers(view.annotations)


@rule("A302", "error", "renumber the annotations")
def annotation_ids_unique(view: View) -> Iterator[Hits]:
    """No two annotations have the same `id`.

    pycocotools looks annotations up by id: of two with one id it counts one twice and the other never.

    Bad: `{"id": 17, "image_id": 7}` and `{"id": 17, "image_id": 8}`
    Good: `{"id": 17, "image_id": 7}` and `{"id": 18, "image_id": 8}`
    """
    yield from ids_are_unique(view.annotations)


@rule("A303", "error", "renumber the annotations from 1")
def annotation_id_zero(view: View) -> Iterator[Hits]:
    """No annotation has the `id` 0.

    pycocotools takes a match with annotation 0 for no match: a perfect detection of that person scores AP 0.

    Bad: `{"id": 0, "image_id": 7, "category_id": 1}`
    Good: `{"id": 1, "image_id": 7, "category_id": 1}`
    """
    ids = view.annotations.column("id")
    rows = [i for i, value in enumerate(ids) if type(value) is int and value == 0] if 0 in ids else []
    yield at(view.annotations, rows, lambda _: "id is 0, expected 1 or more: pycocotools never matches id 0")


@rule("A304", "error", "add the image, or drop the annotation")
def image_reference(view: View) -> Iterator[Hits]:
    """An annotation's `image_id` is the `id` of an image.

    Bad: `{"id": 17, "image_id": 99, ...}` without an image 99
    Good: `{"id": 17, "image_id": 7, ...}` with an image 7
    """
    yield from _references(view, "image_id", view.image_of, view.image_rows, "an image")


@rule("A305", "error", "add the category, or correct the reference")
def category_reference(view: View) -> Iterator[Hits]:
    """An annotation's `category_id` is the `id` of a category.

    Bad: `{"id": 17, "category_id": 3, ...}` without a category 3
    Good: `{"id": 17, "category_id": 1, ...}` with a category 1
    """
    yield from _references(view, "category_id", view.category_of, view.category_rows, "a category")


@rule("A306", "error", "write x, y, v of every joint one after the other, as numbers")
def keypoints_flat(view: View) -> Iterator[Hits]:
    """`keypoints` is one flat list of finite numbers: x, y, v for each joint.

    Bad: `"keypoints": [[10, 20, 2], [30, 40, 1]]` or `"keypoints": ["10", "20", "2"]`
    Good: `"keypoints": [10, 20, 2, 30, 40, 1]`
    """
    wrong: dict[int, str] = {}
    nested: dict[int, str] = {}
    for i in _unclear_rows(view):
        value = view.annotations.rows[i].get("keypoints", MISSING)
        text = _flat_text(value, int(view.joint_counts[i]))
        if text is not None:
            is_nested = type(value) is list and any(type(v) is list for v in value)
            (nested if is_nested else wrong)[i] = text
    yield at(view.annotations, list(wrong), lambda i: wrong[i])
    yield at(view.annotations, list(nested), lambda i: nested[i], hint="take the inner brackets out: one flat list")


@rule("A307", "error", "give x, y, v for every joint of the category, 0, 0, 0 for one that is not labelled")
def keypoints_length(view: View) -> Iterator[Hits]:
    """`keypoints` holds three numbers for each of the K joints of its category, 3K in all.

    Bad: `"keypoints": [10, 20, 2, 30]` for two joints
    Good: `"keypoints": [10, 20, 2, 30, 40, 1]` for two joints
    """
    wrong: dict[int, str] = {}
    empty: dict[int, str] = {}
    for i in _unclear_rows(view):
        value = view.annotations.rows[i].get("keypoints")
        if type(value) is not list or not _SCALARS.issuperset(map(type, value)):
            continue
        joints = int(view.joint_counts[i])
        count = len(value)
        text = _length_text(count, joints, view)
        if text is not None:
            (wrong if count else empty)[i] = text
    yield at(view.annotations, list(wrong), lambda i: wrong[i])
    yield at(
        view.annotations, list(empty), lambda i: empty[i], hint="write three zeros for each joint that is not labelled"
    )


@rule("A308", "error", "write v as the integer 0 (not labelled), 1 (labelled, hidden) or 2 (labelled, visible)")
def visibility_known(view: View) -> Iterator[Hits]:
    """Every v is the integer 0, 1 or 2: not labelled, labelled but hidden, labelled and visible.

    Bad: `"keypoints": [10, 20, 3]`, or v = -1, true, 2.0
    Good: `"keypoints": [10, 20, 2]`
    """
    wrong: dict[int, str] = {}
    castable: dict[int, str] = {}
    for i in np.flatnonzero(view.is_keypoint & ((view.labelled < 0) | view.float_flags)).tolist():
        values = view.annotations.rows[i].get("keypoints")
        if type(values) is not list or not _SCALARS.issuperset(map(type, values)):
            continue
        if _length_text(len(values), int(view.joint_counts[i]), view) is not None:
            continue
        odd = [(k, v) for k, v in enumerate(values[2::3]) if _is_odd_flag(v)]
        if odd:
            all_castable = all(type(v) is float and v in (0.0, 1.0, 2.0) for _, v in odd)
            (castable if all_castable else wrong)[i] = _flag_text(view, i, odd)
    yield at(view.annotations, list(wrong), lambda i: wrong[i])
    yield at(view.annotations, list(castable), lambda i: castable[i], hint="write v as an integer: 2, not 2.0")


@rule("A312", "error", "write the number of joints with v > 0")
def num_keypoints_right(view: View) -> Iterator[Hits]:
    """`num_keypoints` is present and is the number of joints with v > 0.

    Where one of the two is 0 and the other is not, A313 speaks.

    Bad: `"keypoints": [10, 20, 2, 30, 40, 1], "num_keypoints": 1`
    Good: `"keypoints": [10, 20, 2, 30, 40, 1], "num_keypoints": 2`
    """
    values = view.annotations.column("num_keypoints")
    counts = _integer_counts(view)
    other = (view.labelled >= 0) & (counts != view.labelled) & ~_changes_ap(counts, view.labelled)
    rows = np.flatnonzero(view.is_keypoint & (other | (counts == _NO_INTEGER)))
    yield at(view.annotations, rows, lambda i: _count_text(values[i], int(view.labelled[i])))


@rule("A313", "error", "write the number of joints with v > 0: this one changes AP")
def num_keypoints_changes_ap(view: View) -> Iterator[Hits]:
    """`num_keypoints` is 0 exactly where no joint is labelled.

    pycocotools ignores people whose `num_keypoints` is 0, labelled or not (AP -1 when they are all), and gives a full score for
    any detection of one whose `num_keypoints` is not 0 though no joint is labelled.

    Bad: `"keypoints": [0, 0, 0, 0, 0, 0], "num_keypoints": 2`, or `"keypoints": [10, 20, 2, 30, 40, 1], "num_keypoints": 0`
    Good: `"keypoints": [0, 0, 0, 0, 0, 0], "num_keypoints": 0`
    """
    values = view.annotations.column("num_keypoints")
    counts = _integer_counts(view)
    wrong = (view.labelled >= 0) & (counts != _NO_INTEGER) & _changes_ap(counts, view.labelled)
    yield at(
        view.annotations,
        np.flatnonzero(view.is_keypoint & wrong),
        lambda i: _count_text(values[i], int(view.labelled[i])),
    )


def _references(view: View, field: str, found: IntArray, known: Mapping[int | str, int], what: str) -> Iterator[Hits]:
    rows = np.flatnonzero(found < 0).tolist()
    values = view.annotations.column(field)
    castable = [i for i in rows if castable_to_int(values[i]) and int(float(values[i])) in known]
    others = sorted(set(rows) - set(castable))
    yield at(view.annotations, others, lambda i: f"{field} is {show(values[i])}, expected the id of {what}")
    yield at(
        view.annotations,
        castable,
        lambda i: f"{field} is {show(values[i])}, expected the integer {int(float(values[i]))}",
        hint="write the reference as an integer, as the id is",
    )


def _unclear_rows(view: View) -> list[int]:
    """The annotations that should have keypoints and whose keypoints are not in order."""
    rows: list[int] = np.flatnonzero(view.is_keypoint & (view.labelled < 0)).tolist()
    return rows


def _flat_text(value: Any, joints: int) -> str | None:
    expected = f"a list of {3 * joints} numbers" if joints else "a flat list of numbers"
    if type(value) is not list:
        return f"keypoints is {show(value)}, expected {expected}"
    for k, item in enumerate(value):
        if type(item) is list:
            return f"keypoints[{k}] is {show(item)}, expected {expected}"
        # A bool in the place of a v is A308's; where the length is wrong there is no telling the places apart.
        if type(item) is bool and k % 3 == 2 and len(value) % 3 == 0:
            continue
        if type(item) not in (int, float):
            return f"keypoints[{k}] is {show(item)}, expected a number"
        if not is_finite_number(item):
            return f"keypoints[{k}] is {show(item)}, expected a finite number"
    return None


def _length_text(count: int, joints: int, view: View) -> str | None:
    if joints and count != 3 * joints:
        text = f"keypoints has {count} numbers, expected {3 * joints}"
    elif count % 3:
        text = f"keypoints has {count} numbers, expected three for each joint"
    else:
        return None
    if count % 3:
        return f"{text} ({count} is no multiple of 3)"
    others = sorted({len(n) for n in view.joint_names if n and len(n) * 3 == count and count})
    return f"{text} ({count // 3} joints, as another category has)" if others else text


def _is_odd_flag(value: Any) -> bool:
    """Whether a v is a number or bool, but not the integer 0, 1 or 2 (anything else is A306's)."""
    return type(value) in (float, bool) or (type(value) is int and not 0 <= value <= 2)


def _flag_text(view: View, row: int, odd: list[tuple[int, Any]]) -> str:
    k, value = odd[0]
    names = view.joint_names[view.category_of[row]] if view.category_of[row] >= 0 else None
    joint = show(names[k]) if names else f"joint {k}"
    more = f", and {len(odd) - 1} more joints" if len(odd) > 1 else ""
    return f"v of {joint} is {show(value)}, expected 0, 1 or 2{more}"


def _integer_counts(view: View) -> NDArray[np.int64]:
    """(N,) `num_keypoints`, `_NO_INTEGER` where it is none; one that is too large for an array is cut to 62 bits."""
    values = view.annotations.column("num_keypoints")
    counts = integers(values)
    if counts is not None:
        return np.maximum(counts, _NO_INTEGER + 1)
    most = 2**62
    return np.array([min(max(v, -most), most) if type(v) is int else _NO_INTEGER for v in values], dtype=np.int64)


def _changes_ap(counts: NDArray[np.int64], labelled: IntArray) -> NDArray[np.bool_]:
    changes: NDArray[np.bool_] = ((counts > 0) & (labelled == 0)) | ((counts == 0) & (labelled > 0))
    return changes


def _count_text(value: Any, labelled: int) -> str:
    if type(value) is int:
        return f"num_keypoints is {show(value)}, but {labelled} joint{'s have' if labelled != 1 else ' has'} v > 0"
    expected = "an integer" if labelled < 0 else str(labelled)
    found = show(value) if value is MISSING or not isinstance(value, list | dict) else type_name(value)
    return f"num_keypoints is {found}, expected {expected}"
