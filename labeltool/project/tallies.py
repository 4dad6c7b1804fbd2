"""What is told of a project as a whole, as values: counts, queue, progress, and what an import or an export did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labeltool.project.values import ImageRecord


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
