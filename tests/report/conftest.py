from __future__ import annotations

from collections.abc import Iterator

import pytest
from study_samples import figures_project

from labeltool.evaluate import Choices, Comparison, compare_studies, read_project, study
from labeltool.project import Project


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The sample figures with two models; nobody may change it."""
    with figures_project(tmp_path_factory.mktemp("figures")) as project:
        yield project


@pytest.fixture(scope="session")
def comparison(figures: Project) -> Comparison:
    """`rough` against `fine`."""
    choices = Choices(replicates=100)
    rough, fine = (study(one, choices) for one in read_project(figures, ["rough", "fine"]))
    return compare_studies(rough, fine)
