"""Audits of projects and of files: their labels and predictions brought to the arrays that `labeltool.audit` measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labeltool.audit import NO_PERSON, AuditResult, Detections, Scale, audit, detections_from_coco, labels_from_coco
from labeltool.coco.document import person_category, read_document
from labeltool.coco.results import read_results
from labeltool.errors import AuditError, LabeltoolError
from labeltool.project import ModelSummary, Project
from labeltool.skeleton import from_category


def audit_files(truth: Path, predictions: Path, *, scale: Scale = "area") -> AuditResult:
    """COCO keypoint results held against a COCO file; all images of the file are judged, as pycocotools does.

    Args:
        truth: the file with the labels; its person category gives the joints.
        predictions: results, one list.
        scale: see `labeltool.audit.audit`.

    Raises:
        CocoError: a file that cannot be read.
        AuditError: a value that cannot be measured, with its place.
    """
    document = read_document(truth)
    results = read_results(predictions)
    category = person_category(document)
    skeleton = from_category(category)
    image_ids = [image["id"] for image in document.images]
    category_id = category["id"]
    try:
        labels = labels_from_coco(document.annotations, skeleton, category_id=category_id, image_ids=image_ids)
    except AuditError as error:
        raise AuditError(f"{truth}: {error}") from None
    try:
        detections = detections_from_coco(results, skeleton, category_id=category_id, image_ids=image_ids)
    except AuditError as error:
        raise AuditError(f"{predictions}: {error}") from None
    if not labels.people.any():
        raise AuditError(
            f"{truth}: no person of category {category['name']!r} has a labelled joint, expected at least one"
        )
    return audit(labels, detections, skeleton, scale=scale)


def audit_project(project: Project, model: str | None = None, *, scale: Scale = "area") -> AuditResult:
    """A model's predictions in a project held against the labels there.

    - **Labels** are human words: joints that came with the import, or that a labeller accepted, moved or added. Predictions that
      nobody has looked at are none.
    - **Images** that are judged: those with a labelled person that the model was run on.
    - **People without labels** on such an image excuse a detection there, as COCO's people without joints do; a prediction made
      on the box of such a person is left out.

    Args:
        project: the project.
        model: a model with predictions: its name, or `name@version`; the latest run counts. May be left out when there is one.
        scale: see `labeltool.audit.audit`.

    Raises:
        AuditError: no such predictions, or nothing to measure them by.
    """
    run = choose_run(project, model)
    ran = project.predicted_images(run.model, run.version, run.weights_hash)
    annotation_of = {}
    judged = set()
    for person in project.labelled_people():
        if person.image_id in ran:
            annotation_of[person.id] = person.annotation_id
            judged.add(person.image_id)
    if not judged:
        raise AuditError(
            f"{project.path}: no photo that {run.model} was run on has a labelled person, expected some to measure it by"
        )
    document = project.to_document()
    category = next(c for c in document["categories"] if c.get("keypoints") == list(project.skeleton.joints))
    people = [a for a in document["annotations"] if a["image_id"] in judged]
    try:
        labels = labels_from_coco(people, project.skeleton, category_id=category["id"])
    except LabeltoolError as error:
        raise AuditError(f"{project.path}: {error}") from None

    images, points, confidences, scores, owners = [], [], [], [], []
    nothing = (np.nan, np.nan, 0.0)
    for p in project.predictions(model=run.model, version=run.version, weights_hash=run.weights_hash):
        if p.image_id not in judged or (p.person_id is not None and p.person_id not in annotation_of):
            continue
        images.append(p.image_id)
        joints = [p.joints.get(name, nothing) for name in project.skeleton.joints]
        points.append([(x, y) for x, y, _ in joints])
        confidences.append([c for _, _, c in joints])
        scores.append(p.score)
        owners.append(NO_PERSON if p.person_id is None else annotation_of[p.person_id])
    count = len(project.skeleton)
    xy = np.array(points, dtype=np.float64).reshape(-1, count, 2)
    detections = Detections.of(
        images,
        xy,
        scores,
        predicted=np.isfinite(xy).all(axis=2),
        confidence=np.array(confidences, dtype=np.float64).reshape(-1, count),
        person=owners,
    )
    return audit(labels, detections, project.skeleton, scale=scale)


def choose_run(project: Project, model: str | None) -> ModelSummary:
    """The run of a model in a project: the latest of that name, or of that `name@version`; the only one when none is named.

    Raises:
        AuditError: there is none, or the choice is not clear.
    """
    runs = project.list_models()
    if not runs:
        raise AuditError(f"{project.path}: no model was run on this project, expected predictions (labeltool prefill)")
    names = sorted({run.model for run in runs})
    if model is None:
        if len(names) > 1:
            raise AuditError(f"{project.path}: predictions of {', '.join(names)}: say which by --model")
        model = names[0]
    name, _, version = model.partition("@")
    found = [run for run in runs if run.model == name and version in ("", run.version)]
    if not found:
        known = ", ".join(f"{run.model}@{run.version}" for run in runs)
        raise AuditError(f"{project.path}: no predictions of model {model!r}, expected one of {known}")
    return max(found, key=lambda run: run.at)
