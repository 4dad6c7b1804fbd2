from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from labeltool.errors import ModelError
from labeltool.models import quick_rcnn
from labeltool.models.mask_rcnn import MaskRcnnConfig, build, load, open_checkpoint, parse_tasks
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import LSP_14

LIGHT = MaskRcnnConfig(LSP_14, backbone="mobilenetv3_small_050", channels=16, side=64)


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("od", ("od",)),
        ("hpe,od", ("od", "hpe")),
        (" OD , IS ,hpe", ("od", "is", "hpe")),
    ],
)
def test_tasks_come_in_the_lectures_order(text: str, tasks: tuple[str, ...]) -> None:
    assert parse_tasks(text) == tasks


@pytest.mark.parametrize(
    ("text", "expected"), [("od,pose", "'pose' is unknown"), ("hpe", "od is missing"), ("", "od is missing")]
)
def test_tasks_that_cannot_be(text: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        parse_tasks(text)


@pytest.mark.parametrize("tasks", ["od", "od,is", "od,hpe", "od,is,hpe"])
def test_each_task_has_its_losses_and_answers(tasks: str) -> None:
    torch.manual_seed(0)
    config = replace(LIGHT, tasks=parse_tasks(tasks))
    network = build(config)
    photo = torch.rand(3, 64, 80)
    target = {
        "boxes": torch.tensor([[10.0, 5.0, 50.0, 60.0]]),
        "labels": torch.ones(1, dtype=torch.int64),
        "masks": torch.ones(1, 64, 80, dtype=torch.uint8),
        "keypoints": torch.cat([torch.rand(1, 14, 2) * 30 + 12, torch.ones(1, 14, 1)], dim=2),
    }
    losses = network([photo], [target])
    expected = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    expected |= {"loss_mask"} if "is" in config.tasks else set()
    expected |= {"loss_keypoint"} if "hpe" in config.tasks else set()
    assert set(losses) == expected
    assert all(torch.isfinite(loss) for loss in losses.values())
    if "hpe" in config.tasks:  # a softmax over 56 x 56 cells of random weights knows nothing
        assert 7.0 < losses["loss_keypoint"].item() < 12.0
        assert network.roi_heads.keypoint_predictor(torch.zeros(1, 16, 14, 14)).shape == (1, 14, 56, 56)
    with torch.inference_mode():
        found = network.eval()([photo])[0]
    assert ("masks" in found) == ("is" in config.tasks)
    assert ("keypoints" in found) == ("hpe" in config.tasks)


def test_torchvisions_backbone() -> None:
    network = build(MaskRcnnConfig(LSP_14, backbone="resnet18", side=64))
    with torch.inference_mode():
        found = network.eval()([torch.rand(3, 64, 80)])[0]
    assert found["boxes"].shape[1] == 4


def test_photos_are_normalised_as_the_config_says() -> None:
    network = build(replace(LIGHT, tasks=("od",), mean=(0.1, 0.2, 0.3)))
    assert (network.transform.image_mean, network.transform.image_std) == ([0.1, 0.2, 0.3], [0.5] * 3)


def test_an_unknown_backbone() -> None:
    with pytest.raises(ModelError, match="'resnet_of_mine'"):
        build(replace(LIGHT, backbone="resnet_of_mine"))


def test_a_checkpoint_gives_the_model_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, on every processor: what is made quick answers as the plain network, up to rounding."""
    monkeypatch.setattr(quick_rcnn, "autocast", lambda device: torch.autocast(device.type, enabled=False))
    torch.manual_seed(0)
    network = build(LIGHT)
    with torch.no_grad():  # so that something is found
        network.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor([0.0, 3.0]))
    path = tmp_path / "m.safetensors"
    digest = write_checkpoint(
        path, network.state_dict(), {"model": "mask-rcnn", "config": LIGHT.to_json(), "version": "7"}
    )
    model = load(path, "cpu")
    assert (model.version, model.weights_hash, model.config) == ("7", digest, LIGHT)
    image = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    assert len(model.predict([image, image[:50]], [None, None])) == 2
    poses = model.predict([image], [None])[0]
    found = network.eval()([torch.tensor(image).permute(2, 0, 1).float() / 255])[0]
    assert len(poses) == len(found["boxes"]) > 0
    np.testing.assert_allclose(poses.xy, found["keypoints"][..., :2].detach(), atol=0.01)
    assert ((poses.confidence > 0) & (poses.confidence < 1)).all()
    model.config = replace(LIGHT, unlearnt=("neck",))
    part = model.predict([image], [None])[0]
    neck = LSP_14.index("neck")
    assert np.isnan(part.xy[:, neck]).all() and (part.confidence[:, neck] == 0).all()
    np.testing.assert_array_equal(np.delete(part.xy, neck, axis=1), np.delete(poses.xy, neck, axis=1))


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "resnet18"])
def test_in_bfloat16_it_finds_the_same_masks_and_joints(backbone: str, tmp_path: Path) -> None:
    """Where the processor multiplies bfloat16 in hardware; elsewhere what is made quick is compared in float32."""
    torch.manual_seed(0)
    config = replace(LIGHT, backbone=backbone, side=160)
    network = build(config).eval()
    with torch.no_grad():  # so that something is found
        network.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor([0.0, 3.0]))
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, network.state_dict(), {"model": "mask-rcnn", "config": config.to_json()})
    image = np.random.default_rng(0).integers(0, 255, (15, 20, 3), dtype=np.uint8).repeat(12, axis=0).repeat(12, axis=1)
    quick = open_checkpoint(path, "cpu").find([image])[0]
    with torch.inference_mode():
        plain = network([torch.tensor(image).permute(2, 0, 1).float() / 255])[0]
    assert len(plain["boxes"]) > 3
    shared = box_iou(plain["boxes"], quick["boxes"]).max(dim=1)
    # random weights score many boxes nearly alike: rounding may change who comes among the first twenty
    assert (shared.values > 0.9).float().mean() >= 0.8
    same = shared.values > 0.9
    twin = shared.indices[same]
    torch.testing.assert_close(quick["scores"][twin], plain["scores"][same], atol=0.01, rtol=0)
    off = (quick["masks"][twin] - plain["masks"][same]).abs()
    assert (off > 0.05).float().mean() < 0.01  # a box's edge may lie on the other side of a pixel's
    maps = quick["keypoints_scores"][twin] - plain["keypoints_scores"][same]
    assert maps.abs().mean() < 0.05


def test_weights_that_cannot_pre_fill(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="labeltool train mask-rcnn"):
        load(None, "cpu")
    config = replace(LIGHT, tasks=("od", "is"))
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, build(config).state_dict(), {"model": "mask-rcnn", "config": config.to_json()})
    with pytest.raises(ModelError, match="trained for od, is, expected hpe"):
        load(path, "cpu")
    assert open_checkpoint(path, "cpu").config.tasks == ("od", "is")
    write_checkpoint(path, {}, {"model": "deeppose"})
    with pytest.raises(ModelError, match="'deeppose', expected one of 'mask-rcnn'"):
        load(path, "cpu")
    write_checkpoint(path, {}, {"model": "mask-rcnn", "config": {"tasks": "od"}})
    with pytest.raises(ModelError, match="description of the network"):
        load(path, "cpu")
