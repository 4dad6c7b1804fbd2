"""A study: every number of an audit, its intervals, and two models side by side, from one reading of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from labeltool import __version__
from labeltool.audit import (
    NO_DETECTION,
    OVERALL,
    AuditResult,
    ConfidenceCounts,
    Difference,
    DistancesByConfidence,
    ImageSums,
    Interval,
    JointConfusion,
    Scale,
    SliceAudit,
    all_pairs,
    audit,
    audit_slices,
    bootstrap,
    by_column,
    compare,
    count_confidence,
    count_confusion,
    count_corrections,
    count_distances,
    diagnose,
    expect_same_labels,
    in_parts,
    joints_of,
    right_joints,
    standard_slices,
    sum_images,
)
from labeltool.audit.by_image import Name
from labeltool.audit.confidence import RIGHT_KS
from labeltool.errors import AuditError
from labeltool.evaluate.people import PeopleTable, people_table
from labeltool.evaluate.subjects import Subject

#: The share of right predictions that the thresholds of confidence are chosen for, and how sure of it they shall be.
WANTED_PRECISION, SURE = 0.95, 0.95
#: From so few images no interval is made: a bootstrap of one image has no width at all.
FEWEST_IMAGES = 5


@dataclass(frozen=True)
class Choices:
    """What a study depends on beside the data.

    Attributes:
        scale: the s of the OKS.
        seed: of every bootstrap.
        replicates: of every bootstrap.
        confidence: coverage of the intervals.
    """

    scale: Scale = "area"
    seed: int = 0
    replicates: int = 1000
    confidence: float = 0.95


@dataclass(frozen=True, eq=False)
class Study:
    """Everything that is said of a model.

    Attributes:
        subject: the model and the people.
        choices: what it depends on beside them.
        result: the audit.
        sums: what each image adds, for intervals and comparisons.
        intervals: by metric and joint, of ks, PDJ@0.2, mean OKS, AP and AR.
        people: everybody one by one.
        gains: by how much AP rises with each kind of error fixed.
        calibration: predictions by confidence, or None where the model gives none.
        confusion: on which joint of the person each predicted joint lies.
        distances: how far predictions lie from their labels by confidence; None where there is no confidence or no torso.
        slices: the audit of groups of people and joints.
        notes: what about data or model limits the numbers, beside the audit's own notes.
    """

    subject: Subject
    choices: Choices
    result: AuditResult
    sums: ImageSums
    intervals: Mapping[Name, Interval]
    people: PeopleTable
    gains: Mapping[str, float]
    calibration: ConfidenceCounts | None
    confusion: JointConfusion
    distances: DistancesByConfidence | None
    slices: Sequence[SliceAudit]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """The model's name with its version."""
        return str(self.subject.model)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two models on the same people: the differences of every number, `a` the first, `b` the second."""

    a: Study
    b: Study
    differences: Mapping[Name, Difference]


def study(subject: Subject, choices: Choices | None = None) -> Study:
    """Everything that is said of a model."""
    choices = choices or Choices()
    scale = choices.scale
    labels, detections, skeleton = subject.labels, subject.detections, subject.skeleton
    sums = sum_images(labels, detections, skeleton, scale=scale)
    people = people_table(subject, scale)
    calibration, notes = _calibration(subject, people, scale)
    groups = standard_slices(labels)
    if subject.photos.status:
        groups += by_column("status", [subject.photos.status[image] for image in labels.image.tolist()])
    return Study(
        subject,
        choices,
        audit(labels, detections, skeleton, scale=scale),
        sums,
        bootstrap(sums, replicates=choices.replicates, seed=choices.seed, confidence=choices.confidence),
        people,
        _gains(subject, scale),
        calibration,
        count_confusion(labels, joints_of(detections, people.speaks), skeleton, scale),
        None if calibration is None else _distances(subject, people),
        audit_slices(
            labels,
            detections,
            skeleton,
            groups,
            scale=scale,
            replicates=choices.replicates,
            seed=choices.seed,
        ),
        (*notes, *_notes(subject, sums)),
    )


def compare_studies(a: Study, b: Study) -> Comparison:
    """Two models on the same people.

    Raises:
        AuditError: they were judged on other people, or by other choices.
    """
    if a.choices != b.choices:
        raise AuditError("studies made by other choices, expected the same to compare them")
    return Comparison(a, b, differences(a.sums, b.sums, a.choices))


def differences_of(a: Subject, b: Subject, choices: Choices) -> dict[Name, Difference]:
    """The paired differences of two models without the rest of their studies; see `differences`."""
    first, second = (sum_images(one.labels, one.detections, one.skeleton, scale=choices.scale) for one in (a, b))
    return differences(first, second, choices)


def differences(a: ImageSums, b: ImageSums, choices: Choices) -> dict[Name, Difference]:
    """The paired differences of two models, by metric and joint.

    Raises:
        AuditError: they were judged on other people.
    """
    expect_same_labels(a, b)
    return compare(a, b, replicates=choices.replicates, seed=choices.seed, confidence=choices.confidence)


def study_json(one: Study) -> dict[str, Any]:
    """Every number of a study with what it depends on, as plain values; None where nothing was counted."""
    subject, choices = one.subject, one.choices
    labels = subject.labels
    return {
        "model": {
            "name": subject.model.name,
            "version": subject.model.version,
            "weights_hash": subject.model.weights_hash,
        },
        "data": {
            "source": subject.source,
            "skeleton": subject.skeleton.name,
            "joints": list(subject.skeleton.joints),
            "images": len(np.unique(labels.image[labels.people])),
            "people": int(labels.people.sum()),
            "detections": len(subject.detections),
            "area_sources": dict(subject.area_sources),
            "labels_sha256": subject.labels_hash(),
            "detections_sha256": subject.detections_hash(),
        },
        "choices": {
            "scale": choices.scale,
            "seed": choices.seed,
            "replicates": choices.replicates,
            "confidence": choices.confidence,
            "right_ks": RIGHT_KS,
            "wanted_precision": WANTED_PRECISION,
        },
        "labeltool": __version__,
        "audit": one.result.to_json(),
        "intervals": [
            {"metric": metric, "joint": joint, **_interval(value)} for (metric, joint), value in one.intervals.items()
        ],
        "gains": {kind: _number(gain) for kind, gain in one.gains.items()},
        "calibration": None if one.calibration is None else calibration_json(one.calibration),
        "confusion": {
            "joints": list(one.confusion.joints),
            "counts": one.confusion.counts.tolist(),
        },
        "distance_by_confidence": [] if one.distances is None else [_plain(row) for row in one.distances.curve()],
        "slices": [slice_json(part) for part in one.slices],
        "notes": [*one.result.notes, *one.notes],
    }


def differences_json(found: Mapping[Name, Difference]) -> list[dict[str, Any]]:
    """Differences as rows; `p_a_better` is the share of replicates in which the first is ahead."""
    return [
        {
            "metric": metric,
            "joint": joint,
            "a": _number(d.a),
            "b": _number(d.b),
            "difference": _number(d.value),
            "low": _number(d.low),
            "high": _number(d.high),
            "p_a_better": _number(d.p_greater),
        }
        for (metric, joint), d in found.items()
    ]


def calibration_json(counts: ConfidenceCounts) -> dict[str, Any]:
    """Expected calibration error, reliability curve and thresholds of confidence, by joint."""
    errors = dict(zip(counts.joints, counts.calibration_error().tolist(), strict=True))
    found = {row.joint: row for row in counts.look_below(WANTED_PRECISION, sure=SURE)}
    return {
        "curve": [_plain(vars(point)) for point in counts.curve()],
        "joints": [
            {
                "joint": joint,
                "n": int(counts.n[i].sum()),
                "right": _number(float(counts.right[i].sum() / n)) if (n := counts.n[i].sum()) else None,
                "calibration_error": _number(errors[joint]),
                "look_below": found[joint].threshold,
                "kept": _number(found[joint].kept),
                "precision": _number(found[joint].precision),
                "caught": _number(found[joint].caught),
            }
            for i, joint in enumerate(counts.joints)
        ],
    }


def slice_json(part: SliceAudit) -> dict[str, Any]:
    """The numbers of a slice over all joints; AP and AR are None where it is one of joints, intervals where images are few."""
    numbers: dict[str, Any] = {}
    enough = int((part.sums.people > 0).sum()) >= FEWEST_IMAGES
    for metric in ("ks", "pdj@0.2", "oks", "AP", "AR"):
        value = part.values.get((metric, OVERALL), float("nan"))
        interval = part.intervals.get((metric, OVERALL)) if enough else None
        numbers[metric] = None if metric in ("AP", "AR") and value < 0 else _number(value)
        numbers[f"{metric}_low"] = None if interval is None else _number(interval.low)
        numbers[f"{metric}_high"] = None if interval is None else _number(interval.high)
    return {"group": part.group, "name": part.name, "people": part.people, "joints": part.joints, **numbers}


def _calibration(subject: Subject, people: PeopleTable, scale: Scale) -> tuple[ConfidenceCounts | None, list[str]]:
    labels, detections = subject.labels, subject.detections
    if detections.confidence is None or not (people.speaks != NO_DETECTION).any():
        return None, []
    right = right_joints(labels, joints_of(detections, people.speaks), subject.skeleton, scale=scale)
    try:
        return count_confidence(labels, detections, people.speaks, right, subject.skeleton.joints), []
    except AuditError as error:
        return None, [f"No calibration: the model gives no confidence by joint ({error})."]


def _distances(subject: Subject, people: PeopleTable) -> DistancesByConfidence | None:
    """None where the skeleton has no torso."""
    skeleton, detections = subject.skeleton, subject.detections
    if skeleton.torso is None or detections.confidence is None:
        return None
    confidence = detections.confidence.take(np.maximum(people.speaks, 0), axis=0)
    torso = [skeleton.index(joint) for joint in skeleton.torso]
    return count_distances(subject.labels, joints_of(detections, people.speaks), confidence, torso)


def _gains(subject: Subject, scale: Scale) -> dict[str, float]:
    parts = []
    for labels, detections in in_parts(subject.labels, subject.detections):
        pairs = all_pairs(labels, detections, subject.skeleton.sigmas, scale)
        diagnosis = diagnose(labels, detections, subject.skeleton, pairs, scale=scale)
        parts.append(count_corrections(labels, detections, subject.skeleton, pairs, diagnosis, scale=scale))
    return reduce(add, parts).gains()


def _notes(subject: Subject, sums: ImageSums) -> list[str]:
    notes = []
    guessed = sum(n for source, n in subject.area_sources.items() if source.endswith("x bbox"))
    people = int(subject.labels.people.sum())
    if guessed:
        notes.append(
            f"labelled people whose area is no outline's but 0.53 x their box's: {guessed:,} of {people:,}."
            " OKS and ks stand on that estimate; PDJ does not."
        )
    images = int((sums.people > 0).sum())
    if images < 50:
        notes.append(
            f"only {images} images with labelled people: the bootstrap intervals are too narrow below about 50."
        )
    return notes


def _interval(value: Interval) -> dict[str, float | None]:
    return {"value": _number(value.value), "low": _number(value.low), "high": _number(value.high)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _number(value) if isinstance(value, float) else value for key, value in values.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
