"""How near a model comes to each joint, and how often it says nothing at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.circle import squared_distance
from labeltool.audit.matching import NO_DETECTION
from labeltool.audit.oks import Scale, similarity_at, squared_scale
from labeltool.audit.people import FloatArray, IntArray, Labels
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError


@dataclass(frozen=True, eq=False)
class JointCounts:
    """Keypoint similarity and misses of each joint; counts of different people add up with `+`.

    Attributes:
        n: (K,) int, labelled joints (v > 0, no crowd).
        similarity: (K,) float, sum of their ks, 0 for a missed joint.
        person_missed: (K,) int, joints of people whom no detection speaks for.
        not_predicted: (K,) int, joints the model does not predict, of people it found.
    """

    n: IntArray
    similarity: FloatArray
    person_missed: IntArray
    not_predicted: IntArray

    def __add__(self, other: JointCounts) -> JointCounts:
        if len(self.n) != len(other.n):
            raise AuditError(f"counts of {len(other.n)} joints, expected {len(self.n)} to add them")
        return JointCounts(
            self.n + other.n,
            self.similarity + other.similarity,
            self.person_missed + other.person_missed,
            self.not_predicted + other.not_predicted,
        )

    def mean_similarity(self) -> FloatArray:
        """Mean ks over the labelled joints, missed ones as 0: (K,); NaN where none is labelled."""
        return ratio(self.similarity, self.n)

    @property
    def missed(self) -> IntArray:
        """(K,) int: labelled joints for which there is no prediction."""
        return self.person_missed + self.not_predicted


def count_joints(
    labels: Labels,
    xy: FloatArray,
    speaks: IntArray,
    sigmas: ArrayLike,
    scale: Scale = "area",
    *,
    squared: FloatArray | None = None,
) -> JointCounts:
    """Mean ks and misses by joint.

    - **ks** = exp(-d^2 / (2 s^2 k^2)) with the label's own s, so that the mean of a person's ks is that person's OKS.
    - **Visibility**: joints with v > 0. **Missed** joints have ks 0 and stay in the mean.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none (`matching.joints_of`).
        speaks: (N,) from `matching.match`.
        sigmas: (K,) per-joint sigmas.
        scale: what s is.
        squared: (N, K) squared distances of `xy` to the labels, where they are known already.
    """
    labelled = labels.labelled & labels.people[:, None]
    distance2 = squared_distance(xy, labels.xy) if squared is None else squared
    ks = similarity_at(distance2, squared_scale(labels, scale), sigmas)
    alone = (speaks == NO_DETECTION)[:, None]
    absent = np.isnan(xy[:, :, 0]) & ~alone
    return JointCounts(
        np.count_nonzero(labelled, axis=0).astype(np.int64),
        np.where(labelled, ks, 0).sum(axis=0),
        np.count_nonzero(labelled & alone, axis=0).astype(np.int64),
        np.count_nonzero(labelled & absent, axis=0).astype(np.int64),
    )
