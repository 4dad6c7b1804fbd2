"""A project as a FiftyOne data set: made, or brought up to date with its tags, ids and the user's own fields left as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

from labeltool.errors import ExploreError
from labeltool.explore import engine
from labeltool.explore.gathering import Guess, Labelled, Photo, gather
from labeltool.explore.mapping import NAN_POINT, to_bounding_box, to_points
from labeltool.explore.measured import SCALE, choose_model, measure
from labeltool.project import Project
from labeltool.skeleton import Skeleton

#: The fields of labels: joints and boxes of the people, and of the model.
TRUTH, BOXES, GUESSES, GUESS_BOXES = "ground_truth", "boxes", "predictions", "predicted_boxes"
LABEL_FIELDS = (TRUTH, BOXES, GUESSES, GUESS_BOXES)

#: The list that holds the labels of each field.
INNER = {TRUTH: "keypoints", BOXES: "detections", GUESSES: "keypoints", GUESS_BOXES: "detections"}

#: The colours of the fields: labels green and predictions red, boxes paler.
_COLOURS = {TRUTH: "#2ca02c", BOXES: "#8fd18f", GUESSES: "#e4332d", GUESS_BOXES: "#f0a09d"}

#: The key of `dataset.info` under which stands whose data set it is.
INFO = "labeltool"

#: The source of marks that come from tags.
SOURCE = "fiftyone"

#: Photos that are written at once.
CHUNK = 250

Told = Callable[[int], object]


@dataclass(frozen=True)
class Built:
    """What `build` made.

    Attributes:
        dataset: the FiftyOne data set.
        photos: photos in it.
        new: of them, those that came new.
        people: labelled people.
        measured: of them, those with an OKS or a kind of error.
        guesses: predictions.
        withheld: predictions left out, because somebody is still to be labelled blind.
        model: whose predictions, or empty.
        notes: what else a user should know.
    """

    dataset: Any
    photos: int
    new: int
    people: int
    measured: int
    guesses: int
    withheld: int
    model: str
    notes: tuple[str, ...]


def build(project: Project, name: str | None = None, model: str | None = None, told: Told | None = None) -> Built:
    """Builds the data set of a project, or brings it up to date.

    Samples are known again by their `image_id`, labels by their person (a prediction made for nobody is made anew): their tags
    and FiftyOne ids stay, and so do saved views and fields that labeltool does not write.

    Args:
        project: the project.
        name: of the data set; by default the project's.
        model: as `evaluate.choose_run` takes it; by default the one that was run last.
        told: called with how many photos were written since the last call.

    Raises:
        ExploreError: no FiftyOne, or a data set of that name which was not made of this project.
        AuditError: no such predictions.
    """
    run = choose_model(project, model)
    fo = engine.load()
    name = name or project.config.name
    dataset = _open(fo, project, name)
    measured = None if run is None else measure(project, run)
    notes = (measured.note,) if measured is not None and measured.note else ()
    dataset.default_skeleton = skeleton_of(fo, project.skeleton)
    _declare(fo, dataset)
    known = dict(zip(*dataset.values(["image_id", "id"]), strict=True))
    counts = dict.fromkeys(("photos", "new", "people", "measured", "guesses", "withheld"), 0)
    photos = gather(project, run, measured, SOURCE, project.images())
    seen: set[int] = set()
    for chunk in _chunks(photos, CHUNK):
        new = [photo for photo in chunk if photo.image.id not in known]
        old = [photo for photo in chunk if photo.image.id in known]
        if new:
            dataset.add_samples([_sample(fo, photo, project.skeleton) for photo in new], dynamic=False, validate=False)
        if old:
            _refresh(fo, dataset, old, [known[photo.image.id] for photo in old], project.skeleton)
        seen.update(photo.image.id for photo in chunk)
        _count(counts, chunk, len(new))
        if told is not None:
            told(len(chunk))
    gone = [sample for image, sample in known.items() if image not in seen]
    if gone:
        dataset.delete_samples(gone)
    said = "" if measured is None else str(measured.model)
    dataset.info[INFO] = {"project": str(project.path.resolve()), "model": said, "oks_scale": SCALE}
    dataset.save()
    return Built(dataset=dataset, model=said, notes=notes, **counts)


def find_built(project: Project, name: str | None = None) -> Any:
    """The data set that was built of a project.

    Raises:
        ExploreError: there is none, or one that was made of something else.
    """
    fo = engine.load()
    name = name or project.config.name
    if not fo.dataset_exists(name):
        raise ExploreError(f"FiftyOne has no data set {name!r}: labeltool explore {project.path} builds it")
    return _owned(fo.load_dataset(name), project)


def skeleton_of(fo: ModuleType, skeleton: Skeleton) -> Any:
    """The joints and limbs as FiftyOne draws them; its edges are 0-based."""
    return fo.KeypointSkeleton(labels=list(skeleton.joints), edges=[list(pair) for pair in skeleton.limb_indices()])


def _open(fo: ModuleType, project: Project, name: str) -> Any:
    if fo.dataset_exists(name):
        return _owned(fo.load_dataset(name), project)
    try:
        dataset = fo.Dataset(name, persistent=True)
    except ValueError as error:
        raise ExploreError(f"FiftyOne takes no data set named {name!r}: {str(error).splitlines()[0]}") from None
    dataset.info[INFO] = {"project": str(project.path.resolve())}
    dataset.app_config.color_scheme = fo.ColorScheme(
        color_by="field", fields=[{"path": path, "fieldColor": colour} for path, colour in _COLOURS.items()]
    )
    dataset.app_config.active_fields = fo.ActiveFields(paths=[TRUTH, BOXES, GUESSES])
    dataset.save()
    return dataset


def _owned(dataset: Any, project: Project) -> Any:
    owner = (dataset.info.get(INFO) or {}).get("project")
    if owner != str(project.path.resolve()):
        of = f"is of the project {owner}" if owner else "was not made by labeltool"
        raise ExploreError(f"FiftyOne's data set {dataset.name!r} {of}, expected another --name")
    return dataset


def _declare(fo: ModuleType, dataset: Any) -> None:
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


def _sample(fo: ModuleType, photo: Photo, skeleton: Skeleton) -> Any:
    return fo.Sample(filepath=str(photo.path), **_facts(fo, photo), **_labels(fo, photo, skeleton, {}))


def _refresh(fo: ModuleType, dataset: Any, photos: Sequence[Photo], ids: Sequence[str], skeleton: Skeleton) -> None:
    """Writes photos that are in the data set anew, a field of all at once."""
    view = dataset.select(list(ids), ordered=True)
    kept = [dict[str, Mapping[int, tuple[str, list[str]]]]() for _ in photos]
    for field in LABEL_FIELDS:
        path = f"{field}.{INNER[field]}"
        columns = view.values([f"{path}.{name}" for name in ("person", "id", "tags")])
        for place, (people, labels, tags) in enumerate(zip(*columns, strict=True)):
            kept[place][field] = {
                person: (label, tag or [])
                for person, label, tag in zip(people or (), labels or (), tags or (), strict=True)
                if person is not None
            }
    rows = [
        {"filepath": str(photo.path), **_facts(fo, photo), **_labels(fo, photo, skeleton, old)}
        for photo, old in zip(photos, kept, strict=True)
    ]
    for name in rows[0]:
        view.set_values(name, [row[name] for row in rows])


def _facts(fo: ModuleType, photo: Photo) -> dict[str, Any]:
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


def _labels(
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


def _count(counts: dict[str, int], chunk: Sequence[Photo], new: int) -> None:
    counts["photos"] += len(chunk)
    counts["new"] += new
    for photo in chunk:
        counts["people"] += sum(one.is_labelled for one in photo.people)
        counts["measured"] += sum(one.verdict is not None for one in photo.people)
        counts["guesses"] += len(photo.guesses)
        counts["withheld"] += photo.withheld


def _chunks(photos: Iterator[Photo], size: int) -> Iterator[list[Photo]]:
    while chunk := list(islice(photos, size)):
        yield chunk
