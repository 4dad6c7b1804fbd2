"""Training the bottom-up model: focal loss of its maps, absolute error of its offsets (Zhou et al., Objects as Points, 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from labeltool.images import load_photo
from labeltool.models.bottom_up import STRIDE, BottomUp, BottomUpConfig, BottomUpNetwork
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import device_of
from labeltool.skeleton import Skeleton
from labeltool.training.coco_ap import average_precision, pose_results, truth_of
from labeltool.training.depthwise import QuickDepthwise
from labeltool.training.scene_views import View
from labeltool.training.scenes import Scene

#: The weight of the offsets' loss beside the maps'.
_OFFSETS = 3.0

#: Offsets are learnt in the cells at most this far from a centre.
_AROUND = 2.0

#: What is told of a place holds where a Gaussian has at least this height, two standard deviations from its peak.
_REACH = math.exp(-2)


@dataclass(frozen=True)
class BottomUpTask:
    """The bottom-up model as `labeltool.training.scene_loop.fit_scenes` trains it."""

    network: BottomUpNetwork
    config: BottomUpConfig

    masks = False
    joints = True

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""
        return self.config.skeleton

    @property
    def canvas(self) -> tuple[int, int]:
        """Views of 4 : 3 whose longer side is the network's."""
        return self.config.side, self.config.side * 3 // 4

    def losses(self, views: Sequence[View]) -> Mapping[str, Tensor]:
        """Focal losses of the joints' and the centres' maps, and the mean error of the offsets about the centres."""
        if not views:
            return {}
        device = device_of(self.network)
        pixels = torch.stack([v.pixels for v in views]).to(device)
        with QuickDepthwise(), autocast(device):
            maps = self.network(to_input(pixels, self.config))
        joints = len(self.skeleton)
        peaks = [wanted_maps(v, maps.shape[2:], joints) for v in views]
        known = [told_cells(v, w) for v, w in zip(views, peaks, strict=True)]
        wanted, told = torch.stack(peaks).to(device), torch.stack(known).to(device)
        found = [offset_loss(m[joints + 1 :], v) for m, v in zip(maps, views, strict=True)]
        return {
            "joints": focal_loss(maps[:, :joints], wanted[:, :joints], told[:, :joints]),
            "centres": focal_loss(maps[:, joints : joints + 1], wanted[:, joints:], told[:, joints:]),
            "offsets": _OFFSETS * torch.stack(found).mean(),
        }

    @property
    def terms(self) -> Mapping[str, str]:
        """What each term of the loss is."""
        return {
            "joints": "penalty-reduced focal loss of the joints' maps",
            "centres": "penalty-reduced focal loss of the map of people's centres",
            "offsets": f"{_OFFSETS:g} x the mean absolute error of the offsets about the centres, as a share of the box's size",
        }

    @property
    def measures(self) -> Mapping[str, str]:
        """AP of the joints."""
        return {"ap_keypoints": "keypoints"}

    def results(self, network: nn.Module, scenes: Sequence[Scene]) -> list[dict[str, Any]]:
        """The poses that a network finds on photos, as COCO results."""
        model = BottomUp(
            cast("BottomUpNetwork", network), self.config, version="", weights_hash="", device=device_of(network)
        )
        return [
            result
            for scene in scenes
            for result in pose_results(scene.image_id, model.predict([load_photo(scene.photo)], [None])[0])
        ]

    def scores(self, network: nn.Module, scenes: Sequence[Scene]) -> Mapping[str, float]:
        """COCO's AP of the joints."""
        truth, results = truth_of(scenes, self.skeleton), self.results(network, scenes)
        return {"ap_keypoints": average_precision(truth, results, "keypoints", self.skeleton)}

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return {"model": BottomUp.name, "config": self.config.to_json()}


def centre_of(v: View) -> Tensor:
    """The people's centres (N, 2) in pixels: the mean of their labelled joints, or the middle of the box of those without any."""
    labelled = v.labelled[..., None].float()
    mean = (v.xy * labelled).sum(dim=1) / labelled.sum(dim=1).clamp(min=1)
    middle = (v.boxes[:, :2] + v.boxes[:, 2:]) / 2 - 0.5
    return torch.where(v.labelled.any(dim=1)[:, None], mean, middle)


def extent_of(v: View) -> Tensor:
    """How large the people are (N,): the square root of their box's area, in cells."""
    return (v.boxes[:, 2:] - v.boxes[:, :2]).prod(dim=1).sqrt() / STRIDE


def to_cells(xy: Tensor) -> Tensor:
    """Pixels of the canvas, centres at integers, as cells of the maps, centres at integers."""
    return (xy + 0.5) / STRIDE - 0.5


def wanted_maps(v: View, size: Sequence[int], joints: int) -> Tensor:
    """(K + 1, h, w): a Gaussian about each labelled joint and each centre, whose cell has exactly 1; the highest of them wins.

    Its standard deviation grows with the person: 0.08 of the square root of the box's area, at least 0.8 cells.
    """
    height, width = size
    wanted = torch.zeros(joints + 1, height, width)
    spread = (extent_of(v) / 12.5).clamp(min=0.8)
    places = to_cells(torch.cat([v.xy, centre_of(v)[:, None]], dim=1)).round()
    known = torch.cat([v.labelled, torch.ones(len(v.boxes), 1, dtype=torch.bool)], dim=1)
    columns, rows = torch.arange(width), torch.arange(height)
    for person, joint in known.nonzero().tolist():
        x, y = places[person, joint]
        gauss = torch.exp(-((columns - x) ** 2)[None] / (2 * spread[person] ** 2)) * torch.exp(
            -((rows - y) ** 2)[:, None] / (2 * spread[person] ** 2)
        )
        wanted[joint] = torch.maximum(wanted[joint], gauss)
    return wanted


def told_cells(v: View, wanted: Tensor) -> Tensor:
    """Which cells of the maps (K + 1, h, w) the labels say something of: True.

    Where the labels miss a person's joint it may lie anywhere in their box, so that the box's cells of its map are neither a peak
    nor empty; those near somebody else's peak are told all the same.

    Args:
        v: the view.
        wanted: its `wanted_maps`.
    """
    height, width = wanted.shape[1:]
    told = torch.ones(wanted.shape, dtype=torch.bool)
    starts, ends = (v.hazy[:, :2] / STRIDE).floor().int(), (v.hazy[:, 2:] / STRIDE).ceil().int()
    for (left, top), (right, bottom), maps in zip(starts.tolist(), ends.tolist(), v.untold, strict=True):
        told[maps, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)] = False
    return told | (wanted >= _REACH)


def focal_loss(logits: Tensor, wanted: Tensor, told: Tensor) -> Tensor:
    """Penalty-reduced pixel-wise focal loss, divided by the number of peaks (Zhou et al. 2019, eq. 1; alpha = 2, beta = 4).

    Args:
        logits: (B, C, h, w).
        wanted: the same shape, 0..1, exactly 1 at each peak.
        told: the same shape, which cells count.
    """
    chance = torch.sigmoid(logits)
    peak = wanted == 1
    at_peaks = _log_chance(logits) * (1 - chance) ** 2
    elsewhere = _log_chance(-logits) * chance**2 * (1 - wanted) ** 4
    return -torch.where(peak, at_peaks, elsewhere * told).sum() / peak.sum().clamp(min=1)


def _log_chance(logits: Tensor) -> Tensor:
    """The log of the sigmoid, without overflow."""
    return nn.functional.logsigmoid(logits)


def offset_loss(offsets: Tensor, v: View) -> Tensor:
    """The mean absolute error of the offsets (2K, h, w) about the centres, labelled joints only, as a share of `extent_of`.

    Each cell at most 2 cells from a centre learns the way to that person's joints (Geng et al., Bottom-Up Human Pose Estimation
    Via Disentangled Keypoint Regression, 2021, section 3.2); a cell between two centres learns the nearer's.
    """
    height, width = offsets.shape[1:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    cells = torch.stack([columns, rows], dim=2).view(-1, 2).float()
    away, person = torch.cdist(cells, to_cells(centre_of(v)).round()).min(dim=1)
    about = (away <= _AROUND).nonzero()[:, 0]
    cells, person = cells[about], person[about]
    known = v.labelled[person]
    if not known.any():
        return offsets.sum() * 0
    device = offsets.device
    found = offsets.flatten(1)[:, about.to(device)].T.view(len(cells), -1, 2)
    wanted = (to_cells(v.xy)[person] - cells[:, None]).to(device)
    extent = extent_of(v)[person, None, None].clamp(min=1).to(device)
    # places instead of a mask: a GPU would have to be waited for to say how many it has
    counted = tuple(place.to(device) for place in known.nonzero(as_tuple=True))
    return ((found - wanted).abs() / extent)[counted].mean()
