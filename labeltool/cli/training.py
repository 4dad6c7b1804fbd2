"""Commands that list and train models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from labeltool.cli.common import PATH, print_json


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


@click.command()
@click.argument("model", type=click.Choice(["deeppose", "heatmap"]))
@click.option("--out", required=True, type=PATH, help="Folder for checkpoints and the learning curve.")
@click.option(
    "--data",
    "sources",
    required=True,
    multiple=True,
    nargs=2,
    type=PATH,
    metavar="FILE PHOTOS",
    help="Labels (COCO JSON or joints.mat) and the folder of their photos; may be given several times.",
)
@click.option(
    "--validation",
    default=500,
    show_default=True,
    type=click.IntRange(1),
    help="The last so many people of the first FILE are kept for validation.",
)
@click.option("--init", type=PATH, help="safetensors weights to start from: a backbone's, or a checkpoint.")
@click.option("--skeleton", default="lsp-14", show_default=True, help="The joints to learn.")
@click.option("--epochs", default=12, show_default=True, type=click.IntRange(1))
@click.option("--rate", default=2e-3, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--batch", default=32, show_default=True, type=click.IntRange(2))
@click.option("--seed", default=0, show_default=True)
@click.option("--version", default="1", show_default=True, help="Version to write into the checkpoint.")
def train(
    model: str,
    out: Path,
    sources: Sequence[tuple[Path, Path]],
    validation: int,
    init: Path | None,
    skeleton: str,
    epochs: int,
    rate: float,
    batch: int,
    seed: int,
    version: str,
) -> None:
    """Train a model on labelled people. A run that was stopped goes on when the command is given again."""
    from labeltool.skeleton import get_skeleton
    from labeltool.training.from_files import train_on_files
    from labeltool.training.loop import Schedule

    schedule = Schedule(epochs=epochs, rate=rate, batch=batch, seed=seed)
    best = train_on_files(
        model, out, sources, get_skeleton(skeleton), schedule, held_out=validation, init=init, version=version
    )
    click.echo(f"best checkpoint: {best}")
