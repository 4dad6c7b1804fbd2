"""What a top-down model is worth on people it was not trained on: from their photos, in their boxes, against their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from tqdm import tqdm

from labeltool.audit import AuditResult, Detections, Interval, Labels, audit, bootstrap, sum_images
from labeltool.audit.confidence import count_by_confidence
from labeltool.audit.pdj import torso_diameters
from labeltool.audit.people import BoolArray, FloatArray
from labeltool.images import load_photo
from labeltool.models.base import PoseModel
from labeltool.skeleton import Skeleton
from labeltool.training.samples import Person

#: A joint is right within so many torso diameters of its label.
RIGHT_WITHIN = 0.2


@dataclass(frozen=True)
class Answers:
    """What a model says of people, one answer each, in order.

    Attributes:
        xy: (N, K, 2) joints, image pixels; NaN where the model predicts none.
        confidence: (N, K) 0..1.
        scores: (N,) 0..1.
    """

    xy: FloatArray
    confidence: FloatArray
    scores: FloatArray


@dataclass(frozen=True)
class Worth:
    """The figures of a model on labelled people.

    Attributes:
        audit: PDJ, PCP and the table by joint.
        pdj: PDJ at 0.2 with its bootstrap interval, photos drawn.
        calibration_error: expected calibration error over ten bins, of the chance that a joint lies within 0.2 torso diameters.
        misses_in_third: the share of misses among the third of joints with the lowest confidence; NaN without misses.
        distance: (N, K) to the label in torso diameters, NaN where it is not known.
    """

    audit: AuditResult
    pdj: Interval
    calibration_error: float
    misses_in_third: float
    distance: FloatArray


def ask(model: PoseModel, people: Sequence[Person], *, quiet: bool = False) -> Answers:
    """The model's answer in each person's box, photo after photo."""
    poses = []
    groups = [(path, list(group)) for path, group in groupby(people, key=lambda person: person.photo)]
    for path, group in tqdm(groups, desc="measuring", unit="photo", disable=True if quiet else None):
        boxes = np.array([person.box for person in group], dtype=np.float64)
        poses += model.predict([load_photo(path)], [boxes])
    return Answers(*(np.concatenate([getattr(p, name) for p in poses]) for name in ("xy", "confidence", "scores")))


def labels_of(people: Sequence[Person]) -> Labels:
    """The people's labels as the audit takes them; people of one photo have one image id."""
    numbers = {photo: n for n, photo in enumerate(dict.fromkeys(p.photo for p in people), start=1)}
    boxes = np.array([p.box for p in people], dtype=np.float64)
    return Labels.of(
        [numbers[p.photo] for p in people],
        np.array([p.xy for p in people]),
        np.array([p.v for p in people]),
        # the OKS area of people without an outline: 0.53 of the box
        np.maximum(0.53 * boxes[:, 2] * boxes[:, 3], 1.0),
        box=boxes,
    )


def worth(people: Sequence[Person], answers: Answers, skeleton: Skeleton) -> Worth:
    """The figures of answers."""
    labels = labels_of(people)
    predicted = np.isfinite(answers.xy).all(axis=-1)
    detections = Detections.of(labels.image, answers.xy, answers.scores, predicted=predicted, person=labels.person)
    intervals = bootstrap(sum_images(labels, detections, skeleton, threshold=RIGHT_WITHIN, with_ap=False))
    diameters = torso_diameters(labels, skeleton, "left_shoulder-right_hip")
    counted = labels.labelled & diameters.usable[:, None] & predicted
    torso = np.sqrt(np.where(diameters.usable, diameters.squared, np.nan))
    distance = np.where(counted, np.linalg.norm(answers.xy - labels.xy, axis=-1) / torso[:, None], np.nan)
    right = np.nan_to_num(distance, nan=np.inf) <= RIGHT_WITHIN
    counts = count_by_confidence(
        answers.confidence.ravel()[:, None], right.ravel()[:, None], counted.ravel()[:, None], ["all"]
    )
    return Worth(
        audit(labels, detections, skeleton),
        intervals[(f"pdj@{RIGHT_WITHIN:g}", "overall")],
        float(counts.calibration_error()[0]),
        misses_in_lowest_third(answers.confidence, right, counted),
        distance,
    )


def misses_in_lowest_third(confidence: FloatArray, right: BoolArray, counted: BoolArray) -> float:
    """The share of all misses that lies in the third of joints with the lowest confidence; NaN when nothing was missed.

    Args:
        confidence: (N, K).
        right: (N, K).
        counted: (N, K) whether it is known.
    """
    chosen = np.argsort(confidence[counted], kind="stable")
    missed = ~right[counted][chosen]
    if not missed.any():
        return float("nan")
    return float(missed[: len(missed) // 3].sum() / missed.sum())
