"""Contact sheets of suspects: each person with its label, left and right in two colours, and the joints in question ringed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from labeltool.coco.document import CocoDocument
from labeltool.dataset.arrays import People, people_arrays
from labeltool.dataset.suspects import Suspect
from labeltool.errors import PhotoError
from labeltool.files import atomic_write
from labeltool.images import load_image

#: Colours that colour blindness of every kind keeps apart: left, right, and joints without a side.
LEFT, RIGHT, MIDDLE, RING = (40, 120, 255), (255, 140, 0), (90, 220, 90), (255, 255, 0)

#: Pixels of a picture's side, pictures in a row, and pictures on a sheet.
SIDE, COLUMNS, A_SHEET = 320, 5, 25

_LINE = 16
_MARGIN = 0.25
_FINE = 2


def write_sheets(
    document: CocoDocument, found: Sequence[Suspect], out: Path, photo: Callable[[str], Path], *, top: int = 100
) -> list[Path]:
    """Writes contact sheets of the worst suspects, one picture a person, as PNG.

    Args:
        document: the labels.
        found: suspects, the worst first.
        out: a file that ends in `.png` for one sheet, else a folder for `suspects-1.png`, ... of 25 people each.
        photo: the path of a photo by its file name.
        top: how many people.

    Returns:
        the files.

    Raises:
        OSError: a file cannot be written. A photo that cannot be read is no error: its picture says so.
    """
    people = people_arrays(document)
    row = {document.annotations[n]["id"]: person for person, n in enumerate(people.rows.tolist())}
    worst: dict[int, list[Suspect]] = {}
    for suspect in found:
        worst.setdefault(suspect.annotation, []).append(suspect)
    chosen = list(worst.items())[:top]
    single = out.suffix.lower() == ".png"
    size = max(len(chosen), 1) if single else A_SHEET
    written = []
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(part) // COLUMNS) * (SIDE + _LINE)), (24, 24, 24))
        for n, (annotation, all_of_person) in enumerate(part):
            cell = _cell(people, row[annotation], all_of_person, start + n + 1, photo)
            sheet.paste(cell, (n % COLUMNS * SIDE, n // COLUMNS * (SIDE + _LINE)))
        path = out if single else out / f"suspects-{start // size + 1}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            sheet.save(file, "PNG", optimize=True)
        written.append(path)
    return written


def _cell(
    people: People, person: int, found: Sequence[Suspect], number: int, photo: Callable[[str], Path]
) -> Image.Image:
    first = found[0]
    cell = Image.new("RGB", (SIDE, SIDE + _LINE), (0, 0, 0))
    joints = ", ".join(first.joints[:2]) + (", ..." if len(first.joints) > 2 else "")
    title = f"{number}  {Path(first.file_name).name}  {first.kind} {joints}  {first.score:.1f}"
    ImageDraw.Draw(cell).text((3, 2), title.encode("ascii", "replace").decode(), fill=(255, 255, 255))
    try:
        image = load_image(photo(first.file_name))
        missing = False
    except PhotoError:
        image, missing = Image.new("RGB", (SIDE, SIDE), (60, 60, 60)), True
    ringed = {joint for suspect in found for joint in suspect.joints}
    cell.paste(_picture(image, people, person, ringed), (0, _LINE))
    if missing:
        ImageDraw.Draw(cell).text((3, _LINE + 2), "the photo cannot be read", fill=(255, 255, 255))
    return cell


def _picture(image: Image.Image, people: People, person: int, ringed: set[str]) -> Image.Image:
    skeleton, labelled, xy = people.skeleton, people.v[person] > 0, people.xy[person]
    points = xy[labelled] if labelled.any() else np.array([[0.0, 0.0], [image.width, image.height]])
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()) * (1 + _MARGIN), 16.0)
    corner = (low + high) / 2 - side / 2
    fine = SIDE * _FINE
    # Pixel centres are at integers, pictures are measured at pixel edges.
    step = side / fine
    view = (step, 0, float(corner[0]) + 0.5, 0, step, float(corner[1]) + 0.5)
    shown = image.transform((fine, fine), Image.Transform.AFFINE, view, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(shown)
    at: NDArray[np.float64] = (xy - corner) / step
    for a, b in skeleton.limb_indices():
        if labelled[a] and labelled[b]:
            ends = {_colour(skeleton.joints[a]), _colour(skeleton.joints[b])}
            draw.line([tuple(at[a]), tuple(at[b])], fill=ends.pop() if len(ends) == 1 else MIDDLE, width=2 * _FINE)
    for joint in np.flatnonzero(labelled).tolist():
        (x, y), r = at[joint], 3 * _FINE
        draw.ellipse([x - r, y - r, x + r, y + r], fill=_colour(skeleton.joints[joint]), outline=(255, 255, 255))
        if skeleton.joints[joint] in ringed:
            r = 7 * _FINE
            draw.ellipse([x - r, y - r, x + r, y + r], outline=RING, width=_FINE + 1)
    return shown.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _colour(joint: str) -> tuple[int, int, int]:
    return LEFT if joint.startswith("left_") else RIGHT if joint.startswith("right_") else MIDDLE
