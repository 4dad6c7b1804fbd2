"""A labelled FiftyOne data set as labels to import: its keypoints by joint name, in pixels, with the boxes beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.coco.derive import BOX_AREA_FACTOR, box_from_joints
from labeltool.coco.document import CocoDocument
from labeltool.errors import ExploreError, FormatError, PhotoError
from labeltool.explore import engine
from labeltool.explore.fields import BOXES, TRUTH
from labeltool.explore.mapping import to_box, to_keypoints
from labeltool.formats.imported import Imported, note
from labeltool.images import upright_size
from labeltool.skeleton import Skeleton, convert, define

#: Attributes by which a box and the joints of one person find each other, the first that both have.
_NUMBERS = ("annotation_id", "coco_id", "index")

#: The label of boxes without joints that are people.
PERSON = "person"

#: Attributes that are the person's number in a COCO file.
_COCO_NUMBERS = ("annotation_id", "coco_id")


@dataclass
class _Notes:
    """What could not be taken as it was, each with its places."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, where: str) -> None:
        self.found.setdefault(text, []).append(where)

    def lines(self) -> tuple[str, ...]:
        return tuple(note(text, places) for text, places in self.found.items())


def read_fiftyone(name: str, image_root: Path, skeleton: Skeleton, keypoints: str | None = None) -> Imported:
    """The labels of a FiftyOne data set, for a project of a skeleton.

    - **Which keypoints**: the field named; else `ground_truth`, else the only field of keypoints.
    - **Joints** are known by the names in the field's skeleton, or the data set's default one. Joints that the project lacks are
      left out; those that the data set lacks are not labelled. Without names there must be as many points as the project has
      joints, in its order.
    - **v** is the attribute `visible`; without it, 2 wherever there is a point.
    - **Boxes** are the detections of the same number (`annotation_id`, `coco_id` or `index`), in `boxes` or the only field of
      detections whose boxes have numbers; else the joints' own box.
    - **Photos** below `image_root` go by their path there; another one by the longest end of its path that is a file there.
    - **Boxes without joints** of the label `person` are people without labels.
    - **Left out**, each with a note: crowd regions, photos that the project's folder does not hold. Boxes of other labels, too.

    Args:
        name: of the data set.
        image_root: the folder that the project's photos lie in.
        skeleton: the project's joints.
        keypoints: the field of keypoints, or None.

    Raises:
        ExploreError: no FiftyOne, no such data set or field, or no choice between several.
        FormatError: keypoints that do not fit the joints.
    """
    dataset = engine.find_dataset(name)
    schema = dataset.get_field_schema()
    chosen = _keypoint_field(dataset, schema, keypoints)
    names = _joints(dataset, chosen)
    notes = _Notes()
    source = skeleton if names is None else define("fiftyone", names, ())
    order = convert(source, skeleton)
    if not order.pairs:
        raise FormatError(
            f"FiftyOne {name!r}: {chosen} has the joints {', '.join(source.joints)}, "
            f"expected some of {', '.join(skeleton.joints)}"
        )
    for joint in order.dropped:
        notes.add("{n} joint{s} that the project lacks left out", joint)
    boxes = _box_field(dataset, schema)
    reader = _Reader(name, Path(image_root).resolve(), skeleton, source, order.indices(), chosen, boxes, notes)
    wanted = [chosen] if boxes is None else [chosen, boxes]
    for sample in dataset.select_fields(["metadata", *wanted]).iter_samples():
        reader.take(sample)
    if not reader.images:
        raise FormatError(f"FiftyOne {name!r}: none of its photos lies in {image_root}, expected the project's photos")
    data = {"images": reader.images, "annotations": reader.annotations(), "categories": [skeleton.to_category()]}
    return Imported(CocoDocument(data, f"FiftyOne {name!r}"), Path(image_root), skeleton, notes.lines(), {})


class _Reader:
    """Samples one after the other as COCO images and annotations."""

    def __init__(
        self,
        name: str,
        root: Path,
        skeleton: Skeleton,
        source: Skeleton,
        order: Any,
        keypoints: str,
        boxes: str | None,
        notes: _Notes,
    ) -> None:
        self.name, self.root, self.skeleton, self.source = name, root, skeleton, source
        self.order, self.keypoints, self.boxes, self.notes = order, keypoints, boxes, notes
        self.images: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []
        self._ids: set[int] = set()

    def take(self, sample: Any) -> None:
        """Reads a sample."""
        path = Path(sample.filepath)
        file_name = self._file_name(path)
        if file_name is None:
            self.notes.add("{n} photo{s} that the project's folder does not hold left out", str(path))
            return
        size = self._size(sample, file_name)
        if size is None:
            self.notes.add("{n} photo{s} that cannot be read left out", file_name)
            return
        image = {"id": len(self.images) + 1, "file_name": file_name, "width": size[0], "height": size[1]}
        self.images.append(image)
        labels = sample[self.keypoints]
        people = [] if labels is None else labels.keypoints
        found = None if self.boxes is None else sample[self.boxes]
        boxes = _by_number([] if found is None else found.detections)
        for person in people:
            self._person(person, image, boxes)
        for box in {id(box): box for box in boxes.values()}.values():
            self._box_alone(box, image)

    def annotations(self) -> list[dict[str, Any]]:
        """The people; whoever came without a number has one above all others."""
        following = max(self._ids, default=0) + 1
        for annotation in self._found:
            if annotation["id"] is None:
                annotation["id"] = following
                following += 1
        return self._found

    def _person(self, person: Any, image: Mapping[str, Any], boxes: dict[tuple[str, int], Any]) -> None:
        width, height, file_name = image["width"], image["height"], image["file_name"]
        if _get(person, "iscrowd"):
            self._box(person, [[0, 0, 0]], image, boxes)
            self.notes.add("{n} crowd region{s} left out", file_name)
            return
        where = f"FiftyOne {self.name!r}, {file_name}, {self.keypoints} {person.id}"
        if len(person.points) != len(self.source):
            raise FormatError(f"{where}: {len(person.points)} points, expected {len(self.source)}, one for each joint")
        flat = to_keypoints(person.points, _get(person, "visible"), width, height, where)
        triples = [flat[3 * place : 3 * place + 3] if place >= 0 else [0, 0, 0] for place in self.order.tolist()]
        box, given = self._box(person, triples, image, boxes)
        if box is None:
            self.notes.add("{n} people with neither joints nor box left out", file_name)
            return
        area = _get(person, "area")
        self._add(
            person, image, [value for triple in triples for value in triple], box, given if area is None else area
        )

    def _box_alone(self, box: Any, image: Mapping[str, Any]) -> None:
        """A person whom nobody has labelled; crowds and other things are left out."""
        if _get(box, "iscrowd"):
            self.notes.add("{n} crowd region{s} left out", image["file_name"])
        elif box.label == PERSON:
            sides = to_box(box.bounding_box, image["width"], image["height"])
            self._add(box, image, [0] * (3 * len(self.skeleton)), sides, _get(box, "area"))

    def _add(
        self, label: Any, image: Mapping[str, Any], flat: list[float], box: list[float], area: float | None
    ) -> None:
        self._found.append(
            {
                "id": self._number(label, image["file_name"]),
                "image_id": image["id"],
                "category_id": 1,
                "keypoints": flat,
                "num_keypoints": sum(v > 0 for v in flat[2::3]),
                "bbox": box,
                "area": BOX_AREA_FACTOR * box[2] * box[3] if area is None else area,
                "iscrowd": 0,
            }
        )

    def _box(
        self,
        person: Any,
        triples: Sequence[Sequence[float]],
        image: Mapping[str, Any],
        boxes: dict[tuple[str, int], Any],
    ) -> tuple[list[float] | None, float | None]:
        """The box of a person, which is taken from the boxes that are left, and the area that stands there."""
        keys = [(name, value) for name in _NUMBERS if (value := _get(person, name)) is not None]
        found = next((boxes[key] for key in keys if key in boxes), None)
        if found is not None:
            for key in [key for key, box in boxes.items() if box is found]:
                del boxes[key]
            return to_box(found.bounding_box, image["width"], image["height"]), _get(found, "area")
        table = np.array(triples, dtype=np.float64)
        box = box_from_joints(table[:, :2], table[:, 2], image["width"], image["height"])
        if box is not None:
            self.notes.add("{n} people without a box have that of their joints", image["file_name"])
        return box, None

    def _number(self, label: Any, file_name: str) -> int | None:
        number = next((value for name in _COCO_NUMBERS if (value := _get(label, name)) is not None), None)
        if number is None:
            return None
        if type(number) is not int or number in self._ids:
            self.notes.add("{n} people whose number stands twice have a new one", file_name)
            return None
        self._ids.add(number)
        return number

    def _file_name(self, path: Path) -> str | None:
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except ValueError:
            pass
        for start in range(1, len(path.parts)):
            end = Path(*path.parts[start:])
            if (self.root / end).is_file():
                return end.as_posix().replace(os.sep, "/")
        return None

    def _size(self, sample: Any, file_name: str) -> tuple[int, int] | None:
        """Of the upright photo: FiftyOne may have looked at the sides without looking at how the photo is turned."""
        try:
            return upright_size(self.root / file_name)
        except PhotoError:
            about = sample.metadata
            width, height = getattr(about, "width", None), getattr(about, "height", None)
            return (width, height) if width and height else None


def _keypoint_field(dataset: Any, schema: Mapping[str, Any], asked: str | None) -> str:
    found = _fields_of(schema, "Keypoints")
    if asked is not None:
        if asked not in found:
            raise ExploreError(
                f"FiftyOne {dataset.name!r}: no keypoints in {asked!r}, expected one of {', '.join(found) or 'none'}"
            )
        return asked
    if TRUTH in found:
        return TRUTH
    if len(found) != 1:
        listed = f"keypoints in {', '.join(found)}: say which by --field" if found else "no field of keypoints"
        raise ExploreError(f"FiftyOne {dataset.name!r}: {listed}")
    return found[0]


def _box_field(dataset: Any, schema: Mapping[str, Any]) -> str | None:
    found = _fields_of(schema, "Detections")
    if BOXES in found:
        return BOXES
    return found[0] if len(found) == 1 else None


def _fields_of(schema: Mapping[str, Any], kind: str) -> list[str]:
    """The fields that hold a kind of labels, by the name of its class."""
    return [name for name, about in schema.items() if getattr(about, "document_type", type(None)).__name__ == kind]


def _joints(dataset: Any, keypoints: str) -> list[str] | None:
    about = dataset.skeletons.get(keypoints) or dataset.default_skeleton
    return None if about is None or not about.labels else list(about.labels)


def _by_number(detections: Sequence[Any]) -> dict[tuple[str, int], Any]:
    """The boxes by each of their numbers."""
    return {(name, value): box for box in detections for name in _NUMBERS if (value := _get(box, name)) is not None}


def _get(label: Any, name: str) -> Any:
    """An attribute of a label, None where it has none."""
    return label[name] if name in label.field_names or label.has_field(name) else None
