"""What each image adds to an audit: sums and counts by image, from which any statistic of any sample of images follows.

People of one image are not independent, so intervals resample images (`bootstrap`). A mean over people is the ratio of two
sums over images, and AP follows from the hits of each image, so that a resampled audit costs a few sums and no matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.average_precision import AREA_RANGES, DetectionCounts, count_detections
from labeltool.audit.circle import squared_distance, within
from labeltool.audit.matching import expect_ids, joints_of, match
from labeltool.audit.oks import Scale, all_pairs, keypoint_similarity, squared_scale
from labeltool.audit.pdj import Torso, torso_diameters
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels, expect_joints, rows_in_parts
from labeltool.audit.rates import ratio
from labeltool.audit.runs import distinct
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: What a statistic is called: the metric and the joint it is of, or OVERALL.
Name = tuple[str, str]

#: The joint of a statistic of all joints.
OVERALL = "overall"
#: The numbers of `DetectionCounts` that are resampled with the rest.
AP_NAMES: tuple[Name, ...] = tuple((metric, OVERALL) for metric in ("AP", "AP50", "AP75", "AR"))


@dataclass(frozen=True, eq=False)
class ImageSums:
    """Sums and counts of S statistics by image; those of different images add up with `+`.

    Attributes:
        images: (I,) int, the images, ascending.
        names: S names of means.
        total: (I, S) float, the sum of what is averaged.
        counted: (I, S) float, how many were averaged.
        detections: hits and false detections for AP and AR, or None.
        people: (I,) int, people to be found in each image (all sizes).
    """

    images: IntArray
    names: tuple[Name, ...]
    total: FloatArray
    counted: FloatArray
    detections: DetectionCounts | None
    people: IntArray

    def __add__(self, other: ImageSums) -> ImageSums:
        if self.names != other.names or (self.detections is None) != (other.detections is None):
            raise AuditError("sums of other statistics, expected the same to add them")
        images = np.concatenate([self.images, other.images])
        order = np.argsort(images, kind="stable")
        if (np.diff(images[order]) == 0).any():
            raise AuditError("an image stands in two parts, expected every image in one")
        detections = None
        if self.detections is not None and other.detections is not None:
            detections = self.detections + other.detections
        return ImageSums(
            images[order],
            self.names,
            np.concatenate([self.total, other.total])[order],
            np.concatenate([self.counted, other.counted])[order],
            detections,
            np.concatenate([self.people, other.people])[order],
        )

    def values(self) -> dict[Name, float]:
        """Every statistic of all images, NaN where nothing was counted; AP and AR -1 where there is nobody to find."""
        means = map(float, ratio(self.total.sum(axis=0), self.counted.sum(axis=0)))
        values = dict(zip(self.names, means, strict=True))
        if self.detections is not None:
            numbers = self.detections.summary().as_dict()
            values.update({name: numbers[name[0]] for name in AP_NAMES})
        return values

    @property
    def all_names(self) -> tuple[Name, ...]:
        """The names of `values`, in order."""
        return self.names if self.detections is None else self.names + AP_NAMES

    def at(self, images: IntArray) -> ImageSums:
        """The same for more images (ascending), which add nothing.

        Raises:
            AuditError: an image of these sums is not among them.
        """
        if not np.isin(self.images, images, assume_unique=True).all():
            raise AuditError("fewer images than there are sums of, expected all of them")
        place = np.searchsorted(images, self.images)
        total, counted = np.zeros((len(images), len(self.names))), np.zeros((len(images), len(self.names)))
        people = np.zeros(len(images), dtype=np.int64)
        total[place], counted[place], people[place] = self.total, self.counted, self.people
        return replace(self, images=images, total=total, counted=counted, people=people)


def sums_of_values(image: ArrayLike, names: Sequence[Name], values: ArrayLike) -> ImageSums:
    """The sums of any numbers by person (seconds, angle errors, flags), for means and their intervals.

    Args:
        image: (N,) the image of each person.
        names: S names.
        values: (N, S) numbers, NaN where there is none to average.

    Raises:
        AuditError: the shapes do not agree.
    """
    who = np.asarray(image, dtype=np.int64)
    table = np.asarray(values, dtype=np.float64)
    if table.shape != (len(who), len(names)):
        raise AuditError(f"values have shape {table.shape}, expected {(len(who), len(names))}")
    images, place = np.unique(who, return_inverse=True)
    there = ~np.isnan(table)
    return ImageSums(
        images,
        tuple(names),
        _sum_rows(np.where(there, table, 0), place, len(images)),
        _sum_rows(there, place, len(images)),
        None,
        np.bincount(place, minlength=len(images)).astype(np.int64),
    )


def sum_images(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    *,
    rows: BoolArray | None = None,
    joints: BoolArray | None = None,
    scale: Scale = "area",
    torso: Torso = "left_shoulder-right_hip",
    threshold: float = 0.2,
    with_ap: bool = True,
) -> ImageSums:
    """What each image adds to ks, PDJ, mean OKS, AP and AR.

    - **ks** and **pdj** by joint and pooled over joints, **oks** the mean over people, all of the detection that speaks for a
      person (`matching.match`); a missed joint or person counts as 0. **AP** and **AR** are COCO's.
    - **rows** keeps some of the people. The others are still there to be found, so that nobody else's detection is given to a
      person: in AP they excuse their detections, as people of another size do in COCO's APM. An image with nobody of these rows
      is left out of AP, with its false detections.
    - **joints** keeps some joints of each person, for ks, pdj and oks; AP has no such part and is left out.

    Args:
        labels: all labels of these images.
        detections: all detections of these images.
        skeleton: joints, sigmas, torso ends.
        rows: (N,) bool, the people that count; by default all.
        joints: (N, K) bool, the joints that count; by default all.
        scale: what s of the OKS is.
        torso: the torso diameter of PDJ.
        threshold: of PDJ.
        with_ap: also AP and AR.

    Raises:
        AuditError: the two have other joints than the skeleton, or ids that do not agree.
    """
    expect_joints(skeleton.joints, labels=labels.joints, detections=detections.joints)
    expect_ids(labels, detections)
    kept = np.ones(len(labels), dtype=np.bool_) if rows is None else rows
    which = np.ones(labels.v.shape, dtype=np.bool_) if joints is None else joints
    if kept.shape != (len(labels),) or which.shape != labels.v.shape:
        raise AuditError(
            f"rows and joints have shapes {kept.shape} and {which.shape}, expected {(len(labels),)} and {labels.v.shape}"
        )
    if rows is not None:
        here, there = (np.isin(image, labels.image[kept]) for image in (labels.image, detections.image))
        labels, detections, kept, which = labels.take(here), detections.take(there), kept[here], which[here]
    parts = []
    for label_rows, detection_rows in rows_in_parts(labels, detections):
        some_labels, some_detections = labels.take(label_rows), detections.take(detection_rows)
        pairs = all_pairs(some_labels, some_detections, skeleton.sigmas, scale)
        means = _sum_means(
            some_labels,
            joints_of(some_detections, match(some_labels, some_detections, pairs)),
            skeleton,
            kept[label_rows, None] & which[label_rows],
            scale,
            torso,
            threshold,
        ).at(distinct(some_labels.image, some_detections.image))
        if with_ap and joints is None:
            counts = count_detections(some_labels, some_detections, pairs, kept[label_rows])
            means = replace(means, detections=counts)
        parts.append(means)
    return reduce(add, parts)


def _sum_means(
    labels: Labels,
    xy: FloatArray,
    skeleton: Skeleton,
    counting: BoolArray,
    scale: Scale,
    torso: Torso,
    threshold: float,
) -> ImageSums:
    labelled = (labels.v > 0) & labels.people[:, None] & counting
    ks = np.where(labelled, keypoint_similarity(xy, labels.xy, squared_scale(labels, scale), skeleton.sigmas), 0)
    diameters = torso_diameters(labels, skeleton, torso)
    with_torso = labelled & diameters.usable[:, None]
    detected = within(squared_distance(xy, labels.xy), diameters.squared[:, None], threshold) & with_torso
    pdj = f"pdj@{threshold:g}"
    names = [(metric, joint) for metric in ("ks", pdj) for joint in (*skeleton.joints, OVERALL)] + [("oks", OVERALL)]
    n = labelled.sum(axis=1)
    ks_sum = ks.sum(axis=1)
    oks = np.divide(ks_sum, n, out=np.zeros(len(labels)), where=n > 0)
    total = np.column_stack([ks, ks_sum, detected, detected.sum(axis=1), oks])
    counted = np.column_stack([labelled, n, with_torso, with_torso.sum(axis=1), n > 0])
    images, place = np.unique(labels.image, return_inverse=True)
    people = n > 0
    people &= labels.area <= AREA_RANGES[0, 1]
    return ImageSums(
        images,
        tuple(names),
        _sum_rows(total, place, len(images)),
        _sum_rows(counted, place, len(images)),
        None,
        np.bincount(place[people], minlength=len(images)).astype(np.int64),
    )


def _sum_rows(values: FloatArray | BoolArray, group: IntArray, groups: int) -> FloatArray:
    """The sums of the rows (N, S) of each group: (groups, S)."""
    if len(values) == 0:
        return np.zeros((groups, values.shape[1]))
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(groups))
    return np.asarray(np.add.reduceat(values[order].astype(np.float64), start, axis=0), dtype=np.float64)
