from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from labeltool.errors import ModelError
from labeltool.models.base import Poses
from labeltool.models.bottom_up import BottomUp, BottomUpConfig, BottomUpNetwork, canvas_of, group, load
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import LSP_14, define

THREE = define("three", ["left_shoulder", "right_hip", "nose"])
LIGHT = BottomUpConfig(LSP_14, backbone="mobilenetv3_small_050", channels=16, side=64)


def drawn_maps(people: list[np.ndarray], size: tuple[int, int] = (32, 40)) -> torch.Tensor:
    """Maps that show people of three joints (3, 2) in cells: Gaussian peaks, and offsets that are 1.5 cells off to the right."""
    maps = torch.full((10, *size), -8.0)
    maps[4:] = 0
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    for pose in people:
        centre = pose.mean(axis=0)
        for channel, (x, y) in enumerate([*pose, centre]):
            bump = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2)
            maps[channel] = torch.maximum(maps[channel], torch.logit(bump.clamp(1e-4, 0.95)))
        x, y = centre.round().astype(int)
        offsets = torch.from_numpy(pose - [x, y]).float() + torch.tensor([1.5, 0])
        maps[4:, y - 1 : y + 2, x - 1 : x + 2] = offsets.reshape(6, 1, 1)
    return maps


def test_joints_are_grouped_by_the_offsets_and_placed_by_the_maps() -> None:
    left = np.array([[5.0, 5], [9, 21], [7.25, 12.5]])
    right = left + np.array([20.0, 3])
    cells, confidence, scores = group(drawn_maps([left, right]), 3)
    assert cells.shape == (2, 3, 2) and len(scores) == 2
    order = np.argsort(cells[:, 0, 0])
    np.testing.assert_allclose(cells[order], [left, right], atol=0.35)
    np.testing.assert_allclose(cells[order][:, 0], [left[0], right[0]], atol=0.05)  # a peak in the middle of a cell
    assert (confidence > 0.5).all()


def test_a_joint_without_a_peak_stays_where_the_offset_puts_it() -> None:
    pose = np.array([[5.0, 5], [9, 21], [7, 13]])
    maps = drawn_maps([pose])
    maps[1] = -8
    cells, confidence, _ = group(maps, 3)
    np.testing.assert_allclose(cells[0, 1], pose[1] + [1.5, 0], atol=0.6)
    assert confidence[0, 1] < 0.01 < confidence[0, 0]


@pytest.mark.parametrize(("height", "place"), [(0.9, [16.0, 21.0]), (0.25, [10.0, 21.0])])
def test_a_high_peak_is_taken_before_a_low_one_that_is_nearer(height: float, place: list[float]) -> None:
    """The offset puts the hip 1.5 cells beside a peak of .25; another is 4.5 cells off, .28 of the pose's side: it counts .53."""
    pose = np.array([[5.0, 5], [10, 21], [7, 13]])
    maps = drawn_maps([pose])
    maps[1] = torch.logit(torch.tensor(1e-4))
    maps[1, 21, 10], maps[1, 21, 16] = torch.logit(torch.tensor(0.25)), torch.logit(torch.tensor(height))
    cells, confidence, _ = group(maps, 3)
    np.testing.assert_allclose(cells[0, 1], place, atol=0.05)
    assert confidence[0, 1] == pytest.approx(height if place[0] > 12 else 0.25, abs=1e-3)


def test_scores_are_the_geometric_mean_of_the_centres_peak_and_the_mean_confidence() -> None:
    left = np.array([[5.0, 5], [9, 21], [7, 13]])
    maps = drawn_maps([left, left + np.array([20.0, 3])])
    maps[:3, :, 22:] -= 1.5  # joints of the one on the right are less sure
    cells, confidence, scores = group(maps, 3)
    assert cells[0, 0, 0] < 12 < cells[1, 0, 0] and scores[0] > scores[1]
    np.testing.assert_allclose(scores**2, 0.95 * confidence.mean(axis=1), atol=0.02)
    of_two = group(maps, 3, [1])[2]
    np.testing.assert_allclose(of_two**2, 0.95 * confidence[:, [0, 2]].mean(axis=1), atol=0.02)


def test_empty_maps_show_nobody() -> None:
    cells, confidence, scores = group(torch.full((10, 8, 8), -8.0), 3)
    assert cells.shape == (0, 3, 2) and confidence.shape == (0, 3) and scores.shape == (0,)


def test_the_canvas_keeps_the_photo_at_the_top_left() -> None:
    image = np.full((50, 100, 3), 200, np.uint8)
    canvas, zoom = canvas_of(image, 64)
    assert zoom == 0.64 and canvas.shape == (3, 32, 64)
    assert (canvas[:, :32, :64] == 200).all()
    canvas, zoom = canvas_of(image[:, :40], 64)
    assert canvas.shape == (3, 64, 64) and (canvas[:, :, 52:] == 127).all() and (canvas[:, :, :51] == 200).all()


def test_a_checkpoint_gives_the_model_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = BottomUpNetwork(LIGHT)
    torch.nn.init.constant_(network.head.bias[14], 3.0)  # somebody everywhere
    path = tmp_path / "b.safetensors"
    write_checkpoint(path, network.state_dict(), {"model": "bottom-up", "config": LIGHT.to_json(), "version": "2"})
    model = load(path, "cpu")
    assert isinstance(model, BottomUp) and model.version == "2" and model.config == LIGHT
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    poses = model.predict([image], [None])[0]
    assert 0 < len(poses) <= 30 and poses.xy.shape == (len(poses), 14, 2)
    assert (poses.boxes[:, 2:] > 0).all() and np.isfinite(poses.xy).all()


def test_joints_that_were_not_learnt_are_not_predicted() -> None:
    torch.manual_seed(0)
    network = BottomUpNetwork(LIGHT)
    torch.nn.init.constant_(network.head.bias[14], 3.0)
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)

    def poses(config: BottomUpConfig) -> Poses:
        cpu = torch.device("cpu")
        return BottomUp(network, config, version="1", weights_hash="", device=cpu).predict([image], [None])[0]

    whole, part = poses(LIGHT), poses(replace(LIGHT, unlearnt=("neck", "head_top")))
    kept = [k for k, joint in enumerate(LSP_14.joints) if joint not in ("neck", "head_top")]
    assert len(part) == len(whole) > 0
    assert np.isnan(part.xy[:, [k for k in range(14) if k not in kept]]).all()
    # the order may be another one: what was not learnt plays no part in the scores
    np.testing.assert_array_equal(*(np.sort(p.xy[:, kept].reshape(len(p), -1), axis=0) for p in (part, whole)))
    np.testing.assert_allclose(part.boxes[:, :2], part.xy[:, kept].min(axis=1))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="labeltool train bottom-up"):
        load(None, "cpu")
    path = tmp_path / "b.safetensors"
    write_checkpoint(path, {}, {"model": "heatmap"})
    with pytest.raises(ModelError, match="'heatmap', expected one of 'bottom-up'"):
        load(path, "cpu")
    write_checkpoint(path, {}, {"model": "bottom-up", "config": LIGHT.to_json()})
    with pytest.raises(ModelError, match="is missing"):
        load(path, "cpu")
