"""The options that the commands that train models share, and how their arguments are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from labeltool.cli.common import PATH, FiniteRange

#: Stands for the photos of a project, which knows its own.
OWN_PHOTOS = "-"

#: What `--init` says to start from a project's current version.
CURRENT = "current"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
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


@dataclass(frozen=True)
class Network:
    """What the network of a model that sees one person at a time is made of, and starts from (see `train_on_files`)."""

    backbone: str | None = None
    pretrained: bool = False
    side: int | None = None
    frozen: bool = False
    teacher: str | None = None
    teacher_share: float | None = None


def is_project(path: str | Path) -> bool:
    """Whether a folder is a project's."""
    return (Path(path) / "project.toml").is_file()


def _data_of(args: Sequence[str]) -> Path | None:
    """What the first `--data` names."""
    for place, argument in enumerate(args):
        if argument == "--data" and place + 1 < len(args):
            return Path(args[place + 1])
        if argument.startswith("--data="):
            return Path(argument.removeprefix("--data="))
    return None


class TrainGroup(click.Group):
    """`labeltool train MODEL ...`, and `labeltool train --data P ...` of the model that the project has."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments with the name of a model."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = [_usual_model(_data_of(args)), *args]
        return super().parse_args(ctx, args)


def _usual_model(data: Path | None) -> str:
    """The kind of a project's current version; without one the model that pre-fills."""
    from labeltool.models.catalog import default_model

    if data is not None and is_project(data):
        from labeltool.project.versions import current_version

        version = current_version(data)
        if version is not None:
            return version.model
    return default_model()


class TrainCommand(click.Command):
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
            if is_project(named):
                filled.append(OWN_PHOTOS)
            elif not args[place + 1 :] or args[place + 1].startswith("--"):
                raise click.UsageError(
                    f"--data {named}: no project (it has no project.toml), expected one, or a file of labels and the folder of "
                    "its photos",
                    ctx,
                )
        return super().parse_args(ctx, filled)


def shared_options(*, epochs: int, rate: float, batch: int, unit: str) -> Callable[[Command], Command]:
    """The options of every training, with what a model takes where nothing is asked for."""
    careful = "0.0001 (0.0005 for joints that it does not know)" if unit == "people" else "0.0005"
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
        click.option(
            "--skeleton",
            help="The joints to learn; by default the project's, where the first --data is one, else lsp-14. Other joints that "
            "are labelled are named in one line and not learnt.",
        ),
        click.option(
            "--epochs",
            type=click.IntRange(1),
            help=f"Passes over the labels; by default {epochs}, with --init current by how many people there are (4 to 32).",
        ),
        click.option(
            "--rate",
            type=FiniteRange(min=0, min_open=True),
            help=f"Learning rate; by default {rate:g}, with --init current {careful} where the version before knows more people.",
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
mix_option = click.option(
    "--mix",
    "mixed",
    multiple=True,
    type=(PATH, PATH, click.IntRange(1)),
    metavar="FILE PHOTOS N",
    help="Labels of which N people by chance are added to each epoch (rendered figures, say); may be given several times.",
)


#: `--freeze`, of models that have the heatmap model's backbone.
freeze_option = click.option(
    "--freeze",
    is_flag=True,
    help="Keep the backbone's first layers as --init has them: a third of the time off each step.",
)


#: `--pretrained`.
pretrained_option = click.option(
    "--pretrained", is_flag=True, help="Start from the backbone's published weights, downloaded once."
)


def backbone_option(known: str) -> Callable[[Command], Command]:
    """`--backbone`, with the networks that are known by name."""
    return click.option(
        "--backbone",
        metavar="NAME",
        help=f"The image network: {known}; by default that of the checkpoint it starts from, else EfficientNet-Lite0.",
    )
