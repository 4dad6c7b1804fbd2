"""Single-person heatmap estimation: for each joint a map of where it is, from a light backbone and a top-down decoder.

    person box --x padding, squared--> S x S crop --backbone--> features at strides 4, 8, 16, 32
        --decoder: from coarse to fine, 5 x 5 depthwise convolutions--> 96 channels at stride 4 --1 x 1--> K maps of S/4 x S/4

A joint lies where the most of the softmax's mass is near (the peak of the blurred map), at the mean of the cells about it: finer
than a cell. The share of the mass that lies within 0.2 torso diameters of it, and of the other side's map there, calibrated, are
the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, crop_to_image
from labeltool.models.backbones import features_at
from labeltool.models.second_look import lean, mirror_order, mirrored_upright, put_back
from labeltool.models.topdown import NetworkConfig, TopDown
from labeltool.models.weights import read_checkpoint
from labeltool.skeleton import Skeleton

#: The checkpoint that is shipped.
SHIPPED = Path(__file__).parent / "checkpoints" / "heatmap-lsp14.safetensors"

#: The spread of the blur in crop sides: near enough to be right by PDJ@0.2 for the usual torso. One high cell of a mode that
#: holds little mass would win otherwise: on LSP-extended worth .017 of PDJ@0.2 to a model half trained, .003 to the shipped one.
_BLUR = 1 / 20

#: A joint is right when it lies within so many torso diameters of its label (PDJ).
RIGHT_WITHIN = 0.2

#: The torso's diameter in crop sides: at least the first; the second where the skeleton has no torso.
_LEAST_TORSO, _USUAL_TORSO = 0.1, 0.3

#: The share of a map's mass that is little: what `rivalry` counts in.
_LITTLE = 0.002


@dataclass(frozen=True)
class HeatmapConfig(NetworkConfig):
    """What a heatmap network is made of; of the backbone its features at strides 4 to 32 are used.

    Attributes:
        side: of the crop, pixels; a multiple of 32.
        channels: of the decoder.
        slope: with `rival` and `offsets`, the calibration of the confidence 1 / (1 + exp(-(slope x + rival y + offset))), x the
            `certainty` and y the `rivalry` of the joint.
        offsets: one for each joint; none for 0.
        rival: see `slope`; below 0 where a place that the other side's map claims as well is more often wrong.
    """

    side: int = 192
    channels: int = 96
    slope: float = 1.0
    offsets: tuple[float, ...] = ()
    rival: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side < 32 or self.side % 32:
            raise ModelError(f"heatmap: crops of {self.side} px, expected a multiple of 32")
        if self.offsets and len(self.offsets) != len(self.skeleton):
            raise ModelError(
                f"heatmap: {len(self.offsets)} offsets, expected one for each of {len(self.skeleton)} joints"
            )
        # as a checkpoint's description gives them back
        object.__setattr__(self, "offsets", tuple(self.offsets))


def mix(channels: int) -> nn.Sequential:
    """A 5 x 5 depthwise and a 1 x 1 convolution, as the decoder has them."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class _Fuse(nn.Module):
    """Coarse features made finer by the next ones: upsample, add, 5 x 5 depthwise and 1 x 1 convolution."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(features, channels, 1, bias=False)
        self.normal = nn.BatchNorm2d(channels)
        self.mix = mix(channels)

    def forward(self, fine: Tensor, coarse: Tensor | None) -> Tensor:
        out = self.normal(self.lateral(fine))
        if coarse is not None:
            out = out + functional.interpolate(coarse, size=out.shape[2:], mode="nearest")
        mixed: Tensor = out + self.mix(functional.relu(out))
        return mixed


class HeatmapNetwork(nn.Module):
    """The network: crops (B, 3, S, S) to logits (B, K, S / 4, S / 4) of the cell that holds each joint.

    Attributes:
        frozen: whether the backbone's first layers stay as they are (see `freeze`).
    """

    def __init__(self, config: HeatmapConfig) -> None:
        super().__init__()
        self.frozen = False
        self.backbone = features_at(config.backbone, (4, 8, 16, 32))
        features = cast("Any", self.backbone).feature_info.channels()
        self.decoder = nn.ModuleList(_Fuse(int(f), config.channels) for f in reversed(features))
        self.head = nn.Conv2d(config.channels, len(config.skeleton), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(cast("Tensor", self.head.bias))

    def forward(self, crops: Tensor) -> Tensor:
        """Logits over the cells."""
        logits: Tensor = self.head(self.decode(crops))
        return logits.float()

    def decode(self, crops: Tensor) -> Tensor:
        """What the decoder makes of crops (B, 3, S, S): (B, channels, S / 4, S / 4)."""
        out = None
        for fuse, fine in zip(self.decoder, reversed(self.backbone(crops)), strict=True):
            out = fuse(fine, out)
        return cast("Tensor", out)

    def freeze(self) -> None:
        """Keeps the backbone's layers up to stride 8 as they are in training, statistics of their batch norms too.

        They see edges and textures, which few labels cannot teach better, and cost more than half of a step backwards.
        """
        self.frozen = True
        for layer in self._first_layers():
            layer.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Turns training on or off, frozen layers left out."""
        super().train(mode)
        if self.frozen:
            for layer in self._first_layers():
                layer.eval()
        return self

    def _first_layers(self) -> list[nn.Module]:
        backbone = cast("Any", self.backbone)
        last = next(info["module"] for info in backbone.feature_info.info if info["reduction"] == 8)
        first: list[nn.Module] = []
        for name, layer in backbone.named_children():
            place = last.removeprefix(f"{name}.")
            if place != last and place.isdecimal() and isinstance(layer, nn.Sequential):
                return first + list(layer)[: int(place) + 1]
            first.append(layer)
            # timm names the layers of some networks by a path, and keeps them flat
            if name in (last, last.replace(".", "_")):
                return first
        raise ModelError("freeze: the backbone does not say which layers are up to stride 8, expected one that does")


class Heatmap(TopDown[HeatmapConfig]):
    """A `PoseModel` that reads the joints of each given box off heatmaps.

    Attributes:
        twice: look at every crop twice, as it is and then mirrored and turned so that the person stands upright by the first
            answer, and take the mean of the maps: better, at twice the time.
    """

    name = "heatmap"
    twice = False

    @property
    def size(self) -> int:
        """The side of the crops, pixels."""
        return self.config.side

    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints and confidences of crops (see `TopDown.run`)."""
        photos = self.on_device(crops)
        logits = self.answer(photos)
        if self.twice:
            turned = lean(decode(logits), self.skeleton)
            again = self.answer(mirrored_upright(photos, turned))
            logits = (logits + put_back(again, turned, self.skeleton)) / 2
        uv = decode(logits)
        confidence = self._confidence(evidence(logits, uv, self.skeleton).double().cpu().numpy())
        return crop_to_image(uv.double().cpu().numpy(), squares, self.config.side / 4), confidence

    def _confidence(self, shown: FloatArray) -> FloatArray:
        offsets = np.array(self.config.offsets) if self.config.offsets else 0.0
        weighed = shown @ np.array([self.config.slope, self.config.rival])
        confidence: FloatArray = 1 / (1 + np.exp(-(weighed + offsets)))
        return confidence


def decode(logits: Tensor) -> Tensor:
    """The joints in maps (B, K, h, w): (B, K, 2) x, y in cells, centres at integers.

    The map's softmax is blurred by a Gaussian of a twentieth of the side; a joint is the mean of the softmax about the peak of
    that, 1.5 spreads each way (2 cells at least).
    """
    count, joints, height, width = logits.shape
    chances = torch.softmax(logits.flatten(2), dim=2).view(count, joints, height, width)
    reach = max(round(1.5 * _BLUR * width), 2)
    side = 2 * reach + 1
    peak = _blurred(chances, _BLUR * width).flatten(2).argmax(dim=2)
    py, px = peak // width, peak % width
    padded = functional.pad(chances, (reach, reach, reach, reach))
    offsets = torch.arange(side, device=logits.device)
    rows = (py[..., None] + offsets)[..., :, None]
    columns = (px[..., None] + offsets)[..., None, :]
    flat = (rows * (width + 2 * reach) + columns).flatten(2)
    window = padded.flatten(2).gather(2, flat).view(count, joints, side, side)
    mass = window.sum(dim=(2, 3))
    steps = offsets.float() - reach
    x = px + (window.sum(dim=2) * steps).sum(dim=2) / mass
    y = py + (window.sum(dim=3) * steps).sum(dim=2) / mass
    return torch.stack([x, y], dim=2)


def _blurred(chances: Tensor, spread: float) -> Tensor:
    """Maps (B, K, h, w) blurred by a Gaussian of that spread in cells, whose peak is 1."""

    def kernel(size: int) -> Tensor:
        cells = torch.arange(size, dtype=chances.dtype, device=chances.device)
        return torch.exp(-0.5 * ((cells[:, None] - cells) / spread) ** 2)

    # Two products of matrices: for one channel that is a tenth of a convolution's time.
    return kernel(chances.shape[2]) @ chances @ kernel(chances.shape[3])


def certainty(logits: Tensor, uv: Tensor, skeleton: Skeleton) -> Tensor:
    """How sure maps are of their joints, before calibration: (B, K), the logit of the mass that would make the joint right.

    That mass is the share of the softmax within 0.2 of the predicted torso's diameter; cells on the rim count by half.

    Args:
        logits: (B, K, h, w), h = w.
        uv: (B, K, 2) the joints in cells (`decode`).
        skeleton: with the torso's ends.
    """
    return evidence(logits, uv, skeleton)[..., 0]


def rivalry(logits: Tensor, uv: Tensor, skeleton: Skeleton) -> Tensor:
    """How much the map of the other side's joint claims the place of each joint: (B, K), ln(1 + 500 share).

    The share is of that map's softmax within 0.2 of the predicted torso's diameter of the joint. Where both sides want one place
    one of them is wrong, however sure its own map is. Joints that have no other side have 0.

    Args:
        logits: (B, K, h, w), h = w.
        uv: (B, K, 2) the joints in cells (`decode`).
        skeleton: with the torso's ends and the flip pairs.
    """
    return evidence(logits, uv, skeleton)[..., 1]


def evidence(logits: Tensor, uv: Tensor, skeleton: Skeleton) -> Tensor:
    """What the confidence is made of: (B, K, 2), `certainty` and `rivalry`."""
    width = logits.shape[-1]
    torso = torch.full((len(uv),), _USUAL_TORSO * width, device=uv.device)
    if skeleton.torso is not None:
        a, b = (skeleton.index(joint) for joint in skeleton.torso)
        torso = (uv[:, a] - uv[:, b]).norm(dim=1).clamp(min=_LEAST_TORSO * width)
    cells = torch.arange(width, device=uv.device)
    far = ((cells - uv[..., 0, None])[..., None, :] ** 2 + (cells - uv[..., 1, None])[..., None] ** 2).sqrt()
    inside = torch.sigmoid(2 * (RIGHT_WITHIN * torso[:, None, None, None] - far))
    chances, near = torch.softmax(logits.flatten(2), dim=2), inside.flatten(2)
    order = mirror_order(skeleton, logits.device)
    alone = order == torch.arange(len(order), device=logits.device)
    certain = torch.logit((chances * near).sum(dim=2).clamp(1e-6, 1 - 1e-6))
    claimed = torch.log1p((chances[:, order] * near).sum(dim=2).clamp(min=0) / _LITTLE)
    return torch.stack([certain, claimed.masked_fill(alone, 0.0)], dim=2)


def unmirror(logits: Tensor, skeleton: Skeleton) -> Tensor:
    """The maps of the crop as it is, from those of its mirror image: turned back, left and right joints changed over."""
    return logits.flip(3)[:, mirror_order(skeleton, logits.device)]


def load(weights: Path | None = None, device: str = "auto") -> Heatmap:
    """The shipped heatmap model, or the one in a checkpoint file of `labeltool train heatmap`.

    Raises:
        ModelError: the weights cannot be read or do not fit, or the device is not there.
    """
    return Heatmap.open(read_checkpoint(weights or SHIPPED), HeatmapConfig, HeatmapNetwork, device)


def load_looking_twice(weights: Path | None = None, device: str = "auto") -> Heatmap:
    """The same, looking at each person mirrored and upright as well (`heatmap-flip`).

    Raises:
        ModelError: as `load`.
    """
    model = load(weights, device)
    model.name, model.twice = "heatmap-flip", True
    return model
