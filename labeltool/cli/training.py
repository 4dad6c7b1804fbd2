"""Commands that list and train models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.cli.common import PATH, print_json

if TYPE_CHECKING:
    from labeltool.training.sources import Source

#: Stands for the photos of a project, which knows its own.
_OWN_PHOTOS = "-"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models(as_json: bool) -> None:
    """List the models that can pre-fill."""
    from labeltool.models.catalog import broken_offers, catalog

    for line in broken_offers():
        click.echo(f"left out: {line}", err=True)
    infos = sorted(catalog().values(), key=lambda info: info.name)
    if as_json:
        fields = ("name", "summary", "skeleton", "detects", "licence", "shipped", "source")
        print_json([{field: getattr(info, field) for field in fields} for info in infos])
        return
    for info in infos:
        click.echo(
            f"{info.name}  ({info.skeleton}, {'finds people' if info.detects else 'needs boxes'}; {info.source})"
        )
        click.echo(f"    {info.summary}")
        click.echo(f"    licence: {info.licence}")


class _TrainCommand(click.Command):
    """`--data FILE PHOTOS`, and `--data P` with a project's folder alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments with a stand-in for the photos of projects."""
        filled: list[str] = []
        for place, argument in enumerate(args):
            filled.append(argument)
            follows_data = place > 0 and args[place - 1] == "--data"
            if follows_data and (Path(argument) / "project.toml").is_file():
                filled.append(_OWN_PHOTOS)
        return super().parse_args(ctx, filled)


@click.command(cls=_TrainCommand)
@click.argument("model", type=click.Choice(["deeppose", "heatmap", "mask-rcnn", "bottom-up"]))
@click.option(
    "--out", required=True, type=PATH, help="Folder for checkpoints, the learning curve and the model's card."
)
@click.option(
    "--data",
    "sources",
    required=True,
    multiple=True,
    nargs=2,
    type=PATH,
    metavar="FILE PHOTOS | P",
    help="Labels (COCO JSON or joints.mat) and the folder of their photos, or a project, whose people a human has touched are "
    "taken (the blind ones left out); may be given several times.",
)
@click.option(
    "--mix",
    "mixed",
    multiple=True,
    type=(PATH, PATH, click.IntRange(1)),
    metavar="FILE PHOTOS N",
    help="Labels of which N people by chance are added to each epoch (rendered figures, say); may be given several times.",
)
@click.option(
    "--validation",
    type=click.IntRange(1),
    help="So many people on the last photos of the first --data are kept for validation; by default a fifth, at most 500.",
)
@click.option(
    "--init",
    metavar="CHECKPOINT",
    help="Weights to start from: the word `shipped`, or a safetensors file of a backbone or of a checkpoint.",
)
@click.option("--skeleton", default="lsp-14", show_default=True, help="The joints to learn.")
@click.option("--epochs", default=12, show_default=True, type=click.IntRange(1), help="Passes over the people.")
@click.option(
    "--stages",
    metavar="S | N@SIDE,...",
    help="deeppose: how many stages, 3 by default (1: no refining). heatmap: epochs by the side of the crops in pixels "
    "instead of --epochs, such as 8@128,4@192 for a cheap start.",
)
@click.option(
    "--from-stage",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="deeppose: the first stage to train; those before it are taken from --init as they are.",
)
@click.option(
    "--sigma",
    default="2.2,1.2",
    show_default=True,
    metavar="S2,S3,...",
    help="deeppose: the side of a joint's square over the torso diameter, for stages 2, 3, ...; the last for all later ones.",
)
@click.option(
    "--look",
    default="features",
    show_default=True,
    type=click.Choice(["features", "photo"]),
    help="deeppose: stages after the first see stage 1's feature maps, or the photo through a backbone of their own.",
)
@click.option(
    "--per-joint", is_flag=True, help="deeppose: one refining network a joint, as published, instead of a shared one."
)
@click.option(
    "--backbone",
    metavar="NAME",
    help="deeppose: alexnet (the paper's), resnet18, resnet50, mobilenet_v3_large or a timm network; by default as shipped.",
)
@click.option(
    "--pretrained", is_flag=True, help="deeppose: start from the backbone's ImageNet weights, downloaded once."
)
@click.option(
    "--tasks",
    default="od,is,hpe",
    show_default=True,
    help="What mask-rcnn learns: detection (od) and, if wanted, segmentation (is) and pose (hpe).",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Learning rate; by default 0.002, for mask-rcnn and bottom-up 0.001.",
)
@click.option(
    "--batch",
    type=click.IntRange(2),
    help="People a step, by default 32; photos for mask-rcnn and bottom-up, by default 8.",
)
@click.option("--seed", default=0, show_default=True, help="Of every random choice.")
@click.option("--version", default="1", show_default=True, help="Version to write into the checkpoint.")
@click.option("--licence", default="not stated", help="Licence of the weights, for the card.")
def train(
    model: str,
    out: Path,
    sources: Sequence[tuple[Path, Path]],
    mixed: Sequence[tuple[Path, Path, int]],
    validation: int | None,
    init: str | None,
    skeleton: str,
    epochs: int,
    stages: str | None,
    from_stage: int,
    sigma: str,
    look: str,
    per_joint: bool,
    backbone: str | None,
    pretrained: bool,
    tasks: str,
    rate: float | None,
    batch: int | None,
    seed: int,
    version: str,
    licence: str,
) -> None:
    """Train a model on labelled people. A run that was stopped goes on when the command is given again."""
    from labeltool.skeleton import get_skeleton
    from labeltool.training.cascade import read_cascade
    from labeltool.training.from_files import shipped_weights, train_on_files
    from labeltool.training.loop import Schedule, read_stages
    from labeltool.training.sources import Source

    if model in ("mask-rcnn", "bottom-up"):
        files = [Source(file, None if str(photos) == _OWN_PHOTOS else photos) for file, photos in sources]
        _train_scenes(
            model,
            out,
            files,
            skeleton,
            tasks,
            {"epochs": epochs, "rate": rate, "batch": batch, "seed": seed},
            {
                "held_out": validation,
                "init": None if init is None else Path(init),
                "version": version,
                "licence": licence,
            },
        )
        return
    rate, batch = 2e-3 if rate is None else rate, 32 if batch is None else batch
    cascade, parts = None, read_stages(stages) if stages is not None and model != "deeppose" else ()
    if model == "deeppose":
        cascade = read_cascade(
            stages,
            sigma,
            look=look,
            per_joint=per_joint,
            from_stage=from_stage,
            backbone=backbone,
            pretrained=pretrained,
        )
    total = sum(part.epochs for part in parts) if parts else epochs
    best = train_on_files(
        model,
        out,
        [
            *(Source(file, None if str(photos) == _OWN_PHOTOS else photos) for file, photos in sources),
            *(Source(file, photos, count) for file, photos, count in mixed),
        ],
        get_skeleton(skeleton),
        Schedule(epochs=total, stages=parts, rate=rate, batch=batch, seed=seed),
        held_out=validation,
        cascade=cascade,
        init=shipped_weights(model) if init == "shipped" else None if init is None else Path(init),
        version=version,
        licence=licence,
    )
    click.echo(f"best checkpoint: {best}")
    click.echo(f"card: {out / 'card.md'}")


def _train_scenes(
    model: str,
    out: Path,
    sources: Sequence[Source],
    skeleton: str,
    tasks: str,
    schedule: Mapping[str, float | None],
    more: Mapping[str, Any],
) -> None:
    """Train a model that sees whole photos."""
    from labeltool.models.mask_rcnn import parse_tasks
    from labeltool.skeleton import get_skeleton
    from labeltool.training.scene_files import train_on_scenes
    from labeltool.training.scene_loop import SceneSchedule

    given: dict[str, Any] = {key: value for key, value in schedule.items() if value is not None}
    best = train_on_scenes(
        model, out, sources, get_skeleton(skeleton), SceneSchedule(**given), tasks=parse_tasks(tasks), **more
    )
    click.echo(f"best checkpoint: {best}")
