"""COCO-WholeBody: COCO's 17 joints as they are, with feet, face and hands in fields of their own.

    keypoints (17)   foot_kpts (6)   face_kpts (68)   lefthand_kpts (21)   righthand_kpts (21), each flat x, y, v
    face_box, lefthand_box, righthand_box [x, y, w, h]; face_valid, lefthand_valid, righthand_valid, foot_valid

In the document they are one category of 133 joints, in that order. Everything else of a file stays as it is.

Source: data_format.md of jin-s13/COCO-WholeBody ("some keypoints may have float visibility; v > 0 means reliable").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltool.coco.derive import box_from_joints
from labeltool.coco.document import CocoDocument, keypoints_of, person_category, read_document, write_document
from labeltool.errors import CocoError
from labeltool.formats.building import Number, fixed_skeleton
from labeltool.formats.checked import numbers
from labeltool.formats.coco import check_structure
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import Person, converter
from labeltool.skeleton import COCO_17, Skeleton, define, from_category

_FOOT = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_HAND = ("hand_root", *(f"{finger}{n}" for finger in _FINGERS for n in (1, 2, 3, 4)))
_FACE = tuple(f"face-{n}" for n in range(68))

#: The fields that hold joints, with the joints of each.
PARTS: Mapping[str, tuple[str, ...]] = {
    "keypoints": COCO_17.joints,
    "foot_kpts": _FOOT,
    "face_kpts": _FACE,
    "lefthand_kpts": tuple(f"left_{name}" for name in _HAND),
    "righthand_kpts": tuple(f"right_{name}" for name in _HAND),
}

# The face's mirror, by the 68-point scheme: jaw, brows, nose, eyes, lips.
_FACE_PAIRS = (
    *((n, 16 - n) for n in range(8)),
    *((17 + n, 26 - n) for n in range(5)),
    (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),
)  # fmt: skip
_LEFT_RIGHT = [j for joints in PARTS.values() for j in joints if j.startswith("left_")]

#: The 133 joints of COCO-WholeBody.
WHOLEBODY_133 = define(
    "coco-wholebody-133",
    tuple(joint for joints in PARTS.values() for joint in joints),
    COCO_17.limbs,
    flip_pairs=(
        *((left, "right_" + left.removeprefix("left_")) for left in _LEFT_RIGHT),
        *((f"face-{a}", f"face-{b}") for a, b in _FACE_PAIRS),
    ),
)

_BOXES = {"face_box": "face_kpts", "lefthand_box": "lefthand_kpts", "righthand_box": "righthand_kpts"}
_VALID = {
    "foot_valid": "foot_kpts",
    "face_valid": "face_kpts",
    "lefthand_valid": "lefthand_kpts",
    "righthand_valid": "righthand_kpts",
}


def read_wholebody(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A COCO-WholeBody file as a document of 133 joints.

    A joint whose v is no 0, 1 or 2 (faces and hands have a confidence there) is labelled and visible where it is above 0, which
    is noted. `num_keypoints` counts all 133 joints. Boxes and `*_valid` flags stay as fields of the annotation.

    Raises:
        CocoError: the file is no COCO document, or damaged.
        FormatError: a part has not the joints it must have.
    """
    path = Path(path)
    fixed_skeleton(path, "COCO-WholeBody", WHOLEBODY_133, skeleton)
    document = read_document(path)
    check_structure(document)
    category = person_category(document)
    ledger = Ledger()
    annotations = [
        _joined(a, f"{path}: annotation (id {a['id']})", ledger) if a["category_id"] == category["id"] else a
        for a in document.annotations
    ]
    own = WHOLEBODY_133.to_category(category["id"], category["name"])
    merged = category | {"keypoints": own["keypoints"], "skeleton": category.get("skeleton") or own["skeleton"]}
    categories = [merged if c is category else c for c in document.categories]
    data = document.data | {"annotations": annotations, "categories": categories}
    return Imported(CocoDocument(data, str(path)), images or path.parent, WHOLEBODY_133, ledger.notes(), {})


def write_wholebody(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes a document as COCO-WholeBody; returns what it cannot hold.

    Joints are placed by name. Boxes and `*_valid` flags that an annotation has not are made of its joints.
    """
    ledger = Ledger()
    check_structure(document)
    category = person_category(document)
    skeleton = from_category(category)
    convert = converter(skeleton, WHOLEBODY_133, ledger, document.source)
    sizes = {image["id"]: (image["width"], image["height"]) for image in document.images}
    annotations = []
    for i, annotation in enumerate(document.annotations):
        if annotation["category_id"] != category["id"]:
            annotations.append(annotation)
            continue
        try:
            keypoints_of(annotation, len(skeleton))
        except CocoError as error:
            raise CocoError(f"{document.source}: annotations[{i}]: {error}") from None
        keypoints = annotation.get("keypoints") or [0] * (3 * len(skeleton))
        values = convert(Person(annotation["id"], keypoints, [], False, annotation))
        annotations.append(_split(annotation, values, sizes[annotation["image_id"]]))
    body = category | {"keypoints": list(COCO_17.joints), "skeleton": _body_limbs(category, skeleton)}
    categories = [body if c is category else c for c in document.categories]
    write_document(out, document.data | {"annotations": annotations, "categories": categories})
    return ledger.notes()


def _body_limbs(category: Mapping[str, Any], skeleton: Skeleton) -> list[list[int]]:
    body = COCO_17.joints
    limbs = [[body.index(a) + 1, body.index(b) + 1] for a, b in skeleton.limbs if a in body and b in body]
    return limbs or COCO_17.to_category()["skeleton"]


def _joined(annotation: Mapping[str, Any], where: str, ledger: Ledger) -> dict[str, Any]:
    values: list[Number] = []
    for name, joints in PARTS.items():
        part = annotation.get(name)
        if part is None or part == []:
            values += [0] * (3 * len(joints))
            continue
        values += numbers(part, f"{where}: {name}", 3 * len(joints))
    for k in range(0, len(values), 3):
        v = values[k + 2]
        if v not in (0, 1, 2):
            ledger.add(
                "{n} joint{s} with a confidence for visibility were taken as visible where it is above 0",
                f"annotation {annotation['id']} {WHOLEBODY_133.joints[k // 3]}",
            )
            v = 2 if v > 0 else 0
        values[k + 2] = int(v)
        if v == 0 and (values[k] != 0 or values[k + 1] != 0):
            ledger.add(
                "{n} joint{s} not labelled had coordinates, which were left out",
                f"annotation {annotation['id']} {WHOLEBODY_133.joints[k // 3]}",
            )
            values[k : k + 2] = (0, 0)
    out = {key: value for key, value in annotation.items() if key not in PARTS or key == "keypoints"}
    return out | {"keypoints": values, "num_keypoints": sum(1 for v in values[2::3] if v > 0)}


def _split(annotation: Mapping[str, Any], values: list[Number], size: tuple[int, int]) -> dict[str, Any]:
    out = dict(annotation)
    start = 0
    for name, joints in PARTS.items():
        out[name] = values[start : start + 3 * len(joints)]
        start += 3 * len(joints)
    out["num_keypoints"] = sum(1 for v in out["keypoints"][2::3] if v > 0)
    for name, part in _BOXES.items():
        if name not in out:
            flat = out[part]
            xy = [flat[k : k + 2] for k in range(0, len(flat), 3)]
            out[name] = box_from_joints(xy, flat[2::3], *size) or [0.0, 0.0, 0.0, 0.0]
    for name, part in _VALID.items():
        if name not in out:
            out[name] = any(v > 0 for v in out[part][2::3])
    return out
