"""CVAT XML 1.1 "for images": skeletons, with boxes tied to them by `group_id`.

    <image id name width height>
      <skeleton label="person" z_order="0" group_id="1">
        <points label="nose" outside="0" occluded="0" points="x,y"/> ...
      </skeleton>
      <box label="person" xtl ytl xbr ybr group_id="1"/>
    </image>

outside="1" is v = 0, occluded="1" is v = 1, neither is v = 2. A CVAT skeleton has no box of its own.

Source: docs.cvat.ai XML annotation format; dump_as_cvat_annotation of cvat/apps/dataset_manager/formats/cvat.py.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.building import DocumentBuilder, Number, named_skeleton
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.output import write_text
from labeltool.formats.people import Person, joints_of, people_of
from labeltool.formats.safexml import load_xml
from labeltool.skeleton import Skeleton

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def read_cvat(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """CVAT's skeletons as a document; a person's box is the one of the same group, or else that of the joints.

    Joints are in the order of the label's elements in the file's `meta`, or in that in which they come up.

    Raises:
        FormatError: the file is no CVAT XML for images, or a skeleton is damaged.
    """
    path = Path(path)
    root = load_xml(path)
    if root.tag != "annotations":
        raise FormatError(f"{path}: the root element is {root.tag!r}, expected CVAT's 'annotations'")
    if root.find("track") is not None:
        raise FormatError(f"{path}: holds tracks of a video, expected CVAT XML for images")
    ledger = Ledger()
    joints, limbs = _joints(root)
    if not joints:
        raise FormatError(f"{path}: no skeleton here, expected elements <skeleton> with <points>")
    builder = DocumentBuilder(path, named_skeleton(joints, limbs, skeleton, path), ledger, images)
    for image in root.iter("image"):
        name = _attribute(image, "name", str(path))
        where = f"{path}: image {name!r}"
        number = builder.image(name, _whole(image, "width", where), _whole(image, "height", where))
        _add_people(image, number, builder, where)
    return builder.finish(images)


def write_cvat(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes the people of a document as CVAT XML 1.1; returns what it cannot hold."""
    ledger = Ledger()
    crew = people_of(document, ledger)
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    _write_meta(root, crew.category, crew.skeleton, len(crew.photos))
    for n, photo in enumerate(crew.photos):
        size = {"width": str(photo.image["width"]), "height": str(photo.image["height"])}
        image = ET.SubElement(root, "image", {"id": str(n), "name": photo.name, **size})
        for group, person in enumerate(photo.people, start=1):
            _write_person(image, person, group, crew.category, crew.skeleton)
    try:
        text = ET.tostring(root, encoding="unicode")
        _check_characters(text, out)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{out}: not written: {error}") from None
    write_text(out, '<?xml version="1.0" encoding="utf-8"?>\n' + text + "\n")
    return ledger.notes()


def _joints(root: ET.Element) -> tuple[list[str], list[tuple[str, str]]]:
    """The joints' names in the order of the meta's label elements and then as they come up, and the limbs."""
    used = {name for s in root.iter("skeleton") for p in s.iter("points") if (name := p.get("label"))}
    names: dict[str, None] = {}
    limbs: list[tuple[str, str]] = []
    for label in root.iter("label"):
        name, parent = label.findtext("name"), label.findtext("parent")
        if name and parent and (name in used or not used):
            names[name] = None
        svg = label.findtext("svg")
        if svg:
            limbs += _limbs(svg)
    for skeleton in root.iter("skeleton"):
        for points in skeleton.iter("points"):
            if points.get("label"):
                names[points.get("label", "")] = None
    return list(names), [pair for pair in limbs if names.keys() >= set(pair)]


def _limbs(svg: str) -> list[tuple[str, str]]:
    """The limbs that a label's svg draws: lines between numbered nodes, whose circles name the joints."""
    nodes: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for tag in re.findall(r"<(?:circle|line)\b[^<>]*>", svg):
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "data-node-id" in found and "data-label-name" in found:
            nodes[found["data-node-id"]] = found["data-label-name"]
        elif "data-node-from" in found and "data-node-to" in found:
            pairs.append((found["data-node-from"], found["data-node-to"]))
    return [(nodes[a], nodes[b]) for a, b in pairs if a in nodes and b in nodes and a != b]


def _add_people(image: ET.Element, number: int, builder: DocumentBuilder, where: str) -> None:
    groups: dict[str, ET.Element] = {}
    for box in image.findall("box"):
        group = box.get("group_id")
        if group and group not in groups:
            groups[group] = box
        else:
            builder.ledger.add("{n} boxes that belong to no skeleton were left out", f"{image.get('name')}")
    for n, skeleton in enumerate(image.findall("skeleton"), start=1):
        at = f"{where}, skeleton {n}"
        if skeleton.find("attribute") is not None:
            builder.ledger.add("the attributes of {n} skeleton{s} were left out", f"{image.get('name')} {n}")
        group = skeleton.get("group_id", "")
        sides = _box(groups.pop(group), at) if group in groups else None
        builder.person(number, _keypoints(skeleton, builder.skeleton, at), sides)
    for _ in groups:
        builder.ledger.add("{n} boxes that belong to no skeleton were left out", f"{image.get('name')}")
    for kind in ("polygon", "polyline", "points", "mask", "cuboid", "ellipse", "tag"):
        for _ in image.findall(kind):
            builder.ledger.add(f"{{n}} {kind} annotation{{s}} were left out", f"{image.get('name')}")


def _keypoints(element: ET.Element, skeleton: Skeleton, where: str) -> list[Number]:
    keypoints: list[Number] = [0] * (3 * len(skeleton))
    seen: set[str] = set()
    for points in element.findall("points"):
        joint = _attribute(points, "label", where)
        if joint in seen:
            raise FormatError(f"{where}: joint {joint!r} stands twice")
        seen.add(joint)
        if points.get("outside") == "1":
            continue
        parts = _attribute(points, "points", f"{where}, {joint}").split(",")
        if len(parts) != 2:
            raise FormatError(f"{where}, {joint}: points is {','.join(parts)[:60]!r}, expected 'x,y'")
        x, y = (_number(part, f"{where}, {joint}: points") for part in parts)
        k = 3 * skeleton.index(joint)
        keypoints[k : k + 3] = (x, y, 1 if points.get("occluded") == "1" else 2)
    return keypoints


def _box(element: ET.Element, where: str) -> list[Number]:
    left, top, right, bottom = (
        _number(_attribute(element, key, where), f"{where}: {key}") for key in ("xtl", "ytl", "xbr", "ybr")
    )
    return [left, top, right - left, bottom - top]


def _write_meta(root: ET.Element, category: str, skeleton: Skeleton, size: int) -> None:
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "size").text = str(size)
    ET.SubElement(task, "mode").text = "annotation"
    labels = ET.SubElement(task, "labels")
    label = ET.SubElement(labels, "label")
    for name, value in (("name", category), ("type", "skeleton"), ("attributes", None), ("svg", _svg(skeleton))):
        ET.SubElement(label, name).text = value
    for joint in skeleton.joints:
        element = ET.SubElement(labels, "label")
        for name, value in (("name", joint), ("type", "points"), ("attributes", None), ("parent", category)):
            ET.SubElement(element, name).text = value


def _svg(skeleton: Skeleton) -> str:
    """The drawing that CVAT's label editor needs: a node a joint, on a ring, and a line a limb."""
    from xml.sax.saxutils import quoteattr

    count = len(skeleton)
    places = [
        (50 + 40 * math.sin(2 * math.pi * k / count), 50 - 40 * math.cos(2 * math.pi * k / count)) for k in range(count)
    ]
    lines = [
        f'<line x1="{places[a][0]:.2f}" y1="{places[a][1]:.2f}" x2="{places[b][0]:.2f}" y2="{places[b][1]:.2f}" '
        f'data-type="edge" data-node-from="{a + 1}" data-node-to="{b + 1}"></line>'
        for a, b in skeleton.limb_indices()
    ]
    circles = [
        f'<circle r="1.5" cx="{x:.2f}" cy="{y:.2f}" data-type="element node" data-element-id="{k}" data-node-id="{k}" '
        f"data-label-name={quoteattr(joint)}></circle>"
        for k, ((x, y), joint) in enumerate(zip(places, skeleton.joints, strict=True), start=1)
    ]
    return "".join(lines + circles)


def _write_person(image: ET.Element, person: Person, group: int, category: str, skeleton: Skeleton) -> None:
    x, y, w, h = person.box
    shared = {"label": category, "source": "manual"}
    element = ET.SubElement(image, "skeleton", {**shared, "z_order": "0", "group_id": str(group)})
    for joint, (jx, jy, v) in zip(skeleton.joints, joints_of(person.keypoints), strict=True):
        ET.SubElement(
            element,
            "points",
            {
                "label": joint,
                "source": "manual",
                "outside": "0" if v else "1",
                "occluded": "1" if v == 1 else "0",
                "points": f"{jx!r},{jy!r}",
            },
        )
    sides = {"xtl": repr(x), "ytl": repr(y), "xbr": repr(x + w), "ybr": repr(y + h)}
    ET.SubElement(image, "box", {**shared, "occluded": "0", **sides, "z_order": "0", "group_id": str(group)})


def _check_characters(text: str, out: Path) -> None:
    found = _NOT_XML.search(text)
    if found is not None:
        raise FormatError(f"{out}: not written: a name holds {found.group()!r}, which XML cannot hold")


def _attribute(element: ET.Element, name: str, where: str) -> str:
    value = element.get(name)
    if not value:
        raise FormatError(f"{where}: <{element.tag}> has no {name}")
    return value


def _whole(element: ET.Element, name: str, where: str) -> Any:
    value = _attribute(element, name, where)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value


def _number(text: str, where: str) -> Number:
    try:
        value = float(text)
    except ValueError:
        raise FormatError(f"{where}: is {text[:60]!r}, expected a number") from None
    if not math.isfinite(value):
        raise FormatError(f"{where}: is {text!r}, expected a finite number")
    return int(value) if "." not in text and "e" not in text.lower() else value
