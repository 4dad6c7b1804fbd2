"""The moving average of a network's weights, which is what a training keeps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

#: The average begins by following the weights of so many steps, and of ever more as the steps add up.
_FIRST = 10


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of a network whose weights and buffers are to follow it, slowly.

    After n steps what is kept of the average is min(decay, (1 + n) / (10 + n)): about the last ninth of the steps so far, until
    that is as many as `decay` stands for. A fixed decay would leave a short training near where it started, since 0.995 forgets
    the start after some 600 steps.

    Args:
        network: what is trained.
        decay: the share of the average that a late step keeps.

    Raises:
        ValueError: the decay is not within 0..1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"average {decay}: expected a decay within 0 and 1")

    def follow(average: Sequence[Tensor], weights: Sequence[Tensor], steps: Tensor | int) -> None:
        kept = min(decay, (1 + int(steps)) / (_FIRST + int(steps)))
        for old, new in zip(average, weights, strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - kept)
            else:
                old.copy_(new)

    return AveragedModel(network, multi_avg_fn=torch.no_grad()(follow), use_buffers=True)
