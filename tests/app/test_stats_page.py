from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_samples import TOKEN, make_project
from streamlit.testing.v1 import AppTest

from labeltool.app.counting import count, joint_table, size_table
from labeltool.coco.document import CocoDocument, read_document
from labeltool.dataset.stats import stats
from labeltool.project import Project
from labeltool.report import stats_charts as charts
from labeltool.report.svg import to_svg
from labeltool.server.office import Office, install
from labeltool.skeleton import COCO_17


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office.open(make_project(tmp_path), TOKEN, "anna")
    install(office)
    yield office
    office.close()


@pytest.fixture
def genuine(coco_mini: Path, tmp_path: Path) -> Iterator[tuple[Project, CocoDocument]]:
    document = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    with Project.create(tmp_path / "p", document, coco_mini / "images", COCO_17) as project:
        yield project, document


def script() -> None:
    from labeltool.app import stats_page

    stats_page.show()


def test_the_numbers_are_those_of_the_verb(genuine: tuple[Project, CocoDocument]) -> None:
    project, document = genuine
    labelled = {a["image_id"] for a in document.annotations if a["num_keypoints"] and not a["iscrowd"]}
    part = {
        **document.data,
        "images": [image for image in document.images if image["id"] in labelled],
        "annotations": [a for a in document.annotations if a["image_id"] in labelled],
    }
    found = count(project)
    assert rounded(found.stats.to_json()) == rounded(stats(CocoDocument(part, "part")).to_json())
    assert found.photos == len(document.images)
    assert len(found.sides) == found.stats.people
    assert count(project, ["unlabelled"]).stats.people + count(project, ["done"]).stats.people == found.stats.people


def rounded(data: Any) -> Any:
    """The same data without the last bits: people come in another order, and sums differ there."""
    return json.loads(json.dumps(data), parse_float=lambda text: round(float(text), 9))


def test_the_tables_and_the_plots(genuine: tuple[Project, CocoDocument]) -> None:
    found = count(genuine[0])
    table = joint_table(found.stats)
    assert list(table["Joint"])[:2] == ["nose", "left eye"]
    sums = table[["Visible", "Hidden", "Not labelled"]].sum(axis=1)
    assert set(sums) == {found.stats.people}
    assert size_table(found.stats)["Median"].notna().all()
    flags = charts.flag_frame(found.stats)
    assert flags.groupby("joint")["share"].sum().round(9).eq(1).all()
    sizes = charts.size_frame(found.sides)
    assert sizes["people"].sum() == found.stats.people
    assert (sizes["low"] < sizes["high"]).all()
    limbs = charts.limb_frame(found.stats, COCO_17)
    assert (limbs["p5"] <= limbs["p50"]).all() and set(limbs["side"]) == {"left", "right", "middle"}
    drawn = to_svg(charts.limb_chart(limbs, found.stats.limb_unit), "limbs")
    assert "left knee" in drawn
    assert "not labelled" in to_svg(charts.flag_chart(flags), "flags")
    assert to_svg(charts.size_chart(sizes, "px"), "sizes").count("<path") > 10


def test_rare_numbers_share_the_last_bar() -> None:
    frame = charts.count_frame({0: 4, 2: 3, 20: 2, 31: 1}, 20)
    assert list(frame["number"])[:3] == ["0", "1", "2"]
    assert list(frame["times"])[:3] == [4, 0, 3]
    assert (frame["number"].iloc[-1], frame["times"].iloc[-1], len(frame)) == ("20+", 3, 21)
    assert charts.count_frame({}, 20)["times"].tolist() == [0]
    assert charts.size_frame(np.array([np.nan, 0.0])).empty


def test_the_page_shows_them_and_those_of_a_status(office: Office) -> None:
    page = AppTest.from_function(script, default_timeout=30).run()
    assert not page.exception
    numbers = {metric.label: metric.value for metric in page.metric}
    # the sample has two people and a crowd on one photo, and one with predictions alone on another
    assert (numbers["Labelled photos"], numbers["People"], numbers["People a photo"]) == ("1", "2", "2.00")
    data = count(office.project).stats.to_json()
    assert json.dumps(data, allow_nan=False)
    page.button_group[0].set_value(["skipped"]).run()
    assert not page.exception
    assert "Nobody is labelled on these photos yet" in page.info[0].value


def test_a_project_without_labels_has_a_page(tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}
    data = {"images": [image], "annotations": [], "categories": [COCO_17.to_category()]}
    (tmp_path / "photos").mkdir()
    Project.create(tmp_path / "p", CocoDocument(data, "empty"), tmp_path / "photos", COCO_17).close()
    office = Office.open(tmp_path / "p", TOKEN, "anna")
    install(office)
    try:
        page = AppTest.from_function(script, default_timeout=30).run()
        assert not page.exception
        assert page.info and not page.metric
    finally:
        office.close()
