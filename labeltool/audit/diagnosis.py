"""What went wrong at each joint: good, jitter, inversion, swap or miss; and people and detections without a counterpart.

Source: Ronchi & Perona, Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation (ICCV 2017), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.audit.average_precision import NO_LABEL, labels_found
from labeltool.audit.circle import squared_distance
from labeltool.audit.matching import NO_DETECTION, joints_of
from labeltool.audit.oks import Pairs, Scale, pairs_of_images, squared_scale
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels, expect_joints
from labeltool.audit.rates import ratio
from labeltool.audit.runs import run_starts
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: What a joint of a matched person can be; `Diagnosis.kind` holds positions in this list.
KINDS = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(5)
#: The kind of a joint that is not labelled, or whose person is not matched.
NO_KIND = -1

#: The least ks of a good joint.
GOOD_KS = 0.85
#: The least ks of a joint that is about where some labelled joint is.
NEAR_KS = 0.5
#: The least OKS of a detection and a person that are held against each other.
LEAST_OKS = 0.1
#: By how much a joint must be nearer to its mirror than to itself to be an inversion.
INVERSION_MARGIN = 0.1

#: Pairs of people measured at a time.
_BLOCK = 8192

Kinds = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The diagnosis of some images, person by person.

    Attributes:
        speaks: (N,) int, the row of the detection that is held against each label, `NO_DETECTION` for missed people, crowds
            and people without a labelled joint.
        kind: (N, K) int8, a position in `KINDS`, or `NO_KIND`.
        ks: (N, K) float, the ks that decided: to the own label, to the mirror or to another person's joint; 0 without a kind.
        missed: (N,) bool, a person (no crowd, a labelled joint) whom no detection finds.
        background: (M,) bool, a detection that finds nobody.
        excused: (M,) bool, a detection that finds a crowd or a person without labelled joints.
    """

    speaks: IntArray
    kind: Kinds
    ks: FloatArray
    missed: BoolArray
    background: BoolArray
    excused: BoolArray


@dataclass(frozen=True, eq=False)
class DiagnosisCounts:
    """How often each kind of error is made; counts of different images add up with `+`.

    Attributes:
        joints: K names.
        margin: the margin of an inversion.
        kinds: (5, K) int, labelled joints of matched people by kind, in the order of `KINDS`.
        person_missed: (K,) int, labelled joints of missed people: of no kind.
        people: labelled people (no crowd, at least one joint labelled).
        people_missed: those whom no detection finds.
        detections: all detections.
        background: those that find nobody.
        excused: those that find a crowd or a person without labelled joints.
        beyond_limit: those that nobody looked at, after the best 20 of their image.
    """

    joints: tuple[str, ...]
    margin: float
    kinds: IntArray
    person_missed: IntArray
    people: int
    people_missed: int
    detections: int
    background: int
    excused: int
    beyond_limit: int

    def __add__(self, other: DiagnosisCounts) -> DiagnosisCounts:
        if (self.joints, self.margin) != (other.joints, other.margin):
            raise AuditError("diagnoses of other joints or with another margin, expected the same to add them")
        return DiagnosisCounts(
            self.joints,
            self.margin,
            self.kinds + other.kinds,
            self.person_missed + other.person_missed,
            self.people + other.people,
            self.people_missed + other.people_missed,
            self.detections + other.detections,
            self.background + other.background,
            self.excused + other.excused,
            self.beyond_limit + other.beyond_limit,
        )

    def shares(self) -> FloatArray:
        """Of each joint's labels on matched people, the share of each kind: (5, K); NaN where there are none."""
        return ratio(self.kinds, self.kinds.sum(axis=0))

    def overall(self) -> dict[str, float]:
        """The share of each kind, pooled over the joints; NaN when nobody is matched."""
        return dict(zip(KINDS, map(float, ratio(self.kinds.sum(axis=1), self.kinds.sum())), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Counts by kind and joint, as plain dicts and numbers."""
        return {
            "margin": self.margin,
            "kinds": dict(zip(KINDS, self.kinds.sum(axis=1).tolist(), strict=True)),
            "per_joint": {
                joint: {**dict(zip(KINDS, column, strict=True)), "person_missed": missed}
                for joint, column, missed in zip(
                    self.joints, self.kinds.T.tolist(), self.person_missed.tolist(), strict=True
                )
            },
            "people": self.people,
            "people_missed": self.people_missed,
            "detections": self.detections,
            "background": self.background,
            "excused": self.excused,
            "beyond_limit": self.beyond_limit,
        }


def diagnose(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    pairs: Pairs,
    *,
    scale: Scale = "area",
    margin: float = INVERSION_MARGIN,
) -> Diagnosis:
    """What every predicted joint of every matched person is.

    Each joint j of a detection has a ks to its own label, to its left-right mirror on the same person, and to joint j and its
    mirror on every other person of the image, each with that person's own scale. The greatest decides:

        good        own label, ks >= .85            inversion   own mirror, ks >= .5
        jitter      own label, .5 <= ks < .85       swap        another person, ks >= .5        miss    ks < .5

    - **Matching** is COCO's at OKS >= .1 (score first, at most 20 detections an image), whatever boxes the model was given.
      A labelled person without a detection is a missed person; a detection that finds nobody is background.
    - **Ties** go to the own label, then to the mirror. A joint without a mirror (nose) cannot be inverted.
    - **margin**: arms and legs seen from the side lie so near each other that the greater of two good ks is chance. So the mirror
      counts only where ks_mirror - ks_own > margin. The paper asks for no margin: `margin=0` is its rule.
    - **A ks of exactly .85** is good (the published code leaves it in no class).
    - **Visibility**: the own label must have v > 0; other joints with v = 0 attract nobody. **Crowds** with labelled joints
      attract like people.
    - **Not predicted** joints (NaN) of matched people are misses.
    - The **five kinds sum to the labelled joints** of the matched people.

    Args:
        labels: all labels of these images.
        detections: all detections of these images.
        skeleton: joints, mirrors, sigmas.
        pairs: `all_pairs` of the two under the same scale.
        scale: what s is.
        margin: by how much the mirror's ks must be greater than the own.

    Raises:
        AuditError: other joints than the skeleton's, a negative margin.
    """
    expect_joints(skeleton.joints, labels=labels.joints, detections=detections.joints)
    if not margin >= 0:
        raise AuditError(f"margin is {margin}, expected 0 or more")
    found, looked_at = labels_found(labels, detections, pairs, LEAST_OKS)
    people = labels.people
    speaks = np.full(len(labels), NO_DETECTION, dtype=np.int64)
    finder = np.flatnonzero(found != NO_LABEL)
    finder = finder[people[found[finder]]]
    speaks[found[finder]] = finder
    rows = np.flatnonzero(speaks != NO_DETECTION)
    kind = np.full(labels.v.shape, NO_KIND, dtype=np.int8)
    ks = np.zeros(labels.v.shape)
    kind[rows], ks[rows] = _classify(labels, joints_of(detections, speaks[rows]), rows, skeleton, scale, margin)
    excused = found != NO_LABEL
    excused[finder] = False
    return Diagnosis(
        speaks, kind, ks, people & (speaks == NO_DETECTION), looked_at & (found == NO_LABEL), excused & looked_at
    )


def count_diagnosis(
    diagnosis: Diagnosis, labels: Labels, skeleton: Skeleton, margin: float = INVERSION_MARGIN
) -> DiagnosisCounts:
    """The diagnosis of some images as counts by joint.

    Args:
        diagnosis: `diagnose` of these images.
        labels: the labels it was made of.
        skeleton: the joints' names.
        margin: the margin it was made with.
    """
    kinds = np.stack([np.count_nonzero(diagnosis.kind == kind, axis=0) for kind in range(len(KINDS))])
    background, excused = int(diagnosis.background.sum()), int(diagnosis.excused.sum())
    people_missed = int(diagnosis.missed.sum())
    matched = int(np.count_nonzero(diagnosis.speaks != NO_DETECTION))
    return DiagnosisCounts(
        skeleton.joints,
        margin,
        kinds.astype(np.int64),
        np.count_nonzero(labels.labelled[diagnosis.missed], axis=0).astype(np.int64),
        matched + people_missed,
        people_missed,
        len(diagnosis.background),
        background,
        excused,
        len(diagnosis.background) - background - excused - matched,
    )


def as_table(counts: DiagnosisCounts) -> list[Mapping[str, str | int | float]]:
    """Rows {"joint", "kind", "n", "share"} for a plot or a file; joints that are nowhere labelled are left out."""
    shares = counts.shares()
    return [
        {"joint": joint, "kind": kind, "n": int(counts.kinds[i, j]), "share": float(shares[i, j])}
        for j, joint in enumerate(counts.joints)
        for i, kind in enumerate(KINDS)
        if counts.kinds[:, j].any()
    ]


def _classify(
    labels: Labels, xy: FloatArray, rows: IntArray, skeleton: Skeleton, scale: Scale, margin: float
) -> tuple[Kinds, FloatArray]:
    """Kind and deciding ks of the predicted joints `xy` (P, K, 2) of the people `rows` (P,): two (P, K)."""
    # Distances in units of the owner's size: (d / s)^2, of which every ks of one joint is the same falling function.
    unit = squared_scale(labels, scale) + np.spacing(1)
    variances, flip = -2 * np.square(2 * np.array(skeleton.sigmas)), skeleton.flip_order()
    truth = labels.xy.take(rows, axis=0)
    labelled = labels.labelled.take(rows, axis=0)
    own = ks_of(squared_distance(xy, truth) / unit[rows, None], variances)
    mirror = ks_of(squared_distance(xy, truth.take(flip, axis=1)) / unit[rows, None], variances)
    mirrored = labelled.take(flip, axis=1) & (mirror - own > margin)
    best = np.where(mirrored, mirror, own)
    kind = np.where(mirrored, INVERSION, np.where(own >= GOOD_KS, GOOD, JITTER)).astype(np.int8)
    others, distance2 = _nearest_of_others(labels, xy, rows, unit, float(np.max(skeleton.sigmas)), flip)
    other = ks_of(distance2, variances)
    taken = other > best[others]
    kind[others] = np.where(taken, SWAP, kind[others])
    best[others] = np.where(taken, other, best[others])
    kind[best < NEAR_KS] = MISS
    kind[~labelled], best[~labelled] = NO_KIND, 0
    return kind, best


def ks_of(distance2: FloatArray, variances: FloatArray) -> FloatArray:
    """The ks of squared distances in units of the person's size; 0 for NaN."""
    ks: FloatArray = np.exp(distance2 / variances)
    np.copyto(ks, 0.0, where=np.isnan(ks))
    return ks


def _nearest_of_others(
    labels: Labels, xy: FloatArray, rows: IntArray, unit: FloatArray, sigma: float, flip: NDArray[np.intp]
) -> tuple[IntArray, FloatArray]:
    """How far each joint is from the nearest same joint or mirror on another person of the image.

    Returns:
        The positions in `rows` of the people with a neighbour in reach (Q,), and (d / s)^2 by that neighbour's s (Q, K);
        a distance of a ks below .5 at the greatest sigma may be left out.
    """
    neighbour, position = pairs_of_images(labels.image, labels.image[rows])
    apart = np.flatnonzero(neighbour != rows[position])
    neighbour, position = neighbour.take(apart), position.take(apart)
    near = np.flatnonzero(_in_reach(labels, xy, neighbour, position, unit, sigma))
    neighbour, position = neighbour.take(near), position.take(near)
    start = run_starts(position)
    nearest = np.empty((len(position), labels.joints))
    for begin in range(0, len(position), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        whose, guess = neighbour[block], xy.take(position[block], axis=0)
        truth, there = labels.xy.take(whose, axis=0), labels.labelled.take(whose, axis=0)
        same = np.where(there, squared_distance(guess, truth), np.inf)
        crossed = squared_distance(guess, truth.take(flip, axis=1))
        crossed = np.where(there.take(flip, axis=1), crossed, np.inf)
        nearest[block] = np.minimum(same, crossed) / unit[whose, None]
    return position.take(start), np.minimum.reduceat(nearest, start, axis=0) if len(start) else nearest


def _in_reach(
    labels: Labels, xy: FloatArray, neighbour: IntArray, position: IntArray, unit: FloatArray, sigma: float
) -> BoolArray:
    """Whether any predicted joint can come within ks >= .5 of any labelled joint of the neighbour: (P,)."""
    reach = np.sqrt(2 * np.log(1 / NEAR_KS) * unit) * (2 * sigma) * (1 + 1e-9)
    labelled = labels.labelled.T.copy()
    near = np.ones(len(neighbour), dtype=np.bool_)
    for columns, guesses in zip(labels.columns, np.ascontiguousarray(xy.transpose(2, 1, 0)), strict=True):
        low, high = _extent(columns, labelled)
        guess_low, guess_high = _extent(guesses, ~np.isnan(guesses))
        near &= guess_low.take(position) <= (high + reach).take(neighbour)
        near &= guess_high.take(position) >= (low - reach).take(neighbour)
    return near


def _extent(columns: FloatArray, there: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The least and the greatest of the values of each person that are there: (K, N) -> two (N,); infinite without any."""
    low, high = np.where(there, columns, np.inf).min(axis=0), np.where(there, columns, -np.inf).max(axis=0)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
