"""Charts are not held against Vega-Lite's schema when they are drawn, so it is done here."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import pytest
from altair.utils.schemapi import SchemaValidationError

from labeltool.evaluate import Comparison
from labeltool.report import charts, svg, writing


@pytest.fixture
def drawn(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every plot of a report that compares two models, and the curves as the page has them."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(svg, "to_svg", lambda chart, name: found.setdefault(name, chart) and "")
    writing.draw_plots(comparison.a, comparison)
    result = comparison.a.result
    found["curves to point at"] = charts.pdj_chart(charts.curve_frame(result.curve(), result.skeleton))
    found["stages"] = charts.stage_chart([{"stage": 1, "threshold": 0.1, "pdj": 0.5}])
    return found


def test_every_chart_is_valid(drawn: dict[str, Any]) -> None:
    assert len(drawn) == 11
    for name, chart in drawn.items():
        assert isinstance(chart, charts.Layers) or name == "errors", name
        assert "layer" in chart.to_dict(validate=True) or name == "errors"


def test_one_that_is_not_is_found() -> None:
    wrong = charts.Layers(layer=[alt.Chart(pd.DataFrame({"x": [1]})).mark_bar()])
    wrong["height"] = "tall"
    assert wrong.to_dict()["height"] == "tall"
    with pytest.raises(SchemaValidationError, match="tall"):
        wrong.to_dict(validate=True)
