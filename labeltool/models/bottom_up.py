"""Bottom-up estimation: all joints of the photo at once, then grouped into people (Zhou et al., Objects as Points, 2019).

    photo, longer side 384 --backbone, decoder (those of the heatmap model)--> at stride 4:
        K maps of joints, 1 map of people's centres, 2K offsets from a centre to its joints

    peaks of the centre map --offsets--> a rough pose each --a high and near peak of each joint's map--> the pose

One look serves a photo, however many people it shows. A joint without such a peak stays where the offset puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork, mix
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import choose_device, load_into, read_checkpoint_of

#: Cells of the maps are so many pixels of the canvas apart.
STRIDE = 4

#: A photo becomes a canvas whose sides are multiples of this.
_MULTIPLE = 32

#: The offsets' last layer counts in so many cells.
_FAR = 8

#: Peaks below this are no people and no joints.
_LEAST_CENTRE, _LEAST_JOINT = 0.15, 0.1

#: A peak at this share of the pose's longer side from the rough joint counts exp(-1/2) of its height; one that counts less than
#: the least is not taken.
_SNAP, _LEAST_COUNT = 0.25, 0.02

#: Peaks looked at in each map.
_PEAKS = 30


@dataclass(frozen=True)
class BottomUpConfig(HeatmapConfig):
    """What a bottom-up network is made of; `side` is the longer side of the canvas, `padding` is not used."""

    side: int = 384


class BottomUpNetwork(HeatmapNetwork):
    """The network: canvases (B, 3, H, W) to (B, 3K + 1, H / 4, W / 4).

    Logits of K joint maps and of the centre map, then 2K offsets dx, dy from a centre to each joint, in cells; the offsets have
    convolutions of their own.
    """

    def __init__(self, config: BottomUpConfig) -> None:
        super().__init__(config)
        joints = len(config.skeleton)
        self.head = nn.Conv2d(config.channels, joints + 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(cast("Tensor", self.head.bias), -4.0)  # nearly every cell is empty
        self.mixes = nn.Sequential(mix(config.channels), mix(config.channels))
        self.offsets = nn.Conv2d(config.channels, 2 * joints, 1)
        nn.init.normal_(self.offsets.weight, std=0.01)
        nn.init.zeros_(cast("Tensor", self.offsets.bias))

    def forward(self, crops: Tensor) -> Tensor:
        """Maps and offsets."""
        out = self.decode(crops)
        return torch.cat([self.head(out).float(), _FAR * self.offsets(self.mixes(out)).float()], dim=1)


class BottomUp:
    """A `PoseModel` that finds people by itself; given boxes are ignored."""

    name = "bottom-up"
    detects = True

    def __init__(
        self, network: BottomUpNetwork, config: BottomUpConfig, *, version: str, weights_hash: str, device: torch.device
    ) -> None:
        self.config = config
        self.skeleton = config.skeleton
        self.version = version
        self.weights_hash = weights_hash
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """The people found in each photo, best score first (see `PoseModel.predict`)."""
        return [self._predict(image) for image in images]

    def _predict(self, image: NDArray[np.uint8]) -> Poses:
        canvas, zoom = canvas_of(image, self.config.side)
        with torch.inference_mode(), autocast(self.device):
            maps = self.network(to_input(canvas[None].to(self.device), self.config))[0]
        unlearnt = [self.skeleton.index(joint) for joint in self.config.unlearnt]
        cells, confidence, scores = group(maps.float().cpu(), len(self.skeleton), unlearnt)
        if not len(scores):
            return Poses.none(len(self.skeleton))
        # a cell's middle is at (cell + 0.5) * stride in edge coordinates of the canvas
        xy = (cells + 0.5) * STRIDE / zoom - 0.5
        learnt = np.delete(xy, unlearnt, axis=1)
        low, high = learnt.min(axis=1), learnt.max(axis=1)
        boxes = np.concatenate([low, np.maximum(high - low, 1)], axis=1)
        return Poses(boxes, xy, confidence, scores).without(unlearnt)


def canvas_of(image: NDArray[np.uint8], side: int) -> tuple[Tensor, float]:
    """A photo as the network's canvas.

    Args:
        image: (H, W, 3) bytes.
        side: the longer side in pixels after scaling.

    Returns:
        (3, H', W') bytes, the photo at the top left, grey beyond it; the factor it was scaled by.
    """
    height, width = image.shape[:2]
    zoom = side / max(height, width)
    size = max(round(width * zoom), 1), max(round(height * zoom), 1)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    rows, columns = (-(-s // _MULTIPLE) * _MULTIPLE for s in (size[1], size[0]))
    canvas = np.full((rows, columns, 3), 127, dtype=np.uint8)
    canvas[: size[1], : size[0]] = small
    return torch.from_numpy(canvas).permute(2, 0, 1), zoom


def group(maps: Tensor, joints: int, unlearnt: Sequence[int] = ()) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The people that a network's answer shows.

    Args:
        maps: (3K + 1, h, w), as `BottomUpNetwork` answers.
        joints: K.
        unlearnt: joints whose maps say nothing, and so nothing of a person's score.

    Returns:
        (M, K, 2) joints in cells, centres at integers; (M, K) confidence: the joint's peak, or half of what its map shows where
        the offset puts it; (M,) scores, highest first: the geometric mean of the centre's peak and the mean confidence.
    """
    heat = torch.sigmoid(maps[: joints + 1])
    centres, scores = _peaks(heat[joints], _LEAST_CENTRE)
    if not len(scores):
        return np.zeros((0, joints, 2)), np.zeros((0, joints)), np.zeros(0)
    offsets = maps[joints + 1 :].view(joints, 2, *maps.shape[1:])
    x, y = centres.round().long().T
    rough = centres[:, None] + offsets[:, :, y, x].permute(2, 0, 1)
    reach = _SNAP * (rough.amax(dim=1) - rough.amin(dim=1)).amax(dim=1).clamp(min=4)
    cells, confidence = rough.clone(), torch.zeros(len(scores), joints)
    for joint in range(joints):
        places, sure = _peaks(heat[joint], _LEAST_JOINT)
        confidence[:, joint] = 0.5 * _value_at(heat[joint], rough[:, joint])
        if not len(sure):
            continue
        away = torch.cdist(rough[:, joint], places) / reach[:, None]
        counts, best = (sure * torch.exp(-(away**2) / 2)).max(dim=1)
        taken = counts >= _LEAST_COUNT
        cells[taken, joint] = places[best[taken]]
        confidence[taken, joint] = sure[best[taken]]
    learnt = [joint for joint in range(joints) if joint not in set(unlearnt)]
    scores = (scores * confidence[:, learnt].mean(dim=1)).sqrt()
    order = scores.argsort(descending=True)
    cells, confidence, scores = cells[order], confidence[order], scores[order]
    return cells.double().numpy(), confidence.double().numpy(), scores.double().numpy()


def _peaks(heat: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """Local maxima of a map (h, w), highest first: places (P, 2) finer than a cell, and their values (P,)."""
    width = heat.shape[1]
    highest = functional.max_pool2d(heat[None], 3, stride=1, padding=1)[0]
    values, places = torch.where(heat == highest, heat, 0).flatten().topk(min(_PEAKS, heat.numel()))
    values, places = values[values > least], places[values > least]
    x, y = places % width, places // width
    padded = functional.pad(heat, (1, 1, 1, 1))
    window = torch.stack([padded[y + dy, x + dx] for dy in range(3) for dx in range(3)], dim=1).view(-1, 3, 3)
    steps, mass = torch.tensor([-1.0, 0.0, 1.0]), window.sum(dim=(1, 2))
    fine_x = x + (window.sum(dim=1) * steps).sum(dim=1) / mass
    fine_y = y + (window.sum(dim=2) * steps).sum(dim=1) / mass
    return torch.stack([fine_x, fine_y], dim=1), values


def _value_at(heat: Tensor, places: Tensor) -> Tensor:
    """The map's value (M,) in the cells that hold places (M, 2); 0 outside."""
    height, width = heat.shape
    x, y = places.round().long().T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = heat[y.clamp(0, height - 1), x.clamp(0, width - 1)]
    return torch.where(inside, values, 0.0)


def load(weights: Path | None = None, device: str = "auto") -> BottomUp:
    """The bottom-up model in a checkpoint file of `labeltool train bottom-up`; none is shipped.

    Raises:
        ModelError: no file is given, the weights cannot be read or do not fit, or the device is not there.
    """
    if weights is None:
        raise ModelError(
            "bottom-up: no weights are shipped: train them (labeltool train bottom-up) and pass --weights FILE"
        )
    checkpoint = read_checkpoint_of(BottomUp.name, weights)
    config = BottomUpConfig.from_json(checkpoint.description.get("config", {}))
    network = BottomUpNetwork(config)
    load_into(network, checkpoint.tensors, str(weights))
    version = str(checkpoint.description.get("version", "unversioned"))
    return BottomUp(network, config, version=version, weights_hash=checkpoint.sha256, device=choose_device(device))
