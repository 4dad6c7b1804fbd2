"""The demo project: the sample photos of datasets/figures, some labelled, the rest waiting."""

from __future__ import annotations

from pathlib import Path

from labeltool.errors import ProjectError
from labeltool.formats.coco import read_coco
from labeltool.project import Project
from labeltool.skeleton import LSP_14

_PACKAGE = Path(__file__).resolve().parent


def sample_data() -> Path:
    """The folder of the sample data set: beside the package in a checkout, inside it when installed.

    Raises:
        ProjectError: it is in neither place.
    """
    for folder in (_PACKAGE.parent / "datasets" / "figures", _PACKAGE / "datasets" / "figures"):
        if (folder / "annotations.json").is_file():
            return folder
    raise ProjectError(f"{_PACKAGE}: the sample data set datasets/figures is missing from this installation")


def make_demo(folder: Path) -> None:
    """Makes the demo project in a folder, unless a project is there already.

    Raises:
        ProjectError: the folder holds something else, or cannot be written.
    """
    if (folder / "project.toml").is_file():
        return
    data = sample_data()
    imported = read_coco(data / "images", data / "annotations.json", LSP_14)
    Project.create(
        folder, imported.document, imported.image_root, LSP_14, name="demo", problems=imported.problems
    ).close()
