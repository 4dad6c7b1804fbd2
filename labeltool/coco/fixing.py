"""What the fixes of several tables need of a draft."""

from __future__ import annotations

from typing import Any

from labeltool.coco.draft import Draft
from labeltool.coco.finite import all_finite_numbers

ANNOTATIONS, IMAGES, CATEGORIES = "annotations", "images", "categories"


def take_id(draft: Draft, table: str, number: int) -> bool:
    """Whether an id is free; it then counts as taken for the rest of the round."""
    used: set[int] = draft.note(f"{table} used", lambda: {v for v in draft.table(table).column("id") if type(v) is int})
    free = number not in used
    used.add(number)
    return free


def joints_of(draft: Draft, row: int) -> list[Any] | None:
    """The keypoints of an annotation where they are three finite numbers for each joint and every v is 0, 1 or 2."""
    flat = draft.get(ANNOTATIONS, row, "keypoints")
    joints = int(draft.view.joint_counts[row])
    if not is_flat(flat) or not joints or len(flat) != 3 * joints or not all_finite_numbers(flat):
        return None
    return list(flat) if all(v in (0, 1, 2) for v in flat[2::3]) else None


def size_of(draft: Draft, row: int) -> tuple[int, int] | None:
    """The width and height of an annotation's image, None where they are not known."""
    image = int(draft.view.image_of[row])
    if image < 0:
        return None
    width, height = draft.get(IMAGES, image, "width"), draft.get(IMAGES, image, "height")
    if type(width) is not int or type(height) is not int or not (0 < width < 2**31 and 0 < height < 2**31):
        return None
    return width, height


def is_flat(value: Any) -> bool:
    """Whether a value is a list of plain numbers."""
    return isinstance(value, list) and {int, float}.issuperset(map(type, value))
