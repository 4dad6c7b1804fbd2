"""Label Studio JSON: a list of tasks, with a rectangle a person and a keypoint region a joint.

    {"data": {"image"}, "annotations": [{"result": [
        {"id": "p1", "type": "rectanglelabels", "original_width", "original_height",
         "value": {"x", "y", "width", "height", "rotation": 0, "rectanglelabels": ["person"]}},
        {"id": "p1-nose", "parentID": "p1", "type": "keypointlabels", "value": {"x", "y", "width", "keypointlabels": ["nose"]}},
        {"id": "p1-nose", "type": "choices", "from_name": "visibility", "value": {"choices": ["hidden"]}}]}]}

Positions are percentages of the image. Label Studio has no visibility: a choice for the region (perRegion in the labelling
configuration) says `hidden` where v = 1. A keypoint belongs to the person that its `parentID` or a relation names; without
either, to the only rectangle of the image, or the only one that it lies in.

Source: labelstud.io/guide/task_format and the tags RectangleLabels, KeyPointLabels and Choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.building import DocumentBuilder, Number, named_skeleton
from labeltool.formats.checked import items, load_json, mapping, number, part, save_json, text
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import Person, Photo, joints_of, people_of
from labeltool.skeleton import Skeleton

_DIGITS = 9
_HIDDEN = "hidden"


class _Task:
    """One task's regions, sorted by what they are."""

    def __init__(self, name: str, size: tuple[Any, Any] | None, result: list[dict[str, Any]], where: str) -> None:
        self.name = name
        self.size = size
        self.where = where
        self.boxes: dict[str, dict[str, Any]] = {}
        self.points: list[dict[str, Any]] = []
        self.hidden: set[str] = set()
        self.parents: dict[str, str] = {}
        self.others = 0
        for i, region in enumerate(result):
            self._sort(region, f"{where}: result[{i}]")

    def _sort(self, region: dict[str, Any], where: str) -> None:
        kind = region.get("type")
        if kind in ("rectanglelabels", "rectangle"):
            self.boxes[text(part(region, "id"), f"{where}: id")] = region
        elif kind == "keypointlabels":
            self.points.append(region)
        elif kind == "choices":
            value = mapping(part(region, "value"), f"{where}: value")
            if _HIDDEN in items(part(value, "choices"), f"{where}: choices"):
                self.hidden.add(str(region.get("id")))
        elif kind == "relation":
            self.parents[str(region.get("from_id"))] = str(region.get("to_id"))
            self.parents.setdefault(str(region.get("to_id")), str(region.get("from_id")))
        else:
            self.others += 1


def read_label_studio(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """Label Studio's tasks as a document; of several annotations of a task the last one that was not cancelled.

    Raises:
        FormatError: the file is no such list, or the photos of tasks without regions are not there.
    """
    path = Path(path)
    ledger = Ledger()
    tasks = [
        _read_task(mapping(task, f"{path}: [{i}]"), f"{path}: [{i}]", ledger)
        for i, task in enumerate(items(load_json(path), str(path)))
    ]
    names: dict[str, None] = {}
    for task in tasks:
        for point in task.points:
            names[_label(point, "keypointlabels", task.where)] = None
    if not names and skeleton is None:
        raise FormatError(f"{path}: no keypointlabels here, expected some (or --skeleton)")
    builder = DocumentBuilder(path, named_skeleton(list(names), [], skeleton, path), ledger, images)
    seen: dict[str, str] = {}
    for task in tasks:
        if task.name in seen:
            raise FormatError(
                f"{task.where}: the photo {task.name!r} is also that of {seen[task.name]}, expected one task"
            )
        seen[task.name] = task.where
        if task.size is None:
            ids = builder.photos([task.name])
            if task.name in ids:
                _add_people(task, ids[task.name], builder)
        else:
            _add_people(task, builder.image(task.name, *task.size), builder)
    return builder.finish(images)


def write_label_studio(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes a document as Label Studio tasks; returns what they cannot hold."""
    ledger = Ledger()
    crew = people_of(document, ledger)
    labelled: set[str] = set()
    tasks = []
    for n, photo in enumerate(crew.photos, start=1):
        width, height = photo.image["width"], photo.image["height"]
        regions = [r for person in photo.people for r in _regions(photo, person, crew.category, crew.skeleton)]
        for person in photo.people:
            labelled |= {j for j, v in zip(crew.skeleton.joints, person.keypoints[2::3], strict=True) if v}
        data = {"image": photo.name, "width": width, "height": height}
        tasks.append({"id": n, "data": data, "annotations": [{"id": n, "result": regions}]})
    never = [joint for joint in crew.skeleton.joints if joint not in labelled]
    if never:
        ledger.say(f"joints that nobody has labelled were left out: {', '.join(never)}")
    ledger.say("joint order and limbs were left out: Label Studio has no skeletons")
    save_json(out, tasks)
    return ledger.notes()


def _regions(photo: Photo, person: Person, category: str, skeleton: Skeleton) -> list[dict[str, Any]]:
    width, height = photo.image["width"], photo.image["height"]
    size = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}
    name = f"p{person.id}"
    x, y, w, h = person.box
    box = {"x": 100 * x / width, "y": 100 * y / height, "width": 100 * w / width, "height": 100 * h / height}
    regions: list[dict[str, Any]] = [
        {
            "id": name,
            "type": "rectanglelabels",
            "from_name": "box",
            **size,
            "value": {**box, "rotation": 0, "rectanglelabels": [category]},
        }
    ]
    for k, (joint, (jx, jy, v)) in enumerate(zip(skeleton.joints, joints_of(person.keypoints), strict=True)):
        if not v:
            continue
        point = {"x": 100 * jx / width, "y": 100 * jy / height, "width": 0.5}
        own = {"id": f"{name}-{k}", **size}
        value = {**point, "keypointlabels": [joint]}
        regions.append({**own, "parentID": name, "type": "keypointlabels", "from_name": "joint", "value": value})
        if v == 1:
            choice = {**point, "choices": [_HIDDEN]}
            regions.append({**own, "type": "choices", "from_name": "visibility", "value": choice})
    return regions


def _read_task(task: dict[str, Any], where: str, ledger: Ledger) -> _Task:
    data = mapping(part(task, "data"), f"{where}: data")
    name = _photo_name(text(part(data, "image"), f"{where}: data.image"))
    annotations = [
        mapping(a, f"{where}: annotations[{i}]")
        for i, a in enumerate(items(task.get("annotations") or [], f"{where}: annotations"))
    ]
    valid = [a for a in annotations if not a.get("was_cancelled")]
    if len(valid) < len(annotations):
        ledger.add("{n} task{s} have cancelled annotations, which were left out", name)
    if len(valid) > 1:
        ledger.add("{n} task{s} have several annotations, of which the last was taken", name)
    if task.get("predictions"):
        ledger.add("the predictions of {n} task{s} were left out", name)
    rows = items(part(valid[-1], "result"), f"{where}: result") if valid else []
    result = [mapping(row, f"{where}: result[{i}]") for i, row in enumerate(rows)]
    sizes = [
        (r["original_width"], r["original_height"]) for r in result if "original_width" in r and "original_height" in r
    ]
    size = sizes[0] if sizes else (data["width"], data["height"]) if "width" in data and "height" in data else None
    read = _Task(name, size, result, where)
    if any(r.get("image_rotation") for r in result):
        raise FormatError(f"{where}: the photo is shown rotated (image_rotation), expected the photo as it is")
    if read.others:
        ledger.add("other regions than rectangles and keypoints in {n} task{s} were left out", name)
    return read


def _add_people(task: _Task, image: int, builder: DocumentBuilder) -> None:
    width, height = builder.size(image)
    boxes: dict[str, list[Number]] = {}
    for key, region in task.boxes.items():
        value = mapping(part(region, "value"), f"{task.where}: {key}: value")
        if value.get("rotation"):
            builder.ledger.add("the rotation of {n} boxes was left out", f"{task.name} {key}")
        x, y, w, h = (
            number(part(value, side), f"{task.where}: {key}: {side}") for side in ("x", "y", "width", "height")
        )
        boxes[key] = [
            round(part_ * side / 100, _DIGITS) for part_, side in zip((x, y, w, h), (width, height) * 2, strict=True)
        ]
    joints: dict[str, list[Number]] = {key: [0] * (3 * len(builder.skeleton)) for key in boxes}
    for point in task.points:
        value = mapping(part(point, "value"), f"{task.where}: value")
        joint = _label(point, "keypointlabels", task.where)
        x, y = (
            round(number(part(value, axis), f"{task.where}: {joint}: {axis}") * side / 100, _DIGITS)
            for axis, side in (("x", width), ("y", height))
        )
        owner = _owner(point, (x, y), task, boxes)
        if owner is None:
            builder.ledger.add("{n} keypoint{s} that belong to no one person were left out", f"{task.name} {joint}")
            continue
        k = 3 * builder.skeleton.index(joint)
        if joints[owner][k + 2]:
            builder.ledger.add("{n} keypoint{s} that a person has twice were left out", f"{task.name} {joint}")
            continue
        joints[owner][k : k + 3] = (x, y, 1 if str(point.get("id")) in task.hidden else 2)
    for key, box in boxes.items():
        builder.person(image, joints[key], box)


def _owner(
    point: Mapping[str, Any], at: tuple[Number, Number], task: _Task, boxes: Mapping[str, list[Number]]
) -> str | None:
    """The person that a keypoint belongs to, or None."""
    for named in (point.get("parentID"), task.parents.get(str(point.get("id")))):
        if isinstance(named, str) and named in boxes:
            return named
    if len(boxes) == 1:
        return next(iter(boxes))
    around = [k for k, (x, y, w, h) in boxes.items() if x <= at[0] <= x + w and y <= at[1] <= y + h]
    return around[0] if len(around) == 1 else None


def _label(region: Mapping[str, Any], kind: str, where: str) -> str:
    value = mapping(region.get("value"), f"{where}: value")
    labels = items(value.get(kind), f"{where}: {kind}", 1)
    return text(labels[0], f"{where}: {kind}[0]")


def _photo_name(source: str) -> str:
    """The photo's name in a task's `image`: the path that a local-files link names, the last part of a link, or all of it."""
    try:
        split = urlsplit(source)
    except ValueError:
        return source
    if split.path.startswith("/data/local-files"):
        found = parse_qs(split.query).get("d")
        if found:
            return found[0].lstrip("/")
    if "://" in source or source.startswith("/"):
        return unquote(split.path).rstrip("/").rsplit("/", 1)[-1] or source
    return source
