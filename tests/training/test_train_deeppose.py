from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from run_state import last_tensors
from synthetic_people import MILD, SKELETON, squares

from labeltool.errors import ModelError
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork, load
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.training import loop
from labeltool.training.deeppose import DeepPoseTask, cell_loss, initialise, loss
from labeltool.training.loop import Schedule, fit

TINY = DeepPoseConfig(SKELETON, backbone="test_efficientnet", hidden=32)


def new_task() -> DeepPoseTask:
    torch.manual_seed(0)
    return DeepPoseTask(DeepPoseNetwork(TINY), TINY)


def test_loss_is_the_lectures_mean_over_labelled_coordinates() -> None:
    joints = torch.tensor([[[0.1, 0.2], [0.0, 0.0]]])
    target = torch.tensor([[[0.0, 0.0], [5.0, 5.0]]])
    labelled = torch.tensor([[True, False]])
    mse, _ = loss(joints, torch.zeros(1, 2), target, labelled)
    assert float(mse) == pytest.approx((0.1**2 + 0.2**2) / 2)
    mse, _ = loss(joints, torch.zeros(1, 2), target, torch.tensor([[True, True]]))
    assert float(mse) == pytest.approx((0.1**2 + 0.2**2 + 25 + 25) / 4)


def test_the_cell_loss_is_least_where_the_joint_is() -> None:
    target = torch.tensor([[[0.2, -0.3]]])
    labelled = torch.ones(1, 1, dtype=torch.bool)
    values = torch.full((7, 7), 0.0)
    for row in range(7):
        for column in range(7):
            logits = torch.zeros(1, 1, 7, 7)
            logits[0, 0, row, column] = 5
            values[row, column] = cell_loss(logits, target, labelled)
    assert divmod(int(values.argmin()), 7) == (1, 4)
    assert cell_loss(torch.zeros(1, 1, 7, 7), target, labelled) == pytest.approx(np.log(49), abs=1e-4)
    assert cell_loss(torch.randn(1, 1, 7, 7), target, ~labelled) == 0


def test_the_error_head_is_trained_to_the_mean_distance() -> None:
    distance = 0.3
    joints = torch.tensor([[[distance, 0.0]]])
    at = torch.linspace(-3, 1, 401)
    values = [
        float(loss(joints, v.view(1, 1), torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.bool))[1]) for v in at
    ]
    assert float(at[int(np.argmin(values))]) == pytest.approx(np.log(distance), abs=0.02)


@pytest.mark.slow
def test_a_short_training_learns_and_writes_a_model_that_loads(tmp_path: Path) -> None:
    schedule = Schedule(epochs=4, batch=8, rate=3e-3, average=0.9, augmentation=MILD)
    best = fit(tmp_path / "run", new_task(), squares(128, 0), squares(48, 1), schedule, quiet=True)
    with open(tmp_path / "run" / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert float(rows[-1]["loss"]) < 0.2 * float(rows[0]["loss"])
    checkpoint = read_checkpoint(best)
    assert checkpoint.description["validation"]["pdj@0.2"] > 0.9
    assert load(best, device="cpu").skeleton.joints == SKELETON.joints


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(epochs=3, batch=8, average=0.9, augmentation=MILD)
    data = squares(24, 0), squares(8, 1)
    fit(tmp_path / "whole", new_task(), *data, schedule, quiet=True)

    real = loop.detection_rate
    calls = iter(range(100))

    def stop_in_the_second_epoch(*args: object) -> float:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "detection_rate", stop_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", new_task(), *data, schedule, quiet=True)
    fit(tmp_path / "cut", new_task(), *data, schedule, quiet=True)
    whole, cut = (last_tensors(tmp_path / name) for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_initial_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = DeepPoseNetwork(TINY)
    write_checkpoint(tmp_path / "backbone.safetensors", source.backbone.state_dict(), {})
    write_checkpoint(tmp_path / "whole.safetensors", source.state_dict(), {"model": "deeppose"})
    write_checkpoint(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {})
    for name, same_head in (("backbone", False), ("whole", True)):
        network = DeepPoseNetwork(TINY)
        initialise(network, read_checkpoint(tmp_path / f"{name}.safetensors"))
        assert all(
            torch.equal(a, b) for a, b in zip(network.backbone.parameters(), source.backbone.parameters(), strict=True)
        )
        assert torch.equal(network.joints.weight, source.joints.weight) == same_head
    with pytest.raises(ModelError, match="expected the backbone's weights"):
        initialise(DeepPoseNetwork(TINY), read_checkpoint(tmp_path / "other.safetensors"))
