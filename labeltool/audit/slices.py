"""Groups of people and joints that are audited apart: on whom does a model fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labeltool.audit.average_precision import AREA_RANGES
from labeltool.audit.bootstrap import Interval, bootstrap
from labeltool.audit.by_image import ImageSums, Name, sum_images
from labeltool.audit.oks import Scale, pairs_of_images
from labeltool.audit.pdj import Torso
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: The IoU of two boxes above which people overlap.
OVERLAP_IOU = 0.1


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the people, or some of their joints.

    Attributes:
        group: what the people are divided by, such as "size".
        name: which of its parts this is, such as "medium".
        rows: (N,) bool, the people in it.
        joints: (N, K) bool, the joints in it, or None for all joints of these people.
    """

    group: str
    name: str
    rows: BoolArray
    joints: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class SliceAudit:
    """The audit of one slice.

    Attributes:
        group: as the slice's.
        name: as the slice's.
        people: labelled people in it (with a joint in it).
        joints: labelled joints in it.
        sums: its sums by image; what `compare` takes, for the same slice of another model.
        values: ks, PDJ, oks, AP and AR by name; AP and AR are missing where the slice is of joints.
        intervals: the same with intervals, empty when none were asked for or nobody is in it.
    """

    group: str
    name: str
    people: int
    joints: int
    sums: ImageSums
    values: dict[Name, float]
    intervals: dict[Name, Interval]


def by_visible_joints(labels: Labels) -> list[Slice]:
    """People by the number of their labelled joints: 1-5, 6-10, 11-15, and more (16-17 of COCO's).

    Source: Ronchi & Perona (ICCV 2017), section 5.
    """
    n = np.count_nonzero(labels.v > 0, axis=1)
    last = f"16-{labels.joints}" if labels.joints > 16 else "16"
    bands = [("1-5", 1, 5), ("6-10", 6, 10), ("11-15", 11, 15), (last, 16, labels.joints)]
    return [
        Slice("visible joints", name if labels.joints >= high else f"{low}-{labels.joints}", (n >= low) & (n <= high))
        for name, low, high in bands
        if labels.joints >= low
    ]


def by_overlap(labels: Labels) -> list[Slice]:
    """People by the number of others in the image whose box overlaps theirs by an IoU > .1: 0, 1-2, 3 and more.

    People without a box are in none of the three. Crowds are nobody's neighbour.
    """
    n = neighbours(labels)
    boxed = ~np.isnan(labels.box).any(axis=1)
    return [
        Slice("overlap", name, boxed & (n >= low) & (n <= high))
        for name, low, high in (("0", 0, 0), ("1-2", 1, 2), ("3+", 3, len(labels)))
    ]


def neighbours(labels: Labels, iou: float = OVERLAP_IOU) -> IntArray:
    """How many other people of the image (no crowds) have a box of a greater IoU than this with each person's: (N,)."""
    a, b = pairs_of_images(labels.image, labels.image)
    apart = (a != b) & ~labels.crowd[a]
    a, b = a[apart], b[apart]
    near = box_iou(labels.box[a], labels.box[b]) > iou
    return np.bincount(b[near], minlength=len(labels)).astype(np.int64)


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of boxes xywh, row by row: (P, 4), (P, 4) -> (P,); NaN where a box is, 0 for empty boxes."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    union = a[:, 2:].prod(axis=1) + b[:, 2:].prod(axis=1) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(len(a)), where=union != 0), dtype=np.float64)


def by_size(labels: Labels) -> list[Slice]:
    """People by area: small (below 32^2), medium (up to 96^2), large; someone of exactly 96^2 is medium."""
    medium, large = AREA_RANGES[1, 0], AREA_RANGES[2, 0]
    area = labels.area
    return [
        Slice("size", "small", area < medium),
        Slice("size", "medium", (area >= medium) & (area <= large)),
        Slice("size", "large", area > large),
    ]


def by_visibility(labels: Labels) -> list[Slice]:
    """Joints by their flag: hidden (v = 1) and visible (v = 2)."""
    return [
        Slice("visibility", name, (labels.v == v).any(axis=1), labels.v == v)
        for name, v in (("hidden", 1), ("visible", 2))
    ]


def by_column(group: str, values: Sequence[Any]) -> list[Slice]:
    """People by a column of the user's own (a tag, a source, a labeller), in the order of the values' text.

    Args:
        group: the column's name.
        values: N values; None is a group of its own, named "-".
    """
    names = np.array(["-" if value is None else str(value) for value in values], dtype=object)
    return [Slice(group, str(name), np.asarray(names == name, dtype=np.bool_)) for name in sorted(set(names.tolist()))]


def standard_slices(labels: Labels) -> list[Slice]:
    """By visible joints, overlap, size and visibility."""
    return [*by_visible_joints(labels), *by_overlap(labels), *by_size(labels), *by_visibility(labels)]


def audit_slices(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    slices: Sequence[Slice],
    *,
    scale: Scale = "area",
    torso: Torso = "left_shoulder-right_hip",
    replicates: int = 0,
    seed: int = 0,
) -> list[SliceAudit]:
    """Each slice audited on its own; what it means for somebody not to be in it says `sum_images`.

    - **AP** of a slice counts the false detections of the images where somebody of the slice is, whoever they were meant for,
      and COCO's rule of excusing those of another size does not apply: compare it between models, not between slices.

    Args:
        labels: all labels of the images that are judged.
        detections: all detections of these images.
        skeleton: joints, sigmas, torso ends.
        slices: of these labels.
        scale: what s of the OKS is.
        torso: the torso diameter of PDJ.
        replicates: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        AuditError: a slice of other labels.
    """
    audits = []
    for part in slices:
        if part.rows.shape != (len(labels),):
            raise AuditError(
                f"slice {part.group} {part.name}: {len(part.rows)} people, expected those of the labels, {len(labels)}"
            )
        sums = sum_images(labels, detections, skeleton, rows=part.rows, joints=part.joints, scale=scale, torso=torso)
        counting = (labels.v > 0) & (labels.people & part.rows)[:, None]
        if part.joints is not None:
            counting &= part.joints
        audits.append(
            SliceAudit(
                part.group,
                part.name,
                int(counting.any(axis=1).sum()),
                int(counting.sum()),
                sums,
                sums.values(),
                bootstrap(sums, replicates=replicates, seed=seed) if replicates and len(sums.images) else {},
            )
        )
    return audits
