"""The command that turns labels of one format into another."""

from __future__ import annotations

from pathlib import Path

import click

from labeltool.cli.common import FORMAT_NAME, FORMAT_OUT, PATH, count_of, expect_output, expect_photos
from labeltool.cli.datasets import read_source
from labeltool.errors import CocoError


@click.command()
@click.argument("source", metavar="IN", type=PATH, required=False)
@click.argument("out", metavar="OUT", type=PATH, required=False)
@click.option("--from", "source_format", type=FORMAT_NAME, help="Format of IN; by default from its name.")
@click.option("--to", "out_format", type=FORMAT_OUT, help="Format of OUT; by default from its name.")
@click.option("--images", type=PATH, help="Folder of IN's photos, for formats that have no image sizes.")
@click.option("--skeleton", help="coco-17, lsp-14, mpii-16 or a TOML file, for formats that name no joints.")
@click.option("--list", "listing", is_flag=True, help="Print the formats.")
def convert(
    source: Path | None,
    out: Path | None,
    source_format: str | None,
    out_format: str | None,
    images: Path | None,
    skeleton: str | None,
    listing: bool,
) -> None:
    """Convert labels from one format to another; what OUT cannot hold is counted and named.

    IN may also be a project. A name ending in .json is a COCO file unless --from or --to says otherwise.
    """
    from labeltool.formats.registry import get_format, guess_format
    from labeltool.skeleton import get_skeleton

    if listing:
        _list_formats()
        return
    if source is None or out is None:
        raise click.UsageError("give IN and OUT, or --list")
    expect_output(out, source)
    expect_photos(images)
    target = get_format(out_format) if out_format else guess_format(out, "--to")
    asked = get_skeleton(skeleton) if skeleton is not None else None
    if source_format is None and (source / "project.toml").is_file():
        document = read_source(source)
    else:
        origin = get_format(source_format) if source_format else guess_format(source, "--from")
        try:
            imported = origin.read(source, images, asked)
        except CocoError as error:
            if source_format is None:
                raise CocoError(f"{error} (taken for COCO by its name; --from names another format)") from None
            raise
        document = imported.document
        for note in imported.notes:
            click.echo(f"note: {origin.name}: {note}")
    for note in target.write(document, out):
        click.echo(f"note: {target.name}: {note}")
    click.echo(
        f"{out}: {count_of(len(document.images), 'image')}, {count_of(len(document.annotations), 'annotation')} "
        f"read, written as {target.name}"
    )


def _list_formats() -> None:
    from labeltool.formats.registry import FORMATS

    for f in FORMATS.values():
        verbs = " ".join(
            verb if place else "-" * len(verb) for verb, place in (("read", f.reader), ("write", f.writer))
        )
        photos = "; reading needs --images" if f.needs_photos else ""
        click.echo(f"{f.name:<16}{verbs:<12}{f.kind:<16}{f.summary}{photos}")
