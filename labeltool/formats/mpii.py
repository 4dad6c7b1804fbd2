"""MPII Human Pose: the published annolist (.mat), and the JSON list that HRNet and its descendants train from.

Both count pixels from 1, as MATLAB does: 1 is subtracted on reading and added on writing.

    .mat   RELEASE.annolist(n).image.name, .annorect(r).annopoints.point(p).{x, y, id, is_visible}, .scale, .objpos.{x, y},
           .x1 .y1 .x2 .y2 (the head's box); img_train(n) is 1 for the images whose people are labelled
    JSON   [{"image", "joints": [[x, y]] x 16, "joints_vis": [0 or 1] x 16, "center": [x, y], "scale"}], one entry a person

Sources: the README of mpii_human_pose_v1_u12_1; lib/dataset/mpii.py of deep-high-resolution-net.pytorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.coco.show import show
from labeltool.errors import FormatError
from labeltool.formats.building import DocumentBuilder, Number, fixed_skeleton
from labeltool.formats.checked import items, load_json, mapping, number, numbers, part, save_json, text
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.matstruct import load_variable
from labeltool.formats.people import Person, converter, joints_of, people_of
from labeltool.skeleton import MPII_16, Skeleton

#: MPII's `scale` is a person's height over this many pixels.
SCALE_PIXELS = 200.0

_K = len(MPII_16)


def read_mpii_json(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """The JSON list of MPII people as a document.

    `joints_vis` says labelled or not, never hidden: labelled joints have v = 2. `center` and `scale` stay as fields of the
    annotation (0-based). The format has neither boxes nor image sizes: boxes are those of the joints, sizes come from the photos.

    Raises:
        FormatError: the file is no such list, or the photos are not there.
    """
    path = Path(path)
    fixed_skeleton(path, "MPII", MPII_16, skeleton)
    ledger = Ledger()
    builder = DocumentBuilder(path, MPII_16, ledger, images)
    people: list[tuple[str, list[Number], dict[str, Any]]] = []
    for i, entry in enumerate(items(load_json(path), str(path))):
        people.append(_person_of_json(mapping(entry, f"{path}: [{i}]"), f"{path}: [{i}]"))
    ids = builder.photos(list(dict.fromkeys(name for name, _, _ in people)))
    for name, keypoints, extra in people:
        if name in ids:
            builder.person(ids[name], keypoints, extra=extra)
    if people:
        ledger.say("MPII's JSON does not say which joints are hidden: labelled ones were taken as visible (v = 2)")
    return builder.finish()


def write_mpii_json(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the people of a document as MPII's JSON list; returns what it cannot hold.

    An annotation's own `center` and `scale` are written where it has them; otherwise the middle of its box, and the box's
    longer side over 200.
    """
    ledger = Ledger()
    crew = people_of(document, ledger, fields=("center", "scale"))
    convert = converter(crew.skeleton, MPII_16, ledger, document.source)
    rows: list[dict[str, Any]] = []
    for photo in crew.photos:
        ledger.say("image sizes were left out")
        if not photo.people:
            ledger.add("{n} image{s} without people were left out", photo.name)
        for person in photo.people:
            joints = joints_of(convert(person))
            for (_, _, v), joint in zip(joints, MPII_16.joints, strict=True):
                if v == 1:
                    ledger.add(
                        "{n} hidden joint{s} (v = 1) were written as labelled only", f"annotation {person.id} {joint}"
                    )
            ledger.add("{n} boxes were left out (center and scale stand for them)", f"annotation {person.id}")
            center, scale = _center_and_scale(person)
            rows.append(
                {
                    "image": photo.name,
                    "joints": [[x + 1, y + 1] if v else [-1, -1] for x, y, v in joints],
                    "joints_vis": [1 if v else 0 for _, _, v in joints],
                    "center": center,
                    "scale": scale,
                }
            )
    save_json(out, rows)
    return ledger.notes()


def read_mpii_mat(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """The published annolist as a document: the images of the training part, whose people are labelled.

    `is_visible` 0 is v = 1 and 1 is v = 2; a joint without that flag (most heads and necks) counts as visible, and is noted.
    `scale`, the 0-based `objpos` (as `center`) and the head's box (as `head_box`, xywh) stay as fields of the annotation.

    Raises:
        FormatError: the file is damaged or holds no annolist, or the photos are not there.
    """
    path = Path(path)
    fixed_skeleton(path, "MPII", MPII_16, skeleton)
    ledger = Ledger()
    builder = DocumentBuilder(path, MPII_16, ledger, images)
    release = _one(load_variable(path, "RELEASE"), f"{path}: RELEASE")
    annolist = _many(release.get("annolist"), f"{path}: annolist")
    train = release.get("img_train", [1] * len(annolist))
    flags = numbers(train if isinstance(train, list) else [train], f"{path}: img_train", len(annolist))
    taken: dict[str, list[tuple[list[Number], dict[str, Any]]]] = {}
    for n, (entry, is_train) in enumerate(zip(annolist, flags, strict=True), start=1):
        where = f"{path}: annolist({n})"
        name = text(_one(entry.get("image"), f"{where}.image").get("name"), f"{where}.image.name")
        if not is_train:
            ledger.add("{n} image{s} of the test part, whose people are not labelled, were left out", name)
            continue
        people = taken.setdefault(name, [])
        for r, rect in enumerate(_many(entry.get("annorect"), f"{where}.annorect"), start=1):
            person = _person_of_mat(rect, f"{where}.annorect({r})", name, ledger)
            if person is not None:
                people.append(person)
    ids = builder.photos(list(taken))
    for name, people in taken.items():
        for keypoints, extra in people:
            if name in ids:
                builder.person(ids[name], keypoints, extra=extra)
    return builder.finish()


def _person_of_json(entry: Mapping[str, Any], where: str) -> tuple[str, list[Number], dict[str, Any]]:
    fields = dict(entry)
    name = text(part(fields, "image"), f"{where}: image")
    joints = items(part(fields, "joints"), f"{where}: joints", _K)
    flags = items(part(fields, "joints_vis"), f"{where}: joints_vis", _K)
    keypoints: list[Number] = []
    for k, (joint, flag) in enumerate(zip(joints, flags, strict=True)):
        x, y = numbers(joint, f"{where}: joints[{k}]", 2)
        if flag not in (0, 1):
            raise FormatError(f"{where}: joints_vis[{k}]: is {show(flag)}, expected 0 or 1")
        keypoints += (x - 1, y - 1, 2) if flag else (0, 0, 0)
    extra: dict[str, Any] = {}
    if "center" in fields:
        extra["center"] = [value - 1 for value in numbers(fields["center"], f"{where}: center", 2)]
    if "scale" in fields:
        extra["scale"] = number(fields["scale"], f"{where}: scale")
    return name, keypoints, extra


def _center_and_scale(person: Person) -> tuple[list[Number], Number]:
    x, y, w, h = person.box
    own = person.annotation
    center, scale = own.get("center"), own.get("scale")
    middle: list[Number] = [x + w / 2 + 1, y + h / 2 + 1]
    if center is not None:
        middle = [value + 1 for value in numbers(center, f"annotation (id {person.id}): center", 2)]
    size = max(w, h) / SCALE_PIXELS if scale is None else number(scale, f"annotation (id {person.id}): scale")
    return middle, size


def _person_of_mat(
    rect: Mapping[str, Any], where: str, name: str, ledger: Ledger
) -> tuple[list[Number], dict[str, Any]] | None:
    points = rect.get("annopoints")
    if not points:
        ledger.add("{n} people without joints (only a head box) were left out", name)
        return None
    keypoints: list[Number] = [0] * (3 * _K)
    for p, point in enumerate(_many(_one(points, f"{where}.annopoints").get("point"), f"{where}.point"), start=1):
        at = f"{where}.annopoints.point({p})"
        k = number(point.get("id"), f"{at}.id")
        if k not in range(_K):
            raise FormatError(f"{at}.id: is {show(k)}, expected a joint in 0..{_K - 1}")
        x, y = (number(point.get(axis), f"{at}.{axis}") - 1 for axis in "xy")
        keypoints[3 * int(k) : 3 * int(k) + 3] = (x, y, _visibility(point.get("is_visible"), at, name, int(k), ledger))
    extra: dict[str, Any] = {}
    if rect.get("scale"):
        extra["scale"] = number(rect["scale"], f"{where}.scale")
    if rect.get("objpos"):
        position = _one(rect["objpos"], f"{where}.objpos")
        extra["center"] = [number(position.get(axis), f"{where}.objpos.{axis}") - 1 for axis in "xy"]
    if all(isinstance(rect.get(key), int | float) for key in ("x1", "y1", "x2", "y2")):
        x1, y1 = rect["x1"] - 1, rect["y1"] - 1
        extra["head_box"] = [x1, y1, rect["x2"] - 1 - x1, rect["y2"] - 1 - y1]
    return keypoints, extra


def _visibility(flag: Any, where: str, name: str, joint: int, ledger: Ledger) -> int:
    if flag in ("0", "1"):
        flag = int(flag)
    if flag is None or flag == []:
        ledger.add("{n} joint{s} without is_visible were taken as visible", f"{name} {MPII_16.joints[joint]}")
        return 2
    if flag not in (0, 1):
        raise FormatError(f"{where}.is_visible: is {show(flag)}, expected 0 or 1")
    return 2 if flag else 1


def _one(value: Any, where: str) -> dict[str, Any]:
    """A struct, also when MATLAB kept it as a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return mapping(value, where)


def _many(value: Any, where: str) -> list[dict[str, Any]]:
    """A list of structs, also when it has one or none."""
    if value is None or value == []:
        return []
    return [mapping(item, f"{where}({i})") for i, item in enumerate(value if isinstance(value, list) else [value], 1)]
