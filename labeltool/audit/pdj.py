"""PDJ, the percentage of detected joints: a joint is detected when it lies within t torso diameters of its label.

Source: Toshev & Szegedy, DeepPose (CVPR 2014), section 4.1: "a joint is considered detected if the distance between the
predicted and the true joint is within a certain fraction of the torso diameter", left shoulder to right hip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from labeltool.audit.circle import first_within, squared_distance
from labeltool.audit.people import BoolArray, FloatArray, IntArray, Labels, expect_guesses, expect_joints
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: How the torso diameter is taken: the skeleton's own torso alone, or its mirror (right shoulder to left hip) as a fallback.
Torso = Literal["left_shoulder-right_hip", "either-diagonal"]

#: The thresholds of tables: 0.05, 0.10 .. 0.50.
THRESHOLDS: tuple[float, ...] = tuple(i / 20 for i in range(1, 11))
#: The thresholds of curves: 0, 0.01 .. 0.50; those of tables are among them.
CURVE_THRESHOLDS: tuple[float, ...] = tuple(i / 100 for i in range(51))
#: The area under the curve runs from 0 to here.
LARGEST_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class TorsoDiameters:
    """The torso diameters of labelled people.

    Attributes:
        squared: (N,) float, squared diameter in square pixels (no root is taken, so that whole pixels stay exact);
            NaN where an end is not labelled.
        mirrored: (N,) bool, the fallback diagonal was taken.
    """

    squared: FloatArray
    mirrored: BoolArray

    @property
    def usable(self) -> BoolArray:
        """(N,) bool: both ends are labelled and lie apart."""
        return np.asarray(self.squared > 0, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class PdjCounts:
    """Detected and counted joints; counts of different people add up with `+`.

    Attributes:
        joints: K names.
        thresholds: T fractions of the torso diameter, rising.
        detected: (T, K) int.
        counted: (K,) int, labelled joints of people with a torso diameter.
        area: (K,) float, sum over counted joints of the area under their step from 0 to 1, as a share of 0 .. 0.5.
        people: labelled people (no crowd, at least one joint labelled).
        people_counted: those of them with a torso diameter.
        people_mirrored: those of them measured on the fallback diagonal.
        people_zero_torso: labelled people whose torso ends lie on each other: not counted.
    """

    joints: tuple[str, ...]
    thresholds: tuple[float, ...]
    detected: IntArray
    counted: IntArray
    area: FloatArray
    people: int
    people_counted: int
    people_mirrored: int
    people_zero_torso: int

    def __add__(self, other: PdjCounts) -> PdjCounts:
        if (self.joints, self.thresholds) != (other.joints, other.thresholds):
            raise AuditError("PDJ counts of other joints or thresholds, expected the same to add them")
        return PdjCounts(
            self.joints,
            self.thresholds,
            self.detected + other.detected,
            self.counted + other.counted,
            self.area + other.area,
            self.people + other.people,
            self.people_counted + other.people_counted,
            self.people_mirrored + other.people_mirrored,
            self.people_zero_torso + other.people_zero_torso,
        )

    def per_joint(self) -> FloatArray:
        """PDJ of each joint at each threshold, NaN where no joint was counted: (T, K)."""
        return ratio(self.detected, self.counted)

    def overall(self) -> FloatArray:
        """Detected joints / all counted joints, pooled over joints and people: (T,)."""
        return ratio(self.detected.sum(axis=1), self.counted.sum())

    def auc_per_joint(self) -> FloatArray:
        """Area under each joint's curve from t = 0 to 0.5, as a share of a perfect one: (K,), 0..1."""
        return ratio(self.area, self.counted)

    def auc(self) -> float:
        """Area under the overall curve from t = 0 to 0.5, as a share of a perfect one."""
        return float(ratio(self.area.sum(), self.counted.sum()))

    def coverage(self) -> float:
        """The share of labelled people that PDJ speaks of; NaN when nobody is labelled."""
        return float(ratio(self.people_counted, self.people))

    def at(self, threshold: float) -> IntArray:
        """Detected joints at one of the thresholds: (K,).

        Raises:
            AuditError: the threshold is not among those counted.
        """
        for i, t in enumerate(self.thresholds):
            if abs(t - threshold) < 1e-9:
                return np.asarray(self.detected[i], dtype=np.int64)
        raise AuditError(f"PDJ at {threshold}: not counted, expected one of {', '.join(map(str, self.thresholds))}")


def torso_diameters(labels: Labels, skeleton: Skeleton, torso: Torso = "left_shoulder-right_hip") -> TorsoDiameters:
    """The torso diameter of each labelled person.

    - **"left_shoulder-right_hip"** (default, the lecture's and DeepPose's): the two ends of `skeleton.torso`; a person who lacks
      one of them has no diameter. Many of COCO's people do: see `PdjCounts.coverage`.
    - **"either-diagonal"**: where that one is not labelled or has no length, its mirror (right shoulder to left hip).
    - **Visibility**: v = 1 and v = 2 are both labelled.

    Raises:
        AuditError: the torso has another name.
    """
    if torso not in get_args(Torso):
        raise AuditError(f"torso {torso!r}: unknown, expected {' or '.join(get_args(Torso))}")
    expect_joints(skeleton.joints, labels=labels.joints)
    squared = np.full(len(labels), np.nan)
    mirrored = np.zeros(len(labels), dtype=np.bool_)
    if skeleton.torso is None:
        return TorsoDiameters(squared, mirrored)
    ends = np.array([skeleton.index(joint) for joint in skeleton.torso])
    squared = _squared_length(labels, ends)
    if torso == "either-diagonal":
        other = _squared_length(labels, skeleton.flip_order()[ends])
        mirrored = ~(squared > 0) & (other > 0)
        squared = np.where(mirrored, other, squared)
    return TorsoDiameters(squared, mirrored)


def count_pdj(
    labels: Labels,
    xy: FloatArray,
    skeleton: Skeleton,
    *,
    torso: Torso = "left_shoulder-right_hip",
    thresholds: Sequence[float] = CURVE_THRESHOLDS,
    squared: FloatArray | None = None,
) -> PdjCounts:
    """The joints detected within t torso diameters of their labels.

    - **Comparison**: distance <= t x diameter, the circle included. Squares are compared and t is taken as the fraction it is
      written as (0.05 = 1/20), so that whole pixels on the circle are never lost to rounding.
    - **Visibility**: joints with v = 0 in the label are not counted; hidden ones (v = 1) are.
    - **Missing**: a joint that nobody predicted (NaN) is counted and not detected, at every threshold.
    - **People**: crowds and people without a torso diameter are not counted; `coverage` says how many remain.
    - **Area under the curve** is exact (each joint is a step at its distance), not that of a polygon through the thresholds.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels; NaN where there are none (`matching.joints_of`).
        skeleton: names, torso ends and mirrors.
        torso: how the diameter is taken.
        thresholds: fractions of the diameter.
        squared: (N, K) squared distances of `xy` to the labels, where they are known already.
    """
    expect_guesses(labels, xy, skeleton.joints)
    diameters = torso_diameters(labels, skeleton, torso)
    people = labels.people
    rows = people & diameters.usable
    counted = labels.labelled[rows]
    person, joint = np.nonzero(counted)
    distance2 = (squared_distance(xy, labels.xy) if squared is None else squared)[rows][counted]
    torso2 = diameters.squared[rows][person]
    rising = sorted(range(len(thresholds)), key=lambda i: thresholds[i])
    step = first_within(distance2, torso2, [thresholds[i] for i in rising])
    width = len(thresholds) + 1
    steps = np.bincount(joint * width + step, minlength=width * labels.joints).reshape(-1, width)
    detected = np.empty((len(thresholds), labels.joints), dtype=np.int64)
    detected[rising] = np.cumsum(steps, axis=1)[:, :-1].T
    with np.errstate(over="ignore"):
        share = np.clip(1 - np.sqrt(distance2 / torso2) / LARGEST_THRESHOLD, 0, 1)
    return PdjCounts(
        skeleton.joints,
        tuple(float(t) for t in thresholds),
        detected,
        np.count_nonzero(counted, axis=0).astype(np.int64),
        np.bincount(joint, weights=np.nan_to_num(share, nan=0.0), minlength=labels.joints).astype(np.float64),
        int(people.sum()),
        int(rows.sum()),
        int((rows & diameters.mirrored).sum()),
        int((people & (diameters.squared == 0)).sum()),
    )


def _squared_length(labels: Labels, ends: NDArray[np.intp]) -> FloatArray:
    a, b = ends
    labelled = labels.labelled[:, a] & labels.labelled[:, b]
    return np.where(labelled, squared_distance(labels.xy[:, a], labels.xy[:, b]), np.nan)
