"""`labeltool train` on real files: the demo set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from labeltool.cli import main
from labeltool.errors import ModelError
from labeltool.models import deeppose
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.skeleton import LSP_14
from labeltool.training.from_files import read_people, train_on_files
from labeltool.training.loop import Schedule


@pytest.fixture
def figures(repo: Path) -> Path:
    return repo / "datasets" / "figures"


def test_people_are_read_with_their_boxes_and_only_the_labelled(figures: Path) -> None:
    people = read_people(figures / "annotations.json", figures / "images", LSP_14)
    annotations = json.loads((figures / "annotations.json").read_text())["annotations"]
    labelled = [a for a in annotations if a["num_keypoints"]]
    assert [p.box.tolist() for p in people] == [a["bbox"] for a in labelled]
    assert all(p.photo.is_file() for p in people)


@pytest.mark.slow
def test_the_command_trains_a_model_that_pre_fills(
    figures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    data = ["--data", str(figures / "annotations.json"), str(figures / "images")]
    with pytest.raises(SystemExit) as stop:
        main(["train", "deeppose", *data, "--out", str(out), "--validation", "6", "--epochs", "1", "--batch", "10"])
    assert stop.value.code == 0
    best = out / "best.safetensors"
    assert str(best) in capfd.readouterr().out
    description = read_checkpoint(best).description
    assert description["data"][0]["labels"] == "annotations.json"
    assert description["held_out"] == 6 and len(description["labels_sha256"]) == 64
    assert deeppose.load(best, "cpu").skeleton.joints == LSP_14.joints


def test_what_cannot_be_trained_is_one_line(figures: Path, tmp_path: Path) -> None:
    source = (figures / "annotations.json", figures / "images")
    with pytest.raises(ModelError, match="expected more than the 500 to validate on"):
        train_on_files("deeppose", tmp_path / "a", [source], LSP_14, Schedule(), held_out=500, quiet=True)
    write_checkpoint(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(ModelError, match="expected the backbone's weights"):
        train_on_files(
            "heatmap",
            tmp_path / "b",
            [source],
            LSP_14,
            Schedule(),
            held_out=5,
            init=tmp_path / "other.safetensors",
            quiet=True,
        )
