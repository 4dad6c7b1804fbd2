"""What the audit says of each person and each prediction of a project, by labeltool's own code."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labeltool.audit import KINDS, NO_DETECTION, Scale
from labeltool.audit.diagnosis import NO_KIND
from labeltool.errors import AuditError
from labeltool.evaluate import ModelName, choose_run, people_table, read_project
from labeltool.project import ModelSummary, Project

#: The scale of OKS that is stored: COCO's.
SCALE: Scale = "area"


@dataclass(frozen=True)
class Verdict:
    """What the audit says of a labelled person, and of the prediction that is held against that person.

    Attributes:
        oks: 0..1, or None where nothing was measured.
        kinds: the kind of error of each joint in the skeleton's order (`good`, `jitter`, ...), empty where it is not labelled.
        wrong: names of the joints that are not good.
        missed: no prediction finds this person.
    """

    oks: float | None
    kinds: tuple[str, ...]
    wrong: tuple[str, ...]
    missed: bool

    @property
    def errors(self) -> list[str]:
        """The kinds of errors that occur, each once."""
        return sorted(set(self.kinds) - {"", "good"})


@dataclass(frozen=True)
class Guessed:
    """What the audit says of a prediction.

    Attributes:
        person: the COCO annotation id of whom it speaks for, or None.
        background: it finds nobody.
    """

    person: int | None
    background: bool


@dataclass(frozen=True)
class Measured:
    """An audit, person by person.

    Attributes:
        model: whose predictions.
        people: verdicts by COCO annotation id.
        guesses: of each judged image, its predictions in the order of the store, those that were held against the labels.
        labelled: the annotation ids of the people with labels that they were held against.
        note: why nothing was measured, or empty.
    """

    model: ModelName
    people: Mapping[int, Verdict]
    guesses: Mapping[int, Sequence[Guessed]]
    labelled: frozenset[int]
    note: str = ""


def choose_model(project: Project, model: str | None) -> ModelSummary | None:
    """The run of a model, the latest of all when none is named; None where no model was run.

    Raises:
        AuditError: no such predictions.
    """
    runs = project.list_models()
    if model is None:
        return max(runs, key=lambda run: run.at) if runs else None
    return choose_run(project, model)


def measure(project: Project, run: ModelSummary) -> Measured:
    """The audit of a run, person by person; empty, with a note, where there is nothing to measure it by.

    - **Who is measured**: the people of `evaluate.read_project`; those whom the model learnt from are none of them.
    - **OKS**: the mean ks of the labelled joints against the prediction that speaks for the person, by COCO's area
      (`evaluate.people_table`); None where no prediction speaks for them.
    """
    name = ModelName(run.model, run.version, run.weights_hash)
    try:
        (subject,) = read_project(project, [f"{run.model}@{run.version}#{run.weights_hash}"])
    except AuditError as error:
        return Measured(name, {}, {}, frozenset(), str(error))
    table, labels = people_table(subject, SCALE), subject.labels
    people = {}
    for row in np.flatnonzero(labels.people & labels.labelled.any(axis=1)).tolist():
        kinds = tuple("" if kind == NO_KIND else KINDS[kind] for kind in table.kind[row].tolist())
        wrong = tuple(j for j, kind in zip(subject.skeleton.joints, kinds, strict=True) if kind not in ("", "good"))
        spoken = int(table.speaks[row]) != NO_DETECTION
        oks = float(table.oks[row])
        people[int(labels.person[row])] = Verdict(
            oks if spoken and math.isfinite(oks) else None, kinds, wrong, bool(table.missed[row])
        )
    speaks_for = {
        int(found): int(labels.person[row])
        for row, found in enumerate(table.speaks.tolist())
        if found != NO_DETECTION and int(labels.person[row]) in people
    }
    guesses: dict[int, list[Guessed]] = {}
    for row, image in enumerate(subject.detections.image.tolist()):
        guesses.setdefault(image, []).append(Guessed(speaks_for.get(row), bool(table.background[row])))
    labelled = frozenset(labels.person[labels.people].tolist())
    return Measured(name, people, guesses, labelled)
