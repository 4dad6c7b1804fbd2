from __future__ import annotations

from pathlib import Path

from labeltool.formats.registry import FORMATS


def test_every_format_says_what_it_cannot_hold(repo: Path) -> None:
    rows = [line for line in (repo / "docs" / "formats.md").read_text().splitlines() if line.startswith("| `")]
    for name in FORMATS:
        assert any(f"`{name}`" in row.split("|")[1] for row in rows), name
