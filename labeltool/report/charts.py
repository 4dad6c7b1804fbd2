"""Plots, as Altair charts made from plain rows: the pages show them, the report draws them as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from labeltool.skeleton import Skeleton

#: The colours of the editor: the person's left and right, and what has no side.
SIDE_COLOURS: Mapping[str, str] = {"left": "#3d9bd9", "right": "#dd8f0c", "middle": "#8a919c", "overall": "#d04a8b"}

#: The colours of kinds of errors, told apart without red and green (after Okabe & Ito 2008).
KIND_COLOURS: Mapping[str, str] = {
    "good": "#9fc8ad",
    "jitter": "#f0c95a",
    "inversion": "#8d63a8",
    "swap": "#2f7fc1",
    "miss": "#c9543c",
}

#: Lines that must be seen on white and on black.
_INK = "#6b7480"

#: The threshold that tables show.
TABLE_THRESHOLD = 0.2


class Layers(alt.LayerChart):
    """A chart of layers that is not held against Vega-Lite's schema whenever it is drawn.

    That takes a tenth of a second; the tests do it.
    """

    def to_dict(self, validate: bool = False, **options: Any) -> dict[str, Any]:
        """The chart as Vega-Lite has it."""
        return super().to_dict(validate=validate, **options)


def sides_of(skeleton: Skeleton) -> dict[str, str]:
    """Each joint's side, by the skeleton's flip pairs: left, right or middle."""
    sides = dict.fromkeys(skeleton.joints, "middle")
    for left, right in skeleton.flip_pairs:
        sides[left], sides[right] = "left", "right"
    return sides


def curve_frame(rows: Sequence[Mapping[str, str | float]], skeleton: Skeleton) -> pd.DataFrame:
    """The PDJ curves as a table for a plot.

    Args:
        rows: `AuditResult.curve()`.
        skeleton: says which side a joint is on.

    Returns:
        Columns joint (as it is read), threshold, pdj, side.
    """
    sides = {**sides_of(skeleton), "overall": "overall"}
    return pd.DataFrame(
        [{**row, "joint": str(row["joint"]).replace("_", " "), "side": sides[str(row["joint"])]} for row in rows],
        columns=["joint", "threshold", "pdj", "side"],
    )


def pdj_chart(frame: pd.DataFrame, *, still: bool = False) -> alt.LayerChart:
    """PDJ over its threshold: a line for every joint, a thick one over all; pointing at a line brings it forward.

    Args:
        frame: `curve_frame`.
        still: for paper: nothing to point at.
    """
    near = alt.selection_point(fields=["joint"], on="pointerover", nearest=True, empty=False, clear="pointerout")
    base = alt.Chart(frame).encode(
        x=alt.X(
            "threshold:Q",
            title="threshold t, as a share of the torso diameter",
            scale=alt.Scale(domain=[0, 0.5]),
            axis=alt.Axis(tickCount=10),
        ),
        y=alt.Y("pdj:Q", title="PDJ: joints within t", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        detail=alt.Detail("joint:N"),
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=list(SIDE_COLOURS), range=list(SIDE_COLOURS.values())),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            alt.Tooltip("joint:N"),
            alt.Tooltip("threshold:Q", format=".2f"),
            alt.Tooltip("pdj:Q", title="PDJ", format=".1%"),
        ],
    )
    joints = base.transform_filter(alt.datum.side != "overall").mark_line(size=1.3, opacity=0.7)
    overall = base.transform_filter(alt.datum.side == "overall").mark_line(size=4)
    rule = alt.Chart(pd.DataFrame({"threshold": [TABLE_THRESHOLD]})).mark_rule(strokeDash=[4, 4], opacity=0.6)
    at_table = rule.encode(x=alt.X("threshold:Q"))
    if still:
        return Layers(layer=[at_table, joints, overall]).properties(height=380)
    joints = joints.encode(
        size=alt.condition(near, alt.value(3.5), alt.value(1.3)),
        opacity=alt.condition(near, alt.value(1), alt.value(0.7)),
    )
    touch = base.mark_point(size=60, opacity=0).add_params(near)
    return Layers(layer=[at_table, joints, overall, touch]).properties(height=380)


def interval_chart(frame: pd.DataFrame, skeleton: Skeleton, metric: str, title: str) -> alt.LayerChart:
    """A bar for every joint with its interval as a whisker, best joint first; the rule is the number over all joints.

    Args:
        frame: columns joint, and of the metric `metric`, `metric`_low, `metric`_high; a row "overall".
        skeleton: says which side a joint is on.
        metric: the name of the column.
        title: of the axis.
    """
    sides = sides_of(skeleton)
    joints = frame[(frame["joint"] != "overall") & frame[metric].notna()]
    shown = pd.DataFrame(
        {
            "joint": joints["joint"].str.replace("_", " "),
            "side": [sides[joint] for joint in joints["joint"]],
            "value": joints[metric],
            "low": joints[f"{metric}_low"],
            "high": joints[f"{metric}_high"],
        }
    )
    order = list(shown.sort_values(["value", "joint"], ascending=[False, True])["joint"])
    base = alt.Chart(shown).encode(
        y=alt.Y("joint:N", sort=order, title=None),
        tooltip=[
            alt.Tooltip("joint:N"),
            alt.Tooltip("value:Q", title=title, format=".3f"),
            alt.Tooltip("low:Q", title="from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
        ],
    )
    known = [side for side in SIDE_COLOURS if side in set(shown["side"])]
    bars = base.mark_bar(height={"band": 0.72}).encode(
        x=alt.X("value:Q", title=title, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=known, range=[SIDE_COLOURS[side] for side in known]),
            legend=alt.Legend(orient="top"),
        ),
    )
    whiskers = base.mark_rule(strokeWidth=1.6, color=_INK).encode(x="low:Q", x2="high:Q")
    ends = [base.mark_tick(color=_INK, thickness=1.6, size=7).encode(x=f"{end}:Q") for end in ("low", "high")]
    overall = frame.loc[frame["joint"] == "overall", [metric]].rename(columns={metric: "value"})
    rule = alt.Chart(overall).mark_rule(strokeDash=[5, 4], color=SIDE_COLOURS["overall"]).encode(x="value:Q")
    return Layers(layer=[bars, rule, whiskers, *ends]).properties(height=alt.Step(20))


def error_chart(frame: pd.DataFrame) -> alt.Chart:
    """The shares of the kinds of errors, a stack for every joint, the joint with most good ones first.

    Args:
        frame: columns joint, kind, n, share.
    """
    shown = frame[frame["share"].notna()].assign(
        joint=lambda f: f["joint"].str.replace("_", " "), rank=lambda f: f["kind"].map(list(KIND_COLOURS).index)
    )
    good = shown[shown["kind"] == "good"].sort_values(["share", "joint"], ascending=[False, True])
    chart: alt.Chart = (
        alt.Chart(shown)
        .mark_bar(height={"band": 0.8})
        .encode(
            y=alt.Y("joint:N", sort=list(good["joint"]), title=None),
            x=alt.X(
                "share:Q",
                title="share of the labelled joints of matched people",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            order=alt.Order("rank:Q"),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(KIND_COLOURS), range=list(KIND_COLOURS.values())),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("joint:N"),
                alt.Tooltip("kind:N"),
                alt.Tooltip("n:Q", title="joints"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(height=alt.Step(20))
    )
    return chart


def confusion_chart(frame: pd.DataFrame, skeleton: Skeleton) -> alt.LayerChart:
    """On which joint of the person predictions lie: a row a predicted joint, its own joint on the diagonal.

    Args:
        frame: columns predicted, lies_on, n, share.
        skeleton: gives the order of the joints.
    """
    predicted = frame.loc[frame["n"] > 0, "predicted"].unique()
    order = [joint.replace("_", " ") for joint in skeleton.joints]
    rows = [joint.replace("_", " ") for joint in skeleton.joints if joint in predicted]
    last = [name for name in frame["lies_on"].unique() if name not in skeleton.joints]
    shown = frame[frame["n"] > 0].assign(
        predicted=lambda f: f["predicted"].str.replace("_", " "),
        lies_on=lambda f: f["lies_on"].str.replace("_", " "),
        own=lambda f: f["predicted"] == f["lies_on"],
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("predicted:N", sort=rows, title="predicted", scale=alt.Scale(domain=rows)),
        x=alt.X("lies_on:N", sort=[*order, *last], title="lies on", scale=alt.Scale(domain=[*order, *last])),
        tooltip=[
            alt.Tooltip("predicted:N"),
            alt.Tooltip("lies_on:N", title="lies on"),
            alt.Tooltip("n:Q", title="joints"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    # Errors are few beside what is right: each has a scale of its own.
    right = base.transform_filter(alt.datum.own).mark_rect(color=KIND_COLOURS["good"], opacity=0.8)
    wrong = (
        base.transform_filter(~alt.datum.own)
        .mark_rect()
        .encode(
            color=alt.Color(
                "share:Q",
                title="share of the row",
                scale=alt.Scale(type="sqrt", range=["#f6e3df", KIND_COLOURS["miss"]]),
                legend=alt.Legend(format=".0%", orient="top", gradientLength=160),
            )
        )
    )
    numbers = (
        base.transform_filter(alt.datum.share >= 0.01)
        .mark_text(size=9, color="#1c2430")
        .encode(text=alt.Text("percent:Q", format=".0f"))
    )
    numbers = numbers.transform_calculate(percent="100 * datum.share")
    return Layers(layer=[right, wrong, numbers]).properties(height=alt.Step(20))


def distance_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """How far off the predictions are that stay when a threshold of confidence rises, and how many stay.

    Args:
        frame: columns threshold, kept, median, p90.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("threshold:Q", title="confidence at or above", scale=alt.Scale(domain=[0, 1])),
        tooltip=[
            alt.Tooltip("threshold:Q", format=".2f"),
            alt.Tooltip("kept:Q", title="predictions that stay", format=".1%"),
            alt.Tooltip("median:Q", format=".3f"),
            alt.Tooltip("p90:Q", title="90 % are within", format=".3f"),
        ],
    )
    lines = (
        base.transform_fold(["median", "p90"], as_=["which", "distance"])
        .transform_filter("isValid(datum.distance)")
        .mark_line(point=True)
        .encode(
            y=alt.Y("distance:Q", title="distance from the label, in torso diameters"),
            color=alt.Color(
                "which:N",
                title=None,
                scale=alt.Scale(domain=["median", "p90"], range=["#2563c9", "#c9543c"]),
                legend=alt.Legend(
                    orient="top", labelExpr="datum.value == 'p90' ? '90 % are within' : 'half are within'"
                ),
            ),
        )
    )
    kept = base.mark_area(color=_INK, opacity=0.18).encode(
        y=alt.Y("kept:Q", title="predictions that stay", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    )
    chart: alt.LayerChart = Layers(layer=[kept, lines]).resolve_scale(y="independent").properties(height=300)
    return chart


def reliability_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """How often predictions are right against how sure the model is, with Wilson intervals; on the diagonal the two agree.

    Args:
        frame: columns confidence, right, right_low, right_high, n.
    """
    axis = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pd.DataFrame({"confidence": [0, 1], "right": [0, 1]}))
        .mark_line(strokeDash=[5, 4], color="#8a919c")
        .encode(x="confidence:Q", y="right:Q")
    )
    base = alt.Chart(frame).encode(
        x=alt.X("confidence:Q", title="confidence of the model", scale=axis),
        tooltip=[
            alt.Tooltip("confidence:Q", format=".3f"),
            alt.Tooltip("right:Q", format=".3f"),
            alt.Tooltip("n:Q", title="predictions"),
        ],
    )
    whiskers = base.mark_rule(color="#2563c9", strokeWidth=1.6).encode(
        y=alt.Y("right_low:Q", title="share that is right (ks ≥ .5)", scale=axis), y2="right_high:Q"
    )
    points = base.mark_point(filled=True, opacity=1, color="#2563c9").encode(
        y="right:Q", size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 260]))
    )
    line = base.mark_line(color="#2563c9", strokeWidth=1, opacity=0.5).encode(y="right:Q")
    return Layers(layer=[diagonal, line, whiskers, points]).properties(height=300)


def difference_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """The difference of two models by joint with its interval: right of zero the first is better.

    Args:
        frame: columns joint, difference, low, high, p_a_better, of one metric.
        title: of the axis.
    """
    shown = frame[frame["difference"].notna()].assign(joint=lambda f: f["joint"].str.replace("_", " "))
    order = list(shown.sort_values(["difference", "joint"], ascending=[False, True])["joint"])
    base = alt.Chart(shown).encode(
        y=alt.Y("joint:N", sort=order, title=None),
        tooltip=[
            alt.Tooltip("joint:N"),
            alt.Tooltip("difference:Q", format="+.3f"),
            alt.Tooltip("low:Q", title="from", format="+.3f"),
            alt.Tooltip("high:Q", title="to", format="+.3f"),
            alt.Tooltip("p_a_better:Q", title="first is better with probability", format=".3f"),
        ],
    )
    sure = (alt.datum.low > 0) | (alt.datum.high < 0)
    colour = alt.condition(sure, alt.value("#2563c9"), alt.value("#8a919c"))
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=_INK).encode(x="x:Q")
    whiskers = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q", color=colour)
    points = base.mark_point(filled=True, size=60, opacity=1).encode(x="difference:Q", color=colour)
    return Layers(layer=[zero, whiskers, points]).properties(height=alt.Step(20))


def stage_chart(rows: Sequence[Mapping[str, float]]) -> alt.LayerChart:
    """Detection rates of a cascade's stages over the threshold, a line a stage, the later the darker.

    Args:
        rows: `labeltool.audit.stages.StageGains.curve()`.
    """
    frame = pd.DataFrame(
        [{**row, "stage": f"stage {int(row['stage'])}"} for row in rows], columns=["stage", "threshold", "pdj"]
    )
    shades = ["#9ecae1", "#3d9bd9", "#0b4f8a", "#06213b"]
    lines = (
        alt.Chart(frame)
        .mark_line(size=3)
        .encode(
            x=alt.X(
                "threshold:Q",
                title="threshold t, as a share of the torso diameter",
                scale=alt.Scale(domain=[0, 0.5]),
                axis=alt.Axis(tickCount=10),
            ),
            y=alt.Y("pdj:Q", title="detection rate", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            color=alt.Color(
                "stage:N", title=None, scale=alt.Scale(range=shades), legend=alt.Legend(orient="bottom-right")
            ),
        )
    )
    rule = alt.Chart(pd.DataFrame({"threshold": [TABLE_THRESHOLD]})).mark_rule(strokeDash=[4, 4], opacity=0.6)
    return Layers(layer=[rule.encode(x="threshold:Q"), lines]).properties(width=520, height=340)
