"""The learning curve of a run: a row an epoch as CSV, and drawn as SVG."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from labeltool.training.writing import put

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 60, 36, 40


def write_rows(out: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Writes `curve.csv` in one piece: a row an epoch, its columns those of the first row.

    Raises:
        ModelError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _number(value) for name, value in row.items()} for row in rows)
    put(out / "curve.csv", text.getvalue().encode())


def write_curve(out: Path, rows: Sequence[Mapping[str, float]], title: str, score: str) -> None:
    """Writes `curve.csv` and `curve.svg`, each in one piece.

    Args:
        out: the folder.
        rows: with `epoch`, `loss` and the score.
        title: of the picture.
        score: the name of the score, in 0..1.

    Raises:
        ModelError: they cannot be written.
    """
    write_rows(out, rows)
    put(out / "curve.svg", to_svg(rows, title, score).encode())


def _number(value: float) -> str:
    return f"{value:.6g}"


def to_svg(rows: Sequence[Mapping[str, float]], title: str, score: str) -> str:
    """The score (left axis, 0 to 1) and the loss (right axis, 0 to its highest) by epoch, as an SVG picture."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    most = max((r["loss"] for r in rows), default=1.0) or 1.0
    last = max(len(rows), 2)

    def x(epoch: float) -> float:
        return _LEFT + width * (epoch - 1) / (last - 1)

    def y(share: float) -> float:
        return _TOP + height * (1 - share)

    def line(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
        marks = "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{colour}"/>' for px, py in points)
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>{marks}'

    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(s):.1f}" y2="{y(s):.1f}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 8}" y="{y(s) + 4:.1f}" text-anchor="end" fill="#0b5394">{s:.1f}</text>'
        f'<text x="{_WIDTH - _RIGHT + 8}" y="{y(s) + 4:.1f}" fill="#8a5a00">{s * most:.3g}</text>'
        for s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    every = max(1, last // 12)
    ticks = "".join(
        f'<text x="{x(r["epoch"]):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#444">{r["epoch"]:.0f}</text>'
        for r in rows
        if (int(r["epoch"]) - 1) % every == 0
    )
    curves = line([(x(r["epoch"]), y(r["loss"] / most)) for r in rows], "#b97a00", ' stroke-dasharray="5 4"')
    curves += line([(x(r["epoch"]), y(r[score])) for r in rows], "#0b5394")
    shown = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{shown}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<text x="{_LEFT}" y="20" font-size="14" fill="#222">{shown}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="20" text-anchor="end"><tspan fill="#0b5394">{escape(score)}</tspan>'
        f'<tspan fill="#8a5a00" dx="10">- - training loss</tspan></text>'
        f"{grid}{ticks}{curves}"
        f'<text x="{_LEFT + width / 2}" y="{_HEIGHT - 6}" text-anchor="middle" fill="#444">epoch</text></svg>\n'
    )
