"""The command that brings labels into a project that is there already, and what it has in common with `init`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from labeltool.cli.common import FORMAT_NAME, PATH, count_of, expect_photos, open_project, print_lines
from labeltool.errors import FormatError, PhotoError, ProjectError

if TYPE_CHECKING:
    from labeltool.coco.document import CocoDocument
    from labeltool.formats.imported import Imported
    from labeltool.project import Addition, Project
    from labeltool.skeleton import Skeleton

#: What becomes of people whom a labeller worked on and whom the import knows otherwise.
Edited = Literal["keep", "replace"]


@click.command("import")
@click.argument("project", metavar="P", type=PATH)
@click.argument("file", metavar="[FILE]", type=PATH, required=False)
@click.option("--from-fiftyone", "dataset", metavar="NAME", help="A FiftyOne data set instead of FILE.")
@click.option("--field", help="The data set's field of keypoints; by default ground_truth, or the only one.")
@click.option(
    "--format", "form", type=FORMAT_NAME, help="Format of FILE (`labeltool convert --list`); by default from its name."
)
@click.option(
    "--images", type=PATH, help="Folder that FILE's photo names start from, in P's photo folder; by default that one."
)
@click.option(
    "--edited",
    type=click.Choice(["keep", "replace"]),
    default="keep",
    show_default=True,
    help="What to do with people whom a labeller worked on and who differ in FILE; their log keeps what is replaced.",
)
@click.option("--skip-broken", is_flag=True, help="Go on when photos are missing, broken or of another size than in P.")
@click.option(
    "--accept-errors", is_flag=True, help="Go on when the labels have errors that `labeltool validate` names."
)
def import_(
    project: Path,
    file: Path | None,
    dataset: str | None,
    field: str | None,
    form: str | None,
    images: Path | None,
    edited: Edited,
    skip_broken: bool,
    accept_errors: bool,
) -> None:
    """Bring the labels of FILE, or of a FiftyOne data set, into project P; what P has already is known again.

    A run that was stopped can be repeated.

    Photos are known by file name, people by annotation id or by being the same. People whom nobody worked on take the labels
    of FILE.
    """
    from labeltool.models.memory import keep_freed_memory

    if (file is None) == (dataset is None):
        raise click.UsageError("give FILE, or --from-fiftyone NAME")
    if dataset is not None and form is not None:
        raise click.UsageError("--format goes with FILE")
    if dataset is None and field is not None:
        raise click.UsageError("--field goes with --from-fiftyone")
    expect_photos(images)
    keep_freed_memory()
    with open_project(project) as opened:
        root = images or opened.config.image_root
        if file is not None:
            imported, source = read_labels(file, form, root, opened.skeleton), str(file)
        else:
            from labeltool.explore.reading import read_fiftyone

            imported, source = read_fiftyone(str(dataset), root, opened.skeleton, field), f"FiftyOne {dataset}"
        add_labels(opened, imported, source, edited=edited, skip_broken=skip_broken, accept_errors=accept_errors)


def read_labels(file: Path, form: str | None, images: Path, skeleton: Skeleton | None) -> Imported:
    """The labels of a file in the format named, or the one its name means; photos are looked at only for their sizes."""
    from labeltool.formats.registry import get_format

    return get_format(form or format_by_name(file)).read(file, images, skeleton)


def add_labels(
    project: Project,
    imported: Imported,
    source: str,
    *,
    edited: Edited = "keep",
    skip_broken: bool = False,
    accept_errors: bool = False,
) -> None:
    """Adds labels that were read from somewhere to a project, and prints what came of it.

    Args:
        project: where they go.
        imported: the labels, and the folder that their photos' names start from.
        source: what they are called in messages and in the log.
        edited: what becomes of people whom a labeller worked on and who differ.
        skip_broken: whether to go on without photos that cannot be used.
        accept_errors: whether to go on with labels that have errors.
    """
    from tqdm import tqdm

    from labeltool.formats.project_import import photos_of, renamed

    document = renamed(imported.document, imported.image_root, project.config.image_root)
    print_notes(imported.notes)
    matching = project.match_images(document)
    print_notes(matching.notes())
    new = [document.images[index] for index in matching.new]
    problems, notes = photos_of(project.config.image_root, new)
    print_notes(notes)
    broken = {**imported.problems, **problems, **matching.unlike}
    refuse_photos(broken, imported.image_root, skip_broken, "nothing was imported")
    refuse_errors(document, source, accept_errors, "nothing was imported")
    with tqdm(total=len(document.annotations), desc="import", unit="annotation", disable=None) as bar:
        try:
            added = project.add_document(
                document,
                source=source,
                edited=edited,
                problems=problems,
                leave_out=matching.unlike.keys(),
                told=bar.update,
            )
        except KeyboardInterrupt:
            raise ProjectError(
                f"{project.path}: stopped; what is in stays, the same command goes on with the rest"
            ) from None
    _report(project, added)


def format_by_name(annotations: Path) -> str:
    """LSP for .mat, what the registry takes the suffix for, and COCO for every other name."""
    from labeltool.formats.registry import guess_format

    if annotations.suffix == ".mat":
        return "lsp"
    try:
        return guess_format(annotations, "--format").name
    except FormatError:
        if annotations.is_dir():
            raise
        return "coco"


def print_notes(notes: Mapping[int, str] | tuple[str, ...] | list[str]) -> None:
    """Prints what a user should know of an import."""
    for note in notes:
        click.echo(f"note: {note}")


def refuse_photos(problems: Mapping[int, str], images: Path, skip_broken: bool, nothing: str) -> None:
    """Names photos that cannot be used; stops there unless they may be passed over.

    Raises:
        PhotoError: there are some.
    """
    if not problems:
        return
    print_lines(problems.values(), "more photos that cannot be used")
    if not skip_broken:
        raise PhotoError(
            f"{images}: {count_of(len(problems), 'photo')} cannot be used; {nothing} "
            "(mend them, or go on without them by --skip-broken)"
        )


def refuse_errors(document: CocoDocument, source: str, accept_errors: bool, nothing: str) -> None:
    """Names the errors of labels; stops there unless they are accepted.

    Raises:
        FormatError: there are some.
    """
    from labeltool.coco.check import check_document

    errors = [f for f in check_document(document) if f.severity == "error"]
    if not errors:
        return
    print_lines((f"{f.code} {f.message}" for f in errors), "more kinds of error")
    if not accept_errors:
        raise FormatError(
            f"{source}: {count_of(sum(f.count for f in errors), 'error')}; {nothing} "
            "(see labeltool validate; go on as it is by --accept-errors)"
        )


def _report(project: Project, added: Addition) -> None:
    print_notes(added.notes)
    click.echo(
        f"{project.path}: {count_of(added.new_images, 'new photo')}, {added.known_images:,} known; "
        f"{count_of(added.people, 'person added', 'people added')}, {added.updated:,} brought up to date, "
        f"{added.same:,} there already"
        + (f"; {count_of(added.others, 'other annotation')} added" if added.others else "")
    )
    if added.replaced:
        click.echo(
            f"{count_of(added.replaced, 'person', 'people')} whom a labeller worked on replaced; the log keeps them"
        )
    if added.kept:
        click.echo(
            f"{count_of(added.kept, 'person', 'people')} whom a labeller worked on differ and stay as they are "
            "(--edited replace takes the file's)"
        )
        print_lines(added.kept_places, "more of them")
