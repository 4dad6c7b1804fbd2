"""PCK and the end-point error: joints within a share of the person's size, and their mean distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.circle import squared_distance, within
from labeltool.audit.people import FloatArray, Labels, expect_guesses
from labeltool.audit.rates import Rates
from labeltool.skeleton import Skeleton


def count_pck(
    labels: Labels,
    xy: FloatArray,
    skeleton: Skeleton,
    *,
    alpha: float = 0.2,
    size: ArrayLike | None = None,
    squared: FloatArray | None = None,
) -> Rates:
    """PCK: joints whose distance to the label is <= alpha x the person's size.

    - **Size** is by default the longer side of the label's box (Yang & Ramanan, PAMI 2013: alpha * max(h, w)). Given as the
      length of the head segment with alpha = 0.5, this is MPII's PCKh.
    - **Visibility**: joints with v = 0 are not counted. **Missing** joints (NaN) are counted and wrong.
    - **People** without a size (no box, or 0) and crowds are not counted.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none.
        skeleton: the joints' names.
        alpha: share of the size.
        size: (N,) pixels.
        squared: (N, K) squared distances of `xy` to the labels, where they are known already.
    """
    expect_guesses(labels, xy, skeleton.joints)
    sizes = labels.box[:, 2:].max(axis=1) if size is None else np.asarray(size, dtype=np.float64)
    counted = labels.labelled & (labels.people & (sizes > 0))[:, None]
    inside = within(squared_distance(xy, labels.xy) if squared is None else squared, np.square(sizes)[:, None], alpha)
    return Rates(
        skeleton.joints,
        np.count_nonzero(inside & counted, axis=0).astype(np.float64),
        np.count_nonzero(counted, axis=0).astype(np.int64),
    )


def sum_endpoint_errors(
    labels: Labels, xy: FloatArray, skeleton: Skeleton, *, squared: FloatArray | None = None
) -> Rates:
    """The end-point error of each joint: the mean distance to the label, in pixels.

    - **Missing** joints have no distance: unlike in PDJ and PCK they are left out, so read it beside the number missed.
    - **Visibility**: joints with v = 0 are not counted; crowds neither.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none.
        skeleton: the joints' names.
        squared: (N, K) squared distances of `xy` to the labels, where they are known already.
    """
    expect_guesses(labels, xy, skeleton.joints)
    distance = distances(labels, xy) if squared is None else np.sqrt(squared)
    counted = labels.labelled & labels.people[:, None] & ~np.isnan(distance)
    return Rates(
        skeleton.joints,
        np.where(counted, distance, 0).sum(axis=0),
        np.count_nonzero(counted, axis=0).astype(np.int64),
    )


def distances(labels: Labels, xy: FloatArray) -> FloatArray:
    """Distance of each predicted joint to its label in pixels, NaN where there is no prediction: (N, K)."""
    return np.asarray(np.sqrt(squared_distance(xy, labels.xy)), dtype=np.float64)
