from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from study_samples import figures_project

from labeltool.explore import engine
from labeltool.project import Project


@pytest.fixture
def figures(tmp_path: Path) -> Iterator[Project]:
    """The sample figures with the words of two models."""
    with figures_project(tmp_path) as project:
        yield project


@pytest.fixture(scope="session")
def fo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """FiftyOne with a database of the tests' own."""
    if importlib.util.find_spec("fiftyone") is None:
        pytest.skip("FiftyOne is not in this environment: `make fiftyone` runs these")
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("fiftyone")
        for name in ("DATABASE_DIR", "DEFAULT_DATASET_DIR", "DATASET_ZOO_DIR", "MODEL_ZOO_DIR", "PLUGINS_DIR"):
            patch.setenv(f"FIFTYONE_{name}", str(folder / name.lower()))
        # a mongod that runs already is used by every FiftyOne of the machine: what is in it is not ours
        patch.setenv("FIFTYONE_DATABASE_NAME", f"labeltool-tests-{os.getpid()}")
        patch.setenv("FIFTYONE_CONFIG_PATH", str(folder / "config.json"))
        patch.setenv("BROWSER", "true")
        with warnings.catch_warnings():
            # of what FiftyOne imports, not of ours
            warnings.simplefilter("ignore")
            module = engine.load()
        yield module
        module.core.odm.drop_database()


@pytest.fixture(autouse=True)
def no_dataset_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with an empty database."""
    yield
    if "fo" in request.fixturenames:
        module = request.getfixturevalue("fo")
        for name in module.list_datasets():
            module.delete_dataset(name)
