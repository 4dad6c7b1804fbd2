"""The command that ranks labels which are probably wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import PATH, count_of, expect_output, expect_photos, open_project, print_json

if TYPE_CHECKING:
    from labeltool.coco.document import CocoDocument
    from labeltool.dataset.suspects import Suspect
    from labeltool.project import Project


@click.command()
@click.argument("source", metavar="FILE|P", type=PATH)
@click.option("--model", help="Of project P: whose predictions to ask; by default those of the model with the most.")
@click.option("--no-model", is_flag=True, help="Judge by the labels alone.")
@click.option("--predictions", type=PATH, help="COCO keypoint results of a model, to ask as well.")
@click.option(
    "--send", is_flag=True, help="Put them into the queue of project P, as marks of `suspects`; earlier ones go."
)
@click.option("--user", help="Who sends them; by default the account's name.")
@click.option("--sheet", metavar="OUT.png|DIR", type=PATH, help="Write contact sheets of the first --top people.")
@click.option("--images", type=PATH, help="Folder of the photos of FILE, for --sheet.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="How many to print or draw.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all of them.")
def suspects(
    source: Path,
    model: str | None,
    no_model: bool,
    predictions: Path | None,
    send: bool,
    user: str | None,
    sheet: Path | None,
    images: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Rank labels that are probably wrong: sides swapped, joints where no body has them, strays, the same person twice.

    Judged by the data set's own poses and, where there is one, by a model. The score is the logarithm of the odds.
    """
    if sheet is not None:
        expect_output(sheet, source, predictions)
    if source.is_dir():
        if images is not None:
            raise click.UsageError("--images goes with a file: a project knows its photos")
        with open_project(source) as project:
            _of_project(project, model, no_model, predictions, send, user, sheet, top, as_json)
        return
    if send or user or model or no_model:
        raise click.UsageError("--send, --user, --model and --no-model go with a project")
    if sheet is not None and images is None:
        raise click.UsageError("--sheet of a file needs --images, the folder of its photos")
    expect_photos(images)
    from labeltool.coco.document import read_document
    from labeltool.dataset.suspects import suspects as run
    from labeltool.evaluate.suspicions import file_predictions
    from labeltool.images import photo_below

    document = read_document(source)
    found = run(document, None if predictions is None else file_predictions(document, predictions))
    _print(found, top, as_json)
    if sheet is not None and images is not None:
        from labeltool.report.sheets import write_sheets

        folder = images
        _say(write_sheets(document, found, sheet, lambda name: photo_below(folder, name), top=top))


def _of_project(
    project: Project,
    model: str | None,
    no_model: bool,
    predictions: Path | None,
    send: bool,
    user: str | None,
    sheet: Path | None,
    top: int,
    as_json: bool,
) -> None:
    from labeltool.coco.document import CocoDocument
    from labeltool.dataset.suspects import suspects as run
    from labeltool.evaluate import suspicions

    if predictions is not None and (model or no_model):
        raise click.UsageError("--predictions, --model or --no-model: one of them")
    document = CocoDocument(project.to_document(), str(project.path))
    said = {}
    if predictions is not None:
        said = suspicions.file_predictions(document, predictions)
    elif not no_model:
        name, said = suspicions.project_predictions(project, model)
        if name:
            click.echo(f"asked {name} about {count_of(len(said), 'person', 'people')}", err=True)
    found = run(document, said)
    _print(found, top, as_json)
    if send:
        from labeltool.server.settings import default_user

        waiting = suspicions.send(project, found, user or default_user())
        click.echo(f"{count_of(waiting, 'mark')} in the queue: filter `suspects`", err=True)
    if sheet is not None:
        _say(_draw(project, document, found, sheet, top))


def _draw(project: Project, document: CocoDocument, found: list[Suspect], sheet: Path, top: int) -> list[Path]:
    from labeltool.images import photo_below
    from labeltool.report.sheets import write_sheets

    root = project.config.image_root
    return write_sheets(document, found, sheet, lambda name: photo_below(root, name), top=top)


def _print(found: list[Suspect], top: int, as_json: bool) -> None:
    if as_json:
        print_json({"suspects": [suspect.to_json() for suspect in found]})
        return
    for s in found[:top]:
        joints = f" {', '.join(s.joints)}" if s.joints else ""
        click.echo(f"{s.score:>7.2f}  {s.kind:<6}{s.file_name} (id {s.annotation}){joints}: {s.reason}")
    people = len({s.annotation for s in found})
    click.echo(f"{count_of(len(found), 'suspect')} of {count_of(people, 'person', 'people')}")


def _say(written: list[Path]) -> None:
    for path in written:
        click.echo(f"{path}", err=True)
