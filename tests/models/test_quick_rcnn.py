from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign, roi_align

from labeltool.audit.oks import keypoint_similarity
from labeltool.models import quick_rcnn
from labeltool.models.keypoint_rcnn import MOST_PEOPLE, KeypointRcnn, poses_of
from labeltool.models.quick_rcnn import RoiPool, fold_normalisation, pooled
from labeltool.models.topdown import autocast
from labeltool.skeleton import COCO_17

CPU = torch.device("cpu")


def small_network(seed: int = 0) -> KeypointRCNN:
    """Keypoint R-CNN on a small backbone with random weights, its classifier so unsure that it finds people everywhere."""
    torch.manual_seed(seed)
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, norm_layer=FrozenBatchNorm2d)
    network = KeypointRCNN(backbone, num_classes=2, min_size=160, max_size=240, rpn_post_nms_top_n_test=200)
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.weight.uniform_(0.5, 1.0)
            module.bias.uniform_(-0.2, 0.2)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    with torch.no_grad():
        network.roi_heads.box_predictor.cls_score.weight.mul_(20)
    return network.eval()


def photo(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    coarse = rng.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def plain(network: KeypointRCNN, image: np.ndarray) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        found: dict[str, torch.Tensor] = network([torch.tensor(image).permute(2, 0, 1).float() / 255])[0]
    return found


def quick(network: KeypointRCNN, least_score: float) -> KeypointRcnn:
    return KeypointRcnn(copy.deepcopy(network), version="v", weights_hash="0" * 64, device=CPU, least_score=least_score)


def in_float32(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, enabled=False)


@pytest.mark.parametrize("size", [(120, 200), (208, 136)])
def test_the_people_are_those_of_plain_torchvision(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, on every processor."""
    monkeypatch.setattr(quick_rcnn, "autocast", in_float32)
    network, image = small_network(), photo(*size)
    found = plain(network, image)
    # A threshold between two scores, so that rounding puts nobody on its other side.
    scores = found["scores"]
    assert len(scores) > 10
    least = float(scores[6] + scores[7]) / 2
    expected = poses_of({key: value[:7] for key, value in found.items()}, 17)
    poses = quick(network, least).predict([image], [None])[0]
    assert len(poses) == 7
    assert np.allclose(poses.boxes, expected.boxes, atol=0.01)
    assert np.allclose(poses.scores, expected.scores, atol=1e-4)
    area = expected.boxes[:, 2] * expected.boxes[:, 3]
    assert keypoint_similarity(poses.xy, expected.xy, area, COCO_17.sigmas).mean() > 0.99
    assert np.allclose(poses.confidence, expected.confidence, atol=1e-3)


def test_joints_are_looked_for_in_the_people_that_are_kept_alone() -> None:
    network, image = small_network(), photo(120, 200)
    assert len(plain(network, image)["scores"]) > MOST_PEOPLE
    model = quick(network, 0.0)
    asked: list[int] = []
    model._network.roi_heads.keypoint_head.register_forward_pre_hook(lambda _, given: asked.append(len(given[0])))
    poses = model.predict([image, image], [None, None])
    assert [len(p) for p in poses] == asked == [MOST_PEOPLE, MOST_PEOPLE]
    assert len(quick(network, 1.1).predict([image], [None])[0]) == 0


def test_pooling_is_torchvisions() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 5, 11, 17)
    boxes = torch.tensor(
        [
            [0, 0, 17, 11],
            [2.3, 1.7, 9.1, 8.2],
            [-3, -4, 5, 20],
            [16.5, 10.5, 17, 11],
            [4, 4, 4.1, 4.1],
            [30, 30, 40, 40],
        ]
    )
    of = torch.tensor([0, 1, 0, 1, 0, 1])
    for side in (7, 14):
        expected = roi_align(features, torch.cat([of[:, None].float(), boxes], 1), side, 1.0, 2)
        got = pooled(features.to(memory_format=torch.channels_last), boxes, of, side)
        assert torch.allclose(got.permute(0, 3, 1, 2), expected, atol=1e-5)


def test_each_box_is_pooled_from_its_level() -> None:
    torch.manual_seed(0)
    pool = MultiScaleRoIAlign(["0", "1", "2"], 7, 2)
    features = OrderedDict((str(i), torch.randn(2, 4, 128 // 2**i, 160 // 2**i)) for i in range(3)) | {
        "pool": torch.randn(2, 4, 16, 20)
    }
    corners = torch.rand(40, 2) * 200
    boxes = torch.cat([corners, corners + torch.rand(40, 2) * 300 + 2], 1)
    shapes = [(512, 600), (500, 640)]
    expected = pool(features, [boxes[:25], boxes[25:]], shapes)
    assert torch.allclose(RoiPool(pool)(features, [boxes[:25], boxes[25:]], shapes), expected, atol=1e-5)
    nobody = RoiPool(pool)(features, [boxes[:0], boxes[:0]], shapes)
    assert nobody.shape == (0, 4, 7, 7)


def test_another_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="a sampling ratio of 2"):
        RoiPool(MultiScaleRoIAlign(["0"], 7, 0))


def test_folding_keeps_the_answer_and_leaves_what_it_does_not_know() -> None:
    class WithActivation(nn.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(super().forward(x))

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)),
        nn.Conv2d(8, 8, 1),
        FrozenBatchNorm2d(8),
        nn.Conv2d(8, 4, 1),
        WithActivation(4),
    ).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | FrozenBatchNorm2d):
            for name, value in {"running_mean": 0.3, "running_var": 1.7, "weight": 0.8, "bias": -0.1}.items():
                getattr(module, name).data += value * torch.rand(len(module.weight))
    x = torch.randn(2, 3, 9, 9)
    with torch.inference_mode():
        expected = network(x)
        fold_normalisation(network)
        assert torch.allclose(network(x), expected, atol=1e-5)
    assert [type(m) for m in network.modules() if isinstance(m, nn.BatchNorm2d | FrozenBatchNorm2d)] == [WithActivation]


def test_bfloat16_finds_the_same_people(monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities = torch.cpu.get_capabilities()
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        pytest.skip("this processor does not multiply bfloat16 in hardware, so nothing runs in it")
    network, image = small_network(), photo(120, 200)
    least = float(plain(network, image)["scores"][15])
    half = quick(network, 0.8 * least).predict([image], [None])[0]
    monkeypatch.setattr(quick_rcnn, "autocast", in_float32)
    full = quick(network, least).predict([image], [None])[0]
    assert autocast(CPU).fast_dtype == torch.bfloat16 and len(full) >= 15
    near = np.abs(half.boxes[:, None] - full.boxes[None]).max(axis=2).min(axis=0) < 2
    assert near.mean() >= 0.9
