"""The commands that train models, one a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.cli.common import FiniteRange, open_project
from labeltool.cli.filling import end_with, fill
from labeltool.cli.training_options import (
    CURRENT,
    OWN_PHOTOS,
    Asked,
    Network,
    TrainCommand,
    TrainGroup,
    backbone_option,
    freeze_option,
    is_project,
    mix_option,
    pretrained_option,
    shared_options,
)
from labeltool.errors import ModelError

if TYPE_CHECKING:
    from labeltool.skeleton import Skeleton
    from labeltool.training.sources import Source
    from labeltool.training.versions import NextVersion


@click.group(cls=TrainGroup)
def train() -> None:
    """Train a model on labelled people. A run that was stopped goes on when the command is given again.

    `labeltool train --data P --init current`, without a model's name, trains the next version of the model that project P has
    (heatmap when it has none yet).
    """
    from labeltool.models.memory import keep_freed_memory

    keep_freed_memory()


@train.command(cls=TrainCommand)
@shared_options(epochs=12, rate=2e-3, batch=32, unit="people")
@mix_option
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
@freeze_option
@backbone_option("a timm network, such as tf_efficientnet_lite2, or blazepose_heavy or blazepose_full")
@pretrained_option
@click.option(
    "--teacher",
    metavar="CHECKPOINT",
    help="Heatmap weights, or `shipped`, whose maps of the people of --data are learnt beside their labels, so that what they "
    "know is kept while --mix teaches something new.",
)
@click.option(
    "--teacher-share",
    type=FiniteRange(0, 1),
    help="The share of the loss that the teacher's maps have, by default 0.8; the labels have the rest.",
)
def heatmap(
    stages: str | None,
    side: int | None,
    freeze: bool,
    backbone: str | None,
    pretrained: bool,
    teacher: str | None,
    teacher_share: float | None,
    mixed: Sequence[tuple[Path, Path, int]],
    **shared: Any,
) -> None:
    """Train the heatmap model, the one that pre-fills by default."""
    from labeltool.training.loop import read_stages

    parts = read_stages(stages) if stages is not None else ()
    if teacher_share is not None and teacher is None:
        raise click.UsageError("--teacher-share goes with --teacher")
    network = Network(backbone, pretrained, side, freeze, teacher, teacher_share)
    _train_top_down("heatmap", Asked(**shared), mixed, network, parts=parts)


@train.command(cls=TrainCommand)
@shared_options(epochs=12, rate=2e-3, batch=32, unit="people")
@mix_option
@click.option(
    "--stages",
    metavar="S",
    help="How many stages (1: no refining), by default as many as the checkpoint it starts from has, else 3; --epochs are of "
    "each.",
)
@click.option(
    "--from-stage",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="The first stage to train; those before it are taken from --init as they are.",
)
@click.option(
    "--sigma",
    metavar="S2,S3,...",
    help="The side of a joint's square over the torso diameter, for stages 2, 3, ...; the last for all later ones. By default "
    "as the checkpoint it starts from has it, else 2.2,1.6.",
)
@click.option(
    "--look",
    type=click.Choice(["features", "photo"]),
    help="Stages after the first see stage 1's feature maps, or the photo, squares of 96 px through a backbone of their own; by "
    "default as the checkpoint it starts from, else features.",
)
@click.option(
    "--per-joint/--shared",
    "per_joint",
    default=None,
    help="One refining network a joint, as published, or one for all joints, which is told the joint and the pose; by default "
    "as the checkpoint it starts from, else shared.",
)
@backbone_option(
    "alexnet (the paper's), resnet18, resnet50, mobilenet_v3_large, blazepose_full, blazepose_heavy or a timm network"
)
@pretrained_option
def deeppose(
    mixed: Sequence[tuple[Path, Path, int]],
    stages: str | None,
    from_stage: int,
    sigma: str | None,
    look: str | None,
    per_joint: bool | None,
    backbone: str | None,
    pretrained: bool,
    **shared: Any,
) -> None:
    """Train DeepPose, direct regression refined stage by stage."""
    from labeltool.training.cascade_options import read_cascade, refiners_in

    asked = Asked(**shared)
    if from_stage > 1 and asked.init is None:
        raise click.UsageError("--from-stage keeps the stages before it: expected --init CHECKPOINT with them")
    start = _deeppose_start(asked)
    cascade = read_cascade(
        stages,
        sigma,
        look=look,
        per_joint=per_joint,
        from_stage=from_stage,
        backbone=backbone,
        start=None if start is None else refiners_in(start),
    )
    _train_top_down("deeppose", asked, mixed, Network(backbone, pretrained), cascade=cascade)


def _deeppose_start(asked: Asked) -> Path | None:
    """The file that a training of DeepPose starts from, whose stages count where no option says otherwise."""
    from labeltool.training.from_files import shipped_weights
    from labeltool.training.versions import start_of

    project = asked.sources[0][0]
    if asked.init == CURRENT and is_project(project):
        return start_of(project, "deeppose")[1]
    return shipped_weights("deeppose") if asked.init in (CURRENT, "shipped") else _path(asked.init)


@train.command("mask-rcnn", cls=TrainCommand)
@shared_options(epochs=12, rate=1e-3, batch=8, unit="photos")
@click.option(
    "--tasks",
    default="od,is,hpe",
    show_default=True,
    help="What it learns: detection (od) and, if wanted, segmentation (is) and pose (hpe).",
)
@backbone_option("resnet18, resnet34, resnet50, resnet101, blazepose_heavy, blazepose_full or a timm network")
@pretrained_option
def mask_rcnn(tasks: str, backbone: str | None, pretrained: bool, **shared: Any) -> None:
    """Train a Mask R-CNN on whole photos: detection, segmentation, pose."""
    from labeltool.models.mask_rcnn import parse_tasks

    asked, wanted = Asked(**shared), parse_tasks(tasks)
    if asked.init == CURRENT and "hpe" not in wanted:
        raise click.UsageError(
            f"--init current makes a version that pre-fills joints, expected hpe among --tasks {tasks}"
        )
    _train_scenes("mask-rcnn", asked, {"tasks": wanted, "backbone": backbone, "pretrained": pretrained})


@train.command("bottom-up", cls=TrainCommand)
@shared_options(epochs=12, rate=1e-3, batch=8, unit="photos")
@freeze_option
@backbone_option("a timm network, such as tf_efficientnet_lite2, or blazepose_heavy or blazepose_full")
@pretrained_option
def bottom_up(freeze: bool, backbone: str | None, pretrained: bool, **shared: Any) -> None:
    """Train the bottom-up model on whole photos."""
    _train_scenes("bottom-up", Asked(**shared), {"frozen": freeze, "backbone": backbone, "pretrained": pretrained})


def _train_top_down(
    model: str,
    asked: Asked,
    mixed: Sequence[tuple[Path, Path, int]],
    network: Network,
    *,
    parts: Sequence[Any] = (),
    cascade: Any = None,
) -> None:
    """Trains a model that sees one person at a time."""
    _expect_one_start(asked, network.pretrained)
    from labeltool.models.weights import file_sha256
    from labeltool.training.from_files import shipped_weights, train_on_files
    from labeltool.training.heatmap import TEACHER_SHARE
    from labeltool.training.loop import Schedule
    from labeltool.training.sources import Source

    plan = _planned(model, asked)
    given = {**({} if plan is None else plan.usual()), **_numbers(asked)}
    if parts:
        given["epochs"] = sum(part.epochs for part in parts)
    schedule = Schedule(stages=tuple(parts), **given)
    teacher = shipped_weights(model) if network.teacher == "shipped" else _path(network.teacher)
    taught_by = None if teacher is None or not teacher.is_file() else file_sha256(teacher)
    out = _folder(asked, plan, [schedule.to_json(), mixed, cascade, network, taught_by])
    best = train_on_files(
        model,
        out,
        [*_sources(asked), *(Source(file, photos, count) for file, photos, count in mixed)],
        _skeleton(asked, plan),
        schedule,
        held_out=asked.validation,
        cascade=cascade,
        backbone=network.backbone,
        pretrained=network.pretrained,
        side=network.side,
        frozen=network.frozen,
        teacher=teacher,
        teacher_share=TEACHER_SHARE if network.teacher_share is None else network.teacher_share,
        init=shipped_weights(model) if asked.init == "shipped" else _start(asked, plan),
        version=_version(asked, plan),
        licence=asked.licence,
        device=asked.device,
    )
    _done(best, asked, plan)


def _train_scenes(model: str, asked: Asked, more: Mapping[str, Any]) -> None:
    """Trains a model that sees whole photos."""
    _expect_one_start(asked, more["pretrained"])
    from labeltool.training.from_files import shipped_weights
    from labeltool.training.scene_files import train_on_scenes
    from labeltool.training.scene_loop import SceneSchedule

    plan = _planned(model, asked)
    schedule = SceneSchedule(**{**({} if plan is None else plan.usual()), **_numbers(asked)})
    best = train_on_scenes(
        model,
        _folder(asked, plan, [schedule.to_json(), more]),
        _sources(asked),
        _skeleton(asked, plan),
        schedule,
        held_out=asked.validation,
        init=shipped_weights(model) if asked.init == "shipped" else _start(asked, plan),
        version=_version(asked, plan),
        licence=asked.licence,
        device=asked.device,
        **more,
    )
    _done(best, asked, plan)


def _expect_one_start(asked: Asked, pretrained: bool) -> None:
    if pretrained and asked.init is not None:
        raise click.UsageError("--pretrained and --init both say what to start from, expected one of them")


def _planned(model: str, asked: Asked) -> NextVersion | None:
    """The version that a training is to become, where `--init current` asks for one."""
    project = asked.sources[0][0]
    if asked.init != CURRENT:
        if asked.out is None:
            raise click.UsageError("Missing option '--out'; only --init current goes without.")
        return None
    if not is_project(project):
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


def _numbers(asked: Asked) -> dict[str, Any]:
    """Those of the numbers that were given."""
    given = {"epochs": asked.epochs, "rate": asked.rate, "batch": asked.batch, "seed": asked.seed}
    return {name: value for name, value in given.items() if value is not None}


def _folder(asked: Asked, plan: NextVersion | None, settings: Any) -> Path:
    if asked.out is not None:
        if asked.out.exists() and not asked.out.is_dir():
            raise ModelError(f"{asked.out}: is a file, expected a folder for the run, or a new one")
        return asked.out
    assert plan is not None  # without a plan --out is given
    return plan.folder([settings, asked.validation, asked.licence, asked.sources])


def _sources(asked: Asked) -> list[Source]:
    from labeltool.training.sources import Source

    return [Source(file, None if str(photos) == OWN_PHOTOS else photos) for file, photos in asked.sources]


def _skeleton(asked: Asked, plan: NextVersion | None) -> Skeleton:
    """The joints to learn."""
    from labeltool.skeleton import get_skeleton

    if asked.skeleton is not None:
        return get_skeleton(asked.skeleton)
    if plan is not None:
        return plan.skeleton
    first = asked.sources[0][0]
    if is_project(first):
        with open_project(first) as opened:
            return opened.skeleton
    return get_skeleton("lsp-14")


def _start(asked: Asked, plan: NextVersion | None) -> Path | None:
    return _path(asked.init) if plan is None else plan.init


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _version(asked: Asked, plan: NextVersion | None) -> str:
    if plan is not None:
        return plan.version
    return "1" if asked.version is None else asked.version


def _done(best: Path, asked: Asked, plan: NextVersion | None) -> None:
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
    click.echo(f"{version.name}: {', '.join(filter(None, (str(weights_of(plan.project, version)), version.worth)))}")
    if asked.no_prefill:
        click.echo(f"labeltool prefill {plan.project} fills with it whom nobody has touched")
        return
    with open_project(plan.project) as opened:
        problems = fill(opened, None, None, asked.device)
    end_with(problems)
