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
