"""Plots of what a data set holds: people, joints by flag, sizes, proportions of bodies."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeltool.dataset.stats import QUANTILES, Stats
from labeltool.report.charts import SIDE_COLOURS, sides_of
from labeltool.skeleton import Skeleton

#: What a joint's flag is called, and its colour: v = 2, 1, 0.
FLAG_COLOURS: Mapping[str, str] = {
    "visible": "#3d9bd9",
    "hidden": "#f0c95a",
    "not labelled": "rgba(138, 145, 156, 0.35)",
}

#: Bars of a histogram.
_BINS = 40
_BAR = "#3d9bd9"
_INK = "#6b7480"

_P5, _P25, _P50, _P75, _P95 = (QUANTILES.index(q) for q in (5, 25, 50, 75, 95))


def flag_frame(found: Stats) -> pd.DataFrame:
    """How often each joint has which flag: columns joint, flag, people, share, order (of the flags)."""
    rows = []
    for joint, counts in found.flags.items():
        for order, (flag, number) in enumerate(zip(FLAG_COLOURS, reversed(counts), strict=True)):
            share = number / found.people if found.people else 0.0
            rows.append(
                {"joint": joint.replace("_", " "), "flag": flag, "people": number, "share": share, "order": order}
            )
    return pd.DataFrame(rows, columns=["joint", "flag", "people", "share", "order"])


def flag_chart(frame: pd.DataFrame) -> alt.Chart:
    """A bar a joint: the shares of people with it visible, hidden, not labelled; joints in the skeleton's order."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(height={"band": 0.76})
        .encode(
            y=alt.Y("joint:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, labelOverlap=False)),
            x=alt.X("share:Q", title="share of people", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "flag:N",
                title=None,
                sort=list(FLAG_COLOURS),
                scale=alt.Scale(domain=list(FLAG_COLOURS), range=list(FLAG_COLOURS.values())),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("joint:N"),
                alt.Tooltip("flag:N"),
                alt.Tooltip("people:Q", format=","),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(height=max(160, 26 * frame["joint"].nunique()))
    )
    return chart


def count_frame(histogram: Mapping[int, int], most: int) -> pd.DataFrame:
    """A histogram of whole numbers without gaps: columns number (as text, the last one `20+`), order, times.

    Args:
        histogram: how often each number occurs.
        most: numbers from here on share the last bar.
    """
    top = min(max(histogram, default=0), most)
    rows = []
    for number in range(top + 1):
        last = number == most and max(histogram, default=0) > most
        times = sum(t for n, t in histogram.items() if n == number or (last and n > number))
        rows.append({"number": f"{number}+" if last else str(number), "order": number, "times": times})
    return pd.DataFrame(rows, columns=["number", "order", "times"])


def count_chart(frame: pd.DataFrame, across: str, up: str) -> alt.Chart:
    """A bar for each number of a `count_frame`."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=_BAR, width={"band": 0.86})
        .encode(
            x=alt.X("number:N", sort=None, title=across, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("times:Q", title=up, axis=alt.Axis(format="~s", tickMinStep=1)),
            tooltip=[alt.Tooltip("number:N", title=across), alt.Tooltip("times:Q", title=up, format=",")],
        )
        .properties(height=210)
    )
    return chart


def size_frame(values: NDArray[np.float64]) -> pd.DataFrame:
    """A histogram of sizes in bins that grow by the same factor: columns low, high, people.

    Args:
        values: (N,) pixels; what is not finite or not above 0 is left out.
    """
    sizes = values[np.isfinite(values) & (values > 0)]
    if not len(sizes):
        return pd.DataFrame({"low": [], "high": [], "people": []})
    low, high = np.floor(np.log2(sizes.min())), np.ceil(np.log2(sizes.max()))
    edges = np.geomspace(2.0**low, 2.0 ** max(high, low + 1), _BINS + 1)
    people, _ = np.histogram(sizes, edges)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "people": people})


def size_chart(frame: pd.DataFrame, title: str) -> alt.Chart:
    """The bars of a `size_frame` on a logarithmic axis."""
    first, last = float(frame["low"].min()), float(frame["high"].max())
    ticks = [2.0**n for n in range(round(np.log2(first)), round(np.log2(last)) + 1)]
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=_BAR, orient="vertical")
        .encode(
            x=alt.X(
                "low:Q",
                title=title,
                scale=alt.Scale(type="log", base=2, domain=[first, last], nice=False),
                axis=alt.Axis(values=ticks, format="d"),
            ),
            x2="high:Q",
            y=alt.Y("people:Q", title="people", axis=alt.Axis(format="~s", tickMinStep=1)),
            tooltip=[
                alt.Tooltip("low:Q", title="from", format=".0f"),
                alt.Tooltip("high:Q", title="to", format=".0f"),
                alt.Tooltip("people:Q", format=","),
            ],
        )
        .properties(height=210)
    )
    return chart


def limb_frame(found: Stats, skeleton: Skeleton) -> pd.DataFrame:
    """The lengths of limbs over the unit: columns limb, side, people, p5, p25, p50, p75, p95; limbs nobody has left out."""
    sides = sides_of(skeleton)
    rows = []
    for (a, b), spread in found.limbs.items():
        if not spread.count:
            continue
        side = sides[a] if sides[a] == sides[b] else "middle"
        q = spread.quantiles
        rows.append(
            {
                "limb": f"{a} – {b}".replace("_", " "),
                "side": side,
                "people": spread.count,
                "p5": q[_P5],
                "p25": q[_P25],
                "p50": q[_P50],
                "p75": q[_P75],
                "p95": q[_P95],
            }
        )
    return pd.DataFrame(rows, columns=["limb", "side", "people", "p5", "p25", "p50", "p75", "p95"])


def limb_chart(frame: pd.DataFrame, unit: str) -> alt.LayerChart:
    """A box for each limb: the middle half of people, the median, and whiskers from the 5th to the 95th of a hundred."""
    known = [side for side in SIDE_COLOURS if side in set(frame["side"])]
    title = f"length / {unit.replace('_', ' ')}"
    base = alt.Chart(frame).encode(
        y=alt.Y("limb:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)),
        tooltip=[
            alt.Tooltip("limb:N"),
            alt.Tooltip("people:Q", format=","),
            alt.Tooltip("p50:Q", title="median", format=".2f"),
            alt.Tooltip("p5:Q", title="5 %", format=".2f"),
            alt.Tooltip("p95:Q", title="95 %", format=".2f"),
        ],
    )
    whiskers = base.mark_rule(color=_INK, strokeWidth=1.4).encode(x=alt.X("p5:Q", title=title), x2="p95:Q")
    halves = base.mark_bar(height={"band": 0.6}).encode(
        x="p25:Q",
        x2="p75:Q",
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=known, range=[SIDE_COLOURS[side] for side in known]),
            legend=alt.Legend(orient="top"),
        ),
    )
    medians = base.mark_tick(color="white", thickness=2.2, size=12).encode(x="p50:Q")
    return alt.LayerChart(layer=[whiskers, halves, medians]).properties(height=max(160, 26 * len(frame)))
