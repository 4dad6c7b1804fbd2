"""The photos of a project with all that a data set shows of them, one after the other: plain values, no FiftyOne."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labeltool.errors import ProjectError
from labeltool.explore.measured import Guessed, Measured, Verdict
from labeltool.project import ImageRecord, ModelSummary, Person, Prediction, Project


@dataclass(frozen=True)
class Labelled:
    """A person of the store: what a human says of them, how it was said, and what the audit found.

    Attributes:
        person: as stored.
        keypoints: 3K numbers x, y, v in the skeleton's order; mere predictions are 0, 0, 0.
        help: `none`, `prefilled` or `blind` as of the last revision by a human, or None where nobody worked on them.
        seconds: active seconds of all humans together, or None.
        joints_moved: joints that lie elsewhere than they were served, or None.
        verdict: of the audit, or None.
    """

    person: Person
    keypoints: list[float]
    help: str | None
    seconds: float | None
    joints_moved: int | None
    verdict: Verdict | None

    @property
    def is_labelled(self) -> bool:
        """Whether any joint is labelled."""
        return any(self.keypoints[2::3])


@dataclass(frozen=True)
class Guess:
    """A prediction, and the person that it is held against.

    Attributes:
        prediction: as stored.
        owner: the store's number of the person whom it was made for or speaks for, or None.
        verdict: of that person, where this prediction is the one that speaks for them.
        background: it finds nobody; None where the photo is not judged.
    """

    prediction: Prediction
    owner: int | None
    verdict: Verdict | None
    background: bool | None


@dataclass(frozen=True)
class Photo:
    """A photo with its people and predictions.

    Attributes:
        image: as stored.
        path: where the file lies.
        people: those whom an export would hold, and the crowds.
        guesses: what the model said.
        withheld: predictions that are not shown, because somebody on the photo is still to be labelled blind.
        marks: names of the open marks of the photo, those from FiftyOne left out.
    """

    image: ImageRecord
    path: Path
    people: list[Labelled]
    guesses: list[Guess]
    withheld: int = 0
    marks: list[str] = field(default_factory=list)


def gather(
    project: Project,
    run: ModelSummary | None,
    measured: Measured | None,
    own_source: str,
    images: Sequence[ImageRecord],
) -> Iterator[Photo]:
    """The photos in order, read one by one: only the help that people had and the audit stand in memory as a whole.

    Args:
        project: the project.
        run: whose predictions, or None.
        measured: what the audit says of them.
        own_source: the source of marks that are left out.
        images: which photos.
    """
    helped = _help(project)
    marks: dict[int, list[str]] = {}
    for mark in project.marks():
        if mark.source != own_source:
            marks.setdefault(mark.image_id, []).append(f"{mark.source}:{mark.kind}")
    for image in images:
        try:
            path = project.photo_path(image)
        except ProjectError:
            continue
        everybody = project.people(image.id)
        people = [_labelled(person, helped, measured) for person in everybody if _is_somebody(person)]
        waiting = {person.id for person in everybody if person.blind and not person.has_human_joints}
        said = [] if run is None else list(project.predictions(image.id, run.model, run.version, run.weights_hash))
        shown = _guesses(image.id, said, people, measured)
        guesses = [guess for guess in shown if not _tells(guess.prediction, waiting)]
        yield Photo(image, path, people, guesses, len(shown) - len(guesses), sorted(set(marks.get(image.id, ()))))


def _is_somebody(person: Person) -> bool:
    """A model's proposal that nobody touched is nobody yet: no export holds it."""
    return person.origin != "model" or person.touched


def _tells(prediction: Prediction, waiting: set[int]) -> bool:
    """Whether a prediction shows a model's joints of somebody who is to be labelled without them."""
    return bool(waiting) and (prediction.person_id is None or prediction.person_id in waiting)


def _help(project: Project) -> dict[int, tuple[str, float | None, int | None]]:
    table = project.help_arrays()
    return {
        person: (help_, None if math.isnan(seconds) else seconds, None if moved < 0 else moved)
        for person, help_, seconds, moved in zip(
            table.person.tolist(),
            table.help.tolist(),
            table.seconds.tolist(),
            table.joints_moved.tolist(),
            strict=True,
        )
    }


def _labelled(
    person: Person, helped: dict[int, tuple[str, float | None, int | None]], measured: Measured | None
) -> Labelled:
    keypoints: list[float] = []
    for joint in person.joints.values():
        keypoints += [joint.x, joint.y, joint.v] if joint.v and joint.source != "predicted" else [0, 0, 0]
    help_, seconds, moved = helped.get(person.id, (None, None, None))
    verdict = None if measured is None or person.crowd else measured.people.get(person.annotation_id)
    return Labelled(person, keypoints, help_, seconds, moved, verdict)


def _guesses(
    image_id: int, said: Sequence[Prediction], people: Sequence[Labelled], measured: Measured | None
) -> list[Guess]:
    """The predictions with whom they speak for; the audit held those against the labels whose person is among these."""
    numbers = {one.person.annotation_id: one.person.id for one in people}
    labelled = (
        set() if measured is None else {person for number, person in numbers.items() if number in measured.labelled}
    )
    found: Sequence[Guessed] = () if measured is None else measured.guesses.get(image_id, ())
    judged = [p for p in said if p.person_id is None or p.person_id in labelled]
    # Where somebody saved in between, the two no longer fit: then nothing is said of these.
    held = dict(zip((p.id for p in judged), found, strict=True)) if len(judged) == len(found) else {}
    guesses = []
    for prediction in said:
        one = held.get(prediction.id)
        verdict = None if one is None or measured is None or one.person is None else measured.people.get(one.person)
        owner = prediction.person_id
        if owner is None and one is not None and one.person is not None:
            owner = numbers.get(one.person)
        guesses.append(Guess(prediction, owner, verdict, None if one is None else one.background))
    return guesses
