"""The command that lists models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import PATH, open_project, print_json

if TYPE_CHECKING:
    from labeltool.models.catalog import ModelInfo


@click.command()
@click.argument("project", metavar="[P]", type=PATH, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models(project: Path | None, as_json: bool) -> None:
    """List the models that can pre-fill, their size and figures; of a project P, the versions that were trained on it."""
    if project is not None:
        _versions(project, as_json)
        return
    from labeltool.models.catalog import broken_offers, catalog

    for line in broken_offers():
        click.echo(f"left out: {line}", err=True)
    infos = sorted(catalog().values(), key=lambda info: info.name)
    if as_json:
        fields = ("name", "summary", "skeleton", "detects", "licence", "shipped", "source", "size", "speed")
        print_json(
            [
                {field: getattr(info, field) for field in fields} | {"figures": [asdict(f) for f in info.figures]}
                for info in infos
            ]
        )
        return
    for info in infos:
        for line in _lines(info):
            click.echo(line)


def _lines(info: ModelInfo) -> Iterator[str]:
    """What the list says of one model."""
    yield f"{info.name}  ({info.skeleton}, {'finds people' if info.detects else 'needs boxes'}; {info.source})"
    yield f"    {info.summary}"
    yield f"    licence: {info.licence}"
    if info.size is None:
        yield "    size: not known"
    else:
        yield f"    size: {info.size / 1e6:,.1f} MB, {'shipped' if info.shipped else 'not shipped'}"
    if not info.figures:
        yield "    figures: none measured"
    for data, figures in groupby(info.figures, key=lambda figure: figure.data):
        yield f"    figures: {', '.join(f'{f.measure} {f.value:.3f}' for f in figures)} ({data})"
    if info.speed is not None:
        yield f"    speed: {info.speed}"


#: What is told of a version as JSON, besides its file.
_TOLD = ("model", "version", "sha256", "at", "skeleton", "parent", "people", "held_out", "score", "before", "measure")


def _versions(project: Path, as_json: bool) -> None:
    """Prints the versions of a project, the current one last."""
    from labeltool.project.versions import FOLDER, versions

    open_project(project).close()
    found = versions(project)
    if as_json:
        plain = [
            {field: getattr(version, field) for field in _TOLD} | {"file": f"{FOLDER}/{version.file_name()}"}
            for version in found
        ]
        print_json(plain)
        return
    if not found:
        click.echo(f"{project}: no version yet (labeltool train --data {project} --init current trains one)")
    for version in found:
        current = "  current" if version is found[-1] else ""
        people = ", ".join(filter(None, (f"{version.people:,} people", version.worth)))
        told = (version.skeleton, people, f"from {version.parent}", version.at)
        click.echo(f"{version.name}  ({'; '.join(told)}){current}")
