"""Rules I101-I109: images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from labeltool.coco.columns import integers
from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import Table, View
from labeltool.errors import PhotoError

# What every odd path has, in names with line breaks between them.
_ODD = ("\\", ":", "..", "\n/")


@rule("I101", "error", "give every image an integer id, and the annotations the same one as image_id")
def image_id(view: View) -> Iterator[Hits]:
    """An image's `id` is an integer.

    Bools, strings and floats are refused: tools differ in whether "12", 12.0 and 12 are one image.

    Bad: `{"id": "12", "file_name": "a.jpg", "width": 640, "height": 480}`
    Good: `{"id": 12, "file_name": "a.jpg", "width": 640, "height": 480}`
    """
    yield from ids_are_integers(view.images)


@rule("I102", "error", "renumber one of them, and its annotations with it")
def image_ids_unique(view: View) -> Iterator[Hits]:
    """No two images have the same `id`.

    Every reader keeps one of the two, and the annotations of both land on it.

    Bad: `{"id": 7, "file_name": "a.jpg"}` and `{"id": 7, "file_name": "b.jpg"}`
    Good: `{"id": 7, "file_name": "a.jpg"}` and `{"id": 8, "file_name": "b.jpg"}`
    """
    yield from ids_are_unique(view.images)


@rule("I103", "error", "name the photo's file, relative to the folder of the photos")
def file_name_present(view: View) -> Iterator[Hits]:
    """An image's `file_name` is a string that is not empty.

    Bad: `{"id": 7, "file_name": ""}`
    Good: `{"id": 7, "file_name": "000000000007.jpg"}`
    """
    names = view.images.column("file_name")
    if set(map(type, names)) == {str} and all(map(str.strip, names)):
        return
    rows = [i for i, name in enumerate(names) if not isinstance(name, str) or not name.strip()]
    yield at(view.images, rows, lambda i: f"file_name is {show(names[i])}, expected a file name")


@rule("I104", "warning", "use one entry for each photo, and plain relative paths with forward slashes")
def file_name_sound(view: View) -> Iterator[Hits]:
    r"""File names are unique, and are relative paths with forward slashes that stay inside the folder of the photos.

    Bad: `"file_name": "C:\\photos\\a.jpg"` or `"file_name": "../a.jpg"`
    Good: `"file_name": "train/a.jpg"`
    """
    names = view.images.column("file_name")
    first: dict[str, int] = {}
    twice: dict[int, int] = {}
    odd: dict[int, str] = {}
    unlike = set(map(type, names)) == {str} and len(set(names)) == len(names)
    # Most files have no name with what makes an odd path, which one text of them all shows at once.
    every = "\n" + "\n".join(names) if unlike else ""
    if unlike and not any(mark in every for mark in _ODD):
        return
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name:
            continue
        if not unlike and first.setdefault(name, i) != i:
            twice[i] = first[name]
        reason = _odd_path(name)
        if reason is not None:
            odd[i] = reason
    yield at(view.images, list(odd), lambda i: f"file_name {show(names[i])} {odd[i]}")
    yield at(
        view.images, list(twice), lambda i: f"file_name {show(names[i])} is also that of {view.images.place(twice[i])}"
    )


@rule("I105", "error", "write the size of the upright photo in pixels")
def image_size_positive(view: View) -> Iterator[Hits]:
    """An image's `width` and `height` are integers greater than 0.

    Some exporters write -1 for a size they have not read.

    Bad: `{"id": 7, "width": -1, "height": -1}`
    Good: `{"id": 7, "width": 640, "height": 480}`
    """
    sides = {"width": view.images.column("width"), "height": view.images.column("height")}
    wrong: dict[int, str] = {}
    for field, values in sides.items():
        whole = integers(values)
        if whole is not None and (whole > 0).all():
            continue
        for i, value in enumerate(values):
            if (type(value) is not int or value <= 0) and i not in wrong:
                wrong[i] = f"{field} is {show(value)}, expected an integer > 0"
    yield at(view.images, sorted(wrong), lambda i: wrong[i])


@rule("I106", "error", "put the photo where the file name says, or correct the name")
def photo_exists(view: View) -> Iterator[Hits]:
    """The photo of every image is there and can be opened (checked when the folder of the photos is given).

    Bad: `"file_name": "a.jpg"` where the folder has no a.jpg, or one of zero bytes
    Good: `"file_name": "a.jpg"` where the folder has that photo
    """
    broken = {row: error for row, error in view.photo_sizes.items() if isinstance(error, PhotoError)}
    yield at(view.images, list(broken), lambda i: str(broken[i]))


@rule("I107", "error", "write the photo's own size; the joints may belong to a resized copy")
def photo_size_matches(view: View) -> Iterator[Hits]:
    """The stored size is that of the upright photo (checked when the folder of the photos is given).

    Bad: `"width": 640, "height": 480` for a photo of 1280 x 960 pixels
    Good: `"width": 1280, "height": 960`
    """
    wrong = {i: size for i, size in _other_sizes(view).items() if size[::-1] != _stored(view, i)}
    yield at(view.images, list(wrong), lambda i: _size_text(view, i, wrong[i]))


@rule(
    "I108",
    "error",
    "store the upright size; look whether the joints belong to the upright photo or to the one on its side",
)
def photo_not_sideways(view: View) -> Iterator[Hits]:
    """The stored size is not that of the photo lying on its side: width and height swapped, as when EXIF orientation was ignored.

    Bad: `"width": 4000, "height": 3000` for a photo that is shown as 3000 x 4000
    Good: `"width": 3000, "height": 4000`
    """
    wrong = {i: size for i, size in _other_sizes(view).items() if size[::-1] == _stored(view, i)}
    yield at(view.images, list(wrong), lambda i: f"{_size_text(view, i, wrong[i])}: width and height are swapped")


@rule("I109", "warning", "keep one of the two, and bring the annotations of both to it")
def photos_differ(view: View) -> Iterator[Hits]:
    """No two images are the same photo (checked when the folder of the photos is given).

    Two JPEG files are the same when they are equal but for their metadata, other photos when their decoded pixels are equal.
    The same file named by two images is I104's.

    Bad: `{"id": 7, "file_name": "a.jpg"}` and `{"id": 8, "file_name": "copy.jpg"}`, one photo under two names
    Good: `{"id": 7, "file_name": "a.jpg"}` alone
    """
    first: dict[bytes, int] = {}
    twice: dict[int, int] = {}
    names = view.images.column("file_name")
    for i, digest in sorted(view.photo_digests.items()):
        other = first.setdefault(digest, i)
        if names[other] != names[i]:
            twice[i] = other
    yield at(view.images, list(twice), lambda i: f"the same pixels as {view.images.place(twice[i])}")


def ids_are_integers(table: Table) -> Iterator[Hits]:
    """Hits for the rows whose id is no integer."""
    values = table.column("id")
    if set(map(type, values)) <= {int}:
        return
    rows = [i for i, value in enumerate(values) if type(value) is not int]
    castable = [i for i in rows if castable_to_int(values[i])]
    others = sorted(set(rows) - set(castable))
    yield at(table, others, lambda i: f"id is {show(values[i])}, expected an integer")
    yield at(
        table,
        castable,
        lambda i: f"id is {show(values[i])}, expected the integer {int(float(values[i]))}",
        hint="write the ids as integers, here and where they are referred to",
    )


def ids_are_unique(table: Table) -> Iterator[Hits]:
    """Hits for the rows whose integer id stood before."""
    ids = table.column("id")
    if set(map(type, ids)) <= {int} and len(set(ids)) == len(ids):
        return
    twice = repeated([v if type(v) is int else MISSING for v in ids])
    yield at(
        table,
        list(twice),
        lambda i: f"id {show(ids[i])} is also that of {table.name}[{table.positions[twice[i]]}]",
    )


def castable_to_int(value: Any) -> bool:
    """Whether a value is a string or float that stands for an integer, such as "12" or 12.0."""
    if type(value) is str:
        return value.isascii() and value.isdigit() and len(value) <= 15
    return type(value) is float and value.is_integer() and abs(value) < 2**53


def repeated(values: Sequence[Any]) -> dict[int, int]:
    """For each position whose value stood before, the position where it stood first; MISSING does not count."""
    first: dict[Any, int] = {}
    twice: dict[int, int] = {}
    for i, value in enumerate(values):
        if value is not MISSING and first.setdefault(value, i) != i:
            twice[i] = first[value]
    return twice


def _odd_path(name: str) -> str | None:
    if "\\" in name:
        return "has a backslash, expected forward slashes"
    if name.startswith("/") or name[1:2] == ":":
        return "is an absolute path, expected one relative to the folder of the photos"
    if ".." in name and ".." in name.split("/"):
        return "climbs out of the folder of the photos"
    return None


def _stored(view: View, row: int) -> tuple[Any, Any]:
    image = view.images.rows[row]
    return image.get("width"), image.get("height")


def _other_sizes(view: View) -> dict[int, tuple[int, int]]:
    """The decoded sizes of the images whose stored size is a size, but another one."""
    others = {}
    for row, size in view.photo_sizes.items():
        stored = _stored(view, row)
        if isinstance(size, tuple) and all(type(s) is int and s > 0 for s in stored) and size != stored:
            others[row] = size
    return others


def _size_text(view: View, row: int, size: tuple[int, int]) -> str:
    width, height = _stored(view, row)
    return f"size is {show(width)} x {show(height)}, but the upright photo has {size[0]} x {size[1]} pixels"
