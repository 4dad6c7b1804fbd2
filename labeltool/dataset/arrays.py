"""The people of a document as arrays, and the checks that every verb makes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument, keypoints_of, person_category
from labeltool.coco.finite import all_finite_numbers
from labeltool.errors import CocoError
from labeltool.skeleton import Skeleton, from_category

#: Rules that a document must keep: ids and references that hold.
STRUCTURE = ("I101", "I102", "I103", "K201", "K202", "K205", "A301", "A302", "A304", "A305")


@dataclass(frozen=True)
class People:
    """The annotated people of a document, without crowds, in file order.

    Attributes:
        skeleton: their joints.
        rows: for each person the index of its annotation: (N,) int.
        images: for each person the index of its image: (N,) int.
        xy: (N, K, 2) float, image pixels; 0 where v = 0.
        v: (N, K) int.
        boxes: (N, 4) float xywh; NaN where an annotation has none.
        areas: (N,) float, pixels; NaN where an annotation has none.
    """

    skeleton: Skeleton
    rows: NDArray[np.intp]
    images: NDArray[np.intp]
    xy: NDArray[np.float64]
    v: NDArray[np.int64]
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


def check_structure(document: CocoDocument) -> None:
    """Checks that ids and references of a document hold.

    Raises:
        CocoError: they do not; the message names the first place and counts the rest.
    """
    findings = check_document(document, codes=STRUCTURE)
    if findings:
        total = sum(f.count for f in findings)
        more = f" (and {total - 1:,} more: see labeltool validate)" if total > 1 else ""
        raise CocoError(f"{document.source}: {findings[0].message}{more}")


def is_crowd(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation is a crowd region."""
    return annotation.get("iscrowd") == 1


def people_arrays(document: CocoDocument) -> People:
    """The people of a document's person category as arrays.

    Raises:
        CocoError: ids, references or keypoints are damaged, or there is no such category.
        SkeletonError: the category describes no skeleton.
    """
    check_structure(document)
    category = person_category(document)
    skeleton = from_category(category)
    joints = len(skeleton)
    place = {image["id"]: n for n, image in enumerate(document.images)}
    rows = [
        n
        for n, annotation in enumerate(document.annotations)
        if annotation["category_id"] == category["id"] and not is_crowd(annotation)
    ]
    flat = np.zeros((len(rows), joints, 3))
    boxes = np.full((len(rows), 4), np.nan)
    areas = np.full(len(rows), np.nan)
    images = np.zeros(len(rows), dtype=np.intp)
    for i, n in enumerate(rows):
        annotation = document.annotations[n]
        images[i] = place[annotation["image_id"]]
        values = annotation.get("keypoints")
        if isinstance(values, list) and len(values) == 3 * joints and all_finite_numbers(values):
            flat[i] = np.array(values, dtype=np.float64).reshape(joints, 3)
        elif values is not None and values != []:
            _refuse(document, annotation, n, joints)
        box, area = annotation.get("bbox"), annotation.get("area")
        if isinstance(box, list) and len(box) == 4 and all_finite_numbers(box):
            boxes[i] = box
        if all_finite_numbers([area]):
            areas[i] = area
    v = flat[:, :, 2]
    wrong = np.flatnonzero(~np.isin(v, (0, 1, 2)).all(axis=1))
    if len(wrong):
        n = rows[int(wrong[0])]
        _refuse(document, document.annotations[n], n, joints)
    xy = np.where((v > 0)[:, :, None], flat[:, :, :2], 0.0)
    return People(skeleton, np.array(rows, dtype=np.intp), images, xy, v.astype(np.int64), boxes, areas)


def _refuse(document: CocoDocument, annotation: Mapping[str, Any], row: int, joints: int) -> None:
    try:
        keypoints_of(annotation, joints)
    except CocoError as error:
        raise CocoError(f"{document.source}: annotations[{row}]: {error}") from None


def with_rows(
    document: CocoDocument, images: list[dict[str, Any]], annotations: list[dict[str, Any]], source: str | None = None
) -> CocoDocument:
    """The same document with other images and annotations; all else, and the order of its keys, stays."""
    return CocoDocument(
        document.data | {"images": images, "annotations": annotations}, document.source if source is None else source
    )
