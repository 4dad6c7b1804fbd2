"""Training the heatmap model: cross-entropy over the cells of each joint's map, and the calibration of its confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labeltool.models.heatmap import RIGHT_WITHIN, Heatmap, HeatmapConfig, HeatmapNetwork, certainty, decode
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import device_of
from labeltool.skeleton import Skeleton
from labeltool.training.calibration import fit_logistic
from labeltool.training.deeppose import cell_loss
from labeltool.training.loop import plain_views, torso_ends
from labeltool.training.samples import Samples


@dataclass(frozen=True)
class HeatmapTask:
    """The heatmap model as `labeltool.training.loop.fit` trains it.

    Attributes:
        spread: standard deviation of the Gaussian that each map is held against, in sides of the map: 1.5 of 48 cells.
    """

    network: HeatmapNetwork
    config: HeatmapConfig
    spread: float = 1 / 32

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

    def objective(self, views: Tensor, target: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the maps, minimised and logged."""
        with autocast(views.device):
            logits = self.network(self._input(views))
        loss = cell_loss(logits, target, labelled, self.spread * logits.shape[-1])
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
                x = certainty(logits, uv, self.skeleton).cpu()
            torso = (target[:, a] - target[:, b]).norm(dim=1)
            right = ((uv.cpu() + 0.5) / logits.shape[-1] - 0.5 - target).norm(dim=2) <= RIGHT_WITHIN * torso[:, None]
            counted = labelled & (labelled[:, a] & labelled[:, b])[:, None]
            found.append((x.double(), right, counted))
        columns = [np.concatenate([part[i].numpy() for part in found]) for i in range(3)]
        fitted = fit_logistic(columns[0], columns[1], columns[2])
        return replace(self.config, slope=fitted.slope, offsets=fitted.offsets)

    def _input(self, views: Tensor) -> Tensor:
        return to_input(views, self.config)
