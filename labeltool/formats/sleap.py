"""SLEAP's `.slp` (HDF5), read and written by sleap-io.

A frame is a photo: photos of one size are one "video" that is a list of files. An instance is a person, a point its joint:

    not visible, no place     v = 0
    not visible, with a place v = 1
    visible                   v = 2

The box of a person is a user bounding box that is linked to the instance (formats from 1.7 on have them). Edges are limbs,
symmetries pairs of left and right. Needs sleap-io (`pip install 'labeltool[sleap]'`).

Source: io.sleap.ai and sleap-io's `io/slp.py`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.files import atomic_write
from labeltool.formats.building import DocumentBuilder, Number, named_skeleton
from labeltool.formats.imported import Imported
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import Crew, Person, people_of
from labeltool.skeleton import Skeleton

_NEEDED = "sleap-io is not installed, expected it for SLEAP files: pip install 'labeltool[sleap]'"


def read_sleap(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """The user's instances of a `.slp` file as a document; photos in the order of its frames.

    Raises:
        FormatError: sleap-io is not installed, or the file is no SLEAP file, or has no skeleton.
    """
    path = Path(path)
    labels = _load(path)
    if not labels.skeletons:
        raise FormatError(f"{path}: has no skeleton, expected one")
    found = labels.skeletons[0]
    limbs = [(edge.source.name, edge.destination.name) for edge in found.edges]
    own = named_skeleton(list(found.node_names), limbs, skeleton, path)
    ledger = Ledger()
    builder = DocumentBuilder(path, own, ledger, images)
    frames = list(_frames(labels, ledger))
    names = _below([name for name, _, _ in frames], images, ledger)
    sizes = [size for _, size, _ in frames if size is not None]
    ids: dict[str, int] = {}
    if len(sizes) < len(frames):
        ids = builder.photos(list(dict.fromkeys(names)))
    else:
        for name, size in zip(names, sizes, strict=True):
            if name not in ids:
                ids[name] = builder.image(name, *size)
    for name, (_, _, frame) in zip(names, frames, strict=True):
        if frame is not None and name in ids:
            _add_people(builder, ids[name], frame, found, own, name)
    if len(labels.tracks):
        ledger.say(f"{len(labels.tracks):,} tracks were left out")
    return builder.finish(images)


def write_sleap(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes a `.slp` file, whole or not at all; returns what it cannot hold.

    Raises:
        FormatError: sleap-io is not installed, or the file cannot be written.
    """
    _need()
    ledger = Ledger()
    crew = people_of(document, ledger)
    labels = _labels(crew)
    out = Path(out)
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.", suffix=".part") as folder:
            whole = Path(folder) / "labels.slp"
            labels.save(str(whole), embed=False, verbose=False)
            with open(whole, "rb") as source, atomic_write(out) as file:
                shutil.copyfileobj(source, file)
    except OSError as error:
        raise FormatError(f"{out}: cannot be written: {error.strerror or error}") from None
    return ledger.notes()


def _need() -> Any:
    try:
        import sleap_io
    except ImportError:
        raise FormatError(_NEEDED) from None
    return sleap_io


def _load(path: Path) -> Any:
    sleap_io = _need()
    try:
        with path.open("rb") as file:
            file.read(1)
        return sleap_io.load_slp(str(path), open_videos=False)
    except OSError as error:
        reason = error.strerror or "not an HDF5 file"
        raise FormatError(f"{path}: cannot be read: {reason}") from None
    except Exception as error:  # whatever a damaged file makes of sleap-io's reader
        text = " ".join(str(error).split())[:160]
        raise FormatError(f"{path}: not a SLEAP file: {type(error).__name__}: {text}") from None


# --- in -----------------------------------------------------------------------------------------------------------------

Size = tuple[int, int]


def _frames(labels: Any, ledger: Ledger) -> Iterator[tuple[str, Size | None, Any]]:
    """Name, size and labelled frame of every photo: the labelled ones in file order, then the rest of the lists of files."""
    seen: set[tuple[int, int]] = set()
    number = {id(video): n for n, video in enumerate(labels.videos)}
    for frame in labels.labeled_frames:
        seen.add((number.get(id(frame.video), -1), int(frame.frame_idx)))
        yield _name(frame.video, int(frame.frame_idx), ledger), _size(frame.video), frame
    for n, video in enumerate(labels.videos):
        if isinstance(video.filename, list):
            for index, name in enumerate(video.filename):
                if (n, index) not in seen:
                    yield str(name), _size(video), None


def _name(video: Any, index: int, ledger: Ledger) -> str:
    """The photo's file; of a film, where a frame of it would be kept."""
    if isinstance(video.filename, list):
        return str(video.filename[index])
    film = video
    while film.source_video is not None:
        film = film.source_video
    if isinstance(film.filename, list):
        return str(film.filename[index])
    name = f"{PureWindowsPath(film.filename).stem}/{index:06d}.png"
    ledger.add("{n} frame{s} of films are photos that must be made of them", name)
    return name


def _size(video: Any) -> Size | None:
    shape = video.shape
    if shape is None or len(shape) != 4 or not shape[1] or not shape[2]:
        return None
    return int(shape[2]), int(shape[1])


def _below(names: Sequence[str], images: Path | None, ledger: Ledger) -> list[str]:
    """Names with `/`; absolute ones from the folder of photos, or from the folder that they have in common."""
    plain = [name.replace("\\", "/") for name in names]
    rooted = {name for name in plain if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive}
    if not rooted:
        return plain
    root = None if images is None else os.path.abspath(images).replace(os.sep, "/")
    if root is None or not all(name.startswith(f"{root}/") for name in rooted):
        folders = {str(PurePosixPath(name).parent) for name in rooted}
        root = os.path.commonpath(folders) if len({PurePosixPath(name).parts[0] for name in rooted}) == 1 else ""
    found = []
    for name in plain:
        short = name.removeprefix(root).lstrip("/") if name in rooted else name
        if short != name:
            ledger.add("{n} photo{s} had a full path, which starts from the common folder now", short)
        found.append(short)
    return found


def _add_people(builder: DocumentBuilder, image: int, frame: Any, found: Any, own: Skeleton, where: str) -> None:
    boxes = {id(box.instance): box for box in frame.bboxes if box.instance is not None and not box.is_predicted}
    for n, instance in enumerate(frame.instances):
        place = f"{where} [{n}]"
        if type(instance).__name__ == "PredictedInstance":
            builder.ledger.add("{n} predicted instance{s} left out, being no labels", place)
        elif instance.skeleton is not found:
            builder.ledger.add("{n} instance{s} of other skeletons were left out", place)
        else:
            box = boxes.get(id(instance))
            builder.person(image, _keypoints(instance, own), _box(box, builder.ledger, place))
    free = [box for box in frame.bboxes if box.instance is None and not box.is_predicted]
    if free:
        builder.ledger.add("{n} frame{s} had boxes of no instance, which were left out", where)


def _keypoints(instance: Any, own: Skeleton) -> list[Number]:
    keypoints: list[Number] = [0] * (3 * len(own))
    for point in instance.points:
        x, y = (float(value) for value in point["xy"])
        if np.isfinite(x) and np.isfinite(y):
            k = 3 * own.index(str(point["name"]))
            keypoints[k : k + 3] = (x, y, 2 if point["visible"] else 1)
    return keypoints


def _box(box: Any, ledger: Ledger, where: str) -> list[Number] | None:
    if box is None:
        return None
    if box.is_rotated:
        ledger.add("{n} turned box{s} were left out", where)
        return None
    sides = [float(box.x1), float(box.y1), float(box.x2 - box.x1), float(box.y2 - box.y1)]
    return sides if np.isfinite(sides).all() and sides[2] > 0 and sides[3] > 0 else None


# --- out ----------------------------------------------------------------------------------------------------------------


def _labels(crew: Crew) -> Any:
    sleap_io = _need()
    own = crew.skeleton
    nodes = [sleap_io.Node(joint) for joint in own.joints]
    skeleton = sleap_io.Skeleton(
        nodes,
        edges=[sleap_io.Edge(nodes[a], nodes[b]) for a, b in own.limb_indices()],
        symmetries=[sleap_io.Symmetry({nodes[own.index(a)], nodes[own.index(b)]}) for a, b in own.flip_pairs],
        name=crew.category,
    )
    sizes: dict[Size, list[str]] = {}
    places = []
    for photo in crew.photos:
        size = (photo.image["width"], photo.image["height"])
        names = sizes.setdefault(size, [])
        places.append((size, len(names)))
        names.append(photo.name)
    videos = {size: _video(names, size) for size, names in sizes.items()}
    frames = []
    for photo, (size, index) in zip(crew.photos, places, strict=True):
        instances = [_instance(person, skeleton) for person in photo.people]
        boxes = [
            sleap_io.UserBoundingBox.from_xywh(*person.box, instance=instance)
            for person, instance in zip(photo.people, instances, strict=True)
        ]
        frames.append(sleap_io.LabeledFrame(videos[size], index, instances, bboxes=boxes))
    return sleap_io.Labels(frames, videos=list(videos.values()), skeletons=[skeleton])


def _video(names: list[str], size: Size) -> Any:
    """A list of files as sleap-io keeps one, without looking at the photos."""
    width, height = size
    about = {
        "type": "ImageVideo",
        "shape": [len(names), height, width, 3],
        "filename": names[0],
        "filenames": names,
        "height_": height,
        "width_": width,
        "channels_": 3,
        "grayscale": False,
        "fps": None,
    }
    return _need().Video(names, backend_metadata=about, open_backend=False)


def _instance(person: Person, skeleton: Any) -> Any:
    points = np.full((len(person.keypoints) // 3, 4), np.nan)
    table = np.array(person.keypoints, dtype=np.float64).reshape(-1, 3)
    labelled = table[:, 2] > 0
    points[labelled, :2] = table[labelled, :2]
    points[:, 2] = table[:, 2] == 2
    points[:, 3] = labelled
    return _need().Instance.from_numpy(points, skeleton)
