from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labeltool.errors import ModelError
from labeltool.models import vitpose
from labeltool.models.vitpose import VitPose, load

transformers = pytest.importorskip("transformers", reason="transformers is not installed (labeltool[vitpose])")


def tiny(folder: Path, joints: int = 17) -> Path:
    """A ViTPose of random weights and two narrow layers, as transformers saves it."""
    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[16, 16],
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=joints)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(folder)
    transformers.VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VitPose:
    return load(tiny(tmp_path_factory.mktemp("vitpose")), "cpu")


def test_each_box_has_a_pose(model: VitPose) -> None:
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    boxes = np.array([[10.0, 10, 60, 90], [70, 20, 50, 80]])
    two, whole, nobody = model.predict([image] * 3, [boxes, None, np.zeros((0, 4))])
    assert two.xy.shape == (2, 17, 2) and len(whole) == 1 and len(nobody) == 0
    assert np.isfinite(two.xy).all() and ((two.confidence >= 0) & (two.confidence <= 1)).all()
    np.testing.assert_array_equal(two.boxes, boxes)
    assert len(model.weights_hash) == 64
    with pytest.raises(ModelError, match="nothing of it lies inside the photo"):
        model.predict([image], [np.array([[500.0, 0, 10, 10]])])


def test_a_pose_moves_with_its_box(model: VitPose, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pixels elsewhere in the photo give the same pose there; in float32, since chance's maps are flat."""
    monkeypatch.setattr(vitpose, "autocast", lambda device: torch.autocast(device.type, enabled=False))
    patch = np.random.default_rng(1).integers(0, 255, (100, 80, 3), dtype=np.uint8)
    image = np.zeros((300, 300, 3), np.uint8)
    image[40:140, 30:110] = patch
    image[140:240, 170:250] = patch
    poses = model.predict([image], [np.array([[40.0, 50, 60, 80], [180, 150, 60, 80]])])[0]
    np.testing.assert_allclose(poses.xy[1] - poses.xy[0], np.broadcast_to([140.0, 100.0], (17, 2)), atol=0.5)


def test_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"no config\.json in it"):
        load(tmp_path, "cpu")
    with pytest.raises(ModelError, match="5 joints, expected the 17 of coco-17"):
        load(tiny(tmp_path / "five", joints=5), "cpu")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(ModelError, match="broken: not ViTPose weights"):
        load(tmp_path / "broken", "cpu")

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(transformers.VitPoseForPoseEstimation, "from_pretrained", refuse)
    with pytest.raises(ModelError, match=rf"no network.*{vitpose.PUBLISHED}.*--weights"):
        load(None, "cpu")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'labeltool\[vitpose\]'"):
        load(None, "cpu")
