"""PCP, the percentage of correct parts: limbs whose two ends were found."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from labeltool.audit.circle import squared_distance
from labeltool.audit.pck import distances
from labeltool.audit.people import FloatArray, Labels, expect_guesses
from labeltool.audit.rates import Rates
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: "relaxed": the mean of the two end errors is small enough (what DeepPose's tables use); "strict": both are.
Rule = Literal["relaxed", "strict"]


def count_pcp(
    labels: Labels, xy: FloatArray, skeleton: Skeleton, *, rule: Rule = "relaxed", alpha: float = 0.5
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

    Returns:
        Rates by limb, named `left_elbow-left_wrist`.

    Raises:
        AuditError: the rule has another name.
    """
    if rule not in get_args(Rule):
        raise AuditError(f"PCP rule {rule!r}: unknown, expected {' or '.join(get_args(Rule))}")
    expect_guesses(labels, xy, skeleton.joints)
    ends = np.array(skeleton.limb_indices(), dtype=np.intp).reshape(-1, 2)
    a, b = ends[:, 0], ends[:, 1]
    length = np.sqrt(squared_distance(labels.xy[:, a], labels.xy[:, b]))
    labelled = (labels.v[:, a] > 0) & (labels.v[:, b] > 0)
    counted = labelled & labels.people[:, None] & (length > 0)
    distance = distances(labels, xy)
    first, second = distance[:, a], distance[:, b]
    error = (first + second) / 2 if rule == "relaxed" else np.maximum(first, second)
    found = error <= alpha * length
    return Rates(
        tuple(f"{skeleton.joints[i]}-{skeleton.joints[j]}" for i, j in ends),
        np.count_nonzero(found & counted, axis=0).astype(np.float64),
        np.count_nonzero(counted, axis=0).astype(np.int64),
    )
