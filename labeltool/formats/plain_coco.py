"""COCO files without their photos, for conversions: read and written without loss."""

from __future__ import annotations

from pathlib import Path

from labeltool.coco.document import CocoDocument, person_category, read_document, write_document
from labeltool.formats.coco import check_structure, resolve_skeleton
from labeltool.formats.imported import Imported
from labeltool.skeleton import Skeleton


def read(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """A COCO keypoint file as it is; photos are not looked at.

    Raises:
        CocoError: the file cannot be read, or its ids or references are damaged.
        FormatError: its joints are not those of the skeleton asked for.
    """
    document = read_document(path)
    category = person_category(document)
    check_structure(document)
    return Imported(document, images or path.parent, resolve_skeleton(category, skeleton, document.source), (), {})


def write(document: CocoDocument, path: Path) -> tuple[str, ...]:
    """Writes the document; COCO holds all of it."""
    write_document(path, document.data)
    return ()
