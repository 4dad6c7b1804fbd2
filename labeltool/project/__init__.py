"""The store that remembers: a folder with a project.toml and a SQLite database of images, people, predictions and revisions."""

from __future__ import annotations

from labeltool.project.config import ProjectConfig
from labeltool.project.marks import Mark, MarkCount
from labeltool.project.project import Project
from labeltool.project.snapshots import Snapshot
from labeltool.project.tallies import Addition, Counts, ExportSummary, Neighbours, Pace, Progress, QueueEntry, QueueList
from labeltool.project.thresholds import Thresholds
from labeltool.project.values import (
    FILTERS,
    HUMAN_SOURCES,
    SOURCES,
    STATUSES,
    UNFINISHED,
    Box,
    Flag,
    ImageEvent,
    ImageRecord,
    Joint,
    LabelledPerson,
    ModelSummary,
    Person,
    PredictedPerson,
    Prediction,
    Revision,
    StaleRevision,
    Stored,
)
from labeltool.project.worklist import ORDERS

__all__ = [
    "FILTERS",
    "HUMAN_SOURCES",
    "ORDERS",
    "SOURCES",
    "STATUSES",
    "UNFINISHED",
    "Addition",
    "Box",
    "Counts",
    "ExportSummary",
    "Flag",
    "ImageEvent",
    "ImageRecord",
    "Joint",
    "LabelledPerson",
    "Mark",
    "MarkCount",
    "ModelSummary",
    "Neighbours",
    "Pace",
    "Person",
    "PredictedPerson",
    "Prediction",
    "Progress",
    "Project",
    "ProjectConfig",
    "QueueEntry",
    "QueueList",
    "Revision",
    "Snapshot",
    "StaleRevision",
    "Stored",
    "Thresholds",
]
