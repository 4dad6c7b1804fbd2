from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from labeltool.models.heatmap import SHIPPED
from labeltool.models.weights import read_checkpoint


@pytest.fixture
def multitask(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(repo / "benchmarks")
    return importlib.import_module("multitask")


def test_photos_of_coco_that_are_not_there_are_left_out_and_counted(
    multitask: Any, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = repo / "datasets" / "figures"
    shutil.copytree(figures / "images", tmp_path / "images")
    options = argparse.Namespace(coco=(figures / "truth.json", tmp_path / "images"), unseen=6, photos=100, seed=0)
    whole = multitask.scenes_of(options, tmp_path)
    assert [len(scenes) for scenes in whole] == [18, 6] and capsys.readouterr().err == ""
    gone = {scenes[0].photo for scenes in whole}
    for photo in gone:
        photo.unlink()
    training, unseen = multitask.scenes_of(options, tmp_path)
    assert (len(training), len(unseen)) == (16, 6)
    assert all(scene.photo.is_file() for scene in (*training, *unseen))
    said = capsys.readouterr()
    assert said.out == "" and said.err == "2 of 24 photos with people cannot be used\n"


def test_a_row_starts_from_the_backbone_of_any_weights(multitask: Any) -> None:
    start = read_checkpoint(SHIPPED)
    task = multitask.task_of("od", start, argparse.Namespace(seed=0, side=96))
    backbone = start.description["config"]["backbone"]
    assert (task.config.backbone, task.config.side) == (backbone, 96) and backbone != "tf_efficientnet_lite0"


def test_weights_that_cannot_start_one_are_one_line(
    multitask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(b"no weights")
    monkeypatch.setattr(sys, "argv", ["multitask.py", "--init", str(file)])
    with pytest.raises(SystemExit) as stop:
        multitask.main()
    said = capsys.readouterr()
    assert stop.value.code == 1 and said.out == "" and len(said.err.splitlines()) == 1
    assert said.err.startswith(f"{file}: not a weights file: ")
