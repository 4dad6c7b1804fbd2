from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from synthetic_people import MILD, SKELETON, squares

from labeltool.errors import ModelError
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork, load
from labeltool.training.from_files import make_task
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Schedule, fit

TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)


@pytest.mark.slow
def test_a_short_training_learns_and_writes_a_model_that_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    schedule = Schedule(epochs=10, batch=16, rate=5e-3, average=0.9, augmentation=MILD)
    best = fit(tmp_path / "run", task, squares(192, 0), squares(48, 1), schedule, quiet=True)
    with open(tmp_path / "run" / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["pdj@0.2"]) > 0.9
    assert load(best, device="cpu").skeleton.joints == SKELETON.joints


def test_only_known_models_are_trained() -> None:
    with pytest.raises(ModelError, match="'alexnet': cannot be trained, expected one of deeppose, heatmap"):
        make_task("alexnet", SKELETON)
