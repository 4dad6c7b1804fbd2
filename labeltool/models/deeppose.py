"""DeepPose: joints by direct regression from a crop of the person's box (Toshev & Szegedy, CVPR 2014).

    person box --x padding, squared--> b --crop, resize--> 220 x 220 x 3 --backbone, fully connected--> 2k values N(y; b)
        --around each joint, side sigma x diam(y)--> stage 2 --> stage 3 --> ...

The values are the joints normalised by the crop's box, N(y; b) = diag(1/w, 1/h) (y - b_c), and are mapped back with its inverse.
The refining stages, as many as a checkpoint holds, are in `labeltool.models.cascade`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, denormalise
from labeltool.models.backbones import make_backbone
from labeltool.models.cascade import RefinerConfig, RefiningStage, View
from labeltool.models.topdown import NetworkConfig, TopDown
from labeltool.models.weights import Checkpoint, read_checkpoint
from labeltool.skeleton import Skeleton

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
    """What a DeepPose network is made of; of the backbone its coarsest features are used.

    Attributes:
        channels: features kept at each of the 7 x 7 places.
        hidden: width of the fully connected layer.
        slope: with `offsets`, the calibration of the confidence 1 / (1 + exp(-(slope x + offset))), x the logit of the chance
            the expected error alone gives.
        offsets: one for each joint; none for the chance as it is.
    """

    channels: int = 64
    hidden: int = 512
    slope: float = 1.0
    offsets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.offsets and len(self.offsets) != len(self.skeleton):
            raise ModelError(
                f"deeppose: {len(self.offsets)} offsets, expected one for each of {len(self.skeleton)} joints"
            )
        # JSON gives a list
        object.__setattr__(self, "offsets", tuple(self.offsets))


class FirstLook(NamedTuple):
    """What stage 1 sees.

    Attributes:
        joints: (B, K, 2) normalised by the crop.
        log_error: (B, K) log of the expected distance to the label, in crop sides.
        cells: (B, K, 7, 7) logits of the cell of the crop that holds each joint; only training asks for them.
        maps: the backbone's feature maps, finest first.
    """

    joints: Tensor
    log_error: Tensor
    cells: Tensor
    maps: list[Tensor]


class DeepPoseNetwork(nn.Module):
    """The network: crops (B, 3, 220, 220) to normalised joints (B, K, 2) and the log of their expected error (B, K).

        backbone --> 7 x 7 x channels --+--> fully connected, hidden -----------------------+--> fully connected --> 2k values
                                        +--> cells: which of the 7 x 7 holds each joint ----+
        2k values --> refining stages, if any, one after another --> 2k values

    The last layer starts as the expected place of each joint under its cells, and learns the rest. The error head looks at the
    hidden features without moving them (its gradient stops there).

    Args:
        config: of stage 1.
        refiners: of the stages after it.
    """

    def __init__(self, config: DeepPoseConfig, refiners: Sequence[RefinerConfig] = ()) -> None:
        super().__init__()
        made = make_backbone(config.backbone)
        self.backbone = made.network
        side = made.side(CROP_SIZE)
        joints = len(config.skeleton)
        self.squeeze = nn.Sequential(
            nn.Conv2d(made.channels[-1], config.channels, 1, bias=False), nn.BatchNorm2d(config.channels), nn.ReLU()
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
        self.stages = nn.ModuleList(RefiningStage(r, config.skeleton, made) for r in refiners)
        #: crops are so many times 220 pixels wide: refining stages that look at the photo need more of it than stage 1
        self.zoom = max((r.zoom for r in refiners), default=1)
        self._last_stage_only = False

    def _start_at_the_expected_cell(self, hidden: int, joints: int, side: int) -> None:
        centres = (torch.arange(side) + 0.5) / side - 0.5
        x = centres.expand(side, side).flatten()
        y = centres[:, None].expand(side, side).flatten()
        with torch.no_grad():
            weight = self.joints.weight[:, hidden:].view(joints, 2, joints, side * side)
            for joint in range(joints):
                weight[joint, 0, joint], weight[joint, 1, joint] = x, y

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised joints and the log of the expected error, in crop sides, after the last stage."""
        return self.every_stage(crops)[-1]

    def every_stage(self, crops: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Joints (B, K, 2) and log expected errors (B, K) after each stage."""
        seen = self.first(crops)
        found = [(seen.joints, seen.log_error)]
        view = View(crops, seen.maps)
        for stage in self.refining:
            found.append(stage.refine(view, found[-1][0]))
        return found

    @property
    def refining(self) -> list[RefiningStage]:
        """The stages after stage 1."""
        return [cast("RefiningStage", stage) for stage in self.stages]

    @property
    def last_stage(self) -> RefiningStage:
        """The last refining stage.

        Raises:
            ModelError: there is none.
        """
        if not len(self.stages):
            raise ModelError("DeepPose: stage 1 alone, expected a refining stage")
        return self.refining[-1]

    def first(self, crops: Tensor) -> FirstLook:
        """What stage 1 sees in crops (B, 3, zoom x 220, zoom x 220)."""
        if self.zoom > 1:
            crops = torch.nn.functional.avg_pool2d(crops, self.zoom)
        maps = self.backbone(crops)
        features = self.squeeze(maps[-1])
        hidden = self.hidden(features)
        cells = self.cells(features).float()
        chances = torch.softmax(cells.flatten(2), dim=2).flatten(1)
        # the last layer in full precision: bfloat16 would round joints to a third of a pixel of the crop and more
        with torch.autocast(crops.device.type, enabled=False):
            joints = self.joints(torch.cat([hidden.float(), chances], dim=1))
        return FirstLook(joints.view(len(joints), -1, 2), self.error(hidden.detach()).float(), cells, maps)

    def after(self, stage: int) -> DeepPoseNetwork:
        """The same network stopped after a stage, with the same weights."""
        shorter = copy.copy(self)
        shorter._modules = {**self._modules, "stages": self.stages[: stage - 1]}
        shorter._last_stage_only = False
        return shorter

    def learn_last_stage(self) -> None:
        """From now on `train` and gradients reach only the last refining stage; all before it stays as it is."""
        self.requires_grad_(False)
        self.last_stage.requires_grad_(True)
        self._last_stage_only = True

    def train(self, mode: bool = True) -> DeepPoseNetwork:
        """Turns training on or off, of what is being learnt (see `learn_last_stage`)."""
        super().train(mode and not self._last_stage_only)
        if self._last_stage_only:
            self.last_stage.train(mode)
        return self


class DeepPose(TopDown[DeepPoseConfig]):
    """A `PoseModel` that regresses the joints of each given box, in as many stages as its checkpoint holds."""

    name = "deeppose"
    network: DeepPoseNetwork

    @property
    def size(self) -> int:
        """The side of the crops, pixels: 220 as published, more where refining stages look at the photo."""
        return CROP_SIZE * int(getattr(self.network, "zoom", 1))

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return 1 + len(self.network.stages)

    def after(self, stage: int) -> DeepPose:
        """The same model, stopped after a stage.

        Raises:
            ModelError: it has no such stage.
        """
        if not 1 <= stage <= self.stages:
            raise ModelError(f"stage {stage}: not there, expected 1 to {self.stages}")
        network = self.network.after(stage)
        return DeepPose(network, self.config, version=self.version, weights_hash=self.weights_hash, device=self.device)

    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints and confidences of crops (see `TopDown.run`)."""
        joints, log_error = self.look(crops)
        normalised = joints.double().cpu().numpy()
        confidence = self._confidence(normalised, log_error.double().cpu().numpy())
        return denormalise(normalised, squares) - 0.5, confidence

    def _confidence(self, normalised: FloatArray, log_error: FloatArray) -> FloatArray:
        x = certainty(normalised, log_error, self.skeleton)
        if self.config.offsets:
            x = self.config.slope * x + np.array(self.config.offsets)
        confidence: FloatArray = 1 / (1 + np.exp(-x))
        return confidence


def certainty(normalised: FloatArray, log_error: FloatArray, skeleton: Skeleton) -> FloatArray:
    """The logit of P(distance <= 0.2 torso) if distances are exponential about their expected value b: 1 - exp(-r / b).

    Args:
        normalised: (N, K, 2) joints, normalised by the crop.
        log_error: (N, K) log of b, in crop sides.
        skeleton: for the torso.
    """
    torso = np.full(len(normalised), _USUAL_TORSO)
    if skeleton.torso is not None:
        a, b = (skeleton.index(j) for j in skeleton.torso)
        torso = np.maximum(np.linalg.norm(normalised[:, a] - normalised[:, b], axis=-1), _USUAL_TORSO / 3)
    ratio = np.clip(_CONFIDENCE_AT * torso[:, None] / np.exp(log_error), 1e-6, 30)
    # p / (1 - p) of p = 1 - exp(-ratio)
    logit: FloatArray = np.log(np.expm1(ratio))
    return logit


def load(weights: Path | None = None, device: str = "auto") -> DeepPose:
    """The shipped DeepPose, or the one in a checkpoint file, with all stages the file holds.

    Raises:
        ModelError: the weights cannot be read or do not fit, or the device is not there.
    """
    checkpoint = read_checkpoint(weights or SHIPPED)
    network = partial(DeepPoseNetwork, refiners=refiners_of(checkpoint))
    return DeepPose.open(checkpoint, DeepPoseConfig, network, device)


def refiners_of(checkpoint: Checkpoint) -> list[RefinerConfig]:
    """The refining stages that a checkpoint describes; none in one of stage 1 alone.

    Raises:
        ModelError: they are described wrongly.
    """
    described = checkpoint.description.get("stages", [])
    if not isinstance(described, list) or not all(isinstance(stage, dict) for stage in described):
        raise ModelError(f"{checkpoint.path}: stages is {described!r}, expected a list of descriptions")
    return [RefinerConfig.from_json(stage) for stage in described]
