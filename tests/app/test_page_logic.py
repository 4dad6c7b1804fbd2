from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from label_samples import make_project

from labeltool.app.auditing import help_table, number, run_label
from labeltool.app.checking import check_export, places, title_of, waiting_line
from labeltool.app.style import plain
from labeltool.app.worst import queue_link
from labeltool.audit import OVERALL, Anchoring, Difference
from labeltool.evaluate import Help, run_names
from labeltool.project import STATUSES, ModelSummary, Project
from labeltool.report.charts import curve_frame, pdj_chart, sides_of
from labeltool.skeleton import COCO_17, LSP_14


def test_a_check_counts_what_the_export_would_hold(tmp_path: Path) -> None:
    with Project.open(make_project(tmp_path)) as project:
        check = check_export(project, only_done=False)
        assert (check.images, check.annotations) == (8, 4)
        severities = [finding.severity for finding in check.findings]
        assert severities == sorted(severities), "errors first"
        assert check.errors == sum(f.count for f in check.findings if f.severity == "error")
        for finding in check.findings:
            assert title_of(finding).startswith(finding.code)
            assert places(finding.count) in title_of(finding)
        line = waiting_line(project.counts())
        assert line is not None and line.startswith("1 person has")


def test_the_places_of_a_finding_lead_to_the_person_in_the_editor(tmp_path: Path) -> None:
    with Project.open(make_project(tmp_path)) as project:
        check = check_export(project, only_done=False)
        spot = check.spots["annotations[1] (id 2)"]
        assert (spot.photo, spot.link) == ("plain.jpg", "/?image=100&person=2")
        assert check.spots["images[2] (id 102)"].link == "/?image=102"
        named = {place for finding in check.findings for place in finding.places}
        assert set(check.spots) == named


def test_nothing_waits_where_nothing_was_predicted(tmp_path: Path) -> None:
    with Project.open(make_project(tmp_path)) as project:
        person = project.people(101)[0]
        project.save(person.id, base=person.revision, author="anna", edit_id="e", accept=True)
        assert waiting_line(project.counts()) is None


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5271, "0.527"), (0.0, "0.000"), (1.0, "1.000"), (-1.0, "–"), (math.nan, "–")]
)
def test_numbers_have_three_digits_and_nothing_is_a_dash(value: float, shown: str) -> None:
    assert number(value) == shown


def test_blind_and_assisted_people_stand_side_by_side() -> None:
    ks = Difference(0.9, 0.8, 0.1, 0.05, 0.15, 1.0)
    table = help_table(Help(30, 90, Anchoring(90, 30, {("ks", OVERALL): ks}), None, 2.0))
    assert table.columns.tolist() == ["Measure", "Assisted", "Blind", "Difference", "95 % interval"]
    assert table.iloc[0].tolist() == ["ks", "0.900", "0.800", "+0.100", "+0.050..+0.150"]
    assert help_table(Help(1, 2, None, None, math.nan)).empty


def test_a_run_is_named_by_model_and_version() -> None:
    run = ModelSummary("deeppose", "1", "0" * 64, 1200, 3400, "2026-01-01T00:00:00Z")
    other = replace(run, weights_hash="1" * 64)
    newer = replace(run, version="project-1")
    assert run_names([run, newer]) == {run: "deeppose@1", newer: "deeppose@project-1"}
    # two weights that call themselves the same are told apart by their SHA-256
    assert run_names([run, other]) == {run: f"deeppose@1#{'0' * 12}", other: f"deeppose@1#{'1' * 12}"}
    assert run_label(run) == "deeppose 1 (3,400 people in 1,200 images)"


def test_curves_have_the_colours_of_the_editor() -> None:
    assert sides_of(LSP_14)["left_knee"] == "left"
    assert sides_of(COCO_17)["nose"] == "middle"
    rows = [
        {"joint": name, "threshold": t, "pdj": t * 2} for name in ("overall", "left_eye", "nose") for t in (0.1, 0.2)
    ]
    frame = curve_frame(rows, COCO_17)
    assert list(frame["side"].unique()) == ["overall", "left", "middle"]
    spec = pdj_chart(frame).to_dict()
    assert len(spec["layer"]) == 4


def test_file_names_are_shown_as_they_are() -> None:
    assert plain("a_b*c`<i>$x$[1]") == r"a\_b\*c\`\<i\>\$x\$\[1\]"


def test_the_queue_is_asked_for_what_it_can_show() -> None:
    assert queue_link([]) == "/queue?which=all"
    assert queue_link(["done"], "audit:neck", "anna") == "/queue?which=done&mark=audit%3Aneck&labeller=anna"
    assert queue_link(["in_progress", "unlabelled", "prefilled"]) == "/queue?which=unfinished"
    assert queue_link(STATUSES) == "/queue?which=all"
    assert queue_link(["done", "skipped"]) is None
