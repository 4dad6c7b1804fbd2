from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import TOKEN, make_project
from streamlit.testing.v1 import AppTest

from labeltool.app.queue_page import part_of
from labeltool.app.queueing import (
    FILTER_NAMES,
    ORDER_NAMES,
    duration,
    editor_link,
    images_table,
    last_page,
    mark_names,
    note_of,
    overview,
)
from labeltool.project import FILTERS, ORDERS, Mark, MarkCount, Progress
from labeltool.server.office import Office, install


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office.open(make_project(tmp_path), TOKEN, "anna")
    install(office)
    yield office
    office.close()


def queue_script() -> None:
    from labeltool.app import queue_page

    queue_page.show()


def shown() -> AppTest:
    page = AppTest.from_function(queue_script, default_timeout=30).run()
    assert not page.exception
    return page


def test_every_filter_and_order_has_a_name() -> None:
    assert set(FILTER_NAMES) == set(FILTERS)
    assert set(ORDER_NAMES) == set(ORDERS)


def test_the_page_shows_how_far_the_work_is(office: Office) -> None:
    numbers = {metric.label: metric.value for metric in shown().metric}
    assert numbers == {
        "Images done": "1 of 8",
        "People done": "2 of 3",
        "Joints decided": "66.7%",
        "People an hour": "–",
        "Work left": "–",
        "Needs fix": "0",
    }


def test_the_table_has_a_link_a_status_and_a_note(office: Office) -> None:
    office.project.flag(103, "look again", "rev")
    office.project.set_status(104, "skipped", "anna", "too dark")
    table = shown().dataframe[0].value
    assert list(table["Open"]) == [f"/?image={i}" for i in range(100, 108)]
    assert table["Note"][3] == "rev: look again"
    assert table["Note"][4] == "skipped: too dark"
    assert table["Status"][4] == "Skipped"


def test_filter_order_and_search_narrow_the_table(office: Office) -> None:
    office.project.flag(103, "look again", "rev")
    page = shown()
    page.selectbox(key="queue_which").set_value("fix").run()
    assert list(page.dataframe[0].value["Id"]) == [103]
    page.selectbox(key="queue_which").set_value("all").run()
    page.selectbox(key="queue_order").set_value("name").run()
    assert page.dataframe[0].value["Image"][0] == "cmyk.jpg"
    page.text_input(key="queue_text").set_value("e").run()
    assert set(page.dataframe[0].value["Image"]) == {"turned.jpg", "grey16.png", "text.jpg", "empty.jpg"}
    page.text_input(key="queue_text").set_value("nothing like it").run()
    assert not page.exception
    assert "No image is like that." in [info.value for info in page.info]


def test_pages_are_turned(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeltool.app.queue_page.PAGE", 3)
    monkeypatch.setattr("labeltool.app.queueing.PAGE", 3)
    page = shown()
    page.number_input(key="queue_number").set_value(3).run()
    assert list(page.dataframe[0].value["Id"]) == [106, 107]
    page.text_input(key="queue_text").set_value("10").run()
    assert not page.exception, "fewer pages than the one that was open"


def test_labellers_and_reasons(office: Office) -> None:
    page = shown()
    assert {"Nobody has labelled anything yet.", "No image was skipped."} <= {info.value for info in page.info}
    person = office.project.people(100)[0]
    office.project.save(
        person.id, base=person.revision, author="ben", edit_id="e", joints={"nose": (11, 6, 2)}, active_seconds=180
    )
    office.project.set_status(104, "skipped", "anna", "too dark")
    tables = [frame.value for frame in shown().dataframe]
    assert tables[1].to_dict("records") == [
        {"Labeller": "ben", "People": 1, "Active hours": 0.05, "People an hour": 20}
    ]
    assert tables[2].to_dict("records") == [{"Reason": "too dark", "Images": 1}]
    found = overview(office.project)
    assert found.seconds_left == pytest.approx(found.progress.people_waiting * 180)


def test_times_as_one_says_them() -> None:
    spoken = [duration(s) for s in (None, 5, 2400, 3 * 3600, 12_000, 110_000, 7_200_000)]
    assert spoken == ["–", "1 min", "40 min", "3 h", "3 h 20 min", "31 h", "2,000 h"]
    assert (last_page(0), last_page(50), last_page(51)) == (1, 1, 2)


def test_an_image_with_everything_the_matter(office: Office) -> None:
    project = office.project
    project.set_problem(105, "the file is empty")
    project.flag(105, "look", "rev")
    project.set_status(105, "skipped", "anna", "broken")
    entry = project.queue_page(text="105")[1][0]
    assert note_of(entry) == "rev: look · the file is empty · skipped: broken"
    assert images_table([entry])["Doubt"].isna().all()
    assert isinstance(project.progress(), Progress)


def test_marks_are_offered_by_source_and_kind_and_lead_into_the_editor() -> None:
    counts = [MarkCount("audit", "all done", 0, 0, 3, 0), MarkCount("suspects", "limb", 4, 3, 0, 0)]
    assert mark_names(counts) == {
        "": "Marked or not",
        "suspects": "suspects: all",
        "suspects:limb": "suspects: limb (3)",
    }
    assert editor_link(7) == "/?image=7"
    assert editor_link(7, 12, part_of("suspects:limb", "anna")) == "/?image=7&person=12&filter=mark%3Asuspects%3Alimb"
    assert editor_link(part=part_of("", "anna")) == "/?filter=by%3Aanna" and part_of("", "") == ""


def test_the_page_takes_its_choice_from_the_address(office: Office) -> None:
    office.project.put_marks(
        "suspects", [Mark("limb", 102, score=1), Mark("limb", 104, score=3, note="too long"), Mark("swap", 101)], "anna"
    )
    page = AppTest.from_function(queue_script, default_timeout=30)
    page.query_params["mark"], page.query_params["order"] = "suspects:limb", "mark"
    page.run()
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["Id"]) == [104, 102]
    assert next(iter(table["Open"])) == "/?image=104&filter=mark%3Asuspects%3Alimb"
    assert [note.split(" · ")[0] for note in table["Note"]] == ["limb: too long", "limb"]
    assert dict(page.query_params) == {}
