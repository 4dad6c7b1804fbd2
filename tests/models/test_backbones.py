from __future__ import annotations

import urllib.error
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import get_model, get_model_weights

from labeltool.errors import ModelError
from labeltool.models import backbones
from labeltool.models.backbones import features_at, make_backbone, normalisation, published_backbone, read_rgb
from labeltool.models.deeppose import CROP_SIZE, DeepPoseConfig, DeepPoseNetwork
from labeltool.models.weights import read_published
from labeltool.skeleton import LSP_14
from labeltool.training.deeppose import initialise


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenet_v3_large", "test_efficientnet", "blazepose_full"])
def test_maps_are_what_is_said_of_them(name: str) -> None:
    made = make_backbone(name)
    with torch.inference_mode():
        maps = made.network.eval()(torch.zeros(1, 3, CROP_SIZE, CROP_SIZE))
    assert tuple(m.shape[1] for m in maps) == made.channels
    assert maps[-1].shape[-1] == made.side(CROP_SIZE)
    for m, stride in zip(maps, made.strides, strict=True):
        assert m.shape[-1] == pytest.approx(CROP_SIZE / stride, abs=2)


def test_resnet50_is_known() -> None:
    made = make_backbone("resnet50")
    assert made.channels[-1] == 2048
    assert "layer4.2.conv3.weight" in made.network.state_dict()


def test_each_wants_photos_as_its_published_weights_were_made() -> None:
    imagenet = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert normalisation("resnet18") == normalisation("convnext_nano") == imagenet
    assert normalisation("tf_efficientnet_lite0") == normalisation("no_such_net") == (0.5, 0.5)
    # torchvision says the same of its own
    preset = get_model_weights("resnet18").DEFAULT.transforms()
    assert (tuple(preset.mean), tuple(preset.std)) == imagenet


def test_values_for_red_green_and_blue() -> None:
    assert read_rgb("mean", 0.4) == read_rgb("mean", [0.4, 0.4, 0.4]) == 0.4
    assert read_rgb("std", [0.1, 0.2, 0.3]) == (0.1, 0.2, 0.3)
    for wrong in ("x", [0.1, 0.2], [0.1, 0.2, None], float("nan"), True, None):
        with pytest.raises(ModelError, match=r"mean .*: expected a number, or one each for red, green and blue"):
            read_rgb("mean", wrong)
    with pytest.raises(ModelError, match=r"std \[0.1, 0, 1\]: expected numbers above 0"):
        read_rgb("std", [0.1, 0, 1])


def test_an_unknown_one_names_the_known() -> None:
    with pytest.raises(
        ModelError,
        match=r"'resnet17'.*expected alexnet, resnet18, resnet50, mobilenet_v3_large, blazepose_full, blazepose_heavy or a timm",
    ):
        make_backbone("resnet17")


def test_deeppose_on_alexnet_starts_from_torchvisions_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    published = get_model("alexnet", weights=None)
    path = tmp_path / "alexnet.pth"
    torch.save(published.state_dict(), path)
    network = DeepPoseNetwork(DeepPoseConfig(LSP_14, backbone="alexnet", hidden=16))
    initialise(network, read_published(path))
    assert torch.equal(network.backbone.features[0].weight, published.features[0].weight)  # type: ignore[index,union-attr]
    with torch.inference_mode():
        joints, _ = network.eval()(torch.zeros(1, 3, CROP_SIZE, CROP_SIZE))
    assert joints.shape == (1, 14, 2)


def test_published_weights_come_by_torchvisions_loader_and_offline_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    weights: Any = get_model_weights("alexnet")
    asked = {}

    def offline(self: object, *, progress: bool, check_hash: bool) -> None:
        asked.update(progress=progress, check_hash=check_hash)
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(weights, "get_state_dict", offline)
    with pytest.raises(
        ModelError, match=r"'alexnet': .*cannot be downloaded \(no network\): fetch https://.*--init FILE"
    ) as e:
        published_backbone("alexnet")
    assert "\n" not in str(e.value)
    assert asked == {"progress": True, "check_hash": True}


def test_published_weights_of_timm_offline_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = backbones.timm.create_model

    def offline(name: str, *, pretrained: bool, **arguments: Any) -> Any:
        if pretrained:
            raise OSError("no network\nsecond line")
        return real(name, pretrained=False, **arguments)

    monkeypatch.setattr(backbones.timm, "create_model", offline)
    with pytest.raises(ModelError, match=r"'test_efficientnet': .*\(no network\): pass a file with --init FILE"):
        published_backbone("test_efficientnet")


def test_features_are_taken_by_their_strides() -> None:
    for name in ("tf_efficientnet_lite0", "resnet18", "convnext_atto"):
        network = features_at(name, (4, 8, 16, 32)).eval()
        with torch.inference_mode():
            assert [f.shape[2:] for f in network(torch.zeros(1, 3, 64, 64))] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    with pytest.raises(
        ModelError, match=r"backbone 'vit_tiny_patch16_224': .*expected a timm network with features at"
    ):
        features_at("vit_tiny_patch16_224", (4, 8, 16, 32))
    for name in ("swin_tiny_patch4_window7_224", "legacy_xception"):
        with pytest.raises(ModelError, match=rf"backbone '{name}': .*expected a timm network with features at"):
            features_at(name, (4, 8, 16, 32))
    with pytest.raises(ModelError, match=r"backbone 'no_such_net': Unknown model .*expected a timm network"):
        features_at("no_such_net", (8, 16, 32))
