"""Pieces of HTML that the report is made of, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from labeltool.report.findings import share


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, total: str | None = None) -> str:
    """A table under its caption, the row that begins with `total` marked; heads and cells are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    lines = []
    for row in rows:
        kind = ' class="total"' if total is not None and row[0] == total else ""
        lines.append(f"<tr{kind}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def side_by_side(plots: Mapping[str, str], *wanted: tuple[str, str]) -> str:
    """The plots that are there of those wanted, each (name, caption); nothing where none is."""
    shown = [
        f"<figure>{plots[name]}<figcaption>{escape(text)}</figcaption></figure>"
        for name, text in wanted
        if name in plots
    ]
    return f'<div class="plots">{"".join(shown)}</div>' if shown else ""


def bar(value: float) -> str:
    """A bar as long as a share in 0..1."""
    return (
        "" if np.isnan(value) else f'<span class="bar"><i style="width:{100 * min(max(value, 0), 1):.1f}%"></i></span>'
    )


def between(low: float, high: float) -> str:
    """An interval in small print; nothing where it has no ends."""
    return "" if np.isnan(low) or np.isnan(high) else f"<small>[{share(low)}, {share(high)}]</small>"


def percent(value: float, digits: int = 0) -> str:
    """A share as so many of a hundred, a dash where it is undefined."""
    return "–" if np.isnan(value) else f"{value:.{digits}%}"


def signed(value: float) -> str:
    """A difference with its sign, a dash where it is undefined."""
    return "–" if np.isnan(value) else f"{value:+.3f}"


def chance(value: float) -> str:
    """A probability that was counted in a thousand replicates: 0 of them is no certainty."""
    return "< .001" if value < 0.001 else "> .999" if value > 0.999 else share(value)


def degrees(value: float, sign: str = "") -> str:
    """An angle to a tenth, with its sign where `sign` is "+"; a dash where it is undefined."""
    return "–" if np.isnan(value) else f"{value:{sign}.1f}"
