"""Leeds Sports Pose and its extension: `joints.mat` and numbered photos, one athlete each.

The two data sets store their joints differently, and say different things with the third number:

    LSPET  joints (14, 3, N)   x, y, 1 = labelled; the coordinates of an unlabelled joint are garbage
    LSP    joints (3, 14, N)   x, y, 1 = occluded; every joint is labelled

Sources: Johnson & Everingham, BMVC 2010 and CVPR 2011, with the README files of both data sets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.derive import BOX_AREA_FACTOR, FROM_BOX, box_from_joints, labelled_count
from labeltool.coco.document import CocoAnnotation, CocoDocument, CocoImage
from labeltool.errors import FormatError, PhotoError
from labeltool.formats.imported import Imported, note
from labeltool.formats.matfile import load_array
from labeltool.images import upright_sizes
from labeltool.skeleton import LSP_14

#: A labelled joint further outside its photo than this (pixels) is a mistake and is not taken over.
OUTSIDE_TOLERANCE = 1.0

_PHOTO = re.compile(r"im(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)
_K = len(LSP_14)


def read_lsp(images_dir: Path, mat: Path) -> Imported:
    """LSP or LSPET as a document: image and annotation n are photo `im<n>` and the n-th athlete of `joints.mat`.

    What the document says that the data set does not:
    - **Visibility**: LSPET's labelled joints have v = 2, LSP's occluded ones v = 1 and the others 2. LSPET's unlabelled
      joints have x = y = v = 0.
    - **Joints outside the photo**: a labelled joint more than a pixel outside, or one without finite coordinates, is a
      mistake of the labels. It becomes not labelled, and a note counts and names it.
    - **Box**: the extent of the labelled joints, clipped to the photo and at least one pixel a side; the whole photo where
      no joint is labelled.
    - **Area**: 0.53 x w x h of that box, said in the annotation's `area_source`.
    - **Coordinates** are taken as they stand.

    Args:
        images_dir: the folder of the photos, or the one above it (`images_dir/images`).
        mat: the path of joints.mat.

    Raises:
        FormatError: joints.mat cannot be read or holds no such array, or photos of its athletes are missing.
    """
    mat = Path(mat)
    xy, v, bad_values = _visibility(*_read_joints(mat))
    root, names = _find_photos(Path(images_dir))
    _check_photos(root, names, mat, len(xy))
    numbers = sorted(names)
    sizes = dict(zip(numbers, upright_sizes(root, [names[n] for n in numbers]), strict=True))
    problems = {n: str(size) for n, size in sizes.items() if isinstance(size, PhotoError)}
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    outside: list[str] = []
    unlabelled: list[str] = []
    for n in numbers:
        size = sizes[n]
        if isinstance(size, PhotoError):
            continue
        images.append({"id": n, "file_name": names[n], "width": size[0], "height": size[1]})
        if n > len(xy):
            continue
        person_xy, person_v, dropped = _inside(xy[n - 1], v[n - 1], size)
        outside += [f"{Path(names[n]).stem} {LSP_14.joints[k]}" for k in dropped]
        if not (person_v > 0).any():
            unlabelled.append(names[n])
        annotations.append(_annotation(n, person_xy, person_v, size))
    data = {
        "info": {"description": f"Leeds Sports Pose, {len(annotations)} people read from {mat.name}"},
        "images": images,
        "annotations": annotations,
        "categories": [LSP_14.to_category()],
    }
    notes = _notes(names, len(xy), problems, bad_values, outside, unlabelled)
    return Imported(CocoDocument(data, str(mat)), root, LSP_14, notes, problems)


def _read_joints(mat: Path) -> tuple[NDArray[np.float64], bool]:
    """The array of joints.mat as (N, 14, 3) float, and whether its third number means labelled (LSPET)."""
    array = load_array(mat, "joints")
    if array.dtype.kind not in "biuf":
        raise FormatError(f"{mat}: 'joints' holds {array.dtype}, expected numbers")
    shape = array.shape
    if array.ndim == 2:
        # MATLAB drops the last dimension of a data set of one.
        array = array[:, :, None]
    if array.ndim == 3 and array.shape[:2] == (_K, 3):
        joints, extended = array.transpose(2, 0, 1), True
    elif array.ndim == 3 and array.shape[:2] == (3, _K):
        joints, extended = array.transpose(2, 1, 0), False
    else:
        raise FormatError(
            f"{mat}: 'joints' has the shape {shape}, expected ({_K}, 3, N) as in LSPET or (3, {_K}, N) as in LSP"
        )
    if not len(joints):
        raise FormatError(f"{mat}: 'joints' has the shape {shape}: nobody in it")
    joints = joints.astype(np.float64)
    flags = joints[:, :, 2]
    odd = np.argwhere(~np.isin(flags, (0, 1)))
    if len(odd):
        n, k = odd[0]
        what = "labelled" if extended else "occluded"
        raise FormatError(
            f"{mat}: {what} flag of {LSP_14.joints[k]} of person {n + 1} is {flags[n, k]:g}, expected 0 or 1"
            + (f" ({len(odd):,} such flags)" if len(odd) > 1 else "")
        )
    return joints, extended


def _visibility(
    joints: NDArray[np.float64], extended: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[tuple[int, int]]]:
    """Joints as xy (N, 14, 2) and v (N, 14); the list names (person, joint) of labelled joints without finite coordinates."""
    xy, flag = joints[:, :, :2].copy(), joints[:, :, 2] == 1
    v = np.where(flag, 2, 0) if extended else np.where(flag, 1, 2)
    bad = (v > 0) & ~np.isfinite(xy).all(axis=2)
    v[bad] = 0
    xy[v == 0] = 0
    return xy, v.astype(np.int64), [(int(n), int(k)) for n, k in np.argwhere(bad)]


def _inside(
    xy: NDArray[np.float64], v: NDArray[np.int64], size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[int]]:
    """One person without the labelled joints that lie outside the photo, and which these were."""
    beyond = np.maximum(-xy, xy - np.array(size)).max(axis=1)
    outside = (v > 0) & (beyond > OUTSIDE_TOLERANCE)
    if not outside.any():
        return xy, v, []
    return np.where(outside[:, None], 0.0, xy), np.where(outside, 0, v), np.flatnonzero(outside).tolist()


def _annotation(number: int, xy: NDArray[np.float64], v: NDArray[np.int64], size: tuple[int, int]) -> CocoAnnotation:
    width, height = size
    box = box_from_joints(xy, v, width, height) or [0.0, 0.0, float(width), float(height)]
    keypoints: list[int | float] = []
    for (x, y), flag in zip(xy.tolist(), v.tolist(), strict=True):
        keypoints += [x, y, flag] if flag else [0, 0, 0]
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": labelled_count(v),
        "bbox": box,
        "area": BOX_AREA_FACTOR * (box[2] * box[3]),
        "area_source": FROM_BOX,
        "iscrowd": 0,
        "segmentation": [],
    }


def _find_photos(images_dir: Path) -> tuple[Path, dict[int, str]]:
    """The folder that holds the photos, and their names by number."""
    if not images_dir.is_dir():
        raise FormatError(f"{images_dir}: no such folder of photos")
    for root in (images_dir, images_dir / "images"):
        if not root.is_dir():
            continue
        names: dict[int, str] = {}
        for name in sorted(path.name for path in root.iterdir()):
            match = _PHOTO.fullmatch(name)
            if match is None:
                continue
            number = int(match.group(1))
            if number in names:
                raise FormatError(f"{root}: {names[number]} and {name} are both photo {number}, expected one")
            names[number] = name
        if names:
            return root, names
    raise FormatError(f"{images_dir}: no photos im0001.jpg, im0002.jpg, ... here or in its folder 'images'")


def _check_photos(root: Path, names: Mapping[int, str], mat: Path, people: int) -> None:
    missing = [n for n in range(1, people + 1) if n not in names]
    if missing:
        width = max(len(Path(name).stem) - 2 for name in names.values())
        shown = ", ".join(f"im{n:0{width}d}.jpg" for n in missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise FormatError(
            f"{root}: {len(missing):,} of the {people:,} photos that {mat.name} has joints for are missing: {shown}"
        )
    if 0 in names:
        raise FormatError(f"{root}: {names[0]} has the number 0, expected photos numbered from 1")


def _notes(
    names: Mapping[int, str],
    people: int,
    problems: Mapping[int, str],
    bad_values: list[tuple[int, int]],
    outside: list[str],
    unlabelled: list[str],
) -> tuple[str, ...]:
    extra = [names[n] for n in sorted(names) if n > people]
    unreadable = [names[n] for n in sorted(problems)]
    without_values = [f"{Path(names[n + 1]).stem} {LSP_14.joints[k]}" for n, k in bad_values if n + 1 not in problems]
    cases = (
        ("{n} photo{s} could not be opened and were left out with the person in them", unreadable),
        ("{n} photo{s} without joints in the file were taken as photos without people", extra),
        ("{n} labelled joint{s} without finite coordinates were marked not labelled", without_values),
        ("{n} joint{s} outside the photo were marked not labelled", outside),
        ("{n} photo{s} have no labelled joint; the person's box is the whole photo", unlabelled),
    )
    return tuple(note(text, examples) for text, examples in cases if examples)
