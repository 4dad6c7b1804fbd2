"""Writing Leeds Sports Pose's `joints.mat`: one athlete a photo, numbered photos (see `lsp` for the two layouts)."""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.files import atomic_write
from labeltool.formats.ledger import Ledger
from labeltool.formats.people import Crew, Person, converter, joints_of, people_of
from labeltool.skeleton import LSP_14

_PHOTO = re.compile(r"im(\d{1,7})\.(?:jpg|jpeg|png)", re.IGNORECASE)


def write_lspet(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes joints (14, 3, N) with the labelled flag of LSPET; returns what it cannot hold."""
    return _write(document, out, extended=True)


def write_lsp(document: CocoDocument, out: Path) -> tuple[str, ...]:
    """Writes joints (3, 14, N) with the occluded flag of the original LSP; returns what it cannot hold.

    Raises:
        FormatError: a joint is not labelled, which the original LSP cannot say.
    """
    return _write(document, out, extended=False)


def _write(document: CocoDocument, out: Path, *, extended: bool) -> tuple[str, ...]:
    ledger = Ledger()
    crew = people_of(document, ledger)
    convert = converter(crew.skeleton, LSP_14, ledger, document.source)
    places = _places(crew, ledger)
    count = max(places.values(), default=0)
    if not count:
        raise FormatError(f"{document.source}: nobody to write, expected at least one photo")
    joints = np.zeros((count, len(LSP_14), 3))
    for photo in crew.photos:
        number = places[photo.name]
        person = _chosen(photo.people, ledger)
        if person is None:
            ledger.add("{n} photo{s} without people were written as a person without labelled joints", photo.name)
        else:
            ledger.add("{n} boxes were left out", f"annotation {person.id}")
            joints[number - 1] = joints_of(convert(person))
    _write_mat(Path(out), _layout(joints, crew, places, document.source, extended, ledger))
    ledger.say("file names and image sizes were left out: readers number the photos im0001.jpg, im0002.jpg, ...")
    return ledger.notes()


def _layout(
    joints: NDArray[np.float64], crew: Crew, places: dict[str, int], source: str, extended: bool, ledger: Ledger
) -> NDArray[np.float64]:
    v = joints[:, :, 2].copy()
    names = {number: name for name, number in places.items()}
    if extended:
        for n, k in np.argwhere(v == 1):
            ledger.add(
                "{n} hidden joint{s} (v = 1) were written as labelled only", f"{names[n + 1]} {LSP_14.joints[k]}"
            )
        joints[:, :, 2] = v > 0
        return joints.transpose(1, 2, 0)
    missing = np.argwhere(v == 0)
    if len(missing):
        n, k = (int(i) for i in missing[0])
        raise FormatError(
            f"{source}: {names.get(n + 1, f'photo {n + 1}')}: {LSP_14.joints[k]} is not labelled, which the original LSP cannot "
            f"say ({len(missing):,} such joints; the format lspet can)"
        )
    joints[:, :, 2] = v == 1
    return joints.transpose(2, 1, 0)


def _places(crew: Crew, ledger: Ledger) -> dict[str, int]:
    """The number of each photo: that in its name where all have one of their own, or else its place in the document."""
    numbers: dict[str, int] = {}
    for photo in crew.photos:
        match = _PHOTO.fullmatch(PurePosixPath(photo.name).name)
        if match is not None and int(match.group(1)) > 0:
            numbers[photo.name] = int(match.group(1))
    if len(numbers) == len(crew.photos) and sorted(numbers.values()) == list(range(1, len(numbers) + 1)):
        return numbers
    for n, photo in enumerate(crew.photos, start=1):
        ledger.add("{n} photo{s} must be renamed to their number", f"{photo.name} -> im{n:05d}.jpg")
    return {photo.name: n for n, photo in enumerate(crew.photos, start=1)}


def _chosen(people: list[Person], ledger: Ledger) -> Person | None:
    """The person with the most labelled joints, the first of equals; the others are noted."""
    if not people:
        return None
    best = max(people, key=lambda p: sum(1 for v in p.keypoints[2::3] if v))
    for person in people:
        if person is not best:
            ledger.add("{n} people beside another in a photo were left out", f"annotation {person.id}")
    return best


def _write_mat(out: Path, joints: NDArray[np.float64]) -> None:
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {"joints": joints}, do_compression=True)  # type: ignore[arg-type]
    try:
        with atomic_write(out) as file:
            file.write(buffer.getvalue())
    except OSError as error:
        raise FormatError(f"{out}: cannot be written: {error.strerror or error}") from None
