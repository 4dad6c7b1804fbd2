"""A plain folder of photos: a document with images and nobody in them yet."""

from __future__ import annotations

from pathlib import Path

from labeltool.coco.document import CocoDocument, CocoImage
from labeltool.errors import FormatError, PhotoError
from labeltool.formats.imported import Imported, note
from labeltool.images import find_photos, upright_sizes
from labeltool.skeleton import Skeleton


def read_folder(root: Path, skeleton: Skeleton) -> Imported:
    """The photos below a folder as a document without annotations.

    Photos are numbered from 1 in the order of their paths, and have the size in which they are shown (EXIF orientation applied).
    A photo that cannot be opened keeps its number, is left out of the images, and stands in `problems`.

    Args:
        root: the folder; its subfolders are searched, hidden files and folders are not.
        skeleton: the joints that its people will have.

    Raises:
        FormatError: the folder is not there, or holds no photo.
    """
    root = Path(root)
    try:
        paths = [path.as_posix() for path in find_photos(root)]
    except PhotoError as error:
        raise FormatError(str(error)) from None
    if not paths:
        raise FormatError(f"{root}: no photos here, expected JPEG, PNG, WebP or the like")
    images: list[CocoImage] = []
    problems: dict[int, str] = {}
    for number, (name, size) in enumerate(zip(paths, upright_sizes(root, paths), strict=True), start=1):
        if isinstance(size, PhotoError):
            problems[number] = str(size)
        else:
            images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
    notes = []
    if problems:
        left_out = [paths[number - 1] for number in problems]
        notes.append(note("{n} photo{s} could not be opened and were left out", left_out))
    data = {"images": images, "annotations": [], "categories": [skeleton.to_category()]}
    return Imported(CocoDocument(data, str(root)), root, skeleton, tuple(notes), problems)
