"""The store that remembers: a folder with a project.toml and a SQLite database of images, people, predictions and revisions."""

from __future__ import annotations

from labeltool.project.config import ProjectConfig
from labeltool.project.project import Project
from labeltool.project.values import (
    HUMAN_SOURCES,
    SOURCES,
    STATUSES,
    UNFINISHED,
    Box,
    Counts,
    ExportSummary,
    ImageEvent,
    ImageRecord,
    Joint,
    LabelledPerson,
    ModelSummary,
    Neighbours,
    Person,
    PredictedPerson,
    Prediction,
    Revision,
    StaleRevision,
    Stored,
)

__all__ = [
    "HUMAN_SOURCES",
    "SOURCES",
    "STATUSES",
    "UNFINISHED",
    "Box",
    "Counts",
    "ExportSummary",
    "ImageEvent",
    "ImageRecord",
    "Joint",
    "LabelledPerson",
    "ModelSummary",
    "Neighbours",
    "Person",
    "PredictedPerson",
    "Prediction",
    "Project",
    "ProjectConfig",
    "Revision",
    "StaleRevision",
    "Stored",
]
