"""Training the refining stages of DeepPose, one after another, on squares displaced as the stage before displaces them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.models.backbones import published_backbone
from labeltool.models.cascade import Refiner, RefinerConfig, RefiningStage, View
from labeltool.models.deeppose import CROP_SIZE, DeepPose, DeepPoseConfig, DeepPoseNetwork, refiners_of
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import (
    CPU,
    Checkpoint,
    add_description,
    device_of,
    expect_model,
    load_into,
    read_checkpoint,
)
from labeltool.skeleton import Skeleton
from labeltool.training.augment import batch
from labeltool.training.cascade_record import Before, bytes_of, gained, write_curves
from labeltool.training.deeppose import DeepPoseTask, cell_loss, initialise, loss
from labeltool.training.loop import Schedule, Task, detection_rate, fit
from labeltool.training.samples import Part, Samples
from labeltool.training.squares import ObservedErrors, Squares, draw_squares
from labeltool.training.writing import put

#: Weight of the published loss beside the cross-entropy of the cells.
_MSE_WEIGHT = 20.0

#: Standard deviation, in cells, of the Gaussian that the cells are held against.
_SPREAD = 0.8

#: So many training people tell how far off the stage before is.
_OBSERVED_PEOPLE = 2000


def stage_loss(stage: RefiningStage, view: View, squares: Squares, pose: Tensor) -> tuple[Tensor, Tensor]:
    """What is minimised, and the published loss alone: the mean squared error of the displacements of labelled joints."""
    displacement, log_error, cells = stage(view, squares.centre, squares.side, squares.joint, pose)
    mse, likelihood = loss(displacement, log_error, squares.wanted, squares.counted)
    return _MSE_WEIGHT * mse + likelihood + cell_loss(cells, squares.wanted, squares.counted, _SPREAD), mse


@dataclass(frozen=True)
class RefineTask:
    """The last stage of a network as `labeltool.training.loop.fit` trains it; the stages before stay as they are.

    Attributes:
        network: with the stage to learn as its last.
        config: of stage 1.
        errors: of the stage before.
        joints_a_step: of each person, so many random joints a step.
        own: see `draw_squares`.
    """

    network: DeepPoseNetwork
    config: DeepPoseConfig
    errors: ObservedErrors
    joints_a_step: int = 6
    own: float = 0.5

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""
        return self.config.skeleton

    @property
    def size(self) -> int:
        """The side of the crops, pixels."""
        return CROP_SIZE * self.network.zoom

    @property
    def padding(self) -> float:
        """The crop's side over the longer side of the person's box."""
        return self.config.padding

    def objective(
        self, views: Tensor, target: Tensor, labelled: Tensor, taught: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The loss of the stage, and the published one to log."""
        with autocast(views.device):
            crops = to_input(views, self.config)
            view, pose = estimate_before(self.network, crops)
            stage = self.network.last_stage
            squares = draw_squares(stage, self.errors, pose, target, labelled, joints=self.joints_a_step, own=self.own)
            return stage_loss(stage, view, squares, pose)

    def joints(self, network: nn.Module, views: Tensor) -> Tensor:
        """The joints (B, K, 2) after the last stage."""
        with autocast(views.device):
            joints: Tensor = network(to_input(views, self.config))[0]
        return joints

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return describe(self.config, [stage.config for stage in self.network.refining])


def describe(config: DeepPoseConfig, refiners: Sequence[RefinerConfig]) -> dict[str, Any]:
    """What a checkpoint says of its network: `model`, `config` of stage 1, `stages` after it."""
    return {"model": DeepPose.name, "config": config.to_json(), "stages": [r.to_json() for r in refiners]}


def estimate_before(network: DeepPoseNetwork, crops: Tensor) -> tuple[View, Tensor]:
    """What the last stage may look at, and the estimate (B, K, 2) it starts from; no gradient."""
    with torch.no_grad():
        seen = network.first(crops)
        view, pose = View(crops, seen.maps), seen.joints
        for stage in network.refining[:-1]:
            pose, _ = stage.refine(view, pose)
    return view, pose


def observe(
    network: DeepPoseNetwork, config: DeepPoseConfig, samples: Samples, schedule: Schedule, people: int
) -> ObservedErrors:
    """The errors that the stages before the last make on training people, seen as in training.

    Args:
        network: with the stage to learn as its last.
        config: of stage 1.
        samples: training people.
        schedule: its seed and augmentation.
        people: so many of them, by chance.
    """
    chance = torch.Generator().manual_seed(schedule.seed + 77_003)
    rows = torch.randperm(len(samples), generator=chance)[:people]
    network.eval()
    device = device_of(network)
    parts = []
    for some in rows.split(32):  # type: ignore[no-untyped-call]
        views, target, labelled = batch(
            samples,
            some,
            config.skeleton,
            size=CROP_SIZE * network.zoom,
            padding=config.padding,
            augmentation=schedule.augmentation,
            generator=chance,
        )
        with autocast(device):
            _, pose = estimate_before(network, to_input(views.to(device), config))
        parts.append((pose.cpu(), target, labelled))
    pose, target, labelled = (torch.cat(p) for p in zip(*parts, strict=True))
    return ObservedErrors.of(pose, target, labelled, config.skeleton)


@dataclass(frozen=True)
class StageSchedule(Schedule):
    """The schedule of one of several stages: its chance differs from that of the others.

    Attributes:
        run_seed: the seed of them all, which is the one that it tells.
    """

    run_seed: int = 0

    @classmethod
    def of(cls, schedule: Schedule, stage: int) -> Self:
        """The schedule of a stage of a run with that schedule."""
        plain = {field.name: getattr(schedule, field.name) for field in fields(Schedule)}
        return cls(**{**plain, "seed": (schedule.seed + stage) % 2**63}, run_seed=schedule.seed)

    def to_json(self) -> dict[str, Any]:
        """As `Schedule.to_json`, with the seed of all stages."""
        plain = super().to_json()
        plain["seed"] = plain.pop("run_seed")
        return plain


def stand_before(
    run: Path,
    network: DeepPoseNetwork,
    config: DeepPoseConfig,
    training: Samples,
    validation: Samples,
    schedule: Schedule,
) -> Before:
    """What stands before the last stage of a network is trained, measured once in the folder of its run.

    A stage that goes on, even with another number of threads, learns from the errors that it began with.
    """
    kept = run / "before.safetensors"
    if kept.exists() and (run / "state.json").exists():
        return Before.read(kept)
    errors = observe(network, config, training, schedule, _OBSERVED_PEOPLE)
    earlier = network.after(len(network.stages))
    before = Before(errors, detection_rate(RefineTask(network, config, errors), earlier, validation))
    before.write(kept)
    return before


class _Learn(Protocol):
    """`labeltool.training.loop.fit` on the data of a run."""

    def __call__(self, out: Path, task: Task, *, schedule: Schedule) -> Path: ...


def train_cascade(
    out: Path,
    config: DeepPoseConfig,
    refiners: Sequence[RefinerConfig],
    training: Samples,
    validation: Samples,
    schedule: Schedule,
    *,
    init: Checkpoint | None = None,
    from_stage: int = 1,
    pretrained: bool = False,
    parts: Sequence[Part] = (),
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    quiet: bool = False,
) -> Path:
    """Trains DeepPose stage by stage and returns the path of the checkpoint with all of them, `best.safetensors`.

    Stage s is trained in the folder `stage<s>` of `out`, from the best checkpoint of the stage before. A run that was stopped
    goes on in the stage, and at the step, where it was. `curve.csv` and `curve.svg` show the epochs of all stages trained here;
    the checkpoint's description has a row for each stage (`cascade`) and the errors that the last one began with
    (`observed_errors`).

    Args:
        out: folder of the run.
        config: of stage 1.
        refiners: of stages 2, 3, ...; none for stage 1 alone.
        training: the people to learn from.
        validation: the people to choose each stage's best epoch by.
        schedule: of every stage.
        init: weights to start from: a backbone's, or DeepPose's, of which refining stages of the same make are taken too.
        from_stage: the first stage to train; those before it are taken from `init` as they are.
        pretrained: the backbones of stages that look at the photo start from their published weights, unless the stage starts
            from another (see `with_new_stage`).
        parts: see `labeltool.training.loop.fit`.
        version: written into the checkpoint.
        about: more to write into the checkpoint's description.
        device: to train on.
        quiet: show no progress bars.

    Raises:
        ModelError: `init` does not hold the stages before `from_stage`, or as `labeltool.training.loop.fit`.
    """
    if not 1 <= from_stage <= len(refiners) + 1:
        raise ModelError(f"first stage to train is {from_stage}, expected 1 to {len(refiners) + 1}")
    learn: _Learn = partial(
        fit,
        training=training,
        validation=validation,
        parts=parts,
        version=version,
        about=about,
        device=device,
        quiet=quiet,
    )
    rows = [_row(stage, refiners) for stage in range(1, from_stage)]
    runs = {stage: out / f"stage{stage}" for stage in range(from_stage, len(refiners) + 2)}
    if from_stage == 1:
        before = _first_stage(runs[1], config, init, schedule, learn)
        rows.append(_row(1, refiners, before))
    elif init is None:
        raise ModelError(f"first stage to train is {from_stage}, expected the stages before it by --init CHECKPOINT")
    else:
        before = init
    for stage in range(max(from_stage, 2), len(refiners) + 2):
        network = with_new_stage(
            before, config, refiners[: stage - 1], schedule.seed, like=init, pretrained=pretrained
        ).to(device)
        stand = stand_before(runs[stage], network, config, training, validation, schedule)
        task = RefineTask(network, config, stand.errors)
        best = learn(runs[stage], task, schedule=StageSchedule.of(schedule, stage))
        rows[-1].setdefault("after", stand.score)
        rows.append(_row(stage, refiners, read_checkpoint(best), stand))
        before = add_description(
            best,
            {
                "observed_errors": stand.errors.to_json(config.skeleton),
                "validation_before": {"stage": stage - 1, "pdj@0.2": stand.score},
                "cascade": list(rows),
            },
        )
        if not quiet:
            tqdm.write(gained(stage, stand.score, before, out))
    put(out / "best.safetensors", bytes_of(before.path))
    write_curves(out, runs, len(validation))
    return out / "best.safetensors"


def _first_stage(
    run: Path, config: DeepPoseConfig, init: Checkpoint | None, schedule: Schedule, learn: _Learn
) -> Checkpoint:
    """Stage 1, trained."""
    network = DeepPoseNetwork(config)
    if init is not None:
        initialise(network, init)
    return read_checkpoint(learn(run, DeepPoseTask(network, config), schedule=schedule))


def _row(
    stage: int, refiners: Sequence[RefinerConfig], trained: Checkpoint | None = None, before: Before | None = None
) -> dict[str, Any]:
    """What a description tells of a stage: its number, the side in pixels of what goes through its backbone, and of one that was
    trained here its epochs, the best of them, the errors before it and PDJ at 0.2 before and after it.
    """
    photo = stage > 1 and refiners[stage - 2].source == "photo"
    row: dict[str, Any] = {"stage": stage, "side": refiners[stage - 2].tile if photo else CROP_SIZE}
    if trained is not None:
        told = trained.description
        row |= {"epochs": told["schedule"]["epochs"], "epoch": told["epoch"], "after": told["validation"]["pdj@0.2"]}
    if before is not None:
        row |= {"errors": round(before.spread(), 4), "before": before.score}
    return row


def with_new_stage(
    before: Checkpoint,
    config: DeepPoseConfig,
    refiners: Sequence[RefinerConfig],
    seed: int,
    *,
    like: Checkpoint | None = None,
    pretrained: bool = False,
) -> DeepPoseNetwork:
    """The network of a checkpoint with one more stage, the last of `refiners`, that is to be learnt.

    The new stage starts from the same one of `like`, when that has one of the same make, else from the refining stage before it,
    when that differs in sigma alone, else by chance; then, if it looks at the photo and `pretrained` is asked for, its backbones
    start from their published weights. They see photos normalised as stage 1 sees them.

    Raises:
        ModelError: the checkpoint is of another network, or has not just the stages before that one; or as `published_backbone`.
    """
    expect_model(before, DeepPose.name)
    _expect_kept(before, config, refiners[:-1])
    torch.manual_seed(seed)
    network = DeepPoseNetwork(config, refiners)
    new = f"stages.{len(refiners) - 1}."
    start: dict[str, Tensor] = {}
    if like is not None and refiners_of(like)[len(refiners) - 1 : len(refiners)] == [refiners[-1]]:
        start = {name: t for name, t in like.tensors.items() if name.startswith(new)}
    elif len(refiners) > 1 and replace(refiners[-2], sigma=refiners[-1].sigma) == refiners[-1]:
        last = f"stages.{len(refiners) - 2}."
        start = {new + name.removeprefix(last): t for name, t in before.tensors.items() if name.startswith(last)}
    else:
        if pretrained and refiners[-1].source == "photo":
            _take_published(network.last_stage)
        start = {name: t for name, t in network.state_dict().items() if name.startswith(new)}
    later = tuple(f"stages.{i}." for i in range(len(refiners) - 1, 1 + len(refiners_of(before))))
    taken = {name: t for name, t in before.tensors.items() if not name.startswith(later)}
    load_into(network, {**taken, **start}, str(before.path))
    network.learn_last_stage()
    return network


def _take_published(stage: RefiningStage) -> None:
    """Puts the published weights of a stage's backbone into each of its looks at the photo."""
    published = published_backbone(stage.config.backbone)
    for network in stage.networks:
        initialise(cast("Refiner", network).look, published)


def _expect_kept(before: Checkpoint, config: DeepPoseConfig, refiners: Sequence[RefinerConfig]) -> None:
    """Checks that a checkpoint has stage 1, and the refining stages, that a stage is to be added to.

    Raises:
        ModelError: one is missing, or differs; the message names the first difference.
    """
    theirs = DeepPoseConfig.from_json(before.description.get("config", {}))
    if theirs.skeleton.joints != config.skeleton.joints:
        raise ModelError(
            f"{before.path}: stage 1 is for {len(theirs.skeleton)} joints of {theirs.skeleton.name}, expected the"
            f" {len(config.skeleton)} of {config.skeleton.name}"
        )
    # what stage 1 is told anew by each training
    same = replace(
        theirs, skeleton=config.skeleton, slope=config.slope, offsets=config.offsets, unlearnt=config.unlearnt
    )
    kept = refiners_of(before)
    if len(kept) < len(refiners):
        raise ModelError(
            f"{before.path}: holds {_stages(1 + len(kept))}, expected the {1 + len(refiners)} before the one to train"
        )
    pairs: list[tuple[Any, Any]] = [(same, config), *zip(kept, refiners, strict=False)]
    for stage, (was, asked) in enumerate(pairs, start=1):
        for field in fields(was):
            value, wanted = getattr(was, field.name), getattr(asked, field.name)
            if value != wanted:
                raise ModelError(
                    f"{before.path}: {field.name} of stage {stage} is {value}, asked for is {wanted}; expected the same of a"
                    " stage that is kept"
                )


def _stages(count: int) -> str:
    return f"{count} stage{'' if count == 1 else 's'}"
