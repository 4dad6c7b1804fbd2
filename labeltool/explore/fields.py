"""The fields of the data set: which there are, how the App shows them, and what a photo has in each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from labeltool.explore.gathering import Guess, Labelled, Photo
from labeltool.explore.mapping import NAN_POINT, to_bounding_box, to_points
from labeltool.skeleton import Skeleton

#: The fields of labels: joints and boxes of the people, and of the model.
TRUTH, BOXES, GUESSES, GUESS_BOXES = "ground_truth", "boxes", "predictions", "predicted_boxes"
LABEL_FIELDS = (TRUTH, BOXES, GUESSES, GUESS_BOXES)

#: The list that holds the labels of each field.
INNER = {TRUTH: "keypoints", BOXES: "detections", GUESSES: "keypoints", GUESS_BOXES: "detections"}

#: The groups of the App's sidebar, before those that it makes by itself.
_GROUPS = {
    "audit": ("worst_oks", "errors"),
    "work": ("status", "reason", "needs_fix", "marks", "people", "labelled_people"),
}

#: The colours of the fields: labels green and predictions red, boxes paler.
_COLOURS = {TRUTH: "#2ca02c", BOXES: "#8fd18f", GUESSES: "#e4332d", GUESS_BOXES: "#f0a09d"}


def skeleton_of(fo: ModuleType, skeleton: Skeleton) -> Any:
    """The joints and limbs as FiftyOne draws them; its edges are 0-based."""
    return fo.KeypointSkeleton(labels=list(skeleton.joints), edges=[list(pair) for pair in skeleton.limb_indices()])


def declare(fo: ModuleType, dataset: Any) -> None:
    """Declares every field, so that the App filters by those of labels too, and that a field is there when all are empty."""
    texts = {"ftype": fo.ListField, "subfield": fo.StringField}
    plain: dict[str, dict[str, Any]] = {
        "image_id": {"ftype": fo.IntField},
        "file_name": {"ftype": fo.StringField},
        "status": {"ftype": fo.StringField},
        "reason": {"ftype": fo.StringField},
        "needs_fix": {"ftype": fo.StringField},
        "marks": texts,
        "people": {"ftype": fo.IntField},
        "labelled_people": {"ftype": fo.IntField},
        "worst_oks": {"ftype": fo.FloatField},
        "errors": texts,
    }
    person = {"person": {"ftype": fo.IntField}}
    audit = {"oks": {"ftype": fo.FloatField}, "errors": texts, "wrong_joints": texts}
    truth: dict[str, dict[str, Any]] = {
        **person,
        **audit,
        "annotation_id": {"ftype": fo.IntField},
        "revision": {"ftype": fo.IntField},
        "area": {"ftype": fo.FloatField},
        "kinds": texts,
        "sources": texts,
        "missed": {"ftype": fo.BooleanField},
        "blind": {"ftype": fo.BooleanField},
        "help": {"ftype": fo.StringField},
        "seconds": {"ftype": fo.FloatField},
        "joints_moved": {"ftype": fo.IntField},
        "visible": {"ftype": fo.ListField, "subfield": fo.IntField},
    }
    boxes = {
        **person,
        "annotation_id": {"ftype": fo.IntField},
        "area": {"ftype": fo.FloatField},
        "iscrowd": {"ftype": fo.BooleanField},
        "labelled": {"ftype": fo.BooleanField},
        "blind": {"ftype": fo.BooleanField},
    }
    guesses = {**person, **audit, "score": {"ftype": fo.FloatField}, "background": {"ftype": fo.BooleanField}}
    inner = {TRUTH: truth, BOXES: boxes, GUESSES: guesses, GUESS_BOXES: person}
    schema = dict(plain)
    for field, attributes in inner.items():
        kind = fo.Keypoints if INNER[field] == "keypoints" else fo.Detections
        schema[field] = {"ftype": fo.EmbeddedDocumentField, "embedded_doc_type": kind}
        schema.update({f"{field}.{INNER[field]}.{name}": about for name, about in attributes.items()})
    there = dataset.get_field_schema(flat=True)
    for path, about in schema.items():
        if path not in there:
            dataset.add_sample_field(path, **about)


def arrange(fo: ModuleType, dataset: Any) -> None:
    """Sets how the App shows a new data set: labels green and predictions red, the audit and the work on top of the sidebar."""
    about = dataset.app_config
    about.color_scheme = fo.ColorScheme(
        color_by="field", fields=[{"path": path, "fieldColor": colour} for path, colour in _COLOURS.items()]
    )
    about.active_fields = fo.ActiveFields(paths=[TRUTH, BOXES, GUESSES])
    groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    placed = {path for paths in _GROUPS.values() for path in paths}
    for group in groups:
        group.paths = [path for path in group.paths if path not in placed]
        group.expanded = group.name in ("tags", "labels")
    own = [fo.SidebarGroupDocument(name=name, paths=list(paths), expanded=True) for name, paths in _GROUPS.items()]
    first = [group for group in groups if group.name in ("tags", "labels")]
    about.sidebar_groups = [*first, *own, *(group for group in groups if group not in first)]


def facts(fo: ModuleType, photo: Photo) -> dict[str, Any]:
    """The fields of the photo itself."""
    image = photo.image
    verdicts = [one.verdict for one in photo.people if one.verdict is not None]
    oks = [verdict.oks for verdict in verdicts if verdict.oks is not None]
    errors = {error for verdict in verdicts for error in verdict.errors}
    if any(verdict.missed for verdict in verdicts):
        errors.add("missed person")
    if any(guess.background for guess in photo.guesses):
        errors.add("background detection")
    return {
        "metadata": fo.ImageMetadata(width=image.width, height=image.height),
        "image_id": image.id,
        "file_name": image.file_name,
        "status": image.status,
        "reason": image.reason,
        "needs_fix": image.problem or image.finding or image.flag,
        "marks": photo.marks,
        "people": sum(not one.person.crowd for one in photo.people),
        "labelled_people": sum(one.is_labelled for one in photo.people),
        "worst_oks": min(oks) if oks else None,
        "errors": sorted(errors),
    }


def labels_of(
    fo: ModuleType, photo: Photo, skeleton: Skeleton, old: Mapping[str, Mapping[int, tuple[str, list[str]]]]
) -> dict[str, Any]:
    """The four fields of labels; whoever was there before keeps id and tags."""
    size = photo.image.width, photo.image.height
    labels: dict[str, list[Any]] = {field: [] for field in LABEL_FIELDS}
    for one in photo.people:
        if one.is_labelled and not one.person.crowd:
            labels[TRUTH].append(fo.Keypoint(**_truth(one, size)))
        if one.person.box is not None:
            labels[BOXES].append(fo.Detection(**_box(one, size)))
    for guess in photo.guesses:
        labels[GUESSES].append(fo.Keypoint(**_guess(guess, skeleton, size)))
        labels[GUESS_BOXES].append(fo.Detection(**_guess_box(guess, size)))
    for field, found in labels.items():
        before = dict(old.get(field, {}))
        for label in found:
            label_id, tags = before.pop(label.person, (None, None))
            if label_id is not None:
                label.id, label.tags = label_id, list(tags or ())
    return {
        field: (fo.Keypoints(keypoints=found) if INNER[field] == "keypoints" else fo.Detections(detections=found))
        for field, found in labels.items()
    }


def _truth(one: Labelled, size: tuple[int, int]) -> dict[str, Any]:
    person, verdict = one.person, one.verdict
    points, visible = to_points(one.keypoints, *size)
    return {
        "label": "person",
        "points": points,
        "visible": visible,
        "person": person.id,
        "annotation_id": person.annotation_id,
        "revision": person.revision,
        "area": person.area,
        "sources": [joint.source for joint in person.joints.values()],
        "blind": person.blind,
        "help": one.help,
        "seconds": one.seconds,
        "joints_moved": one.joints_moved,
        "oks": None if verdict is None else verdict.oks,
        "kinds": [] if verdict is None else list(verdict.kinds),
        "errors": [] if verdict is None else verdict.errors,
        "wrong_joints": [] if verdict is None else list(verdict.wrong),
        "missed": None if verdict is None else verdict.missed,
    }


def _box(one: Labelled, size: tuple[int, int]) -> dict[str, Any]:
    person = one.person
    assert person.box is not None  # the caller looked
    return {
        "label": "crowd" if person.crowd else "person",
        "bounding_box": to_bounding_box(person.box, *size),
        "person": person.id,
        "annotation_id": person.annotation_id,
        "area": person.area,
        "iscrowd": person.crowd,
        "labelled": one.is_labelled,
        "blind": person.blind,
    }


def _guess(guess: Guess, skeleton: Skeleton, size: tuple[int, int]) -> dict[str, Any]:
    points, confidence = [], []
    for joint in skeleton.joints:
        x, y, sure = guess.prediction.joints.get(joint, (math.nan, math.nan, math.nan))
        points.append(list(NAN_POINT) if math.isnan(x) else [x / size[0], y / size[1]])
        confidence.append(sure)
    verdict = guess.verdict
    return {
        "label": "person",
        "points": points,
        "confidence": confidence,
        "person": guess.owner,
        "score": guess.prediction.score,
        "oks": None if verdict is None else verdict.oks,
        "errors": [] if verdict is None else verdict.errors,
        "wrong_joints": [] if verdict is None else list(verdict.wrong),
        "background": guess.background,
    }


def _guess_box(guess: Guess, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "label": "person",
        "bounding_box": to_bounding_box(guess.prediction.box, *size),
        "confidence": guess.prediction.score,
        "person": guess.owner,
    }
