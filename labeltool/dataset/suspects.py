"""Labels that are probably wrong, ranked: by the data set's own bodies and poses and, where there is one, by a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.dataset.arrays import People, people_arrays
from labeltool.dataset.poses import learn, torso_frame
from labeltool.dataset.suspect_poses import PRIOR, Hypothesis, Witness, hypotheses
from labeltool.dataset.suspect_rules import (
    FLAG_RARITY,
    LIMB_SPREADS,
    STRAY_REACH,
    SWAP_GAIN,
    TWIN_DISTANCE,
    body_sizes,
    flags,
    limb_lengths,
    limb_units,
    long_limbs,
    plain_swaps,
    strays,
    twins,
)

#: The kinds, with what each means.
KINDS: Final[Mapping[str, str]] = {
    "swap": "left and right are more plausible the other way round",
    "pose": "the joint lies where the data set's bodies have none, given the others",
    "model": "a model that is sure of itself puts the joint elsewhere",
    "limb": "longer than the data set's bodies allow",
    "stray": "far outside the box",
    "twin": "two people with the same joints",
    "flag": "v does not fit the geometry",
}

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    Attributes:
        kind: one of `KINDS`.
        score: how probably; ranks all kinds together. 0 is even odds: ln of the odds that the label is wrong, where one in a
            hundred is before it is looked at.
        image_id: the photo.
        file_name: its name.
        annotation: the annotation's id.
        joints: the joints it is about.
        reason: why, in a few words.
    """

    kind: str
    score: float
    image_id: int
    file_name: str
    annotation: int
    joints: tuple[str, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The suspect as plain data."""
        return {
            "kind": self.kind,
            "score": self.score,
            "image_id": self.image_id,
            "file_name": self.file_name,
            "annotation": self.annotation,
            "joints": list(self.joints),
            "reason": self.reason,
        }


def suspects(document: CocoDocument, predictions: Mapping[int, FloatArray] | None = None) -> list[Suspect]:
    """The labels that are probably wrong, the worst first; each kind at most once for the same joints of a person.

    - **Size** of a person is the median over the labelled limbs of their length over the data set's median share of the longer
      side of the box. So one wrong joint does not change it.
    - **swap**, **pose**, **model**: likelihood ratios by the data set's own poses and a model's predictions (`suspect_poses`).
      Poses are learnt from 300 or more people with all joints. Where they are not known, a pair is a swap when the limbs that end
      in it get shorter by more than a quarter of the size with its joints exchanged.
    - **limb**: the logarithm of length over size, in spreads above the data set's median; the spread is the distance from the
      median to the 97.7th percentile over 2. Short limbs are foreshortening and never suspect. Data sets with fewer than 20 such
      limbs are not judged. Only for joints that are suspect in no other way.
    - **stray**: distance from the box over its longer side.
    - **twin**: mean distance of the joints that both people have.
    - **flag**: see `suspect_rules.flags`; those that are rarer than one in a hundred.

    The scores of the plain rules grow with the logarithm of how far they are past their threshold, five nats for a factor of e,
    as the tail of a t distribution with five degrees of freedom falls; those of flags with how rare they are.

    Args:
        document: the labels.
        predictions: for annotations by id what a model says about them: (K, 3) x, y in image pixels and confidence, NaN for
            joints that it does not predict.

    Raises:
        CocoError: the document is damaged.
        SkeletonError: its category describes no skeleton.
    """
    people = people_arrays(document)
    if not len(people):
        return []
    numbers = [document.annotations[row]["id"] for row in people.rows]
    found = []
    for person, kind, score, joints, reason in _found(document, people, numbers, predictions or {}):
        image = document.images[people.images[person]]
        rounded = round(score, 3)
        found.append(Suspect(kind, rounded, image["id"], image["file_name"], numbers[person], joints, reason))
    return sorted(found, key=lambda s: (-s.score, s.file_name, s.annotation, s.kind, s.joints))


_Found = tuple[int, str, float, tuple[str, ...], str]


def _found(
    document: CocoDocument, people: People, numbers: list[int], predictions: Mapping[int, FloatArray]
) -> Iterator[_Found]:
    skeleton = people.skeleton
    lengths = limb_lengths(people)
    sizes = body_sizes(people, lengths)
    labels = np.where((people.v > 0)[:, :, None], people.xy, np.nan)
    units = limb_units(lengths, sizes)
    frame = torso_frame(skeleton, labels, units)
    poses = learn(skeleton, frame)
    said = hypotheses(skeleton, labels, units, poses, _witness(labels, units, numbers, predictions))
    named: set[tuple[int, str]] = set()
    for hypothesis in said:
        joints = tuple(skeleton.joints[joint] for joint in hypothesis.joints)
        named |= {(hypothesis.person, joint) for joint in joints}
        yield hypothesis.person, hypothesis.kind, hypothesis.evidence - PRIOR, joints, _why(hypothesis)
    for person, spreads, limb in long_limbs(skeleton, lengths, sizes):
        if not named & {(person, joint) for joint in limb}:
            yield person, "limb", _past(spreads, LIMB_SPREADS), limb, f"{spreads:.1f} spreads longer than usual"
    for person, gain, pair in plain_swaps(people, sizes):
        judged = poses is not None and np.isfinite(frame[person]).all(axis=1).sum() >= 2
        if not judged and not named & {(person, joint) for joint in pair}:
            reason = f"limbs {gain:.0%} of the size shorter the other way round"
            yield person, "swap", _past(gain, SWAP_GAIN), pair, reason
    for person, reach, joint in strays(people):
        reason = f"{reach:.0%} of the box's longer side outside the box"
        yield person, "stray", _past(reach, STRAY_REACH), (joint,), reason
    for person, other, distance in twins(people, sizes):
        closeness = TWIN_DISTANCE / max(distance, TWIN_DISTANCE / 100)
        yield person, "twin", _past(closeness, 1.0), (), f"the joints of annotation {numbers[other]}"
    images = [document.images[n] for n in people.images]
    extents = [np.array([_number(image.get(name)) for image in images]) for name in ("width", "height")]
    for person, share, joints, reason in flags(people, *extents):
        rarity = FLAG_RARITY / max(share, FLAG_RARITY / 1000)
        # What is rare is not wrong for that alone: flags come after what is implausible as well.
        yield person, "flag", float(np.log(rarity)) / 2, joints, reason


def _witness(
    labels: FloatArray, sizes: FloatArray, numbers: list[int], predictions: Mapping[int, FloatArray]
) -> Witness | None:
    if not predictions:
        return None
    table = np.full((*labels.shape[:2], 3), np.nan)
    for person, number in enumerate(numbers):
        if number in predictions:
            table[person] = predictions[number]
    return Witness(labels, table[:, :, :2], table[:, :, 2], sizes)


def _why(hypothesis: Hypothesis) -> str:
    ratio = f"{_odds(hypothesis.evidence)} times as plausible"
    model = f"a model says {_odds(hypothesis.by_model)} of it" if hypothesis.by_model > 1 else ""
    if hypothesis.kind == "swap":
        return ", ".join(filter(None, (f"the other way round {ratio}", model)))
    return ", ".join(filter(None, (f"anywhere else {ratio}", model)))


def _odds(nats: float) -> str:
    """A likelihood ratio as one says it: `20`, `3,000`, `10^7`."""
    digits = nats / np.log(10)
    return f"10^{digits:.0f}" if digits >= 5 else f"{float(f'{np.exp(nats):.1g}'):,.0f}"


def _past(value: float, threshold: float) -> float:
    """Score of a value past its threshold."""
    return 5 * float(np.log(value / threshold))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else np.nan
