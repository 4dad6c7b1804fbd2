from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import image_to_crop, square_boxes
from labeltool.models.base import PoseModel
from labeltool.models.heatmap import Heatmap, HeatmapConfig, HeatmapNetwork, decode, load
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import define

SKELETON = define("tiny", ["left_shoulder", "right_hip", "nose"])
TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)


def gaussian(x: float, y: float, size: int = 16, spread: float = 1.0) -> Tensor:
    """Logits whose softmax is a Gaussian about (x, y)."""
    grid = torch.arange(size, dtype=torch.float32)
    return -((grid - x) ** 2 + (grid[:, None] - y) ** 2) / (2 * spread**2)


@pytest.mark.parametrize(("x", "y"), [(5.0, 9.0), (5.3, 8.6), (7.49, 7.51)])
def test_decode_is_finer_than_a_cell(x: float, y: float) -> None:
    uv, mass = decode(gaussian(x, y)[None, None])
    assert np.allclose(uv.numpy(), [[[x, y]]], atol=0.05)
    assert 0.9 < float(mass) <= 1.0


def test_decode_at_the_edge_and_of_two_peaks() -> None:
    uv, _ = decode(gaussian(0, 15)[None, None])
    assert 0 <= float(uv[0, 0, 0]) < 0.8 and 14.2 < float(uv[0, 0, 1]) <= 15
    two = torch.logaddexp(gaussian(3, 3) + 0.5, gaussian(12, 12))
    uv, mass = decode(two[None, None])
    assert np.allclose(uv.numpy(), [[[3, 3]]], atol=0.1)
    assert float(mass) == pytest.approx(np.exp(0.5) / (1 + np.exp(0.5)), abs=0.05)


def test_joints_go_back_to_the_photo() -> None:
    class Fixed(nn.Module):
        def forward(self, crops: Tensor) -> Tensor:
            return torch.stack([gaussian(4, 5), gaussian(8, 8), gaussian(11, 2)]).expand(len(crops), -1, -1, -1)

    model = Heatmap(Fixed(), TINY, version="1", weights_hash="0", device=torch.device("cpu"))
    box = np.array([[20.0, 10.0, 40.0, 60.0]])
    poses = model.predict([np.zeros((100, 100, 3), np.uint8)], [box])[0]
    back = image_to_crop(poses.xy, square_boxes(box, TINY.padding), 16)
    assert np.allclose(back, [[[4, 5], [8, 8], [11, 2]]], atol=0.05)
    assert ((poses.confidence > 0.5) & (poses.confidence < 1)).all()


def test_checkpoint_round_trip_and_the_real_network(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    network = HeatmapNetwork(TINY)
    write_checkpoint(path, network.state_dict(), {"model": "heatmap", "version": "3", "config": TINY.to_json()})
    model = load(path, device="cpu")
    assert isinstance(model, PoseModel)
    assert (model.version, model.size, model.config) == ("3", 64, TINY)
    poses = model.predict([np.zeros((50, 80, 3), np.uint8)], [None])[0]
    assert poses.xy.shape == (1, 3, 2)


def test_a_checkpoint_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, {}, {"model": "deeppose"})
    with pytest.raises(ModelError, match="a checkpoint of 'deeppose', expected one of 'heatmap'"):
        load(path)


def test_without_weights_it_says_how_to_get_some() -> None:
    with pytest.raises(ModelError, match="labeltool train heatmap"):
        load()
