"""What the Queue page shows, as plain values and tables: no page is needed to try it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import pandas as pd

from labeltool.project import MarkCount, Pace, Progress, Project, QueueEntry

#: What the page calls the filters and orders of the store.
FILTER_NAMES: Final = {
    "all": "All images",
    "unfinished": "Unfinished",
    "unlabelled": "Unlabelled",
    "prefilled": "Pre-filled",
    "in_progress": "In progress",
    "done": "Done",
    "skipped": "Skipped",
    "fix": "Needs fix",
}
ORDER_NAMES: Final = {
    "position": "As they came",
    "name": "By name",
    "id": "By id",
    "uncertainty": "Most doubtful first",
    "confidence": "Least sure joints first",
    "disagreement": "Models apart first",
    "pose": "Oddest poses first",
    "mark": "Highest marks first",
    "random": "Shuffled",
}

#: Images on a page of the table.
PAGE = 50


@dataclass(frozen=True)
class Overview:
    """How far the work is and how fast it goes.

    Attributes:
        progress: how far.
        paces: everybody who ever labelled.
        reasons: skipped images by the reason that was given, the most frequent first.
    """

    progress: Progress
    paces: Sequence[Pace]
    reasons: Sequence[tuple[str, int]]

    @property
    def team(self) -> Pace:
        """All labellers together."""
        return Pace("everybody", sum(p.people for p in self.paces), sum(p.active_seconds for p in self.paces))

    @property
    def seconds_left(self) -> float | None:
        """Active seconds that the rest takes at everybody's rate."""
        return self.progress.seconds_left(self.team.people_per_hour)


def overview(project: Project) -> Overview:
    """The overview of a project as it is now."""
    return Overview(project.progress(), project.paces(), project.skip_reasons())


def editor_link(image_id: int | None = None, person_id: int | None = None, part: str = "") -> str:
    """The address that opens the editor: at an image, at a person of it, within a part of the queue (`mark:suspects:limb`)."""
    asked = {"image": image_id, "person": person_id, "filter": part or None}
    return f"/?{urlencode({name: value for name, value in asked.items() if value is not None})}"


def mark_reasons(project: Project, entries: Sequence[QueueEntry], mark: str) -> dict[int, str]:
    """Of each image the highest open mark of a choice (`suspects`, `suspects:limb`), in words."""
    source, _, kind = mark.partition(":")
    found = {}
    for entry in entries:
        for one in project.marks(entry.image.id, source=source):
            if kind in ("", one.kind):
                joints = ", ".join(one.joints).replace("_", " ")
                found[entry.image.id] = ": ".join(filter(None, (one.kind, joints, one.note)))
                break
    return found


def images_table(
    entries: Sequence[QueueEntry], part: str = "", reasons: Mapping[int, str] | None = None
) -> pd.DataFrame:
    """Images as rows: a link that opens the editor, what they are, and why something is the matter with them.

    Args:
        entries: the images.
        part: the editor's filter that the links lead into.
        reasons: why images are marked, by id; it begins their note.
    """
    why = reasons or {}
    return pd.DataFrame(
        {
            "Open": [editor_link(entry.image.id, part=part) for entry in entries],
            "Image": [entry.image.file_name for entry in entries],
            "Id": [entry.image.id for entry in entries],
            "Status": [FILTER_NAMES[entry.image.status] for entry in entries],
            "People": [entry.people for entry in entries],
            "Joints decided": [entry.decided for entry in entries],
            "Doubt": [math.nan if entry.doubt is None else entry.doubt for entry in entries],
            "Note": [" · ".join(filter(None, (why.get(entry.image.id), note_of(entry)))) for entry in entries],
        }
    )


def mark_names(counts: Sequence[MarkCount]) -> dict[str, str]:
    """What the page calls the choices of marks: nothing, each source that has open ones, and each of its kinds."""
    names = {"": "Marked or not"}
    for count in counts:
        if count.open:
            names.setdefault(count.source, f"{count.source}: all")
            names[count.name] = f"{count.source}: {count.kind} ({count.images:,})"
    return names


def note_of(entry: QueueEntry) -> str:
    """What is the matter with an image: a reviewer's word first, then the check's, the photo's, the reason it was skipped."""
    image = entry.image
    notes = []
    if image.flag is not None:
        notes.append(f"{image.flagged_by or 'reviewer'}: {image.flag}")
    notes += [note for note in (image.finding, image.problem) if note is not None]
    if image.status == "skipped" and image.reason is not None:
        notes.append(f"skipped: {image.reason}")
    return " · ".join(notes)


def paces_table(paces: Sequence[Pace]) -> pd.DataFrame:
    """Labellers as rows, with people, active hours and people an hour."""
    return pd.DataFrame(
        {
            "Labeller": [pace.author for pace in paces],
            "People": [pace.people for pace in paces],
            "Active hours": [pace.active_seconds / 3600 for pace in paces],
            "People an hour": [math.nan if pace.people_per_hour is None else pace.people_per_hour for pace in paces],
        }
    )


def reasons_table(reasons: Sequence[tuple[str, int]]) -> pd.DataFrame:
    """Reasons why images were skipped, with how many."""
    return pd.DataFrame(reasons, columns=["Reason", "Images"])


def duration(seconds: float | None) -> str:
    """A time as one says it: `40 min`, `3 h 20 min`, `31 h`; a dash where it is not known."""
    if seconds is None:
        return "–"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 10 and rest else f"{round(minutes / 60):,} h"


def share(done: int, total: int) -> float:
    """A share in 0..1; 0 of nothing is 0."""
    return done / total if total else 0.0


def last_page(total: int) -> int:
    """The number of the last page of so many images, at least 1."""
    return max(1, -(-total // PAGE))
