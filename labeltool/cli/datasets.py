"""Commands on whole data sets: split, merge, filter, diff, stats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeltool.cli.common import PATH, FiniteRange, PairType, count_of, expect_output, open_project, print_json
from labeltool.errors import CocoError

if TYPE_CHECKING:
    from labeltool.coco.document import CocoDocument
    from labeltool.dataset.select import Tagged

_SOURCE = "FILE|P"


class _Range(PairType):
    """A range of numbers: `5..17`, `5..` or `..17`, or one number."""

    name = "range"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        low, dots, high = str(value).partition("..")
        try:
            first = float(low) if low else float("-inf")
            limits = (first, first if not dots else float(high) if high else float("inf"))
        except ValueError:
            self.fail(f"{value!r} is no range, expected such as 5..17, 5.., ..17 or 5", param, ctx)
        if not limits[0] <= limits[1]:
            self.fail(f"{value!r} is an empty range", param, ctx)
        return limits


RANGE = _Range()


def read_source(source: Path) -> CocoDocument:
    """The document of a COCO file, or what a project would export."""
    from labeltool.coco.document import CocoDocument, read_document

    if source.is_dir():
        with open_project(source) as opened:
            return CocoDocument(opened.to_document(), str(source))
    return read_document(source)


@click.command()
@click.argument("source", metavar=_SOURCE, type=PATH)
@click.argument("out", metavar="DIR", type=PATH)
@click.option("--shares", default="train=0.8,val=0.1,test=0.1", show_default=True, help="Name and share of each part.")
@click.option("--group", help="Image field, or re:PATTERN on the file name: images of one key stay together.")
@click.option("--stratify", is_flag=True, help="Also share out people and visible joints evenly.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the shuffle.")
def split(source: Path, out: Path, shares: str, group: str | None, stratify: bool, seed: int) -> None:
    """Split a data set into DIR/train.json, DIR/val.json, ... by image; no scene lands in two parts with --group."""
    from labeltool.coco.document import write_document
    from labeltool.dataset.split import split as run

    parts = run(read_source(source), _shares(shares), seed=seed, group=group, stratify=stratify)
    targets = {name: out / f"{name}.json" for name in parts}
    for target in targets.values():
        expect_output(target, source)
        if target.exists():
            raise CocoError(f"{target}: exists, expected a new file")
    out.mkdir(parents=True, exist_ok=True)
    images = sum(len(part.document.images) for part in parts.values())
    people = sum(part.people for part in parts.values())
    visible = sum(part.visible for part in parts.values())
    for name, part in parts.items():
        write_document(targets[name], part.document.data)
        click.echo(
            f"{targets[name]}: {count_of(len(part.document.images), 'image')} ({_share(len(part.document.images), images)}) in "
            f"{count_of(part.groups, 'group')}, {count_of(part.people, 'annotation')} ({_share(part.people, people)}), "
            f"{count_of(part.visible, 'visible joint')} ({_share(part.visible, visible)}); asked for {part.share:.1%}"
        )


@click.command()
@click.argument("sources", metavar="FILE|P...", type=PATH, nargs=-1, required=True)
@click.option("--out", "-o", required=True, metavar="OUT.json", type=PATH, help="The file to write.")
def merge(sources: tuple[Path, ...], out: Path) -> None:
    """Merge data sets into one; ids that clash are renumbered, and whatever the files disagree on is printed."""
    from labeltool.coco.document import write_document
    from labeltool.dataset.merge import merge as run

    expect_output(out, *sources)
    merged = run([read_source(source) for source in sources])
    for conflict in merged.conflicts[:20]:
        click.echo(f"conflict: {conflict}")
    if len(merged.conflicts) > 20:
        click.echo(f"... and {len(merged.conflicts) - 20:,} more conflicts")
    write_document(out, merged.document.data)
    images, annotations, categories = merged.renumbered
    click.echo(
        f"{out}: {count_of(len(merged.document.images), 'image')} ({merged.same_images:,} shared), "
        f"{count_of(len(merged.document.annotations), 'annotation')} ({merged.same_people:,} that were there already left out); "
        f"renumbered {images:,} images, {annotations:,} annotations, {categories:,} categories; "
        f"{count_of(len(merged.conflicts), 'conflict')}"
    )


@click.command("filter")
@click.argument("source", metavar=_SOURCE, type=PATH)
@click.argument("out", metavar="OUT.json", type=PATH)
@click.option("--category", "categories", multiple=True, help="Keep this category (again for more).")
@click.option("--joints", type=RANGE, help="Labelled joints (v > 0), such as 5..17, 5.. or 5.")
@click.option("--visible", type=RANGE, help="Visible joints (v = 2).")
@click.option("--joint", "named", multiple=True, help="A joint that must be labelled (again for more).")
@click.option("--side", type=RANGE, help="Longer side of the box, pixels.")
@click.option("--area", type=RANGE, help="Area, pixels.")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field of the annotation, or image.NAME."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help="A tag in the field tag or tags of an annotation or its image, or an open mark of that kind in P (again for more).",
)
@click.option("--no-crowds", is_flag=True, help="Drop crowd regions.")
@click.option("--keep-empty", is_flag=True, help="Keep images that no annotation stays in.")
def filter_(
    source: Path,
    out: Path,
    categories: tuple[str, ...],
    joints: tuple[float, float] | None,
    visible: tuple[float, float] | None,
    named: tuple[str, ...],
    side: tuple[float, float] | None,
    area: tuple[float, float] | None,
    fields: tuple[str, ...],
    tags: tuple[str, ...],
    no_crowds: bool,
    keep_empty: bool,
) -> None:
    """Keep the annotations that meet every condition, and their images, exactly as they are."""
    from labeltool.coco.document import write_document
    from labeltool.dataset.select import Choice, select

    expect_output(out, source)
    pairs = tuple(_pair(field) for field in fields)
    choice = Choice(categories, joints, visible, named, side, area, pairs, tags, not no_crowds, keep_empty)
    selected = select(read_source(source), choice, _marks(source, tags))
    write_document(out, selected.document.data)
    for name, count in selected.dropped.items():
        if count:
            click.echo(f"dropped for {name}: {count_of(count, 'annotation')}")
    click.echo(
        f"{out}: {count_of(len(selected.document.images), 'image')} ({selected.images:,} dropped), "
        f"{count_of(len(selected.document.annotations), 'annotation')} ({sum(selected.dropped.values()):,} dropped)"
    )


@click.command()
@click.argument("first", metavar="A", type=PATH)
@click.argument("second", metavar="B", type=PATH)
@click.option("--tolerance", type=FiniteRange(0), default=0.0, show_default=True, help="Pixels that are no move.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(first: Path, second: Path, tolerance: float, as_json: bool) -> None:
    """Show what changed from A to B (files or projects): people, joints, flags, boxes; exit 1 when anything did."""
    from labeltool.dataset.diff import diff as run

    found = run(read_source(first), read_source(second), tolerance=tolerance)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.to_text())
    if not found.same:
        sys.exit(1)


@click.command()
@click.argument("source", metavar=_SOURCE, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(source: Path, as_json: bool) -> None:
    """Print what a data set holds: people, joints by flag, sizes, limb lengths."""
    from labeltool.dataset.stats import stats as run

    found = run(read_source(source))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.to_text())


def _marks(source: Path, kinds: tuple[str, ...]) -> Tagged | None:
    """The open marks of a project as tags; None for a file."""
    from labeltool.dataset.select import Tagged

    if not kinds or not source.is_dir():
        return None
    images: dict[str, set[int]] = {}
    annotations: dict[str, set[int]] = {}
    with open_project(source) as opened:
        for mark in opened.marks():
            if mark.kind not in kinds:
                continue
            if mark.person_id is None:
                images.setdefault(mark.kind, set()).add(mark.image_id)
            else:
                number = opened.person(mark.person_id).annotation_id
                annotations.setdefault(mark.kind, set()).add(number)
    return Tagged(images, annotations)


def _shares(text: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.strip().partition("=")
        if not name or not equals or "/" in name or "\\" in name or name in shares:
            raise click.UsageError(f"--shares {text!r}: expected such as train=0.8,val=0.2")
        try:
            shares[name] = float(share)
        except ValueError:
            raise click.UsageError(f"--shares {text!r}: {share!r} is no number") from None
    return shares


def _pair(field: str) -> tuple[str, str]:
    name, equals, value = field.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--field {field!r}: expected NAME=VALUE")
    return name, value


def _share(number: int, whole: int) -> str:
    return f"{number / whole:.1%}" if whole else "-"
