"""A heatmap network that learns the maps of another one beside the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from few_figures import few_figures
from synthetic_people import MILD, SKELETON, squares
from torch import Tensor

from labeltool.errors import ModelError
from labeltool.models.heatmap import SHIPPED, HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import file_sha256, read_checkpoint, write_checkpoint
from labeltool.skeleton import LSP_14, define
from labeltool.training.heatmap import HeatmapTask, Teacher
from labeltool.training.loop import Schedule, detection_rate, fit
from labeltool.training.samples import Part, Samples, taught

TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)


CORNERS = replace(TINY, skeleton=define("corners", ["left_shoulder", "right_shoulder", "left_hip", "right_hip"]))


def network(seed: int, config: HeatmapConfig = TINY) -> HeatmapNetwork:
    torch.manual_seed(seed)
    return HeatmapNetwork(config).eval()


def corners(count: int, seed: int) -> Samples:
    """The people of `squares` with all four corners, which mirrored are each other's."""
    people = squares(count, seed)
    left, top, right, bottom = (people.xy[:, joint, axis] for joint in (0, 1) for axis in (0, 1))
    xy = np.stack([left, top, right, top, left, bottom, right, bottom], axis=1).reshape(count, 4, 2)
    return Samples(people.crops, xy, np.full((count, 4), 2, np.int8), people.box_side)


def views() -> tuple[Tensor, Tensor, Tensor]:
    chance = torch.Generator().manual_seed(0)
    target = torch.rand(4, 3, 2, generator=chance) - 0.5
    return torch.rand(4, 3, 64, 64, generator=chance) * 255, target, torch.ones(4, 3, dtype=torch.bool)


EVERY_JOINT = ((0, 0), (1, 1), (2, 2))


def loss(share: float | None, whom: list[bool], pairs: tuple[tuple[int, int], ...] = EVERY_JOINT) -> float:
    """Of four views, of which some are taught."""
    teacher = None if share is None else Teacher(network(1), TINY, pairs, share)
    task = HeatmapTask(network(0), TINY, teacher=teacher)
    return float(task.objective(*views(), torch.tensor(whom))[0].item())


def test_the_loss_is_the_teachers_and_the_labels_by_their_shares() -> None:
    every = [True] * 4
    labels, maps = loss(None, every), loss(1.0, every)
    assert abs(labels - maps) > 1e-4
    assert loss(0.0, every) == pytest.approx(labels, abs=1e-5)
    assert loss(0.3, every) == pytest.approx(0.7 * labels + 0.3 * maps, abs=1e-5)
    assert loss(1.0, [False] * 4) == pytest.approx(labels, abs=1e-5)
    halves = loss(1.0, [True, True, False, False]) + loss(1.0, [False, False, True, True])
    assert halves == pytest.approx(labels + maps, abs=1e-5), "each person's loss is one or the other"
    alone = [loss(1.0, every, (pair,)) - labels for pair in EVERY_JOINT]
    assert min(map(abs, alone)) > 1e-5 and sum(alone) == pytest.approx(maps - labels, abs=1e-5), "and each joint's"


def test_the_teacher_looks_mirrored_too_and_does_not_learn() -> None:
    """What it teaches of a mirror image is the mirror image of what it teaches."""
    config = replace(TINY, skeleton=LSP_14)
    torch.manual_seed(0)
    teacher = Teacher(HeatmapNetwork(config).eval(), config, tuple((joint, joint) for joint in range(14)))
    seen = views()[0]
    plain, mirrored = teacher.chances(seen), teacher.chances(seen.flip(3))
    order = torch.from_numpy(np.ascontiguousarray(LSP_14.flip_order()))
    assert torch.allclose(plain, mirrored.flip(3)[:, order], atol=1e-6)
    assert plain.sum(dim=(2, 3)).allclose(torch.ones(4, 14), atol=1e-5) and not plain.requires_grad


def test_joints_are_taught_by_name_and_only_those_the_teacher_learnt(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    config = replace(TINY, skeleton=define("other", ["nose", "tail", "right_hip"]), unlearnt=("right_hip",))
    write_checkpoint(path, network(0, config).state_dict(), {"model": "heatmap", "config": config.to_json()})
    teacher = Teacher.open(path, TINY, 0.5)
    assert teacher.pairs == ((0, 2),) and teacher.chances(views()[0]).shape == (4, 1, 16, 16)
    assert not any(p.requires_grad for p in teacher.network.parameters())


def test_those_of_which_some_are_drawn_are_not_taught() -> None:
    assert taught(5, [Part(2), Part(1, 1, taught=False)]).tolist() == [True, True, False, True, True]


@pytest.mark.slow
def test_a_network_learns_from_its_teacher_what_the_labels_have_wrong(tmp_path: Path) -> None:
    schedule = Schedule(epochs=10, batch=16, rate=5e-3, average=0.9, augmentation=MILD)
    training, validation = corners(192, 0), corners(48, 1)
    first = HeatmapTask(network(0, CORNERS), CORNERS)
    best = fit(tmp_path / "teacher", first, training, validation, schedule, quiet=True)
    wrong = Samples(training.crops, training.xy + np.float32(25), training.v, training.box_side)
    rates = {}
    for taught_too in (True, False):
        teacher = Teacher.open(best, CORNERS, 0.9)
        before = {name: tensor.clone() for name, tensor in teacher.network.state_dict().items()}
        task = HeatmapTask(network(2, CORNERS), CORNERS, teacher=teacher)
        parts = [Part(len(wrong), taught=taught_too)]
        out = fit(tmp_path / f"{taught_too}", task, wrong, validation, schedule, parts=parts, quiet=True)
        after = teacher.network.state_dict()
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items()) and not teacher.network.training
        task.network.load_state_dict(read_checkpoint(out).tensors, strict=False)
        rates[taught_too] = detection_rate(task, task.network, validation)
    assert rates[True] > 0.8 and rates[False] < 0.4


def test_a_teacher_that_cannot_teach_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    with pytest.raises(ModelError, match=r"t\.safetensors"):
        Teacher.open(path, TINY, 0.5)
    write_checkpoint(path, network(0).state_dict(), {"model": "heatmap", "config": TINY.to_json()})
    assert Teacher.open(path, TINY, 0.5).config == TINY
    other = replace(TINY, skeleton=define("hand", ["thumb", "index"]))
    with pytest.raises(
        ModelError, match=r"t\.safetensors: a teacher of skeleton tiny, expected one that knows joints of hand"
    ):
        Teacher.open(path, other, 0.5)
    with pytest.raises(ModelError, match=r"t\.safetensors: a teacher of boxes x 1\.25, expected x 1\.5"):
        Teacher.open(path, replace(TINY, padding=1.5), 0.5)
    with pytest.raises(ModelError, match=r"teacher's share 1\.5: expected 0 to 1"):
        Teacher.open(path, TINY, 1.5)
    write_checkpoint(path, network(0).state_dict(), {"model": "deeppose", "config": TINY.to_json()})
    with pytest.raises(ModelError, match=r"t\.safetensors: .*deeppose.*heatmap"):
        Teacher.open(path, TINY, 0.5)


@pytest.mark.slow
def test_the_command_says_who_taught(
    repo: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = repo / "datasets" / "figures"
    start = tmp_path / "start.safetensors"
    config = replace(TINY, skeleton=LSP_14)
    torch.manual_seed(0)
    write_checkpoint(start, HeatmapNetwork(config).state_dict(), {"model": "heatmap", "config": config.to_json()})
    out = tmp_path / "run"
    plain = (
        *("train", "heatmap", "--data", figures / "truth.json", figures / "images", "--validation", 6, "--epochs", 1),
        *("--mix", few_figures(figures, tmp_path), figures / "images", 5, "--init", start, "--out", out),
    )
    command = (*plain, "--teacher")
    whom: list[list[bool]] = []
    objective = HeatmapTask.objective

    def heard(task: HeatmapTask, *batch: Tensor) -> tuple[Tensor, Tensor]:
        whom.append(batch[3].tolist())
        return objective(task, *batch)

    monkeypatch.setattr(HeatmapTask, "objective", heard)
    assert run(*command, "shipped", "--teacher-share", "0.7")[0] == 0
    assert sum(map(sum, whom)) + 5 == sum(map(len, whom)), "those of --mix are not taught"
    sha256 = file_sha256(SHIPPED)
    assert read_checkpoint(out / "best.safetensors").description["teacher"] == {"sha256": sha256, "share": 0.7}
    assert f"the maps of the checkpoint `{sha256[:12]}` have 0.7 of the loss" in (out / "card.md").read_text()
    status, _, error = run(*command, "shipped")
    assert status == 1 and "holds a training with teacher.share = 0.7, now 0.8" in error
    status, _, error = run(*command, tmp_path / "none.safetensors")
    assert status == 1 and "none.safetensors" in error and len(error.splitlines()) == 1
    status, _, error = run(*plain, "--teacher-share", "0.7")
    assert status == 2 and "--teacher-share goes with --teacher" in error
    status, _, error = run(*plain, "--pretrained")
    assert status == 2 and "--pretrained and --init both say what to start from" in error
