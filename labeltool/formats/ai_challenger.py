"""AI Challenger's human keypoints: a JSON list with one entry an image.

    [{"image_id": "d8ee...", "keypoint_annotations": {"human1": [x, y, v, ...]},
      "human_annotations": {"human1": [x1, y1, x2, y2]}}]

`image_id` is the photo's name without `.jpg`; v is 1 visible, 2 hidden, 3 not labelled; boxes are corners.

Source: Wu et al., "AI Challenger", 2017, and the challenge's keypoint_eval.py (visible is v == 1, boxes [x1, y1, x2, y2]).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.coco.show import show
from labeltool.errors import FormatError
from labeltool.formats.building import DocumentBuilder, Number, fixed_skeleton
from labeltool.formats.checked import items, load_json, mapping, numbers, part, save_json, text
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import converter, joints_of, people_of
from labeltool.skeleton import Skeleton, define

_JOINTS = (
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "head_top",
    "neck",
)
_SIGMAS = (
    0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642,
    0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173,
)  # fmt: skip

#: The 14 joints of AI Challenger, in its order.
AIC_14 = define(
    "aic-14",
    _JOINTS,
    (
        ("right_wrist", "right_elbow"),
        ("right_elbow", "right_shoulder"),
        ("left_wrist", "left_elbow"),
        ("left_elbow", "left_shoulder"),
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("head_top", "neck"),
        ("right_shoulder", "neck"),
        ("left_shoulder", "neck"),
    ),
    sigmas=dict(zip(_JOINTS, _SIGMAS, strict=True)),
    sigma_source="AI Challenger's keypoint_eval.py",
)

_FROM_THEIRS = {1: 2, 2: 1, 3: 0}
_TO_THEIRS = {2: 1, 1: 2, 0: 3}


def read_aic(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """AI Challenger's list as a document; image sizes come from the photos.

    Raises:
        FormatError: the file is no such list, or the photos are not there.
    """
    path = Path(path)
    fixed_skeleton(path, "AI Challenger", AIC_14, skeleton)
    builder = DocumentBuilder(path, AIC_14, Ledger(), images)
    entries: dict[str, list[tuple[list[Number], list[Number] | None]]] = {}
    for i, row in enumerate(items(load_json(path), str(path))):
        where = f"{path}: [{i}]"
        entry = mapping(row, where)
        name = text(part(entry, "image_id"), f"{where}: image_id") + ".jpg"
        if name in entries:
            raise FormatError(f"{where}: image_id {name[:-4]!r} stands twice, expected one entry an image")
        entries[name] = _people(entry, where)
    ids = builder.photos(list(entries))
    for name, people in entries.items():
        for keypoints, box in people:
            if name in ids:
                builder.person(ids[name], keypoints, box)
    return builder.finish()


def write_aic(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the people of a document as AI Challenger's list; returns what it cannot hold."""
    ledger = Ledger()
    crew = people_of(document, ledger)
    convert = converter(crew.skeleton, AIC_14, ledger, document.source)
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for photo in crew.photos:
        ledger.say("image sizes were left out")
        key = str(PurePosixPath(photo.name).with_suffix(""))
        if key in seen:
            raise FormatError(
                f"{document.source}: {seen[key]} and {photo.name} have the same image_id {key!r}, expected one"
            )
        seen[key] = photo.name
        if not photo.name.endswith(".jpg"):
            ledger.add("{n} photo{s} lost the end of the name, which readers take to be .jpg", photo.name)
        keypoints, boxes = {}, {}
        for n, person in enumerate(photo.people, start=1):
            flat: list[Number] = []
            for x, y, v in joints_of(convert(person)):
                flat += (x, y, _TO_THEIRS[v])
            keypoints[f"human{n}"] = flat
            x, y, w, h = person.box
            boxes[f"human{n}"] = [x, y, x + w, y + h]
        rows.append({"image_id": key, "keypoint_annotations": keypoints, "human_annotations": boxes})
    save_json(out, rows)
    return ledger.notes()


def _people(entry: dict[str, Any], where: str) -> list[tuple[list[Number], list[Number] | None]]:
    people = mapping(part(entry, "keypoint_annotations"), f"{where}: keypoint_annotations")
    boxes = mapping(entry.get("human_annotations") or {}, f"{where}: human_annotations")
    found: list[tuple[list[Number], list[Number] | None]] = []
    for name, values in people.items():
        at = f"{where}: {name}"
        flat = list(numbers(values, at, 3 * len(AIC_14)))
        for k in range(2, len(flat), 3):
            if flat[k] not in _FROM_THEIRS:
                raise FormatError(f"{at}[{k}]: visibility is {show(flat[k])}, expected 1, 2 or 3")
            flat[k] = _FROM_THEIRS[int(flat[k])]
        box: list[Number] | None = None
        if name in boxes:
            x1, y1, x2, y2 = numbers(boxes[name], f"{at}: box", 4)
            box = [x1, y1, x2 - x1, y2 - y1]
        found.append((flat, box))
    return found
