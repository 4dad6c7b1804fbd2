"""Tags made in FiftyOne's App, back in the project as marks of the source `fiftyone`.

A tag of a sample marks the photo, a tag of a label the person whom the label is of. The queue is narrowed to them by
`fiftyone:TAG`. What was settled in the queue (the labels were edited, or called right) is done with: its tag gets the ending
` (settled)`, which later runs pass over, and the same tag given again marks anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labeltool.explore.dataset import SOURCE, find_built
from labeltool.explore.fields import INNER, LABEL_FIELDS
from labeltool.project import Mark, Project

#: The ending of tags whose mark was settled.
SETTLED = " (settled)"

#: What is written as the author of marks.
AUTHOR = "fiftyone"

#: Samples whose tags are read at once.
CHUNK = 2000


@dataclass(frozen=True)
class Tag:
    """A tag where it stands.

    Attributes:
        text: the tag.
        image_id: the photo.
        person_id: the person of the label, or None: a tag of the sample, or of a prediction that is nobody's.
        field: the field of the label, or empty.
        item: the FiftyOne id of the sample or the label.
    """

    text: str
    image_id: int
    person_id: int | None
    field: str
    item: str

    @property
    def key(self) -> tuple[str, int, int | None]:
        """What a mark of it is known by."""
        return self.text, self.image_id, self.person_id


@dataclass(frozen=True)
class Synced:
    """What `sync` did.

    Attributes:
        open: marks that wait, by tag: how many photos, how many people.
        settled: tags that were settled since the last run.
        lost: tags of people who are no longer there.
    """

    open: Mapping[str, tuple[int, int]]
    settled: int
    lost: int


def sync(project: Project, name: str | None = None) -> Synced:
    """Writes the tags of a project's data set as marks, in place of those of the last time.

    Args:
        project: the project.
        name: of the data set; by default the project's.

    Raises:
        ExploreError: no FiftyOne, or no data set of this project.
        ProjectError: a tag that is no short name.
    """
    dataset = find_built(project, name)
    done = {
        (mark.kind, mark.image_id, mark.person_id)
        for mark in project.marks(source=SOURCE, settled=True)
        if mark.outcome is not None
    }
    tags = [tag for tag in read_tags(dataset) if not tag.text.endswith(SETTLED)]
    settled = [tag for tag in tags if tag.key in done]
    wanted = [tag for tag in tags if tag.key not in done]
    marks = _marks(project, wanted)
    project.put_marks(SOURCE, marks, AUTHOR)
    # After the marks: cut off in between, a tag is only marked again.
    _settle(dataset, settled)
    return Synced(_summary(marks), len(settled), len({tag.key for tag in wanted}) - len(marks))


def read_tags(dataset: Any) -> Iterator[Tag]:
    """All tags of a data set that `dataset.build` made, a stretch of samples at a time."""
    paths = [f"{field}.{INNER[field]}.{name}" for field in LABEL_FIELDS for name in ("id", "person", "tags")]
    for start in range(0, len(dataset), CHUNK):
        columns = dataset.skip(start).limit(CHUNK).values(["id", "image_id", "tags", *paths])
        for row in zip(*columns, strict=True):
            sample, image, texts = row[:3]
            if image is None:
                continue
            yield from (Tag(text, image, None, "", sample) for text in texts or ())
            for place, field in enumerate(LABEL_FIELDS):
                ids, people, tags = row[3 + 3 * place : 6 + 3 * place]
                for label, person, of_label in zip(ids or (), people or (), tags or (), strict=True):
                    yield from (Tag(text, image, person, field, label) for text in of_label or ())


def _marks(project: Project, tags: Iterable[Tag]) -> list[Mark]:
    """A mark for each place and text; none for people who are no longer on the photo."""
    there: dict[int, set[int]] = {}
    marks: dict[tuple[str, int, int | None], Mark] = {}
    for tag in tags:
        if tag.person_id is not None:
            if tag.image_id not in there:
                there[tag.image_id] = {person.id for person in project.people(tag.image_id)}
            if tag.person_id not in there[tag.image_id]:
                continue
        marks.setdefault(tag.key, Mark(tag.text, tag.image_id, tag.person_id, note="tagged in FiftyOne"))
    return list(marks.values())


def _settle(dataset: Any, tags: Iterable[Tag]) -> None:
    """Gives tags their ending."""
    by_place: dict[tuple[str, str], list[str]] = {}
    for tag in tags:
        by_place.setdefault((tag.text, tag.field), []).append(tag.item)
    for (text, field), items in by_place.items():
        if field:
            view = dataset.select_labels(ids=items, fields=field)
            view.tag_labels(text + SETTLED, label_fields=field)
            view.untag_labels(text, label_fields=field)
        else:
            view = dataset.select(items)
            view.tag_samples(text + SETTLED)
            dataset.select(items).untag_samples(text)


def _summary(marks: Iterable[Mark]) -> dict[str, tuple[int, int]]:
    photos: dict[str, set[int]] = {}
    people: dict[str, set[int]] = {}
    for mark in marks:
        photos.setdefault(mark.kind, set()).add(mark.image_id)
        if mark.person_id is not None:
            people.setdefault(mark.kind, set()).add(mark.person_id)
    return {kind: (len(photos[kind]), len(people.get(kind, ()))) for kind in sorted(photos)}
