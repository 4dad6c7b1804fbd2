"""Trainings on a GPU, played with tensors that have a device and shapes but no values: no GPU is needed to see where all lies."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from labeltool.models.cascade import RefinerConfig
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.skeleton import LSP_14
from labeltool.training.cascade import RefineTask
from labeltool.training.deeppose import DeepPoseTask
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Task
from labeltool.training.squares import ObservedErrors

HEATMAP = HeatmapConfig(LSP_14, backbone="test_efficientnet", channels=8, side=64)
DEEPPOSE = DeepPoseConfig(LSP_14, backbone="test_efficientnet", channels=8, hidden=16)


def task_of(kind: str) -> Task:
    """A task whose network lies on the GPU; the errors that a refining stage has observed are kept in ordinary memory."""
    with torch.device("cuda"):
        if kind == "heatmap":
            return HeatmapTask(HeatmapNetwork(HEATMAP), HEATMAP)
        if kind == "deeppose":
            return DeepPoseTask(DeepPoseNetwork(DEEPPOSE), DEEPPOSE)
        network = DeepPoseNetwork(DEEPPOSE, [RefinerConfig(channels=8, hidden=8)])
    return RefineTask(network, DEEPPOSE, ObservedErrors(torch.zeros(14, 2), torch.eye(2).expand(14, 2, 2)))


@pytest.mark.parametrize("kind", ["heatmap", "deeppose", "refining"])
def test_all_of_a_step_lies_where_the_network_does(kind: str) -> None:
    with FakeTensorMode():
        task = task_of(kind)
        views = torch.rand(2, 3, task.size, task.size, device="cuda")
        target = torch.rand(2, 14, 2, device="cuda")
        labelled = torch.ones(2, 14, dtype=torch.bool, device="cuda")
        objective, loss = task.objective(views, target, labelled)
        assert objective.device.type == loss.device.type == "cuda"
        assert task.joints(task.network.eval(), views).device.type == "cuda"
        with pytest.raises(RuntimeError, match="device"):
            task.objective(views, target.cpu(), labelled)
