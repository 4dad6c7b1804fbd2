"""Shares and means that add up: counts by name, so that files measured apart give one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.people import FloatArray, IntArray
from labeltool.errors import AuditError


@dataclass(frozen=True, eq=False)
class Rates:
    """A sum and a count by name, of joints or limbs; `+` pools two of them.

    Attributes:
        names: J names.
        total: (J,) float: successes, or the sum of what is averaged.
        counted: (J,) int: how many were looked at.
    """

    names: tuple[str, ...]
    total: FloatArray
    counted: IntArray

    def __add__(self, other: Rates) -> Rates:
        if self.names != other.names:
            raise AuditError(f"rates of {', '.join(other.names)}: expected {', '.join(self.names)}")
        return Rates(self.names, self.total + other.total, self.counted + other.counted)

    def each(self) -> FloatArray:
        """The mean of each name, NaN where nothing was counted: (J,)."""
        return ratio(self.total, self.counted)

    def overall(self) -> float:
        """The mean of all that was counted, pooled (a name counted often weighs more); NaN when nothing was."""
        return float(ratio(self.total.sum(), self.counted.sum()))


def ratio(total: ArrayLike, counted: ArrayLike) -> FloatArray:
    """The share total / counted, NaN where nothing was counted."""
    t, n = np.broadcast_arrays(np.asarray(total, dtype=np.float64), np.asarray(counted, dtype=np.float64))
    return np.asarray(np.divide(t, n, out=np.full(t.shape, np.nan), where=n > 0), dtype=np.float64)
