"""The training loop of models that see whole photos: every loss logged, averaged weights, a checkpoint an epoch, resume."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.models.weights import CPU, write_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.average import averaged
from labeltool.training.curve import write_curve
from labeltool.training.guards import Ending, expect_number, expect_seed, kept_if_stopped, stop
from labeltool.training.pace import optimiser_of, set_rate
from labeltool.training.scene_views import Variation, View, view
from labeltool.training.scenes import Scene, fingerprint
from labeltool.training.state import State


@dataclass(frozen=True)
class SceneSchedule:
    """How long and how fast to train on whole photos.

    Attributes:
        epochs: passes over the photos.
        batch: photos a step.
        rate: the highest learning rate: up on a line for the first 10 % of the run, then down a cosine to 0.
        decay: AdamW's weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        seed: of every random choice; 0 or more.
        variation: how training views vary.
        save_every: seconds after which the state is saved in the middle of an epoch.

    Raises:
        ModelError: the seed is none that torch takes.
    """

    epochs: int = 12
    batch: int = 8
    rate: float = 1e-3
    decay: float = 0.02
    average: float = 0.99
    seed: int = 0
    variation: Variation = field(default_factory=Variation)
    save_every: float = 120.0

    def __post_init__(self) -> None:
        expect_seed(self.seed)

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the run."""
        if progress < 0.1:
            return self.rate * (0.04 + 0.96 * progress / 0.1)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))

    def to_json(self) -> dict[str, Any]:
        """What decides the weights that come out, for the checkpoint's description and for telling runs apart."""
        plain = asdict(self)
        del plain["save_every"]
        return plain


class SceneTask(Protocol):
    """What the loop trains."""

    @property
    def network(self) -> nn.Module:
        """The module whose weights are learnt."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """Its joints."""
        ...

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height of the views, pixels."""
        ...

    @property
    def masks(self) -> bool:
        """Whether it learns from masks."""
        ...

    @property
    def joints(self) -> bool:
        """Whether it learns from joints."""
        ...

    def losses(self, views: Sequence[View]) -> Mapping[str, Tensor]:
        """The terms whose sum is minimised, by name."""
        ...

    @property
    def terms(self) -> Mapping[str, str]:
        """What each term of the loss is, in words."""
        ...

    @property
    def measures(self) -> Mapping[str, str]:
        """What pycocotools calls each score, by the score's name."""
        ...

    def results(self, network: nn.Module, scenes: Sequence[Scene]) -> list[dict[str, Any]]:
        """What a network finds on photos, as COCO results."""
        ...

    def scores(self, network: nn.Module, scenes: Sequence[Scene]) -> Mapping[str, float]:
        """How good a network is on photos it did not learn from, by measure; the first measure chooses the best epoch."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """`model` and `config` of the checkpoint's description."""
        ...


def fit_scenes(
    out: Path,
    task: SceneTask,
    training: Sequence[Scene],
    validation: Sequence[Scene],
    schedule: SceneSchedule,
    *,
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    quiet: bool = False,
) -> Path:
    """Trains a task's network on whole photos and returns the path of its best checkpoint, `best.safetensors`.

    The whole state is kept in `out` after every epoch and every `schedule.save_every` seconds; a run that was stopped goes on
    from there when it is started again with the same arguments, and ends as an unbroken one would. `curve.csv` has one row an
    epoch: every loss and score.

    Args:
        out: folder for checkpoints and the curve; made when missing.
        task: what to train.
        training: the photos to learn from.
        validation: the photos to choose the best epoch by.
        schedule: how to train.
        version: written into the checkpoint.
        about: more to write into the checkpoint's description (data, hashes, licence).
        device: to train on.
        quiet: show no progress bars.

    Raises:
        ModelError: nothing to train or validate on, a loss or the gradient is no longer a number, the folder holds a run with
            other arguments or labels or a damaged one, or it cannot be written.
        KeyboardInterrupt: by Ctrl+C, or SIGTERM where that does the same; in the middle of an epoch the step on its way is done
            and the state saved.
    """
    if not training or not validation:
        raise ModelError(
            f"training: {len(training)} photos to learn from, {len(validation)} to validate on, expected some of each"
        )
    network = task.network.to(device)
    average = averaged(network, schedule.average)
    optimiser = optimiser_of(network, schedule.rate, schedule.decay)
    about = {
        "version": version,
        "labels_sha256": fingerprint(training),
        "validation_sha256": fingerprint(validation),
        **(about or {}),
    }
    arguments = {**task.describe(), "schedule": schedule.to_json(), **about}
    state = State(out, {"network": network, "average": average}, optimiser, arguments)
    place = state.resume()
    steps = math.ceil(len(training) / schedule.batch)
    while place.epoch < schedule.epochs:
        order = np.random.default_rng([schedule.seed, place.epoch]).permutation(len(training))
        bar = tqdm(
            np.array_split(order, steps),
            desc=f"epoch {place.epoch + 1}/{schedule.epochs}",
            unit="step",
            disable=True if quiet else None,
        )
        network.train()
        saved = time.monotonic()
        with bar, Ending() as ending:
            for done, rows in enumerate(bar):
                if done < place.step:
                    continue
                losses = _losses(task, [training[int(row)] for row in rows], schedule, place.epoch, done)
                for name, loss in losses.items():
                    expect_number(f"loss {name}", loss, place.epoch, done, out)
                if losses:
                    norm = _gradient(network, optimiser, losses)
                    expect_number("norm of the gradient", norm, place.epoch, done, out)
                    set_rate(optimiser, schedule.rate_at((place.epoch + done / steps) / schedule.epochs))
                    optimiser.step()
                    average.update_parameters(network)
                for name, loss in losses.items():
                    place.losses[name] = place.losses.get(name, 0.0) + loss.item() / steps
                place.step = done + 1
                if time.monotonic() - saved >= schedule.save_every and place.step < steps:
                    state.save(place)
                    saved = time.monotonic()
                if ending.asked:
                    break
        if ending.asked:
            stop(state, place, out, quiet)
        with kept_if_stopped(state, place, out, quiet):
            scores = task.scores(average.module.eval(), validation)
        row = {"epoch": place.epoch + 1, "loss": sum(place.losses.values()), **place.losses, **scores}
        score = next(iter(scores.values()))
        if score > place.best:
            place.best = score
            description = {
                **task.describe(),
                "schedule": schedule.to_json(),
                "epoch": place.epoch + 1,
                "losses": place.losses,
                "validation": {"photos": len(validation), **scores},
                **about,
            }
            write_checkpoint(out / "best.safetensors", average.module.state_dict(), description, half=True)
        if not quiet:
            tqdm.write(", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        place.rows.append(row)
        place.epoch, place.step, place.losses = place.epoch + 1, 0, {}
        state.save(place)
        measure = next(iter(scores))
        write_curve(out, place.rows, f"{task.describe()['model']}: validation {measure} by epoch", measure)
    return out / "best.safetensors"


def _losses(
    task: SceneTask, scenes: Sequence[Scene], schedule: SceneSchedule, epoch: int, step: int
) -> Mapping[str, Tensor]:
    """The losses of one step; its chance depends on its place alone, so that a resumed run goes on as an unbroken one."""
    chance = np.random.default_rng([schedule.seed, epoch, step])
    torch.manual_seed(int(chance.integers(2**62)))
    views = [
        view(
            scene,
            task.skeleton,
            canvas=task.canvas,
            masks=task.masks,
            variation=schedule.variation,
            chance=chance,
        )
        for scene in scenes
    ]
    return task.losses([v for v in views if len(v.boxes)])


def _gradient(network: nn.Module, optimiser: torch.optim.Optimizer, losses: Mapping[str, Tensor]) -> Tensor:
    """Gives each weight the gradient of the sum of the losses, clipped; returns its norm before that."""
    total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    return torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
