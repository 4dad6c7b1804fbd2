from __future__ import annotations

import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights, keypointrcnn_resnet50_fpn

from labeltool.errors import ModelError
from labeltool.models import keypoint_rcnn
from labeltool.models.keypoint_rcnn import KeypointRcnn, load, named_anew, normalisation_eps, poses_of


def test_offline_without_weights_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(KeypointRCNN_ResNet50_FPN_Weights, "get_state_dict", refuse)
    with pytest.raises(ModelError, match="--weights FILE") as caught:
        load(device="cpu")
    assert "no network" in str(caught.value)
    assert KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.url in str(caught.value)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match="No such file"):
        load(path, device="cpu")
    path.write_bytes(b"text")
    with pytest.raises(ModelError, match=r"expected \.safetensors or torchvision's \.pth"):
        load(path, device="cpu")
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="is missing, expected shape"):
        load(path, device="cpu")
    torch.save([1, 2], path)
    with pytest.raises(ModelError, match="holds list, expected tensors by name"):
        load(path, device="cpu")


def test_a_pickle_is_never_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="not a weights file"):
        load(tmp_path / "trap.pth", device="cpu")
    assert not marker.exists()


def test_found_people_become_poses() -> None:
    found = {
        "boxes": torch.tensor([[10.0, 20.0, 30.0, 60.0]]),
        "scores": torch.tensor([0.9]),
        "keypoints": torch.arange(51.0).reshape(1, 17, 3),
        "keypoints_scores": torch.full((1, 17), 2.0),
    }
    poses = poses_of(found, 17)
    assert poses.boxes.tolist() == [[10, 20, 20, 40]]
    assert poses.xy[0, 1].tolist() == [3, 4]
    assert np.allclose(poses.confidence, 0.5)
    nobody = {key: value[:0] for key, value in found.items()}
    assert poses_of(nobody, 17).xy.shape == (0, 17, 2)


def test_names_of_the_published_file_are_understood() -> None:
    network = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    tensors = network.state_dict()
    published = {
        name.replace("conv.0.0.", "conv.")
        .replace("_blocks.0.0.", "_blocks.0.")
        .replace("_blocks.3.0.", "_blocks.3."): t
        for name, t in tensors.items()
        if not name.endswith("num_batches_tracked")
    }
    assert {"rpn.head.conv.weight", "backbone.fpn.layer_blocks.3.bias"} <= set(published) - set(tensors)
    named = named_anew(published, network)
    assert set(named) == set(tensors)
    assert all(named[name] is t for name, t in tensors.items() if not name.endswith("num_batches_tracked"))
    # and torchvision agrees about the names
    network.load_state_dict(published)


def test_published_weights_are_run_without_an_epsilon() -> None:
    assert normalisation_eps("fc266e95" + "0" * 56) == 0.0
    assert normalisation_eps("0" * 64) == 1e-5


@pytest.mark.slow
def test_the_real_network_runs_with_weights_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    path = tmp_path / "random.pth"
    torch.save(network.state_dict(), path)
    model = load(path, device="cpu")
    assert isinstance(model, KeypointRcnn)
    assert model.version == "random" and len(model.weights_hash) == 64
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    poses = model.predict([image], [None])
    assert len(poses) == 1
    assert len(poses[0]) <= keypoint_rcnn.MOST_PEOPLE
    assert poses[0].xy.shape[1:] == (17, 2)
