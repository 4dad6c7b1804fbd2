"""The training loop of top-down models: one cycle of the learning rate, averaged weights, a checkpoint an epoch, resume."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.files import atomic_write
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.augment import PLAIN, Augmentation, batch
from labeltool.training.samples import Samples


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training people.
        batch: people a step.
        rate: the highest learning rate of the cycle.
        decay: AdamW's weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        seed: of every random choice.
        augmentation: how training views vary.
    """

    epochs: int = 12
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.995
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the run: up on a line for the first 15 %, then down a cosine to 0."""
        if progress < 0.15:
            return self.rate * (0.04 + 0.96 * progress / 0.15)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - 0.15) / 0.85))


class Task(Protocol):
    """What the loop trains.

    Attributes:
        network: the module whose weights are learnt.
        skeleton: its joints.
        size: the side of its crops, pixels.
        padding: the crop's side over the longer side of the person's box.
    """

    @property
    def network(self) -> nn.Module:
        """The module whose weights are learnt."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """Its joints."""
        ...

    @property
    def size(self) -> int:
        """The side of its crops, pixels."""
        ...

    @property
    def padding(self) -> float:
        """The crop's side over the longer side of the person's box."""
        ...

    def objective(self, views: Tensor, target: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
        """What is minimised, and the loss to log.

        Args:
            views: (B, 3, size, size) photo values 0..255.
            target: (B, K, 2) joints, normalised by the view.
            labelled: (B, K) bool.
        """
        ...

    def joints(self, network: nn.Module, views: Tensor) -> Tensor:
        """The joints (B, K, 2) that a network sees in views, normalised."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """`model` and `config` of the checkpoint's description."""
        ...


def fit(
    out: Path,
    task: Task,
    training: Samples,
    validation: Samples,
    schedule: Schedule,
    *,
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Path:
    """Trains a task's network and returns the path of its best checkpoint, `best.safetensors`.

    Every epoch ends with a checkpoint of the whole state in `out`; a run that was stopped goes on from there when it is started
    again with the same arguments. `curve.csv` has one row an epoch.

    Args:
        out: folder for checkpoints and the curve; made when missing.
        task: what to train.
        training: the people to learn from.
        validation: the people to choose the best epoch by (PDJ at 0.2).
        schedule: how to train.
        version: written into the checkpoint.
        about: more to write into the checkpoint's description (data, hashes, licence).
        quiet: show no progress bars.

    Raises:
        ModelError: the loss is no longer a number, or the skeleton has no torso to measure PDJ by.
    """
    out.mkdir(parents=True, exist_ok=True)
    network = task.network.to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.average), use_buffers=True)  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    steps = math.ceil(len(training) / schedule.batch)
    state = _State(network, average, optimiser)
    start, best = state.resume(out) if (out / "state.json").exists() else (0, -1.0)

    for epoch in range(start, schedule.epochs):
        chance = torch.Generator().manual_seed(schedule.seed * 100_003 + epoch)
        torch.manual_seed(schedule.seed * 100_003 + epoch)
        network.train()
        total = 0.0
        order = torch.randperm(len(training), generator=chance).split(schedule.batch)  # type: ignore[no-untyped-call]
        for done, rows in enumerate(
            tqdm(order, desc=f"epoch {epoch + 1}/{schedule.epochs}", unit="step", disable=quiet)
        ):
            views, target, labelled = batch(
                training,
                rows,
                task.skeleton,
                size=task.size,
                padding=task.padding,
                augmentation=schedule.augmentation,
                generator=chance,
            )
            objective, loss = task.objective(views, target, labelled)
            if not torch.isfinite(objective):
                raise ModelError(f"training: the loss is {objective.item()} in epoch {epoch + 1}, expected a number")
            optimiser.zero_grad(set_to_none=True)
            objective.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at((epoch + done / steps) / schedule.epochs)
            optimiser.step()
            average.update_parameters(network)
            total += loss.item() * len(rows)
        score = detection_rate(task, average.module, validation)
        _log(out / "curve.csv", {"epoch": epoch + 1, "loss": total / len(training), "pdj@0.2": score})
        if score > best:
            best = score
            description = {
                **task.describe(),
                "version": version,
                "schedule": asdict(schedule),
                "epoch": epoch + 1,
                "validation": {"people": len(validation), "pdj@0.2": score},
                **(about or {}),
            }
            write_checkpoint(out / "best.safetensors", average.module.state_dict(), description, half=True)
        state.save(out, epoch + 1, best)
        if not quiet:
            tqdm.write(f"epoch {epoch + 1}: loss {total / len(training):.5f}, validation PDJ@0.2 {score:.4f}")
    return out / "best.safetensors"


def detection_rate(task: Task, network: nn.Module, samples: Samples, threshold: float = 0.2) -> float:
    """PDJ at a threshold over people whose torso ends are labelled, plain crops, as a share of their labelled joints.

    Raises:
        ModelError: the skeleton has no torso ends.
    """
    if task.skeleton.torso is None:
        raise ModelError(f"skeleton {task.skeleton.name!r}: no torso ends, expected them to measure PDJ")
    a, b = (task.skeleton.index(j) for j in task.skeleton.torso)
    network.eval()
    detected = counted = 0
    with torch.inference_mode():
        for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
            views, target, labelled = batch(
                samples,
                rows,
                task.skeleton,
                size=task.size,
                padding=task.padding,
                augmentation=PLAIN,
                generator=torch.Generator(),
            )
            joints = task.joints(network, views)
            torso = (target[:, a] - target[:, b]).norm(dim=1)
            whole = labelled[:, a] & labelled[:, b]
            hit = (joints - target).norm(dim=2) <= threshold * torso[:, None]
            detected += int((hit & labelled)[whole].sum())
            counted += int(labelled[whole].sum())
    return detected / max(counted, 1)


def _log(path: Path, row: Mapping[str, float]) -> None:
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


class _State:
    """Everything a run needs to go on: weights, their average, the optimiser and the epoch, as safetensors and JSON."""

    def __init__(self, network: nn.Module, average: AveragedModel, optimiser: torch.optim.Optimizer) -> None:
        self._modules = {"network": network, "average": average}
        self._optimiser = optimiser

    def save(self, out: Path, epoch: int, best: float) -> None:
        tensors = {f"{part}/{k}": t for part, m in self._modules.items() for k, t in m.state_dict().items()}
        for index, values in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{key}": torch.as_tensor(value) for key, value in values.items()}
        name = f"state-{epoch % 2}.safetensors"
        write_checkpoint(out / name, tensors, {})
        with atomic_write(out / "state.json") as file:
            file.write(json.dumps({"epoch": epoch, "best": best, "tensors": name}).encode())

    def resume(self, out: Path) -> tuple[int, float]:
        plain = json.loads((out / "state.json").read_text())
        tensors = load_tensors((out / plain["tensors"]).read_bytes())
        for part, module in self._modules.items():
            module.load_state_dict({k.split("/", 1)[1]: t for k, t in tensors.items() if k.startswith(f"{part}/")})
        own = self._optimiser.state_dict()
        entries: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser/"):
                _, index, key = name.split("/")
                entries.setdefault(int(index), {})[key] = tensor
        self._optimiser.load_state_dict({"state": entries, "param_groups": own["param_groups"]})
        return int(plain["epoch"]), float(plain["best"])
