"""Fixtures for the tests of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from project_samples import make_project

from labeltool.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A fresh project of the sample document."""
    with make_project(tmp_path) as opened:
        yield opened
