"""Plots, as Altair charts made from plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from labeltool.skeleton import Skeleton

#: The colours of the editor: the person's left and right, and what has no side.
SIDE_COLOURS: Mapping[str, str] = {"left": "#3d9bd9", "right": "#dd8f0c", "middle": "#8a919c", "overall": "#d04a8b"}

#: The threshold that tables show.
TABLE_THRESHOLD = 0.2


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


def pdj_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """PDJ over its threshold: a line for every joint, a thick one over all; pointing at a line brings it forward."""
    near = alt.selection_point(fields=["joint"], on="pointerover", nearest=True, empty=False, clear="pointerout")
    base = alt.Chart(frame).encode(
        x=alt.X(
            "threshold:Q",
            title="threshold t, as a share of the torso diameter",
            scale=alt.Scale(domain=[0, 0.5]),
            axis=alt.Axis(tickCount=10),
        ),
        y=alt.Y("pdj:Q", title="PDJ: joints within t", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        detail="joint:N",
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
    joints = (
        base.transform_filter(alt.datum.side != "overall")
        .mark_line()
        .encode(
            size=alt.condition(near, alt.value(3.5), alt.value(1.3)),
            opacity=alt.condition(near, alt.value(1), alt.value(0.7)),
        )
    )
    overall = base.transform_filter(alt.datum.side == "overall").mark_line(size=4)
    touch = base.mark_point(size=60, opacity=0).add_params(near)
    at_table = alt.Chart(pd.DataFrame({"threshold": [TABLE_THRESHOLD]})).mark_rule(strokeDash=[4, 4], opacity=0.6)
    return alt.LayerChart(layer=[at_table.encode(x="threshold:Q"), joints, overall, touch]).properties(height=380)
