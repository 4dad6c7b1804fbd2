"""Rules K201-K210: categories and their joints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.finite import is_finite_number
from labeltool.coco.rules_images import castable_to_int, repeated
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import View
from labeltool.skeleton import COCO_17

_SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))
_SHORT_SIDES = (("l", "r"), ("L", "R"))


@rule("K201", "error", "number the categories from 1, and use those numbers as category_id")
def category_id(view: View) -> Iterator[Hits]:
    """A category's `id` is an integer of at least 1, and no two are the same.

    Bad: `{"id": 0, "name": "person"}`
    Good: `{"id": 1, "name": "person"}`
    """
    ids = view.categories.column("id")
    wrong = [i for i, value in enumerate(ids) if type(value) is not int or value < 1]
    yield at(view.categories, wrong, lambda i: _id_text(ids[i]))
    twice = repeated([v if type(v) is int else MISSING for v in ids])
    yield at(view.categories, list(twice), lambda i: f"id {show(ids[i])} is also that of {_bare_place(view, twice[i])}")


@rule("K202", "error", "give every category a name of its own")
def category_name(view: View) -> Iterator[Hits]:
    """A category's `name` is a string that is not empty, and no two are the same.

    Bad: `{"id": 1, "name": ""}`
    Good: `{"id": 1, "name": "person"}`
    """
    names = view.categories.column("name")
    wrong = [i for i, name in enumerate(names) if not isinstance(name, str) or not name.strip()]
    yield at(view.categories, wrong, lambda i: f"name is {show(names[i])}, expected a name")
    twice = repeated([n if isinstance(n, str) and n.strip() else MISSING for n in names])
    yield at(
        view.categories, list(twice), lambda i: f"name {show(names[i])} is also that of {_bare_place(view, twice[i])}"
    )


@rule("K203", "error", "list the joint names in the order of the annotations' keypoints")
def category_keypoints(view: View) -> Iterator[Hits]:
    """A category whose annotations have keypoints lists its joints in `keypoints`: unique names that are not empty.

    Bad: `{"id": 1, "name": "person"}` with annotations that have `keypoints`
    Good: `{"id": 1, "name": "person", "keypoints": ["nose", "left_eye", "right_eye"]}`
    """
    used = _categories_with_joints(view)
    fields = view.categories.column("keypoints")
    named = {i for i, value in enumerate(fields) if value is not MISSING and value is not None and value != []}
    wrong = [i for i in sorted(used | named) if view.joint_names[i] is None]
    yield at(view.categories, wrong, lambda i: _names_text(fields[i]))


@rule("K204", "warning", "add the limbs as pairs of joint numbers, counted from 1")
def skeleton_present(view: View) -> Iterator[Hits]:
    """A keypoint category has a `skeleton`: importers such as datumaro require it.

    Bad: `{"id": 1, "name": "person", "keypoints": ["nose", "neck"]}`
    Good: `{"id": 1, "name": "person", "keypoints": ["nose", "neck"], "skeleton": [[1, 2]]}`
    """
    limbs = view.categories.column("skeleton")
    rows = [i for i, names in enumerate(view.joint_names) if names and (limbs[i] is MISSING or limbs[i] is None)]
    yield at(view.categories, rows, lambda i: f"skeleton is {show(limbs[i])}, expected pairs of joint numbers")


@rule("K205", "error", "write each limb as two different joint numbers, counted from 1")
def skeleton_pairs(view: View) -> Iterator[Hits]:
    """Every pair of `skeleton` is two different integers in 1..K, where K is the number of joints.

    A skeleton that is counted from 0 throughout is left to K206.

    Bad: `"skeleton": [[1, 1], [2, 18]]` for 17 joints
    Good: `"skeleton": [[1, 2], [2, 17]]`
    """
    wrong: dict[int, str] = {}
    for i, names in enumerate(view.joint_names):
        limbs = view.categories.rows[i].get("skeleton")
        if names is None or limbs is None or counts_from_zero(limbs, len(names)):
            continue
        text = _pair_text(limbs, len(names))
        if text is not None:
            wrong[i] = text
    yield at(view.categories, list(wrong), lambda i: wrong[i])


@rule("K206", "warning", "add 1 to every joint number of the skeleton")
def skeleton_from_one(view: View) -> Iterator[Hits]:
    """`skeleton` counts the joints from 1: one that holds 0 and no number above K - 1 was counted from 0.

    Bad: `"keypoints": ["nose", "neck", "hip"], "skeleton": [[0, 1], [1, 2]]`
    Good: `"keypoints": ["nose", "neck", "hip"], "skeleton": [[1, 2], [2, 3]]`
    """
    rows = [
        i
        for i, names in enumerate(view.joint_names)
        if names is not None and counts_from_zero(view.categories.rows[i].get("skeleton"), len(names))
    ]
    yield at(view.categories, rows, lambda i: "skeleton looks counted from 0, expected joint numbers from 1")


@rule("K207", "warning", "name each limb once, and join every joint to the body")
def skeleton_edges(view: View) -> Iterator[Hits]:
    """No limb stands twice in `skeleton`, in either direction, and every joint has a limb.

    Bad: `"skeleton": [[1, 2], [2, 1]]`
    Good: `"skeleton": [[1, 2], [2, 3]]` for three joints
    """
    twice: dict[int, str] = {}
    alone: dict[int, str] = {}
    for i, names in enumerate(view.joint_names):
        limbs = view.categories.rows[i].get("skeleton")
        if names is None or not limbs or _pair_text(limbs, len(names)) is not None:
            continue
        edges = Counter((min(pair), max(pair)) for pair in limbs)
        edge, count = edges.most_common(1)[0]
        if count > 1:
            twice[i] = f"skeleton has the limb {list(edge)} {count} times"
        joined = {k for edge in edges for k in edge}
        lonely = [name for k, name in enumerate(names, start=1) if k not in joined]
        if lonely:
            alone[i] = f"joint {show(lonely[0])} has no limb" + _more(len(lonely) - 1)
    yield at(view.categories, list(twice), lambda i: twice[i])
    yield at(
        view.categories, list(alone), lambda i: alone[i], hint="nothing to do if the joint is meant to stand alone"
    )


@rule("K208", "warning", "put the joints in COCO's order, or evaluate with sigmas and flip pairs of your own")
def coco_order(view: View) -> Iterator[Hits]:
    """A category of 17 joints has COCO's names in COCO's order: tools apply COCO's sigmas and flips to any 17.

    Bad: `"keypoints": ["nose", "right_eye", "left_eye", ...]` (17 names)
    Good: `"keypoints": ["nose", "left_eye", "right_eye", "left_ear", ...]` (COCO's 17)
    """
    wrong: dict[int, str] = {}
    for i, names in enumerate(view.joint_names):
        if names is not None and len(names) == len(COCO_17) and names != COCO_17.joints:
            k = next(k for k, (a, b) in enumerate(zip(names, COCO_17.joints, strict=True)) if a != b)
            wrong[i] = f"joint {k + 1} of 17 is {show(names[k])}, expected COCO's {COCO_17.joints[k]!r}"
    yield at(view.categories, list(wrong), lambda i: wrong[i])


@rule("K209", "warning", "name left and right joints alike, such as left_knee and right_knee")
def sides_pair_up(view: View) -> Iterator[Hits]:
    """Every left joint has a right one of the same name, and the reverse: otherwise a mirrored photo cannot be relabelled.

    Bad: `"keypoints": ["left_knee", "right_ankle"]`
    Good: `"keypoints": ["left_knee", "right_knee"]`
    """
    wrong: dict[int, str] = {}
    for i, names in enumerate(view.joint_names):
        single = [name for name in names or () if _lacks_mirror(name, names or ())]
        if single:
            wrong[i] = f"joint {show(single[0])} has no counterpart on the other side" + _more(len(single) - 1)
    yield at(view.categories, list(wrong), lambda i: wrong[i])


@rule("K210", "error", "give one positive sigma for each joint, or none at all")
def category_sigmas(view: View) -> Iterator[Hits]:
    """`sigmas`, where a category gives them, are K finite numbers greater than 0.

    Bad: `"keypoints": ["nose", "neck"], "sigmas": [0.026]`
    Good: `"keypoints": ["nose", "neck"], "sigmas": [0.026, 0.079]`
    """
    wrong: dict[int, str] = {}
    for i, sigmas in enumerate(view.categories.column("sigmas")):
        names = view.joint_names[i]
        text = (
            None if sigmas is MISSING or sigmas is None else _sigmas_text(sigmas, None if names is None else len(names))
        )
        if text is not None:
            wrong[i] = text
    yield at(view.categories, list(wrong), lambda i: wrong[i])


def _id_text(value: Any) -> str:
    if castable_to_int(value) and float(value) >= 1:
        return f"id is {show(value)}, expected the integer {int(float(value))}"
    return f"id is {show(value)}, expected an integer of at least 1"


def _bare_place(view: View, row: int) -> str:
    return f"categories[{view.categories.positions[row]}]"


def _categories_with_joints(view: View) -> set[int]:
    """The rows of the categories that an annotation with keypoints refers to."""
    # One place more, for the annotations without a category.
    seen = np.zeros(len(view.categories) + 1, dtype=bool)
    seen[view.category_of[view.has_keypoints]] = True
    return set(np.flatnonzero(seen[:-1]).tolist())


def _names_text(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return f"keypoints is {show(value)}, expected a list of joint names"
    for k, name in enumerate(value):
        if not isinstance(name, str) or not name:
            return f"keypoints[{k}] is {show(name)}, expected a joint name"
    twice = repeated(value)
    k = next(iter(twice))
    return f"joint {show(value[k])} stands twice in keypoints, at {twice[k]} and {k}"


def _pair_text(limbs: Any, joints: int) -> str | None:
    if not isinstance(limbs, list):
        return f"skeleton is {show(limbs)}, expected a list of pairs"
    for n, pair in enumerate(limbs):
        if not isinstance(pair, list) or len(pair) != 2 or not all(type(k) is int for k in pair):
            return f"skeleton[{n}] is {show(pair)}, expected two joint numbers"
        if not all(1 <= k <= joints for k in pair):
            return f"skeleton[{n}] is {show(pair)}, expected numbers in 1..{joints}"
        if pair[0] == pair[1]:
            return f"skeleton[{n}] is {show(pair)}, expected two different joints"
    return None


def counts_from_zero(limbs: Any, joints: int) -> bool:
    """Whether limbs are pairs of joint numbers that were counted from 0."""
    if not isinstance(limbs, list) or not all(isinstance(p, list) and len(p) == 2 for p in limbs):
        return False
    numbers = [k for pair in limbs for k in pair]
    return bool(numbers) and all(type(k) is int and 0 <= k < joints for k in numbers) and 0 in numbers


def _lacks_mirror(name: str, names: tuple[str, ...]) -> bool:
    """Whether a joint's name says a side, and no other joint has that name with the other side."""
    mirrors = []
    for left, right in _SIDES:
        for a, b in ((left, right), (right, left)):
            if name.startswith(a) or name.endswith(a):
                mirrors.append(name.replace(a, b, 1) if name.startswith(a) else name[: -len(a)] + b)
    for left, right in _SHORT_SIDES:
        for a, b in ((left, right), (right, left)):
            if re.match(rf"{a}[_ -]", name):
                mirrors.append(b + name[1:])
            elif re.search(rf"[_ -]{a}$", name):
                mirrors.append(name[:-1] + b)
    return bool(mirrors) and not any(mirror in names for mirror in mirrors)


def _sigmas_text(sigmas: Any, joints: int | None) -> str | None:
    if not isinstance(sigmas, list):
        return f"sigmas is {show(sigmas)}, expected a list of numbers"
    if joints is not None and len(sigmas) != joints:
        return f"sigmas has {len(sigmas)} numbers, expected {joints}"
    for k, sigma in enumerate(sigmas):
        if not is_finite_number(sigma) or sigma <= 0:
            return f"sigmas[{k}] is {show(sigma)}, expected a positive number"
    return None


def _more(count: int) -> str:
    return f", and {count} more" if count > 0 else ""
