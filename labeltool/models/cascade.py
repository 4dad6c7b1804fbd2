"""The refining stages of DeepPose: for each joint a closer look around its last estimate (Toshev & Szegedy 2014, section 3.2).

    last estimate y_j of a joint, diam(y) = distance of left shoulder and right hip
        b = the square of side sigma x diam(y) about y_j
        y_j + sigma x diam(y) x (what the network regresses in b)  = N^-1(.; b), the next estimate

Everything here is in the coordinates of the person's view: the square crop of the box, -0.5..0.5 inside, so that one batch holds
people of any size. A stage looks either at the photo (as published: each joint's square is cut out and goes through a backbone)
or at the feature maps that stage 1 has made of the whole view (convolution and cropping commute but for the borders, so the maps
are made once a person and not once a joint). It has either one network a joint, which sees its square and nothing else (as
published), or one for all joints that is told the joint and the last pose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast, get_args

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.models.backbones import Backbone, make_backbone
from labeltool.skeleton import Skeleton

#: What a refining stage looks at.
Source = Literal["features", "photo"]

#: One network that is told the joint, or one network a joint.
Sharing = Literal["shared", "per-joint"]

#: diam(y) where it cannot be measured, as a share of the view's side: the median on LSP-extended.
USUAL_DIAMETER = 0.3

#: diam(y) is taken to be at least this share of the view's side: closer shoulders and hips would leave nothing to look at.
LEAST_DIAMETER = 0.1

#: The finest of stage 1's maps that refining stages look at: 8 pixels a cell are an eighth of a usual torso.
_FINEST_STRIDE = 8

#: A stage that looks at the photo gets the person's view at so many times stage 1's resolution.
_PHOTO_ZOOM = 2

#: Cells about the likeliest one that say where in it the joint lies: 2 each way.
_REACH = 2

#: How far the pose that a network is told may lie from the square it looks at, in sides of the square.
_FARTHEST = 3.0


@dataclass(frozen=True)
class RefinerConfig:
    """What a refining stage is made of; a checkpoint's description holds one for each.

    Attributes:
        sigma: the side of a joint's square over diam(y).
        source: what it looks at.
        sharing: one network for all joints, or one a joint.
        cells: the side of the grid of features that the square becomes.
        channels: features at each cell.
        hidden: width of the fully connected layer.
        backbone: for the photo, the network that the square goes through (see `labeltool.models.backbones`).
        tile: for the photo, the side in pixels that the square is resized to.
        told: whether a network is told the joint and the last pose; one for all joints must be.
    """

    sigma: float = 2.0
    source: Source = "features"
    sharing: Sharing = "shared"
    cells: int = 12
    channels: int = 64
    hidden: int = 128
    backbone: str = "resnet18"
    tile: int = 96
    told: bool = True

    def __post_init__(self) -> None:
        for field, allowed in (("source", Source), ("sharing", Sharing)):
            value = getattr(self, field)
            if value not in get_args(allowed):
                raise ModelError(f"{field} of a refining stage is {value!r}, expected {' or '.join(get_args(allowed))}")
        for field in ("sigma", "cells", "channels", "hidden", "tile"):
            value = getattr(self, field)
            if not value > 0:
                raise ModelError(f"{field} of a refining stage is {value}, expected a positive number")
        if self.told is not True and (self.told is not False or self.sharing == "shared"):
            raise ModelError(
                f"told of a refining stage is {self.told!r}, expected true, or false with one network a joint"
            )

    @property
    def zoom(self) -> int:
        """How many times stage 1's resolution the person's view must have."""
        return 1 if self.source == "features" else _PHOTO_ZOOM

    def to_json(self) -> dict[str, Any]:
        """The config as it stands in a checkpoint's description."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The config that a checkpoint's description holds.

        Raises:
            ModelError: a field is unknown or of another type.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise ModelError(f"description of a refining stage: {error}") from None


def diameters(pose: Tensor, skeleton: Skeleton) -> Tensor:
    """diam(y), the distance of left shoulder and right hip, of each pose: (B, K, 2) -> (B,), in sides of the view.

    `USUAL_DIAMETER` where the skeleton has no such ends or an end is not there (NaN); at least `LEAST_DIAMETER`.
    """
    if skeleton.torso is None:
        return pose.new_full((len(pose),), USUAL_DIAMETER)
    a, b = (skeleton.index(joint) for joint in skeleton.torso)
    measured = (pose[:, a] - pose[:, b]).norm(dim=1)
    return torch.nan_to_num(measured, nan=USUAL_DIAMETER).clamp(min=LEAST_DIAMETER)


def cut(maps: Tensor, centre: Tensor, side: Tensor, size: int) -> Tensor:
    """Squares of a view's maps, resized bilinearly; what lies outside the view is 0.

    Args:
        maps: (B, C, H, W) that cover the view, -0.5..0.5 each way.
        centre: (B, J, 2) of J squares a view.
        side: (B, J) of the squares.
        size: the side in cells of what is returned.

    Returns:
        (B * J, C, size, size), the squares of the first view first.
    """
    count, squares = centre.shape[:2]
    steps = (torch.arange(size, device=maps.device, dtype=maps.dtype) + 0.5) / size - 0.5
    places = torch.stack([steps.expand(size, size), steps[:, None].expand(size, size)], dim=-1)
    grid = centre[:, :, None, None] + side[:, :, None, None, None] * places
    tall = grid.reshape(count, squares * size, size, 2) * 2
    parts = functional.grid_sample(maps, tall, mode="bilinear", padding_mode="zeros", align_corners=False)
    return parts.view(count, -1, squares, size, size).transpose(1, 2).reshape(count * squares, -1, size, size)


@dataclass(frozen=True)
class View:
    """What a stage can look at.

    Attributes:
        photo: (B, 3, V, V) network input of the person's view.
        maps: stage 1's feature maps of it, finest first.
    """

    photo: Tensor
    maps: Sequence[Tensor]


class Neck(nn.Module):
    """Stage 1's feature maps to one map: coarse ones are brought to the finest one's grid and added to it."""

    def __init__(self, channels: Sequence[int], out: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, out, 1, bias=False), nn.BatchNorm2d(out)) for c in channels
        )
        self.mix = nn.Sequential(nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B, out, H, W) on the grid of the first map."""
        finest, *rest = (level(m) for level, m in zip(self.levels, maps, strict=True))
        for coarse in rest:
            finest = finest + functional.interpolate(
                coarse, size=finest.shape[-2:], mode="bilinear", align_corners=False
            )
        mixed: Tensor = self.mix(torch.relu(finest))
        return mixed


class FeatureLook(nn.Module):
    """Looks at stage 1's maps: one neck a person, a square of its map a joint."""

    def __init__(self, config: RefinerConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.cells = config.cells
        self.neck = Neck(channels, config.channels)

    def forward(self, view: View, centre: Tensor, side: Tensor) -> Tensor:
        """Features (B * J, channels, cells, cells) of the squares."""
        return cut(self.neck(view.maps), centre, side, self.cells)


class PhotoLook(nn.Module):
    """Looks at the photo: each joint's square through a backbone, as published."""

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__()
        self.tile, self.cells = config.tile, config.cells
        made = make_backbone(config.backbone)
        self.backbone = made.network
        self.squeeze = nn.Sequential(
            nn.Conv2d(made.channels[-1], config.channels, 1, bias=False),
            nn.BatchNorm2d(config.channels),
            nn.ReLU(),
        )

    def forward(self, view: View, centre: Tensor, side: Tensor) -> Tensor:
        """Features (B * J, channels, cells, cells) of the squares."""
        features: Tensor = self.squeeze(self.backbone(cut(view.photo, centre, side, self.tile))[-1])
        if features.shape[-1] != self.cells:
            features = functional.interpolate(features, size=self.cells, mode="bilinear", align_corners=False)
        return features


class Refiner(nn.Module):
    """One refining network: where in its square each joint lies, and how far off that may be.

        square --look--> cells x cells x channels --told joint and pose--> convolutions --+--> cells: which holds the joint
                                                                                          +--> fully connected --> correction
        displacement = the expected place about the likeliest cell + the correction, in sides of the square

    The joint and the whole last estimate, seen from the square, scale and shift the features (FiLM, Perez et al. 2018): one
    network then serves all joints, and knows left from right by the rest of the body. A network that is not told them leaves the
    features as they are.
    """

    def __init__(self, config: RefinerConfig, joints: int, channels: Sequence[int]) -> None:
        super().__init__()
        width = config.channels
        self.look = FeatureLook(config, channels) if config.source == "features" else PhotoLook(config)
        self.names: nn.Embedding | None = None
        self.told: nn.Sequential | None = None
        if config.told:
            self.names = nn.Embedding(joints, 32)
            self.told = nn.Sequential(nn.Linear(32 + 2 * joints, 128), nn.ReLU(), nn.Linear(128, 4 * width))
        self.first = _block(width, width)
        self.second = _block(width, width)
        self.to_cells = nn.Conv2d(width, 1, 1)
        self.shrink = nn.Sequential(_block(width, width, stride=2), nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.hidden = nn.Sequential(nn.Linear(16 * width, config.hidden), nn.ReLU(), nn.Dropout(0.2))
        self.correction = nn.Linear(config.hidden, 2)
        self.error = nn.Linear(config.hidden, 1)
        last = [] if self.told is None else [cast("nn.Linear", self.told[-1])]
        for layer in (*last, self.correction, self.error):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.error.bias, -2.0)

    def forward(
        self, view: View, centre: Tensor, side: Tensor, joint: Tensor, pose: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Displacements (B, J, 2) and log expected errors (B, J), in sides of the squares, and cell logits (B, J, s, s).

        Args:
            view: of B people.
            centre: (B, J, 2) of the squares, in the coordinates of the view.
            side: (B, J) of the squares.
            joint: (B, J) int64, which joint each square is of.
            pose: (B, K, 2) the last estimate.
        """
        count, squares = joint.shape
        x = self.look(view, centre, side)
        if self.names is None or self.told is None:
            x = x + self.first(x)
            x = x + self.second(x)
        else:
            seen = ((pose[:, None] - centre[:, :, None]) / side[:, :, None, None]).clamp(-_FARTHEST, _FARTHEST)
            told = self.told(torch.cat([self.names(joint), seen.flatten(2)], dim=2).flatten(0, 1))
            scale, shift, scale2, shift2 = told[:, :, None, None].chunk(4, dim=1)
            x = x + self.first(x * (1 + scale) + shift)
            x = x + self.second(x * (1 + scale2) + shift2)
        logits = self.to_cells(x).float()
        hidden = self.hidden(self.shrink(x))
        displacement = place_of_peak(logits[:, 0]) + self.correction(hidden).float()
        log_error = self.error(hidden.detach()).float()
        return (
            displacement.view(count, squares, 2),
            log_error.view(count, squares),
            logits.view(count, squares, *logits.shape[-2:]),
        )


def place_of_peak(logits: Tensor) -> Tensor:
    """The expected place under the cells within `_REACH` of the likeliest one: (N, h, w) -> (N, 2), -0.5..0.5 over the square.

    The mean over all cells would lie between two places that are both likely, where the joint surely is not.
    """
    count, height, width = logits.shape
    best = logits.detach().flatten(1).argmax(dim=1)
    row, column = best // width, best % width
    rows, columns = torch.arange(height, device=logits.device), torch.arange(width, device=logits.device)
    near_rows = (rows - row[:, None]).abs() <= _REACH
    near_columns = (columns - column[:, None]).abs() <= _REACH
    near = near_rows[:, :, None] & near_columns[:, None, :]
    chances = torch.softmax(logits.masked_fill(~near, -torch.inf).flatten(1), dim=1).view(count, height, width)
    x = (chances.sum(dim=1) * (columns + 0.5)).sum(dim=1) / width - 0.5
    y = (chances.sum(dim=2) * (rows + 0.5)).sum(dim=1) / height - 0.5
    return torch.stack([x, y], dim=1)


def _block(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


class RefiningStage(nn.Module):
    """One stage s >= 2 of the cascade: the next estimate of every joint from the last one.

    Args:
        config: what it is made of.
        skeleton: the joints.
        first: stage 1's backbone, whose maps it may look at.
    """

    def __init__(self, config: RefinerConfig, skeleton: Skeleton, first: Backbone) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        #: which of stage 1's maps it looks at: those at stride 8 and coarser
        self.levels = tuple(i for i, stride in enumerate(first.strides) if stride >= _FINEST_STRIDE)
        networks = 1 if config.sharing == "shared" else len(skeleton)
        channels = [first.channels[i] for i in self.levels]
        self.networks = nn.ModuleList(Refiner(config, len(skeleton), channels) for _ in range(networks))

    def forward(
        self, view: View, centre: Tensor, side: Tensor, joint: Tensor, pose: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the networks see in squares (see `Refiner.forward`).

        Where there is one network a joint, each column of `joint` is of one joint.
        """
        view = View(view.photo, [view.maps[i] for i in self.levels])
        if self.config.sharing == "shared":
            seen: tuple[Tensor, Tensor, Tensor] = self.networks[0](view, centre, side, joint, pose)
            return seen
        columns = []
        for column in range(joint.shape[1]):
            which = slice(column, column + 1)
            network = self.networks[int(joint[0, column])]
            columns.append(network(view, centre[:, which], side[:, which], joint[:, which], pose))
        displacement, log_error, cells = (torch.cat(parts, dim=1) for parts in zip(*columns, strict=True))
        return displacement, log_error, cells

    def refine(self, view: View, pose: Tensor) -> tuple[Tensor, Tensor]:
        """The next estimate (B, K, 2) and the log of its expected error (B, K), in sides of the view, all joints at once.

        Args:
            view: of B people.
            pose: (B, K, 2) the last estimate.
        """
        count, joints = pose.shape[:2]
        side = self.sides(pose)[:, None].expand(count, joints)
        every = torch.arange(joints, device=pose.device).expand(count, joints)
        displacement, log_error, _ = self(view, pose, side, every, pose)
        return displaced(pose, side, displacement), log_error + side.log()

    def sides(self, pose: Tensor) -> Tensor:
        """The side of the squares about each person's joints, sigma x diam(y): (B, K, 2) -> (B,)."""
        return self.config.sigma * diameters(pose, self.skeleton)


def displaced(centre: Tensor, side: Tensor, displacement: Tensor) -> Tensor:
    """N^-1: what was regressed in squares of centres (B, J, 2) and sides (B, J), back in the coordinates of the centres."""
    return centre + side[..., None] * displacement
