"""Suspects of a project and of files: what models say about its people, and the way of the suspects into the queue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.coco.results import read_results
from labeltool.dataset.arrays import people_arrays
from labeltool.dataset.suspects import Suspect
from labeltool.errors import AuditError
from labeltool.project import Mark, ModelSummary, Project

FloatArray = NDArray[np.float64]

#: The source of the marks that suspects become.
SOURCE = "suspects"

#: The least overlap (intersection over union of the joints' boxes) of a result with the person it is about.
_LEAST_OVERLAP = 0.3


def project_predictions(project: Project, model: str | None = None) -> tuple[str, dict[int, FloatArray]]:
    """What a model said about the people of a project, by annotation id; nothing about those who are labelled blind.

    Args:
        project: the project.
        model: its name, or name@version; None: the one with the most predictions.

    Returns:
        the model (`name@version`; empty where none has predictions) and (K, 3) x, y, confidence, NaN where it says nothing.

    Raises:
        AuditError: no such model has predictions.
    """
    chosen = _chosen(project.list_models(), model)
    if chosen is None:
        return "", {}
    labels = project.label_arrays()
    annotation = dict(zip(labels.person.tolist(), labels.annotation.tolist(), strict=True))
    blind = project.blind_people()
    found = project.prediction_arrays(chosen.model, chosen.version, chosen.weights_hash)
    people = zip(found.person.tolist(), found.joints, strict=True)
    known = {annotation[person]: joints for person, joints in people if person in annotation and person not in blind}
    return f"{chosen.model}@{chosen.version}", known


def file_predictions(document: CocoDocument, path: Path) -> dict[int, FloatArray]:
    """The results of a file by the id of the annotation they are about: of the same photo, with the greatest overlap.

    Each result is given to one person at most, the best overlaps first. Results of COCO have one score a person, which stands for
    the confidence of its joints; a third number that is no flag (0, 1, 2) is the joint's own.

    Raises:
        CocoError: the file cannot be evaluated.
    """
    people = people_arrays(document)
    results = read_results(path, document)
    by_image: dict[int, list[int]] = {}
    for number, result in enumerate(results):
        by_image.setdefault(result["image_id"], []).append(number)
    tables = [_table(result["keypoints"], float(result["score"])) for result in results]
    pairs = []
    for person, image in enumerate(people.images.tolist()):
        labelled = people.xy[person][people.v[person] > 0]
        for number in by_image.get(document.images[image]["id"], []):
            overlap = _overlap(labelled, tables[number][np.isfinite(tables[number][:, 0]), :2])
            if overlap >= _LEAST_OVERLAP:
                pairs.append((-overlap, person, number))
    found: dict[int, FloatArray] = {}
    used: set[int] = set()
    for _, person, number in sorted(pairs):
        annotation = document.annotations[people.rows[person]]["id"]
        if annotation not in found and number not in used:
            found[annotation] = tables[number]
            used.add(number)
    return found


def send(project: Project, found: Sequence[Suspect], author: str) -> int:
    """Replaces the project's marks of suspects; how many are open then (what was called right stays so)."""
    labels = project.label_arrays()
    person = dict(zip(labels.annotation.tolist(), labels.person.tolist(), strict=True))
    marks = [
        Mark(s.kind, s.image_id, person[s.annotation], s.score, s.reason, s.joints)
        for s in found
        if s.annotation in person
    ]
    return project.put_marks(SOURCE, marks, author)


def _chosen(models: Sequence[ModelSummary], model: str | None) -> ModelSummary | None:
    name, _, version = (model or "").partition("@")
    fitting = [m for m in models if model is None or (m.model == name and version in ("", m.version))]
    if model is not None and not fitting:
        known = ", ".join(sorted({f"{m.model}@{m.version}" for m in models})) or "none"
        raise AuditError(f"model {model!r} has no predictions in this project, expected one of: {known}")
    return max(fitting, key=lambda m: (m.people, m.at), default=None)


def _table(keypoints: Sequence[float], score: float) -> FloatArray:
    table = np.array(keypoints, dtype=np.float64).reshape(-1, 3)
    if np.isin(table[:, 2], (0, 1, 2)).all():
        table[:, 2] = np.where(table[:, 2] > 0, np.clip(score, 0, 1), np.nan)
    table[~np.isfinite(table[:, 2])] = np.nan
    return table


def _overlap(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of the boxes around two sets of points; 0 where one is empty."""
    if not len(a) or not len(b):
        return 0.0
    low, high = np.maximum(a.min(axis=0), b.min(axis=0)), np.minimum(a.max(axis=0), b.max(axis=0))
    shared = np.prod(np.clip(high - low, 0, None))
    whole = np.prod(np.ptp(a, axis=0)) + np.prod(np.ptp(b, axis=0)) - shared
    return float(shared / whole) if whole > 0 else 0.0
