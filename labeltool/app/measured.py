"""What the Audit page measures, kept until labels, statuses or predictions change."""

from __future__ import annotations

import streamlit as st

from labeltool.audit import AuditResult, Scale, audit
from labeltool.evaluate import (
    Case,
    Choices,
    Comparison,
    Help,
    Study,
    Subject,
    compare_studies,
    measure_help,
    people_table,
    read_project,
    study,
)
from labeltool.evaluate.people import PeopleTable
from labeltool.project import Project
from labeltool.report.overlays import Artist

#: What a project's labels and the page's choices are known by: the project, its mark, the models, the statuses (none for all),
#: the part of the queue: marks, labeller, and a digest of the images that are in it now.
Key = tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, str, str]]


def key_of(
    project: Project, models: tuple[str, ...], statuses: tuple[str, ...], mark: str = "", labeller: str = ""
) -> Key:
    """The key of some models on the photos of some statuses and of a part of the queue, as the project is now."""
    digest = str(hash(tuple(project.queue(mark=mark, labeller=labeller).ids))) if mark or labeller else ""
    return (str(project.path), project.mark(), models, statuses, (mark, labeller, digest))


@st.cache_resource(max_entries=4, show_spinner=False)
def _whole(_project: Project, path: str, mark: str, models: tuple[str, ...]) -> list[Subject]:
    return read_project(_project, models)


@st.cache_resource(max_entries=8, show_spinner=False)
def subjects(_project: Project, key: Key) -> list[Subject]:
    """The models on the same people; a filter takes some of what was read once.

    Raises:
        AuditError: nothing to measure by.
    """
    path, mark, models, statuses, (marked, labeller, _) = key
    whole = _whole(_project, path, mark, models)
    found = [one.with_status(statuses) for one in whole] if statuses else whole
    if marked or labeller:
        images = _project.queue(mark=marked, labeller=labeller).ids
        found = [one.only(images) for one in found]
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def results(_project: Project, key: Key, scale: Scale) -> list[AuditResult]:
    """The audits, without the intervals that take replicates."""
    return [audit(one.labels, one.detections, one.skeleton, scale=scale) for one in subjects(_project, key)]


@st.cache_resource(max_entries=4, show_spinner=False)
def studies(_project: Project, key: Key, choices: Choices) -> tuple[Study, Comparison | None]:
    """Everything about the first model, and its comparison with the second where there is one."""
    found = [study(one, choices) for one in subjects(_project, key)]
    return found[0], compare_studies(found[0], found[1]) if len(found) > 1 else None


@st.cache_resource(max_entries=8, show_spinner=False)
def helped(_project: Project, key: Key, choices: Choices) -> Help:
    """What the first model's help did to the labels."""
    return measure_help(_project, subjects(_project, key)[0], choices)


@st.cache_resource(max_entries=4, show_spinner=False)
def everybody(_project: Project, key: Key, scale: Scale) -> PeopleTable:
    """The first model's people one by one."""
    return people_table(subjects(_project, key)[0], scale)


@st.cache_data(max_entries=400, show_spinner=False)
def picture(_project: Project, key: Key, case: Case, side: int) -> bytes | None:
    """The overlay of a case of the first model; None where its photo cannot be had."""
    return Artist(subjects(_project, key)[0]).picture(case, side)
