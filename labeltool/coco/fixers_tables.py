"""The fixes of the file, of images and of categories, one function a code."""

from __future__ import annotations

import math
from typing import Any

from labeltool.coco.draft import Draft, fix
from labeltool.coco.fixing import ANNOTATIONS, CATEGORIES, IMAGES, is_flat, take_id
from labeltool.coco.rules_categories import counts_from_zero
from labeltool.coco.rules_images import castable_to_int
from labeltool.coco.show import MISSING
from labeltool.errors import PhotoError
from labeltool.images import find_photos
from labeltool.skeleton import BUILT_IN, COCO_17

# Values nested deeper than this are left alone.
_DEEPEST = 40


@fix("C003", "all", None)
def drop_nonfinite(draft: Draft, _: int) -> None:
    """A joint with NaN or Infinity becomes not labelled; any other such number is removed."""
    for table in (IMAGES, ANNOTATIONS, CATEGORIES):
        for row in range(len(draft.table(table))):
            for field, value in list(draft.row(table, row).items()):
                if not _holds_nonfinite(value):
                    continue
                if table == ANNOTATIONS and field == "keypoints" and is_flat(value) and len(value) % 3 == 0:
                    joints = [value[k : k + 3] for k in range(0, len(value), 3)]
                    mended: Any = [v for joint in joints for v in ([0, 0, 0] if _holds_nonfinite(joint) else joint)]
                elif field in ("bbox", "area", "segmentation", "width", "height", "sigmas"):
                    mended = MISSING
                else:
                    mended = _without_nonfinite(value)
                draft.set("C003", table, row, field, mended)
    for key, value in draft.view.top.items():
        if key not in (IMAGES, ANNOTATIONS, CATEGORIES) and _holds_nonfinite(value):
            draft.set_top("C003", key, _without_nonfinite(value))


@fix("I101", "all", IMAGES)
def cast_image_id(draft: Draft, row: int) -> None:
    """An id such as "12" or 12.0 becomes the integer, where no other image has it."""
    value = draft.get(IMAGES, row, "id")
    if castable_to_int(value) and take_id(draft, IMAGES, int(float(value))):
        draft.set("I101", IMAGES, row, "id", int(float(value)))


@fix("I104", "all", IMAGES)
def forward_slashes(draft: Draft, row: int) -> None:
    """Backslashes of a relative path become forward slashes."""
    name = draft.get(IMAGES, row, "file_name")
    if isinstance(name, str):
        draft.set("I104", IMAGES, row, "file_name", name.replace("\\", "/"))


@fix("I105", "safe", IMAGES)
def size_from_photo(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo, where its folder is given."""
    _write_size(draft, "I105", row)


@fix("I106", "all", IMAGES)
def find_photo(draft: Draft, row: int) -> None:
    """The file name becomes the path of the one photo of that name below the folder."""
    name = draft.get(IMAGES, row, "file_name")
    root = draft.view.images_root
    if root is None or not root.is_dir() or not isinstance(name, str):
        return
    by_name = draft.note("photos", lambda: _photos_by_name(root))
    found = by_name.get(name.replace("\\", "/").rsplit("/", 1)[-1], [])
    # A photo that is there but cannot be opened is not to be replaced by its own name.
    if len(found) == 1 and not (root / name.replace("\0", "")).exists():
        draft.set("I106", IMAGES, row, "file_name", found[0])


@fix("I107", "safe", IMAGES)
def right_size(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo."""
    _write_size(draft, "I107", row)


@fix("I108", "all", IMAGES)
def upright_size(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo, width and height exchanged."""
    _write_size(draft, "I108", row)


@fix("K201", "all", CATEGORIES)
def number_category(draft: Draft, row: int) -> None:
    """An id such as "1" becomes the integer, an id below 1 a new one, with the annotations that refer to it."""
    before = draft.get(CATEGORIES, row, "id")
    if type(before) is int and before >= 1:
        return
    after = int(float(before)) if castable_to_int(before) and float(before) >= 1 else None
    if after is not None and not take_id(draft, CATEGORIES, after):
        return
    if after is None:
        if type(before) not in (int, str) or draft.view.category_rows.get(before) != row:
            return
        after = draft.new_id(CATEGORIES)
    draft.set("K201", CATEGORIES, row, "id", after)
    for i, value in enumerate(draft.view.annotations.column("category_id")):
        if type(value) is type(before) and value == before:
            draft.set("K201", ANNOTATIONS, i, "category_id", after)


@fix("K204", "safe", CATEGORIES)
def known_limbs(draft: Draft, row: int) -> None:
    """The limbs of COCO, LSP or MPII are added where the joints are theirs."""
    names = draft.view.joint_names[row]
    for known in BUILT_IN.values():
        if names == known.joints and draft.get(CATEGORIES, row, "skeleton") in (MISSING, None):
            draft.set("K204", CATEGORIES, row, "skeleton", [[a + 1, b + 1] for a, b in known.limb_indices()])


@fix("K205", "all", CATEGORIES)
def drop_bad_limbs(draft: Draft, row: int) -> None:
    """Limbs that are no two different joints are dropped."""
    limbs, names = draft.get(CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is None or counts_from_zero(limbs, len(names)):
        return
    kept = [pair for pair in limbs if _is_limb(pair, len(names))] if isinstance(limbs, list) else MISSING
    draft.set("K205", CATEGORIES, row, "skeleton", kept)


@fix("K206", "safe", CATEGORIES)
def count_limbs_from_one(draft: Draft, row: int) -> None:
    """1 is added to every joint number of the skeleton."""
    limbs, names = draft.get(CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is not None and counts_from_zero(limbs, len(names)):
        draft.set("K206", CATEGORIES, row, "skeleton", [[a + 1, b + 1] for a, b in limbs])


@fix("K207", "safe", CATEGORIES)
def name_limbs_once(draft: Draft, row: int) -> None:
    """A limb that stands twice is kept once."""
    limbs, names = draft.get(CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is None or not isinstance(limbs, list) or not all(_is_limb(pair, len(names)) for pair in limbs):
        return
    once: dict[tuple[int, int], list[int]] = {}
    for pair in limbs:
        once.setdefault((min(pair), max(pair)), pair)
    draft.set("K207", CATEGORIES, row, "skeleton", list(once.values()))


@fix("K208", "all", CATEGORIES)
def order_as_coco(draft: Draft, row: int) -> None:
    """The joints are put in COCO's order, in the category and in all its annotations, where they have COCO's names."""
    names = draft.view.joint_names[row]
    limbs = draft.get(CATEGORIES, row, "skeleton")
    if names is None or names == COCO_17.joints or set(names) != set(COCO_17.joints):
        return
    if limbs is MISSING:
        limbs = None
    elif not isinstance(limbs, list) or not all(_is_limb(pair, len(names)) for pair in limbs):
        return
    people = [i for i, of in enumerate(draft.view.category_of.tolist()) if of == row]
    flats = {i: draft.get(ANNOTATIONS, i, "keypoints") for i in people}
    flats = {i: flat for i, flat in flats.items() if flat is not MISSING and flat is not None and flat != []}
    if not all(is_flat(flat) and len(flat) == 3 * len(names) for flat in flats.values()):
        return
    order = [names.index(joint) for joint in COCO_17.joints]
    draft.set("K208", CATEGORIES, row, "keypoints", list(COCO_17.joints))
    if limbs is not None:
        place = {old + 1: new + 1 for new, old in enumerate(order)}
        draft.set("K208", CATEGORIES, row, "skeleton", [[place[a], place[b]] for a, b in limbs])
    sigmas = draft.get(CATEGORIES, row, "sigmas")
    if isinstance(sigmas, list) and len(sigmas) == len(order):
        draft.set("K208", CATEGORIES, row, "sigmas", [sigmas[k] for k in order])
    for i, flat in flats.items():
        draft.set("K208", ANNOTATIONS, i, "keypoints", [v for k in order for v in flat[3 * k : 3 * k + 3]])


@fix("D505", "all", IMAGES)
def drop_image_of_other_split(draft: Draft, row: int) -> None:
    """An image that another split holds is dropped here, with its annotations."""
    split = draft.note("shared", lambda: {i for s in draft.view.splits for i in _shared_rows(draft, s)})
    if row in split:
        draft.drop("D505", IMAGES, row)
        for i, of in enumerate(draft.view.image_of.tolist()):
            if of == row and not draft.is_dropped(ANNOTATIONS, i):
                draft.drop("D505", ANNOTATIONS, i)


def _shared_rows(draft: Draft, split: Any) -> list[int]:
    names = {name for name in split.images.column("file_name") if isinstance(name, str) and name}
    digests = set(split.photo_digests.values())
    own = draft.view.photo_digests
    return [
        i
        for i, name in enumerate(draft.view.images.column("file_name"))
        if (isinstance(name, str) and name in names) or own.get(i) in digests
    ]


def _write_size(draft: Draft, code: str, row: int) -> None:
    size = draft.view.photo_sizes.get(row)
    if size is not None and not isinstance(size, PhotoError):
        draft.set(code, IMAGES, row, "width", size[0])
        draft.set(code, IMAGES, row, "height", size[1])


def _is_limb(pair: Any, joints: int) -> bool:
    """Whether a pair is two different joint numbers in 1..joints."""
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(k) is int and 1 <= k <= joints for k in pair)
        and pair[0] != pair[1]
    )


def _photos_by_name(root: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in find_photos(root):
        found.setdefault(path.name, []).append(path.as_posix())
    return found


def _holds_nonfinite(value: Any, depth: int = 0) -> bool:
    if type(value) is float:
        return not math.isfinite(value)
    if depth < _DEEPEST and isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(_holds_nonfinite(v, depth + 1) for v in inner)
    return False


def _without_nonfinite(value: Any, depth: int = 0) -> Any:
    if type(value) is float and not math.isfinite(value):
        return None
    if depth < _DEEPEST and isinstance(value, dict):
        return {k: _without_nonfinite(v, depth + 1) for k, v in value.items()}
    if depth < _DEEPEST and isinstance(value, list):
        return [_without_nonfinite(v, depth + 1) for v in value]
    return value
