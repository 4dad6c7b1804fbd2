"""What a model's help did to a project's labels: people labelled blind beside people who began with its joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.audit import NO_PERSON, OVERALL, Anchoring, Difference, SecondsSpent, anchoring, seconds_spent
from labeltool.audit.by_image import Name
from labeltool.audit.tables import aligned
from labeltool.evaluate.study import FEWEST_IMAGES, Choices
from labeltool.evaluate.subjects import Subject
from labeltool.project import Project

#: What the two groups are compared by.
_MEASURES: tuple[tuple[str, Name], ...] = (
    ("ks", ("ks", OVERALL)),
    ("PDJ@0.2", ("pdj@0.2", OVERALL)),
    ("OKS", ("oks", OVERALL)),
)


#: What the rows of `help_rows` hold behind their name.
HELP_COLUMNS = ("assisted", "blind", "difference", "95 % interval")


@dataclass(frozen=True, eq=False)
class Help:
    """A model's help in one project.

    Attributes:
        blind: people labelled blind of whom the model has a prediction.
        assisted: people who were served the model's joints.
        anchoring: the model on both groups, or None where one is too small.
        seconds: the time that both groups took, or None where it is not known of one.
        moved: the mean number of joints that an assisted person's labeller moved; NaN where there is none.
    """

    blind: int
    assisted: int
    anchoring: Anchoring | None
    seconds: SecondsSpent | None
    moved: float


def measure_help(project: Project, subject: Subject, choices: Choices) -> Help:
    """The help of the model that a subject is about.

    - **Blind** are people of whom the last revision by a human says so, **assisted** those to whom this model and version was
      served last; everybody else is in neither group.
    - **Predicted**: where the model was given the people's boxes, only people whom it has spoken about are in a group: one that
      was drawn after its run is no miss of the model.
    - **Small groups**: from fewer than 5 images in a group nothing is compared.

    Args:
        project: the project.
        subject: of `read_project` on that project.
        choices: scale and bootstrap.
    """
    labels, detections = subject.labels, subject.detections
    blind, assisted, seconds, moved = _groups(project, subject)
    wide = [len(np.unique(labels.image[rows])) >= FEWEST_IMAGES for rows in (blind, assisted)]
    pulled = (
        anchoring(
            labels,
            detections,
            subject.skeleton,
            blind=blind,
            assisted=assisted,
            scale=choices.scale,
            with_ap=False,
            replicates=choices.replicates,
            seed=choices.seed,
            confidence=choices.confidence,
        )
        if all(wide)
        else None
    )
    timed = [len(np.unique(labels.image[rows & ~np.isnan(seconds)])) >= FEWEST_IMAGES for rows in (blind, assisted)]
    spent = (
        seconds_spent(
            labels.image,
            seconds,
            blind=blind,
            assisted=assisted,
            replicates=choices.replicates,
            seed=choices.seed,
            confidence=choices.confidence,
        )
        if all(timed)
        else None
    )
    known = assisted & (moved >= 0)
    mean_moved = float(moved[known].mean()) if known.any() else math.nan
    return Help(int(blind.sum()), int(assisted.sum()), pulled, spent, mean_moved)


def help_json(found: Help) -> dict[str, Any]:
    """The same as plain values; None where nothing was compared."""
    pulled, spent = found.anchoring, found.seconds
    return {
        "blind_people": found.blind,
        "assisted_people": found.assisted,
        "joints_moved": None if math.isnan(found.moved) else found.moved,
        "anchoring": None
        if pulled is None
        else {title: _json(pulled.differences[key]) for title, key in _rows(pulled)},
        "seconds": None
        if spent is None
        else {
            **_json(spent.saved),
            "blind_median": spent.blind_median,
            "assisted_median": spent.assisted_median,
            "saved_share": spent.saved_share,
            "saved_total": spent.saved_total,
        },
    }


def format_help(found: Help) -> str:
    """The same as aligned plain text; empty where nobody was labelled blind and nobody was helped."""
    if not found.blind and not found.assisted:
        return ""
    rows = help_rows(found)
    table = aligned([["", *HELP_COLUMNS], *rows]) if rows else []
    return "\n".join([f"help: {help_line(found)}", *table]) + "\n"


def help_line(found: Help) -> str:
    """How many people there are in both groups, and how many joints were moved."""
    text = f"{found.assisted} people began with this model's joints, {found.blind} were labelled blind"
    if not math.isnan(found.moved):
        text += f"; {found.moved:.1f} joints moved a person"
    if found.anchoring is None and found.seconds is None:
        text += f" (each group needs {FEWEST_IMAGES} photos to be compared)"
    return text


def help_rows(found: Help) -> list[list[str]]:
    """A row a measure, its name and `HELP_COLUMNS` as they are read; none where nothing was compared."""
    rows = []
    if found.anchoring is not None:
        rows += [_line(title, found.anchoring.differences[key], 3) for title, key in _rows(found.anchoring)]
    if found.seconds is not None:
        spent = found.seconds.saved
        turned = Difference(spent.b, spent.a, -spent.value, -spent.high, -spent.low, 1 - spent.p_greater)
        rows.append(_line("seconds a person", turned, 1))
    return rows


def _groups(
    project: Project, subject: Subject
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Of each label: blind, assisted by the model, seconds spent (NaN), joints moved (-1)."""
    labels, detections = subject.labels, subject.detections
    table = project.help_arrays()
    order = np.argsort(table.annotation)
    place = np.minimum(np.searchsorted(table.annotation[order], labels.person), max(len(order) - 1, 0))
    row = order[place] if len(order) else np.zeros(len(labels), dtype=np.int64)
    worked = labels.people & (table.annotation[row] == labels.person if len(order) else False)
    if len(detections) and (detections.person != NO_PERSON).all():
        worked &= np.isin(labels.person, detections.person)
    blind, assisted = np.zeros((2, len(labels)), dtype=np.bool_)
    seconds, moved = np.full(len(labels), np.nan), np.full(len(labels), -1, dtype=np.int64)
    there = row[worked]
    blind[worked] = table.help[there] == "blind"
    assisted[worked] = (table.help[there] == "prefilled") & (table.model[there] == str(subject.model))
    seconds[worked], moved[worked] = table.seconds[there], table.joints_moved[there]
    return blind, assisted, seconds, moved


def _rows(found: Anchoring) -> Sequence[tuple[str, Name]]:
    return [(title, key) for title, key in _MEASURES if key in found.differences]


def _line(title: str, d: Difference, digits: int) -> list[str]:
    if math.isnan(d.value):
        return [title, "-", "-", "-", "-"]
    n = digits
    return [title, f"{d.a:.{n}f}", f"{d.b:.{n}f}", f"{d.value:+.{n}f}", f"{d.low:+.{n}f}..{d.high:+.{n}f}"]


def _json(d: Difference) -> dict[str, float | None]:
    values = {"a": d.a, "b": d.b, "difference": d.value, "low": d.low, "high": d.high}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
