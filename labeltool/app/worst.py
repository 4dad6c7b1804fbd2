"""From the Audit page into the work: links that open the editor at a person, and worst cases sent to the queue."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import streamlit as st

from labeltool.app.queueing import editor_link, mark_names
from labeltool.evaluate import Case, Subject
from labeltool.project import STATUSES, UNFINISHED, Mark, Project
from labeltool.report.findings import spoken

#: The source of the marks that the Audit page makes.
SOURCE = "audit"

#: Cases that are sent to the queue at most.
MOST = 200


def links_of(project: Project, subject: Subject, cases: Sequence[Case]) -> list[str]:
    """For each case the address that opens the editor at its person, or at its image where nobody is labelled."""
    people = _people(project, subject, cases)
    return [editor_link(case.image, people.get(_annotation(subject, case))) for case in cases]


def send_cases(project: Project, subject: Subject, cases: Sequence[Case], captions: Sequence[str], author: str) -> str:
    """Makes the cases the marks of `audit`, the worst first; earlier ones go. The address of the queue that shows them.

    Nobody who is labelled blind is among them: the order would tell what a model said.
    """
    people, blind = _people(project, subject, cases), project.blind_people()
    joints = subject.skeleton.joints
    kind = spoken(cases[0].group) if cases else ""
    chosen = [
        Mark(
            kind,
            case.image,
            person,
            float(len(cases) - n),
            f"{subject.model}: {caption}",
            tuple(joints[joint] for joint in case.joints),
        )
        for n, (case, caption) in enumerate(zip(cases, captions, strict=True))
        if (person := people.get(_annotation(subject, case))) not in blind
    ]
    project.put_marks(SOURCE, chosen, author)
    return f"/queue?mark={quote(f'{SOURCE}:{kind}')}&order=mark"


def choose_part(project: Project) -> tuple[str, str]:
    """Asks for marks and a labeller, as the Queue page does; only where there are any. Empty: all photos."""
    marks, labellers = mark_names(project.mark_counts()), ["", *project.labellers()]
    if len(marks) == 1 and len(labellers) == 1:
        return "", ""
    left, right = st.columns(2)
    mark = left.selectbox("Marked", list(marks), format_func=marks.__getitem__, key="audit_mark")
    labeller = right.selectbox("Labelled by", labellers, format_func=lambda n: n or "Anybody", key="audit_labeller")
    return mark, labeller


def queue_link(statuses: Sequence[str], mark: str = "", labeller: str = "") -> str | None:
    """The address of the queue with the Audit page's choice of photos; None for statuses that it has no name for together."""
    chosen = set(statuses)
    if chosen == set(STATUSES):
        chosen = set()
    if len(chosen) > 1 and chosen != set(UNFINISHED):
        return None
    which = "unfinished" if len(chosen) > 1 else next(iter(chosen), "all")
    asked = {"which": which, "mark": mark, "labeller": labeller}
    return f"/queue?{urlencode({name: value for name, value in asked.items() if value})}"


def _people(project: Project, subject: Subject, cases: Sequence[Case]) -> dict[int, int]:
    """The store's number of the cases' people, by annotation id."""
    wanted = sorted({_annotation(subject, case) for case in cases if case.label >= 0})
    return project.find_people(wanted) if wanted else {}


def _annotation(subject: Subject, case: Case) -> int:
    return int(subject.labels.person[case.label]) if case.label >= 0 else -1
