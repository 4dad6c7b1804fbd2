"""What poses a data set holds: a density, learnt from its own labels, that says how plausible a pose or one of its joints is.

A person is seen in the frame of the torso: from the middle of the shoulders to the middle of the hips is down, whatever the photo
says is down, and the median limb is 1 long (`suspect_rules.limb_units`). In it the joints of the fully labelled people, and of
their mirror images, are a mixture of multivariate Student t distributions (Peel and McLachlan 2000, "Robust mixture modelling
using the t distribution", equations 17 to 25): its tails are heavy, so that the wrong labels among them bend it little. Its
marginals are of the same kind, so that people with fewer labelled joints are judged by those they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from labeltool.skeleton import Skeleton

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Fully labelled people below which nothing is learnt.
FEWEST = 300

#: Fully labelled people that are learnt from at most.
MOST = 3000

#: Degrees of freedom of the t distributions: tails that a few per cent of wrong labels do not bend.
FREEDOM = 5.0

_COMPONENTS = 10
_ROUNDS = 25
_SEED = 0

#: Added to the variance of each coordinate, in square limbs: nothing is known more exactly than by a twentieth of a limb.
_FLOOR = 0.0025

_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(frozen=True, eq=False)
class Marginal:
    """What the density says about people who have the same joints labelled.

    Attributes:
        rows: (n,) which of the people given.
        joints: (J,) indices of their labelled joints.
        pose: (n,) log density of all their joints.
        joint: (n, J) log density of each joint, given the others.
    """

    rows: NDArray[np.intp]
    joints: NDArray[np.intp]
    pose: FloatArray
    joint: FloatArray


@dataclass(frozen=True, eq=False)
class Poses:
    """The density.

    Attributes:
        weights: (C,) of the components.
        means: (C, 2K) in the torso's frame, x and y in turn.
        scales: (C, 2K, 2K) their scale matrices.
    """

    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    def judge(self, xy: FloatArray, *, each: bool = True) -> Iterator[Marginal]:
        """Log densities of people, those with the same joints labelled together.

        Args:
            xy: (N, K, 2) in the torso's frame, NaN where a joint is not labelled; people without any are passed over.
            each: also the joints one by one; else `joint` is NaN.
        """
        there = np.isfinite(xy).all(axis=2)
        patterns, inverse = np.unique(there, axis=0, return_inverse=True)
        for n, pattern in enumerate(patterns):
            if pattern.sum() >= 2:
                rows = np.flatnonzero(inverse.ravel() == n)
                yield self._marginal(xy[rows], pattern, rows, each)

    def _marginal(self, xy: FloatArray, pattern: BoolArray, rows: NDArray[np.intp], each: bool) -> Marginal:
        joints = np.flatnonzero(pattern)
        columns = np.flatnonzero(np.repeat(pattern, 2))
        points = xy.reshape(len(xy), -1)[:, columns]
        scale = self.scales[:, columns[:, None], columns]
        precision = np.linalg.inv(scale)
        half_log = np.linalg.slogdet(scale)[1] / 2
        off = points[None] - self.means[:, None, columns]  # (C, n, d)
        pull = off @ precision
        distance = np.einsum("cnd,cnd->cn", off, pull)
        pose = _log_t(distance, half_log[:, None], len(columns))
        whole = _log_sum(np.log(self.weights)[:, None] + pose)
        joint = np.full((len(rows), len(joints)), np.nan)
        for n in range(len(joints) if each else 0):
            # The distance of the others is what is left when the joint's own share, given them, is taken off.
            block = slice(2 * n, 2 * n + 2)
            own = precision[:, block, block]
            part = np.einsum("cni,cij,cnj->cn", pull[:, :, block], np.linalg.inv(own), pull[:, :, block])
            others = half_log + np.linalg.slogdet(own)[1] / 2
            rest = _log_t(distance - part, others[:, None], len(columns) - 2)
            joint[:, n] = whole - _log_sum(np.log(self.weights)[:, None] + rest)
        return Marginal(rows, joints, whole, joint)


def learn(skeleton: Skeleton, xy: FloatArray) -> Poses | None:
    """The density of a data set's poses; None where fewer than 300 people have all joints labelled.

    Args:
        skeleton: K joints.
        xy: (N, K, 2) in the torso's frame (`torso_frame`), NaN where a joint is not labelled.
    """
    full = xy[np.isfinite(xy).all(axis=(1, 2))]
    if len(full) < FEWEST:
        return None
    random = np.random.default_rng(_SEED)
    full = full[np.sort(random.permutation(len(full))[:MOST])]
    points = np.concatenate([full, mirrored(skeleton, full)]).reshape(2 * len(full), -1)
    return _fit(points, random)


def mirrored(skeleton: Skeleton, xy: FloatArray) -> FloatArray:
    """The poses as a mirror shows them: (N, K, 2), x negated and the sides exchanged."""
    return np.asarray((xy * (-1, 1))[:, skeleton.flip_order()], dtype=np.float64)


def torso_frame(skeleton: Skeleton, xy: FloatArray, sizes: FloatArray) -> FloatArray:
    """The joints in the frame of the torso, in limbs: (N, K, 2), NaN for people without both shoulders and both hips.

    Args:
        skeleton: K joints.
        xy: (N, K, 2) image pixels, NaN where a joint is not labelled.
        sizes: (N,) pixels, the length of a limb.
    """
    if not set(_TORSO) <= set(skeleton.joints):
        return np.full_like(xy, np.nan)
    at = [skeleton.index(name) for name in _TORSO]
    shoulders, hips = xy[:, at[:2]].mean(axis=1), xy[:, at[2:]].mean(axis=1)
    down = hips - shoulders
    with np.errstate(divide="ignore", invalid="ignore"):
        y = down / np.hypot(down[:, 0], down[:, 1])[:, None]
        x = np.stack([y[:, 1], -y[:, 0]], axis=1)
        off = (xy - ((shoulders + hips) / 2)[:, None]) / sizes[:, None, None]
    return np.stack([np.einsum("nkd,nd->nk", off, axis) for axis in (x, y)], axis=2)


def _fit(points: FloatArray, random: np.random.Generator) -> Poses:
    count, size = points.shape
    means = points[_spread_out(points, random)]
    floor = _FLOOR * np.eye(size)
    scales = np.repeat(np.cov(points.T)[None] * 0.3 + floor, len(means), axis=0)
    weights = np.full(len(means), 1 / len(means))
    for _ in range(_ROUNDS):
        off = points[None] - means[:, None]
        distance = np.einsum("cnd,cnd->cn", off, off @ np.linalg.inv(scales))
        log = np.log(weights)[:, None] + _log_t(distance, np.linalg.slogdet(scales)[1][:, None] / 2, size)
        share = np.exp(log - _log_sum(log))
        pull = share * (FREEDOM + size) / (FREEDOM + distance)
        number = share.sum(axis=1)
        weights = (number + 1) / (count + len(means))
        means = (pull @ points) / pull.sum(axis=1)[:, None]
        for n, (mean, own) in enumerate(zip(means, pull, strict=True)):
            off_mean = points - mean
            scales[n] = (own[:, None] * off_mean).T @ off_mean / (number[n] + size) + floor
    return Poses(weights, means, scales)


def _spread_out(points: FloatArray, random: np.random.Generator) -> list[int]:
    """Where the components begin: far from each other, but not at outliers (k-means++, distances cut at the 95th percentile)."""
    chosen = [int(random.integers(len(points)))]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < _COMPONENTS:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chance = np.minimum(nearest, np.quantile(nearest, 0.95))
        chosen.append(int(random.choice(len(points), p=chance / chance.sum())))
    return chosen


def _log_t(distance: FloatArray, half_log: FloatArray, size: int) -> FloatArray:
    """Log density of the multivariate t by the squared Mahalanobis distance and half the log determinant of its scale matrix."""
    constant = lgamma((FREEDOM + size) / 2) - lgamma(FREEDOM / 2) - size / 2 * np.log(FREEDOM * np.pi)
    return np.asarray(constant - half_log - (FREEDOM + size) / 2 * np.log1p(distance / FREEDOM), dtype=np.float64)


def _log_sum(values: FloatArray) -> FloatArray:
    """(n,) log of the sum of exp over the first axis."""
    top = values.max(axis=0)
    return np.asarray(top + np.log(np.exp(values - top).sum(axis=0)), dtype=np.float64)
