"""What the commands share: parameter types, opening a project, printing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.errors import CocoError, PhotoError

if TYPE_CHECKING:
    from labeltool.project import Project

if TYPE_CHECKING:
    _TextType = click.ParamType[str]
    PairType = click.ParamType[tuple[float, float]]
else:
    # generic only in newer versions of click
    _TextType = PairType = click.ParamType

#: A project's own files and folders, beside what SQLite keeps for a while.
_OWN = ("labels.db", "project.toml", "snapshots", "models")

#: A path parameter.
PATH = click.Path(path_type=Path)


class _FormatName(_TextType):
    """The name of a label format that can be read or written."""

    name = "format"

    def __init__(self, verb: str) -> None:
        self.verb = verb

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from labeltool.formats.registry import readable, writable

        names = readable() if self.verb == "read" else writable()
        if value not in names:
            self.fail(f"{value!r} is not one of {', '.join(names)}.", param, ctx)
        found: str = value
        return found


#: A format to read from, and one to write to.
FORMAT_NAME = _FormatName("read")
FORMAT_OUT = _FormatName("write")

#: How many lines of the same kind are printed before the rest is only counted.
MOST_LINES = 5


class FiniteRange(click.FloatRange):
    """A number within limits; nan and the infinities are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def expect_output(out: Path, *read: Path | None) -> None:
    """Nothing, when a command may write a file: it is none of those that it reads, and none of a project's own.

    Args:
        out: what is to be written.
        read: what the command reads.

    Raises:
        CocoError: it is one of them.
    """
    for given in read:
        if given is not None and out.exists() and given.exists() and out.samefile(given):
            raise CocoError(f"{out}: is read by the same command, expected another file to write")
    place = out.resolve()
    for folder in place.parents:
        own = place.relative_to(folder).parts[0]
        if (own in _OWN or own.startswith("labels.db-")) and (folder / "project.toml").is_file():
            raise CocoError(f"{out}: is the project's own ({folder}), expected another place to write to")


def expect_photos(folder: Path | None) -> None:
    """Nothing, when a folder of photos is there, or none is named.

    Raises:
        PhotoError: it is not there.
    """
    if folder is not None and not folder.is_dir():
        raise PhotoError(f"{folder}: no such folder of photos")


def open_project(project: Path) -> Project:
    """The project in a folder."""
    from labeltool.project import Project

    return Project.open(project)


def print_json(value: Any) -> None:
    """Prints one JSON value on a line."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_lines(lines: Iterable[str], more: str) -> None:
    """Prints the first lines to standard error, and how many `more` there are."""
    every = list(lines)
    for line in every[:MOST_LINES]:
        click.echo(f"  {line}", err=True)
    if len(every) > MOST_LINES:
        click.echo(f"  ... {len(every) - MOST_LINES} {more}", err=True)


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 photo`, `2,000 photos`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
