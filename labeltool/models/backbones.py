"""Backbones: image networks that give feature maps, by name; torchvision's that the lecture names, and any of timm's.

torchvision's keep the names of their published weights (`features.0.weight`, `layer1.0.conv1.weight`), so that such a file fits.
"""

from __future__ import annotations

import hashlib
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import timm
import torch
from safetensors.torch import save as save_bytes
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from labeltool.errors import ModelError
from labeltool.models import blaze_encoder
from labeltool.models.blaze_encoder import BlazeEncoder
from labeltool.models.weights import Checkpoint, file_sha256


@dataclass(frozen=True)
class Backbone:
    """A network and the feature maps it gives, finest first.

    Attributes:
        network: photos (B, 3, S, S) to a list of feature maps.
        channels: of each map.
        strides: pixels of the photo a cell, for each map.
        side: the side of the last map for a photo of so many pixels.
    """

    network: nn.Module
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    side: Callable[[int], int]


class _Sequence(nn.Module):
    """torchvision networks that are one sequence of layers, `features`; some of its outputs are kept."""

    def __init__(self, features: nn.Sequential, kept: Sequence[int]) -> None:
        super().__init__()
        self.features = features
        self._kept = frozenset(kept)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in self._kept:
                maps.append(x)
        return maps


class _ResNet(nn.Module):
    """torchvision's residual networks without their classifier: the outputs of their four layers."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            self.add_module(name, getattr(network, name))

    def forward(self, x: Tensor) -> list[Tensor]:
        own = self._modules
        for name in ("conv1", "bn1", "relu", "maxpool"):
            x = cast("nn.Module", own[name])(x)
        maps = []
        for name in ("layer1", "layer2", "layer3", "layer4"):
            x = cast("nn.Module", own[name])(x)
            maps.append(x)
        return maps


#: What torchvision's published weights were made with: mean and standard deviation of red, green and blue.
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

#: No mean and no standard deviation of values in 0..1 is so large; NaN is not less than it either.
_MOST = 1e6

#: A number for red, green and blue alike, or one for each.
Rgb = float | tuple[float, ...]

#: torchvision's, by name: which of the layers of `features` are kept (none for residual networks), channels, strides.
_TORCHVISION: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "alexnet": ((1, 4, 12), (64, 192, 256), (4, 8, 32)),
    "resnet18": ((), (64, 128, 256, 512), (4, 8, 16, 32)),
    "resnet50": ((), (256, 512, 1024, 2048), (4, 8, 16, 32)),
    "mobilenet_v3_large": ((3, 6, 12, 16), (24, 40, 112, 960), (4, 8, 16, 32)),
}


def make_backbone(name: str) -> Backbone:
    """The backbone of that name, with random weights: `alexnet`, `resnet18`, `resnet50`, `mobilenet_v3_large`, one of BlazePose's
    encoders, or a timm name.

    Raises:
        ModelError: no such network, or one that gives no feature maps.
    """
    if name in _TORCHVISION:
        kept, channels, strides = _TORCHVISION[name]
        network = get_model(name, weights=None)
        made = _Sequence(network.features, kept) if kept else _ResNet(network)
        return Backbone(made, channels, strides, _alexnet_side if name == "alexnet" else _ceil_by(strides[-1]))
    if name in blaze_encoder.NAMES:
        encoder = BlazeEncoder(name)
        strides = tuple(encoder.feature_info.reduction())
        return Backbone(encoder, tuple(encoder.feature_info.channels()), strides, _ceil_by(strides[-1]))
    try:
        found = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError, ValueError) as error:
        known = ", ".join(_TORCHVISION)
        raise ModelError(
            f"backbone {name!r}: {error}, expected {known}, {', '.join(blaze_encoder.NAMES)} or a timm network"
        ) from None
    info = cast("Any", found).feature_info
    strides = tuple(int(s) for s in info.reduction())
    return Backbone(found, tuple(int(c) for c in info.channels()), strides, _ceil_by(strides[-1]))


#: What timm raises, by network, for a name or places it does not have, or a photo of another size than it wants.
_REFUSALS = (RuntimeError, IndexError, AssertionError, AttributeError, ValueError, TypeError)


def features_at(name: str, strides: tuple[int, ...]) -> nn.Module:
    """A timm network or BlazePose's encoder, with random weights, that gives its features at these strides, finest first.

    Raises:
        ModelError: no such network, or none with features there.
    """
    if name in blaze_encoder.NAMES:
        return BlazeEncoder(name, strides)

    def made(indices: Sequence[int] | None) -> Any:
        chosen: dict[str, Any] = {} if indices is None else {"out_indices": tuple(indices)}
        return timm.create_model(name, pretrained=False, features_only=True, **chosen)

    problem = ""
    try:
        # most networks give strides 2, 4, 8, 16, 32 in that order
        network = made([stride.bit_length() - 2 for stride in strides])
        if tuple(network.feature_info.reduction()) == strides and _keeps(network, strides):
            return cast("nn.Module", network)
    except _REFUSALS as error:
        problem = f"{error}, "
    try:
        there = [int(stride) for stride in made(None).feature_info.reduction()]
        problem = f"features at strides {', '.join(map(str, there))}, "
        if set(strides) <= set(there):
            network = made([there.index(stride) for stride in strides])
            if _keeps(network, strides):
                return cast("nn.Module", network)
            problem += "but not of every photo, "
    except _REFUSALS as error:
        problem = f"{error}, "
    raise ModelError(
        f"backbone {name!r}: {problem}expected a timm network with features at strides {', '.join(map(str, strides))}"
    )


def _keeps(network: Any, strides: tuple[int, ...]) -> bool:
    """Whether features of a photo of 64 pixels are as large as the strides say; some networks want other sizes, or drop a rim."""
    training = network.training
    photo = next(network.parameters()).new_zeros(1, 3, 64, 64)
    with torch.no_grad():
        shapes = [tuple(features.shape[1:]) for features in network.eval()(photo)]
    network.train(training)
    wanted = zip(network.feature_info.channels(), strides, strict=True)
    return shapes == [(int(count), 64 // stride, 64 // stride) for count, stride in wanted]


def normalisation(name: str) -> tuple[Rgb, Rgb]:
    """What a backbone's published weights want photos, as values in 0..1, normalised by: the mean and the standard deviation.

    Of a network that nobody has published weights of, and of one that does not exist, 0.5 and 0.5.
    """
    if name in _TORCHVISION:
        return _IMAGENET
    if name in blaze_encoder.NAMES:
        return 0.0, 1.0
    try:
        published = timm.get_pretrained_cfg(name, allow_unregistered=True) if timm.is_model(name) else None
    except RuntimeError:  # a network that timm knows, of a training that it does not
        published = None
    if published is None:
        return 0.5, 0.5
    return read_rgb("mean", published.mean), read_rgb("std", published.std)


def read_rgb(what: str, values: object) -> Rgb:
    """A number, or three (JSON gives a list); one number where the three are the same.

    Raises:
        ModelError: anything else, or a standard deviation of 0.
    """
    several: list[Any] = list(values) if isinstance(values, list | tuple) else [values] * 3
    if len(several) != 3 or not all(type(v) in (int, float) and abs(v) < _MOST for v in several):
        raise ModelError(f"{what} {values!r}: expected a number, or one each for red, green and blue")
    if what == "std" and min(several) <= 0:
        raise ModelError(f"std {values!r}: expected numbers above 0")
    rgb = tuple(float(v) for v in several)
    return rgb[0] if len(set(rgb)) == 1 else rgb


def published_backbone(name: str) -> Checkpoint:
    """The published weights of a backbone, ImageNet's for most, downloaded once with a progress bar.

    torchvision's come by torchvision's own loader, timm's by timm's; BlazePose's encoders, which have learnt poses
    instead, come out of MediaPipe's package.

    Raises:
        ModelError: no such network, or no way to download them.
    """
    if name in blaze_encoder.NAMES:
        blaze_encoder.interpreter_of(name)
        file = blaze_encoder.published(name)
        return Checkpoint(file, blaze_encoder.read_encoder(file, name), {}, file_sha256(file))
    if name not in _TORCHVISION:
        return _from_timm(name)
    weights = cast("Any", get_model_weights(name)).DEFAULT
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        tensors: Mapping[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"backbone {name!r}: its weights are not on this machine and cannot be downloaded ({reason}): fetch {weights.url} "
            f"where there is a network and pass it with --init FILE, or put it at {file}"
        ) from None
    except RuntimeError as error:
        raise ModelError(f"backbone {name!r}: download of {weights.url} is damaged: {error}") from None
    return Checkpoint(file, tensors, {}, file_sha256(file))


def _from_timm(name: str) -> Checkpoint:
    make_backbone(name)
    try:
        network = timm.create_model(name, pretrained=True, features_only=True)
    except Exception as error:
        # timm passes on whatever its hub raises: no network, no such file, no weights for this network, ...
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"backbone {name!r}: its weights are not on this machine and cannot be downloaded ({reason}): "
            "pass a file with --init FILE"
        ) from None
    tensors: Mapping[str, Tensor] = network.state_dict()
    digest = hashlib.sha256(save_bytes({k: t.contiguous() for k, t in tensors.items()})).hexdigest()
    return Checkpoint(Path(name), tensors, {}, digest)


def _ceil_by(stride: int) -> Callable[[int], int]:
    return lambda size: -(-size // stride)


def _alexnet_side(size: int) -> int:
    """AlexNet's first convolution is 11 x 11 at stride 4 with 2 pixels of padding, its three poolings 3 x 3 at stride 2."""
    side = (size + 4 - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side
