"""A GPU that is played with tensors that have a device and shapes but no values: no GPU is needed to see where all lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from synthetic_scenes import SKELETON, square_document
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torchvision.models.detection import FasterRCNN

from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork
from labeltool.models.cascade import RefinerConfig
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork, decode
from labeltool.models.mask_rcnn import MaskRcnnConfig
from labeltool.models.second_look import lean, mirrored_upright, put_back
from labeltool.models.vitpose import VitPose
from labeltool.skeleton import LSP_14
from labeltool.training.bottom_up import BottomUpTask
from labeltool.training.cascade import RefineTask
from labeltool.training.deeppose import DeepPoseTask
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Task
from labeltool.training.mask_rcnn import MaskRcnnTask
from labeltool.training.scene_views import PLAIN, View, view
from labeltool.training.scenes import Scene, read_scenes
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


def test_a_second_look_is_taken_where_the_network_lies() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        crops, maps = torch.zeros(4, 3, 64, 64, device="cuda"), torch.zeros(4, 14, 16, 16, device="cuda")
        turned = lean(decode(maps), LSP_14)
        assert mirrored_upright(crops, turned).device.type == "cuda"
        assert put_back(maps, turned, LSP_14).device.type == "cuda"


class PlayedGpu(TorchFunctionMode):
    """Tensors on the GPU have no values, those in ordinary memory do: what is brought back with `cpu` is zeros.

    Whole photos need that: how many people there are decides which way a training goes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gpu = FakeTensorMode()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        leaves = tree_leaves((args, given))
        there = any(isinstance(leaf, FakeTensor) for leaf in leaves)
        if func is Tensor.cpu and there:
            return torch.zeros(args[0].shape, dtype=args[0].dtype)
        if there or any(isinstance(leaf, torch.device) and leaf.type == "cuda" for leaf in leaves):
            with self.gpu:
                args, given = tree_map_only(Tensor, self._without_values, (args, given))
                return func(*args, **given)
        return func(*args, **given)

    def _without_values(self, tensor: Tensor) -> Tensor:
        return tensor if isinstance(tensor, FakeTensor) else self.gpu.from_tensor(tensor)


class PlayedRcnn(nn.Module):
    """Stands in for torchvision's network, whose ways depend on values: a loss of all it is given, or two people a photo."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, device="cuda"))

    def forward(self, photos: Sequence[Tensor], targets: Any = None) -> Any:
        given = [*photos, *tree_leaves(targets or [])]
        assert {tensor.device.type for tensor in given} == {"cuda"}
        if self.training:
            return {"loss_keypoint": self.weight.sum() * sum(tensor.float().sum() for tensor in given)}
        sizes = {"boxes": (4,), "scores": (), "keypoints": (3, 3), "keypoints_scores": (3,)}
        return [
            {name: torch.ones(2, *size, device=self.weight.device) for name, size in sizes.items()}
            | {"masks": torch.ones(2, 1, *photo.shape[1:], device=self.weight.device)}
            for photo in photos
        ]


@pytest.fixture
def without_inference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """In torch's inference mode there are no tensors without values."""
    real = torch.inference_mode
    monkeypatch.setattr(torch, "inference_mode", lambda *_: real(mode=False))


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    return read_scenes(square_document(tmp_path, 3, seed=0), tmp_path, SKELETON)


def views_of(scenes: Sequence[Scene], task: BottomUpTask | MaskRcnnTask) -> list[View]:
    chance = np.random.default_rng(0)
    return [
        view(scene, SKELETON, canvas=task.canvas, masks=task.masks, variation=PLAIN, chance=chance) for scene in scenes
    ]


@pytest.mark.usefixtures("without_inference_mode")
@pytest.mark.parametrize("kind", ["mask-rcnn", "bottom-up"])
def test_whole_photos_are_learnt_from_and_looked_at_where_the_network_lies(
    kind: str, scenes: list[Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    # weights without values lie there already, and torch cannot move them
    monkeypatch.setattr(nn.Module, "to", lambda network, *_, **__: network)
    played = PlayedGpu()
    task: BottomUpTask | MaskRcnnTask
    with played.gpu, torch.device("cuda"):
        if kind == "mask-rcnn":
            task = MaskRcnnTask(cast("FasterRCNN", PlayedRcnn()), MaskRcnnConfig(SKELETON, side=96))
        else:
            config = BottomUpConfig(SKELETON, backbone="test_efficientnet", channels=8, side=128)
            task = BottomUpTask(BottomUpNetwork(config), config)
    with played:
        losses = task.losses(views_of(scenes, task))
        assert losses and {loss.device.type for loss in losses.values()} == {"cuda"}
        assert set(task.scores(task.network.eval(), scenes)) == set(task.measures)
        with pytest.raises(RuntimeError, match="numpy"):
            next(task.network.parameters()).detach().numpy()


class PlayedVitPose(nn.Module):
    """Stands in for transformers' network with six experts."""

    config = SimpleNamespace(backbone_config=SimpleNamespace(num_experts=6))

    def forward(self, pixels: Tensor, dataset_index: Tensor) -> Any:
        assert pixels.device.type == dataset_index.device.type == "cuda"
        return SimpleNamespace(heatmaps=pixels[:, :1].expand(-1, 17, -1, -1))


class PlayedProcessor:
    """Stands in for transformers' processor, which brings maps back by itself."""

    def __call__(self, image: Any, *, boxes: Sequence[Any], return_tensors: str) -> Mapping[str, Tensor]:
        return {"pixel_values": torch.zeros(len(boxes[0]), 3, 64, 48)}

    def post_process_pose_estimation(self, answer: Any, *, boxes: Sequence[Any]) -> Any:
        heights = answer.heatmaps.cpu().amax(dim=(2, 3))
        return [[{"keypoints": torch.zeros(17, 2), "scores": row} for row in heights]]


@pytest.mark.usefixtures("without_inference_mode")
def test_vitpose_is_told_its_expert_where_the_network_lies() -> None:
    model = VitPose(PlayedVitPose(), PlayedProcessor(), version="1", weights_hash="", device=torch.device("cuda"))
    with PlayedGpu():
        (poses,) = model.predict([np.zeros((90, 60, 3), np.uint8)], [np.array([[5.0, 5, 40, 60], [20, 10, 30, 50]])])
    assert poses.xy.shape == (2, 17, 2)
