"""PCP, the percentage of correct parts: limbs whose two ends were found."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from labeltool.audit.pck import distances
from labeltool.audit.people import FloatArray, Labels, expect_guesses
from labeltool.audit.rates import Rates
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: "relaxed": the mean of the two end errors is small enough (what DeepPose's tables use); "strict": both are.
Rule = Literal["relaxed", "strict"]


def count_pcp(
    labels: Labels,
    xy: FloatArray,
    skeleton: Skeleton,
    *,
    rule: Rule = "relaxed",
    alpha: float = 0.5,
    squared: FloatArray | None = None,
) -> Rates:
    """PCP: limbs found within alpha x the labelled limb's length, by default PCP@0.5.

    - **"relaxed"**: the mean of the distances of the two ends to their labels is <= alpha x the length.
    - **"strict"**: each of the two distances is (Ferrari, Marin-Jimenez & Zisserman, CVPR 2008).
    - **Limbs** are the skeleton's. A limb is counted when both its ends are labelled (v > 0) and lie apart.
    - **Missing**: a limb of which an end was not predicted (NaN) is counted and wrong under both rules.
    - **Short limbs** are punished: a foreshortened arm has a small radius. PDJ was made to avoid that.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none.
        skeleton: limbs.
        rule: which of the two rules.
        alpha: share of the limb's length.
        squared: (N, K) squared distances of `xy` to the labels, where they are known already.

    Returns:
        Rates by limb, named `left_elbow-left_wrist`.

    Raises:
        AuditError: the rule has another name.
    """
    if rule not in get_args(Rule):
        raise AuditError(f"PCP rule {rule!r}: unknown, expected {' or '.join(get_args(Rule))}")
    expect_guesses(labels, xy, skeleton.joints)
    limbs = skeleton.limb_indices()
    # Joint by joint, so that each limb reads its two ends from contiguous memory.
    x, y = labels.columns
    labelled = (labels.labelled & labels.people[:, None]).T.copy()
    distance = (distances(labels, xy) if squared is None else np.sqrt(squared)).T.copy()
    found, counted = np.zeros(len(limbs)), np.zeros(len(limbs), dtype=np.int64)
    for limb, (a, b) in enumerate(limbs):
        length = np.sqrt(np.square(x[a] - x[b]) + np.square(y[a] - y[b]))
        error = (distance[a] + distance[b]) / 2 if rule == "relaxed" else np.maximum(distance[a], distance[b])
        counts = labelled[a] & labelled[b] & (length > 0)
        counted[limb] = np.count_nonzero(counts)
        found[limb] = np.count_nonzero(counts & (error <= alpha * length))
    return Rates(tuple(f"{skeleton.joints[a]}-{skeleton.joints[b]}" for a, b in limbs), found, counted)
