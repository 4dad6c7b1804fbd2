from __future__ import annotations

from collections.abc import Iterator

import pytest
from study_samples import figures_project

from labeltool.project import Project


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The sample figures with two models; nobody may change it."""
    with figures_project(tmp_path_factory.mktemp("figures")) as project:
        yield project
