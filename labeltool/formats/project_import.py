"""Reading any format together with its photos, as a project needs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labeltool.errors import FormatError
from labeltool.formats.coco import look_at_photos
from labeltool.formats.imported import Imported
from labeltool.formats.registry import get_format
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
