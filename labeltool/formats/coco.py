"""COCO files with their photos: taken as they are, once it is clear that a project can hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument, keypoints_of, person_category, read_document
from labeltool.coco.show import show
from labeltool.errors import CocoError, FormatError, PhotoError
from labeltool.formats.imported import Imported, note
from labeltool.images import upright_sizes
from labeltool.skeleton import Skeleton, convert, define, from_category

#: Rules that a document must keep to be taken into a project: ids and references that hold, and images that have a size.
STRUCTURE = ("I101", "I102", "I103", "I105", "K201", "K205", "K210", "A301", "A302", "A304", "A305")

_LARGEST_ID = 2**63 - 1


def read_coco(images_dir: Path, annotations_path: Path, skeleton: Skeleton | None = None) -> Imported:
    """A COCO keypoint file and its photos, without loss.

    Photos that are missing or cannot be opened stay in the document and stand in `problems`; a photo of another size than the
    document says is noted. The joints' order is the document's own.

    Args:
        images_dir: the folder that the images' `file_name` is relative to.
        annotations_path: the COCO JSON file.
        skeleton: the skeleton that was asked for: its joints must be those of the file's category, by name, in whatever order.
            None takes the category's own.

    Raises:
        FormatError: the folder is not there or holds none of the photos, or the joints are not those asked for.
        CocoError: the file cannot be read, or its ids, references or keypoints are damaged.
    """
    images_dir, annotations_path = Path(images_dir), Path(annotations_path)
    if not images_dir.is_dir():
        raise FormatError(f"{images_dir}: no such folder of photos")
    document = read_document(annotations_path)
    category = person_category(document)
    check_structure(document)
    resolved = resolve_skeleton(category, skeleton, document.source)
    _check_keypoints(document, category, len(resolved))
    problems, notes = look_at_photos(images_dir, document)
    return Imported(document, images_dir, resolved, tuple(notes), problems)


def resolve_skeleton(category: Mapping[str, Any], wanted: Skeleton | None, source: str) -> Skeleton:
    """The skeleton of a category, in its own joint order: limbs, pairs and sigmas are the wanted skeleton's when one is given.

    Args:
        category: a COCO category with `keypoints`.
        wanted: the skeleton asked for, or None.
        source: the file's name, for messages.

    Raises:
        FormatError: the category's joints are not those of the wanted skeleton; the message shows how the names would map.
        SkeletonError: the category describes no skeleton.
    """
    found = from_category(category)
    if wanted is None or found.joints == wanted.joints:
        return found if wanted is None else wanted
    if set(found.joints) == set(wanted.joints):
        sigmas = dict(zip(wanted.joints, wanted.sigmas, strict=True))
        return define(
            wanted.name,
            found.joints,
            wanted.limbs,
            flip_pairs=wanted.flip_pairs,
            sigmas=sigmas,
            sigma_source=f"skeleton {wanted.name!r}",
            torso=wanted.torso,
        )
    conversion = convert(found, wanted)
    renamed = [f"{a} -> {b}" for a, b in conversion.pairs if a != b]
    parts = [
        f"{len(conversion.pairs)} of {len(wanted)} joints have a counterpart",
        *(
            f"{what}: {', '.join(names)}"
            for what, names in _differences(renamed, conversion.missing, conversion.dropped)
        ),
    ]
    raise FormatError(
        f"{source}: category {category.get('name')!r} has other joints than skeleton {wanted.name!r}: "
        + "; ".join(parts)
    )


def _differences(
    renamed: Sequence[str], missing: Sequence[str], dropped: Sequence[str]
) -> list[tuple[str, Sequence[str]]]:
    cases = (("under another name", renamed), ("missing in the file", missing), ("only in the file", dropped))
    return [(what, names) for what, names in cases if names]


def check_structure(document: CocoDocument) -> None:
    """Checks that ids and references hold and that images have a size.

    Raises:
        CocoError: they do not; the message names the first place and counts the rest.
    """
    findings = check_document(document, codes=STRUCTURE)
    if findings:
        first = findings[0]
        total = sum(f.count for f in findings)
        more = f" (and {total - 1:,} more: see labeltool validate)" if total > 1 else ""
        raise CocoError(f"{document.source}: {first.message}{more}")
    for name, rows in (("images", document.images), ("annotations", document.annotations)):
        for i, row in enumerate(rows):
            if abs(row["id"]) > _LARGEST_ID:
                raise CocoError(f"{document.source}: {name}[{i}]: id is {show(row['id'])}, expected a 64-bit integer")


def _check_keypoints(document: CocoDocument, category: Mapping[str, Any], joints: int) -> None:
    for i, annotation in enumerate(document.annotations):
        if annotation["category_id"] == category["id"]:
            try:
                keypoints_of(annotation, joints)
            except CocoError as error:
                raise CocoError(f"{document.source}: annotations[{i}]: {error}") from None


def look_at_photos(root: Path, document: CocoDocument) -> tuple[dict[int, str], list[str]]:
    """The problems by image id, and the notes on photos of another size.

    Raises:
        FormatError: the folder holds none of the photos.
    """
    images = document.images
    sizes = upright_sizes(root, [image["file_name"] for image in images])
    problems = {
        image["id"]: str(size) for image, size in zip(images, sizes, strict=True) if isinstance(size, PhotoError)
    }
    if images and len(problems) == len(images):
        first = problems[images[0]["id"]]
        raise FormatError(
            f"{root}: none of the {len(images):,} photos of {document.source} can be opened here: {first}"
        )
    other = [
        f"{image['file_name']} is {size[0]} x {size[1]}, the file says {image['width']} x {image['height']}"
        for image, size in zip(images, sizes, strict=True)
        if not isinstance(size, PhotoError) and size != (image["width"], image["height"])
    ]
    notes = []
    if problems:
        names = [image["file_name"] for image in images if image["id"] in problems]
        notes.append(note("{n} photo{s} cannot be used", names))
    if other:
        notes.append(note("{n} photo{s} have another size than the file says", other))
    return problems, notes
