"""Which joint a predicted joint lies on, and how far off predictions are that the model is sure of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeltool.audit.circle import squared_distance
from labeltool.audit.diagnosis import INVERSION_MARGIN, NEAR_KS, ks_of
from labeltool.audit.oks import Scale, squared_scale
from labeltool.audit.people import FloatArray, IntArray, Labels
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: Steps of confidence, and of distance in torso diameters; the last step of distance is everything beyond.
CONFIDENCE_STEPS, DISTANCE_STEPS, FARTHEST = 20, 100, 0.5

# People whose joints are held against each other at a time.
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class JointConfusion:
    """Where predicted joints came to lie on their own person; counts of different images add up with `+`.

    Attributes:
        joints: K names.
        counts: (K, K + 1) int: of predictions of the row's joint whose label is known, those on the column's joint; the last
            column holds those near none.
    """

    joints: tuple[str, ...]
    counts: IntArray

    def __add__(self, other: JointConfusion) -> JointConfusion:
        if self.joints != other.joints:
            raise AuditError("confusions of other joints, expected the same to add them")
        return JointConfusion(self.joints, self.counts + other.counts)

    def shares(self) -> FloatArray:
        """(K, K + 1): of each row; NaN for a joint without predictions."""
        return ratio(self.counts, self.counts.sum(axis=1, keepdims=True))

    def worst(self) -> Iterator[tuple[str, str, int]]:
        """What is most often taken for what: (predicted joint, the joint it lies on, how often), most often first."""
        found = [
            (int(self.counts[i, j]), i, j)
            for i in range(len(self.joints))
            for j in range(len(self.joints))
            if i != j and self.counts[i, j]
        ]
        for count, i, j in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
            yield self.joints[i], self.joints[j], count


def count_confusion(labels: Labels, xy: FloatArray, skeleton: Skeleton, scale: Scale = "area") -> JointConfusion:
    """Where the joints of people came to lie.

    - **Counted**: joints that are labelled and predicted, of people who are no crowd.
    - **Lies on** the labelled joint of the same person whose ks is greatest, each by its own sigma; another joint than its own
      must be nearer by more than the margin of an inversion (.1 ks), as in the diagnosis, since joints seen from the side lie
      on each other. Near none: no ks of .5.

    Args:
        labels: N people.
        xy: (N, K, 2) float, image pixels, the joints predicted for each; NaN for none.
        skeleton: the joints with their sigmas.
        scale: the s of ks.

    Raises:
        AuditError: an unknown scale.
    """
    k = len(skeleton.joints)
    counts = np.zeros((k, k + 1), dtype=np.int64)
    unit = squared_scale(labels, scale) + np.spacing(1)
    variances = -2 * np.square(2 * np.array(skeleton.sigmas))
    counted = labels.labelled & ~np.isnan(xy).any(axis=2) & labels.people[:, None]
    whose = np.flatnonzero(counted.any(axis=1))
    own = np.arange(k)
    for start in range(0, len(whose), _BLOCK):
        rows = whose[start : start + _BLOCK]
        distance2 = squared_distance(xy[rows][:, :, None], labels.xy[rows][:, None]) / unit[rows, None, None]
        ks = np.where(labels.labelled[rows][:, None], ks_of(distance2, variances), 0.0)
        ks[:, own, own] += INVERSION_MARGIN
        best = ks.argmax(axis=2)
        ks[:, own, own] -= INVERSION_MARGIN
        near = np.take_along_axis(ks, best[:, :, None], axis=2)[:, :, 0] >= NEAR_KS
        on = np.where(near, best, k)
        some = counted[rows]
        np.add.at(counts, (np.broadcast_to(own, some.shape)[some], on[some]), 1)
    return JointConfusion(skeleton.joints, counts)


@dataclass(frozen=True, eq=False)
class DistancesByConfidence:
    """How far predictions lie from their labels, by how sure the model was; counts of different images add up with `+`.

    Attributes:
        counts: (CONFIDENCE_STEPS, DISTANCE_STEPS + 1) int: predictions by step of confidence 0..1 and by step of distance from
            0 to FARTHEST torso diameters, the last one beyond.
    """

    counts: IntArray

    def __add__(self, other: DistancesByConfidence) -> DistancesByConfidence:
        return DistancesByConfidence(self.counts + other.counts)

    def curve(self) -> list[dict[str, float]]:
        """For each threshold of confidence: the share of predictions at or above it, and their distances' quantiles.

        Returns:
            Rows of `threshold`, `kept`, `median` and `p90` in torso diameters (the upper end of the step; NaN where it is
            beyond FARTHEST or nothing is kept).
        """
        above = self.counts[::-1].cumsum(axis=0)[::-1]
        total = max(int(self.counts.sum()), 1)
        return [
            {
                "threshold": step / CONFIDENCE_STEPS,
                "kept": float(row.sum() / total),
                "median": _quantile(row, 0.5),
                "p90": _quantile(row, 0.9),
            }
            for step, row in enumerate(above)
        ]


def count_distances(
    labels: Labels, xy: FloatArray, confidence: FloatArray, torso: Sequence[int]
) -> DistancesByConfidence:
    """Distances by confidence, in torso diameters as PDJ measures them.

    - **Counted**: joints that are labelled and predicted, of people with both torso ends labelled who are no crowd.

    Args:
        labels: N people.
        xy: (N, K, 2) float, image pixels, the joints predicted for each; NaN for none.
        confidence: (N, K) float 0..1.
        torso: the two joints between which the torso diameter lies.
    """
    a, b = torso
    ends = labels.labelled[:, a] & labels.labelled[:, b] & labels.people
    diameter = np.hypot(*(labels.xy[:, a] - labels.xy[:, b]).T)
    ends &= diameter > 0
    counted = labels.labelled & ~np.isnan(xy).any(axis=2) & ends[:, None] & np.isfinite(confidence)
    distance = np.sqrt(squared_distance(xy, labels.xy)) / np.where(diameter > 0, diameter, np.nan)[:, None]
    # A distance on a step's end belongs to the step below it, as PDJ counts a joint on the circle.
    far = np.ceil(distance[counted] / FARTHEST * DISTANCE_STEPS - 1e-9).astype(np.int64) - 1
    sure = np.floor(np.clip(confidence[counted], 0, 1) * CONFIDENCE_STEPS + 1e-9).astype(np.int64)
    flat = np.minimum(sure, CONFIDENCE_STEPS - 1) * (DISTANCE_STEPS + 1) + np.clip(far, 0, DISTANCE_STEPS)
    size = CONFIDENCE_STEPS * (DISTANCE_STEPS + 1)
    counts = np.bincount(flat, minlength=size).reshape(CONFIDENCE_STEPS, DISTANCE_STEPS + 1)
    return DistancesByConfidence(counts.astype(np.int64))


def _quantile(row: NDArray[np.int64], share: float) -> float:
    total = int(row.sum())
    if not total:
        return float("nan")
    step = int(np.searchsorted(row.cumsum(), share * total))
    return float("nan") if step >= DISTANCE_STEPS else (step + 1) * FARTHEST / DISTANCE_STEPS
