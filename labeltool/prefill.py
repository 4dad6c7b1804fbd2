"""A model over a project: batches of photos, decoded ahead, predictions stored batch by batch so that a stop loses nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from labeltool.errors import ModelError, PhotoError
from labeltool.geometry import FloatArray, box_iou, clip_boxes
from labeltool.images import load_photo
from labeltool.models.base import PoseModel, Poses
from labeltool.project import ImageRecord, Person, PredictedPerson, Project
from labeltool.skeleton import Conversion, convert

#: Where the boxes come from for a model that finds nobody by itself: the project's people, or the whole photo where it has none.
Boxes = Literal["project", "image"]

#: A detection is a person of the project when their boxes overlap by at least this IoU.
SAME_PERSON_IOU = 0.5

#: Detections below this score are stored, but not put before a labeller as new people, unless another is asked for.
PROPOSAL_SCORE = 0.5

#: A batch ends early when its photos hold more pixels than this, so that big photos do not fill the memory.
_BATCH_PIXELS = 64_000_000


class Progress(Protocol):
    """A progress bar, such as tqdm's."""

    def update(self, n: int, /) -> object:
        """Moves the bar on by so many photos."""
        ...

    def close(self) -> object:
        """Ends the bar."""
        ...


class _Silent:
    def update(self, n: int, /) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class PrefillReport:
    """What a pre-fill did.

    Attributes:
        images: photos that the model was run on.
        people: poses that it predicted.
        filled: people whose joints now are predictions.
        proposed: people made from detections.
        blind: people whose prediction is kept from the labellers, as chance has them labelled without help.
        before: photos that an earlier run had done already.
        without_boxes: photos passed over because nobody in them has a box.
        problems: one line for each photo or person that could not be used.
    """

    images: int = 0
    people: int = 0
    filled: int = 0
    proposed: int = 0
    blind: int = 0
    before: int = 0
    without_boxes: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Task:
    image: ImageRecord
    people: list[Person]
    boxes: FloatArray | None


def prefill(
    project: Project,
    model: PoseModel,
    *,
    batch: int = 16,
    boxes: Boxes = "project",
    propose_from: float = PROPOSAL_SCORE,
    progress: Callable[[int], Progress] | None = None,
) -> PrefillReport:
    """Runs a model over the photos of a project that it has not seen yet, and fills the people nobody has labelled.

    A human's joint is never changed, and people who are labelled blind get no joints. Each batch is stored in one transaction: a
    run that was stopped, or killed, goes on behind its last whole batch when it is started again.

    Args:
        project: the project.
        model: the model.
        batch: photos a batch.
        boxes: for a model that needs boxes, see `Boxes`.
        propose_from: of a model that finds people by itself, the score from which on it proposes somebody new, 0 to 1.
        progress: makes a progress bar of so many photos.

    Returns:
        what was done, with a line for every photo or person that could not be used.

    Raises:
        ModelError: `propose_from` is no score, or the model predicts none of the project's joints.
    """
    if not 0 <= propose_from <= 1:
        raise ModelError(f"propose from {propose_from}: no score, expected a number from 0 to 1")
    conversion = convert(model.skeleton, project.skeleton)
    if not conversion.pairs:
        raise ModelError(
            f"{model.name} predicts {model.skeleton.name}, expected a model of some of the joints of {project.skeleton.name}"
        )
    report = PrefillReport()
    done = project.predicted_images(model.name, model.version, model.weights_hash)
    waiting = [image for image in project.images() if image.id not in done]
    report.before = len(done)
    bar = progress(len(waiting)) if progress is not None else _Silent()
    try:
        tasks = _tasks(project, model, waiting, boxes, report, bar)
        for photos, usable in _decoded(project, _batches(tasks, batch), report, bar):
            poses = model.predict(photos, [task.boxes for task in usable])
            found = {
                task.image.id: _people(task, p, conversion, model.detects)
                for task, p in zip(usable, poses, strict=True)
            }
            stored = project.add_predictions(
                model.name,
                model.version,
                model.weights_hash,
                found,
                fill=True,
                min_score=propose_from if model.detects else 0.0,
            )
            report.images += len(found)
            report.people += sum(map(len, found.values()))
            report.filled += len(stored.filled)
            report.proposed += len(stored.proposed)
            report.blind += len(stored.blind)
            bar.update(len(usable))
    finally:
        bar.close()
    if report.images:
        project.measure_doubts()
    return report


def _tasks(
    project: Project,
    model: PoseModel,
    images: Iterable[ImageRecord],
    boxes: Boxes,
    report: PrefillReport,
    bar: Progress,
) -> Iterator[_Task]:
    for image in images:
        people = [p for p in project.people(image.id) if not p.crowd and p.box is not None]
        if image.problem is not None:
            report.problems.append(image.problem)
        elif model.detects:
            yield _Task(image, people, None)
            continue
        else:
            usable = _inside(image, people, report)
            if usable:
                yield _Task(image, usable, np.array([p.box for p in usable], dtype=np.float64))
                continue
            if not people and boxes == "image":
                yield _Task(image, [], None)
                continue
            report.without_boxes += not people
        bar.update(1)


def _inside(image: ImageRecord, people: Sequence[Person], report: PrefillReport) -> list[Person]:
    usable = []
    for person in people:
        part = clip_boxes(person.box or (0, 0, 0, 0), image.width, image.height)
        if (part[2:] > 0).all():
            usable.append(person)
        else:
            report.problems.append(
                f"{image.file_name} (image {image.id}): annotation {person.annotation_id}: box {list(person.box or ())} lies "
                f"outside the photo of {image.width} x {image.height} pixels, expected some of it inside"
            )
    return usable


def _batches(tasks: Iterable[_Task], size: int) -> Iterator[list[_Task]]:
    batch: list[_Task] = []
    pixels = 0
    for task in tasks:
        own = task.image.width * task.image.height
        if batch and (len(batch) >= size or pixels + own > _BATCH_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(task)
        pixels += own
    if batch:
        yield batch


def _decoded(
    project: Project, batches: Iterator[list[_Task]], report: PrefillReport, bar: Progress
) -> Iterator[tuple[list[NDArray[np.uint8]], list[_Task]]]:
    """The photos of each batch; while one is worked on, the next is being decoded."""

    def start(batch: list[_Task]) -> tuple[list[_Task], list[Future[NDArray[np.uint8]]]]:
        return batch, [pool.submit(load_photo, project.photo_path(task.image)) for task in batch]

    with ThreadPoolExecutor(2, thread_name_prefix="decode") as pool:
        ahead = deque(map(start, _first(batches, 2)))
        try:
            while ahead:
                batch, futures = ahead.popleft()
                photos, usable = [], []
                for task, future in zip(batch, futures, strict=True):
                    try:
                        photos.append(future.result())
                        usable.append(task)
                    except PhotoError as error:
                        report.problems.append(str(error))
                        bar.update(1)
                if usable:
                    yield photos, usable
                ahead.extend(map(start, _first(batches, 1)))
        finally:
            pool.shutdown(cancel_futures=True)


def _first(batches: Iterator[list[_Task]], count: int) -> Iterator[list[_Task]]:
    return chain.from_iterable([batch] for _, batch in zip(range(count), batches, strict=False))


def _people(task: _Task, poses: Poses, conversion: Conversion, detects: bool) -> list[PredictedPerson]:
    """The poses in the project's joints, each with the person it speaks of."""
    if detects:
        owners = _same_people(poses, task.people)
    else:
        owners = [p.id for p in task.people] if task.boxes is not None else [None] * len(poses)
    return [predicted_person(poses, row, conversion, owner) for row, owner in enumerate(owners)]


def predicted_person(poses: Poses, row: int, conversion: Conversion, owner: int | None = None) -> PredictedPerson:
    """One of a model's poses in the joints of a project.

    Args:
        poses: in the model's joints.
        row: which of them.
        conversion: from the model's skeleton to the project's; joints that the model does not predict are left out.
        owner: the person that it speaks of.
    """
    xy = conversion.apply(poses.xy[row : row + 1])[0]
    confidence = conversion.apply(poses.confidence[row : row + 1])[0]
    joints = {
        name: (float(x), float(y), float(c))
        for name, (x, y), c in zip(conversion.target.joints, xy, confidence, strict=True)
        if np.isfinite(x) and np.isfinite(y)
    }
    x, y, w, h = (float(value) for value in poses.boxes[row])
    return PredictedPerson((x, y, w, h), float(poses.scores[row]), joints, owner)


def _same_people(poses: Poses, people: Sequence[Person]) -> list[int | None]:
    """For each detection, best score first, the person of the project with the greatest overlap that nobody has taken yet."""
    owners: list[int | None] = [None] * len(poses)
    if not people or not len(poses):
        return owners
    overlap = box_iou(poses.boxes, np.array([p.box for p in people], dtype=np.float64))
    for row in np.argsort(-poses.scores, kind="stable"):
        column = int(overlap[row].argmax())
        if overlap[row, column] >= SAME_PERSON_IOU:
            owners[row] = people[column].id
            overlap[:, column] = -1
    return owners
