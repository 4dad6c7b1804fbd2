"""What an audit is made of: labels and a model's predictions as arrays, read once from a project or from files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.audit import NO_PERSON, Detections, Labels, detections_from_coco, labels_from_coco
from labeltool.audit.people import as_rows
from labeltool.coco.derive import BOX_AREA_FACTOR, box_from_joints
from labeltool.coco.document import person_category, read_document
from labeltool.coco.results import read_results
from labeltool.errors import AuditError, PhotoError, ProjectError
from labeltool.images import photo_below
from labeltool.project import ModelSummary, Project
from labeltool.project.bulk import LabelArrays
from labeltool.project.versions import learnt_people
from labeltool.skeleton import Skeleton, from_category

#: The source of an area in a file: whatever the file says.
OF_FILE = "the file"


@dataclass(frozen=True)
class ModelName:
    """Which model spoke.

    Attributes:
        name: its name, or the name of its results file.
        version: its version; empty for a file.
        weights_hash: SHA-256 of its weights, as far as known; of a file, that of the file.
    """

    name: str
    version: str = ""
    weights_hash: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True)
class Photos:
    """The photos of the judged images.

    Attributes:
        read: file names and statuses of the images by id, asked for when the first is wanted: of a large project they take longer
            than its counts.
        of_status: the images of some statuses.
        find: the path of a photo by its image id, or None where it is not known.
    """

    read: Callable[[], tuple[Mapping[int, str], Mapping[int, str]]]
    of_status: Callable[[Collection[str]], Collection[int]]
    find: Callable[[int], Path | None]

    @property
    def names(self) -> Mapping[int, str]:
        """File name by image id."""
        return self._both[0]

    @property
    def status(self) -> Mapping[int, str]:
        """Status in the queue by image id; empty where the labels come from a file."""
        return self._both[1]

    @cached_property
    def _both(self) -> tuple[Mapping[int, str], Mapping[int, str]]:
        return self.read()


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and the people that it is judged on.

    Attributes:
        source: where the labels come from: the project's name, or the file's.
        model: who spoke.
        skeleton: the joints.
        labels: everybody on the judged images, in the order of image ids (of a file: in its own).
        detections: what the model says there.
        area_source: N sources of the labels' areas.
        photos: the photos of these images.
        taught: labelled people who are left out, because the model, or one that it is held against, was trained on them.
    """

    source: str
    model: ModelName
    skeleton: Skeleton
    labels: Labels
    detections: Detections
    area_source: NDArray[np.str_]
    photos: Photos = field(repr=False)
    taught: int = 0

    def only(self, images: Collection[int]) -> Subject:
        """The same on some of the images."""
        wanted = np.fromiter(images, dtype=np.int64, count=len(images))
        rows = as_rows(np.isin(self.labels.image, wanted))
        detections = self.detections.take(np.isin(self.detections.image, wanted))
        return replace(self, labels=self.labels.take(rows), detections=detections, area_source=self.area_source[rows])

    def with_status(self, statuses: Collection[str]) -> Subject:
        """The same on the images of some statuses."""
        return self.only(self.photos.of_status(statuses))

    @property
    def area_sources(self) -> dict[str, int]:
        """How many of the labelled people have their area from which source."""
        return dict(sorted(Counter(self.area_source[self.labels.people].tolist()).items()))

    def labels_hash(self) -> str:
        """SHA-256 over joints and labels: the same labels, the same hash, wherever they come from."""
        one = self.labels
        return _digest(
            self.skeleton, one.image, one.person, np.where(one.labelled[..., None], one.xy, 0), one.v, one.area, one.box,
            one.crowd,
        )  # fmt: skip

    def detections_hash(self) -> str:
        """SHA-256 over joints and predictions."""
        one = self.detections
        confidence = np.zeros(0) if one.confidence is None else one.confidence
        return _digest(self.skeleton, one.image, one.xy, one.score, one.predicted, one.box, confidence, one.person)


def read_project(
    project: Project, models: Sequence[str | None], *, statuses: Collection[str] | None = None
) -> list[Subject]:
    """Models of a project, each with the same labels.

    - **Labels** are human words: joints that came with the import, or that a labeller accepted, moved or added. Predictions that
      nobody has looked at are none.
    - **Images** that are judged: those with a labelled person that every one of the models was run on.
    - **People without labels** on such an image excuse a detection there, as COCO's people without joints do; a prediction made
      on the box of such a person is left out.
    - **People whom a model learnt from** measure nothing: those whom any of the models, or a version that it comes from, was
      trained on in this project (`labeltool.project.versions`) count as people without labels.
    - **Area**: that of the store (an outline's, the file's, or 0.53 x the box's); `area_source` names them.

    Args:
        project: the project.
        models: each as `choose_run` takes it.
        statuses: only images of these statuses.

    Raises:
        AuditError: no such predictions, or nothing to measure them by.
    """
    runs = [choose_run(project, model) for model in models]
    if len(set(runs)) < len(runs):
        known = ", ".join(run_names(project.list_models()).values())
        raise AuditError(f"{project.path}: {' and '.join(map(str, models))} are the same run, expected two of {known}")
    ran = set.intersection(*(project.predicted_images(r.model, r.version, r.weights_hash) for r in runs))
    photos = _project_photos(project)
    if statuses is not None:
        # What they are from here on is what they are now.
        ran &= {image for image, status in photos.status.items() if status in statuses}
    table = project.label_arrays()
    there = np.isin(table.image, np.fromiter(ran, dtype=np.int64, count=len(ran)))
    names = " and ".join(dict.fromkeys(f"{run.model}@{run.version}" for run in runs))
    learnt = learnt_people(project.path, [(run.model, run.version, run.weights_hash) for run in runs])
    taught = np.isin(table.person, np.fromiter(learnt, dtype=np.int64, count=len(learnt)))
    taught &= there & (table.keypoints[:, :, 2] > 0).any(axis=1)
    table = _without(table, taught)
    there = np.isin(table.image, table.image[there & (table.keypoints[:, :, 2] > 0).any(axis=1)])
    if not there.any() and taught.any():
        raise AuditError(
            f"{project.path}: {names} learnt from all {int(taught.sum())} labelled people there,"
            " expected some to measure it by: label more, or pre-fill the rest with it"
        )
    if not there.any():
        where = "" if statuses is None else f" with status {', '.join(statuses) or 'none'}"
        raise AuditError(
            f"{project.path}: no photo{where} that {names} was run on has a labelled person, expected some to measure it by"
        )
    try:
        labels = _labels_of(project, table, there)
    except (AuditError, ProjectError) as error:
        raise AuditError(f"{project.path}: {error}") from None
    persons = table.person[there][labels.people]
    return [
        Subject(
            project.config.name,
            ModelName(run.model, run.version, run.weights_hash),
            project.skeleton,
            labels,
            _detections_of(project, run, labels, persons),
            table.area_source[there],
            photos,
            int(taught.sum()),
        )
        for run in runs
    ]


def read_files(truth: Path, predictions: Sequence[Path], *, images_root: Path | None = None) -> list[Subject]:
    """Files of COCO keypoint results, each with the labels of one COCO file; all images are judged, as pycocotools does.

    Args:
        truth: the file with the labels; its person category gives the joints.
        predictions: results, one list each.
        images_root: folder of the photos, for pictures of the people.

    Raises:
        CocoError: a file that cannot be read.
        AuditError: a value that cannot be measured, with its place.
    """
    document = read_document(truth)
    category = person_category(document)
    skeleton = from_category(category)
    names = {image["id"]: str(image.get("file_name", "")) for image in document.images}
    ids, category_id = list(names), category["id"]
    results = [(path, read_results(path)) for path in predictions]
    try:
        labels = labels_from_coco(document.annotations, skeleton, category_id=category_id, image_ids=ids)
    except AuditError as error:
        raise AuditError(f"{truth}: {error}") from None
    subjects = []
    for path, found in results:
        try:
            detections = detections_from_coco(found, skeleton, category_id=category_id, image_ids=ids)
        except AuditError as error:
            raise AuditError(f"{path}: {error}") from None
        name = ModelName(path.name, weights_hash=hashlib.sha256(path.read_bytes()).hexdigest())
        photos = Photos(lambda: (names, {}), lambda _: (), _below(images_root, names))
        subjects.append(Subject(truth.name, name, skeleton, labels, detections, np.full(len(labels), OF_FILE), photos))
    if not labels.people.any():
        raise AuditError(
            f"{truth}: no person of category {category['name']!r} has a labelled joint, expected at least one"
        )
    return subjects


def _without(table: LabelArrays, rows: NDArray[np.bool_]) -> LabelArrays:
    """The same people, some of them without labels."""
    return replace(table, keypoints=np.where(rows[:, None, None], 0.0, table.keypoints)) if rows.any() else table


def choose_run(project: Project, model: str | None) -> ModelSummary:
    """The run of a model in a project: the latest of that name; the only one when none is named.

    Args:
        project: the project.
        model: `name`, `name@version`, or `name@version#a1b2c3` with the first digits of the SHA-256 of its weights.

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
    chosen, _, digits = model.partition("#")
    name, _, version = chosen.partition("@")
    found = [
        run
        for run in runs
        if run.model == name and version in ("", run.version) and run.weights_hash.startswith(digits)
    ]
    if not found:
        known = ", ".join(run_names(runs).values())
        raise AuditError(f"{project.path}: no predictions of model {model!r}, expected one of {known}")
    return max(found, key=lambda run: run.at)


def run_names(runs: Sequence[ModelSummary]) -> dict[ModelSummary, str]:
    """What `choose_run` takes for each run: `name@version`, with digits of the weights' SHA-256 where that names several."""
    plain = Counter((run.model, run.version) for run in runs)
    return {
        run: f"{run.model}@{run.version}" + (f"#{run.weights_hash[:12]}" if plain[run.model, run.version] > 1 else "")
        for run in runs
    }


def taught_line(subjects: Sequence[Subject]) -> str:
    """How many people are left out because a model learnt from them, as a sentence; empty where nobody is."""
    taught = subjects[0].taught
    if not taught:
        return ""
    names = " or ".join(dict.fromkeys(str(one.model) for one in subjects))
    return f"{taught:,} labelled {'person' if taught == 1 else 'people'} that {names} learnt from: left out."


def _labels_of(project: Project, table: LabelArrays, chosen: NDArray[np.bool_]) -> Labels:
    rows = as_rows(chosen)
    keypoints, image, area = table.keypoints[rows], table.image[rows], table.area[rows]
    for row in np.flatnonzero(np.isnan(area)).tolist():
        # Neither area nor box: what an export would write; 0 where nothing gives one.
        photo = project.image(int(image[row]))
        box = box_from_joints(keypoints[row, :, :2], keypoints[row, :, 2], photo.width, photo.height)
        area[row] = 0.0 if box is None else BOX_AREA_FACTOR * box[2] * box[3]
    return Labels.of(
        image,
        keypoints[:, :, :2],
        keypoints[:, :, 2],
        area,
        person=table.annotation[rows],
        box=table.box[rows],
        crowd=table.crowd[rows],
    )


def _detections_of(project: Project, run: ModelSummary, labels: Labels, persons: NDArray[np.int64]) -> Detections:
    """A run's predictions on the judged images, without those made on the boxes of people who are not among the labels.

    Args:
        project: the project.
        run: the run.
        labels: the labels.
        persons: the store's numbers of the labelled people among them, in their order.
    """
    table = project.prediction_arrays(run.model, run.version, run.weights_hash)
    order = np.argsort(persons)
    place = np.searchsorted(persons[order], table.person)
    known = np.isin(table.person, persons)
    kept = np.isin(table.image, labels.image) & (known | (table.person < 0))
    owner = np.full(len(kept), NO_PERSON, dtype=np.int64)
    owner[known] = labels.person[labels.people][order][place[known]]
    rows = as_rows(kept)
    joints = table.joints[rows]
    predicted = np.isfinite(joints[:, :, 0]) & np.isfinite(joints[:, :, 1]) & np.isfinite(joints[:, :, 2])
    return Detections.of(
        table.image[rows],
        joints[:, :, :2],
        table.score[rows],
        predicted=predicted,
        confidence=np.where(predicted, joints[:, :, 2], 0.0),
        person=owner[rows],
    )


def _project_photos(project: Project) -> Photos:
    def find(image: int) -> Path | None:
        try:
            return project.photo_path(project.image(image))
        except ProjectError:
            return None

    return Photos(project.image_names, project.images_of_status, find)


def _below(root: Path | None, names: Mapping[int, str]) -> Callable[[int], Path | None]:
    def find(image: int) -> Path | None:
        try:
            return None if root is None else photo_below(root, names[image])
        except PhotoError:
            return None

    return find


def _digest(skeleton: Skeleton, *arrays: ArrayLike) -> str:
    digest = hashlib.sha256("\n".join(skeleton.joints).encode())
    for array in arrays:
        values = np.asarray(array, dtype="<f8")
        # NaN has many bit patterns, and -0.0 is 0.
        values = np.where(np.isnan(values), np.nan, values + 0.0)
        digest.update(repr(values.shape).encode() + values.tobytes())
    return digest.hexdigest()
