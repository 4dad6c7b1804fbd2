"""COCO documents: read and written without loss, and the few questions everyone asks of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.finite import all_finite_numbers, is_finite_number
from labeltool.coco.jsonfile import read_json
from labeltool.coco.jsonscan import find_nonfinite
from labeltool.coco.show import MISSING, show
from labeltool.errors import CocoError
from labeltool.files import packed_write

#: The lists that every COCO document has.
SECTIONS = ("images", "annotations", "categories")

_BATCH = 512


class CocoImage(TypedDict):
    """An image as labeltool writes it; files may hold more fields, which are kept."""

    id: int
    file_name: str
    width: int
    height: int


class CocoCategory(TypedDict):
    """A category; `keypoints` and the 1-based `skeleton` make it a keypoint category."""

    id: int
    name: str
    supercategory: NotRequired[str]
    keypoints: NotRequired[list[str]]
    skeleton: NotRequired[list[list[int]]]
    sigmas: NotRequired[list[float]]


class CocoRle(TypedDict):
    """A run-length encoded mask, column-major: `counts` is a list of run lengths or a compressed string."""

    size: list[int]
    counts: list[int] | str


class CocoAnnotation(TypedDict):
    """An annotated person as labeltool writes it; files may hold more fields, which are kept.

    `keypoints` holds x, y, v for each joint; `area_source` says where an `area` comes from that is not the file's own.
    """

    id: int
    image_id: int
    category_id: int
    keypoints: list[int | float]
    num_keypoints: int
    bbox: list[float]
    area: float
    area_source: NotRequired[str]
    iscrowd: int
    segmentation: list[list[float]] | CocoRle


@dataclass(frozen=True)
class CocoDocument:
    """A COCO document as its JSON has it; treated as immutable.

    Attributes:
        data: the parsed JSON object, key order and number types kept.
        source: the file's name, for messages.
    """

    data: dict[str, Any]
    source: str

    @property
    def images(self) -> list[dict[str, Any]]:
        """The images, in file order."""
        return self._section("images")

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """The annotations, in file order."""
        return self._section("annotations")

    @property
    def categories(self) -> list[dict[str, Any]]:
        """The categories, in file order."""
        return self._section("categories")

    def keypoint_categories(self) -> list[dict[str, Any]]:
        """The categories that name joints, in file order."""
        return [c for c in self.categories if isinstance(c.get("keypoints"), list) and c["keypoints"]]

    def _section(self, name: str) -> list[dict[str, Any]]:
        section: list[dict[str, Any]] = self.data[name]
        return section


def read_document(path: Path) -> CocoDocument:
    """The COCO document of a JSON file, without loss: key order, int and float, unknown fields all stay.

    Only the frame is checked here; `labeltool.coco.check` judges what stands in it. A UTF-8 byte order mark is passed over.

    Raises:
        CocoError: the file is missing, is not UTF-8 or not JSON (with line and column), holds NaN, Infinity or a key twice, its
            top level is no object, or `images`, `annotations` or `categories` is missing or no list of objects.
    """
    path = Path(path)
    file = read_json(path)
    for places, what in (
        (file.duplicates, "{path}: the key {text!r} stands twice in one object"),
        (file.nonfinite, "{path}: {text} is no JSON number, expected a finite one"),
    ):
        if places.count:
            first = places.first[0]
            more = f", and {places.count - 1:,} more" if places.count > 1 else ""
            raise CocoError(what.format(path=path, text=first.text) + f": {first}{more}")
    if not isinstance(file.data, dict):
        raise CocoError(
            f"{path}: the top level is {type_name(file.data)}, expected an object with {', '.join(SECTIONS)}"
        )
    for name in SECTIONS:
        _check_section(path, file.data, name)
    return CocoDocument(file.data, str(path))


def read_damaged_document(path: Path) -> CocoDocument:
    """The COCO document of a JSON file in whatever condition, to be mended: NaN and Infinity are let pass.

    Raises:
        CocoError: the file is missing, is not UTF-8 or not JSON, its top level is no object, or a key stands twice in one object
            (which value is meant nobody but its author can tell).
    """
    path = Path(path)
    file = read_json(path)
    if file.duplicates.count:
        first = file.duplicates.first[0]
        raise CocoError(f"{path}: the key {first.text!r} stands twice in one object, expected one value: {first}")
    if not isinstance(file.data, dict):
        raise CocoError(
            f"{path}: the top level is {type_name(file.data)}, expected an object with {', '.join(SECTIONS)}"
        )
    return CocoDocument(file.data, str(path))


def write_document(path: Path, data: Mapping[str, Any]) -> None:
    """Write a document as compact ASCII JSON, whole or not at all; gzip-compressed where the name ends in `.gz`.

    The text goes to a temporary file beside `path`, in batches so that memory stays flat, and takes its name only when it is
    complete and on disk. Numbers keep their type and value: floats are written as Python's shortest exact form.

    Raises:
        CocoError: a number is NaN or infinite, a value is nothing JSON can hold (then `path` is as it was), or the file cannot
            be written.
    """
    path = Path(path)
    try:
        with packed_write(path) as file:
            for piece in _pieces(data):
                file.write(piece.encode("ascii"))
    except OSError as error:
        raise CocoError(f"{path}: cannot be written: {error.strerror or error}") from None
    except RecursionError:
        raise CocoError(f"{path}: not written: the document is nested too deep") from None
    except TypeError as error:
        raise CocoError(f"{path}: not written: {error}") from None
    except ValueError as error:
        found = find_nonfinite(dict(data))
        if not found.count:
            raise CocoError(f"{path}: not written: {error}") from None
        first = found.first[0]
        more = f", and {found.count - 1:,} more" if found.count > 1 else ""
        raise CocoError(f"{path}: not written: {first} is {first.text}, expected a finite number{more}") from None


def keypoints_of(annotation: Mapping[str, Any], joints: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The joints of an annotation as arrays.

    Args:
        annotation: a COCO annotation; one without `keypoints`, or with an empty list, has no labelled joint.
        joints: K, the number of joints of its category.

    Returns:
        xy (K, 2) float in image pixels and v (K,) int.

    Raises:
        CocoError: `keypoints` is no flat list of 3K finite numbers, or a v is not 0, 1 or 2.
    """
    values = annotation.get("keypoints")
    if values is None or values == []:
        return np.zeros((joints, 2)), np.zeros(joints, dtype=np.int64)
    where = f"annotation (id {show(annotation.get('id', MISSING))})"
    if not isinstance(values, list):
        raise CocoError(f"{where}: keypoints is {type_name(values)}, expected a list of {3 * joints} numbers")
    if len(values) != 3 * joints:
        raise CocoError(f"{where}: keypoints has {len(values)} numbers, expected {3 * joints}")
    if not all_finite_numbers(values):
        k = next(k for k, value in enumerate(values) if not is_finite_number(value))
        raise CocoError(f"{where}: keypoints[{k}] is {show(values[k])}, expected a finite number")
    flat = np.array(values, dtype=np.float64).reshape(joints, 3)
    v = flat[:, 2]
    wrong = np.flatnonzero(~np.isin(v, (0, 1, 2)))
    if wrong.size:
        raise CocoError(f"{where}: v of joint {wrong[0]} is {show(values[3 * wrong[0] + 2])}, expected 0, 1 or 2")
    return flat[:, :2].copy(), v.astype(np.int64)


def person_category(document: CocoDocument) -> dict[str, Any]:
    """The one category of people with joints: the keypoint category named `person`, or else the only one there is.

    Raises:
        CocoError: no category has `keypoints`, or several have and not exactly one is named `person`.
    """
    found = document.keypoint_categories()
    if len(found) == 1:
        return found[0]
    people = [c for c in found if c.get("name") == "person"]
    if len(people) == 1:
        return people[0]
    if not found:
        names = ", ".join(show(c.get("name", MISSING)) for c in document.categories[:10])
        raise CocoError(f"{document.source}: no category has keypoints (categories: {names or 'none'}), expected one")
    names = ", ".join(
        f"{show(c.get('name', MISSING))} (id {show(c.get('id', MISSING))}, {len(c['keypoints'])} joints)"
        for c in found[:10]
    )
    raise CocoError(f"{document.source}: {len(found)} categories have keypoints, expected one named 'person': {names}")


def type_name(value: Any) -> str:
    """What JSON calls a value of this type, with its article: `a list`, `a string`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    for kinds, name in ((dict, "an object"), (list, "a list"), (str, "a string"), ((int, float), "a number")):
        if isinstance(value, kinds):
            return name
    return f"a {type(value).__name__}"


def _check_section(path: Path, data: dict[str, Any], name: str) -> None:
    if name not in data:
        raise CocoError(f"{path}: {name!r} is missing, expected a list")
    section = data[name]
    if not isinstance(section, list):
        raise CocoError(f"{path}: {name!r} is {type_name(section)}, expected a list")
    for i, item in enumerate(section):
        if not isinstance(item, dict):
            raise CocoError(f"{path}: {name}[{i}] is {type_name(item)}, expected an object")


def _pieces(data: Mapping[str, Any]) -> Iterator[str]:
    encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    yield "{"
    for n, (key, value) in enumerate(data.items()):
        if not isinstance(key, str):
            raise TypeError(f"the key {key!r} is no string")
        yield f"{',' if n else ''}{encode(key)}:"
        if not isinstance(value, list) or len(value) <= _BATCH:
            yield encode(value)
            continue
        yield "["
        for start in range(0, len(value), _BATCH):
            yield ("," if start else "") + encode(value[start : start + _BATCH])[1:-1]
        yield "]"
    yield "}"
