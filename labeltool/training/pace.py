"""The optimiser of every training: AdamW, which takes smaller steps on layers that ask for them."""

from __future__ import annotations

import torch
from torch import nn


def optimiser_of(network: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW for all weights; those of modules with a `pace` in a group of their own (see `set_rate`).

    Args:
        network: what is to learn.
        rate: the highest learning rate.
        decay: the weight decay.
    """
    slow = {
        id(weight): float(pace)
        for module in network.modules()
        if isinstance(pace := getattr(module, "pace", None), int | float)
        for weight in module.parameters()
    }
    groups: dict[float, list[nn.Parameter]] = {1.0: []}
    for weight in network.parameters():
        groups.setdefault(slow.get(id(weight), 1.0), []).append(weight)
    given = [{"params": weights, "pace": pace} for pace, weights in groups.items() if weights]
    return torch.optim.AdamW(given, lr=rate, weight_decay=decay)


def set_rate(optimiser: torch.optim.AdamW, rate: float) -> None:
    """Sets the learning rate, of each group its share."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["pace"]
