from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import image_to_crop, square_boxes
from labeltool.images import load_photo
from labeltool.models import deeppose, topdown
from labeltool.models.base import PoseModel, Poses
from labeltool.models.catalog import catalog, default_model, load_model
from labeltool.models.heatmap import SHIPPED, Heatmap, HeatmapConfig, HeatmapNetwork, certainty, decode, load, rivalry
from labeltool.models.topdown import to_input
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import LSP_14, define

SKELETON = define("tiny", ["left_shoulder", "right_hip", "nose"])
TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)


def gaussian(x: float, y: float, size: int = 16, spread: float = 1.0) -> Tensor:
    """Logits whose softmax is a Gaussian about (x, y)."""
    grid = torch.arange(size, dtype=torch.float32)
    return -((grid - x) ** 2 + (grid[:, None] - y) ** 2) / (2 * spread**2)


@pytest.mark.parametrize(("x", "y"), [(5.0, 9.0), (5.3, 8.6), (7.49, 7.51)])
def test_decode_is_finer_than_a_cell(x: float, y: float) -> None:
    uv = decode(gaussian(x, y)[None, None])
    assert np.allclose(uv.numpy(), [[[x, y]]], atol=0.05)


def test_decode_at_the_edge_and_of_two_peaks() -> None:
    uv = decode(gaussian(0, 15)[None, None])
    assert 0 <= float(uv[0, 0, 0]) < 0.8 and 14.2 < float(uv[0, 0, 1]) <= 15
    two = torch.logaddexp(gaussian(3, 3) + 0.5, gaussian(12, 12))
    uv = decode(two[None, None])
    assert np.allclose(uv.numpy(), [[[3, 3]]], atol=0.1)


def test_decode_takes_the_mode_of_the_most_mass_not_the_highest_cell() -> None:
    broad, sharp = gaussian(10, 10, 40, 3.0) + np.log(0.75 / 9), gaussian(30, 30, 40, 1.0) + np.log(0.25)
    logits = torch.logaddexp(broad, sharp)[None, None]
    assert int(logits.flatten().argmax()) == 30 * 40 + 30
    assert np.allclose(decode(logits).numpy(), [[[10, 10]]], atol=0.3)


def test_certainty_is_the_mass_that_makes_a_joint_right() -> None:
    # torso from (2, 2) to (2 + 15, 2): joints are right within 3 cells
    two = torch.logaddexp(gaussian(5, 12, 32, 0.5) + 0.5, gaussian(25, 12, 32, 0.5))
    logits = torch.stack([gaussian(2, 2, 32, 0.5), gaussian(17, 2, 32, 0.5), two])[None]
    mass = torch.sigmoid(certainty(logits, decode(logits), SKELETON))[0]
    assert mass[0] > 0.95 and mass[1] > 0.95
    assert float(mass[2]) == pytest.approx(np.exp(0.5) / (1 + np.exp(0.5)), abs=0.01)


def test_rivalry_is_what_the_other_sides_map_claims_of_the_place() -> None:
    skeleton = define("r", ["left_hip", "right_hip", "nose"], flip_pairs=[("left_hip", "right_hip")])
    # no torso: joints are right within .2 x .3 x 32 = 1.9 cells; the right hip's map has a quarter of its mass on the left one
    left, nose = gaussian(8, 8, 32, 0.5), gaussian(8, 8, 32, 0.5)
    right = torch.logaddexp(gaussian(20, 20, 32, 0.5) + np.log(0.75), gaussian(8, 8, 32, 0.5) + np.log(0.25))
    logits = torch.stack([left, right, nose])[None]
    claims = rivalry(logits, decode(logits), skeleton)[0]
    assert float(claims[0]) == pytest.approx(np.log1p(0.25 * 500), abs=0.1)
    assert float(claims[1]) < 0.1
    # the nose has no other side, whatever else lies there
    assert float(claims[2]) == 0


def test_a_rival_lowers_the_confidence() -> None:
    skeleton = define("r", ["left_hip", "right_hip"], flip_pairs=[("left_hip", "right_hip")])

    class Both(nn.Module):
        def forward(self, crops: Tensor) -> Tensor:
            return gaussian(8, 8)[None, None].expand(len(crops), 2, -1, -1)

    sure = []
    for rival in (0.0, -1.0):
        config = replace(TINY, skeleton=skeleton, rival=rival)
        model = Heatmap(Both(), config, version="1", weights_hash="0", device=torch.device("cpu"))
        sure.append(model.run(np.zeros((1, 64, 64, 3), np.uint8), np.array([[0.0, 0, 64, 64]]))[1][0, 0])
    assert sure[1] < sure[0]


def test_looking_twice_gives_the_mirrored_answer_of_the_mirrored_crop() -> None:
    """Where the skeleton has no torso: nobody is turned then."""
    torch.manual_seed(0)
    paired = define(
        "pair", ["left_shoulder", "right_shoulder", "nose"], flip_pairs=[("left_shoulder", "right_shoulder")]
    )
    config = replace(TINY, skeleton=paired)
    model = Heatmap(HeatmapNetwork(config), config, version="1", weights_hash="0", device=torch.device("cpu"))
    model.twice = True
    crops = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8)
    square = np.array([[0.0, 0, 64, 64]] * 2)
    xy, confidence = model.run(crops, square)
    turned_xy, turned_confidence = model.run(crops[:, :, ::-1].copy(), square)
    order = paired.flip_order()
    assert np.allclose(turned_xy[:, order, 0], 63 - xy[..., 0], atol=1e-3)
    assert np.allclose(turned_xy[:, order, 1], xy[..., 1], atol=1e-3)
    assert np.allclose(turned_confidence[:, order], confidence, atol=1e-4)


def test_photos_are_normalised_channel_by_channel() -> None:
    crops = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    rgb = HeatmapConfig(SKELETON, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    for channel, (mean, std) in enumerate(zip((0.1, 0.2, 0.3), (0.5, 1.0, 2.0), strict=True)):
        torch.testing.assert_close(to_input(crops, rgb)[:, channel], (crops[:, channel] / 255 - mean) / std)
        torch.testing.assert_close(
            to_input(crops, HeatmapConfig(SKELETON))[:, channel], (crops[:, channel] / 255 - 0.5) / 0.5
        )


def test_calibration_moves_the_confidence_of_its_joint() -> None:
    config = replace(TINY, slope=2.0, offsets=(0.0, -30.0, 30.0))
    model = Heatmap(HeatmapNetwork(config), config, version="1", weights_hash="0", device=torch.device("cpu"))
    _, confidence = model.run(np.zeros((1, 64, 64, 3), np.uint8), np.array([[0.0, 0, 64, 64]]))
    assert confidence[0, 1] < 0.01 and confidence[0, 2] > 0.99


def test_a_config_that_cannot_be() -> None:
    with pytest.raises(ModelError, match="crops of 100 px, expected a multiple of 32"):
        replace(TINY, side=100)
    with pytest.raises(ModelError, match="2 offsets, expected one for each of 3 joints"):
        replace(TINY, offsets=(0.0, 1.0))


def test_joints_go_back_to_the_photo() -> None:
    class Fixed(nn.Module):
        def forward(self, crops: Tensor) -> Tensor:
            return torch.stack([gaussian(4, 5), gaussian(8, 8), gaussian(11, 2)]).expand(len(crops), -1, -1, -1)

    model = Heatmap(Fixed(), TINY, version="1", weights_hash="0", device=torch.device("cpu"))
    box = np.array([[20.0, 10.0, 40.0, 60.0]])
    poses = model.predict([np.zeros((100, 100, 3), np.uint8)], [box])[0]
    back = image_to_crop(poses.xy, square_boxes(box, TINY.padding), 16)
    assert np.allclose(back, [[[4, 5], [8, 8], [11, 2]]], atol=0.05)
    assert ((poses.confidence > 0.3) & (poses.confidence < 1)).all()


def test_joints_that_were_not_learnt_are_not_predicted() -> None:
    config = TINY
    torch.manual_seed(0)
    network = HeatmapNetwork(config)
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    boxes = [np.array([[10.0, 5, 30, 40]])]

    def poses(config: HeatmapConfig) -> Poses:
        cpu = torch.device("cpu")
        return Heatmap(network, config, version="1", weights_hash="", device=cpu).predict([image], boxes)[0]

    whole, part = poses(config), poses(replace(config, unlearnt=(SKELETON.joints[1],)))
    assert np.isnan(part.xy[0, 1]).all() and part.confidence[0, 1] == 0
    kept = [k for k in range(len(SKELETON)) if k != 1]
    np.testing.assert_array_equal(part.xy[0, kept], whole.xy[0, kept])
    assert part.scores[0] == pytest.approx(whole.confidence[0, kept].mean())
    assert HeatmapConfig.from_json(replace(config, unlearnt=(SKELETON.joints[1],)).to_json()).unlearnt == (
        SKELETON.joints[1],
    )
    with pytest.raises(ModelError, match="joint 'fin': not learnt, expected one of skeleton"):
        replace(config, unlearnt=("fin",))


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


def test_the_shipped_model_is_the_default_and_small(repo: Path) -> None:
    assert default_model() == "heatmap" and catalog()["heatmap"].shipped
    # both shipped files together stay below 40 MB
    assert SHIPPED.stat().st_size + deeppose.SHIPPED.stat().st_size < 40_000_000
    model = load_model(default_model(), device="cpu")
    figures = repo / "datasets" / "figures"
    data = json.loads((figures / "truth.json").read_text())
    near = counted = 0
    names = {image["id"]: image["file_name"] for image in data["images"]}
    joints = data["categories"][0]["keypoints"]
    common = [(LSP_14.index(name), joints.index(name)) for name in joints if name in LSP_14.joints]
    for annotation in data["annotations"][:12]:
        photo = load_photo(figures / "images" / names[annotation["image_id"]])
        poses = model.predict([photo], [np.array([annotation["bbox"]], float)])[0]
        points = np.array(annotation["keypoints"], float).reshape(-1, 3)
        for own, its in common:
            if points[its, 2] > 0:
                counted += 1
                near += bool(np.linalg.norm(poses.xy[0, own] - points[its, :2]) < 0.1 * max(annotation["bbox"][2:]))
    assert counted > 80 and near / counted > 0.7


def test_bfloat16_answers_as_float32_does(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seventeen people of the sample figures; where two places are about as likely, the last bit may choose the other one."""
    figures = repo / "datasets" / "figures"
    document = json.loads((figures / "truth.json").read_text())
    images = document["images"][:6]
    photos = [load_photo(figures / "images" / image["file_name"]) for image in images]
    boxes = [
        np.array([a["bbox"] for a in document["annotations"] if a["image_id"] == i["id"]], dtype=float) for i in images
    ]
    model = load(device="cpu")
    monkeypatch.setattr(topdown, "autocast", lambda device: torch.autocast("cpu", torch.bfloat16))
    fast = model.predict(photos, boxes)
    monkeypatch.setattr(topdown, "autocast", lambda device: torch.autocast("cpu", enabled=False))
    exact = model.predict(photos, boxes)
    sides = np.concatenate(boxes)[:, 2:].max(axis=1, keepdims=True)
    apart = np.linalg.norm(np.concatenate([f.xy - e.xy for f, e in zip(fast, exact, strict=True)]), axis=2) / sides
    sure = np.concatenate([e.confidence for e in exact])
    assert apart.max() > 0
    # thirty blocks without batch norms: of sure joints five in a hundred move by more than a hundredth of the box, and two of
    # the 221 to another place
    assert (apart[sure > 0.5] < 0.01).mean() > 0.94 and (apart[sure > 0.5] < 0.05).mean() > 0.985
    assert (apart < 0.01).mean() > 0.9 and np.median(apart) < 0.003
    told = np.concatenate([f.confidence for f in fast])
    assert (np.abs(told - sure) < 0.06).mean() > 0.9 and np.median(np.abs(told - sure)) < 0.02


def test_the_model_that_looks_twice_is_another_name_and_another_answer() -> None:
    box = np.array([[20.0, 10.0, 40.0, 60.0]])
    photo = np.random.default_rng(1).integers(0, 255, (100, 90, 3)).astype(np.uint8)
    one, other = (load_model(name, device="cpu") for name in ("heatmap", "heatmap-flip"))
    assert (one.name, other.name) == ("heatmap", "heatmap-flip") and one.weights_hash == other.weights_hash
    a, b = (m.predict([photo], [box])[0].xy for m in (one, other))
    assert not np.allclose(a, b)
