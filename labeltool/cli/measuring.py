"""Commands that check label files and measure models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import PATH, open_project, print_json
from labeltool.errors import PhotoError

if TYPE_CHECKING:
    from labeltool.audit import Scale


@click.command()
@click.argument("source", metavar="FILE|P", type=PATH)
@click.option("--images", type=PATH, help="Folder of the photos, to check that they are there and of the stated size.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(source: Path, images: Path | None, as_json: bool) -> None:
    """Check a COCO keypoint file, or what project P would export; exit 1 when there are errors."""
    from labeltool.coco.check import Report, check_document, check_file
    from labeltool.coco.document import CocoDocument

    if images is not None and not images.is_dir():
        raise PhotoError(f"{images}: no such folder of photos")
    if source.is_dir():
        with open_project(source) as opened:
            document = CocoDocument(opened.to_document(), str(source))
        report = Report(str(source), tuple(check_document(document, images_root=images)))
    else:
        report = check_file(source, images_root=images)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(report.to_text())
    if report.errors:
        sys.exit(1)


@click.command()
@click.argument("project", metavar="[P]", type=PATH, required=False)
@click.option("--model", help="Whose predictions in project P to measure.")
@click.option("--truth", type=PATH, help="COCO file with the labels, instead of a project.")
@click.option("--predictions", type=PATH, help="COCO keypoint results to hold against --truth.")
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
        with open_project(project) as opened:
            result = evaluate.audit_project(opened, model, scale=scale)
    elif truth is not None and predictions is not None:
        result = evaluate.audit_files(truth, predictions, scale=scale)
    else:
        raise click.UsageError("give a project with --model, or --truth with --predictions")
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(format_audit(result), nl=False)
