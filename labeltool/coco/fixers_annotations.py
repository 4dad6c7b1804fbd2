"""The fixes of annotations and their joints, one function a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from labeltool.coco.derive import labelled_count
from labeltool.coco.draft import Draft, fix
from labeltool.coco.finite import is_finite_number
from labeltool.coco.fixing import ANNOTATIONS, is_flat, joints_of, size_of, take_id
from labeltool.coco.rules_images import castable_to_int

_NUMBER = re.compile(r"\s*-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\s*")


@fix("A301", "all", ANNOTATIONS)
def cast_annotation_id(draft: Draft, row: int) -> None:
    """An id such as "12" becomes the integer; one that is none, or that is taken, a new one."""
    value = draft.get(ANNOTATIONS, row, "id")
    if type(value) is int:
        return
    number = int(float(value)) if castable_to_int(value) else 0
    taken = number < 1 or not take_id(draft, ANNOTATIONS, number)
    draft.set("A301", ANNOTATIONS, row, "id", draft.new_id(ANNOTATIONS) if taken else number)


@fix("A302", "safe", ANNOTATIONS)
def renumber_annotation(draft: Draft, row: int) -> None:
    """The second annotation of an id gets a new one."""
    draft.set("A302", ANNOTATIONS, row, "id", draft.new_id(ANNOTATIONS))


@fix("A303", "safe", ANNOTATIONS)
def renumber_zero(draft: Draft, row: int) -> None:
    """The annotation 0 gets a new id."""
    if draft.get(ANNOTATIONS, row, "id") == 0:
        draft.set("A303", ANNOTATIONS, row, "id", draft.new_id(ANNOTATIONS))


@fix("A304", "all", ANNOTATIONS)
def mend_reference(draft: Draft, row: int) -> None:
    """A reference such as "12" becomes the integer; an annotation of no image is dropped."""
    value = draft.get(ANNOTATIONS, row, "image_id")
    if not castable_to_int(value):
        draft.drop("A304", ANNOTATIONS, row)
    elif int(float(value)) in draft.view.image_rows:
        draft.set("A304", ANNOTATIONS, row, "image_id", int(float(value)))
    elif not _is_soon_an_image(draft, int(float(value))):
        draft.drop("A304", ANNOTATIONS, row)


@fix("A306", "safe", ANNOTATIONS)
def flatten_keypoints(draft: Draft, row: int) -> None:
    """Inner brackets and quotes are taken away, where what remains is three numbers for each joint."""
    value = draft.get(ANNOTATIONS, row, "keypoints")
    joints = int(draft.view.joint_counts[row])
    if not isinstance(value, list) or not joints:
        return
    flat: list[Any] = []
    for item in value:
        flat += item if isinstance(item, list) else [item]
    numbers = [_to_number(item) for item in flat]
    if len(numbers) == 3 * joints and all(number is not None for number in numbers):
        draft.set("A306", ANNOTATIONS, row, "keypoints", numbers)


@fix("A307", "all", ANNOTATIONS)
def pad_keypoints(draft: Draft, row: int) -> None:
    """An empty list becomes three zeros for each joint."""
    joints = int(draft.view.joint_counts[row])
    if draft.get(ANNOTATIONS, row, "keypoints") == [] and joints:
        draft.set("A307", ANNOTATIONS, row, "keypoints", [0] * (3 * joints))


@fix("A308", "safe", ANNOTATIONS)
def cast_visibility(draft: Draft, row: int) -> None:
    """A v such as 2.0 becomes the integer."""
    flat = draft.get(ANNOTATIONS, row, "keypoints")
    if is_flat(flat):
        cast = list(flat)
        for k in range(2, len(cast), 3):
            if type(cast[k]) is float and cast[k] in (0.0, 1.0, 2.0):
                cast[k] = int(cast[k])
        draft.set("A308", ANNOTATIONS, row, "keypoints", cast)


@fix("A309", "safe", ANNOTATIONS)
def zero_unlabelled(draft: Draft, row: int) -> None:
    """The x and y of a joint that is not labelled become 0."""
    _zero_where(draft, "A309", row, lambda x, y, v: v == 0 and (x != 0 or y != 0))


@fix("A310", "all", ANNOTATIONS)
def unlabel_at_zero(draft: Draft, row: int) -> None:
    """A joint at exactly (0, 0) becomes not labelled."""
    _zero_where(draft, "A310", row, lambda x, y, v: v > 0 and x == 0 and y == 0)


@fix("A311", "safe", ANNOTATIONS)
def clamp_joints(draft: Draft, row: int) -> None:
    """A labelled joint at most a pixel outside the image is put on its edge."""
    flat, size = joints_of(draft, row), size_of(draft, row)
    if flat is None or size is None:
        return
    clamped = list(flat)
    for k in range(0, len(flat), 3):
        beyond = max(-flat[k], -flat[k + 1], flat[k] - size[0], flat[k + 1] - size[1])
        if flat[k + 2] > 0 and 0 < beyond <= 1:
            clamped[k], clamped[k + 1] = min(max(flat[k], 0), size[0]), min(max(flat[k + 1], 0), size[1])
    draft.set("A311", ANNOTATIONS, row, "keypoints", clamped)


@fix("A312", "safe", ANNOTATIONS)
def count_joints(draft: Draft, row: int) -> None:
    """`num_keypoints` becomes the number of joints with v > 0."""
    _write_count(draft, "A312", row)


@fix("A313", "safe", ANNOTATIONS)
def count_joints_for_ap(draft: Draft, row: int) -> None:
    """`num_keypoints` becomes the number of joints with v > 0."""
    _write_count(draft, "A313", row)


@fix("A318", "all", ANNOTATIONS)
def shares_to_pixels(draft: Draft, row: int) -> None:
    """Coordinates that are shares of the image become pixels."""
    flat, size = joints_of(draft, row), size_of(draft, row)
    if flat is None or size is None:
        return
    there = [k for k in range(0, len(flat), 3) if flat[k + 2] > 0]
    if len(there) < 2 or not all(0 <= v <= 1 for k in there for v in flat[k : k + 2]):
        return
    scaled = list(flat)
    for k in there:
        scaled[k], scaled[k + 1] = flat[k] * size[0], flat[k + 1] * size[1]
    # Joints that would still lie within one pixel are no person in shares of the image.
    if any(scaled[k] > 1 or scaled[k + 1] > 1 for k in there) and not all(v == int(v) for v in flat):
        draft.set("A318", ANNOTATIONS, row, "keypoints", scaled)


@fix("D501", "all", ANNOTATIONS)
def drop_second_person(draft: Draft, row: int) -> None:
    """The later of two annotations of one person is dropped."""
    draft.drop("D501", ANNOTATIONS, row)


def _is_soon_an_image(draft: Draft, number: int) -> bool:
    """Whether an image has the id as a string or float, which I101 casts in this or another round."""
    return any(castable_to_int(v) and int(float(v)) == number for v in draft.view.images.column("id"))


def _zero_where(draft: Draft, code: str, row: int, wrong: Callable[[float, float, float], bool]) -> None:
    """Put the joints that are wrong at (0, 0), not labelled; a v that says so already stays as it is written."""
    flat = joints_of(draft, row)
    if flat is not None:
        triples = [flat[k : k + 3] for k in range(0, len(flat), 3)]
        mended = [n for x, y, v in triples for n in ((0, 0, 0 if v else v) if wrong(x, y, v) else (x, y, v))]
        draft.set(code, ANNOTATIONS, row, "keypoints", mended)


def _write_count(draft: Draft, code: str, row: int) -> None:
    flat = joints_of(draft, row)
    if flat is not None:
        draft.set(code, ANNOTATIONS, row, "num_keypoints", labelled_count(flat[2::3]))


def _to_number(value: Any) -> int | float | None:
    if is_finite_number(value):
        number: int | float = value
        return number
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.strip().lstrip("-").isdigit() else float(value)
    return None
