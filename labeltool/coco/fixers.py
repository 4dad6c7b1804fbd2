"""The fixes, one function a code, as far as a finding can be mended without looking at the photo.

Each looks at the present values again before it changes any: an earlier fix of the same round may have changed them.
"""

from __future__ import annotations

import math
import re
from typing import Any

from labeltool.coco.derive import box_from_joints, labelled_count, person_area, segmentation_problem
from labeltool.coco.draft import FIXES, Draft, fix
from labeltool.coco.finite import all_finite_numbers, is_finite_number
from labeltool.coco.rules_categories import counts_from_zero
from labeltool.coco.rules_images import castable_to_int
from labeltool.coco.show import MISSING
from labeltool.errors import CocoError, PhotoError
from labeltool.images import find_photos
from labeltool.skeleton import BUILT_IN, COCO_17

__all__ = ["FIXES"]

_NUMBER = re.compile(r"\s*-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\s*")
_ANNOTATIONS, _IMAGES, _CATEGORIES = "annotations", "images", "categories"
# Values nested deeper than this are left alone.
_DEEPEST = 40


@fix("C003", "all", None)
def drop_nonfinite(draft: Draft, _: int) -> None:
    """A joint with NaN or Infinity becomes not labelled; any other such number is removed."""
    for table in (_IMAGES, _ANNOTATIONS, _CATEGORIES):
        for row in range(len(draft.table(table))):
            for field, value in list(draft.row(table, row).items()):
                if not _holds_nonfinite(value):
                    continue
                if table == _ANNOTATIONS and field == "keypoints" and _is_flat(value) and len(value) % 3 == 0:
                    joints = [value[k : k + 3] for k in range(0, len(value), 3)]
                    mended: Any = [v for joint in joints for v in ([0, 0, 0] if _holds_nonfinite(joint) else joint)]
                elif field in ("bbox", "area", "segmentation", "width", "height", "sigmas"):
                    mended = MISSING
                else:
                    mended = _without_nonfinite(value)
                draft.set("C003", table, row, field, mended)
    for key, value in draft.view.top.items():
        if key not in (_IMAGES, _ANNOTATIONS, _CATEGORIES) and _holds_nonfinite(value):
            draft.set_top("C003", key, _without_nonfinite(value))


@fix("I101", "all", _IMAGES)
def cast_image_id(draft: Draft, row: int) -> None:
    """An id such as "12" or 12.0 becomes the integer, where no other image has it."""
    value = draft.get(_IMAGES, row, "id")
    if castable_to_int(value) and _take_id(draft, _IMAGES, int(float(value))):
        draft.set("I101", _IMAGES, row, "id", int(float(value)))


@fix("I104", "all", _IMAGES)
def forward_slashes(draft: Draft, row: int) -> None:
    """Backslashes of a relative path become forward slashes."""
    name = draft.get(_IMAGES, row, "file_name")
    if isinstance(name, str):
        draft.set("I104", _IMAGES, row, "file_name", name.replace("\\", "/"))


@fix("I105", "safe", _IMAGES)
def size_from_photo(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo, where its folder is given."""
    _write_size(draft, "I105", row)


@fix("I106", "all", _IMAGES)
def find_photo(draft: Draft, row: int) -> None:
    """The file name becomes the path of the one photo of that name below the folder."""
    name = draft.get(_IMAGES, row, "file_name")
    root = draft.view.images_root
    if root is None or not root.is_dir() or not isinstance(name, str):
        return
    by_name = draft.note("photos", lambda: _photos_by_name(root))
    found = by_name.get(name.replace("\\", "/").rsplit("/", 1)[-1], [])
    # A photo that is there but cannot be opened is not to be replaced by its own name.
    if len(found) == 1 and not (root / name.replace("\0", "")).exists():
        draft.set("I106", _IMAGES, row, "file_name", found[0])


@fix("I107", "safe", _IMAGES)
def right_size(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo."""
    _write_size(draft, "I107", row)


@fix("I108", "all", _IMAGES)
def upright_size(draft: Draft, row: int) -> None:
    """The size becomes that of the upright photo, width and height exchanged."""
    _write_size(draft, "I108", row)


@fix("K201", "all", _CATEGORIES)
def number_category(draft: Draft, row: int) -> None:
    """An id such as "1" becomes the integer, an id below 1 a new one, with the annotations that refer to it."""
    before = draft.get(_CATEGORIES, row, "id")
    if type(before) is int and before >= 1:
        return
    after = int(float(before)) if castable_to_int(before) and float(before) >= 1 else None
    if after is not None and not _take_id(draft, _CATEGORIES, after):
        return
    if after is None:
        if type(before) not in (int, str) or draft.view.category_rows.get(before) != row:
            return
        after = draft.new_id(_CATEGORIES)
    draft.set("K201", _CATEGORIES, row, "id", after)
    for i, value in enumerate(draft.view.annotations.column("category_id")):
        if type(value) is type(before) and value == before:
            draft.set("K201", _ANNOTATIONS, i, "category_id", after)


@fix("K204", "safe", _CATEGORIES)
def known_limbs(draft: Draft, row: int) -> None:
    """The limbs of COCO, LSP or MPII are added where the joints are theirs."""
    names = draft.view.joint_names[row]
    for known in BUILT_IN.values():
        if names == known.joints and draft.get(_CATEGORIES, row, "skeleton") in (MISSING, None):
            draft.set("K204", _CATEGORIES, row, "skeleton", [[a + 1, b + 1] for a, b in known.limb_indices()])


@fix("K205", "all", _CATEGORIES)
def drop_bad_limbs(draft: Draft, row: int) -> None:
    """Limbs that are no two different joints are dropped."""
    limbs, names = draft.get(_CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is None or counts_from_zero(limbs, len(names)):
        return
    kept = [pair for pair in limbs if _is_limb(pair, len(names))] if isinstance(limbs, list) else MISSING
    draft.set("K205", _CATEGORIES, row, "skeleton", kept)


@fix("K206", "safe", _CATEGORIES)
def count_limbs_from_one(draft: Draft, row: int) -> None:
    """1 is added to every joint number of the skeleton."""
    limbs, names = draft.get(_CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is not None and counts_from_zero(limbs, len(names)):
        draft.set("K206", _CATEGORIES, row, "skeleton", [[a + 1, b + 1] for a, b in limbs])


@fix("K207", "safe", _CATEGORIES)
def name_limbs_once(draft: Draft, row: int) -> None:
    """A limb that stands twice is kept once."""
    limbs, names = draft.get(_CATEGORIES, row, "skeleton"), draft.view.joint_names[row]
    if names is None or not isinstance(limbs, list) or not all(_is_limb(pair, len(names)) for pair in limbs):
        return
    once: dict[tuple[int, int], list[int]] = {}
    for pair in limbs:
        once.setdefault((min(pair), max(pair)), pair)
    draft.set("K207", _CATEGORIES, row, "skeleton", list(once.values()))


@fix("K208", "all", _CATEGORIES)
def order_as_coco(draft: Draft, row: int) -> None:
    """The joints are put in COCO's order, in the category and in all its annotations, where they have COCO's names."""
    names = draft.view.joint_names[row]
    limbs = draft.get(_CATEGORIES, row, "skeleton")
    if names is None or names == COCO_17.joints or set(names) != set(COCO_17.joints):
        return
    if limbs is MISSING:
        limbs = None
    elif not isinstance(limbs, list) or not all(_is_limb(pair, len(names)) for pair in limbs):
        return
    people = [i for i, of in enumerate(draft.view.category_of.tolist()) if of == row]
    flats = {i: draft.get(_ANNOTATIONS, i, "keypoints") for i in people}
    flats = {i: flat for i, flat in flats.items() if flat is not MISSING and flat is not None and flat != []}
    if not all(_is_flat(flat) and len(flat) == 3 * len(names) for flat in flats.values()):
        return
    order = [names.index(joint) for joint in COCO_17.joints]
    draft.set("K208", _CATEGORIES, row, "keypoints", list(COCO_17.joints))
    if limbs is not None:
        place = {old + 1: new + 1 for new, old in enumerate(order)}
        draft.set("K208", _CATEGORIES, row, "skeleton", [[place[a], place[b]] for a, b in limbs])
    sigmas = draft.get(_CATEGORIES, row, "sigmas")
    if isinstance(sigmas, list) and len(sigmas) == len(order):
        draft.set("K208", _CATEGORIES, row, "sigmas", [sigmas[k] for k in order])
    for i, flat in flats.items():
        draft.set("K208", _ANNOTATIONS, i, "keypoints", [v for k in order for v in flat[3 * k : 3 * k + 3]])


@fix("A301", "all", _ANNOTATIONS)
def cast_annotation_id(draft: Draft, row: int) -> None:
    """An id such as "12" becomes the integer; one that is none, or that is taken, a new one."""
    value = draft.get(_ANNOTATIONS, row, "id")
    if type(value) is int:
        return
    number = int(float(value)) if castable_to_int(value) else 0
    taken = number < 1 or not _take_id(draft, _ANNOTATIONS, number)
    draft.set("A301", _ANNOTATIONS, row, "id", draft.new_id(_ANNOTATIONS) if taken else number)


@fix("A302", "safe", _ANNOTATIONS)
def renumber_annotation(draft: Draft, row: int) -> None:
    """The second annotation of an id gets a new one."""
    draft.set("A302", _ANNOTATIONS, row, "id", draft.new_id(_ANNOTATIONS))


@fix("A303", "safe", _ANNOTATIONS)
def renumber_zero(draft: Draft, row: int) -> None:
    """The annotation 0 gets a new id."""
    if draft.get(_ANNOTATIONS, row, "id") == 0:
        draft.set("A303", _ANNOTATIONS, row, "id", draft.new_id(_ANNOTATIONS))


@fix("A304", "all", _ANNOTATIONS)
def mend_reference(draft: Draft, row: int) -> None:
    """A reference such as "12" becomes the integer; an annotation of no image is dropped."""
    value = draft.get(_ANNOTATIONS, row, "image_id")
    if not castable_to_int(value):
        draft.drop("A304", _ANNOTATIONS, row)
    elif int(float(value)) in draft.view.image_rows:
        draft.set("A304", _ANNOTATIONS, row, "image_id", int(float(value)))
    elif not _is_soon_an_image(draft, int(float(value))):
        draft.drop("A304", _ANNOTATIONS, row)


@fix("A306", "safe", _ANNOTATIONS)
def flatten_keypoints(draft: Draft, row: int) -> None:
    """Inner brackets and quotes are taken away, where what remains is three numbers for each joint."""
    value = draft.get(_ANNOTATIONS, row, "keypoints")
    joints = int(draft.view.joint_counts[row])
    if not isinstance(value, list) or not joints:
        return
    flat: list[Any] = []
    for item in value:
        flat += item if isinstance(item, list) else [item]
    numbers = [_to_number(item) for item in flat]
    if len(numbers) == 3 * joints and all(number is not None for number in numbers):
        draft.set("A306", _ANNOTATIONS, row, "keypoints", numbers)


@fix("A307", "all", _ANNOTATIONS)
def pad_keypoints(draft: Draft, row: int) -> None:
    """An empty list becomes three zeros for each joint."""
    joints = int(draft.view.joint_counts[row])
    if draft.get(_ANNOTATIONS, row, "keypoints") == [] and joints:
        draft.set("A307", _ANNOTATIONS, row, "keypoints", [0] * (3 * joints))


@fix("A308", "safe", _ANNOTATIONS)
def cast_visibility(draft: Draft, row: int) -> None:
    """A v such as 2.0 becomes the integer."""
    flat = draft.get(_ANNOTATIONS, row, "keypoints")
    if _is_flat(flat):
        cast = list(flat)
        for k in range(2, len(cast), 3):
            if type(cast[k]) is float and cast[k] in (0.0, 1.0, 2.0):
                cast[k] = int(cast[k])
        draft.set("A308", _ANNOTATIONS, row, "keypoints", cast)


@fix("A309", "safe", _ANNOTATIONS)
def zero_unlabelled(draft: Draft, row: int) -> None:
    """The x and y of a joint that is not labelled become 0."""
    flat = _joints(draft, row)
    if flat is not None:
        triples = [flat[k : k + 3] for k in range(0, len(flat), 3)]
        zeroed = [v for x, y, v in triples for v in ((0, 0, v) if v == 0 and (x != 0 or y != 0) else (x, y, v))]
        draft.set("A309", _ANNOTATIONS, row, "keypoints", zeroed)


@fix("A310", "all", _ANNOTATIONS)
def unlabel_at_zero(draft: Draft, row: int) -> None:
    """A joint at exactly (0, 0) becomes not labelled."""
    flat = _joints(draft, row)
    if flat is not None:
        triples = [flat[k : k + 3] for k in range(0, len(flat), 3)]
        mended = [v for x, y, v in triples for v in ((0, 0, 0) if v > 0 and x == 0 and y == 0 else (x, y, v))]
        draft.set("A310", _ANNOTATIONS, row, "keypoints", mended)


@fix("A311", "safe", _ANNOTATIONS)
def clamp_joints(draft: Draft, row: int) -> None:
    """A labelled joint at most a pixel outside the image is put on its edge."""
    flat, size = _joints(draft, row), _size(draft, row)
    if flat is None or size is None:
        return
    clamped = list(flat)
    for k in range(0, len(flat), 3):
        beyond = max(-flat[k], -flat[k + 1], flat[k] - size[0], flat[k + 1] - size[1])
        if flat[k + 2] > 0 and 0 < beyond <= 1:
            clamped[k], clamped[k + 1] = min(max(flat[k], 0), size[0]), min(max(flat[k + 1], 0), size[1])
    draft.set("A311", _ANNOTATIONS, row, "keypoints", clamped)


@fix("A312", "safe", _ANNOTATIONS)
def count_joints(draft: Draft, row: int) -> None:
    """`num_keypoints` becomes the number of joints with v > 0."""
    _write_count(draft, "A312", row)


@fix("A313", "safe", _ANNOTATIONS)
def count_joints_for_ap(draft: Draft, row: int) -> None:
    """`num_keypoints` becomes the number of joints with v > 0."""
    _write_count(draft, "A313", row)


@fix("A318", "all", _ANNOTATIONS)
def shares_to_pixels(draft: Draft, row: int) -> None:
    """Coordinates that are shares of the image become pixels."""
    flat, size = _joints(draft, row), _size(draft, row)
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
        draft.set("A318", _ANNOTATIONS, row, "keypoints", scaled)


@fix("B401", "safe", _ANNOTATIONS)
def box_of_the_joints(draft: Draft, row: int) -> None:
    """A missing box becomes the extent of the labelled joints, flagged by `bbox_source`."""
    if _box(draft, row) is None:
        _write_joint_box(draft, "B401", row)


@fix("B402", "all", _ANNOTATIONS)
def turn_box(draft: Draft, row: int) -> None:
    """A box with negative sides is turned; one without width or height becomes the extent of the labelled joints."""
    box = _box(draft, row)
    if box is None or (box[2] > 0 and box[3] > 0):
        return
    x, y, w, h = box
    if w and h:
        draft.set("B402", _ANNOTATIONS, row, "bbox", [x + min(w, 0), y + min(h, 0), abs(w), abs(h)])
    else:
        _write_joint_box(draft, "B402", row)


@fix("B403", "safe", _ANNOTATIONS)
def clip_box(draft: Draft, row: int) -> None:
    """A box at most a pixel outside the image is clipped; at level `all` corners become a box, and any other box is clipped."""
    box, size = _box(draft, row), _size(draft, row)
    if box is None or size is None or min(box[2:]) <= 0:
        return
    x, y, w, h = box
    if max(-x, -y, x + w - size[0], y + h - size[1]) > 1:
        if draft.level != "all":
            return
        if min(x, y) >= 0 and x < w <= size[0] + 1 and y < h <= size[1] + 1:
            x, y, w, h = x, y, w - x, h - y
    left, top = max(x, 0), max(y, 0)
    clipped = [left, top, min(x + w, size[0]) - left, min(y + h, size[1]) - top]
    if clipped[2] > 0 and clipped[3] > 0 and any(abs(a - b) > 1e-6 for a, b in zip(box, clipped, strict=True)):
        draft.set("B403", _ANNOTATIONS, row, "bbox", clipped)


@fix("B405", "safe", _ANNOTATIONS)
def area_of_outline(draft: Draft, row: int) -> None:
    """The area becomes that of the outline, or 0.53 x width x height of the bbox; `area_source` says which."""
    _write_area(draft, "B405", row)


@fix("B406", "all", _ANNOTATIONS)
def area_not_of_bbox(draft: Draft, row: int) -> None:
    """The area becomes that of the outline, or 0.53 x width x height of the bbox; `area_source` says which."""
    _write_area(draft, "B406", row)


@fix("B407", "safe", _ANNOTATIONS)
def not_a_crowd(draft: Draft, row: int) -> None:
    """`iscrowd` becomes 0; true and 1.0 become 1."""
    value = draft.get(_ANNOTATIONS, row, "iscrowd")
    if type(value) is not int or value not in (0, 1):
        crowd = type(value) in (bool, float) and value == 1
        draft.set("B407", _ANNOTATIONS, row, "iscrowd", int(crowd))


@fix("B408", "all", _ANNOTATIONS)
def crowd_to_rle(draft: Draft, row: int) -> None:
    """The polygons of a crowd become one RLE mask."""
    outline, size = draft.get(_ANNOTATIONS, row, "segmentation"), _size(draft, row)
    if draft.get(_ANNOTATIONS, row, "iscrowd") != 1 or not isinstance(outline, list) or not outline or size is None:
        return
    reach = 4 * max(size)
    if segmentation_problem(outline, *size) is not None or size[0] * size[1] > 2**28:
        return
    if any(abs(v) > reach for polygon in outline for v in polygon):
        return
    from pycocotools import mask

    rle = mask.merge(mask.frPyObjects(outline, size[1], size[0]))
    plain = {"size": [size[1], size[0]], "counts": rle["counts"].decode("ascii")}
    draft.set("B408", _ANNOTATIONS, row, "segmentation", plain)


@fix("B409", "safe", _ANNOTATIONS)
def no_outline(draft: Draft, row: int) -> None:
    """An outline that is missing or damaged becomes `[]`."""
    size = _size(draft, row)
    outline = draft.get(_ANNOTATIONS, row, "segmentation")
    if outline is MISSING or segmentation_problem(outline, *(size or (None, None))) is not None:
        draft.set("B409", _ANNOTATIONS, row, "segmentation", [])


@fix("D501", "all", _ANNOTATIONS)
def drop_second_person(draft: Draft, row: int) -> None:
    """The later of two annotations of one person is dropped."""
    draft.drop("D501", _ANNOTATIONS, row)


@fix("D505", "all", _IMAGES)
def drop_image_of_other_split(draft: Draft, row: int) -> None:
    """An image that another split holds is dropped here, with its annotations."""
    split = draft.note("shared", lambda: {i for s in draft.view.splits for i in _shared_rows(draft, s)})
    if row in split:
        draft.drop("D505", _IMAGES, row)
        for i, of in enumerate(draft.view.image_of.tolist()):
            if of == row and not draft.is_dropped(_ANNOTATIONS, i):
                draft.drop("D505", _ANNOTATIONS, i)


def _shared_rows(draft: Draft, split: Any) -> list[int]:
    names = {name for name in split.images.column("file_name") if isinstance(name, str) and name}
    digests = set(split.photo_digests.values())
    own = draft.view.photo_digests
    return [
        i
        for i, name in enumerate(draft.view.images.column("file_name"))
        if (isinstance(name, str) and name in names) or own.get(i) in digests
    ]


def _take_id(draft: Draft, table: str, number: int) -> bool:
    """Whether an id is free; it then counts as taken for the rest of the round."""
    used: set[int] = draft.note(f"{table} used", lambda: {v for v in draft.table(table).column("id") if type(v) is int})
    free = number not in used
    used.add(number)
    return free


def _is_soon_an_image(draft: Draft, number: int) -> bool:
    """Whether an image has the id as a string or float, which I101 casts in this or another round."""
    return any(castable_to_int(v) and int(float(v)) == number for v in draft.view.images.column("id"))


def _write_size(draft: Draft, code: str, row: int) -> None:
    size = draft.view.photo_sizes.get(row)
    if size is not None and not isinstance(size, PhotoError):
        draft.set(code, _IMAGES, row, "width", size[0])
        draft.set(code, _IMAGES, row, "height", size[1])


def _write_count(draft: Draft, code: str, row: int) -> None:
    flat = _joints(draft, row)
    if flat is not None:
        draft.set(code, _ANNOTATIONS, row, "num_keypoints", labelled_count(flat[2::3]))


def _write_joint_box(draft: Draft, code: str, row: int) -> None:
    flat, size = _joints(draft, row), _size(draft, row)
    if flat is None or size is None:
        return
    xy = [flat[k : k + 2] for k in range(0, len(flat), 3)]
    box = box_from_joints(xy, flat[2::3], *size)
    if box is not None and min(box[2:]) > 0:
        draft.set(code, _ANNOTATIONS, row, "bbox", box)
        draft.set(code, _ANNOTATIONS, row, "bbox_source", "keypoints")


def _write_area(draft: Draft, code: str, row: int) -> None:
    box, size = _box(draft, row), _size(draft, row)
    if box is None or size is None or min(box[2:]) <= 0:
        return
    outline = draft.get(_ANNOTATIONS, row, "segmentation")
    if size[0] * size[1] > 2**28:
        outline = None
    try:
        area, source = person_area(None if outline is MISSING else outline, box, *size)
    except CocoError:
        area, source = person_area(None, box, *size)
    if area <= 1:
        area, source = person_area(None, box, *size)
    if area > 0 and math.isfinite(area):
        draft.set(code, _ANNOTATIONS, row, "area", area)
        draft.set(code, _ANNOTATIONS, row, "area_source", source)


def _joints(draft: Draft, row: int) -> list[Any] | None:
    """The keypoints of an annotation where they are three finite numbers for each joint and every v is 0, 1 or 2."""
    flat = draft.get(_ANNOTATIONS, row, "keypoints")
    joints = int(draft.view.joint_counts[row])
    if not _is_flat(flat) or not joints or len(flat) != 3 * joints or not all_finite_numbers(flat):
        return None
    return list(flat) if all(v in (0, 1, 2) for v in flat[2::3]) else None


def _box(draft: Draft, row: int) -> list[Any] | None:
    box = draft.get(_ANNOTATIONS, row, "bbox")
    usable = isinstance(box, list) and len(box) == 4 and all_finite_numbers(box)
    return list(box) if usable else None


def _size(draft: Draft, row: int) -> tuple[int, int] | None:
    image = int(draft.view.image_of[row])
    if image < 0:
        return None
    width, height = draft.get(_IMAGES, image, "width"), draft.get(_IMAGES, image, "height")
    if type(width) is not int or type(height) is not int or not (0 < width < 2**31 and 0 < height < 2**31):
        return None
    return width, height


def _is_flat(value: Any) -> bool:
    return isinstance(value, list) and {int, float}.issuperset(map(type, value))


def _is_limb(pair: Any, joints: int) -> bool:
    """Whether a pair is two different joint numbers in 1..joints."""
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(k) is int and 1 <= k <= joints for k in pair)
        and pair[0] != pair[1]
    )


def _to_number(value: Any) -> int | float | None:
    if is_finite_number(value):
        number: int | float = value
        return number
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.strip().lstrip("-").isdigit() else float(value)
    return None


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
