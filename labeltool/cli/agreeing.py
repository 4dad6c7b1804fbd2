"""The command that measures how well labellers agree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import click

from labeltool.cli.common import PATH, print_json
from labeltool.cli.datasets import read_source


@click.command()
@click.argument("sources", metavar="A B...", type=PATH, nargs=-1, required=True)
@click.option("--out", metavar="DIR", type=PATH, help="Write agreement.html, agreement.json and agreement.csv.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the intervals.")
@click.option(
    "--replicates", type=click.IntRange(min=2), default=1000, show_default=True, help="Replicates of the bootstrap."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def agreement(sources: Sequence[Path], out: Path | None, seed: int, replicates: int, as_json: bool) -> None:
    """Measure how well labellers agree on the same photos: OKS, ks by joint, and the sigmas measured as COCO did its own.

    A, B, ... are COCO files or projects, each labelled by somebody who did not see the others' labels. Photos are the same by
    their file names, people by OKS.
    """
    from labeltool.evaluate.agreeing import agree, agreed_json, agreed_text
    from labeltool.files import atomic_write

    if len(sources) < 2:
        raise click.UsageError("one source, expected two or more of the same photos")
    data = agreed_json(agree([read_source(path) for path in sources]), replicates=replicates, seed=seed)
    if out is not None:
        from labeltool.report.agreement import agreement_page

        out.mkdir(parents=True, exist_ok=True)
        table = io.StringIO()
        writer = csv.DictWriter(table, list(data["joints"][0]))
        writer.writeheader()
        writer.writerows(data["joints"])
        files = {
            "agreement.json": json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False),
            "agreement.csv": table.getvalue(),
            "agreement.html": agreement_page(data),
        }
        for name, content in files.items():
            with atomic_write(out / name) as file:
                file.write(content.encode())
    if as_json:
        print_json(data)
    else:
        click.echo(agreed_text(data), nl=False)
