"""The commands that train models, one a model, with the options that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labeltool.cli.common import PATH, FiniteRange, open_project
from labeltool.cli.filling import end_with, fill
from labeltool.errors import ModelError

if TYPE_CHECKING:
    from labeltool.training.sources import Source
    from labeltool.training.versions import NextVersion

#: Stands for the photos of a project, which knows its own.
_OWN_PHOTOS = "-"

#: What `--init` says to start from a project's current version.
_CURRENT = "current"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Asked:
    """The options that every training takes."""

    out: Path | None
    sources: Sequence[tuple[Path, Path]]
    validation: int | None
    init: str | None
    skeleton: str | None
    epochs: int | None
    rate: float | None
    batch: int | None
    device: str
    seed: int
    version: str | None
    licence: str
    no_prefill: bool


def _is_project(path: str | Path) -> bool:
    return (Path(path) / "project.toml").is_file()


def _data_of(args: Sequence[str]) -> Path | None:
    """What the first `--data` names."""
    for place, argument in enumerate(args):
        if argument == "--data" and place + 1 < len(args):
            return Path(args[place + 1])
        if argument.startswith("--data="):
            return Path(argument.removeprefix("--data="))
    return None


class _TrainGroup(click.Group):
    """`labeltool train MODEL ...`, and `labeltool train --data P ...` of the model that the project has."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments with the name of a model."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = [_usual_model(_data_of(args)), *args]
        return super().parse_args(ctx, args)


def _usual_model(data: Path | None) -> str:
    """The kind of a project's current version; without one the model that pre-fills."""
    from labeltool.models.catalog import default_model

    if data is not None and _is_project(data):
        from labeltool.project.versions import current_version

        version = current_version(data)
        if version is not None:
            return version.model
    return default_model()


class _TrainCommand(click.Command):
    """`--data FILE PHOTOS`, and `--data P` with a project's folder alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments with a stand-in for the photos of projects."""
        filled: list[str] = []
        for place, argument in enumerate(args):
            filled.append(argument)
            named = argument.removeprefix("--data=") if argument.startswith("--data=") else None
            if place > 0 and args[place - 1] == "--data":
                named = argument
            if named is None:
                continue
            if _is_project(named):
                filled.append(_OWN_PHOTOS)
            elif not args[place + 1 :] or args[place + 1].startswith("--"):
                raise click.UsageError(
                    f"--data {named}: no project (it has no project.toml), expected one, or a file of labels and the folder of "
                    "its photos",
                    ctx,
                )
        return super().parse_args(ctx, filled)


def _shared(*, epochs: int, rate: float, batch: int, unit: str) -> Callable[[Command], Command]:
    """The options of every training, with what a model takes where nothing is asked for."""
    options = (
        click.option(
            "--data",
            "sources",
            required=True,
            multiple=True,
            nargs=2,
            type=PATH,
            metavar="FILE PHOTOS | P",
            help="Labels (COCO JSON or joints.mat) and the folder of their photos, or a project, whose people a human has "
            "touched are taken (the blind ones left out); may be given several times.",
        ),
        click.option(
            "--init",
            metavar="CHECKPOINT",
            help="Weights to start from: a safetensors file of a backbone or of a checkpoint; `shipped`; or `current`, with "
            "which the model becomes the next version of the project --data names, trained from the one before.",
        ),
        click.option(
            "--out",
            type=PATH,
            help="Folder for checkpoints, the learning curve and the model's card; with --init current one in the project.",
        ),
        click.option(
            "--validation",
            type=click.IntRange(1),
            help=f"So many {unit} (those on the last photos of the first --data) are kept for validation; by default a fifth, of "
            "a project the same photos in every training.",
        ),
        click.option("--skeleton", help="The joints to learn; by default lsp-14, with --init current the project's."),
        click.option(
            "--epochs",
            type=click.IntRange(1),
            help=f"Passes over the labels; by default {epochs}, fewer with --init current.",
        ),
        click.option(
            "--rate",
            type=FiniteRange(min=0, min_open=True),
            help=f"Learning rate; by default {rate:g}, lower with --init current.",
        ),
        click.option("--batch", type=click.IntRange(2), help=f"How many {unit} a step; by default {batch}."),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="A torch device (cpu, cuda, ...); auto takes a GPU where there is one.",
        ),
        click.option("--seed", default=0, show_default=True, help="Of every random choice."),
        click.option(
            "--version", help="Version to write into the checkpoint; by default 1, with --init current the next one."
        ),
        click.option("--licence", default="not stated", help="Licence of the weights, for the card."),
        click.option(
            "--no-prefill",
            is_flag=True,
            help="With --init current: leave it to `labeltool prefill P` to fill with the new version whom nobody has touched.",
        ),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: `--mix`, of models that see one person at a time.
_mix = click.option(
    "--mix",
    "mixed",
    multiple=True,
    type=(PATH, PATH, click.IntRange(1)),
    metavar="FILE PHOTOS N",
    help="Labels of which N people by chance are added to each epoch (rendered figures, say); may be given several times.",
)


#: `--freeze`, of models that have the heatmap model's backbone.
_freeze = click.option(
    "--freeze",
    is_flag=True,
    help="Keep the backbone's first layers as --init has them: a third of the time off each step.",
)


@click.group(cls=_TrainGroup)
def train() -> None:
    """Train a model on labelled people. A run that was stopped goes on when the command is given again.

    `labeltool train --data P --init current`, without a model's name, trains the next version of the model that project P has
    (heatmap when it has none yet).
    """
    from labeltool.models.memory import keep_freed_memory

    keep_freed_memory()


@train.command(cls=_TrainCommand)
@_shared(epochs=12, rate=2e-3, batch=32, unit="people")
@_mix
@click.option(
    "--stages",
    metavar="N@SIDE,...",
    help="Epochs by the side of the crops in pixels instead of --epochs, such as 8@128,4@192 for a cheap start.",
)
@click.option(
    "--side",
    type=click.IntRange(32),
    help="Side of the crops in pixels, a multiple of 32; by default that of the heatmap checkpoint it starts from, else 192.",
)
@_freeze
def heatmap(
    stages: str | None, side: int | None, freeze: bool, mixed: Sequence[tuple[Path, Path, int]], **shared: Any
) -> None:
    """Train the heatmap model, the one that pre-fills by default."""
    from labeltool.training.loop import read_stages

    parts = read_stages(stages) if stages is not None else ()
    _train_top_down("heatmap", _Asked(**shared), mixed, parts=parts, side=side, frozen=freeze)


@train.command(cls=_TrainCommand)
@_shared(epochs=12, rate=2e-3, batch=32, unit="people")
@_mix
@click.option("--stages", metavar="S", help="How many stages, 3 by default (1: no refining); --epochs are of each.")
@click.option(
    "--from-stage",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="The first stage to train; those before it are taken from --init as they are.",
)
@click.option(
    "--sigma",
    default="2.2,1.6",
    show_default=True,
    metavar="S2,S3,...",
    help="The side of a joint's square over the torso diameter, for stages 2, 3, ...; the last for all later ones.",
)
@click.option(
    "--look",
    default="features",
    show_default=True,
    type=click.Choice(["features", "photo"]),
    help="Stages after the first see stage 1's feature maps, or the photo through a backbone of their own.",
)
@click.option("--per-joint", is_flag=True, help="One refining network a joint, as published, instead of a shared one.")
@click.option(
    "--backbone",
    metavar="NAME",
    help="alexnet (the paper's), resnet18, resnet50, mobilenet_v3_large or a timm network; by default as shipped.",
)
@click.option("--pretrained", is_flag=True, help="Start from the backbone's ImageNet weights, downloaded once.")
def deeppose(
    mixed: Sequence[tuple[Path, Path, int]],
    stages: str | None,
    from_stage: int,
    sigma: str,
    look: str,
    per_joint: bool,
    backbone: str | None,
    pretrained: bool,
    **shared: Any,
) -> None:
    """Train DeepPose, direct regression refined stage by stage."""
    from labeltool.training.cascade import read_cascade

    if from_stage > 1 and shared["init"] is None:
        raise click.UsageError("--from-stage keeps the stages before it: expected --init CHECKPOINT with them")
    cascade = read_cascade(
        stages, sigma, look=look, per_joint=per_joint, from_stage=from_stage, backbone=backbone, pretrained=pretrained
    )
    _train_top_down("deeppose", _Asked(**shared), mixed, cascade=cascade)


@train.command("mask-rcnn", cls=_TrainCommand)
@_shared(epochs=12, rate=1e-3, batch=8, unit="photos")
@click.option(
    "--tasks",
    default="od,is,hpe",
    show_default=True,
    help="What it learns: detection (od) and, if wanted, segmentation (is) and pose (hpe).",
)
def mask_rcnn(tasks: str, **shared: Any) -> None:
    """Train a Mask R-CNN on whole photos: detection, segmentation, pose."""
    from labeltool.models.mask_rcnn import parse_tasks

    asked, wanted = _Asked(**shared), parse_tasks(tasks)
    if asked.init == _CURRENT and "hpe" not in wanted:
        raise click.UsageError(
            f"--init current makes a version that pre-fills joints, expected hpe among --tasks {tasks}"
        )
    _train_scenes("mask-rcnn", asked, {"tasks": wanted})


@train.command("bottom-up", cls=_TrainCommand)
@_shared(epochs=12, rate=1e-3, batch=8, unit="photos")
@_freeze
def bottom_up(freeze: bool, **shared: Any) -> None:
    """Train the bottom-up model on whole photos."""
    _train_scenes("bottom-up", _Asked(**shared), {"frozen": freeze})


def _train_top_down(
    model: str,
    asked: _Asked,
    mixed: Sequence[tuple[Path, Path, int]],
    *,
    parts: Sequence[Any] = (),
    cascade: Any = None,
    side: int | None = None,
    frozen: bool = False,
) -> None:
    """Trains a model that sees one person at a time."""
    from labeltool.skeleton import get_skeleton
    from labeltool.training.from_files import shipped_weights, train_on_files
    from labeltool.training.loop import Schedule
    from labeltool.training.sources import Source

    plan = _planned(model, asked)
    given = {**({} if plan is None else plan.usual()), **_numbers(asked)}
    if parts:
        given["epochs"] = sum(part.epochs for part in parts)
    schedule = Schedule(stages=tuple(parts), **given)
    out = _folder(asked, plan, [schedule.to_json(), mixed, cascade, side, frozen])
    best = train_on_files(
        model,
        out,
        [*_sources(asked), *(Source(file, photos, count) for file, photos, count in mixed)],
        _skeleton(asked, plan) or get_skeleton("lsp-14"),
        schedule,
        held_out=asked.validation,
        cascade=cascade,
        side=side,
        frozen=frozen,
        init=shipped_weights(model) if asked.init == "shipped" else _start(asked, plan),
        version=_version(asked, plan),
        licence=asked.licence,
        device=asked.device,
    )
    _done(best, asked, plan)


def _train_scenes(model: str, asked: _Asked, more: Mapping[str, Any]) -> None:
    """Trains a model that sees whole photos."""
    from labeltool.skeleton import get_skeleton
    from labeltool.training.from_files import shipped_weights
    from labeltool.training.scene_files import train_on_scenes
    from labeltool.training.scene_loop import SceneSchedule

    plan = _planned(model, asked)
    usual = {} if plan is None else {"epochs": plan.usual()["epochs"], "rate": plan.usual()["rate"]}
    schedule = SceneSchedule(**{**usual, **_numbers(asked)})
    best = train_on_scenes(
        model,
        _folder(asked, plan, [schedule.to_json(), more]),
        _sources(asked),
        _skeleton(asked, plan) or get_skeleton("lsp-14"),
        schedule,
        held_out=asked.validation,
        init=shipped_weights(model) if asked.init == "shipped" else _start(asked, plan),
        version=_version(asked, plan),
        licence=asked.licence,
        device=asked.device,
        **more,
    )
    _done(best, asked, plan)


def _planned(model: str, asked: _Asked) -> NextVersion | None:
    """The version that a training is to become, where `--init current` asks for one."""
    project = asked.sources[0][0]
    if asked.init != _CURRENT:
        if asked.out is None:
            raise click.UsageError("Missing option '--out'; only --init current goes without.")
        return None
    if not _is_project(project):
        raise click.UsageError(f"--init current goes with a project as the first --data; {project} is none")
    if asked.version is not None:
        raise click.UsageError("--version goes without --init current, which counts the project's versions")
    from labeltool.skeleton import get_skeleton
    from labeltool.training.versions import expect_new, plan_version

    plan = plan_version(project, model, None if asked.skeleton is None else get_skeleton(asked.skeleton))
    if asked.out is not None:
        expect_new(asked.out, project)
    click.echo(f"{plan.model}@{plan.version}: {plan.people:,} people, from {plan.begins_as}")
    return plan


def _numbers(asked: _Asked) -> dict[str, Any]:
    """Those of the numbers that were given."""
    given = {"epochs": asked.epochs, "rate": asked.rate, "batch": asked.batch, "seed": asked.seed}
    return {name: value for name, value in given.items() if value is not None}


def _folder(asked: _Asked, plan: NextVersion | None, settings: Any) -> Path:
    if asked.out is not None:
        if asked.out.exists() and not asked.out.is_dir():
            raise ModelError(f"{asked.out}: is a file, expected a folder for the run, or a new one")
        return asked.out
    assert plan is not None  # without a plan --out is given
    return plan.folder([settings, asked.validation, asked.licence, asked.sources])


def _sources(asked: _Asked) -> list[Source]:
    from labeltool.training.sources import Source

    return [Source(file, None if str(photos) == _OWN_PHOTOS else photos) for file, photos in asked.sources]


def _skeleton(asked: _Asked, plan: NextVersion | None) -> Any:
    from labeltool.skeleton import get_skeleton

    if asked.skeleton is not None:
        return get_skeleton(asked.skeleton)
    return None if plan is None else plan.skeleton


def _start(asked: _Asked, plan: NextVersion | None) -> Path | None:
    if plan is not None:
        return plan.init
    return None if asked.init is None else Path(asked.init)


def _version(asked: _Asked, plan: NextVersion | None) -> str:
    if plan is not None:
        return plan.version
    return "1" if asked.version is None else asked.version


def _done(best: Path, asked: _Asked, plan: NextVersion | None) -> None:
    """Says where the checkpoint lies, and makes a planned one a version of its project."""
    card = best.parent / "card.md"
    if plan is None:
        click.echo(f"best checkpoint: {best}")
        if card.is_file():
            click.echo(f"card: {card}")
        return
    from labeltool.project.versions import weights_of
    from labeltool.training.versions import register_run

    version = register_run(plan, best, tidy=asked.out is None)
    score = (
        "" if version.score is None else f", {version.measure} {version.score:.3f} on the {version.held_out} held out"
    )
    click.echo(f"{version.name}: {weights_of(plan.project, version)}{score}")
    if asked.no_prefill:
        click.echo(f"labeltool prefill {plan.project} fills with it whom nobody has touched")
        return
    with open_project(plan.project) as opened:
        problems = fill(opened, None, None, asked.device)
    end_with(problems)
