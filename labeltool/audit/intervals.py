"""How sure a measured share is."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.people import FloatArray
from labeltool.errors import AuditError


def wilson(hits: ArrayLike, counted: ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """The Wilson score interval of shares hits / counted: (low, high), NaN where nothing was counted.

    - **Independence** is assumed: right for one joint's PDJ (at most once a person), too narrow where people of one image
      fail together, and wrong for shares pooled over the joints of a person.
    - **0 and 1** have intervals of positive width: 0 of 10 is 0 .. 0.28.

    Source: Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4.

    Args:
        hits: (...) counts of successes.
        counted: (...) counts of trials.
        confidence: coverage of the interval, between 0 and 1.

    Raises:
        AuditError: the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise AuditError(f"confidence is {confidence}, expected a number between 0 and 1")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    x, n = np.broadcast_arrays(np.asarray(hits, dtype=np.float64), np.asarray(counted, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (x + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    # At the ends the formula gives exactly 0 and 1, its rounding does not.
    low = np.where(x == 0, 0.0, centre - half)
    high = np.where(x == n, 1.0, centre + half)
    nothing = n == 0
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)
