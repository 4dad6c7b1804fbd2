"""Commands that make a project, fill it, show it, and write its labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import (
    FORMAT_NAME,
    PATH,
    FiniteRange,
    count_of,
    expect_output,
    open_project,
    print_json,
)
from labeltool.cli.filling import current_model, end_with, fill
from labeltool.cli.importing import format_by_name, print_notes, refuse_errors, refuse_photos
from labeltool.cli.working import rate_data, work_lines
from labeltool.errors import FormatError, ModelError, ProjectError

if TYPE_CHECKING:
    from labeltool.formats.imported import Imported
    from labeltool.prefill import Boxes
    from labeltool.server.predicting import Models

PORT = 8600


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option("--images", required=True, type=PATH, help="Folder of the photos; they stay where they are.")
@click.option("--annotations", type=PATH, help="Labels to start from: COCO JSON, LSP's joints.mat, or another format.")
@click.option(
    "--format",
    "form",
    type=FORMAT_NAME,
    help="Format of --annotations (`labeltool convert --list`); by default from its name.",
)
@click.option(
    "--skeleton",
    help="coco-17, lsp-14, mpii-16 or a TOML file; by default that of the annotations, or coco-17 without any.",
)
@click.option("--name", help="Name of the project; by default the folder's.")
@click.option(
    "--blind-share",
    type=FiniteRange(0, 1),
    default=0.05,
    show_default=True,
    help="Share of people without labels whom chance has labelled without a model's help, to measure what the help is worth.",
)
@click.option("--skip-broken", is_flag=True, help="Go on when photos are missing or broken.")
@click.option(
    "--accept-errors", is_flag=True, help="Go on when the annotations have errors that `labeltool validate` names."
)
def init(
    project: Path,
    images: Path,
    annotations: Path | None,
    form: str | None,
    skeleton: str | None,
    name: str | None,
    blind_share: float,
    skip_broken: bool,
    accept_errors: bool,
) -> None:
    """Make project P of a folder of photos, with the labels there are."""
    from labeltool.models.memory import keep_freed_memory
    from labeltool.project import Project

    keep_freed_memory()
    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise ProjectError(f"{project}: exists and is not empty, expected a new folder")
    imported = _import(images, annotations, form, skeleton)
    print_notes(imported.notes)
    refuse_photos(imported.problems, images, skip_broken, "nothing was made")
    refuse_errors(imported.document, str(annotations), accept_errors, "nothing was made")
    # photos that a format left out for want of a size are no images of the project
    known = {image["id"] for image in imported.document.images}
    problems = {image: reason for image, reason in imported.problems.items() if image in known}
    with Project.create(
        project,
        imported.document,
        imported.image_root,
        imported.skeleton,
        name=name,
        problems=problems,
        blind_share=blind_share,
    ) as made:
        counts = made.counts()
        click.echo(
            f"{project}: {count_of(counts.images, 'photo')}, {count_of(counts.people, 'person', 'people')}, "
            f"{count_of(counts.joints, 'labelled joint')}, skeleton {made.skeleton.name} ({len(made.skeleton)} joints)"
        )


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option(
    "--model",
    help="A name that `labeltool models` lists; by default the version that was trained on P last, else heatmap; with --weights "
    "the model that they are a checkpoint of.",
)
@click.option("--weights", type=PATH, help="Weights file instead of the model's own.")
@click.option("--device", default="auto", show_default=True, help="A torch device (cpu, cuda, ...).")
@click.option("--batch", type=click.IntRange(1, 1024), default=16, show_default=True, help="Photos a batch.")
@click.option(
    "--boxes",
    type=click.Choice(["project", "image"]),
    default="project",
    show_default=True,
    help="For models that find nobody by themselves: people's boxes, or the whole photo where a photo has no people.",
)
@click.option(
    "--propose-from",
    metavar="SCORE",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="For models that find people by themselves, on photos that they have not seen: propose whom P does not know from this "
    "score on.",
)
def prefill(
    project: Path, model: str | None, weights: Path | None, device: str, batch: int, boxes: Boxes, propose_from: float
) -> None:
    """Run a model over project P; people without human labels get its joints as predictions.

    Photos that the model has seen are passed over, so a run that was stopped goes on where it was. Another version has seen
    none: it fills anew whom nobody has touched.
    """
    from labeltool.models.memory import keep_freed_memory

    keep_freed_memory()
    with open_project(project) as opened:
        problems = fill(opened, model, weights, device, batch=batch, boxes=boxes, propose_from=propose_from)
    end_with(problems)


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open/--no-open", "browser", default=False, help="Open the page in the browser.")
@click.option(
    "--model",
    help="The model that fills a box at the key M, a name of `labeltool models`; by default the version that was trained on P "
    "last, else heatmap.",
)
@click.option("--weights", type=PATH, help="Weights file for --model instead of the model's own.")
@click.option("--no-model", is_flag=True, help="Fill no boxes; nothing of torch is loaded.")
def serve(
    project: Path, port: int, host: str, browser: bool, model: str | None, weights: Path | None, no_model: bool
) -> None:
    """Serve the Label, Queue, Export, Stats and Audit pages of project P; the printed address holds the token that opens them."""
    from labeltool.models.catalog import catalog
    from labeltool.server.predicting import Models

    if no_model and (model or weights):
        raise click.UsageError("--no-model goes without --model and --weights")
    if weights is not None and model is None:
        raise click.UsageError("--weights goes with --model, which says what they are of")
    if model is not None and model not in catalog():
        raise ModelError(f"model {model!r}: unknown, expected one of {', '.join(sorted(catalog()))}")
    if model is None and not no_model:
        model, weights = current_model(project)
    _serve(project, host, port, browser, Models(model, weights=weights, enabled=not no_model))


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--refresh",
    is_flag=True,
    help="First check all labels for errors again, and measure anew how far predictions are to be doubted.",
)
def status(project: Path, as_json: bool, refresh: bool) -> None:
    """Print how far the work on project P is, how fast it goes and how much is left."""
    from dataclasses import asdict

    with open_project(project) as opened:
        if refresh:
            opened.recheck()
            opened.measure_doubts()
        progress, paces = opened.progress(), opened.paces()
        counts = opened.counts()
        models = opened.list_models()
        if as_json:
            about = {"project": opened.config.name, "skeleton": opened.skeleton.name}
            work = {"progress": asdict(progress), **rate_data(progress, paces)}
            print_json({**about, **asdict(counts), **work, "models": [asdict(m) for m in models]})
            return
        click.echo(f"{opened.config.name}: {count_of(counts.images, 'photo')}, skeleton {opened.skeleton.name}")
        for state, number in counts.by_status.items():
            click.echo(f"  {state:<12}{number:>8}")
        if counts.problems:
            click.echo(f"  {'unreadable':<12}{counts.problems:>8}")
        click.echo(f"  {'needs fix':<12}{progress.needs_fix:>8}")
        click.echo(
            f"{count_of(counts.people, 'person', 'people')}: {counts.labelled_people} with labels, "
            f"{counts.predicted_people} with predictions that wait; {counts.blind} labelled blind; "
            f"{counts.crowds} crowd regions, {counts.deleted} deleted"
        )
        sources = ", ".join(f"{number} {source}" for source, number in counts.by_source.items() if number)
        click.echo(
            f"{count_of(counts.joints, 'labelled joint')}, {counts.hidden_joints} of them hidden ({sources or 'none yet'})"
        )
        for line in work_lines(progress, paces):
            click.echo(line)
        for m in models:
            click.echo(
                f"model {m.model}@{m.version} ({m.weights_hash[:12]}): {m.people} people in {m.images} photos, {m.at}"
            )


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.argument("out", metavar="OUT.json", type=PATH)
@click.option("--only-done", is_flag=True, help="Only photos whose status is done.")
@click.option("--with-predicted", is_flag=True, help="Also predictions that nobody has looked at; they are no labels.")
def export(project: Path, out: Path, only_done: bool, with_predicted: bool) -> None:
    """Write the labels of project P as COCO JSON."""
    expect_output(out)
    with open_project(project) as opened:
        summary = opened.export(out, only_done=only_done, with_predicted=with_predicted)
        waiting = opened.counts().predicted_people
    click.echo(
        f"{out}: {count_of(summary.images, 'photo')}, {count_of(summary.annotations, 'annotation')} "
        f"({summary.people} people, {summary.changed} of them changed, {summary.new} new; {summary.deleted} deleted left out)"
    )
    if summary.area_sources:
        click.echo("area of changed and new people: " + ", ".join(f"{n} {s}" for s, n in summary.area_sources.items()))
    if waiting and not with_predicted:
        click.echo(f"{count_of(waiting, 'person has', 'people have')} predictions that nobody has looked at: left out")


@click.command()
@click.argument("folder", metavar="[DIR]", type=PATH, default=Path("labeltool-demo"))
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open/--no-open", "browser", default=True, help="Open the page in the browser.")
def demo(folder: Path, port: int, host: str, browser: bool) -> None:
    """Make a project of the sample photos in DIR (labeltool-demo), pre-fill it with heatmap, and serve it.

    When DIR holds a project already, that one is pre-filled where it is not yet, and served.
    """
    from labeltool.demo import make_demo
    from labeltool.server.serve import check_port

    check_port(host, port)
    make_demo(folder)
    with open_project(folder) as opened:
        fill(opened, None, None, "auto", batch=8)
    _serve(folder, host, port, browser)


def _import(images: Path, annotations: Path | None, form: str | None, skeleton: str | None) -> Imported:
    from labeltool.skeleton import COCO_17, LSP_14, get_skeleton

    asked = get_skeleton(skeleton) if skeleton is not None else None
    if annotations is None:
        from labeltool.formats.folder import read_folder

        return read_folder(images, asked or COCO_17)
    name = form or format_by_name(annotations)
    if name in ("lsp", "lspet"):
        from labeltool.formats.lsp import read_lsp

        if asked is not None and asked.joints != LSP_14.joints:
            raise FormatError(f"{annotations}: LSP labels have the skeleton lsp-14, not {asked.name}")
        return read_lsp(images, annotations)
    if name == "coco":
        from labeltool.formats.coco import read_coco

        return read_coco(images, annotations, asked)
    from labeltool.formats.project_import import read_for_project

    return read_for_project(name, images, annotations, asked)


def _serve(project: Path, host: str, port: int, browser: bool, models: Models | None = None) -> None:
    from labeltool.server.serve import serve as run

    run(project, host=host, port=port, open_browser=browser, models=models)
