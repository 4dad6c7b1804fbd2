from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import TOKEN, make_project
from streamlit.testing.v1 import AppTest

from labeltool.app.label_page import editor_data
from labeltool.project import PredictedPerson
from labeltool.server.office import Office, install


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office.open(make_project(tmp_path), TOKEN, "anna")
    install(office)
    yield office
    office.close()


def predict_everyone(office: Office) -> None:
    """Predictions of a second model on the labelled people, a quarter of a pixel off."""
    guesses = []
    for person in office.project.people(100):
        joints = {name: (j.x + 0.25, j.y, 0.9) for name, j in person.joints.items() if j.v}
        if joints:
            guesses.append(PredictedPerson(person.box or (0, 0, 9, 9), 0.9, joints, person.id))
    office.project.add_predictions("fine", "2", "1" * 64, {100: guesses})


def label_script() -> None:
    from labeltool.app import label_page

    label_page.show()


def export_script() -> None:
    from labeltool.app import export_page

    export_page.show()


def audit_script() -> None:
    from labeltool.app import audit_page

    audit_page.show()


def run(script: object) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30).run()  # type: ignore[arg-type]
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    found = [*page.title, *page.subheader, *page.caption, *page.markdown, *page.info, *page.success, *page.warning]
    return "\n".join(str(element.value) for element in found)


def test_the_entry_script_shows_the_label_page(office: Office) -> None:
    page = AppTest.from_file(str(Path(__file__).parents[2] / "labeltool" / "app" / "main.py"), default_timeout=30).run()
    assert not page.exception


def test_the_label_page_mounts_the_editor(office: Office) -> None:
    run(label_script)


def test_the_editor_gets_a_bearer_token_and_never_the_servers(office: Office) -> None:
    data = editor_data(office)
    assert data["api"] == "/api"
    assert office.access.user_of(data["token"]) == "anna"
    assert TOKEN not in json.dumps(data)
    assert str(office.project.path) not in json.dumps(data)


def test_the_export_page_counts_checks_and_offers_the_file(office: Office) -> None:
    page = run(export_script)
    numbers = {metric.label: metric.value for metric in page.metric}
    assert numbers["Images"] == "8"
    assert numbers["Annotations"] == "4"
    assert "1 person has predicted joints" in texts(page)
    findings = [expander.label for expander in page.expander]
    assert int(numbers["Errors"]) + int(numbers["Warnings"]) > 0
    assert findings, "the sample's joints outside their boxes are found"


def test_the_export_page_checks_what_is_done_alone(office: Office) -> None:
    page = run(export_script)
    page.radio[0].set_value("Only images that are done").run()
    assert not page.exception
    numbers = {metric.label: metric.value for metric in page.metric}
    assert int(numbers["Images"]) < 8


def test_the_export_page_says_when_nothing_is_done(office: Office) -> None:
    for image in office.project.images("done"):
        office.project.set_status(image.id, "in_progress", "anna")
    page = run(export_script)
    page.radio[0].set_value("Only images that are done").run()
    assert "No image is done yet" in texts(page)


def test_the_audit_page_shows_numbers_curve_and_table(office: Office) -> None:
    predict_everyone(office)
    page = run(audit_script)
    page.selectbox[0].select_index([m.model for m in office.project.list_models()].index("fine")).run()
    assert not page.exception
    numbers = {metric.label: metric.value for metric in page.metric}
    assert list(numbers) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert "coverage 100%" in texts(page)
    table = page.dataframe[0].value
    assert list(table["Joint"])[:2] == ["nose", "left eye"]
    assert list(table["Labelled"])[-1] == 32 == int(table["Labelled"][:-1].sum())
    assert "Segment area" in texts(page)
    page.radio[0].set_value("bbox-diagonal").run()
    assert "Scale: Box diagonal" in texts(page)


def test_the_audit_page_says_what_is_missing(office: Office) -> None:
    page = run(audit_script)
    assert "labelled person" in texts(page), "the toy model was run on a person without labels"


def test_the_audit_page_without_any_model(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(office.project), "list_models", lambda _self: [])
    assert "labeltool prefill" in texts(run(audit_script))
