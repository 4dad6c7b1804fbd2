"""DeepPose: joints by direct regression from a crop of the person's box (Toshev & Szegedy, CVPR 2014).

    person box --x padding, squared--> b --crop, resize--> 220 x 220 x 3 --backbone, fully connected--> 2k values N(y; b)

The values are the joints normalised by the crop's box, N(y; b) = diag(1/w, 1/h) (y - b_c), and are mapped back with its inverse.
Stage 1 only: the refining stages of the cascade look at crops around these estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError, SkeletonError
from labeltool.geometry import FloatArray, denormalise
from labeltool.models.topdown import TopDown, to_input
from labeltool.models.weights import Checkpoint, choose_device, load_into, read_checkpoint
from labeltool.skeleton import Skeleton, from_mapping, to_mapping

#: The side of the network's input, as published.
CROP_SIZE = 220

#: Where the shipped weights lie.
SHIPPED = Path(__file__).parent / "checkpoints" / "deeppose-lsp14.safetensors"

#: The share of the torso within which confidence is a probability: that a joint lies within 0.2 torso diameters of its label.
_CONFIDENCE_AT = 0.2

#: Torso diameter over crop side, for skeletons or poses that have none: the median on LSP-extended.
_USUAL_TORSO = 0.3


@dataclass(frozen=True)
class DeepPoseConfig:
    """What a DeepPose network is made of.

    Attributes:
        skeleton: the joints it regresses, K of them.
        backbone: a timm model name; its stride-32 features are used.
        padding: the crop's side over the longer side of the person's box.
        channels: features kept at each of the 7 x 7 places.
        hidden: width of the fully connected layer.
        mean: of the photo's values in 0..1, subtracted.
        std: of the photo's values, divided by.
    """

    skeleton: Skeleton
    backbone: str = "tf_efficientnet_lite0"
    padding: float = 1.25
    channels: int = 64
    hidden: int = 512
    mean: float = 0.5
    std: float = 0.5

    def to_json(self) -> dict[str, Any]:
        """The config as it stands in a checkpoint's description."""
        plain = {k: getattr(self, k) for k in ("backbone", "padding", "channels", "hidden", "mean", "std")}
        return {"skeleton": to_mapping(self.skeleton), **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DeepPoseConfig:
        """The config that a checkpoint's description holds.

        Raises:
            ModelError: a field is missing, unknown, or of another type.
        """
        try:
            return cls(**{**data, "skeleton": from_mapping(data["skeleton"])})
        except (TypeError, KeyError, SkeletonError) as error:
            raise ModelError(f"description of the network: {error}") from None


class DeepPoseNetwork(nn.Module):
    """The network: crops (B, 3, 220, 220) to normalised joints (B, K, 2) and the log of their expected error (B, K).

        backbone --> 7 x 7 x channels --+--> fully connected, hidden -----------------------+--> fully connected --> 2k values
                                        +--> cells: which of the 7 x 7 holds each joint ----+

    The last layer starts as the expected place of each joint under its cells, and learns the rest. The error head looks at the
    hidden features without moving them (its gradient stops there).
    """

    def __init__(self, config: DeepPoseConfig) -> None:
        super().__init__()
        try:
            self.backbone = timm.create_model(config.backbone, pretrained=False, features_only=True, out_indices=(-1,))
        except RuntimeError as error:
            raise ModelError(f"backbone {config.backbone!r}: {error}") from None
        info = cast("Any", self.backbone).feature_info
        features = int(info.channels()[-1])
        side = -(-CROP_SIZE // int(info.reduction()[-1]))
        joints = len(config.skeleton)
        self.squeeze = nn.Sequential(
            nn.Conv2d(features, config.channels, 1, bias=False), nn.BatchNorm2d(config.channels), nn.ReLU()
        )
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(config.channels * side * side, config.hidden), nn.ReLU(), nn.Dropout(0.2)
        )
        self.cells = nn.Conv2d(config.channels, joints, 1)
        self.joints = nn.Linear(config.hidden + joints * side * side, 2 * joints)
        self.error = nn.Linear(config.hidden, joints)
        nn.init.normal_(self.joints.weight, std=0.001)
        nn.init.zeros_(self.joints.bias)
        nn.init.zeros_(self.error.weight)
        nn.init.constant_(self.error.bias, -2.5)
        self._start_at_the_expected_cell(config.hidden, joints, side)

    def _start_at_the_expected_cell(self, hidden: int, joints: int, side: int) -> None:
        centres = (torch.arange(side) + 0.5) / side - 0.5
        x = centres.expand(side, side).flatten()
        y = centres[:, None].expand(side, side).flatten()
        with torch.no_grad():
            weight = self.joints.weight[:, hidden:].view(joints, 2, joints, side * side)
            for joint in range(joints):
                weight[joint, 0, joint], weight[joint, 1, joint] = x, y

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised joints and the log of the expected error, in crop sides."""
        joints, log_error, _ = self.forward_with_cells(crops)
        return joints, log_error

    def forward_with_cells(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same, and what only training asks for: logits (B, K, 7, 7) of the cell of the crop that holds the joint."""
        features = self.squeeze(self.backbone(crops)[-1])
        hidden = self.hidden(features)
        cells = self.cells(features).float()
        chances = torch.softmax(cells.flatten(2), dim=2).flatten(1)
        joints = self.joints(torch.cat([hidden.float(), chances], dim=1)).float()
        return joints.view(len(joints), -1, 2), self.error(hidden.detach()).float(), cells


class DeepPose(TopDown):
    """A `PoseModel` that regresses the joints of each given box."""

    name = "deeppose"
    size = CROP_SIZE

    def __init__(
        self, network: nn.Module, config: DeepPoseConfig, *, version: str, weights_hash: str, device: torch.device
    ) -> None:
        super().__init__(
            network,
            config.skeleton,
            padding=config.padding,
            version=version,
            weights_hash=weights_hash,
            device=device,
        )
        self.config = config

    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints and confidences of crops (see `TopDown.run`)."""
        with torch.inference_mode():
            bytes_ = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2)
            joints, log_error = self.network(to_input(bytes_, self.config.mean, self.config.std))
        normalised = joints.double().cpu().numpy()
        confidence = self._confidence(normalised, log_error.double().cpu().numpy())
        return denormalise(normalised, squares) - 0.5, confidence

    def _confidence(self, normalised: FloatArray, log_error: FloatArray) -> FloatArray:
        """P(distance <= 0.2 torso) if distances are exponential about their expected value: 1 - exp(-r / b)."""
        torso = np.full(len(normalised), _USUAL_TORSO)
        if self.skeleton.torso is not None:
            a, b = (self.skeleton.index(j) for j in self.skeleton.torso)
            torso = np.maximum(np.linalg.norm(normalised[:, a] - normalised[:, b], axis=-1), _USUAL_TORSO / 3)
        confidence: FloatArray = 1 - np.exp(-_CONFIDENCE_AT * torso[:, None] / np.exp(log_error))
        return confidence


def from_checkpoint(checkpoint: Checkpoint, device: torch.device) -> DeepPose:
    """The model that a checkpoint of `labeltool train deeppose` holds.

    Raises:
        ModelError: the checkpoint is of another model, or its tensors do not fit.
    """
    kind = checkpoint.description.get("model")
    if kind != DeepPose.name:
        raise ModelError(f"{checkpoint.path}: a checkpoint of {kind!r}, expected one of {DeepPose.name!r}")
    config = DeepPoseConfig.from_json(cast("Mapping[str, Any]", checkpoint.description.get("config", {})))
    network = DeepPoseNetwork(config)
    load_into(network, checkpoint.tensors, str(checkpoint.path))
    version = str(checkpoint.description.get("version", "unversioned"))
    return DeepPose(network, config, version=version, weights_hash=checkpoint.sha256, device=device)


def load(weights: Path | None = None, device: str = "auto") -> DeepPose:
    """The shipped DeepPose, or the one in a checkpoint file.

    Raises:
        ModelError: the weights cannot be read or do not fit, or the device is not there.
    """
    return from_checkpoint(read_checkpoint(SHIPPED if weights is None else weights), choose_device(device))
