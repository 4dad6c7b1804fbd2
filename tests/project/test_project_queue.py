from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project_samples import FULL, LABELLED, guess, make_project, sample

from labeltool.errors import ProjectError
from labeltool.project import STATUSES, UNFINISHED, ImageEvent, ImageRecord, Neighbours, Project


def test_images_stand_in_the_order_of_the_file(project: Project) -> None:
    assert [image.id for image in project.images()] == [5, 3, 9]
    assert project.image(3) == ImageRecord(3, "three.jpg", 50, 50, "done", "imported", None, 1)
    assert project.image(5) == ImageRecord(5, "a/five.jpg", 80, 60, "unlabelled", None, None, 0)
    with pytest.raises(ProjectError, match="image 4: no such image"):
        project.image(4)
    with pytest.raises(ProjectError, match="image 4: no such image"):
        project.people(4)


def test_status_on_import(tmp_path: Any) -> None:
    data = sample()
    data["annotations"][4]["image_id"] = 9
    with make_project(tmp_path, data) as project:
        # 5: a labelled person, a crowd and a dog; 3: a labelled person; 9: a person whose joints wait
        assert [image.status for image in project.images()] == ["done", "done", "unlabelled"]


def test_a_save_moves_the_image_on(project: Project) -> None:
    project.add_predictions("m", "1", "h", {9: [guess()]}, fill=True)
    project.set_status(5, "skipped", "anna", "too dark")
    for image_id, before in ((9, "prefilled"), (5, "skipped"), (3, "done")):
        assert project.image(image_id).status == before
        person = next(p for p in project.people(image_id) if not p.crowd)
        project.save(person.id, base=person.revision, edit_id=f"e{image_id}", author="ben", joints={"head": (1, 1, 2)})
    assert [project.image(i).status for i in (9, 5, 3)] == ["in_progress", "in_progress", "done"]
    assert project.image(5).reason is None
    log = [(e.author, e.before, e.after, e.reason) for e in project.events(5)]
    assert log == [("anna", "unlabelled", "skipped", "too dark"), ("ben", "skipped", "in_progress", None)]
    assert [(e.author, e.after) for e in project.events(9)] == [("model:m@1", "prefilled"), ("ben", "in_progress")]


def test_setting_a_status(project: Project) -> None:
    assert project.set_status(5, "done", "anna").status == "done"
    project.set_status(5, "done", "anna")
    (event,) = project.events(5)
    assert event == ImageEvent(5, event.at, "anna", "unlabelled", "done", None)
    with pytest.raises(ProjectError, match="status 'finished': unknown, expected one of unlabelled"):
        project.set_status(5, "finished", "anna")
    with pytest.raises(ProjectError, match="author is ''"):
        project.set_status(5, "skipped", "")
    with pytest.raises(ProjectError, match="image 4: no such image"):
        project.set_status(4, "done", "anna")
    with pytest.raises(ProjectError, match="reason is 3"):
        project.set_status(5, "skipped", "anna", 3)  # type: ignore[arg-type]
    assert len(project.events(5)) == 1


def test_finding_an_image(project: Project) -> None:
    for text in ("5", "a/five.jpg", "five.jpg", "five", "a/five"):
        found = project.find_image(text)
        assert found is not None and found.id == 5, text
    for text in ("", "6", "fiv", "%", "ive.jpg", "9" * 30):
        assert project.find_image(text) is None, text


def test_counts(project: Project) -> None:
    counts = project.counts()
    assert (counts.images, counts.people, counts.crowds, counts.deleted) == (3, 3, 1, 0)
    assert counts.by_status == {"unlabelled": 2, "prefilled": 0, "in_progress": 0, "done": 1, "skipped": 0}
    assert project.status_counts() == counts.by_status
    assert (counts.labelled_people, counts.predicted_people) == (2, 0)
    assert (counts.joints, counts.hidden_joints, counts.by_source["imported"]) == (7, 1, 7)
    project.save(LABELLED, base=0, edit_id="e1", author="anna", joints={"head": (0, 0, 0), "foot": (1, 1, 1)})
    project.save(FULL, base=0, edit_id="e2", author="anna", deleted=True)
    counts = project.counts()
    assert (counts.people, counts.deleted, counts.labelled_people, counts.joints) == (2, 1, 1, 2)
    assert counts.by_source == {"imported": 1, "predicted": 0, "accepted": 0, "moved": 1, "added": 0, "removed": 1}


def test_labelled_people(project: Project) -> None:
    first, second = project.labelled_people()
    assert (first.id, second.id) == (FULL, LABELLED)  # by image id
    assert list(second.keypoints) == [10, 12.5, 2, 20, 22, 1, 0, 0, 0, 30.0, 31, 2]
    assert list(second.sources) == ["imported"] * 4
    assert second.box == (1.5, 2, 28.5, 38.25)
    assert [p.id for p in project.labelled_people(only_done=True)] == [FULL]


def test_what_the_queue_refuses(project: Project) -> None:
    with pytest.raises(ProjectError, match="status 'x': unknown"):
        project.images("x")
    with pytest.raises(ProjectError, match="limit is -1"):
        project.images(limit=-1)
    with pytest.raises(ProjectError, match="image 4: no such image"):
        project.images(after=4)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_queue_is_what_a_list_would_be(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    marks = data.draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=7))
    ids = data.draw(st.permutations(range(1, len(marks) + 1)))
    document = sample()
    document["annotations"] = []
    document["images"] = [{"id": i, "file_name": f"{i}.jpg", "width": 4, "height": 3} for i in ids]
    with make_project(tmp_path_factory.mktemp("queue"), document) as project:
        for image_id, status in zip(ids, marks, strict=True):
            project.set_status(image_id, status, "anna")
        for wanted in (None, "done", UNFINISHED, ("skipped", "done"), ()):
            accepted = STATUSES if wanted is None else (wanted,) if isinstance(wanted, str) else wanted
            passing = [i for i, mark in zip(ids, marks, strict=True) if mark in accepted]
            assert [image.id for image in project.images(wanted)] == passing
            assert [image.id for image in project.images(wanted, limit=2)] == passing[:2]
            first = project.next_image(status=wanted)
            assert (first and first.id) == (passing[0] if passing else None)
            for place, image_id in enumerate(ids):
                before = [i for i in ids[:place] if i in passing]
                after = [i for i in ids[place + 1 :] if i in passing]
                assert [image.id for image in project.images(wanted, after=image_id)] == after
                assert project.neighbours(image_id, wanted) == Neighbours(
                    before[-1] if before else None, after[0] if after else None, len(before) + 1, len(passing)
                )
                wrapped = (after + passing)[:1]
                found = project.next_image(image_id, wanted, wrap=True)
                assert [found.id] if found else [] == wrapped
                back = project.next_image(image_id, wanted, backwards=True)
                assert (back and back.id) == (before[-1] if before else None)


def test_statuses_are_those_of_the_images(project: Project) -> None:
    for filters in (
        {},
        {"status": "done"},
        {"status": UNFINISHED},
        {"after": 5},
        {"after": 5, "limit": 1},
        {"limit": 0},
    ):
        assert project.statuses(**filters) == [(i.id, i.status) for i in project.images(**filters)]  # type: ignore[arg-type]
    with pytest.raises(ProjectError, match="unknown"):
        project.statuses("finished")
