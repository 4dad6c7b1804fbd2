"""The command line: one function a command, which parses, calls and prints.

Heavy packages are imported inside the command that needs them, so that `labeltool --help` stays quick.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from labeltool import __version__
from labeltool.errors import FormatError, LabeltoolError, PhotoError, ProjectError

if TYPE_CHECKING:
    from labeltool.audit import Scale
    from labeltool.formats.imported import Imported
    from labeltool.prefill import Progress
    from labeltool.project import Project

_PATH = click.Path(path_type=Path)
_PORT = 8600

#: How many lines of the same kind are printed before the rest is only counted.
_MOST_LINES = 5


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="labeltool")
def cli() -> None:
    """Human-pose keypoint data you can trust: pre-fill, label, validate, export and audit COCO keypoints.

    A project is a folder that remembers the labels of a set of photos; P stands for its path.
    """


@cli.command()
@click.argument("project", metavar="P", type=_PATH)
@click.option("--images", required=True, type=_PATH, help="Folder of the photos; they stay where they are.")
@click.option("--annotations", type=_PATH, help="Labels to start from: a COCO JSON file or LSP's joints.mat.")
@click.option(
    "--format", "form", type=click.Choice(["coco", "lsp"]), help="Format of --annotations; by default from its name."
)
@click.option(
    "--skeleton",
    help="coco-17, lsp-14, mpii-16 or a TOML file; by default that of the annotations, or coco-17 without any.",
)
@click.option("--name", help="Name of the project; by default the folder's.")
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
    skip_broken: bool,
    accept_errors: bool,
) -> None:
    """Make project P of a folder of photos, with the labels there are."""
    from labeltool.coco.check import check_document
    from labeltool.project import Project

    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise ProjectError(f"{project}: exists and is not empty, expected a new folder")
    imported = _import(images, annotations, form, skeleton)
    for note in imported.notes:
        click.echo(f"note: {note}")
    if imported.problems:
        _lines(imported.problems.values(), "more photos that cannot be used")
        if not skip_broken:
            raise PhotoError(
                f"{images}: {_count(len(imported.problems), 'photo')} cannot be used; nothing was made "
                "(mend them, or go on without them by --skip-broken)"
            )
    errors = [f for f in check_document(imported.document) if f.severity == "error"]
    if errors:
        _lines((f"{f.code} {f.message}" for f in errors), "more kinds of error")
        if not accept_errors:
            raise FormatError(
                f"{annotations}: {_count(sum(f.count for f in errors), 'error')}; nothing was made "
                "(see labeltool validate; go on as it is by --accept-errors)"
            )
    with Project.create(
        project, imported.document, imported.image_root, imported.skeleton, name=name, problems=imported.problems
    ) as made:
        counts = made.counts()
        click.echo(
            f"{project}: {_count(counts.images, 'photo')}, {_count(counts.people, 'person', 'people')}, "
            f"{_count(counts.joints, 'labelled joint')}, skeleton {made.skeleton.name} ({len(made.skeleton)} joints)"
        )


@cli.command()
@click.argument("project", metavar="P", type=_PATH)
@click.option("--model", default="deeppose", show_default=True, help="A name that `labeltool models` lists.")
@click.option("--weights", type=_PATH, help="Weights file instead of the model's own.")
@click.option("--device", default="auto", show_default=True, help="A torch device (cpu, cuda, ...).")
@click.option("--batch", type=click.IntRange(1, 1024), default=16, show_default=True, help="Photos a batch.")
@click.option(
    "--boxes",
    type=click.Choice(["project", "image"]),
    default="project",
    show_default=True,
    help="For models that find nobody by themselves: people's boxes, or the whole photo where a photo has no people.",
)
def prefill(project: Path, model: str, weights: Path | None, device: str, batch: int, boxes: str) -> None:
    """Run a model over project P; people without human labels get its joints as predictions.

    Photos that the model has seen are passed over, so a run that was stopped goes on where it was.
    """
    with _open(project) as opened:
        problems = _prefill(opened, model, weights, device, batch, boxes)
    if problems:
        _lines(problems, "more photos or people that could not be used")
        sys.exit(1)


@cli.command()
@click.argument("project", metavar="P", type=_PATH)
@click.option("--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open/--no-open", "browser", default=False, help="Open the page in the browser.")
def serve(project: Path, port: int, host: str, browser: bool) -> None:
    """Serve the Label, Export and Audit pages of project P; the printed address holds the token that opens them."""
    _serve(project, host, port, browser)


@cli.command()
@click.argument("project", metavar="P", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(project: Path, as_json: bool) -> None:
    """Print how far the work on project P is."""
    from dataclasses import asdict

    with _open(project) as opened:
        counts = opened.counts()
        models = opened.list_models()
        if as_json:
            about = {"project": opened.config.name, "skeleton": opened.skeleton.name}
            _print_json({**about, **asdict(counts), "models": [asdict(m) for m in models]})
            return
        click.echo(f"{opened.config.name}: {_count(counts.images, 'photo')}, skeleton {opened.skeleton.name}")
        for state, number in counts.by_status.items():
            click.echo(f"  {state:<12}{number:>8}")
        if counts.problems:
            click.echo(f"  {'unreadable':<12}{counts.problems:>8}")
        click.echo(
            f"{_count(counts.people, 'person', 'people')}: {counts.labelled_people} with labels, {counts.predicted_people} with "
            f"predictions that wait; {counts.crowds} crowd regions, {counts.deleted} deleted"
        )
        sources = ", ".join(f"{number} {source}" for source, number in counts.by_source.items() if number)
        click.echo(
            f"{_count(counts.joints, 'labelled joint')}, {counts.hidden_joints} of them hidden ({sources or 'none yet'})"
        )
        for m in models:
            click.echo(
                f"model {m.model}@{m.version} ({m.weights_hash[:12]}): {m.people} people in {m.images} photos, {m.at}"
            )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models(as_json: bool) -> None:
    """List the models that can pre-fill."""
    from labeltool.models.catalog import broken_offers, catalog

    for line in broken_offers():
        click.echo(f"left out: {line}", err=True)
    infos = sorted(catalog().values(), key=lambda info: info.name)
    if as_json:
        fields = ("name", "summary", "skeleton", "detects", "licence", "shipped", "source")
        _print_json([{field: getattr(info, field) for field in fields} for info in infos])
        return
    for info in infos:
        click.echo(
            f"{info.name}  ({info.skeleton}, {'finds people' if info.detects else 'needs boxes'}; {info.source})"
        )
        click.echo(f"    {info.summary}")
        click.echo(f"    licence: {info.licence}")


@cli.command()
@click.argument("source", metavar="FILE|P", type=_PATH)
@click.option("--images", type=_PATH, help="Folder of the photos, to check that they are there and of the stated size.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(source: Path, images: Path | None, as_json: bool) -> None:
    """Check a COCO keypoint file, or what project P would export; exit 1 when there are errors."""
    from labeltool.coco.check import Report, check_document, check_file
    from labeltool.coco.document import CocoDocument

    if images is not None and not images.is_dir():
        raise PhotoError(f"{images}: no such folder of photos")
    if source.is_dir():
        with _open(source) as opened:
            document = CocoDocument(opened.to_document(), str(source))
        report = Report(str(source), tuple(check_document(document, images_root=images)))
    else:
        report = check_file(source, images_root=images)
    if as_json:
        _print_json(report.to_json())
    else:
        click.echo(report.to_text())
    if report.errors:
        sys.exit(1)


@cli.command()
@click.argument("project", metavar="P", type=_PATH)
@click.argument("out", metavar="OUT.json", type=_PATH)
@click.option("--only-done", is_flag=True, help="Only photos whose status is done.")
@click.option("--with-predicted", is_flag=True, help="Also predictions that nobody has looked at; they are no labels.")
def export(project: Path, out: Path, only_done: bool, with_predicted: bool) -> None:
    """Write the labels of project P as COCO JSON."""
    with _open(project) as opened:
        summary = opened.export(out, only_done=only_done, with_predicted=with_predicted)
        waiting = opened.counts().predicted_people
    click.echo(
        f"{out}: {_count(summary.images, 'photo')}, {_count(summary.annotations, 'annotation')} "
        f"({summary.people} people, {summary.changed} of them changed, {summary.new} new; {summary.deleted} deleted left out)"
    )
    if summary.area_sources:
        click.echo("area of changed and new people: " + ", ".join(f"{n} {s}" for s, n in summary.area_sources.items()))
    if waiting and not with_predicted:
        click.echo(f"{_count(waiting, 'person has', 'people have')} predictions that nobody has looked at: left out")


@cli.command()
@click.argument("project", metavar="[P]", type=_PATH, required=False)
@click.option("--model", help="Whose predictions in project P to measure.")
@click.option("--truth", type=_PATH, help="COCO file with the labels, instead of a project.")
@click.option("--predictions", type=_PATH, help="COCO keypoint results to hold against --truth.")
@click.option(
    "--scale",
    type=click.Choice(["area", "bbox-diagonal"]),
    default="area",
    show_default=True,
    help="The s of OKS: the root of the segment area (COCO), or the diagonal of the box.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(
    project: Path | None, model: str | None, truth: Path | None, predictions: Path | None, scale: Scale, as_json: bool
) -> None:
    """Measure a model against the labels, joint by joint: OKS AP/AR, ks, PDJ.

    Either `labeltool audit P --model NAME` or `labeltool audit --truth T.json --predictions R.json`.
    """
    from labeltool import evaluate
    from labeltool.audit import format_audit

    if project is not None and (truth is not None or predictions is not None):
        raise click.UsageError("give a project, or --truth with --predictions, not both")
    if project is not None:
        with _open(project) as opened:
            result = evaluate.audit_project(opened, model, scale=scale)
    elif truth is not None and predictions is not None:
        result = evaluate.audit_files(truth, predictions, scale=scale)
    else:
        raise click.UsageError("give a project with --model, or --truth with --predictions")
    if as_json:
        _print_json(result.to_json())
    else:
        click.echo(format_audit(result), nl=False)


@cli.command()
@click.argument("model", type=click.Choice(["deeppose", "heatmap"]))
@click.option("--out", required=True, type=_PATH, help="Folder for checkpoints and the learning curve.")
@click.option(
    "--data",
    "sources",
    required=True,
    multiple=True,
    nargs=2,
    type=_PATH,
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
@click.option("--init", type=_PATH, help="safetensors weights to start from: a backbone's, or a checkpoint.")
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


@cli.command()
@click.argument("folder", metavar="[DIR]", type=_PATH, default=Path("labeltool-demo"))
@click.option("--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open/--no-open", "browser", default=True, help="Open the page in the browser.")
def demo(folder: Path, port: int, host: str, browser: bool) -> None:
    """Make a project of the sample photos in DIR (labeltool-demo), pre-fill it with deeppose, and serve it.

    When DIR holds a project already, that one is pre-filled where it is not yet, and served.
    """
    from labeltool.demo import make_demo
    from labeltool.server.serve import check_port

    check_port(host, port)
    make_demo(folder)
    with _open(folder) as opened:
        _prefill(opened, "deeppose", None, "auto", 8, "project")
    _serve(folder, host, port, browser)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command; errors of labeltool and of the system are one line on standard error and exit 1, misuse exits 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli.main(args=arguments, prog_name="labeltool", standalone_mode=False)
    except click.exceptions.Abort:
        _fail("stopped", 130)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except LabeltoolError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        # the reader of our output went away (head, less): not an error of this side
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        _fail(f"{where}{error.strerror or error}", 1)
    except MemoryError:
        _fail("not enough memory", 1)
    sys.exit(0)


def _fail(message: str, status: int) -> NoReturn:
    click.echo("labeltool: " + " ".join(message.splitlines()), err=True)
    sys.exit(status)


def _import(images: Path, annotations: Path | None, form: str | None, skeleton: str | None) -> Imported:
    from labeltool.skeleton import COCO_17, LSP_14, get_skeleton

    asked = get_skeleton(skeleton) if skeleton is not None else None
    if annotations is None:
        from labeltool.formats.folder import read_folder

        return read_folder(images, asked or COCO_17)
    if (form or ("lsp" if annotations.suffix == ".mat" else "coco")) == "lsp":
        from labeltool.formats.lsp import read_lsp

        if asked is not None and asked.joints != LSP_14.joints:
            raise FormatError(f"{annotations}: LSP labels have the skeleton lsp-14, not {asked.name}")
        return read_lsp(images, annotations)
    from labeltool.formats.coco import read_coco

    return read_coco(images, annotations, asked)


def _open(project: Path) -> Project:
    from labeltool.project import Project

    return Project.open(project)


def _prefill(project: Project, model: str, weights: Path | None, device: str, batch: int, boxes: str) -> list[str]:
    from labeltool.models.catalog import load_model
    from labeltool.prefill import prefill as run

    loaded = load_model(model, weights=weights, device=device)
    try:
        report = run(project, loaded, batch=batch, boxes="image" if boxes == "image" else "project", progress=_bar)
    except KeyboardInterrupt:
        raise ProjectError(
            f"{project.path}: stopped; what is done is kept, the same command goes on with the rest"
        ) from None
    click.echo(
        f"{loaded.name}@{loaded.version}: {_count(report.people, 'person', 'people')} in {_count(report.images, 'photo')}; "
        f"{report.filled} filled, {report.proposed} proposed, people with human labels left as they are"
    )
    if report.before:
        click.echo(f"{_count(report.before, 'photo')} had been done before")
    if report.without_boxes:
        click.echo(
            f"{_count(report.without_boxes, 'photo')} without boxes passed over (--boxes image takes the whole photo)"
        )
    return report.problems


def _bar(total: int) -> Progress:
    from tqdm import tqdm

    return tqdm(total=total, desc="pre-fill", unit="photo", disable=None)


def _serve(project: Path, host: str, port: int, browser: bool) -> None:
    from labeltool.server.serve import serve as run

    run(project, host=host, port=port, open_browser=browser)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _lines(lines: Iterable[str], more: str) -> None:
    every = list(lines)
    for line in every[:_MOST_LINES]:
        click.echo(f"  {line}", err=True)
    if len(every) > _MOST_LINES:
        click.echo(f"  ... {len(every) - _MOST_LINES} {more}", err=True)


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


if __name__ == "__main__":
    main()
