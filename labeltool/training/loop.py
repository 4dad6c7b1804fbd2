"""The training loop of top-down models: one cycle of the learning rate, averaged weights, checkpoints, resume."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.models.weights import CPU, device_of, write_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.augment import PLAIN, Augmentation, batch
from labeltool.training.average import averaged
from labeltool.training.curve import write_curve
from labeltool.training.depthwise import QuickDepthwise
from labeltool.training.guards import Ending, expect_number, expect_seed, kept_if_stopped, stop
from labeltool.training.pace import optimiser_of, set_rate
from labeltool.training.samples import Part, Samples, people_of_epoch, taught
from labeltool.training.state import State


@dataclass(frozen=True)
class Stage:
    """A part of a run: so many epochs on crops of one size.

    Attributes:
        epochs: passes over the training people.
        size: the side of the crops in pixels; None for the model's own.
    """

    epochs: int
    size: int | None = None


def read_stages(text: str) -> tuple[Stage, ...]:
    """The stages in a text such as `8@128,4@192`.

    Raises:
        ModelError: it is written otherwise.
    """
    stages = []
    for part in text.split(","):
        match = re.fullmatch(r"([1-9]\d*)@([1-9]\d*)", part.strip())
        if match is None:
            raise ModelError(f"stages {text!r}: {part!r}, expected epochs@side such as 8@128")
        stages.append(Stage(int(match[1]), int(match[2])))
    return tuple(stages)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training people.
        batch: people a step.
        rate: the highest learning rate of the cycle.
        decay: AdamW's weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        seed: of every random choice; 0 or more.
        augmentation: how training views vary.
        stages: sizes of the crops by epoch, their epochs adding up to `epochs`; empty for the model's own size throughout. A
            fully convolutional model learns most of what it knows on small crops, which cost less.
        save_every: seconds after which the state is saved in the middle of an epoch.

    Raises:
        ModelError: the stages do not add up to the epochs, or the seed is none that torch takes.
    """

    epochs: int = 12
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.995
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    stages: tuple[Stage, ...] = ()
    save_every: float = 120.0

    def __post_init__(self) -> None:
        expect_seed(self.seed)
        total = sum(stage.epochs for stage in self.stages)
        if self.stages and total != self.epochs:
            raise ModelError(f"schedule: stages of {total} epochs, expected {self.epochs} together")

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the run: up on a line for the first 15 %, then down a cosine to 0."""
        if progress < 0.15:
            return self.rate * (0.04 + 0.96 * progress / 0.15)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - 0.15) / 0.85))

    def size_at(self, epoch: int, own: int) -> int:
        """The side of the crops in an epoch (from 0); `own` is the model's own."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return own if stage.size is None else stage.size
            epoch -= stage.epochs
        return own

    def to_json(self) -> dict[str, Any]:
        """What decides the weights that come out, for the checkpoint's description and for telling runs apart."""
        plain = asdict(self)
        del plain["save_every"]
        plain["stages"] = [list(asdict(stage).values()) for stage in self.stages]
        return plain


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

    def objective(
        self, views: Tensor, target: Tensor, labelled: Tensor, taught: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What is minimised, and the loss to log.

        Args:
            views: (B, 3, size, size) photo values 0..255.
            target: (B, K, 2) joints, normalised by the view.
            labelled: (B, K) bool.
            taught: (B,) bool, whom the task's teacher teaches beside the labels; of no account where it has none.
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
    parts: Sequence[Part] = (),
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    quiet: bool = False,
) -> Path:
    """Trains a task's network and returns the path of its best checkpoint, `best.safetensors`.

    The whole state is saved in `out` after every epoch and every `schedule.save_every` seconds. A run that was stopped in
    whatever way goes on from there when it is started again with the same arguments, to the same weights as one that was not:
    every random choice is a function of the seed, the epoch and the step. `curve.csv` and `curve.svg` show the epochs.

    Args:
        out: folder for checkpoints and the curve; made when missing.
        task: what to train.
        training: the people to learn from.
        validation: the people to choose the best epoch by (PDJ at 0.2).
        schedule: how to train.
        parts: sources that `training` was joined of, when of some only a few people by chance are to be taken each epoch.
        version: written into the checkpoint.
        about: more to write into the checkpoint's description (data, hashes, licence).
        device: to train on.
        quiet: show no progress bars.

    Raises:
        ModelError: the loss or its gradient is no longer a number, nothing to measure PDJ by, the folder holds a run with other
            arguments or a damaged one, or it cannot be written.
        KeyboardInterrupt: by Ctrl+C, or SIGTERM where that does the same; in the middle of an epoch the step on its way is done
            and the state saved.
    """
    task.network.to(device)
    run = _Run(out, task, training, validation, schedule, parts, {"version": version, **(about or {})}, quiet)
    for epoch in range(run.place.epoch, schedule.epochs):
        run.train(epoch)
        run.close(epoch)
    return out / "best.safetensors"


class _Run:
    """A training on its way."""

    def __init__(
        self,
        out: Path,
        task: Task,
        training: Samples,
        validation: Samples,
        schedule: Schedule,
        parts: Sequence[Part],
        about: Mapping[str, Any],
        quiet: bool,
    ) -> None:
        self.out, self.task, self.schedule, self.about, self.quiet = out, task, schedule, about, quiet
        self.training, self.validation, self.parts = training, validation, parts
        self.taught = taught(len(training), parts)
        torso_ends(task.skeleton, validation)
        self.network = task.network.to(memory_format=torch.channels_last)
        self.device = device_of(self.network)
        self.average = averaged(self.network, schedule.average)
        self.optimiser = optimiser_of(self.network, schedule.rate, schedule.decay)
        arguments = {**task.describe(), "schedule": schedule.to_json(), **about}
        self.state = State(out, {"network": self.network, "average": self.average}, self.optimiser, arguments)
        self.place = self.state.resume()

    def train(self, epoch: int) -> None:
        """The steps of an epoch that are not done yet."""
        rows = people_of_epoch(len(self.training), self.parts, chance_of(self.schedule.seed, epoch))
        # steps of as many people, within one: a last step of one person would have no batch statistics
        steps = rows.tensor_split(math.ceil(len(rows) / self.schedule.batch))
        self.network.train()
        saved = time.monotonic()
        bar = tqdm(
            total=len(steps),
            initial=self.place.step,
            desc=f"epoch {epoch + 1}/{self.schedule.epochs}",
            unit="step",
            disable=True if self.quiet else None,
        )
        with bar, Ending() as ending:
            for step in range(self.place.step, len(steps)):
                progress = (epoch + step / len(steps)) / self.schedule.epochs
                loss = self._step(epoch, step, steps[step], self.schedule.rate_at(progress))
                self.place.losses["loss"] = self.place.losses.get("loss", 0.0) + loss / len(steps)
                self.place.step = step + 1
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                if time.monotonic() - saved >= self.schedule.save_every and step + 1 < len(steps):
                    self.state.save(self.place)
                    saved = time.monotonic()
                if ending.asked:
                    break
        if ending.asked:
            stop(self.state, self.place, self.out, self.quiet)

    def close(self, epoch: int) -> None:
        """The end of an epoch: measure, keep the best, write the curve and the state."""
        size = self.schedule.size_at(epoch, self.task.size)
        network = self.average.module
        # the best epoch is chosen at the model's own size, which is what it will be used at
        with kept_if_stopped(self.state, self.place, self.out, self.quiet):
            score = detection_rate(self.task, network, self.validation)
        loss = self.place.losses["loss"]
        self.place.rows.append({"epoch": epoch + 1, "size": size, "loss": loss, "pdj@0.2": score})
        title = f"{self.task.describe()['model']}: validation PDJ@0.2 of {len(self.validation)} people by epoch"
        if score > self.place.best:
            self.place.best = score
            description = {
                **self.task.describe(),
                "schedule": self.schedule.to_json(),
                "epoch": epoch + 1,
                "validation": {"people": len(self.validation), "pdj@0.2": score},
                **self.about,
            }
            write_checkpoint(self.out / "best.safetensors", network.state_dict(), description, half=True)
        self.place.epoch, self.place.step, self.place.losses = epoch + 1, 0, {}
        self.state.save(self.place)
        write_curve(self.out, self.place.rows, title, "pdj@0.2")
        if not self.quiet:
            tqdm.write(f"epoch {epoch + 1}: crops of {size} px, loss {loss:.5f}, validation PDJ@0.2 {score:.4f}")

    def _step(self, epoch: int, step: int, rows: Tensor, rate: float) -> float:
        chance = chance_of(self.schedule.seed, epoch, step + 1)
        torch.manual_seed(chance.initial_seed())
        views, target, labelled = batch(
            self.training,
            rows,
            self.task.skeleton,
            size=self.schedule.size_at(epoch, self.task.size),
            padding=self.task.padding,
            augmentation=self.schedule.augmentation,
            generator=chance,
        )
        device = self.device
        with QuickDepthwise():
            objective, loss = self.task.objective(
                views.to(device), target.to(device), labelled.to(device), self.taught[rows].to(device)
            )
        expect_number("loss", objective, epoch, step, self.out)
        self.optimiser.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        expect_number("norm of the gradient", norm, epoch, step, self.out)
        set_rate(self.optimiser, rate)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return float(loss.item())


def chance_of(seed: int, epoch: int, step: int = 0) -> torch.Generator:
    """Chance that depends on nothing but the seed, the epoch and the step (0 for the epoch's own), in torch's 64 bits."""
    return torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 10_000_019 + step) % 2**64)


def torso_ends(skeleton: Skeleton, samples: Samples) -> tuple[int, int]:
    """The indices of the torso's ends, when PDJ can be measured.

    Raises:
        ModelError: the skeleton has no torso ends, or nobody has both of them labelled.
    """
    if skeleton.torso is None:
        raise ModelError(f"skeleton {skeleton.name!r}: no torso ends, expected them to measure PDJ")
    a, b = (skeleton.index(joint) for joint in skeleton.torso)
    if not ((samples.v[:, a] > 0) & (samples.v[:, b] > 0)).any():
        raise ModelError(
            f"validation: nobody of {len(samples)} people has both {' and '.join(skeleton.torso)} labelled,"
            " expected at least one to measure PDJ"
        )
    return a, b


def detection_rate(task: Task, network: nn.Module, samples: Samples, threshold: float = 0.2) -> float:
    """PDJ at a threshold over people whose torso ends are labelled, plain crops, as a share of their labelled joints.

    Raises:
        ModelError: the skeleton has no torso ends, or nobody has both of them labelled.
    """
    a, b = torso_ends(task.skeleton, samples)
    network.eval()
    device = device_of(network)
    detected = counted = 0
    for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
        views, target, labelled = plain_views(task, samples, rows)
        with torch.inference_mode():
            joints = task.joints(network, views.to(device)).cpu()
        torso = (target[:, a] - target[:, b]).norm(dim=1)
        whole = labelled[:, a] & labelled[:, b]
        hit = (joints - target).norm(dim=2) <= threshold * torso[:, None]
        detected += int((hit & labelled)[whole].sum())
        counted += int(labelled[whole].sum())
    return detected / max(counted, 1)


def plain_views(task: Task, samples: Samples, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The crops of people as the model would get them, with joints and labelled (see `labeltool.training.augment.batch`)."""
    return batch(
        samples,
        rows,
        task.skeleton,
        size=task.size,
        padding=task.padding,
        augmentation=PLAIN,
        generator=torch.Generator(),
    )
