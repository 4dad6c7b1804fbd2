"""Pre-filling a project and saying what was done, as `prefill`, `demo` and `train --init current` do it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import count_of, print_lines
from labeltool.errors import ProjectError

if TYPE_CHECKING:
    from labeltool.prefill import Boxes, Progress
    from labeltool.project import Project


def fill(
    project: Project,
    model: str | None,
    weights: Path | None,
    device: str,
    *,
    batch: int = 16,
    boxes: Boxes = "project",
    propose_from: float = 0.5,
) -> list[str]:
    """Runs a model, by default the project's current one, says what was done, and returns what could not be used."""
    from labeltool.models.catalog import default_model, load_model
    from labeltool.prefill import prefill as run

    if model is None and weights is None:
        model, weights = current_model(project.path)
    elif model is None and weights is not None:
        from labeltool.models.weights import model_of

        model = model_of(weights)
    loaded = load_model(default_model() if model is None else model, weights=weights, device=device)
    try:
        report = run(project, loaded, batch=batch, boxes=boxes, propose_from=propose_from, progress=_bar)
    except KeyboardInterrupt:
        raise ProjectError(
            f"{project.path}: stopped; what is done is kept, pre-filling again goes on with the rest"
        ) from None
    click.echo(
        f"{loaded.name}@{loaded.version}: {count_of(report.people, 'person', 'people')} in {count_of(report.images, 'photo')}; "
        f"{report.filled} filled, {report.proposed} proposed, people with human labels left as they are"
    )
    if report.blind:
        click.echo(
            f"{count_of(report.blind, 'person is', 'people are')} labelled blind: predicted, and shown with a box alone"
        )
    if report.before:
        click.echo(f"{count_of(report.before, 'photo')} had been done before")
    if report.without_boxes:
        click.echo(
            f"{count_of(report.without_boxes, 'photo')} without boxes passed over (--boxes image takes the whole photo)"
        )
    return report.problems


def end_with(problems: Sequence[str]) -> None:
    """Prints what could not be used, and ends the command with status 1 where there is anything."""
    if problems:
        print_lines(problems, "more photos or people that could not be used")
        sys.exit(1)


def current_model(project: Path) -> tuple[str | None, Path | None]:
    """The model that was trained on a project last, and its checkpoint; None where there is none."""
    from labeltool.project.versions import current_version, weights_of

    version = current_version(project)
    return (None, None) if version is None else (version.model, weights_of(project, version))


def _bar(total: int) -> Progress:
    from tqdm import tqdm

    return tqdm(total=total, desc="pre-fill", unit="photo", disable=None)
