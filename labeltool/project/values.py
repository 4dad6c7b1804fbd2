"""What the store holds, as values: joints, people, images, predictions, revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from labeltool.errors import ProjectError

#: x, y, w, h in image pixels, x and y of the top left corner.
Box: TypeAlias = tuple[float, float, float, float]

#: Where a joint comes from. `imported`: as the labels came; `predicted`: a model's guess that nobody has confirmed, no label;
#: `accepted`: a guess that a labeller took as it is; `moved`: a labeller changed its place or flag; `added`: a labeller set a
#: joint that was not labelled; `removed`: a labeller took a joint's label away (v = 0).
SOURCES: Final = ("imported", "predicted", "accepted", "moved", "added", "removed")

#: The sources that are a human's word.
HUMAN_SOURCES: Final = frozenset(SOURCES) - {"predicted"}

#: Where an image stands in the work.
STATUSES: Final = ("unlabelled", "prefilled", "in_progress", "done", "skipped")

#: The statuses of images that still wait for a labeller.
UNFINISHED: Final = ("unlabelled", "prefilled", "in_progress")

#: What of the queue may be asked for: everything, what waits, one status, or `fix`: images that need fixing.
FILTERS: Final = ("all", "unfinished", *STATUSES, "fix")


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint of one person.

    Attributes:
        x: image pixels, to the right; an int stays an int. 0 when v is 0.
        y: image pixels, down; 0 when v is 0.
        v: COCO visibility: 0 not labelled, 1 labelled but hidden, 2 visible.
        source: one of `SOURCES`. A joint with v = 0 has the source of whoever left it so; only `removed` is a decision.
    """

    x: float
    y: float
    v: int
    source: str

    @property
    def is_human(self) -> bool:
        """Whether a human decided about this joint: a label that is no mere prediction, or a removal."""
        return self.source == "removed" or (self.v > 0 and self.source != "predicted")


@dataclass(frozen=True, slots=True)
class Person:
    """One person of an image, at one revision.

    Attributes:
        id: the store's number for this person.
        image_id: the COCO image id.
        annotation_id: the COCO annotation id; a new person's is given once, above every other, and stays.
        revision: 0 as imported; each save or fill adds 1.
        box: xywh, or None where the person came without a usable one.
        joints: every joint of the skeleton by name, in the skeleton's order.
        crowd: a crowd region: shown, exported, never edited.
        deleted: left out of exports; can be restored by a save.
        area: the OKS area in square pixels, or None where nothing gives one.
        area_source: `segmentation` (the annotation has an outline), `given` (it came with an area alone; or whatever its own
            `area_source` says), `0.53 x bbox`, or `none`.
        touched: a human saved this person at least once, or a later import changed it.
        origin: `imported`, `human` (drawn by a labeller) or `model` (proposed by a model, no label until touched).
        blind: labelled without a model's help (`labeltool.project.blind`): never filled, shown without a trace of predictions.
    """

    id: int
    image_id: int
    annotation_id: int
    revision: int
    box: Box | None
    joints: Mapping[str, Joint]
    crowd: bool
    deleted: bool
    area: float | None
    area_source: str
    touched: bool
    origin: str
    blind: bool = False

    @property
    def has_human_joints(self) -> bool:
        """Whether any joint is a human's word; such a person is never filled by a model."""
        return any(joint.is_human for joint in self.joints.values())


@dataclass(frozen=True, slots=True)
class LabelledPerson:
    """A person with at least one human label.

    Attributes:
        keypoints: 3K numbers x, y, v in the skeleton's order; joints that are mere predictions are 0, 0, 0.
        sources: K sources in the same order.
    """

    id: int
    image_id: int
    annotation_id: int
    box: Box | None
    area: float | None
    area_source: str
    keypoints: Sequence[float]
    sources: Sequence[str]
    touched: bool


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of the project.

    Attributes:
        id: the COCO image id.
        file_name: path below the image root, with forward slashes.
        width: pixels, upright.
        height: pixels, upright.
        status: one of `STATUSES`.
        reason: why it has that status (`imported`, or what the labeller said when skipping).
        problem: why the photo cannot be shown, or None.
        position: 0-based place in the queue: the order in which the images came.
        finding: the first error that the validator finds in its labels, or None.
        flag: what a reviewer wants fixed, or None.
        flagged_by: who flagged it.
    """

    id: int
    file_name: str
    width: int
    height: int
    status: str
    reason: str | None
    problem: str | None
    position: int
    finding: str | None = None
    flag: str | None = None
    flagged_by: str | None = None

    @property
    def needs_fix(self) -> bool:
        """Whether its photo cannot be shown, its labels have an error, or a reviewer flagged it."""
        return self.problem is not None or self.finding is not None or self.flag is not None


@dataclass(frozen=True, slots=True)
class QueueList:
    """Images in an order, in columns.

    Attributes:
        ids: image ids.
        statuses: the status of each.
        fixes: what there is to fix on each: 0, or the sum of 1 (photo problem), 2 (error in the labels) and 4 (flagged).
    """

    ids: Sequence[int]
    statuses: Sequence[str]
    fixes: Sequence[int]

    def beginning_with(self, first: Sequence[int]) -> QueueList:
        """The same images with some of them before the others, in the order given."""
        place = {image_id: n for n, image_id in enumerate(self.ids)}
        chosen = set(first)
        order = [*(place[image_id] for image_id in first), *(n for i, n in place.items() if i not in chosen)]
        columns = (self.ids, self.statuses, self.fixes)
        return QueueList(*([column[n] for n in order] for column in columns))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An image as a table of the queue shows it.

    Attributes:
        image: the image.
        people: people that are neither crowds nor deleted.
        decided: their joints with a human's word.
        doubt: how unsure models are about the most doubtful of them, 0..1 (see `labeltool.project.doubting`); None: none spoke.
        confidence: by the confidence of joints alone.
        disagreement: by the disagreement of models alone.
        pose: by the pose alone.
    """

    image: ImageRecord
    people: int
    decided: int
    doubt: float | None
    confidence: float | None
    disagreement: float | None
    pose: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast somebody labels.

    Attributes:
        author: who.
        people: people worked on.
        active_seconds: how long it took, idle time left out.
    """

    author: str
    people: int
    active_seconds: float

    @property
    def people_per_hour(self) -> float | None:
        """People an active hour; None before a minute of work, when the figure would be chance."""
        return None if self.active_seconds < 60 or not self.people else 3600 * self.people / self.active_seconds


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, in images, people and joints; skipped images are left out of people and joints.

    Attributes:
        by_status: images for every status.
        needs_fix: images that need fixing.
        people: people that are neither crowds nor deleted.
        people_done: of them, those on images that are done.
        joints: all their joints.
        joints_done: of them, those on images that are done, and elsewhere those with a human's word.
        people_waiting: people on images that wait; an image without any counts as many as an image that is done has on average.
    """

    by_status: Mapping[str, int]
    needs_fix: int
    people: int
    people_done: int
    joints: int
    joints_done: int
    people_waiting: float

    def seconds_left(self, people_per_hour: float | None) -> float | None:
        """Active seconds that the rest takes at a rate; None where nobody knows the rate."""
        return None if not people_per_hour else 3600 * self.people_waiting / people_per_hour


@dataclass(frozen=True, slots=True)
class PredictedPerson:
    """A model's guess at one person, before it is stored.

    Attributes:
        box: xywh the model found or was given.
        score: the person's score, 0..1.
        joints: (x, y, confidence) by name; a joint that the model does not predict is absent.
        person_id: the person whose box the model was given, or None for a detection.
    """

    box: Box
    score: float
    joints: Mapping[str, tuple[float, float, float]]
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's guess at one person, as stored (see `PredictedPerson`)."""

    id: int
    image_id: int
    person_id: int | None
    model: str
    version: str
    weights_hash: str
    box: Box
    score: float
    joints: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What `Project.add_predictions` did.

    Attributes:
        predictions: the predictions as stored, in the order given.
        filled: ids of the people whose joints were filled.
        proposed: ids of the people made from detections.
        blind: ids of the people who were to be filled and are labelled blind: of the proposed ones, those with a box alone.
    """

    predictions: list[Prediction]
    filled: list[int]
    proposed: list[int]
    blind: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model that has predictions in the project.

    Attributes:
        images: images it was run on (also those where it found nobody).
        people: predictions it left.
        at: UTC time of its last run.
    """

    model: str
    version: str
    weights_hash: str
    images: int
    people: int
    at: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of the append-only log of a person.

    Attributes:
        number: the person's revision after this entry, from 1.
        base: the revision it started from.
        at: UTC time, ISO 8601.
        before: `{"box", "deleted", "joints": {name: [x, y, v, source]}}`, or None for a person's first entry when it is new.
        after: the same, afterwards.
        active_seconds: how long the labeller worked on it (idle time left out).
        edit_id: the client's id of this edit; None for a model's fill.
        joints_moved: joints that were served with a place (by the import or a model) and have another one after this entry;
            None in entries of older versions.
        help: `none`, `prefilled` (a model's joints were served before or with this entry), `blind` (chance had the person
            labelled without them); None in entries of older versions.
    """

    number: int
    person_id: int
    base: int
    author: str
    at: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    active_seconds: float
    edit_id: str | None
    joints_moved: int | None = None
    help: str | None = None


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """One change of an image's status, append-only."""

    image_id: int
    at: str
    author: str
    before: str
    after: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Flag:
    """One entry of the log of what reviewers want fixed; `note` is None where the flag was taken away."""

    image_id: int
    at: str
    author: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """An image's place in the queue under a filter.

    Attributes:
        previous: id of the image before, or None.
        next: id of the image after, or None.
        position: 1-based place among those that pass the filter (where it would stand when it does not pass itself).
        total: how many pass.
    """

    previous: int | None
    next: int | None
    position: int
    total: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How far the work is.

    Attributes:
        images: all images.
        by_status: images for every status.
        problems: images whose photo has a problem.
        people: people that are neither crowds nor deleted.
        labelled_people: of them, those with at least one human label.
        predicted_people: of them, those with joints that wait for a labeller.
        crowds: crowd regions.
        deleted: deleted people.
        joints: human labels (v > 0).
        hidden_joints: of them, those with v = 1.
        by_source: joints for every source (labels with v > 0; for `removed`, joints whose label was taken away).
        blind: of the people, those whom chance has labelled without a model's help.
    """

    images: int
    by_status: Mapping[str, int]
    problems: int
    people: int
    labelled_people: int
    predicted_people: int
    crowds: int
    deleted: int
    joints: int
    hidden_joints: int
    by_source: Mapping[str, int]
    blind: int = 0


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What an export wrote.

    Attributes:
        images: images written.
        annotations: annotations written, all categories.
        people: of them, people of the project; crowd regions are none.
        changed: people written otherwise than they came.
        new: people that did not come with the import.
        deleted: people left out because they are deleted.
        area_sources: how many of the changed and new people have their area from which source.
    """

    images: int
    annotations: int
    people: int
    changed: int
    new: int
    deleted: int
    area_sources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Addition:
    """What `Project.add_document` did.

    Attributes:
        known_images: images that the project had.
        new_images: images that came new.
        people: people added.
        others: annotations of other categories added.
        same: annotations that the project had already.
        updated: people nobody had worked on, whose labels are the document's now.
        replaced: people a labeller had worked on, whose labels are the document's now.
        kept: people a labeller had worked on, who differ from the document and stay.
        kept_places: where these are, a line each.
        notes: what else a user should know, a line each.
    """

    known_images: int
    new_images: int
    people: int
    others: int
    same: int
    updated: int
    replaced: int
    kept: int
    kept_places: tuple[str, ...]
    notes: tuple[str, ...]


class StaleRevision(ProjectError):
    """A save that started from a revision which is no longer the person's last; nothing was written.

    Attributes:
        current: the person as it is now.
        offered: the person as the save would have made it: the revision it started from with the offered changes
            (`offered.revision` is that base).
    """

    def __init__(self, message: str, current: Person, offered: Person) -> None:
        super().__init__(message)
        self.current = current
        self.offered = offered
