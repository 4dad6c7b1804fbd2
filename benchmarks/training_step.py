"""Loss and gradients of the heatmap network in training as labeltool takes them, against PyTorch alone.

Under bfloat16 oneDNN is slow at the gradients of depthwise convolutions; labeltool takes some of them in float32
(`labeltool.training.depthwise`). Both ways from the same weights on the same views, in turns; the gradients are compared too.
On a processor without bfloat16 trainings run in float32, nothing differs, and the ratio is 1 but for noise.

    python benchmarks/training_step.py [--backbone NAME] [--side PX] [--batch N] [--steps N] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.topdown import autocast
from labeltool.models.weights import CPU
from labeltool.skeleton import LSP_14
from labeltool.training.depthwise import QuickDepthwise
from labeltool.training.heatmap import HeatmapTask

#: Steps of each way in a turn.
_TURN = 2


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Loss and gradients of the heatmap network, against PyTorch alone.")
    parser.add_argument("--backbone", default=HeatmapConfig.backbone, help="a timm network")
    parser.add_argument("--side", type=int, default=160, help="of the views, pixels")
    parser.add_argument("--batch", type=int, default=32, help="people a step")
    parser.add_argument("--steps", type=int, default=16, help="steps of each way, at least 2")
    parser.add_argument("--quick", action="store_true", help="4 steps of 8 people")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.steps < _TURN:
        parser.error(f"--steps {options.steps}: expected at least {_TURN}")
    steps, batch = (4, 8) if options.quick else (options.steps, options.batch)
    torch.manual_seed(0)
    config = HeatmapConfig(LSP_14, backbone=options.backbone, side=options.side)
    task = HeatmapTask(HeatmapNetwork(config), config)
    task.network.train().to(memory_format=torch.channels_last)
    views = torch.rand(batch, 3, config.side, config.side) * 255
    target = torch.rand(batch, len(LSP_14), 2) - 0.5
    labelled = torch.ones(batch, len(LSP_14), dtype=torch.bool)
    ways: dict[str, AbstractContextManager[Any]] = {"labeltool": QuickDepthwise(), "plain": nullcontext()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    gradient: dict[str, Tensor] = {}
    for turn in range(1 + steps // _TURN):
        for name, way in ways.items():
            for _ in range(_TURN if turn else 1):
                task.network.zero_grad(set_to_none=True)
                start = time.perf_counter()
                with way:
                    loss, _ = task.objective(views, target, labelled)
                loss.backward()  # type: ignore[no-untyped-call]
                if turn:  # the first one of each way warms up
                    seconds[name].append(time.perf_counter() - start)
            gradient[name] = torch.cat([p.grad.flatten() for p in task.network.parameters() if p.grad is not None])
    apart = float((gradient["labeltool"] - gradient["plain"]).norm() / gradient["plain"].norm())
    rate = {name: batch / float(np.median(taken)) for name, taken in seconds.items()}
    with autocast(CPU):
        halved = torch.is_autocast_enabled("cpu")
    found = {
        "bfloat16": halved,
        "people_a_second": {name: round(value, 2) for name, value in rate.items()},
        "ratio": round(rate["labeltool"] / rate["plain"], 3),
        "gradients_apart": float(f"{apart:.2g}"),
    }
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.backbone}, {batch} views of {config.side} px, {'bfloat16' if halved else 'float32'}")
    print(f"{rate['labeltool']:.1f} people a second, {rate['plain']:.1f} by PyTorch alone: {found['ratio']:.2f} x")
    print(f"gradients apart by {apart:.1e} of their length")


if __name__ == "__main__":
    main()
