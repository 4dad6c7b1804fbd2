"""Suspects by what is more plausible than the label, sides exchanged or a joint elsewhere: by the poses there are, and a model.

Each is a hypothesis about a person, and its evidence a log likelihood ratio in nats: how much better the hypothesis explains what
is seen than the label does. The two witnesses add up.

- **Poses** (`poses.py`): the density of the pose with the sides exchanged over that of the pose as labelled; a wrong joint lies
  anywhere in a square of six sizes, a right one where the density of the joint, given the others, puts it.
- **A model**: a right label lies about its prediction with the spread that the data set shows for that joint, in as many cases as
  the data set's labels do at that confidence, and else anywhere; a wrong one anywhere. Joints of a person fail together, so what
  they say about exchanged sides is one witness: their mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from labeltool.dataset.poses import Poses, torso_frame
from labeltool.skeleton import Skeleton

FloatArray = NDArray[np.float64]

#: ln of the odds against a label being wrong before it is looked at: one in a hundred. Evidence beyond it is a suspicion.
PRIOR: Final = float(np.log(100))

#: Log density of a joint that may be anywhere: in a square of six limbs.
_ANYWHERE: Final = -2 * float(np.log(6))

#: Predicted joints from which on a model's confidence is calibrated, and into how many parts.
_ENOUGH, _PARTS = 200, 8

#: The most that a model is trusted: now and then every model takes left for right and is sure of it.
_MOST_TRUST = 0.98

#: Chains of joints whose sides labellers exchange, by the names of the joints without their sides.
_CHAINS: Final = (
    ("shoulder",),
    ("hip",),
    ("elbow",),
    ("wrist",),
    ("knee",),
    ("ankle",),
    ("elbow", "wrist"),
    ("knee", "ankle"),
    ("shoulder", "elbow", "wrist"),
    ("hip", "knee", "ankle"),
)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """That the labels of a person are wrong in some way.

    Attributes:
        kind: `swap` or `pose`; `model` where a model says most of it.
        person: row of the person.
        joints: indices of the joints it is about.
        evidence: nats by which it explains more than the label does.
        by_model: of them, those that the model says.
    """

    kind: str
    person: int
    joints: tuple[int, ...]
    evidence: float
    by_model: float


class Witness:
    """What a model says about labels: (N, K) log densities of places, in limbs, given its predictions."""

    def __init__(self, labels: FloatArray, predicted: FloatArray, confidence: FloatArray, sizes: FloatArray) -> None:
        """Measures spread and trust on the labels themselves.

        Args:
            labels: (N, K, 2) image pixels, NaN where not labelled.
            predicted: (N, K, 2) image pixels, NaN where nothing was predicted.
            confidence: (N, K), NaN where nothing was predicted.
            sizes: (N,) pixels, the length of a limb.
        """
        self._predicted, self._sizes = predicted, sizes
        away = self._away(labels)
        sure = confidence >= np.nanmedian(confidence)
        self._spread = np.ones(labels.shape[1])
        for joint in range(labels.shape[1]):
            known = away[sure[:, joint] & np.isfinite(away[:, joint]), joint]
            # The median of a Rayleigh law is 1.1774 spreads.
            self._spread[joint] = max(float(np.median(known)) / 1.1774, 0.01) if len(known) else 1.0
        self._trust = _trust(confidence, away <= 4 * self._spread, np.isfinite(away))

    def of(self, places: FloatArray, joints: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        """(N, K) log density of joints at (N, K, 2) places; that of anywhere where the model says nothing."""
        spread, trust = self._spread[joints], self._trust[:, joints]
        z = self._away(places, joints) / spread
        known = np.isfinite(z) & np.isfinite(trust)
        z, trust = np.where(known, z, 0.0), np.where(known, trust, 0.5)
        # A t distribution with two degrees of freedom in the plane: predictions miss by a lot more often than by a little more.
        near = np.log(trust) - 2 * np.log1p(z**2 / 2) - np.log(2 * np.pi * spread**2)
        return np.where(known, np.logaddexp(near, np.log1p(-trust) + _ANYWHERE), _ANYWHERE)

    def _away(self, places: FloatArray, joints: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        off = places - self._predicted[:, joints]
        return np.asarray(np.hypot(off[..., 0], off[..., 1]) / self._sizes[:, None], dtype=np.float64)


def hypotheses(
    skeleton: Skeleton, xy: FloatArray, sizes: FloatArray, poses: Poses | None, witness: Witness | None
) -> list[Hypothesis]:
    """What explains labels better than they do themselves, by more than the prior: an exchange of sides a person, and joints.

    Args:
        skeleton: K joints.
        xy: (N, K, 2) image pixels, NaN where not labelled.
        sizes: (N,) pixels, the length of a limb; NaN where not known.
        poses: the data set's poses; None: they are not known.
        witness: a model's predictions; None: there are none.
    """
    frame = torso_frame(skeleton, xy, sizes)
    base, joint_base = _densities(poses, frame)
    said = np.zeros(xy.shape[:2]) if witness is None else witness.of(xy)
    found = list(_swaps(skeleton, xy, frame, poses, witness, base, said))
    taken = {(h.person, joint) for h in found for joint in h.joints}
    by_poses = np.where(np.isfinite(joint_base), _ANYWHERE - joint_base, 0.0)
    by_model = np.zeros_like(by_poses) if witness is None else np.where(np.isfinite(xy[:, :, 0]), _ANYWHERE - said, 0.0)
    by_model[~np.isfinite(sizes)] = 0.0
    evidence = by_poses + by_model
    for person, joint in np.argwhere(evidence > PRIOR).tolist():
        if (person, joint) not in taken:
            kind = "model" if by_model[person, joint] > by_poses[person, joint] else "pose"
            values = float(evidence[person, joint]), float(by_model[person, joint])
            found.append(Hypothesis(kind, person, (joint,), *values))
    return found


def _densities(poses: Poses | None, frame: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N,) log density of each pose and (N, K) of each joint given the others; NaN where it is not known."""
    pose, joint = np.full(len(frame), np.nan), np.full(frame.shape[:2], np.nan)
    if poses is not None:
        for part in poses.judge(frame):
            pose[part.rows] = part.pose
            joint[part.rows[:, None], part.joints] = part.joint
    return pose, joint


def _pose_densities(poses: Poses, frame: FloatArray) -> FloatArray:
    """(N,) log density of each pose; NaN where it is not known."""
    pose = np.full(len(frame), np.nan)
    for part in poses.judge(frame, each=False):
        pose[part.rows] = part.pose
    return pose


def _swaps(
    skeleton: Skeleton,
    xy: FloatArray,
    frame: FloatArray,
    poses: Poses | None,
    witness: Witness | None,
    base: FloatArray,
    said: FloatArray,
) -> Iterator[Hypothesis]:
    """For each person the exchange of sides that explains most, where it explains more than the prior."""
    best = np.full(len(xy), -np.inf)
    of_model, which = np.zeros(len(xy)), np.zeros(len(xy), dtype=np.intp)
    sets = _exchanges(skeleton, witness is not None)
    for n, pairs in enumerate(sets):
        joints = np.array([joint for pair in pairs for joint in pair])
        order = np.arange(len(skeleton))
        order[joints] = [joint for a, b in pairs for joint in (b, a)]
        there = np.isfinite(xy[:, joints, 0]).all(axis=1)
        changed = np.full(len(xy), 0.0)
        # A pose and its mirror image are equally plausible: of all joints together only a model can tell.
        if poses is not None and len(pairs) < len(skeleton.flip_pairs):
            rows = np.flatnonzero(there & np.isfinite(base))
            changed[rows] = _pose_densities(poses, frame[rows][:, order]) - base[rows]
        model = np.zeros(len(xy))
        if witness is not None:
            model = (witness.of(xy[:, order][:, joints], joints) - said[:, joints]).mean(axis=1)
        gain = np.where(there, changed + np.nan_to_num(model), -np.inf)
        better = gain > best
        best[better], of_model[better], which[better] = gain[better], model[better], n
    for person in np.flatnonzero(best > PRIOR).tolist():
        chosen = tuple(joint for pair in sets[which[person]] for joint in pair)
        yield Hypothesis("swap", person, chosen, float(best[person]), float(of_model[person]))


def _exchanges(skeleton: Skeleton, with_all: bool) -> list[tuple[tuple[int, int], ...]]:
    """Pairs of joints that change places together: each chain, and with a model, which alone can tell, all of them."""
    pair_of = {a.removeprefix("left_"): (skeleton.index(a), skeleton.index(b)) for a, b in skeleton.flip_pairs}
    found = [tuple(pair_of[name] for name in chain) for chain in _CHAINS if set(chain) <= set(pair_of)]
    known = {pair for pairs in found for pair in pairs}
    found += [(pair,) for pair in pair_of.values() if pair not in known]
    return [*found, tuple(pair_of.values())] if with_all and len(pair_of) > 1 else found


def _trust(confidence: FloatArray, right: NDArray[np.bool_], judged: NDArray[np.bool_]) -> FloatArray:
    """(N, K) the share of labels that are met by a model's joints of about that confidence; NaN where it says nothing."""
    trust = np.full(confidence.shape, np.nan)
    said = np.isfinite(confidence)
    if not said.any():
        return trust
    known = said & judged
    parts = _PARTS if known.sum() >= _ENOUGH else 1
    edges = np.quantile(confidence[known] if known.any() else confidence[said], np.linspace(0, 1, parts + 1)[1:-1])
    part = np.searchsorted(edges, confidence)
    for n in range(parts):
        here = said & (part == n)
        many = int((here & judged).sum())
        # One miss more than was seen: no share of a few joints is 1.
        trust[here] = min((right & here & judged).sum() / (many + 1), _MOST_TRUST) if many else 0.5
    return np.where(said, np.clip(trust, 0.01, _MOST_TRUST), np.nan)
