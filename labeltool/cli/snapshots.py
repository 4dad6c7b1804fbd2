"""The command that takes snapshots of a project, lists them and holds them against each other."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labeltool.cli.common import PATH, count_of, open_project, print_json
from labeltool.errors import ProjectError

if TYPE_CHECKING:
    from labeltool.coco.document import CocoDocument
    from labeltool.project import Project, Snapshot

#: What `--compare` calls the labels as they are.
NOW = "now"


@click.command()
@click.argument("project", metavar="P", type=PATH)
@click.option("--note", help="What it is taken for.")
@click.option("--only-done", is_flag=True, help="Only photos whose status is done.")
@click.option(
    "--list", "listing", is_flag=True, help="List the snapshots there are; exit 1 when a file is not what it was."
)
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Show what changed from snapshot A to B, by their numbers or `now`; exit 1 if so.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot(
    project: Path, note: str | None, only_done: bool, listing: bool, compare: tuple[str, str] | None, as_json: bool
) -> None:
    """Write the labels of project P to P/snapshots and record them by their hash; a snapshot never changes.

    The file is COCO JSON as `labeltool export` writes it, and can be given to every command that takes one.
    """
    if ((listing or compare) and (note is not None or only_done)) or (listing and compare):
        raise click.UsageError("--list and --compare go without each other, --note and --only-done")
    with open_project(project) as opened:
        if listing:
            _list(opened, as_json)
        elif compare:
            _compare(opened, *compare, as_json)
        else:
            _take(opened, note, only_done, as_json)


def _take(project: Project, note: str | None, only_done: bool, as_json: bool) -> None:
    same = {one.sha256: one for one in project.snapshots()}
    taken = project.take_snapshot(note, only_done=only_done)
    if as_json:
        print_json(_data(taken))
        return
    click.echo(f"snapshot {taken.number}: {taken.path}\n  {_counts(taken)}, sha256 {taken.sha256}")
    if taken.sha256 in same:
        click.echo(f"  the same labels as snapshot {same[taken.sha256].number}")


def _list(project: Project, as_json: bool) -> None:
    found = [(one, one.fault()) for one in project.snapshots()]
    if as_json:
        print_json({"snapshots": [{**_data(one), "fault": fault} for one, fault in found]})
    else:
        for one, fault in found:
            click.echo(
                f"{one.number:>4}  {one.at[:16].replace('T', ' ')}  {one.sha256[:12]}  {_counts(one)}"
                + (", only done" if one.only_done else "")
                + (f"  {one.note}" if one.note else "")
            )
            if fault:
                click.echo(f"      {one.path}: {fault}", err=True)
        if not found:
            click.echo(f"{project.path}: no snapshots yet")
    if any(fault for _, fault in found):
        sys.exit(1)


def _compare(project: Project, first: str, second: str, as_json: bool) -> None:
    from labeltool.dataset.diff import diff

    found = diff(_document(project, first), _document(project, second))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.to_text())
    if not found.same:
        sys.exit(1)


def _document(project: Project, name: str) -> CocoDocument:
    """The document of a snapshot, or of the labels as they are.

    Raises:
        ProjectError: there is no such snapshot, or its file is not what was recorded.
    """
    from labeltool.coco.document import CocoDocument, read_document

    if name == NOW:
        return CocoDocument(project.to_document(), str(project.path))
    every = {str(one.number): one for one in project.snapshots()}
    if name not in every:
        known = f"expected a number from 1 to {len(every)}, or {NOW}" if every else "none was taken yet"
        raise ProjectError(f"{project.path}: no snapshot {name!r}, {known}")
    one = every[name]
    if fault := one.fault():
        raise ProjectError(f"{one.path}: {fault}, expected the file that was recorded")
    return read_document(one.path)


def _counts(one: Snapshot) -> str:
    return ", ".join(
        (
            count_of(one.images, "photo"),
            count_of(one.annotations, "annotation"),
            count_of(one.people, "person", "people"),
            count_of(one.joints, "labelled joint"),
        )
    )


def _data(one: Snapshot) -> dict[str, Any]:
    return {**asdict(one), "path": str(one.path)}
