"""`labeltool train` on real files: the demo set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from few_figures import few_figures
from PIL import Image

from labeltool.errors import ModelError
from labeltool.models.catalog import load_model
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.skeleton import LSP_14
from labeltool.training.from_files import make_task, train_on_files
from labeltool.training.loop import Schedule, Stage
from labeltool.training.samples import Samples
from labeltool.training.sources import Source, read_people


@pytest.fixture
def figures(repo: Path) -> Path:
    return repo / "datasets" / "figures"


def test_people_are_read_with_their_boxes_and_only_the_labelled(figures: Path) -> None:
    people = read_people(figures / "annotations.json", figures / "images", LSP_14)
    annotations = json.loads((figures / "annotations.json").read_text())["annotations"]
    labelled = [a for a in annotations if a["num_keypoints"]]
    assert [p.box.tolist() for p in people] == [a["bbox"] for a in labelled]
    assert all(p.photo.is_file() for p in people)


@pytest.mark.parametrize(("side", "kept"), [(64, 256), (256, 346)])
def test_views_are_cut_from_crops_that_are_as_sharp(
    side: int, kept: int, figures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit(_out: Path, _task: object, training: Samples, validation: Samples, *_: object, **__: object) -> Path:
        seen.extend([training, validation])
        raise ModelError("enough")

    monkeypatch.setattr("labeltool.training.from_files.fit", fit)
    with pytest.raises(ModelError, match="enough"):
        train_on_files(
            "heatmap",
            tmp_path,
            [Source(few_figures(figures, tmp_path), figures / "images")],
            LSP_14,
            Schedule(epochs=1),
            side=side,
            quiet=True,
        )
    # a plain view is the person's box x 1.25, of which the crop keeps box_side pixels
    for samples in seen:
        assert samples.crops.shape[1:3] == (kept, kept)
        assert (samples.box_side * 1.25 >= side - 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["deeppose", "heatmap"])
def test_the_command_trains_a_model_that_pre_fills(
    model: str, figures: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "run"
    labels = figures / "truth.json"
    sizes = ["--stages", "1@64"] if model == "heatmap" else ["--epochs", "1", "--stages", "2", "--from-stage", "2"]
    more: list[object] = []
    if model == "heatmap":
        more = ["--mix", few_figures(figures, tmp_path), figures / "images", 5]
    status, said, _ = run(
        *("train", model, "--data", labels, figures / "images", *more, "--out", out, "--validation", 6),
        *(*sizes, "--batch", 10, "--licence", "CC0-1.0", "--version", "7", "--init", "shipped"),
    )
    assert status == 0
    best = out / "best.safetensors"
    assert str(best) in said and str(out / "card.md") in said
    description = read_checkpoint(best).description
    assert description["data"][0]["labels"] == "truth.json" and len(description["data"][0]["sha256"]) == 64
    assert description["held_out"] >= 6 and len(description["labels_sha256"]) == 64
    loaded = load_model(model, weights=best, device="cpu")
    assert loaded.skeleton.joints == LSP_14.joints and loaded.version == "7"
    card = (out / "card.md").read_text()
    for text in (f"# {model} 7", description["labels_sha256"], "CC0-1.0", "truth.json", "| left wrist |", "Wilson"):
        assert text in card
    assert "nan" not in card
    with Image.open(out / "failures.jpg") as sheet:
        assert sheet.size[0] == 880
    assert (out / "curve.svg").read_text().startswith("<svg")
    if model == "deeppose":
        assert loaded.stages == 2 and set(description["observed_errors"]) == set(LSP_14.joints)
    if model == "heatmap":
        assert description["config"]["side"] == load_model("heatmap", device="cpu").size, "as shipped"
        assert len(description["config"]["offsets"]) == 14 and description["data"][1]["per_epoch"] == 5
    # the command given again finds the work done, and changes nothing
    before = best.read_bytes(), card
    status, _, _ = run(
        *("train", model, "--data", labels, figures / "images", *more, "--out", out, "--validation", 6),
        *(*sizes, "--batch", 10, "--licence", "CC0-1.0", "--version", "7", "--init", "shipped"),
    )
    assert status == 0 and (best.read_bytes(), (out / "card.md").read_text()) == before


def test_the_backbone_is_that_of_the_weights_it_starts_from(
    figures: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    start = tmp_path / "start.safetensors"
    task = make_task("heatmap", LSP_14, "test_efficientnet", side=64)
    write_checkpoint(start, task.network.state_dict(), task.describe())
    labels, out = (figures / "truth.json", figures / "images"), tmp_path / "run"
    command = ("train", "heatmap", "--data", *labels, "--init", start, "--out", out, "--epochs", 1, "--validation", 6)
    assert run(*command)[0] == 0
    assert "Backbone test_efficientnet. Started from" in (out / "card.md").read_text()
    config = read_checkpoint(out / "best.safetensors").description["config"]
    assert config["backbone"] == "test_efficientnet" and config["side"] == 64
    status, _, error = run(*command, "--backbone", "tf_efficientnet_lite0")
    assert status == 1 and "start.safetensors: tensor " in error and "expected the backbone's weights" in error
    status, _, error = run(*command, "--backbone", "no_such_net")
    assert status == 1 and "backbone 'no_such_net'" in error and len(error.splitlines()) == 1


def test_what_cannot_be_trained_is_one_line(figures: Path, tmp_path: Path) -> None:
    source = Source(figures / "annotations.json", figures / "images")

    def train(model: str, out: str, sources: list[Source], schedule: Schedule, init: Path | None = None) -> None:
        train_on_files(model, tmp_path / out, sources, LSP_14, schedule, held_out=5, init=init, quiet=True)

    def sizes(side: int) -> Schedule:
        return Schedule(epochs=1, stages=(Stage(1, side),))

    with pytest.raises(ModelError, match="expected more than the 500 to validate on"):
        train_on_files("deeppose", tmp_path / "a", [source], LSP_14, Schedule(), held_out=500, quiet=True)
    with pytest.raises(ModelError, match="is to be validated on and also in another of the 2 sources"):
        train("heatmap", "a", [source, source], Schedule())
    with pytest.raises(ModelError, match="deeppose: crops are always 220 px, expected no stages of other sizes"):
        train("deeppose", "a", [source], sizes(64))
    with pytest.raises(ModelError, match="heatmap: crops of 100 px, expected a multiple of 32"):
        train("heatmap", "a", [source], sizes(100))
    other = tmp_path / "other.safetensors"
    write_checkpoint(other, {"a": torch.zeros(1)}, {})
    with pytest.raises(ModelError, match="expected the backbone's weights"):
        train("heatmap", "b", [source], Schedule(), other)
    other.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match=r"other.safetensors: not a safetensors checkpoint"):
        train("heatmap", "b", [source], Schedule(), other)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_a_projects_folder_needs_no_photos(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    (tmp_path / "project.toml").write_text("")
    status, _, error = run("train", "heatmap", "--data", tmp_path, "--out", tmp_path / "run")
    assert status == 1 and error.startswith(f"labeltool: {tmp_path / 'project.toml'}") and len(error.splitlines()) == 1
    status, _, error = run("train", "heatmap", "--data", tmp_path / "labels.json", "--out", tmp_path / "run")
    assert (
        status == 2 and "labels.json: no project (it has no project.toml), expected one, or a file of labels" in error
    )
