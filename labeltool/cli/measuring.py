"""Commands that check label files and measure models."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.cli.common import PATH, FiniteRange, expect_output, expect_photos, open_project, print_json
from labeltool.errors import CocoError
from labeltool.files import atomic_write

if TYPE_CHECKING:
    from labeltool.audit import Scale
    from labeltool.coco.check import Report
    from labeltool.coco.draft import Change, Level
    from labeltool.evaluate import Choices, Subject
    from labeltool.project import Project


@click.command()
@click.argument("source", metavar="FILE|P", type=PATH)
@click.argument("out", metavar="[OUT]", type=PATH, required=False)
@click.option("--images", type=PATH, help="Folder of the photos, to read and compare them.")
@click.option("--truth", type=PATH, help="COCO file that the results in FILE are held against.")
@click.option("--split", "splits", type=PATH, multiple=True, help="Another split of the same set: no photo in both.")
@click.option(
    "--select", multiple=True, metavar="CODES", help="Only these rules: A312, or A3 or A for all that begin so."
)
@click.option("--ignore", multiple=True, metavar="CODES", help="All rules but these.")
@click.option(
    "--fix", "fix", metavar="OUT", help="Write FILE to OUT with what can be mended safely; --fix=all OUT: more."
)
@click.option("--fix-log", type=PATH, help="Write every change as a line of JSON.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github", "junit"]), default="text", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: --format json.")
def validate(
    source: Path,
    out: Path | None,
    images: Path | None,
    truth: Path | None,
    splits: Sequence[Path],
    select: Sequence[str],
    ignore: Sequence[str],
    fix: str | None,
    fix_log: Path | None,
    form: str,
    as_json: bool,
) -> None:
    """Check a COCO keypoint file, results, or what project P would export; exit 1 when there are errors.

    --fix OUT writes a copy in which counts, flags, missing boxes and the like are made right; --fix=all OUT also makes the
    changes that take a decision, such as dropping an annotation of no image. No labelled joint is moved, except one at most
    a pixel outside its image. The report is then that of OUT.
    """
    from labeltool.coco.check import select_codes

    codes = select_codes(select, ignore)
    expect_photos(images)
    if fix is None:
        if out is not None or fix_log is not None:
            raise click.UsageError("OUT and --fix-log go with --fix")
        report = _report(source, images, truth, splits, codes)
        _print_report(report, "json" if as_json else form, [], codes)
    else:
        level: Level = "all" if fix == "all" else "safe"
        target = out if fix in ("all", "safe") else Path(fix)
        if target is None or (out is not None and target is not out):
            raise click.UsageError("--fix OUT, --fix=safe OUT or --fix=all OUT: one path to write to")
        if truth is not None:
            raise click.UsageError("--truth goes without --fix: results are not mended")
        expect_output(target, source, *splits)
        if fix_log is not None:
            expect_output(fix_log, source, *splits)
            if fix_log.resolve() == target.resolve() or not fix_log.absolute().parent.is_dir():
                raise CocoError(f"{fix_log}: cannot be the log, expected a file of its own in a folder that is there")
        report, changes = _mend(source, target, level, images, splits, codes)
        if fix_log is not None:
            _write_log(fix_log, changes)
        _print_report(report, "json" if as_json else form, changes, codes)
    if report.errors:
        sys.exit(1)


def _report(
    source: Path, images: Path | None, truth: Path | None, splits: Sequence[Path], codes: Collection[str] | None
) -> Report:
    """The check of a file, or of what a project would export."""
    from labeltool.coco.check import Report, check_document, check_file
    from labeltool.coco.document import CocoDocument, read_document

    others = [read_document(path) for path in splits]
    if not source.is_dir():
        held_against = None if truth is None else read_document(truth)
        return check_file(source, images, codes=codes, truth=held_against, splits=others)
    with open_project(source) as opened:
        document = CocoDocument(opened.to_document(), str(source))
        opened.recheck()  # the queue's "needs fix" says what this check says
    return Report(str(source), tuple(check_document(document, images_root=images, codes=codes, splits=others)))


def _mend(
    source: Path, out: Path, level: Level, images: Path | None, splits: Sequence[Path], codes: Collection[str] | None
) -> tuple[Report, list[Change]]:
    """Writes the mended file, and returns the check of it with the changes that were made."""
    from labeltool.coco.check import Report, check_document
    from labeltool.coco.document import read_damaged_document, read_document, write_document
    from labeltool.coco.fixes import fix_document

    if source.is_dir():
        raise CocoError(f"{source}: a project is mended by labelling it; expected a file")
    others = [read_document(path) for path in splits]
    document, changes = fix_document(
        read_damaged_document(source), level, images_root=images, codes=codes, splits=others
    )
    write_document(out, document.data)
    return Report(str(out), tuple(check_document(document, images_root=images, codes=codes, splits=others))), changes


def _print_report(report: Report, form: str, changes: Sequence[Change], codes: Collection[str] | None) -> None:
    from labeltool.coco import reporting
    from labeltool.coco.fixes import summary_of

    if form == "json":
        plain = report.to_json()
        print_json(plain | {"changes": [change.to_json() for change in changes]} if changes else plain)
    elif form == "github":
        click.echo(reporting.to_github(report))
    elif form == "junit":
        click.echo(reporting.to_junit(report, codes))
    else:
        if changes:
            click.echo(summary_of(changes) + "\n")
        click.echo(report.to_text())


def _write_log(path: Path, changes: Sequence[Change]) -> None:
    with atomic_write(path) as file:
        for change in changes:
            file.write(json.dumps(change.to_json()).encode("ascii") + b"\n")


@click.command()
@click.argument("project", metavar="[P]", type=PATH, required=False)
@click.option(
    "--model", help="Whose predictions in project P to measure: a name, or name@version; of a name its latest run."
)
@click.option("--versus", metavar="MODEL", help="Another model or version of P, on the same people.")
@click.option("--truth", type=PATH, help="COCO file with the labels, instead of a project.")
@click.option("--predictions", type=PATH, help="COCO keypoint results to hold against --truth.")
@click.option("--versus-predictions", type=PATH, help="Other results, on the same people.")
@click.option("--images", type=PATH, help="Folder of the photos of --truth, for the pictures of the report.")
@click.option("--out", metavar="DIR", type=PATH, help="Write a report: page, tables, plots, pictures, audit.json.")
@click.option("--status", "statuses", multiple=True, metavar="STATUS", help="Only photos of this status, such as done.")
@click.option(
    "--scale",
    type=click.Choice(["area", "bbox-diagonal"]),
    default="area",
    show_default=True,
    help="The s of OKS: the root of the segment area (COCO), or the diagonal of the box.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the intervals.")
@click.option(
    "--replicates", type=click.IntRange(min=2), default=1000, show_default=True, help="Replicates of the bootstrap."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--write-thresholds",
    is_flag=True,
    help="Also write to P, joint by joint, the confidence below which a labeller should look: the editor rings what lies below.",
)
@click.option(
    "--precision",
    type=FiniteRange(0, 1),
    default=0.95,
    show_default=True,
    help="Share of right joints that is wanted at and above the thresholds.",
)
@click.option("--user", help="Who writes them; by default the account's name.")
def audit(
    project: Path | None,
    model: str | None,
    versus: str | None,
    truth: Path | None,
    predictions: Path | None,
    versus_predictions: Path | None,
    images: Path | None,
    out: Path | None,
    statuses: Sequence[str],
    scale: Scale,
    seed: int,
    replicates: int,
    as_json: bool,
    write_thresholds: bool,
    precision: float,
    user: str | None,
) -> None:
    """Measure a model against the labels, joint by joint: OKS AP/AR, ks, PDJ, kinds of errors.

    Either `labeltool audit P --model NAME` or `labeltool audit --truth T.json --predictions R.json`. With --versus the
    differences of two models, or of two versions of one (heatmap@project-2 and heatmap@project-1), and how sure they are; with
    --out a report. People whom a version was trained on are left out. Where people of a project were labelled blind, also the
    model on them and on those who began with its joints.
    """
    from labeltool import evaluate
    from labeltool.audit import audit as measure
    from labeltool.audit import format_audit
    from labeltool.evaluate.text import format_differences

    if out is not None:
        from labeltool.report import expect_free

        expect_free(out)
    if project is not None and (truth is not None or predictions is not None or versus_predictions is not None):
        raise click.UsageError("give a project, or --truth with --predictions, not both")
    if write_thresholds and (project is None or versus is not None):
        raise click.UsageError("--write-thresholds goes with a project and one model")
    expect_photos(images)
    helped = None
    choices = evaluate.Choices(scale, seed, replicates)
    if project is not None:
        _expect_statuses(statuses)
        models = [model] if versus is None else [model, versus]
        with open_project(project) as opened:
            subjects = evaluate.read_project(opened, models, statuses=statuses or None)
            helped = evaluate.measure_help(opened, subjects[0], choices)
            if write_thresholds:
                _write_thresholds(opened, subjects[0], scale, precision, user)
            if out is not None:
                _write_report(out, subjects, choices, as_json)
                return
    elif truth is not None and predictions is not None:
        if versus is not None or statuses:
            raise click.UsageError("--versus and --status go with a project; with files, --versus-predictions")
        paths = [predictions] if versus_predictions is None else [predictions, versus_predictions]
        subjects = evaluate.read_files(truth, paths, images_root=images)
    else:
        raise click.UsageError("give a project with --model, or --truth with --predictions")
    if out is not None:
        _write_report(out, subjects, choices, as_json)
        return
    one = subjects[0]
    result = measure(one.labels, one.detections, one.skeleton, scale=scale)
    differences = evaluate.differences_of(subjects[0], subjects[1], choices) if len(subjects) > 1 else None
    if as_json:
        more: dict[str, Any] = {} if differences is None else {"comparison": evaluate.differences_json(differences)}
        if one.taught:
            more["taught"] = one.taught
        if helped is not None and (helped.blind or helped.assisted):
            more["help"] = evaluate.help_json(helped)
        print_json(result.to_json() | more)
        return
    if one.taught:
        click.echo(evaluate.taught_line(subjects))
    click.echo(format_audit(result), nl=False)
    if helped is not None and (text := evaluate.format_help(helped)):
        click.echo("\n" + text, nl=False)
    if differences is not None:
        names = (str(subjects[0].model), str(subjects[1].model))
        click.echo("\n" + format_differences(differences, one.skeleton, names), nl=False)


def _write_thresholds(project: Project, subject: Subject, scale: Scale, precision: float, user: str | None) -> None:
    from labeltool.evaluate import looking
    from labeltool.server.settings import default_user

    counts = looking.count_subject(subject, scale)
    found = looking.write_thresholds(project, str(subject.model), counts, precision, user or default_user())
    click.echo(looking.thresholds_text(found, precision), err=True)


def _expect_statuses(statuses: Sequence[str]) -> None:
    from labeltool.project import STATUSES

    for status in statuses:
        if status not in STATUSES:
            raise click.UsageError(f"--status {status}: expected one of {', '.join(STATUSES)}")


def _write_report(out: Path, subjects: Sequence[Subject], choices: Choices, as_json: bool) -> None:
    from labeltool import evaluate
    from labeltool.report import missing_parts, write_report

    studies = [evaluate.study(subject, choices) for subject in subjects]
    comparison = evaluate.compare_studies(studies[0], studies[1]) if len(studies) > 1 else None
    written = write_report(out, studies[0], comparison)
    missing = missing_parts()
    if as_json:
        files = [path.relative_to(out).as_posix() for path in written]
        print_json({"report": str(out / "report.html"), "files": files, "missing": missing})
        return
    click.echo(f"{out / 'report.html'}: {len(written)} files")
    for line in missing:
        click.echo(f"  {line}", err=True)
