"""YOLO-pose as Ultralytics trains from it: `data.yaml`, and for each photo a text file with a line a person.

    images/a.jpg   labels/a.txt:   class cx cy w h  x1 y1 v1  x2 y2 v2 ...     all over the image's width or height
    data.yaml:     path, train, val, test; kpt_shape: [K, 2 or 3]; flip_idx; names: {0: person}; kpt_names: {0: [...]}

Coordinates are kept to a millionth of a pixel. Ultralytics refuses a whole file for one number outside 0..1, so boxes are cut to
the photo, and a joint outside it is written as not labelled.

Source: docs.ultralytics.com/datasets/pose and verify_image_label of ultralytics/data/utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.coco.show import show
from labeltool.errors import FormatError, PhotoError
from labeltool.formats.building import DocumentBuilder, Number
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger, literal
from labeltool.formats.output import folder_output, side_file
from labeltool.formats.people import Person, Photo, people_of
from labeltool.images import find_photos
from labeltool.skeleton import COCO_17, Skeleton, from_category

_DIGITS = 6
_SPLITS = ("train", "val", "test")


def read_yolo(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A YOLO-pose data set as a document: `path` is data.yaml or its folder; sizes come from the photos.

    - **Photos**: those of `train`, `val` and `test`, said in the image field `split`; or all of `images`, whose labels are then
      below `labels` beside data.yaml.
    - **Joints** are named by `kpt_names`, by the skeleton asked for, or are COCO's when there are 17.
    - **Visibility**: with two numbers a joint, (0, 0) is not labelled and all else visible, which is noted.

    Raises:
        FormatError: data.yaml describes no such data set, a label file has a wrong line, or there are no photos.
    """
    path = Path(path)
    config_file = _config_file(path)
    config = _load_yaml(config_file)
    count, dimensions = _shape(config, config_file)
    ledger = Ledger()
    people_class, class_name = _people_class(config, config_file)
    own = _skeleton(config, count, people_class, skeleton, config_file, ledger)
    root = _root(config, config_file)
    photos = _photos_below(images, root) if images is not None else _photos_of_splits(config, root, config_file)
    folder = _common_folder(photos, root) if images is None else Path(images)
    names = {photo.relative_to(folder).as_posix(): (photo, labels, split) for photo, labels, split in photos}
    builder = DocumentBuilder(config_file, own, ledger, folder)
    ids = builder.photos(
        list(names), {name: {"split": split} for name, (_, _, split) in names.items() if split is not None}
    )
    if dimensions == 2:
        ledger.say("the labels have no visibility: joints at (0, 0) were taken as not labelled, all others as visible")
    for name, (_, labels, _) in names.items():
        if name not in ids:
            continue
        if not labels.is_file():
            ledger.add("{n} photo{s} without a label file were taken as photos without people", name)
            continue
        size = builder.size(ids[name])
        for n, row in enumerate(_rows(labels), start=1):
            box, keypoints, kind = _person(row, count, dimensions, size, f"{labels}: line {n}")
            if kind != people_class:
                ledger.add(
                    "{n} line{s} of other classes than " + literal(class_name) + " were left out", f"{labels.name} {n}"
                )
                continue
            builder.person(ids[name], keypoints, box)
    return builder.finish(folder)


def write_yolo(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes a YOLO-pose folder without its photos; returns what it cannot hold."""
    import yaml

    ledger = Ledger()
    crew = people_of(document, ledger, image_fields=("split",))
    written: dict[PurePosixPath, str] = {}
    splits = {photo.image.get("split") for photo in crew.photos}
    by_split = bool(splits) and splits <= set(_SPLITS)
    if not by_split and splits != {None}:
        ledger.say(f"image splits other than {', '.join(_SPLITS)} on every image were left out")
    lists: dict[str, list[str]] = {}
    folders: set[PurePosixPath] = set()
    with folder_output(out) as folder:
        for photo in crew.photos:
            place = side_file(photo.name, ".txt")
            if place in written:
                raise FormatError(
                    f"{document.source}: {written[place]} and {photo.name} would both be {place}, expected one"
                )
            written[place] = photo.name
            if place.parent not in folders:
                (folder / "labels" / place.parent).mkdir(parents=True, exist_ok=True)
                folders.add(place.parent)
            (folder / "labels" / place).write_text(
                "".join(_line(p, photo, crew.skeleton, ledger) for p in photo.people), encoding="ascii"
            )
            if by_split:
                lists.setdefault(photo.image["split"], []).append(f"./images/{photo.name}\n")
        for split, rows in lists.items():
            (folder / f"{split}.txt").write_text("".join(rows), encoding="utf-8")
        config: dict[str, Any] = {"train": "images", "val": "images"}
        if by_split:
            config = {split: f"{split}.txt" for split in _SPLITS if split in lists}
        config |= {
            "kpt_shape": [len(crew.skeleton), 3],
            "flip_idx": crew.skeleton.flip_order().tolist(),
            "names": {0: crew.category},
            "kpt_names": {0: list(crew.skeleton.joints)},
        }
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=None)
        (folder / "data.yaml").write_text(text, encoding="utf-8")
    ledger.say("the photos themselves were not copied: put them, or a link to their folder, at images beside data.yaml")
    ledger.say("image sizes and limbs were left out")
    return ledger.notes()


def _line(person: Person, photo: Photo, skeleton: Skeleton, ledger: Ledger) -> str:
    width, height = photo.image["width"], photo.image["height"]
    x, y, w, h = person.box
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if (left, top, right, bottom) == (x, y, x + w, y + h):
        values = [(x + w / 2) / width, (y + h / 2) / height, w / width, h / height]
    elif right > left and bottom > top:
        ledger.add("{n} boxes that reach beyond the photo were cut to it", f"annotation {person.id}")
        values = [
            (left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height
        ]  # fmt: skip
    else:
        ledger.add("{n} people whose box lies outside the photo were left out", f"annotation {person.id}")
        return ""
    joints = person.keypoints
    for k in range(0, len(joints), 3):
        jx, jy, v = joints[k] / width, joints[k + 1] / height, joints[k + 2]
        if not (0 <= jx <= 1 and 0 <= jy <= 1):
            ledger.add(
                "{n} joint{s} outside the photo were written as not labelled",
                f"annotation {person.id} {skeleton.joints[k // 3]}",
            )
            jx = jy = v = 0
        values += (jx, jy, v)
    return ("0" + " %.10g" * len(values) + "\n") % tuple(values)


def _person(
    row: list[str], count: int, dimensions: int, size: tuple[int, int], where: str
) -> tuple[list[Number], list[Number], int]:
    if len(row) != 5 + count * dimensions:
        raise FormatError(
            f"{where}: has {len(row)} values, expected {5 + count * dimensions} (kpt_shape [{count}, {dimensions}])"
        )
    try:
        values = [float(value) for value in row]
    except ValueError as error:
        raise FormatError(f"{where}: {error}, expected numbers") from None
    if not all(-1e6 < value < 1e6 for value in values) or values[0] != int(values[0]):
        raise FormatError(f"{where}: holds a number out of range, expected a class and shares of the image's sides")
    width, height = size
    cx, cy, w, h = values[1] * width, values[2] * height, values[3] * width, values[4] * height
    box: list[Number] = [round(value, _DIGITS) for value in (cx - w / 2, cy - h / 2, w, h)]
    keypoints: list[Number] = []
    for k in range(5, len(values), dimensions):
        x, y = round(values[k] * width, _DIGITS), round(values[k + 1] * height, _DIGITS)
        v = values[k + 2] if dimensions == 3 else float(2 * bool(x or y))
        if v not in (0, 1, 2):
            raise FormatError(f"{where}: visibility is {row[k + 2]}, expected 0, 1 or 2")
        keypoints += (x, y, int(v))
    return box, keypoints, int(values[0])


def _config_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [path / name for name in ("data.yaml", "data.yml") if (path / name).is_file()]
    found = found or sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    if len(found) != 1:
        raise FormatError(f"{path}: {len(found)} YAML files here, expected data.yaml")
    return found[0]


def _load_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"{path}: not a YAML file: {reason}") from None
    if not isinstance(data, dict):
        raise FormatError(f"{path}: is {show(data)}, expected an object with kpt_shape and names")
    return data


def _shape(config: Mapping[str, Any], path: Path) -> tuple[int, int]:
    shape = config.get("kpt_shape")
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(n) is int for n in shape)):
        raise FormatError(f"{path}: kpt_shape is {show(shape)}, expected [joints, 2 or 3]")
    if not 1 <= shape[0] <= 10_000 or shape[1] not in (2, 3):
        raise FormatError(f"{path}: kpt_shape is {show(shape)}, expected [joints, 2 or 3]")
    return shape[0], shape[1]


def _people_class(config: Mapping[str, Any], path: Path) -> tuple[int, str]:
    """The number and name of the class of people: `person`, or else the first."""
    names = config.get("names")
    table = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(table, dict) or not table or not all(type(key) is int for key in table):
        raise FormatError(f"{path}: names is {show(names)}, expected the classes' names by number")
    number = next((key for key, name in table.items() if name == "person"), min(table))
    return number, str(table[number])


def _skeleton(
    config: Mapping[str, Any], count: int, people: int, asked: Skeleton | None, path: Path, ledger: Ledger
) -> Skeleton:
    named = config.get("kpt_names")
    joints = named.get(people) if isinstance(named, dict) else named
    if joints is not None:
        if not isinstance(joints, list) or len(joints) != count or not all(isinstance(j, str) for j in joints):
            raise FormatError(f"{path}: kpt_names is {show(joints)}, expected {count} names")
        if asked is not None and list(asked.joints) != joints:
            raise FormatError(f"{path}: the joints are {', '.join(joints)}, not those of skeleton {asked.name!r}")
        return asked or from_category({"name": "person", "keypoints": joints})
    if asked is not None:
        if len(asked) != count:
            raise FormatError(f"{path}: kpt_shape has {count} joints, skeleton {asked.name!r} has {len(asked)}")
        return asked
    if count == len(COCO_17):
        ledger.say("the joints have no names: 17 joints were taken as COCO's")
        return COCO_17
    raise FormatError(f"{path}: its {count} joints have no names (kpt_names), expected a skeleton (--skeleton)")


def _root(config: Mapping[str, Any], path: Path) -> Path:
    """The data set's folder: `path` where it is there, seen from data.yaml, or else data.yaml's own."""
    named = config.get("path")
    if isinstance(named, str) and (path.parent / named).is_dir():
        return path.parent / named
    return path.parent


def _photos_below(images: Path, root: Path) -> list[tuple[Path, Path, str | None]]:
    try:
        found = find_photos(Path(images))
    except PhotoError as error:
        raise FormatError(str(error)) from None
    if not found:
        raise FormatError(f"{images}: no photos here")
    return [(Path(images) / name, (root / "labels" / name).with_suffix(".txt"), None) for name in found]


def _photos_of_splits(config: Mapping[str, Any], root: Path, path: Path) -> list[tuple[Path, Path, str | None]]:
    found: dict[Path, str | None] = {}
    for split in _SPLITS:
        entries = config.get(split)
        for entry in entries if isinstance(entries, list) else [entries] if entries else []:
            if not isinstance(entry, str):
                raise FormatError(f"{path}: {split} is {show(entry)}, expected a folder or a list file")
            place = root / entry
            if place.is_dir():
                photos = [place / name for name in find_photos(place)]
            elif place.suffix == ".txt" and place.is_file():
                photos = [_listed(line, place) for line in _lines(place) if line]
            else:
                raise FormatError(
                    f"{path}: {split} is {entry!r}, which is not there (labels alone can be read with --images)"
                )
            for photo in photos:
                # one folder for several splits says nothing of a photo's split
                found[photo] = None if photo in found and found[photo] != split else split
    if not found:
        raise FormatError(f"{path}: no photos in train, val or test")
    return [(photo, _label_file(photo), split) for photo, split in found.items()]


def _listed(line: str, place: Path) -> Path:
    return place.parent / line.removeprefix("./")


def _label_file(photo: Path) -> Path:
    """Ultralytics' rule: the last `images` in the path becomes `labels`."""
    parts = list(photo.parts)
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _common_folder(photos: Sequence[tuple[Path, Path, str | None]], root: Path) -> Path:
    for folder in (root / "images", root):
        if all(folder in photo.parents for photo, _, _ in photos):
            return folder
    return Path(*_shared([photo.parent.parts for photo, _, _ in photos]))


def _shared(paths: list[tuple[str, ...]]) -> list[str]:
    first, last = min(paths), max(paths)
    return [a for n, a in enumerate(first) if first[: n + 1] == last[: n + 1]]


def _rows(path: Path) -> list[list[str]]:
    return [line.split() for line in _lines(path) if line]


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a text file") from None
