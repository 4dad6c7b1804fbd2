from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killing import die_in_call, killed
from synthetic_people import MILD, SKELETON, squares

from labeltool.errors import ModelError
from labeltool.models.backbones import make_backbone
from labeltool.models.cascade import PhotoLook, RefinerConfig, View
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork, load
from labeltool.models.weights import Checkpoint, read_checkpoint, write_checkpoint
from labeltool.project import Project
from labeltool.project.versions import register_version
from labeltool.skeleton import LSP_14
from labeltool.training import cascade, loop
from labeltool.training.card import stage_lines
from labeltool.training.cascade import (
    RefineTask,
    StageSchedule,
    observe,
    train_cascade,
    with_new_stage,
)
from labeltool.training.cascade_options import Cascade, read_cascade, refiners_in
from labeltool.training.deeppose import calibrate_deeppose
from labeltool.training.loop import Schedule, detection_rate
from labeltool.training.squares import ObservedErrors, draw_squares

TINY = DeepPoseConfig(SKELETON, backbone="test_efficientnet", hidden=32)
SMALL = RefinerConfig(sigma=1.5, channels=16, hidden=16, cells=8)
BLIND = replace(SMALL, sharing="per-joint", told=False)
PHOTO = replace(SMALL, source="photo", cells=4, backbone="test_efficientnet", tile=32)
QUICK = Schedule(epochs=2, batch=16, rate=3e-3, average=0.9, augmentation=MILD)


def first_stage(folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / "first.safetensors"
    write_checkpoint(path, DeepPoseNetwork(TINY).state_dict(), {"model": "deeppose", "config": TINY.to_json()})
    return path


def made_up(people: int = 4000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Labels, and estimates whose errors are Gaussian with a known mean and covariance, in diameters of the estimate."""
    torch.manual_seed(3)
    mean = torch.tensor([[0.1, 0.0], [0.0, -0.05], [0.02, 0.2]])
    root = torch.tensor([[[0.2, 0.0], [0.1, 0.1]], [[0.1, 0.0], [0.0, 0.3]], [[0.05, 0.0], [-0.1, 0.2]]])
    pose = torch.rand(people, 3, 2) - 0.5
    drawn = mean + torch.einsum("kxy,nky->nkx", root, torch.randn(people, 3, 2))
    diameter = (pose[:, 0] - pose[:, 1]).norm(dim=1).clamp(min=0.1)
    return pose - drawn * diameter[:, None, None], pose, mean, root @ root.transpose(1, 2)


def test_observed_errors_are_their_mean_and_covariance() -> None:
    target, pose, mean, covariance = made_up()
    errors = ObservedErrors.of(pose, target, torch.ones(len(pose), 3, dtype=torch.bool), SKELETON)
    assert torch.allclose(errors.mean, mean, atol=0.02)
    assert torch.allclose(errors.covariance, covariance, atol=0.01)
    drawn = errors.draw(torch.arange(3).expand(20_000, 3))
    assert torch.allclose(drawn.mean(dim=0), mean, atol=0.03)
    for joint in range(3):
        assert torch.allclose(torch.cov(drawn[:, joint].T), covariance[joint], atol=0.02)
    told = errors.to_json(SKELETON)["nose"]
    assert told["mean"] == pytest.approx(mean[2].tolist(), abs=0.02)
    assert np.allclose(told["covariance"], covariance[2], atol=0.01)


def test_a_joint_that_nobody_labelled_is_displaced_as_the_others_are() -> None:
    target, pose, _, _ = made_up()
    labelled = torch.ones(len(pose), 3, dtype=torch.bool)
    labelled[1:, 2] = False
    errors = ObservedErrors.of(pose, target, labelled, SKELETON)
    diameter = (pose[:, 0] - pose[:, 1]).norm(dim=1).clamp(min=0.1)
    pooled = ((pose - target) / diameter[:, None, None])[labelled]
    assert torch.allclose(errors.mean[2], pooled.mean(dim=0), atol=1e-5)
    assert torch.allclose(errors.covariance[2], torch.cov(pooled.T), atol=1e-4)
    with pytest.raises(ModelError, match="1 labelled joints, expected at least 2"):
        ObservedErrors.of(
            pose, target, labelled & (torch.arange(len(pose)) == 0)[:, None] & (torch.arange(3) == 0), SKELETON
        )


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_squares_to_learn_from_say_where_the_label_is(own: float) -> None:
    target, pose, _, _ = made_up(64)
    labelled = torch.rand(64, 3) < 0.8
    errors = ObservedErrors.of(pose, target, torch.ones(64, 3, dtype=torch.bool), SKELETON)
    stage = DeepPoseNetwork(TINY, [SMALL]).last_stage
    drawn = draw_squares(stage, errors, pose, target, labelled, joints=2, own=own)
    pick = drawn.joint[..., None].expand(-1, -1, 2)
    assert torch.allclose(drawn.centre + drawn.side[..., None] * drawn.wanted, target.gather(1, pick), atol=1e-5)
    assert torch.allclose(drawn.side[:, 0], 1.5 * (pose[:, 0] - pose[:, 1]).norm(dim=1).clamp(min=0.1), atol=1e-5)
    assert (drawn.joint[:, 0] != drawn.joint[:, 1]).all()
    assert not (drawn.counted & ~labelled.gather(1, drawn.joint)).any()
    assert (drawn.wanted[drawn.counted].abs() <= 0.5).all()
    at_the_estimate = torch.isclose(drawn.centre, pose.gather(1, pick), atol=1e-6).all(dim=2)
    assert at_the_estimate.all() if own else not at_the_estimate.any()


def test_one_network_a_joint_gets_squares_of_the_same_joints_of_everybody() -> None:
    target, pose, _, _ = made_up(16)
    labelled = torch.ones(16, 3, dtype=torch.bool)
    errors = ObservedErrors.of(pose, target, labelled, SKELETON)
    stage = DeepPoseNetwork(TINY, [replace(SMALL, sharing="per-joint")]).last_stage
    drawn = draw_squares(stage, errors, pose, target, labelled, joints=2, own=0.5)
    assert (drawn.joint == drawn.joint[:1]).all()


def test_the_logged_loss_is_the_published_one_over_labelled_joints() -> None:
    target, pose, _, _ = made_up(8)
    errors = ObservedErrors.of(pose, target, torch.ones(8, 3, dtype=torch.bool), SKELETON)
    network = DeepPoseNetwork(TINY, [SMALL]).eval()
    view = View(
        torch.zeros(0), [torch.zeros(8, c, s, s) for c, s in ((16, 110), (24, 55), (32, 28), (48, 14), (64, 7))]
    )
    drawn = draw_squares(network.last_stage, errors, pose, target, torch.rand(8, 3) < 0.7, joints=3, own=0.5)
    with torch.inference_mode():
        _, logged = cascade.stage_loss(network.last_stage, view, drawn, pose)
        answered = network.last_stage(view, drawn.centre, drawn.side, drawn.joint, pose)[0]
    squared = (answered - drawn.wanted)[drawn.counted] ** 2
    assert float(logged) == pytest.approx(float(squared.mean()), rel=1e-5)


SLOW = replace(QUICK, epochs=3, batch=8, average=0.8, seed=5)


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two stages."""
    out = tmp_path_factory.mktemp("two") / "run"
    train_cascade(out, TINY, [replace(SMALL, sigma=2.0)], squares(96, 0), squares(48, 1), SLOW, quiet=True)
    return out


@pytest.mark.slow
def test_each_stage_improves_on_the_one_before(two_stages: Path) -> None:
    data = squares(96, 0), squares(48, 1)
    model = load(two_stages / "best.safetensors", device="cpu")
    assert model.stages == 2
    task = RefineTask(model.network, TINY, observe(model.network, TINY, data[0], SLOW, 96))
    after_one = detection_rate(task, model.after(1).network, data[1])
    after_two = detection_rate(task, model.network, data[1])
    assert after_two > 0.9
    assert after_two > after_one + 0.1, "a stage must improve on the one before"
    description = read_checkpoint(two_stages / "best.safetensors").description
    assert description["validation"]["pdj@0.2"] == pytest.approx(after_two, abs=0.05)
    assert set(description["observed_errors"]) == set(SKELETON.joints)
    assert description["validation_before"] == {"stage": 1, "pdj@0.2": pytest.approx(after_one, abs=0.05)}


@pytest.mark.slow
def test_a_run_tells_of_all_its_stages(two_stages: Path) -> None:
    description = read_checkpoint(two_stages / "best.safetensors").description
    assert description["schedule"]["seed"] == 5, "not that of the last stage's chance"
    first, second = description["cascade"]
    assert (first["stage"], second["stage"]) == (1, 2) and first["epochs"] == second["epochs"] == 3
    assert second["before"] == description["validation_before"]["pdj@0.2"] and "before" not in first
    assert second["after"] == description["validation"]["pdj@0.2"] and second["errors"] > 0
    with open(two_stages / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [(s, e) for s in "12" for e in "123"]
    with open(two_stages / "stage1" / "curve.csv", newline="") as file:
        assert [{"stage": "1", **row} for row in csv.DictReader(file)] == rows[:3]
    assert "stages 1 to 2, one after another" in (two_stages / "curve.svg").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("refiner", [replace(BLIND, sigma=2.0), replace(PHOTO, sigma=2.0)])
def test_a_stage_as_published_improves_on_the_one_before(
    two_stages: Path, tmp_path: Path, refiner: RefinerConfig
) -> None:
    first = read_checkpoint(two_stages / "stage1" / "best.safetensors")
    best = train_cascade(
        tmp_path, TINY, [refiner], squares(96, 0), squares(48, 1), SLOW, init=first, from_stage=2, quiet=True
    )
    description = read_checkpoint(best).description
    assert description["stages"] == [refiner.to_json()]
    assert description["validation"]["pdj@0.2"] > description["validation_before"]["pdj@0.2"] + 0.1
    assert "epochs" not in description["cascade"][0], "stage 1 was not trained here"


def second_stage(out: Path) -> Path:
    first = read_checkpoint(out.parent / "first.safetensors")
    schedule = replace(QUICK, batch=8)
    return train_cascade(
        out, TINY, [SMALL], squares(24, 0), squares(8, 1), schedule, init=first, from_stage=2, quiet=True
    )


def second_stage_and_die(out: Path) -> None:
    """Dies where it would measure its second epoch."""
    die_in_call(loop, "detection_rate", 2)
    second_stage(out)


def test_a_cascade_that_was_killed_goes_on_in_its_stage(tmp_path: Path) -> None:
    first = read_checkpoint(first_stage(tmp_path))
    whole = second_stage(tmp_path / "whole")
    killed(second_stage_and_die, tmp_path / "cut")
    assert not (tmp_path / "cut" / whole.name).exists()
    one, other = read_checkpoint(whole).tensors, read_checkpoint(second_stage(tmp_path / "cut")).tensors
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    kept = [name for name in one if not name.startswith("stages.")]
    assert all(torch.equal(one[name], first.tensors[name].half().to(one[name].dtype)) for name in kept)
    for file in ("best.safetensors", "curve.csv", "curve.svg"):
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


def test_a_stage_goes_on_from_the_errors_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_stage(tmp_path)
    best = second_stage(tmp_path / "run")
    before = best.read_bytes()
    assert "observed_errors" not in json.loads((tmp_path / "run" / "stage2" / "state.json").read_text())["arguments"]

    def other_digits(*_: object) -> ObservedErrors:
        raise AssertionError("measured again")

    monkeypatch.setattr(cascade, "observe", other_digits)
    assert second_stage(tmp_path / "run").read_bytes() == before
    write_checkpoint(tmp_path / "run" / "stage2" / "before.safetensors", {}, {})
    with pytest.raises(ModelError, match=r"before\.safetensors: not what a stage starts from: 'mean'; start again"):
        second_stage(tmp_path / "run")


def test_stages_have_chances_of_their_own_and_tell_the_seed_of_the_run() -> None:
    schedule = replace(QUICK, seed=4)
    one, other = StageSchedule.of(schedule, 2), StageSchedule.of(schedule, 3)
    assert (one.seed, other.seed) == (6, 7)
    assert one.to_json() == other.to_json() == schedule.to_json()


def test_the_card_has_a_row_for_each_stage() -> None:
    about = {
        "config": TINY.to_json(),
        "stages": [SMALL.to_json(), replace(PHOTO, sharing="per-joint", told=False).to_json()],
        "cascade": [
            {"stage": 1, "side": 220, "after": 0.4},
            {"stage": 2, "side": 220, "epochs": 8, "epoch": 7, "errors": 0.62, "before": 0.4, "after": 0.55},
            {"stage": 3, "side": 32, "epochs": 4, "epoch": 4, "errors": 0.5, "before": 0.55, "after": 0.56},
        ],
    }
    assert list(stage_lines(about))[-3:] == [
        "| 1 | - | photo, test_efficientnet | one | 220 | not trained here | - | - | .400 |",
        "| 2 | 1.5 | maps of stage 1 | one | 220 | 8, best 7 | .620 | .400 | .550 |",
        "| 3 | 1.5 | photo, test_efficientnet | one a joint | 32 | 4, best 4 | .500 | .550 | .560 |",
    ]
    assert not list(stage_lines({"config": TINY.to_json()}))


@pytest.mark.parametrize("refiner", [PHOTO, replace(PHOTO, sharing="per-joint", told=False)])
def test_backbones_of_looks_at_the_photo_start_from_published_weights(
    refiner: RefinerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = make_backbone("test_efficientnet").network.state_dict()
    monkeypatch.setattr(cascade, "published_backbone", lambda name: Checkpoint(Path(name), published, {}, ""))
    first = read_checkpoint(first_stage(tmp_path))
    for pretrained in (True, False):
        stage = with_new_stage(first, TINY, [refiner], 0, pretrained=pretrained).last_stage
        for network in stage.networks:
            look = network.look
            assert isinstance(look, PhotoLook)
            found = look.backbone.state_dict()
            assert all(torch.equal(found[name], published[name]) for name in published) == pretrained


def test_a_stage_can_be_trained_again_on_a_longer_cascade(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "two.safetensors"
    described = {"model": "deeppose", "config": TINY.to_json(), "stages": [SMALL.to_json()]}
    write_checkpoint(path, DeepPoseNetwork(TINY, [SMALL]).state_dict(), described)
    two = read_checkpoint(path)
    third = with_new_stage(two, TINY, [SMALL, SMALL], 0)
    assert torch.equal(third.stages[0].networks[0].names.weight, two.tensors["stages.0.networks.0.names.weight"])  # type: ignore[index,union-attr]
    wider = with_new_stage(two, TINY, [SMALL, replace(SMALL, sigma=1.0)], 0).stages[1]
    assert torch.equal(wider.networks[0].names.weight, two.tensors["stages.0.networks.0.names.weight"])  # type: ignore[index,union-attr]
    again = with_new_stage(two, TINY, [SMALL], 1, like=two)
    assert torch.equal(again.last_stage.networks[0].names.weight, two.tensors["stages.0.networks.0.names.weight"])  # type: ignore[union-attr,arg-type]
    by_chance = with_new_stage(two, TINY, [SMALL], 1)
    assert not torch.equal(by_chance.last_stage.networks[0].names.weight, again.last_stage.networks[0].names.weight)  # type: ignore[union-attr,arg-type]
    anew = with_new_stage(two, TINY, [replace(SMALL, channels=24)], 0, like=two)
    assert anew.last_stage.config.channels == 24
    with pytest.raises(
        ModelError, match=r"two.safetensors: sigma of stage 2 is 1.5, asked for is 9.0; expected the same"
    ):
        with_new_stage(two, TINY, [replace(SMALL, sigma=9.0), SMALL], 0)
    with pytest.raises(
        ModelError, match="hidden of stage 1 is 32, asked for is 8; expected the same of a stage that is kept"
    ):
        with_new_stage(two, replace(TINY, hidden=8), [SMALL], 0)
    with pytest.raises(ModelError, match="stage 1 is for 3 joints of tiny, expected the 14 of lsp-14"):
        with_new_stage(two, replace(TINY, skeleton=LSP_14), [SMALL], 0)
    with pytest.raises(ModelError, match="holds 2 stages, expected the 3 before the one to train"):
        with_new_stage(two, TINY, [SMALL] * 3, 0)


def test_confidence_is_fitted_to_how_often_joints_are_right(tmp_path: Path) -> None:
    path = first_stage(tmp_path)
    samples = squares(48, 5)
    calibrate_deeppose(path, samples)
    model = load(path, device="cpu")
    assert len(model.config.offsets) == 3
    answers = [model.predict([crop], [np.array([[26.0, 26.0, 76.0, 76.0]])])[0] for crop in samples.crops]
    confidence = np.concatenate([a.confidence for a in answers])
    distance = np.linalg.norm(np.concatenate([a.xy for a in answers]) - samples.xy, axis=2)
    right = distance <= 0.2 * np.linalg.norm(samples.xy[:, 0] - samples.xy[:, 1], axis=1)[:, None]
    assert np.allclose(confidence.mean(axis=0), right.mean(axis=0), atol=0.15)
    assert float(confidence.mean()) == pytest.approx(float(right.mean()), abs=0.03)
    before = path.read_bytes()
    calibrate_deeppose(path, samples)
    assert path.read_bytes() == before


def test_what_a_cascade_cannot_start_from(tmp_path: Path) -> None:
    data = squares(4, 0), squares(4, 1)
    with pytest.raises(ModelError, match="first stage to train is 2, expected the stages before it by --init"):
        train_cascade(tmp_path, TINY, [SMALL], *data, QUICK, from_stage=2)
    with pytest.raises(ModelError, match="first stage to train is 3, expected 1 to 2"):
        train_cascade(tmp_path, TINY, [SMALL], *data, QUICK, from_stage=3)
    write_checkpoint(tmp_path / "x.safetensors", {}, {"model": "heatmap"})
    with pytest.raises(ModelError, match="a checkpoint of 'heatmap', expected one of 'deeppose'"):
        with_new_stage(read_checkpoint(tmp_path / "x.safetensors"), TINY, [SMALL], 0)


def test_what_the_options_ask_for() -> None:
    assert read_cascade(None, None).refiners == (RefinerConfig(sigma=2.2), RefinerConfig(sigma=1.6))
    three = read_cascade(None, "2.5,1.5")
    assert [r.sigma for r in three.refiners] == [2.5, 1.5] and three.zoom == 1
    four = read_cascade("4", "2", look="photo", per_joint=True, backbone="resnet50", from_stage=3)
    asked = RefinerConfig(sigma=2, source="photo", sharing="per-joint", backbone="resnet50", told=False)
    assert four.refiners == (asked,) * 3
    assert four.zoom == 2 and four.from_stage == 3
    assert read_cascade("1", "2").refiners == ()


def test_what_options_do_not_say_is_as_the_checkpoint_has_it() -> None:
    two = [replace(PHOTO, sharing="per-joint", sigma=3.0)]
    assert read_cascade(None, None, start=two).refiners == tuple(two)
    assert read_cascade(None, None, start=two, per_joint=True).refiners == tuple(two), "as it was, told and all"
    assert read_cascade(None, "2", start=two).refiners == (replace(two[0], sigma=2),)
    assert read_cascade(None, None, start=two, per_joint=False).refiners == (replace(two[0], sharing="shared"),)
    assert read_cascade(None, None, start=two, look="features", backbone="resnet50").refiners == (
        replace(two[0], source="features"),
    )
    assert [r.sigma for r in read_cascade("4", None, start=two).refiners] == [3.0, 1.6, 1.6]
    assert [r.sigma for r in read_cascade("3", None, start=[SMALL]).refiners] == [1.5, 1.5]
    assert read_cascade(None, None, start=[]).refiners == ()
    assert len(read_cascade(None, None, start=[], from_stage=2).refiners) == 2
    assert len(read_cascade(None, None, start=[SMALL] * 2, from_stage=4).refiners) == 3


def test_a_cascade_that_is_gone_on_with_keeps_its_stages(
    tmp_path: Path, repo: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Cascade] = []

    def train_on_files(*_: object, cascade: Cascade, **__: Any) -> Path:
        seen.append(cascade)
        raise ModelError("enough")

    monkeypatch.setattr("labeltool.training.from_files.train_on_files", train_on_files)
    config, wide = replace(TINY, skeleton=LSP_14), replace(SMALL, sigma=3.0)
    path = tmp_path / "two.safetensors"
    described = {"model": "deeppose", "config": config.to_json(), "stages": [wide.to_json()]}
    write_checkpoint(path, DeepPoseNetwork(config, [wide]).state_dict(), described)
    assert refiners_in(path) == (wide,)
    figures, out = repo / "datasets" / "figures", tmp_path / "out"
    command = ("train", "deeppose", "--data", figures / "truth.json", figures / "images", "--out", out, "--init")
    assert run(*command, path)[2].endswith("enough\n")
    assert run(*command, path, "--from-stage", 2, "--sigma", "2")[2].endswith("enough\n")
    assert run(*command, "shipped")[2].endswith("enough\n")
    assert seen[:2] == [Cascade((wide,)), Cascade((replace(wide, sigma=2.0),), 2)]
    assert [r.sigma for r in seen[2].refiners] == [2.2, 1.6]
    project = tmp_path / "p"
    assert run("init", project, "--images", figures / "images", "--annotations", figures / "truth.json")[0] == 0
    with Project.open(project) as opened:
        person = next(p for image in opened.images() for p in opened.people(image.id) if not p.blind)
        opened.save(person.id, base=person.revision, author="ann", edit_id="1", joints={"neck": (50.0, 50.0, 2)})
    register_version(
        project, path, model="deeppose", number=1, skeleton="lsp-14", parent="", people=0, held_out=0, score=None, measure="",
        learnt=(),
    )  # fmt: skip
    assert run("train", "--data", project, "--init", "current", "--out", out)[2].endswith("enough\n")
    assert seen[3:] == [Cascade((wide,))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", "2"), "--stages 'x': expected a number"),
        (("0", "2"), "--stages 0: expected at least 1"),
        (("3", "wide"), "--sigma 'wide': expected numbers"),
        (("3", "-1"), "sigma of a refining stage is -1.0, expected a positive number"),
    ],
)
def test_options_that_make_no_sense(arguments: tuple[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_cascade(*arguments)
    with pytest.raises(ModelError, match="--from-stage 4: expected 1 to 3"):
        read_cascade("3", "2", from_stage=4)
