"""What the model's help did to the labels: how far it pulled them towards its own guesses, and how much time it saved.

A label that began as a model's guess is anchored to it, so that model looks better against it than it is. People who were
labelled blind (a box, no joints to start from) show by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltool.audit.bootstrap import Difference, compare
from labeltool.audit.by_image import OVERALL, Name, sum_images, sums_of_values
from labeltool.audit.oks import Scale
from labeltool.audit.pdj import Torso
from labeltool.audit.people import BoolArray, Detections, FloatArray, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Anchoring:
    """A model on people who were pre-filled with its guesses, and on people labelled blind.

    Attributes:
        people_assisted: labelled people who were pre-filled.
        people_blind: labelled people who were not.
        differences: by metric and joint: `a` on assisted people, `b` on blind ones, and their difference, which is the
            anchoring bias; positive where the pre-fill flatters the model.
    """

    people_assisted: int
    people_blind: int
    differences: dict[Name, Difference]

    @property
    def bias(self) -> Difference:
        """The anchoring bias of the mean ks of all joints."""
        return self.differences["ks", OVERALL]


@dataclass(frozen=True)
class SecondsSpent:
    """The time that labelling a person takes.

    Attributes:
        blind_people: people labelled blind whose time is known.
        assisted_people: pre-filled people whose time is known.
        blind_median: their median, seconds; NaN where there are none.
        assisted_median: likewise.
        saved: `a` is the mean of the blind, `b` that of the assisted, and the difference is the seconds that pre-fill saves
            a person.
        saved_share: that as a share of the blind mean.
        saved_total: that times the assisted people, seconds.
    """

    blind_people: int
    assisted_people: int
    blind_median: float
    assisted_median: float
    saved: Difference
    saved_share: float
    saved_total: float


def anchoring(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    *,
    blind: ArrayLike,
    assisted: ArrayLike,
    scale: Scale = "area",
    torso: Torso = "left_shoulder-right_hip",
    with_ap: bool = True,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Anchoring:
    """How much better a model does on people pre-filled with its own guesses than on people labelled blind.

    - **By chance**: the difference is a bias only where chance decided who was labelled blind. If labellers chose, it also
      holds whatever made them choose.
    - **The same model**: `assisted` are people pre-filled by the model (and version) that is judged. People who were
      pre-filled by another one, or of whom nothing is known, belong to neither group.
    - **Images** are resampled for both groups together, so people of both groups in one image are dealt with.

    Args:
        labels: all labels of the images that are judged.
        detections: the model's detections there.
        skeleton: joints, sigmas, torso ends.
        blind: (N,) bool, people labelled without its help.
        assisted: (N,) bool, people whose labels began as its guesses.
        scale: what s of the OKS is.
        torso: the torso diameter of PDJ.
        with_ap: also AP and AR.
        replicates: of the bootstrap.
        seed: of the bootstrap.
        confidence: coverage of the intervals.

    Raises:
        AuditError: somebody is in both groups, or a group has nobody with a labelled joint.
    """
    groups = _groups(blind, assisted, len(labels))
    counts = [int((labels.people & rows).sum()) for rows in groups]
    for name, count in zip(("blind", "assisted"), counts, strict=True):
        if not count:
            raise AuditError(f"nobody with a labelled joint was labelled {name}, expected some to compare")
    without, helped = (
        sum_images(labels, detections, skeleton, rows=rows, scale=scale, torso=torso, with_ap=with_ap)
        for rows in groups
    )
    found = compare(helped, without, replicates=replicates, seed=seed, confidence=confidence)
    return Anchoring(counts[1], counts[0], found)


def seconds_spent(
    image: ArrayLike,
    seconds: ArrayLike,
    *,
    blind: ArrayLike,
    assisted: ArrayLike,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> SecondsSpent:
    """What pre-fill saves: the seconds a person takes blind and assisted, and their difference.

    Means, because they add up to hours of work; the medians beside them show what a coffee break did to the means.

    Args:
        image: (N,) the image of each person.
        seconds: (N,) active seconds spent on each person, NaN where that is not known.
        blind: (N,) bool.
        assisted: (N,) bool.
        replicates: of the bootstrap, by image.
        seed: of the bootstrap.
        confidence: coverage of the interval.

    Raises:
        AuditError: somebody is in both groups, a negative time, or no known time in a group.
    """
    times = np.asarray(seconds, dtype=np.float64)
    groups = _groups(blind, assisted, len(times))
    if (times < 0).any():
        raise AuditError(f"seconds of person {int(np.argmax(times < 0))}: negative, expected 0 or more")
    name = [("seconds", OVERALL)]
    known = [times[rows & ~np.isnan(times)] for rows in groups]
    for which, values in zip(("blind", "assisted"), known, strict=True):
        if not len(values):
            raise AuditError(f"no time is known of anybody labelled {which}, expected some to compare")
    without, helped = (sums_of_values(image, name, np.where(rows, times, np.nan)[:, None]) for rows in groups)
    saved = compare(without, helped, replicates=replicates, seed=seed, confidence=confidence)["seconds", OVERALL]
    return SecondsSpent(
        len(known[0]),
        len(known[1]),
        _median(known[0]),
        _median(known[1]),
        saved,
        saved.value / saved.a if saved.a else float("nan"),
        saved.value * len(known[1]),
    )


def _groups(blind: ArrayLike, assisted: ArrayLike, people: int) -> tuple[BoolArray, BoolArray]:
    without, helped = np.asarray(blind, dtype=np.bool_), np.asarray(assisted, dtype=np.bool_)
    if without.shape != (people,) or helped.shape != (people,):
        raise AuditError(f"blind and assisted have shapes {without.shape} and {helped.shape}, expected {(people,)}")
    if (without & helped).any():
        raise AuditError(f"person {int(np.argmax(without & helped))} is blind and assisted, expected one of the two")
    return without, helped


def _median(values: FloatArray) -> float:
    return float(np.median(values))
