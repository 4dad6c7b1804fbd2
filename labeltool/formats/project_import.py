"""Reading any format together with its photos, as a project needs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError, PhotoError
from labeltool.formats.coco import look_at_photos
from labeltool.formats.imported import Imported, note
from labeltool.formats.registry import get_format
from labeltool.images import upright_sizes
from labeltool.skeleton import Skeleton


def read_for_project(name: str, images: Path, annotations: Path, skeleton: Skeleton | None) -> Imported:
    """Labels of a format and the photos they are of; photos that are missing or broken stand in `problems`.

    Args:
        name: the format's name.
        images: the folder that file names are relative to.
        annotations: the file or folder of the labels.
        skeleton: the skeleton asked for, or None.

    Raises:
        FormatError: the labels cannot be read, or the folder is not there or holds none of the photos.
        CocoError: the labels are a COCO file that is damaged.
    """
    images = Path(images)
    if not images.is_dir():
        raise FormatError(f"{images}: no such folder of photos")
    imported = get_format(name).read(Path(annotations), images, skeleton)
    problems, notes = look_at_photos(images, imported.document)
    return replace(
        imported, image_root=images, notes=(*imported.notes, *notes), problems={**imported.problems, **problems}
    )


def renamed(document: CocoDocument, start: Path, root: Path) -> CocoDocument:
    """The same document with file names that start from another folder.

    Args:
        document: a document that is not changed.
        start: the folder that its file names start from now.
        root: the folder that they shall start from. Where `start` is not below it, names stay as they are.
    """
    way = os.path.relpath(os.path.abspath(start), os.path.abspath(root)).replace(os.sep, "/")
    if way == "." or way.startswith("..") or os.path.isabs(way):
        return document
    images = [{**image, "file_name": f"{way}/{image['file_name']}"} for image in document.images]
    return CocoDocument({**document.data, "images": images}, document.source)


def photos_of(root: Path, images: Sequence[Mapping[str, Any]]) -> tuple[dict[int, str], tuple[str, ...]]:
    """Why photos cannot be used, by the id of their image, and notes on photos of another size than their image says.

    Args:
        root: the folder that file names start from.
        images: images with id, file_name, width and height.
    """
    sizes = upright_sizes(root, [image["file_name"] for image in images])
    problems: dict[int, str] = {}
    other = []
    for image, size in zip(images, sizes, strict=True):
        if isinstance(size, PhotoError):
            problems[image["id"]] = str(size)
        elif size != (image["width"], image["height"]):
            stated = f"{image['width']} x {image['height']}"
            other.append(f"{image['file_name']} is {size[0]} x {size[1]}, the file says {stated}")
    return problems, (note("{n} photo{s} have another size than the file says", other),) if other else ()
