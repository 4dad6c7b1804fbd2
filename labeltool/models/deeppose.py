"""DeepPose: joints by direct regression from a crop of the person's box (Toshev & Szegedy, CVPR 2014).

    person box --x padding, squared--> b --crop, resize--> 220 x 220 x 3 --backbone, fully connected--> 2k values N(y; b)

The values are the joints normalised by the crop's box, N(y; b) = diag(1/w, 1/h) (y - b_c), and are mapped back with its inverse.
Stage 1 only: the refining stages of the cascade look at crops around these estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, denormalise
from labeltool.models.topdown import NetworkConfig, TopDown
from labeltool.models.weights import read_checkpoint

#: The side of the network's input, as published.
CROP_SIZE = 220

#: Where the shipped weights lie.
SHIPPED = Path(__file__).parent / "checkpoints" / "deeppose-lsp14.safetensors"

#: The share of the torso within which confidence is a probability: that a joint lies within 0.2 torso diameters of its label.
_CONFIDENCE_AT = 0.2

#: Torso diameter over crop side, for skeletons or poses that have none: the median on LSP-extended.
_USUAL_TORSO = 0.3


@dataclass(frozen=True)
class DeepPoseConfig(NetworkConfig):
    """What a DeepPose network is made of; of the backbone its stride-32 features are used.

    Attributes:
        channels: features kept at each of the 7 x 7 places.
        hidden: width of the fully connected layer.
    """

    channels: int = 64
    hidden: int = 512


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
        # the last layer in full precision: bfloat16 would round joints to a third of a pixel of the crop and more
        with torch.autocast(crops.device.type, enabled=False):
            joints = self.joints(torch.cat([hidden.float(), chances], dim=1))
        return joints.view(len(joints), -1, 2), self.error(hidden.detach()).float(), cells


class DeepPose(TopDown[DeepPoseConfig]):
    """A `PoseModel` that regresses the joints of each given box."""

    name = "deeppose"

    @property
    def size(self) -> int:
        """The side of the crops, pixels, as published."""
        return CROP_SIZE

    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints and confidences of crops (see `TopDown.run`)."""
        joints, log_error = self.look(crops)
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


def load(weights: Path | None = None, device: str = "auto") -> DeepPose:
    """The shipped DeepPose, or the one in a checkpoint file.

    Raises:
        ModelError: the weights cannot be read or do not fit, or the device is not there.
    """
    return DeepPose.open(read_checkpoint(weights or SHIPPED), DeepPoseConfig, DeepPoseNetwork, device)
