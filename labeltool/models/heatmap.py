"""Single-person heatmap estimation: for each joint a map of where it is, from a light backbone and a top-down decoder.

    person box --x padding, squared--> 192 x 192 crop --backbone--> features at strides 4, 8, 16, 32
        --decoder: from coarse to fine, 5 x 5 depthwise convolutions--> 96 channels at stride 4 --1 x 1--> K maps of 48 x 48

A joint lies at the mean of the map's peak and its neighbours, weighted by the softmax over the whole map: finer than a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, crop_to_image
from labeltool.models.topdown import NetworkConfig, TopDown
from labeltool.models.weights import read_checkpoint

#: Cells about the peak whose mean is the joint's place: 2 each way.
_REACH = 2


@dataclass(frozen=True)
class HeatmapConfig(NetworkConfig):
    """What a heatmap network is made of; of the backbone its features at strides 4 to 32 are used.

    Attributes:
        side: of the crop, pixels; a multiple of 32.
        channels: of the decoder.
        slope: with `offset`, the calibration of the confidence 1 / (1 + exp(-(slope x + offset))), x the logit of the share of a
            map's mass that lies near its peak.
        offset: see `slope`.
    """

    side: int = 192
    channels: int = 96
    slope: float = 1.0
    offset: float = 0.0


class _Fuse(nn.Module):
    """Coarse features made finer by the next ones: upsample, add, 5 x 5 depthwise and 1 x 1 convolution."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(features, channels, 1, bias=False)
        self.normal = nn.BatchNorm2d(channels)
        self.mix = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, fine: Tensor, coarse: Tensor | None) -> Tensor:
        out = self.normal(self.lateral(fine))
        if coarse is not None:
            out = out + functional.interpolate(coarse, size=out.shape[2:], mode="nearest")
        mixed: Tensor = out + self.mix(functional.relu(out))
        return mixed


class HeatmapNetwork(nn.Module):
    """The network: crops (B, 3, S, S) to logits (B, K, S / 4, S / 4) of the cell that holds each joint."""

    def __init__(self, config: HeatmapConfig) -> None:
        super().__init__()
        try:
            self.backbone = timm.create_model(
                config.backbone, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4)
            )
        except (RuntimeError, IndexError, AssertionError) as error:
            raise ModelError(f"backbone {config.backbone!r}: {error}") from None
        features = cast("Any", self.backbone).feature_info.channels()
        self.decoder = nn.ModuleList(_Fuse(int(f), config.channels) for f in reversed(features))
        self.head = nn.Conv2d(config.channels, len(config.skeleton), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(cast("Tensor", self.head.bias))

    def forward(self, crops: Tensor) -> Tensor:
        """Logits over the cells."""
        out: Tensor | None = None
        for fuse, fine in zip(self.decoder, reversed(self.backbone(crops)), strict=True):
            out = fuse(fine, out)
        logits: Tensor = self.head(out)
        return logits.float()


class Heatmap(TopDown[HeatmapConfig]):
    """A `PoseModel` that reads the joints of each given box off heatmaps."""

    name = "heatmap"

    @property
    def size(self) -> int:
        """The side of the crops, pixels."""
        return self.config.side

    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints and confidences of crops (see `TopDown.run`)."""
        uv, mass = decode(self.look(crops))
        share = np.clip(mass.double().cpu().numpy(), 1e-6, 1 - 1e-6)
        confidence = 1 / (1 + np.exp(-(self.config.slope * np.log(share / (1 - share)) + self.config.offset)))
        return crop_to_image(uv.double().cpu().numpy(), squares, self.config.side / 4), confidence


def decode(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Joints and how sure they are.

    Args:
        logits: (B, K, h, w).

    Returns:
        (B, K, 2) x, y in cells, centres at integers: the mean of the peak's 5 x 5 neighbourhood, weighted by the softmax over the
        map; (B, K) the share of the softmax's mass in that neighbourhood.
    """
    count, joints, height, width = logits.shape
    chances = torch.softmax(logits.flatten(2), dim=2).view(count, joints, height, width)
    side = 2 * _REACH + 1
    peak = logits.flatten(2).argmax(dim=2)
    py, px = peak // width, peak % width
    padded = functional.pad(chances, (_REACH, _REACH, _REACH, _REACH))
    offsets = torch.arange(side, device=logits.device)
    rows = (py[..., None] + offsets)[..., :, None]
    columns = (px[..., None] + offsets)[..., None, :]
    flat = (rows * (width + 2 * _REACH) + columns).flatten(2)
    window = padded.flatten(2).gather(2, flat).view(count, joints, side, side)
    mass = window.sum(dim=(2, 3))
    steps = offsets.float() - _REACH
    x = px + (window.sum(dim=2) * steps).sum(dim=2) / mass
    y = py + (window.sum(dim=3) * steps).sum(dim=2) / mass
    return torch.stack([x, y], dim=2), mass


def load(weights: Path | None = None, device: str = "auto") -> Heatmap:
    """The heatmap model in a checkpoint file of `labeltool train heatmap`; none is shipped.

    Raises:
        ModelError: no file is given, the weights cannot be read or do not fit, or the device is not there.
    """
    if weights is None:
        raise ModelError(
            "heatmap: no weights are shipped: train them (labeltool train heatmap) and pass --weights FILE"
        )
    return Heatmap.open(read_checkpoint(weights), HeatmapConfig, HeatmapNetwork, device)
