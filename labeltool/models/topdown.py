"""What top-down models share: a person's box becomes a square crop, the network's answer goes back to the photo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError, SkeletonError
from labeltool.geometry import FloatArray, clip_boxes, square_boxes
from labeltool.images import crop_photo
from labeltool.models.backbones import Rgb, read_rgb
from labeltool.models.base import Poses
from labeltool.models.weights import Checkpoint, choose_device, expect_model, load_into
from labeltool.skeleton import Skeleton, from_mapping, to_mapping


@dataclass(frozen=True)
class NetworkConfig:
    """What every top-down network is made of; a checkpoint's description holds it.

    Attributes:
        skeleton: the joints, K of them.
        backbone: a timm model name.
        padding: the crop's side over the longer side of the person's box.
        mean: of the photo's values in 0..1, subtracted; one number, or red's, green's and blue's.
        std: of the photo's values, divided by; likewise.
        unlearnt: joints that nobody it learnt from had labelled: it does not predict them.
    """

    skeleton: Skeleton
    backbone: str = "tf_efficientnet_lite0"
    padding: float = 1.25
    mean: Rgb = 0.5
    std: Rgb = 0.5
    unlearnt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "unlearnt", read_unlearnt(self.unlearnt, self.skeleton))
        for name in ("mean", "std"):
            object.__setattr__(self, name, read_rgb(name, getattr(self, name)))

    def to_json(self) -> dict[str, Any]:
        """The config as it stands in a checkpoint's description."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "skeleton"}
        return {"skeleton": to_mapping(self.skeleton), **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The config that a checkpoint's description holds.

        Raises:
            ModelError: a field is missing, unknown, or of another type.
        """
        try:
            return cls(**{**data, "skeleton": from_mapping(data["skeleton"])})
        except (TypeError, KeyError, SkeletonError, ModelError) as error:
            raise ModelError(f"description of the network: {error}") from None


def read_unlearnt(joints: Sequence[str], skeleton: Skeleton) -> tuple[str, ...]:
    """Joints that were not learnt, as a config holds them (JSON gives a list).

    Raises:
        ModelError: the skeleton has no such joint.
    """
    for joint in joints:
        if joint not in skeleton.joints:
            raise ModelError(f"joint {joint!r}: not learnt, expected one of skeleton {skeleton.name}")
    return tuple(joints)


Config = TypeVar("Config", bound=NetworkConfig)


class TopDown(ABC, Generic[Config]):
    """A `PoseModel` that looks at one crop for each given box."""

    name: str
    detects = False

    def __init__(
        self, network: nn.Module, config: Config, *, version: str, weights_hash: str, device: torch.device
    ) -> None:
        self.config = config
        self.skeleton = config.skeleton
        self.version = version
        self.weights_hash = weights_hash
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)

    @property
    @abstractmethod
    def size(self) -> int:
        """The side of the crops, pixels."""

    @classmethod
    def open(
        cls, checkpoint: Checkpoint, config_type: type[Config], network_type: Callable[[Config], nn.Module], device: str
    ) -> Self:
        """The model that a checkpoint holds.

        Raises:
            ModelError: the checkpoint is of another model, its tensors do not fit, or the device is not there.
        """
        expect_model(checkpoint, cls.name)
        config = config_type.from_json(checkpoint.description.get("config", {}))
        network = network_type(config)
        load_into(network, checkpoint.tensors, str(checkpoint.path))
        version = str(checkpoint.description.get("version", "unversioned"))
        return cls(network, config, version=version, weights_hash=checkpoint.sha256, device=choose_device(device))

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """One pose for each box of each photo (see `PoseModel.predict`)."""
        given = [
            np.array([[0, 0, image.shape[1], image.shape[0]]], dtype=np.float64) if b is None else np.asarray(b, float)
            for image, b in zip(images, boxes, strict=True)
        ]
        squares = [crop_boxes(b, image, self.config.padding) for image, b in zip(images, given, strict=True)]
        crops = [crop_photo(i, s, self.size) for i, per in zip(images, squares, strict=True) for s in per]
        if not crops:
            return [Poses.none(len(self.skeleton)) for _ in images]
        xy, confidence = self.run(np.stack(crops), np.concatenate(squares))
        unlearnt = [self.skeleton.index(joint) for joint in self.config.unlearnt]
        ends = np.cumsum([len(b) for b in given])[:-1]
        return [
            Poses(b, xy_b, confidence_b, np.delete(confidence_b, unlearnt, axis=1).mean(axis=1)).without(unlearnt)
            for b, xy_b, confidence_b in zip(given, np.split(xy, ends), np.split(confidence, ends), strict=True)
        ]

    def look(self, crops: NDArray[np.uint8]) -> Any:
        """What the network answers to crops (B, size, size, 3)."""
        return self.answer(self.on_device(crops))

    def on_device(self, crops: NDArray[np.uint8]) -> Tensor:
        """Crops (B, size, size, 3) as a tensor (B, 3, size, size) where the network lies."""
        return torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2)

    def answer(self, crops: Tensor) -> Any:
        """The same of a tensor (B, 3, size, size) on the model's device, values 0..255."""
        with torch.inference_mode(), autocast(self.device):
            return self.network(to_input(crops, self.config))

    @abstractmethod
    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints (B, K, 2) in image pixels and confidences (B, K) of crops that are cut out already.

        Args:
            crops: (B, size, size, 3) bytes.
            squares: (B, 4) the boxes in the photo that the crops show.
        """


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the processor multiplies it in hardware, so that it pays (about 2.5 x on such CPUs); else float32."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return torch.autocast(
            "cpu", torch.bfloat16, bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
        )
    return torch.autocast(device.type, torch.bfloat16, device.type == "cuda" and torch.cuda.is_bf16_supported())


def crop_boxes(boxes: FloatArray, image: NDArray[np.uint8], padding: float) -> FloatArray:
    """The square crops of person boxes: (M, 4) xywh -> (M, 4).

    Raises:
        ModelError: a box has no side, or lies outside the photo.
    """
    height, width = image.shape[:2]
    inside = clip_boxes(boxes, width, height)
    for box, part in zip(boxes, inside, strict=True):
        if not (np.isfinite(box).all() and (part[2:] > 0).all()):
            shown = [round(float(value), 2) for value in box]
            raise ModelError(f"box {shown}: nothing of it lies inside the photo of {width} x {height} pixels")
    return square_boxes(boxes, padding)


def to_input(crops: Tensor, config: NetworkConfig) -> Tensor:
    """Network input from photo bytes: (B, 3, S, S) uint8 or float 0..255 -> normalised, channels last."""
    mean, std = (crops.new_tensor(rgb, dtype=torch.float32).view(-1, 1, 1) for rgb in (config.mean, config.std))
    return ((crops.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
