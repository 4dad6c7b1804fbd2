"""People of one category whose joints are in order, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.columns import Numbers

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class JointGroup:
    """The annotations of one category whose `keypoints` are in order and not all 0, as arrays.

    Attributes:
        names: K joint names.
        rows: (n,) rows of the annotations.
        values: (n, 3K) x in image pixels, y, v (0, 1 or 2) of each joint, in a type that may be too narrow to calculate in.
        category: the row of the category.
        whole: (n,) whether all coordinates are integers by type.
    """

    names: tuple[str, ...]
    rows: IntArray
    values: Numbers
    category: int
    whole: NDArray[np.bool_]

    @cached_property
    def xy(self) -> FloatArray:
        """(n, K, 2) float, image pixels; of many people `by_joint` has them quicker."""
        joints = self.values.reshape(-1, len(self.names), 3)
        return joints[:, :, :2].astype(np.float64)

    @cached_property
    def v(self) -> NDArray[np.int8]:
        """(n, K) int, each 0, 1 or 2."""
        return self.values[:, 2::3].astype(np.int8)

    @cached_property
    def by_joint(self) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """(K, n) each: x, y, and whether the joint is labelled; what goes joint by joint is quick on these."""
        x, y = (self.values[:, d::3].T.astype(np.float64, order="C") for d in (0, 1))
        there: NDArray[np.bool_] = np.greater(self.values[:, 2::3].T, 0, order="C")
        return x, y, there

    @cached_property
    def low(self) -> FloatArray:
        """(n, 2) the least x and y of the labelled joints, infinite where none is labelled."""
        x, y, there = self.by_joint
        return np.stack([np.where(there, values, np.inf).min(axis=0) for values in (x, y)], axis=1)

    @cached_property
    def high(self) -> FloatArray:
        """(n, 2) the greatest x and y of the labelled joints, -infinite where none is labelled."""
        x, y, there = self.by_joint
        return np.stack([np.where(there, values, -np.inf).max(axis=0) for values in (x, y)], axis=1)

    @cached_property
    def counts(self) -> IntArray:
        """(n,) how many joints are labelled."""
        counted: IntArray = self.by_joint[2].sum(axis=0)
        return counted

    def part(self, chosen: NDArray[np.bool_]) -> JointGroup:
        """The same for some of the annotations."""
        return JointGroup(self.names, self.rows[chosen], self.values[chosen], self.category, self.whole[chosen])
