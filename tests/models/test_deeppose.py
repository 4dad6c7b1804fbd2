from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat
from torch import Tensor, nn

from labeltool.audit.stages import stage_gains
from labeltool.errors import ModelError
from labeltool.geometry import box_of_joints, normalise, square_boxes
from labeltool.images import load_photo
from labeltool.models import deeppose, topdown
from labeltool.models.base import PoseModel
from labeltool.models.deeppose import CROP_SIZE, DeepPose, DeepPoseConfig, DeepPoseNetwork, load
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.skeleton import COCO_17, LSP_14, define
from labeltool.training.measuring import labels_of
from labeltool.training.samples import Person

TINY = DeepPoseConfig(define("tiny", ["left_shoulder", "right_hip", "nose"]), backbone="test_efficientnet", hidden=16)


class Known(nn.Module):
    """A network that answers with fixed values, and keeps what it was shown."""

    def __init__(self, joints: Tensor, log_error: Tensor) -> None:
        super().__init__()
        self.joints, self.log_error = joints, log_error
        self.seen = torch.zeros(0)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        self.seen = crops
        return self.joints.expand(len(crops), -1, -1), self.log_error.expand(len(crops), -1)


def known(joints: list[list[float]], error: float = 0.05) -> tuple[DeepPose, Known]:
    network = Known(torch.tensor([joints]), torch.full((1, len(joints)), float(np.log(error))))
    model = DeepPose(network, TINY, version="1", weights_hash="0", device=torch.device("cpu"))  # type: ignore[arg-type]
    return model, network


def photo(height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_output_is_mapped_back_by_the_inverse_of_n() -> None:
    model, network = known([[0.25, -0.25], [-0.1, 0.3], [0.0, 0.0]])
    box = np.array([[20.0, 10.0, 40.0, 60.0]])
    poses = model.predict([photo()], [box])[0]
    square = square_boxes(box, TINY.padding)
    assert network.seen.shape == (1, 3, CROP_SIZE, CROP_SIZE)
    assert np.allclose(normalise(poses.xy + 0.5, square), [[[0.25, -0.25], [-0.1, 0.3], [0.0, 0.0]]], atol=1e-6)
    assert (poses.boxes == box).all()


def test_poses_come_in_the_order_of_the_boxes_of_each_photo() -> None:
    model, _ = known([[0.0, 0.0]] * 3)
    boxes = [np.array([[0, 0, 10, 10], [50, 30, 20, 20]], float), np.zeros((0, 4)), np.array([[5, 5, 30, 30]], float)]
    answers = model.predict([photo(), photo(), photo()], boxes)
    assert [len(a) for a in answers] == [2, 0, 1]
    assert np.allclose(answers[0].xy[:, 0], [[4.5, 4.5], [59.5, 39.5]])
    assert np.allclose(answers[2].xy[0, 0], [19.5, 19.5])


def test_without_boxes_the_whole_photo_is_the_box() -> None:
    model, _ = known([[0.0, 0.0]] * 3)
    poses = model.predict([photo(90, 120)], [None])[0]
    assert poses.boxes.tolist() == [[0, 0, 120, 90]]
    assert np.allclose(poses.xy, [[[59.5, 44.5]] * 3])


def test_confidence_is_the_chance_of_lying_within_a_fifth_of_the_torso() -> None:
    model, _ = known([[0.2, -0.2], [-0.1, 0.2], [0.0, 0.0]], error=0.1)
    poses = model.predict([photo()], [None])[0]
    assert np.allclose(poses.confidence, 1 - np.exp(-0.2 * 0.5 / 0.1))
    assert np.allclose(poses.scores, poses.confidence.mean())


def test_confidence_is_calibrated_joint_by_joint() -> None:
    model, _ = known([[0.2, -0.2], [-0.1, 0.2], [0.0, 0.0]], error=0.1)
    plain = model.predict([photo()], [None])[0].confidence[0]
    model.config = replace(TINY, slope=0.5, offsets=(-1.0, 0.0, 2.0))
    fitted = model.predict([photo()], [None])[0].confidence[0]
    odds = (plain / (1 - plain)) ** 0.5 * np.exp([-1.0, 0.0, 2.0])
    assert np.allclose(fitted, odds / (1 + odds))
    with pytest.raises(ModelError, match="2 offsets, expected one for each of 3 joints"):
        replace(TINY, offsets=(0.0, 1.0))


def test_a_box_outside_the_photo_is_one_line() -> None:
    model, _ = known([[0.0, 0.0]] * 3)
    for box in ([200, 10, 5, 5], [10, 10, 0, 5], [np.nan, 0, 5, 5]):
        with pytest.raises(ModelError, match="120 x 90 pixels"):
            model.predict([photo()], [np.array([box], float)])


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    torch.manual_seed(0)
    network = DeepPoseNetwork(TINY).eval()
    write_checkpoint(path, network.state_dict(), {"model": "deeppose", "version": "7", "config": TINY.to_json()})
    model = load(path, device="cpu")
    assert isinstance(model, PoseModel)
    assert (model.version, model.skeleton.joints) == ("7", TINY.skeleton.joints)
    again = load(path, device="cpu")
    first, second = (m.predict([photo()], [None])[0] for m in (model, again))
    assert (first.xy == second.xy).all()
    assert model.weights_hash == read_checkpoint(path).sha256


def test_a_checkpoint_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, {}, {"model": "heatmap"})
    with pytest.raises(ModelError, match="a checkpoint of 'heatmap', expected one of 'deeppose'"):
        load(path)
    write_checkpoint(path, {}, {"model": "deeppose", "config": {"skeleton": {"joints": ["a"]}, "colour": 1}})
    with pytest.raises(ModelError, match="colour"):
        load(path)


def test_weights_of_another_skeleton_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    wider = DeepPoseConfig(COCO_17, backbone=TINY.backbone, hidden=16)
    tensors = DeepPoseNetwork(TINY).state_dict()
    write_checkpoint(path, tensors, {"model": "deeppose", "config": wider.to_json()})
    with pytest.raises(ModelError, match=r"cells.weight.*\(3, 64, 1, 1\), expected \(17, 64, 1, 1\)"):
        load(path)


def test_unknown_backbone() -> None:
    with pytest.raises(ModelError, match="backbone 'alexnet9000'"):
        DeepPoseNetwork(DeepPoseConfig(LSP_14, backbone="alexnet9000"))


@pytest.mark.skipif(not deeppose.SHIPPED.exists(), reason="no shipped checkpoint in this checkout")
def test_the_shipped_checkpoint_loads_and_predicts() -> None:
    model = load(device="cpu")
    assert model.skeleton.joints == LSP_14.joints
    assert model.stages == 3 and [stage.config.sigma for stage in model.network.refining] == [2.2, 1.6]
    poses = model.predict([photo(300, 200)], [None])[0]
    assert poses.xy.shape == (1, 14, 2)
    assert ((poses.confidence >= 0) & (poses.confidence <= 1)).all()


@pytest.mark.skipif(not deeppose.SHIPPED.exists(), reason="no shipped checkpoint in this checkout")
def test_bfloat16_answers_as_float32_does(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = repo / "datasets" / "figures"
    annotations = json.loads((figures / "annotations.json").read_text())
    image = annotations["images"][0]
    boxes = np.array([a["bbox"] for a in annotations["annotations"] if a["image_id"] == image["id"]], float)
    shown = load_photo(figures / "images" / image["file_name"])
    model = load(device="cpu")
    monkeypatch.setattr(topdown, "autocast", lambda device: torch.autocast("cpu", torch.bfloat16))
    fast = model.predict([shown], [boxes])[0]
    monkeypatch.setattr(topdown, "autocast", lambda device: torch.autocast("cpu", enabled=False))
    exact = model.predict([shown], [boxes])[0]
    apart = np.linalg.norm(fast.xy - exact.xy, axis=2)
    # where two places are about as likely, the last bit may choose the other one
    assert (apart < 0.02 * boxes[:, 2:].max()).mean() > 0.9
    assert np.abs(fast.confidence - exact.confidence)[apart < 0.02 * boxes[:, 2:].max()].max() < 0.1


@pytest.mark.skipif(not deeppose.SHIPPED.exists(), reason="no shipped checkpoint in this checkout")
def test_the_shipped_stages_improve_on_people_nobody_trained_on(lspet: Path) -> None:
    joints = loadmat(lspet / "joints.mat")["joints"].transpose(2, 0, 1)
    people = []
    for n in range(len(joints) - 24, len(joints)):
        box = box_of_joints(joints[n, :, :2], joints[n, :, 2])
        assert box is not None
        people.append(
            Person(lspet / "images" / f"im{n + 1:05d}.jpg", box, joints[n, :, :2], joints[n, :, 2].astype(int))
        )
    model = load(device="cpu")
    shown, boxes = [load_photo(p.photo) for p in people], [p.box[None] for p in people]
    poses = [np.concatenate([a.xy for a in model.after(s).predict(shown, boxes)]) for s in (1, 2, 3)]
    found = stage_gains(labels_of(people), poses, LSP_14, replicates=50)
    first, *later = (counts.at(0.2).sum() / counts.counted.sum() for counts in found.counts)
    assert first > 0.35
    assert all(rate > first + 0.05 for rate in later)
