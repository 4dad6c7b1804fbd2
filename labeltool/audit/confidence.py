"""What a model's confidence is worth: how often it is right when it says so, and from where on it needs no second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.intervals import wilson
from labeltool.audit.matching import NO_DETECTION
from labeltool.audit.oks import Scale, keypoint_similarity, squared_scale
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels, expect_joints
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: The least ks of a joint that counts as right: what COCO's AP asks for at its lowest threshold.
RIGHT_KS = 0.5
#: The edges between the fine bins of confidence that are counted: 0, 0.001 .. 1. Thresholds are read at these.
EDGES: FloatArray = np.arange(1001) / 1000
#: Bins of a reliability curve and of the expected calibration error.
CURVE_BINS = 10


@dataclass(frozen=True)
class ReliabilityPoint:
    """One bin of a reliability curve.

    Attributes:
        low: the least confidence of the bin.
        high: the next bin's least.
        n: joints in it.
        confidence: their mean confidence.
        right: the share of them that is right.
        right_low: lower end of its 95 % Wilson interval.
        right_high: upper end.
    """

    low: float
    high: float
    n: int
    confidence: float
    right: float
    right_low: float
    right_high: float


@dataclass(frozen=True)
class LookBelow:
    """From which confidence on a joint's predictions are as precise as wanted.

    Attributes:
        joint: its name.
        threshold: a labeller should look at predictions with less confidence; None when no threshold is high enough, and all
            should be looked at.
        n: predictions that were judged.
        kept: the share of them that needs no look.
        precision: the share of these that is right, NaN when there are none.
        caught: of the wrong predictions, the share that lies below the threshold; NaN when none is wrong.
    """

    joint: str
    threshold: float | None
    n: int
    kept: float
    precision: float
    caught: float


@dataclass(frozen=True, eq=False)
class ConfidenceCounts:
    """Predictions by confidence, and how many of them are right; counts of different people add up with `+`.

    Attributes:
        joints: K names.
        n: (K, 1000) int, predictions of labelled joints by fine bin.
        right: (K, 1000) int, those that are right.
        confidence: (K, 1000) float, sum of their confidence.
    """

    joints: tuple[str, ...]
    n: IntArray
    right: IntArray
    confidence: FloatArray

    def __add__(self, other: ConfidenceCounts) -> ConfidenceCounts:
        if self.joints != other.joints:
            raise AuditError("confidence of other joints, expected the same to add them")
        return ConfidenceCounts(
            self.joints, self.n + other.n, self.right + other.right, self.confidence + other.confidence
        )

    def curve(self, joint: str | None = None, bins: int = CURVE_BINS) -> tuple[ReliabilityPoint, ...]:
        """The reliability curve of a joint, or of all joints together; bins without predictions are left out.

        Raises:
            AuditError: no such joint, or bins that do not divide 1000.
        """
        n, right, confidence = (self._binned(a, bins) for a in (self.n, self.right, self.confidence))
        rows = slice(None) if joint is None else slice(self._index(joint), self._index(joint) + 1)
        n, right, confidence = (a[rows].sum(axis=0) for a in (n, right, confidence))
        low, high = wilson(right, n)
        return tuple(
            ReliabilityPoint(
                i / bins,
                (i + 1) / bins,
                int(n[i]),
                float(confidence[i] / n[i]),
                float(right[i] / n[i]),
                float(low[i]),
                float(high[i]),
            )
            for i in np.flatnonzero(n)
        )

    def calibration_error(self, bins: int = CURVE_BINS) -> FloatArray:
        """The expected calibration error of each joint: (K,), NaN where nothing was counted.

            ECE = sum_b n_b / n |right_b - confidence_b|

        Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017), eq. 3, with bins of equal width.
        """
        n, right, confidence = (self._binned(a, bins) for a in (self.n, self.right, self.confidence))
        return ratio(np.abs(right - confidence).sum(axis=1), n.sum(axis=1))

    def look_below(self, precision: float, *, sure: float | None = None) -> tuple[LookBelow, ...]:
        """For each joint the smallest threshold whose predictions at and above it are as precise as wanted.

        - **Searched on the labels at hand**: on new photos the precision falls short of the wanted one about every other time.
          With `sure`, say 0.95, the lower end of that Wilson interval must reach it instead, which keeps the promise.
        - **Thresholds** are thousandths.

        Args:
            precision: the wanted share of right predictions among those that nobody looks at, in 0..1.
            sure: confidence of the interval that must keep to it; by default the share itself is taken.

        Raises:
            AuditError: the precision is no share.
        """
        if not 0 <= precision <= 1:
            raise AuditError(f"precision is {precision}, expected a number from 0 to 1")
        # Column t: all predictions at or above EDGES[t].
        n, right = (np.cumsum(a[:, ::-1], axis=1)[:, ::-1] for a in (self.n, self.right))
        reached = ratio(right, n) if sure is None else wilson(right, n, sure)[0]
        found = []
        for k, joint in enumerate(self.joints):
            good = np.flatnonzero(reached[k] >= precision)
            total, wrong = int(n[k, 0]), int(n[k, 0] - right[k, 0])
            if len(good) == 0:
                found.append(LookBelow(joint, None, total, 0.0, float("nan"), 1.0 if wrong else float("nan")))
                continue
            t = good[0]
            kept_wrong = int(n[k, t] - right[k, t])
            found.append(
                LookBelow(
                    joint,
                    float(EDGES[t]),
                    total,
                    float(n[k, t] / total),
                    float(right[k, t] / n[k, t]),
                    1 - kept_wrong / wrong if wrong else float("nan"),
                )
            )
        return tuple(found)

    def _index(self, joint: str) -> int:
        if joint not in self.joints:
            raise AuditError(f"joint {joint!r}: unknown, expected one of {', '.join(self.joints)}")
        return self.joints.index(joint)

    def _binned(self, values: FloatArray | IntArray, bins: int) -> FloatArray:
        if bins < 1 or values.shape[1] % bins:
            raise AuditError(f"{bins} bins, expected a divisor of {values.shape[1]}")
        return np.asarray(values.reshape(len(values), bins, -1).sum(axis=2), dtype=np.float64)


def right_joints(
    labels: Labels, xy: FloatArray, skeleton: Skeleton, *, scale: Scale = "area", least_ks: float = RIGHT_KS
) -> BoolArray:
    """Which predicted joints are right: those whose ks to their label is at least `least_ks`, (N, K).

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none: never right.
        skeleton: the joints' sigmas.
        scale: what s of the ks is.
        least_ks: in 0..1.
    """
    expect_joints(skeleton.joints, labels=labels.joints)
    ks = keypoint_similarity(xy, labels.xy, squared_scale(labels, scale), skeleton.sigmas)
    return np.asarray((ks >= least_ks) & ~np.isnan(xy[:, :, 0]), dtype=np.bool_)


def count_confidence(
    labels: Labels, detections: Detections, speaks: IntArray, right: BoolArray, joints: Sequence[str]
) -> ConfidenceCounts:
    """The confidence of predicted joints, and whether they are right.

    - **Counted** are the predicted joints of the detections that speak for people, where the joint is labelled (v > 0).
      Missed joints have no confidence; detections that speak for nobody have no truth to be held against.

    Args:
        labels: N people.
        detections: M people with per-joint confidence.
        speaks: (N,) from `matching.match`.
        right: (N, K) from `right_joints`, or by any other measure.
        joints: their names.

    Raises:
        AuditError: the detections have no confidence, or one that is not in 0..1.
    """
    expect_joints(joints, labels=labels.joints, detections=detections.joints)
    if detections.confidence is None:
        raise AuditError("detections: no confidence by joint, expected one to judge it")
    rows = np.flatnonzero(speaks != NO_DETECTION)
    confidence = detections.confidence[speaks[rows]]
    counted = (labels.v[rows] > 0) & labels.people[rows, None] & detections.predicted[speaks[rows]]
    bad = counted & ~((confidence >= 0) & (confidence <= 1))
    if bad.any():
        row, joint = np.argwhere(bad)[0]
        raise AuditError(
            f"{detections.place(speaks[rows[row]])}: confidence of {joints[joint]} is {confidence[row, joint]:g},"
            " expected a number from 0 to 1"
        )
    return count_by_confidence(confidence, right[rows], counted, joints)


def count_by_confidence(
    confidence: ArrayLike, right: ArrayLike, counted: ArrayLike, joints: Sequence[str]
) -> ConfidenceCounts:
    """Predictions by confidence; all (N, K): numbers in 0..1, whether they are right, whether they count."""
    value, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    who, joint = np.nonzero(np.asarray(counted, dtype=np.bool_))
    chosen = value[who, joint]
    fine = len(EDGES) - 1
    # A confidence of exactly 1 belongs to the last bin.
    place = np.minimum(np.searchsorted(EDGES, chosen, side="right") - 1, fine - 1) + joint * fine
    shape, size = (len(joints), fine), len(joints) * fine
    return ConfidenceCounts(
        tuple(joints),
        np.bincount(place, minlength=size).reshape(shape).astype(np.int64),
        np.bincount(place[hit[who, joint]], minlength=size).reshape(shape).astype(np.int64),
        np.bincount(place, weights=chosen, minlength=size).reshape(shape).astype(np.float64),
    )


def precision_at(counts: ConfidenceCounts, thresholds: Sequence[float | None]) -> FloatArray:
    """The precision that given thresholds reach on other labels: (K,), NaN where nothing lies at or above one.

    Args:
        counts: of labels that the thresholds were not chosen on.
        thresholds: K thresholds, thousandths, None for a joint that is always looked at.
    """
    reached = np.full(len(counts.joints), np.nan)
    for k, threshold in enumerate(thresholds):
        if threshold is not None:
            start = int(np.searchsorted(EDGES, threshold))
            reached[k] = ratio(counts.right[k, start:].sum(), counts.n[k, start:].sum())
    return reached
