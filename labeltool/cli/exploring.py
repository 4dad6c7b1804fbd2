"""The command that shows a project in FiftyOne's App and brings the tags made there back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.cli.common import PATH, count_of, open_project

if TYPE_CHECKING:
    from labeltool.project import Project

#: FiftyOne's own default.
PORT = 5151


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option(
    "--model", help="Whose predictions: a name, or name@version; by default the model that was run on P last."
)
@click.option("--name", metavar="NAME", help="Name of the FiftyOne data set; by default the project's.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port of the App.")
@click.option("--launch/--no-launch", default=True, show_default=True, help="Open the App, or only build the data set.")
@click.option("--sync", "syncing", is_flag=True, help="Bring the tags back as marks of P's queue, and do nothing else.")
def explore(project: Path, model: str | None, name: str | None, port: int, launch: bool, syncing: bool) -> None:
    """Show project P in FiftyOne: labels and predictions with their OKS, kinds of errors, help and statuses.

    The data set is built, or brought up to date. Tags of photos and of labels that are made in the App come back by --sync, and
    the queue is narrowed to them by `fiftyone:TAG`.
    """
    if syncing and model is not None:
        raise click.UsageError("--sync goes without --model")
    with open_project(project) as opened:
        if syncing:
            _sync(opened, name)
            return
        dataset = _build(opened, name, model)
    if launch:
        _launch(dataset, project, port)


def _build(project: Project, name: str | None, model: str | None) -> Any:
    from tqdm import tqdm

    from labeltool.explore.dataset import build

    with tqdm(desc="FiftyOne", unit="photo", disable=None) as bar:
        built = build(project, name, model, bar.update)
    for note in built.notes:
        click.echo(f"note: no audit: {note}")
    said = f"{count_of(built.guesses, 'prediction')} of {built.model}" if built.model else "no predictions"
    click.echo(
        f"{built.dataset.name}: {count_of(built.photos, 'photo')} ({built.new:,} new), "
        f"{count_of(built.people, 'labelled person', 'labelled people')}, {built.measured:,} of them measured; {said}"
    )
    if built.withheld:
        click.echo(
            f"{count_of(built.withheld, 'prediction')} left out: somebody on those photos is still to be labelled blind"
        )
    return built.dataset


def _sync(project: Project, name: str | None) -> None:
    from labeltool.explore.dataset import SOURCE
    from labeltool.explore.tags import sync

    synced = sync(project, name)
    for tag, (photos, people) in synced.open.items():
        click.echo(
            f"{SOURCE}:{tag}: {count_of(photos, 'photo')} in the queue, {count_of(people, 'person', 'people')} marked"
        )
    if not synced.open:
        click.echo("no tags that wait")
    if synced.settled:
        click.echo(f"{count_of(synced.settled, 'tag')} settled in the queue since")
    if synced.lost:
        click.echo(f"{count_of(synced.lost, 'tag')} of people who are no longer there passed over")


def _launch(dataset: Any, project: Path, port: int) -> None:
    from labeltool.explore.engine import launch

    with launch(dataset, port) as address:
        click.echo(f"{address} shows it until Ctrl-C; labeltool explore {project} --sync brings the tags back")
        wait_for_end()


def wait_for_end() -> None:
    """Waits for Ctrl-C."""
    import threading

    threading.Event().wait()
