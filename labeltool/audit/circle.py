"""Whether a joint lies within a circle about its label, decided without rounding where the input is whole pixels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.people import BoolArray, FloatArray


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


def _written(share: float) -> Fraction:
    exact = Fraction(float(share))
    near = exact.limit_denominator(10_000)
    return near if abs(near - exact) < Fraction(1, 10**12) else exact
