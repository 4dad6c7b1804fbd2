"""Training the heatmap model: cross-entropy over the cells of each joint's map, and the calibration of its confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from labeltool.models.heatmap import Heatmap, HeatmapConfig, HeatmapNetwork, decode
from labeltool.models.topdown import autocast, to_input
from labeltool.skeleton import Skeleton
from labeltool.training.deeppose import cell_loss


@dataclass(frozen=True)
class HeatmapTask:
    """The heatmap model as `labeltool.training.loop.fit` trains it.

    Attributes:
        spread: standard deviation of the Gaussian that each map is held against, in cells.
    """

    network: HeatmapNetwork
    config: HeatmapConfig
    spread: float = 1.5

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
        loss = cell_loss(logits, target, labelled, self.spread)
        return loss, loss

    def joints(self, network: nn.Module, views: Tensor) -> Tensor:
        """The joints (B, K, 2) that a network's maps show, normalised by the view."""
        with autocast(views.device):
            logits = network(self._input(views))
        uv, _ = decode(logits)
        joints: Tensor = (uv + 0.5) / logits.shape[-1] - 0.5
        return joints

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return {"model": Heatmap.name, "config": self.config.to_json()}

    def _input(self, views: Tensor) -> Tensor:
        return to_input(views, self.config)
