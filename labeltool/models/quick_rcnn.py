"""torchvision's R-CNN models made quick on a processor: the same answer, up to rounding, in a fraction of the time.

What is done, and why it pays without a GPU:

- batch normalisation is folded into the convolution before it, so that it costs nothing;
- weights and features lie channels last, as the convolutions read them;
- RoIAlign is a weighted sum of feature rows (`RoiPool`): torchvision's runs on one core, and not in the layout of memory;
- where the processor multiplies bfloat16 in hardware, the convolutions and the fully connected layers do;
- elsewhere 3 x 3 convolutions of many channels go by Winograd's way (`winograd`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign, box_area

from labeltool.models.topdown import autocast
from labeltool.models.winograd import replace_convolutions

#: The box of this side is pooled from the level of this stride (Lin et al., Feature Pyramid Networks, equation 1).
_CANONICAL_SIDE, _CANONICAL_STRIDE = 224, 16


def quicken(network: FasterRCNN, device: torch.device) -> None:
    """Makes a trained network quick, in place; from then on it is good for inference on that device only.

    Args:
        network: in evaluation mode, on the device.
        device: that it runs on. What pays on a processor alone is left out on others.
    """
    fold_normalisation(network)
    network.to(memory_format=torch.channels_last)
    heads = cast("Any", network.roi_heads)
    if device.type == "cpu":
        for name in ("box_roi_pool", "mask_roi_pool", "keypoint_roi_pool"):
            pool = getattr(heads, name, None)
            if isinstance(pool, MultiScaleRoIAlign):
                setattr(heads, name, RoiPool(pool))
        if isinstance(heads.box_head, TwoMLPHead):
            heads.box_head = _BoxHead(heads.box_head, heads.box_roi_pool.side)
        replace_convolutions(cast("nn.Module", network.backbone))
        replace_convolutions(cast("Any", network.rpn).head)
        for name in ("mask_head", "keypoint_head"):
            if isinstance(part := getattr(heads, name, None), nn.Module):
                replace_convolutions(part)
    network.backbone = _Half(cast("nn.Module", network.backbone), device)
    cast("Any", network.rpn).head.conv = _Half(cast("Any", network.rpn).head.conv, device)
    for name in ("box_head", "mask_head", "keypoint_head"):
        if isinstance(part := getattr(heads, name, None), nn.Module):
            setattr(heads, name, _Half(part, device))


def fold_normalisation(module: nn.Module) -> None:
    """Folds each batch normalisation of fixed statistics into the convolution before it, throughout a module.

    y = (W x - mean) / sqrt(var + eps) * gamma + beta is a convolution with W gamma / sqrt(var + eps) and a bias.
    """
    before: nn.Module | None = None
    for name, child in module.named_children():
        # The exact types: a subclass may hold its activation as well.
        if type(child) in (nn.BatchNorm2d, FrozenBatchNorm2d) and isinstance(before, nn.Conv2d):
            _fold(before, cast("nn.BatchNorm2d", child))
            setattr(module, name, nn.Identity())
        else:
            fold_normalisation(child)
        before = child


def _fold(convolution: nn.Conv2d, normal: nn.BatchNorm2d) -> None:
    with torch.no_grad():
        weight, bias = fuse_conv_bn_weights(
            convolution.weight.double(),
            None if convolution.bias is None else convolution.bias.double(),
            cast("Tensor", normal.running_mean).double(),
            cast("Tensor", normal.running_var).double(),
            normal.eps,
            normal.weight.double(),
            normal.bias.double(),
        )
        convolution.weight = nn.Parameter(weight.to(convolution.weight.dtype), requires_grad=False)
        convolution.bias = nn.Parameter(bias.to(convolution.weight.dtype), requires_grad=False)


class RoiPool(nn.Module):
    """`MultiScaleRoIAlign` as a weighted sum of rows: each bin is the mean of 2 x 2 bilinear samples, so 16 rows of features.

    Args:
        pool: the one to stand in for; square bins and a sampling ratio of 2, as all of torchvision's models have.
    """

    def __init__(self, pool: MultiScaleRoIAlign) -> None:
        super().__init__()
        self.names = list(pool.featmap_names)
        self.side = int(pool.output_size[0])
        if pool.sampling_ratio != 2 or tuple(pool.output_size) != (self.side, self.side):
            raise ValueError(f"{pool}: expected square bins and a sampling ratio of 2")

    def forward(
        self, features: Mapping[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """The features (R, C, side, side), channels last in memory, of boxes xyxy of each photo of a batch."""
        levels = [features[name] for name in self.names]
        full = max(height for height, _ in image_shapes)
        strides = [2 ** round(math.log2(full / level.shape[2])) for level in levels]
        every = torch.cat(boxes)
        photo = torch.cat([torch.full((len(b),), i, dtype=torch.int64) for i, b in enumerate(boxes)])
        finest, middle, coarsest = (int(math.log2(s)) for s in (strides[0], _CANONICAL_STRIDE, strides[-1]))
        wanted = torch.floor(middle + torch.log2(box_area(every).sqrt() / _CANONICAL_SIDE) + 1e-6)
        level_of = wanted.clamp(finest, coarsest).long() - finest
        out = levels[0].new_zeros(len(every), self.side, self.side, levels[0].shape[1])
        for number, (level, stride) in enumerate(zip(levels, strides, strict=True)):
            here = torch.where(level_of == number)[0]
            if len(here):
                out[here] = pooled(level, every[here] / stride, photo[here], self.side)
        return out.permute(0, 3, 1, 2)


def pooled(features: Tensor, boxes: Tensor, photo: Tensor, side: int) -> Tensor:
    """RoIAlign of one level, as `torchvision.ops.roi_align` with a sampling ratio of 2 does it.

    Args:
        features: (B, C, H, W); best channels last in memory.
        boxes: (R, 4) xyxy in cells of the features.
        photo: (R,) the photo of the batch that each box lies in.
        side: bins along each side.

    Returns:
        (R, side, side, C).
    """
    count, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(count * height * width, channels)
    y, of_y = _samples(boxes[:, 1], boxes[:, 3], side, height)
    x, of_x = _samples(boxes[:, 0], boxes[:, 2], side, width)
    index = (photo[:, None, None] * height + y)[:, :, None, :, None] * width + x[:, None, :, None, :]
    weight = of_y[:, :, None, :, None] * of_x[:, None, :, None, :]
    out = functional.embedding_bag(
        index.reshape(-1, 16), rows, mode="sum", per_sample_weights=weight.reshape(-1, 16).to(rows.dtype)
    )
    return out.view(len(boxes), side, side, channels)


def _samples(start: Tensor, end: Tensor, side: int, cells: int) -> tuple[Tensor, Tensor]:
    """Along one axis the cells (R, side, 4) that each bin reads, two for each of its two samples, and their weights."""
    step = (end - start).clamp(min=1.0) / side
    at = start[:, None] + (torch.arange(2 * side) + 0.5) * 0.5 * step[:, None]
    inside = (at >= -1.0) & (at <= cells)
    at = at.clamp(0, cells - 1)
    low = at.floor()
    high_weight = at - low
    index = torch.stack([low, (low + 1).clamp(max=cells - 1)], dim=-1).long()
    weight = torch.stack([1 - high_weight, high_weight], dim=-1) * (inside[..., None] * 0.5)
    return index.view(-1, side, 4), weight.view(-1, side, 4)


class _BoxHead(nn.Module):
    """`TwoMLPHead` with the first layer's weights in the order of `RoiPool`'s features, so that these need not be copied."""

    def __init__(self, head: TwoMLPHead, side: int) -> None:
        super().__init__()
        weight = head.fc6.weight.detach()
        self.first = nn.Linear(head.fc6.in_features, head.fc6.out_features, device=weight.device)
        self.second = head.fc7
        by_place = weight.view(len(weight), -1, side * side).transpose(1, 2).reshape(weight.shape)
        self.first.weight = nn.Parameter(by_place.contiguous(), requires_grad=False)
        self.first.bias = head.fc6.bias

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.first(x.permute(0, 2, 3, 1).flatten(1)), inplace=True)
        return functional.relu(self.second(hidden), inplace=True)


class _Half(nn.Module):
    """A part that calculates in bfloat16 where the device does it in hardware, and answers in float32."""

    def __init__(self, part: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.part = part
        self._device = device

    def forward(self, x: Tensor) -> Any:
        with autocast(self._device):
            out = self.part(x)
        if isinstance(out, Mapping):
            return type(out)((key, value.float()) for key, value in out.items())  # type: ignore[call-arg]
        return out.float()
