"""How far a person's predicted joints should be doubted: three measures in 0..1, and one number of them.

Each is a pure function on arrays of people, NaN for whom it cannot be taken. 0 is no doubt; 1 is certain to be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.audit.oks import keypoint_similarity
from labeltool.skeleton import Skeleton

FloatArray = NDArray[np.float64]

#: A limb that many spreads longer than usual is doubted by a half: where `labeltool suspects` begins to name it.
HALF_SPREADS = 4.0

#: Limbs shorter by this share of the person's size, with a pair's sides exchanged, are doubted by a half.
HALF_GAIN = 0.25

#: Labelled limbs below which the project's own bodies are no yardstick.
FEWEST = 20

#: Spread of ln(length / size) where the project has no yardstick of its own: poses differ more than bodies do, for limbs that
#: point at the camera are short; a generous value, so that only gross errors stand out.
_USUAL_SPREAD = 0.35

#: Lengths of body segments as shares of the stature (Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control of
#: Human Movement, 4th ed. 2009, figure 4.1), by the names of their ends without sides.
_SEGMENTS: Mapping[frozenset[str], float] = {
    frozenset(ends): share
    for ends, share in (
        (("shoulder", "elbow"), 0.186),
        (("elbow", "wrist"), 0.146),
        (("hip", "knee"), 0.245),
        (("knee", "ankle"), 0.246),
        (("shoulder",), 0.259),
        (("hip",), 0.191),
        (("shoulder", "hip"), 0.288),
        (("neck", "shoulder"), 0.129),
        (("thorax", "shoulder"), 0.129),
        (("pelvis", "hip"), 0.0955),
        (("pelvis", "thorax"), 0.288),
        (("thorax", "upper_neck"), 0.052),
        (("upper_neck", "head_top"), 0.130),
        (("neck", "head_top"), 0.182),
    )
}


@dataclass(frozen=True, eq=False)
class Bodies:
    """How long limbs are: the yardstick of `pose_doubt`.

    Attributes:
        usual: (L,) length of each limb in units that are the same for all limbs of a person, NaN where it is not known.
        centre: (L,) median of ln(length / (size * usual)).
        spread: (L,) its spread upwards, above 0.
    """

    usual: FloatArray
    centre: FloatArray
    spread: FloatArray

    def to_json(self) -> list[list[float | None]]:
        """The three columns as plain data, None for NaN."""
        return [[None if np.isnan(v) else float(v) for v in c] for c in (self.usual, self.centre, self.spread)]

    @classmethod
    def from_json(cls, data: list[list[float | None]]) -> Bodies:
        """The inverse of `to_json`."""
        usual, centre, spread = (np.array([np.nan if v is None else v for v in column]) for column in data)
        return cls(usual, centre, spread)


def anthropometric(skeleton: Skeleton) -> Bodies:
    """The yardstick that needs no labels: body segments of the literature; limbs of the face are not judged."""
    usual = np.array(
        [_SEGMENTS.get(frozenset(map(_without_side, limb)), np.nan) for limb in skeleton.limbs], dtype=np.float64
    )
    return Bodies(usual, np.zeros(len(usual)), np.full(len(usual), _USUAL_SPREAD))


def measured_bodies(skeleton: Skeleton, xy: ArrayLike, v: ArrayLike) -> Bodies:
    """The yardstick that labelled people give; limbs with fewer than 20 labelled lengths keep that of `anthropometric`.

    - **usual** of a limb is the median of its length over the person's median limb length.
    - **centre** is the median of ln(length / (size * usual)), **spread** the distance from there to the 97.725th percentile, over
      2 (what 2 standard deviations are for a normal law): robust, and blind to limbs that are short for pointing at the camera.

    Args:
        skeleton: K joints, L limbs.
        xy: (N, K, 2) labelled joints, image pixels.
        v: (N, K) COCO visibility; joints with v = 0 are left out.
    """
    joints = np.where(np.asarray(v)[..., None] > 0, np.asarray(xy, dtype=np.float64), np.nan)
    lengths = limb_lengths(skeleton, joints)
    known = anthropometric(skeleton)
    if not lengths.size:
        return known
    enough = np.isfinite(lengths).sum(axis=0) >= FEWEST
    if not enough.any():
        return known
    middle = _row_medians(np.where(enough, lengths, np.nan))
    shares = lengths / np.where(middle > 0, middle, np.nan)[:, None]
    usual = np.full(lengths.shape[1], np.nan)
    for n in np.flatnonzero(enough).tolist():
        column = shares[np.isfinite(shares[:, n]), n]
        usual[n] = np.median(column) if len(column) >= FEWEST else np.nan
    # The two yardsticks count in different units: the limbs they share tell how many of one are the other.
    both = usual / np.where(known.usual > 0, known.usual, np.nan)
    factor = float(np.nanmedian(both)) if np.isfinite(both).any() else np.nan
    usual = np.where(np.isfinite(usual) & (usual > 0), usual, known.usual * factor)
    ratios = _log_ratios(lengths, usual)
    centre, spread = known.centre.copy(), known.spread.copy()
    for n in range(lengths.shape[1]):
        column = ratios[np.isfinite(ratios[:, n]), n]
        if len(column) >= FEWEST:
            middle_ratio, high = np.percentile(column, (50, 97.725))
            if high > middle_ratio:
                centre[n], spread[n] = middle_ratio, (high - middle_ratio) / 2
    return Bodies(usual, centre, spread)


def confidence_doubt(confidence: ArrayLike) -> FloatArray:
    """(N,) the mean of 1 - confidence over the predicted joints: the share of them expected to miss, were it calibrated.

    Args:
        confidence: (N, K) in 0..1 (clipped), NaN for joints that are not predicted.
    """
    values = 1 - np.clip(np.asarray(confidence, dtype=np.float64), 0, 1)
    return _row_means(values)


def disagreement(xy_a: ArrayLike, xy_b: ArrayLike, area: ArrayLike, sigmas: ArrayLike) -> FloatArray:
    """(N,) 1 - OKS between two models' predictions of the same people.

    OKS as COCO has it (`oks.keypoint_similarity`), one model in the place of the label: symmetric, for distance and scale are.
    The mean runs over the joints that both predict; a person without such a joint, or without an area, is NaN.

    Args:
        xy_a: (N, K, 2) image pixels, NaN for joints that are not predicted.
        xy_b: (N, K, 2) the same of the other model.
        area: (N,) square pixels, NaN or 0 where nothing gives one.
        sigmas: (K,) per-joint sigmas.
    """
    a, b = np.asarray(xy_a, dtype=np.float64), np.asarray(xy_b, dtype=np.float64)
    scale2 = np.asarray(area, dtype=np.float64)
    both = np.isfinite(a).all(axis=2) & np.isfinite(b).all(axis=2) & (scale2 > 0)[:, None]
    ks = keypoint_similarity(a, np.where(np.isfinite(b), b, 0), np.where(scale2 > 0, scale2, 1), sigmas)
    return 1 - _row_means(np.where(both, ks, np.nan))


def pose_doubt(skeleton: Skeleton, xy: ArrayLike, bodies: Bodies) -> FloatArray:
    """(N,) how little a pose looks like a body's: the greater of two doubts, each s / (1 + s).

    - **limbs**: s = max over limbs of z / 4, z = (ln(length / (size * usual)) - centre) / spread, below 0 taken as 0: too long
      is wrong, too short is foreshortening. The size of a person is the median over limbs of length / usual, which one wrong
      joint does not change; a person with fewer than two known limbs has none.
    - **left and right**: s = max over flip pairs of g / 0.25, where g is the share of the size by which the limbs that end in the
      pair get shorter when its two joints change places.

    Args:
        skeleton: K joints.
        xy: (N, K, 2) image pixels, NaN for joints that are not predicted.
        bodies: how long the skeleton's limbs are.
    """
    joints = np.asarray(xy, dtype=np.float64)
    lengths = limb_lengths(skeleton, joints)
    if not lengths.size:
        return np.full(len(joints), np.nan)
    size = _sizes(lengths, bodies.usual)
    z = (_log_ratios(lengths, bodies.usual) - bodies.centre) / bodies.spread
    limbs = np.nan_to_num(z, nan=0.0, neginf=0.0).max(axis=1, initial=0.0) / HALF_SPREADS
    exchanged = _exchange_gain(skeleton, joints) / (size * _unit(bodies.usual)) / HALF_GAIN
    worst = np.maximum(limbs, np.nan_to_num(exchanged, nan=0.0))
    return np.where(np.isfinite(size), worst / (1 + worst), np.nan)


def combined(*doubts: ArrayLike) -> FloatArray:
    """(N,) one number of several doubts: 1 - (1 - a)(1 - b)..., those that are NaN left out, NaN where all are.

    It is the chance that at least one is right, were they independent; it grows with each of them.
    """
    table = np.stack([np.asarray(d, dtype=np.float64) for d in doubts])
    left = np.where(np.isnan(table), 1.0, 1 - table).prod(axis=0)
    return np.where(np.isnan(table).all(axis=0), np.nan, 1 - left)


def limb_lengths(skeleton: Skeleton, xy: FloatArray) -> FloatArray:
    """(N, L) lengths of the limbs in pixels, NaN where an end is NaN."""
    lengths = np.empty((len(xy), len(skeleton.limbs)))
    for n, (a, b) in enumerate(skeleton.limb_indices()):
        lengths[:, n] = np.hypot(*(xy[:, a] - xy[:, b]).T)
    return lengths


def _log_ratios(lengths: FloatArray, usual: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(lengths / (_sizes(lengths, usual)[:, None] * usual))
    return np.asarray(ratios, dtype=np.float64)


def _sizes(lengths: FloatArray, usual: FloatArray) -> FloatArray:
    """(N,) the median over limbs of length / usual; NaN with fewer than two, or of size 0."""
    shares = lengths / np.where(usual > 0, usual, np.nan)
    size = np.where(np.isfinite(shares).sum(axis=1) >= 2, _row_medians(shares), np.nan)
    return np.where(size > 0, size, np.nan)


def _unit(usual: FloatArray) -> float:
    """The median limb: what `size` times it is in pixels is a length of the person."""
    known = usual[np.isfinite(usual)]
    return float(np.median(known)) if len(known) else np.nan


def _exchange_gain(skeleton: Skeleton, xy: FloatArray) -> FloatArray:
    """(N,) pixels by which the limbs at a pair get shorter when it changes sides; the most over the pairs, at least 0."""
    ends: dict[int, list[int]] = {}
    for a, b in skeleton.limb_indices():
        ends.setdefault(a, []).append(b)
        ends.setdefault(b, []).append(a)
    most = np.zeros(len(xy))
    for left, right in ((skeleton.index(a), skeleton.index(b)) for a, b in skeleton.flip_pairs):
        gain = np.zeros(len(xy))
        for own, other in ((left, right), (right, left)):
            for end in ends.get(own, []):
                if end not in (left, right):
                    now = np.hypot(*(xy[:, own] - xy[:, end]).T)
                    then = np.hypot(*(xy[:, other] - xy[:, end]).T)
                    gain += np.nan_to_num(now - then, nan=0.0)
        most = np.maximum(most, gain)
    return most


def _without_side(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


def _row_means(values: FloatArray) -> FloatArray:
    there = np.isfinite(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _row_medians(values: FloatArray) -> FloatArray:
    medians = np.full(len(values), np.nan)
    there = np.isfinite(values).any(axis=1)
    if there.any():
        medians[there] = np.nanmedian(np.where(np.isfinite(values[there]), values[there], np.nan), axis=1)
    return medians
