"""Who says hidden, visible or not there: the flags of labels against those of a model or of another labeller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.people import FloatArray, IntArray
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError

#: The flags of COCO: not labelled, labelled but hidden, labelled and visible.
FLAGS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class VisibilityCounts:
    """Confusion of visibility flags by joint; counts of different people add up with `+`.

    Attributes:
        joints: K names.
        counts: (K, 3, 3) int: [joint, v of the first, v of the second].
    """

    joints: tuple[str, ...]
    counts: IntArray

    def __add__(self, other: VisibilityCounts) -> VisibilityCounts:
        if self.joints != other.joints:
            raise AuditError("visibility of other joints, expected the same to add them")
        return VisibilityCounts(self.joints, self.counts + other.counts)

    def overall(self) -> IntArray:
        """The confusion of all joints together: (3, 3)."""
        return np.asarray(self.counts.sum(axis=0), dtype=np.int64)

    def agreement(self) -> FloatArray:
        """The share of equal flags of each joint: (K,), NaN where nothing was counted."""
        return ratio(np.trace(self.counts, axis1=1, axis2=2), self.counts.sum(axis=(1, 2)))

    def kappa(self) -> FloatArray:
        """Cohen's kappa of each joint, the agreement beyond chance: (K,), 1 at most; NaN where one flag is all there is.

        Source: Cohen, A Coefficient of Agreement for Nominal Scales (1960).
        """
        n = self.counts.sum(axis=(1, 2))
        by_chance = (self.counts.sum(axis=2) * self.counts.sum(axis=1)).sum(axis=1)
        # Both terms times n^2, so that certain agreement is exactly 0 / 0.
        return ratio(n * np.trace(self.counts, axis1=1, axis2=2) - by_chance, n * n - by_chance)


def count_visibility(first: ArrayLike, second: ArrayLike, joints: Sequence[str]) -> VisibilityCounts:
    """How the flags of two sides go together.

    Args:
        first: (N, K) flags 0, 1 or 2, those of the labels.
        second: (N, K) flags of the other side, row by row for the same person.
        joints: K names.

    Raises:
        AuditError: other shapes, or a flag that is none.
    """
    a, b = np.asarray(first), np.asarray(second)
    shape = (len(a), len(joints))
    if a.shape != shape or b.shape != shape:
        raise AuditError(f"visibility flags have shapes {a.shape} and {b.shape}, expected {shape} twice")
    for flags in (a, b):
        bad = ~np.isin(flags, FLAGS)
        if bad.any():
            row, joint = np.argwhere(bad)[0]
            raise AuditError(f"visibility of {joints[joint]} of person {row}: {flags[row, joint]}, expected 0, 1 or 2")
    code = np.arange(len(joints)) * 9 + a.astype(np.int64) * 3 + b.astype(np.int64)
    counts = np.bincount(code.ravel(), minlength=9 * len(joints)).reshape(-1, 3, 3)
    return VisibilityCounts(tuple(joints), counts.astype(np.int64))
