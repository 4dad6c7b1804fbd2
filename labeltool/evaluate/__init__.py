"""Audits of projects and of files: their labels and predictions brought to the arrays that `labeltool.audit` measures."""

from __future__ import annotations

from pathlib import Path

from labeltool.audit import AuditResult, Scale, audit
from labeltool.evaluate.helped import HELP_COLUMNS, Help, format_help, help_json, help_line, help_rows, measure_help
from labeltool.evaluate.people import Case, PeopleTable, all_cases, people_table, worst_people
from labeltool.evaluate.study import (
    Choices,
    Comparison,
    Study,
    compare_studies,
    differences,
    differences_json,
    differences_of,
    study,
    study_json,
)
from labeltool.evaluate.subjects import (
    ModelName,
    Photos,
    Subject,
    choose_run,
    read_files,
    read_project,
    run_names,
    taught_line,
)
from labeltool.project import Project

__all__ = [
    "HELP_COLUMNS",
    "Case",
    "Choices",
    "Comparison",
    "Help",
    "ModelName",
    "PeopleTable",
    "Photos",
    "Study",
    "Subject",
    "all_cases",
    "audit_files",
    "audit_project",
    "choose_run",
    "compare_studies",
    "differences",
    "differences_json",
    "differences_of",
    "format_help",
    "help_json",
    "help_line",
    "help_rows",
    "measure_help",
    "people_table",
    "read_files",
    "read_project",
    "run_names",
    "study",
    "study_json",
    "taught_line",
    "worst_people",
]


def audit_files(truth: Path, predictions: Path, *, scale: Scale = "area") -> AuditResult:
    """COCO keypoint results held against a COCO file; see `read_files`."""
    (one,) = read_files(truth, [predictions])
    return audit(one.labels, one.detections, one.skeleton, scale=scale)


def audit_project(project: Project, model: str | None = None, *, scale: Scale = "area") -> AuditResult:
    """A model's predictions in a project held against the labels there; see `read_project`."""
    (one,) = read_project(project, [model])
    return audit(one.labels, one.detections, one.skeleton, scale=scale)
