from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import TOKEN
from streamlit.testing.v1 import AppTest
from study_samples import figures_project

from labeltool.app import measured
from labeltool.app.auditing import cases_of, group_names
from labeltool.audit import NO_DETECTION
from labeltool.evaluate import people_table, read_project
from labeltool.project import Mark
from labeltool.server.office import Office, install


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("figures")
    figures_project(folder).close()
    office = Office.open(folder / "p", TOKEN, "anna")
    install(office)
    yield office
    office.close()


def audit_script() -> None:
    from labeltool.app import audit_page

    audit_page.show()


def shown(tab: str | None = None, versus: int | None = None) -> AppTest:
    page = AppTest.from_function(audit_script, default_timeout=120)
    if tab is not None:
        page.session_state["audit-tabs"] = tab
    page.run()
    if versus is not None:
        page.selectbox[1].select_index(versus).run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in [*page.caption, *page.markdown, *page.info, *page.warning])


def test_joints_have_intervals_and_a_row_over_all(office: Office) -> None:
    page = shown()
    table = page.dataframe[0].value
    assert list(table["Joint"])[-1] == "all joints" and len(table) == 15
    assert all(" to " in text for text in table["ks, 95 %"])
    assert "Best by PDJ@0.2" in texts(page).replace("\\", "")
    assert [tab.label for tab in page.tabs] == ["Joints", "Errors", "On whom", "Confidence", "People", "Help"]


@pytest.mark.parametrize("tab", ["Errors", "On whom", "Confidence"])
def test_every_tab_shows_a_table(office: Office, tab: str) -> None:
    page = shown(tab)
    assert len(page.dataframe) == 1 and len(page.dataframe[0].value) > 5
    if tab == "Errors":
        kinds = page.dataframe[0].value.iloc[:, 2:]
        assert kinds.sum(axis=1).round(6).eq(100).all()


def test_nobody_helped_is_said(office: Office) -> None:
    page = shown("Help")
    assert not page.dataframe
    assert "Nobody was labelled blind yet" in texts(page)


def test_two_models_side_by_side(office: Office) -> None:
    page = shown("Comparison", versus=1)
    table = page.dataframe[0].value
    assert list(table.columns) == ["Joint", "fine@1", "rough@1", "Difference", "95 % interval", "First ahead"]
    assert table["First ahead"].min() > 0.99
    assert "fine@1 is ahead on" in texts(page)


def test_people_are_shown_worst_first_and_the_group_can_be_chosen(office: Office) -> None:
    page = shown("People")
    captions = [c.value.replace("\\", "") for c in page.caption if "OKS 0" in c.value]
    assert len(captions) == 18
    values = [float(text.split("OKS ")[1][:4]) for text in captions]
    assert values == sorted(values)
    page.selectbox[-1].set_value("left_wrist").run()
    assert not page.exception
    assert any("s off" in c.value for c in page.caption)


def test_a_filter_by_status_and_one_that_leaves_nobody(office: Office) -> None:
    page = shown()
    everybody = page.dataframe[0].value["Labelled"].iloc[-1]
    image = office.project.images("done")[0]
    office.project.set_status(image.id, "in_progress", "anna")
    page.button_group[0].set_value(["done"]).run()
    assert not page.exception
    assert 0 < page.dataframe[0].value["Labelled"].iloc[-1] < everybody
    page.button_group[0].set_value(["skipped"]).run()
    assert "No labelled person on photos like that" in texts(page)


def test_what_was_measured_holds_until_something_changes(office: Office) -> None:
    project = office.project
    before = measured.key_of(project, ("fine@1",), ())
    assert measured.subjects(project, before)[0] is measured.subjects(project, before)[0]
    person = next(iter(project.labelled_people()))
    now = project.person(person.id)
    assert measured.key_of(project, ("fine@1",), ()) == before
    joint = next(name for name, j in now.joints.items() if j.v)
    x = now.joints[joint].x
    project.save(
        person.id, base=now.revision, author="anna", edit_id="x1", joints={joint: (x + 3, now.joints[joint].y, 2)}
    )
    after = measured.key_of(project, ("fine@1",), ())
    assert after != before
    assert measured.subjects(project, after)[0].labels_hash() != measured.subjects(project, before)[0].labels_hash()


def test_every_group_has_its_cases(office: Office) -> None:
    (one,) = read_project(office.project, ["rough"])
    table = people_table(one, "area")
    for group in group_names(one.skeleton):
        cases = cases_of(one, table, group, 4)
        assert len(cases) <= 4
        assert all(case.detection != NO_DETECTION for case in cases if group != "missed person")
    assert len(cases_of(one, table, "least OKS", 4)) == 4


def test_thresholds_are_written_for_the_editor_and_taken_back(office: Office) -> None:
    page = shown("Confidence")
    assert "below a confidence of 0.5" in texts(page)
    model = next(iter({f"{m.model}@{m.version}" for m in office.project.list_models()}))
    next(b for b in page.button if b.label.startswith("Ring what lies below")).click().run()
    assert not page.exception
    (written,) = office.project.look_below().values()
    assert (
        written.precision == 0.95
        and written.author == "anna"
        and set(written.joints) <= set(office.project.skeleton.joints)
    )
    assert "thresholds for 95.0%" in texts(page), model
    next(b for b in page.button if b.label == "Back to 0.5").click().run()
    assert office.project.look_below() == {}


def test_the_worst_open_the_editor_and_go_into_the_queue(office: Office) -> None:
    page = shown("People")
    assert "[Open](/?image=" in texts(page) and "&person=" in texts(page)
    next(b for b in page.button if b.label.startswith("Show the worst")).click().run()
    assert not page.exception and "open the queue](/queue?mark=audit%3A" in texts(page)
    marks = office.project.marks(source="audit")
    assert marks and {m.author for m in marks} == {"anna"}
    assert not {m.person_id for m in marks} & office.project.blind_people()
    ordered = list(office.project.queue(mark="audit", order="mark").ids)
    assert ordered[0] == marks[0].image_id and [m.score for m in marks] == sorted(
        (m.score for m in marks), reverse=True
    )
    office.project.put_marks("audit", [], "anna")


def test_the_page_measures_a_part_of_the_queue(office: Office) -> None:
    project = office.project
    everyone = measured.subjects(project, measured.key_of(project, ("fine@1",), ()))[0]
    image = int(everyone.labels.image[everyone.labels.people][0])
    project.put_marks("suspects", [Mark("limb", image)], "anna")
    key = measured.key_of(project, ("fine@1",), (), "suspects:limb")
    assert set(measured.subjects(project, key)[0].labels.image.tolist()) == {image}
    page = shown()
    next(s for s in page.selectbox if s.label == "Marked").set_value("suspects:limb").run()
    assert not page.exception and "/queue?which=all&mark=suspects%3Alimb" in texts(page)
    project.put_marks("suspects", [], "anna")
    assert measured.key_of(project, ("fine@1",), (), "suspects:limb") != key
