"""Training the heatmap model: cross-entropy over the cells of each joint's map, and the calibration of its confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.models.heatmap import (
    RIGHT_WITHIN,
    Heatmap,
    HeatmapConfig,
    HeatmapNetwork,
    decode,
    evidence,
    load,
    unmirror,
)
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import CPU, device_of
from labeltool.skeleton import Skeleton, convert
from labeltool.training.calibration import fit_logistic
from labeltool.training.deeppose import cell_entropy, mean_over
from labeltool.training.loop import plain_views, torso_ends
from labeltool.training.samples import Samples

#: The share of the loss that a teacher's maps have where nothing is asked for.
TEACHER_SHARE = 0.8


@dataclass(frozen=True)
class Teacher:
    """A heatmap network whose maps are learnt beside the labels (distillation; Hinton, Vinyals & Dean 2015).

    Attributes:
        network: looks at each view twice, as it is and mirrored; the mean of both chances is what it teaches.
        config: of the network.
        pairs: its joints that it teaches, each with the joint of the network that learns.
        share: of the loss that its maps have, 0 to 1; the labels have the rest.
        sha256: of its file, where it came from one.
    """

    network: HeatmapNetwork
    config: HeatmapConfig
    pairs: tuple[tuple[int, int], ...]
    share: float = TEACHER_SHARE
    sha256: str = ""

    @classmethod
    def open(cls, path: Path, learner: HeatmapConfig, share: float, device: torch.device = CPU) -> Self:
        """The teacher in a checkpoint of the heatmap model, on a device.

        Args:
            path: of the checkpoint.
            learner: of the network that learns; joints are the same that have the same name.
            share: see `Teacher`.
            device: to look on.

        Raises:
            ModelError: it cannot be read, is of another model, of none of the joints, or of other crops; a share outside 0..1.
        """
        if not 0 <= share <= 1:
            raise ModelError(f"teacher's share {share:g}: expected 0 to 1")
        model = load(path, str(device))
        theirs, skeleton = model.skeleton, learner.skeleton
        pairs = tuple(
            (theirs.index(a), skeleton.index(b))
            for a, b in convert(theirs, skeleton).pairs
            if a not in model.config.unlearnt
        )
        if not pairs:
            raise ModelError(
                f"{path}: a teacher of skeleton {theirs.name}, expected one that knows joints of {skeleton.name}"
            )
        if model.config.padding != learner.padding:
            raise ModelError(f"{path}: a teacher of boxes x {model.config.padding:g}, expected x {learner.padding:g}")
        network = cast("HeatmapNetwork", model.network.requires_grad_(False))
        return cls(network, model.config, pairs, share, model.weights_hash)

    def chances(self, views: Tensor) -> Tensor:
        """What it teaches of views (B, 3, S, S), 0..255: (B, P, S / 4, S / 4) for its P `pairs`, each map adding up to 1."""
        with torch.no_grad(), autocast(views.device):
            maps = [self.network(to_input(v, self.config)) for v in (views, views.flip(3))]
        maps[1] = unmirror(maps[1], self.config.skeleton)
        both = [torch.softmax(logits.flatten(2), dim=2) for logits in maps]
        return ((both[0] + both[1]) / 2).view_as(maps[0])[:, [its for its, _ in self.pairs]]


@dataclass(frozen=True)
class HeatmapTask:
    """The heatmap model as `labeltool.training.loop.fit` trains it.

    Attributes:
        spread: standard deviation of the Gaussian that each map is held against, in sides of the map: 1.5 of 48 cells.
        teacher: whose maps are learnt as well, of those whom `objective` is told; None for labels alone.
    """

    network: HeatmapNetwork
    config: HeatmapConfig
    spread: float = 1 / 32
    teacher: Teacher | None = None

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""
        return self.config.skeleton

    @property
    def size(self) -> int:
        """The side of the crops, pixels."""
        return self.config.side

    @property
    def padding(self) -> float:
        """The crop's side over the longer side of the person's box."""
        return self.config.padding

    def objective(
        self, views: Tensor, target: Tensor, labelled: Tensor, taught: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the maps against the labels, and the teacher's maps, minimised and logged."""
        with autocast(views.device):
            logits = self.network(self._input(views))
        log_chances = torch.log_softmax(logits.flatten(2), dim=2).view_as(logits)
        entropy = cell_entropy(log_chances, target, self.spread * logits.shape[-1])
        if self.teacher is not None and taught is not None and taught.any():
            share, own = self.teacher.share, [ours for _, ours in self.teacher.pairs]
            theirs = -(self.teacher.chances(views[taught]) * log_chances[taught][:, own]).sum(dim=(2, 3))
            mixed = entropy[taught]
            mixed[:, own] = share * theirs + (1 - share) * mixed[:, own]
            entropy = entropy.index_put((taught,), mixed)
        loss = mean_over(entropy, labelled)
        return loss, loss

    def joints(self, network: nn.Module, views: Tensor) -> Tensor:
        """The joints (B, K, 2) that a network's maps show, normalised by the view."""
        with autocast(views.device):
            logits = network(self._input(views))
        joints: Tensor = (decode(logits) + 0.5) / logits.shape[-1] - 0.5
        return joints

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return {"model": Heatmap.name, "config": self.config.to_json()}

    def calibrated(self, network: nn.Module, samples: Samples) -> HeatmapConfig:
        """The config with the confidence fitted on people that were not trained on.

        A joint is right when it lies within 0.2 of the labelled torso's diameter; people without a torso do not count.

        Raises:
            ModelError: nobody has the torso's ends labelled.
        """
        a, b = torso_ends(self.skeleton, samples)
        network.eval()
        device = device_of(network)
        found = []
        for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
            views, target, labelled = plain_views(self, samples, rows)
            with torch.inference_mode(), autocast(device):
                logits = network(self._input(views.to(device)))
                uv = decode(logits)
                x = evidence(logits, uv, self.skeleton).cpu()
            torso = (target[:, a] - target[:, b]).norm(dim=1)
            right = ((uv.cpu() + 0.5) / logits.shape[-1] - 0.5 - target).norm(dim=2) <= RIGHT_WITHIN * torso[:, None]
            counted = labelled & (labelled[:, a] & labelled[:, b])[:, None]
            found.append((x.double(), right, counted))
        columns = [np.concatenate([part[i].numpy() for part in found]) for i in range(3)]
        fitted = fit_logistic(columns[0], columns[1], columns[2])
        slope, rival = fitted.slopes
        return replace(self.config, slope=slope, rival=rival, offsets=fitted.offsets)

    def _input(self, views: Tensor) -> Tensor:
        return to_input(views, self.config)
