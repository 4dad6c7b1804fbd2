"""Whether a joint lies within a circle about its label, decided without rounding where the input is whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.people import BoolArray, FloatArray, IntArray


def squared_distance(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Squared distance of points: (..., 2), (..., 2) -> (...), NaN where a coordinate is, infinite beyond 1e154 pixels."""
    delta = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(np.square(delta[..., 0]) + np.square(delta[..., 1]), dtype=np.float64)


def within(squared: FloatArray, squared_unit: FloatArray, share: float) -> BoolArray:
    """Whether distance <= share x unit, the circle included; NaN is never within.

    The share p / q is taken as it was written (0.15 is 3/20, not the nearest double) and q^2 d^2 <= p^2 u^2 is compared, so
    that neither a root nor 0.1 x 50 can put a point that lies on the circle outside.

    Args:
        squared: squared distances.
        squared_unit: squared lengths of the unit, of a shape that broadcasts.
        share: radius in units.
    """
    radius = _written(share)
    return np.asarray(squared * radius.denominator**2 <= squared_unit * radius.numerator**2, dtype=np.bool_)


def first_within(squared: FloatArray, squared_unit: FloatArray, shares: Sequence[float]) -> IntArray:
    """The first of the rising shares whose circle holds the point, as `within` decides; their number where none does.

    Args:
        squared: (P,) squared distances.
        squared_unit: (P,) squared lengths of the unit, positive.
        shares: T radii in units, rising.
    """
    radii = [_written(share) for share in shares]
    p2 = np.array([float(radius.numerator) ** 2 for radius in radii])
    q2 = np.array([float(radius.denominator) ** 2 for radius in radii])
    with np.errstate(over="ignore"):
        step = np.searchsorted(p2 / q2, squared / squared_unit, side="left")
    # Rounding of the quotient can be wrong by one step at the circle itself.
    before, at = np.maximum(step - 1, 0), np.minimum(step, len(radii) - 1)
    sooner = (step > 0) & (squared * q2[before] <= squared_unit * p2[before])
    later = (step < len(radii)) & ~(squared * q2[at] <= squared_unit * p2[at])
    return np.asarray(step - sooner + (later & ~sooner), dtype=np.int64)


@cache
def _written(share: float) -> Fraction:
    exact = Fraction(float(share))
    near = exact.limit_denominator(10_000)
    return near if abs(near - exact) < Fraction(1, 10**12) else exact
