"""Confidence that means what it says: a logistic curve from what a network shows to the chance that a joint is right.

    confidence = 1 / (1 + exp(-(slopes . x + offset_k)))

x are numbers that rise or fall with the certainty of a joint, offset_k belongs to joint k. Source: Platt, Probabilistic Outputs
for Support Vector Machines (1999); Guo et al., On Calibration of Modern Neural Networks (ICML 2017), sec. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeltool.errors import ModelError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: What pulls a joint's offset to the mean of all joints', in units of a label's worth: few labels move an offset little.
_PULL = 4.0
_STEPS = 50


@dataclass(frozen=True)
class Logistic:
    """A fitted curve.

    Attributes:
        slopes: (E,) one for each number of x.
        offsets: (K,) one for each joint.
    """

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]


def fit_logistic(x: FloatArray, right: BoolArray, counted: BoolArray) -> Logistic:
    """The curve of the highest likelihood, by Newton's method.

    Args:
        x: (N, K) certainty, or (N, K, E) several numbers that tell of it.
        right: (N, K) whether the joint was right.
        counted: (N, K) whether it is known.

    Raises:
        ModelError: nothing is counted.
    """
    if not counted.any():
        raise ModelError("calibration: no labelled joint, expected some to fit the confidence on")
    x = x.reshape(*counted.shape, -1)
    who, joint = np.nonzero(counted)
    joints, numbers = x.shape[1:]
    # columns: x, the offset that all share, what each joint differs from it by
    design = np.zeros((len(who), numbers + 1 + joints))
    design[:, :numbers], design[:, numbers] = x[who, joint], 1.0
    design[np.arange(len(who)), numbers + 1 + joint] = 1.0
    wanted = right[who, joint].astype(np.float64)
    # a little weight on what all share keeps it finite when everything is right, or wrong
    weight = np.concatenate([np.full(numbers + 1, 1e-3), np.full(joints, _PULL)])
    beta = np.zeros(len(weight))
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (chance - wanted) + weight * beta
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(weight)
        step = np.linalg.solve(curvature, gradient)
        # a step is cut where the likelihood is flat, so that it cannot fly off
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        beta -= step
        if float(np.abs(step).max()) < 1e-9:
            break
    slopes, shared, own = beta[:numbers], beta[numbers], beta[numbers + 1 :]
    return Logistic(tuple(slopes.tolist()), tuple((shared + own).tolist()))
