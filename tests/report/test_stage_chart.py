from __future__ import annotations

from labeltool.report.charts import stage_chart
from labeltool.report.svg import to_svg


def test_a_line_a_stage() -> None:
    rows = [
        {"stage": s, "threshold": t / 100, "pdj": min(1.0, s * t / 100)} for s in (1, 2, 3) for t in range(0, 51, 10)
    ]
    drawn = to_svg(stage_chart(rows), "stages")
    assert all(f">stage {s}<" in drawn for s in (1, 2, 3))
    assert "share of the torso diameter" in drawn
    assert drawn == to_svg(stage_chart(rows), "stages")
