"""Training the refining stages of DeepPose, one after another, on squares displaced as the stage before displaces them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.files import atomic_write
from labeltool.models.cascade import RefinerConfig, RefiningStage, View
from labeltool.models.deeppose import CROP_SIZE, DeepPose, DeepPoseConfig, DeepPoseNetwork, certainty, load, refiners_of
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import (
    CPU,
    Checkpoint,
    device_of,
    expect_model,
    load_into,
    read_checkpoint,
    write_checkpoint,
)
from labeltool.skeleton import Skeleton
from labeltool.training.augment import PLAIN, batch
from labeltool.training.calibration import fit_logistic
from labeltool.training.deeppose import DeepPoseTask, cell_loss, initialise, loss
from labeltool.training.loop import Schedule, detection_rate, fit, torso_ends
from labeltool.training.measuring import RIGHT_WITHIN
from labeltool.training.samples import Part, Samples
from labeltool.training.squares import ObservedErrors, Squares, draw_squares

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
        joints: of each person, so many random joints a step.
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
    parts: Sequence[Part] = (),
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    quiet: bool = False,
) -> Path:
    """Trains DeepPose stage by stage and returns the path of the checkpoint with all of them, `best.safetensors`.

    Stage s is trained in the folder `stage<s>` of `out`, from the best checkpoint of the stage before. A run that was stopped
    goes on in the stage, and at the step, where it was.

    Args:
        out: folder of the run.
        config: of stage 1.
        refiners: of stages 2, 3, ...; none for stage 1 alone.
        training: the people to learn from.
        validation: the people to choose each stage's best epoch by.
        schedule: of every stage.
        init: weights to start from: a backbone's, or DeepPose's, of which refining stages of the same make are taken too.
        from_stage: the first stage to train; those before it are taken from `init` as they are.
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
    if from_stage == 1:
        network = DeepPoseNetwork(config)
        if init is not None:
            initialise(network, init)
        run = out / "stage1"
        fit(
            run,
            DeepPoseTask(network, config),
            training,
            validation,
            schedule,
            parts=parts,
            version=version,
            about=about,
            device=device,
            quiet=quiet,
        )
        before = read_checkpoint(run / "best.safetensors")
    elif init is None:
        raise ModelError(f"first stage to train is {from_stage}, expected the stages before it by --init CHECKPOINT")
    else:
        before, run = init, out
    for stage in range(max(from_stage, 2), len(refiners) + 2):
        network = with_new_stage(before, config, refiners[: stage - 1], schedule.seed, like=init).to(device)
        errors = observe(network, config, training, schedule, _OBSERVED_PEOPLE)
        task = RefineTask(network, config, errors)
        earlier = detection_rate(task, network.after(stage - 1), validation)
        told = {
            **(about or {}),
            "observed_errors": errors.to_json(config.skeleton),
            "validation_before": {"stage": stage - 1, "pdj@0.2": earlier},
        }
        run = out / f"stage{stage}"
        fit(
            run,
            task,
            training,
            validation,
            replace(schedule, seed=schedule.seed + stage),
            parts=parts,
            version=version,
            about=told,
            device=device,
            quiet=quiet,
        )
        before = read_checkpoint(run / "best.safetensors")
        gained = before.description["validation"]["pdj@0.2"] - earlier
        if not quiet:
            advice = (
                "" if gained > 0 else f"; more --epochs may help, {run.parent}/stage{stage - 1} holds the stage before"
            )
            tqdm.write(f"stage {stage}: validation PDJ@0.2 {earlier:.4f} {gained:+.4f}{advice}")
    for name in ("best.safetensors", "curve.csv", "curve.svg"):
        copy(run / name, out / name)
    return out / "best.safetensors"


def copy(source: Path, target: Path) -> None:
    """Copies a file in one piece.

    Raises:
        ModelError: it cannot be read or written.
    """
    try:
        with atomic_write(target) as file:
            file.write(source.read_bytes())
    except OSError as error:
        raise ModelError(f"{target}: cannot be written: {error.strerror or error}") from None


def with_new_stage(
    before: Checkpoint,
    config: DeepPoseConfig,
    refiners: Sequence[RefinerConfig],
    seed: int,
    *,
    like: Checkpoint | None = None,
) -> DeepPoseNetwork:
    """The network of a checkpoint with one more stage, the last of `refiners`, that is to be learnt.

    The new stage starts from the same one of `like`, when that has one of the same make, else from the refining stage before it,
    when that differs in sigma alone, else by chance.

    Raises:
        ModelError: the checkpoint is of another network, or has not just the stages before that one.
    """
    expect_model(before, DeepPose.name)
    theirs = DeepPoseConfig.from_json(before.description.get("config", {}))
    like_this = replace(
        theirs, skeleton=config.skeleton, slope=config.slope, offsets=config.offsets, unlearnt=config.unlearnt
    )
    if theirs.skeleton.joints != config.skeleton.joints or like_this != config:
        raise ModelError(
            f"{before.path}: stage 1 is {theirs.backbone} for {theirs.skeleton.name}, "
            f"expected {config.backbone} for {config.skeleton.name}, with the same sizes"
        )
    kept = refiners_of(before)[: len(refiners) - 1]
    if kept != list(refiners[:-1]):
        raise ModelError(
            f"{before.path}: holds {1 + len(kept)} stages, expected the {len(refiners)} before the one to train"
            " with the same settings"
        )
    torch.manual_seed(seed)
    network = DeepPoseNetwork(config, refiners)
    new = f"stages.{len(refiners) - 1}."
    start = {name: t for name, t in network.state_dict().items() if name.startswith(new)}
    if like is not None and refiners_of(like)[len(refiners) - 1 : len(refiners)] == [refiners[-1]]:
        start = {name: t for name, t in like.tensors.items() if name.startswith(new)}
    elif len(refiners) > 1 and replace(refiners[-2], sigma=refiners[-1].sigma) == refiners[-1]:
        last = f"stages.{len(refiners) - 2}."
        start = {new + name.removeprefix(last): t for name, t in before.tensors.items() if name.startswith(last)}
    later = tuple(f"stages.{i}." for i in range(len(refiners) - 1, 1 + len(refiners_of(before))))
    taken = {name: t for name, t in before.tensors.items() if not name.startswith(later)}
    load_into(network, {**taken, **start}, str(before.path))
    network.learn_last_stage()
    return network


def calibrate_deeppose(path: Path, samples: Samples) -> None:
    """Fits the confidence of a DeepPose checkpoint on people that were not trained on, and writes it into its description.

    A joint is right when it lies within 0.2 of the labelled torso's diameter; people without a torso do not count.

    Raises:
        ModelError: the checkpoint is damaged or cannot be written, or nobody has the torso's ends labelled.
    """
    model = load(path, "cpu")
    a, b = torso_ends(model.skeleton, samples)
    found = []
    for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
        views, target, labelled = batch(
            samples,
            rows,
            model.skeleton,
            size=model.size,
            padding=model.config.padding,
            augmentation=PLAIN,
            generator=torch.Generator(),
        )
        with torch.inference_mode(), autocast(views.device):
            joints, log_error = model.network(to_input(views, model.config))
        x = certainty(joints.double().numpy(), log_error.double().numpy(), model.skeleton)
        torso = (target[:, a] - target[:, b]).norm(dim=1)
        right = (joints - target).norm(dim=2) <= RIGHT_WITHIN * torso[:, None]
        counted = labelled & (labelled[:, a] & labelled[:, b])[:, None]
        found.append((x, right.numpy(), counted.numpy()))
    fitted = fit_logistic(*(np.concatenate(part) for part in zip(*found, strict=True)))
    config = replace(model.config, slope=fitted.slopes[0], offsets=fitted.offsets)
    checkpoint = read_checkpoint(path)
    write_checkpoint(path, checkpoint.tensors, {**checkpoint.description, "config": config.to_json()}, half=True)
