"""V7 Darwin JSON 2.0: a folder with one file an image.

    {"version": "2.0", "item": {"name", "path", "slots": [{"slot_name", "width", "height", ...}]},
     "annotations": [{"name": "person", "bounding_box": {"x", "y", "w", "h"},
                      "skeleton": {"nodes": [{"name", "x", "y", "occluded"}]}, "slot_names": ["0"]}]}

A node is a labelled joint: occluded is v = 1, otherwise v = 2; a joint without a node has v = 0.

Source: docs.v7labs.com/reference/darwin-json and the schema of darwin-py.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.building import DocumentBuilder, Number, named_skeleton
from labeltool.formats.checked import items, load_json, mapping, number, part, save_json, text
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.output import folder_output, side_file
from labeltool.formats.people import Person, Photo, joints_of, people_of
from labeltool.skeleton import Skeleton

_SCHEMA = "https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json"


def read_darwin(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A folder of Darwin files, or one of them, as a document.

    The joints are those that the files name, in the order in which they come up, or those of a skeleton that has just these.

    Raises:
        FormatError: a file is no Darwin JSON 2.0, or there is none.
    """
    path = Path(path)
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON files here, expected Darwin's, one an image")
    ledger = Ledger()
    read: list[tuple[str, Any, Any, list[tuple[dict[str, Any], str]]]] = []
    names: dict[str, None] = {}
    for file in files:
        name, width, height, annotations = _read_item(file, ledger)
        read.append((name, width, height, annotations))
        for annotation, where in annotations:
            for n, node in enumerate(items(part(annotation["skeleton"], "nodes"), f"{where}: nodes")):
                at = f"{where}: nodes[{n}]"
                names[text(part(mapping(node, at), "name"), f"{at}: name")] = None
    if not names and skeleton is None:
        raise FormatError(f"{path}: no skeleton annotation names a joint, expected one (or --skeleton)")
    own = named_skeleton(list(names), [], skeleton, path)
    builder = DocumentBuilder(path, own, ledger, images)
    for name, width, height, annotations in read:
        image = builder.image(name, width, height)
        for annotation, where in annotations:
            keypoints = _keypoints(annotation["skeleton"]["nodes"], own, where)
            builder.person(image, keypoints, _box(annotation.get("bounding_box"), where))
    return builder.finish(images)


def write_darwin(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes a folder of Darwin files, one an image; returns what they cannot hold."""
    ledger = Ledger()
    crew = people_of(document, ledger)
    never = set(crew.skeleton.joints)
    written: dict[PurePosixPath, str] = {}
    with folder_output(out) as folder:
        for photo in crew.photos:
            place = side_file(photo.name, ".json")
            if place in written:
                raise FormatError(
                    f"{document.source}: {written[place]} and {photo.name} would both be {place}, expected one"
                )
            written[place] = photo.name
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            save_json(target, _item(photo, crew.category, crew.skeleton))
            for person in photo.people:
                never -= {j for j, v in zip(crew.skeleton.joints, person.keypoints[2::3], strict=True) if v}
    if never:
        ledger.say(
            f"joints that nobody has labelled were left out: {', '.join(sorted(never, key=crew.skeleton.index))}"
        )
    ledger.say("joint order and limbs were left out: Darwin keeps them in the annotation class")
    return ledger.notes()


def _item(photo: Photo, category: str, skeleton: Skeleton) -> dict[str, Any]:
    place = PurePosixPath(photo.name.replace("\\", "/"))
    return {
        "version": "2.0",
        "schema_ref": _SCHEMA,
        "item": {
            "name": place.name,
            "path": "/" + ("" if str(place.parent) == "." else str(place.parent)),
            "slots": [
                {
                    "type": "image",
                    "slot_name": "0",
                    "width": photo.image["width"],
                    "height": photo.image["height"],
                    "source_files": [{"file_name": place.name}],
                }
            ],
        },
        "annotations": [_annotation(person, category, skeleton) for person in photo.people],
    }


def _annotation(person: Person, category: str, skeleton: Skeleton) -> dict[str, Any]:
    x, y, w, h = person.box
    nodes = [
        {"name": joint, "occluded": v == 1, "x": jx, "y": jy}
        for joint, (jx, jy, v) in zip(skeleton.joints, joints_of(person.keypoints), strict=True)
        if v
    ]
    return {
        "id": f"00000000-0000-4000-8000-{person.id % 10**12:012d}",
        "name": category,
        "bounding_box": {"x": x, "y": y, "w": w, "h": h},
        "skeleton": {"nodes": nodes},
        "slot_names": ["0"],
    }


def _read_item(file: Path, ledger: Ledger) -> tuple[str, Any, Any, list[tuple[dict[str, Any], str]]]:
    """The photo's name and size, and the skeleton annotations with their places."""
    data = mapping(load_json(file), str(file))
    version = data.get("version")
    if version != "2.0":
        raise FormatError(f"{file}: version is {version!r}, expected Darwin JSON '2.0'")
    item = mapping(part(data, "item"), f"{file}: item")
    folder = str(item.get("path") or "/").strip("/")
    name = text(part(item, "name"), f"{file}: item.name")
    slots = items(part(item, "slots"), f"{file}: item.slots")
    if len(slots) != 1:
        raise FormatError(f"{file}: item has {len(slots)} slots, expected one image")
    slot = mapping(slots[0], f"{file}: item.slots[0]")
    people: list[tuple[dict[str, Any], str]] = []
    for i, row in enumerate(items(part(data, "annotations"), f"{file}: annotations")):
        where = f"{file}: annotations[{i}]"
        annotation = mapping(row, where)
        if "frames" in annotation:
            raise FormatError(f"{where}: is a video annotation, expected images")
        if "skeleton" not in annotation:
            ledger.add("{n} annotation{s} without a skeleton were left out", f"{file.name} [{i}]")
            continue
        mapping(annotation["skeleton"], f"{where}: skeleton")
        people.append((annotation, where))
    return f"{folder}/{name}" if folder else name, slot.get("width"), slot.get("height"), people


def _keypoints(nodes: list[Any], skeleton: Skeleton, where: str) -> list[Number]:
    keypoints: list[Number] = [0] * (3 * len(skeleton))
    seen: set[str] = set()
    for n, node in enumerate(nodes):
        at = f"{where}: nodes[{n}]"
        joint = node["name"]
        if joint in seen:
            raise FormatError(f"{at}: joint {joint!r} stands twice")
        seen.add(joint)
        k = 3 * skeleton.index(joint)
        x, y = (number(part(node, axis), f"{at}: {axis}") for axis in "xy")
        keypoints[k : k + 3] = (x, y, 1 if node.get("occluded") else 2)
    return keypoints


def _box(value: Any, where: str) -> list[Number] | None:
    if value is None:
        return None
    box = mapping(value, f"{where}: bounding_box")
    return [number(part(box, key), f"{where}: bounding_box.{key}") for key in ("x", "y", "w", "h")]
