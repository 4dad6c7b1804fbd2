"""Marks: replaced as a whole, counted, narrowed and ordered by, settled by looking or by an edit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from project_samples import LABELLED as PERSON
from project_samples import make_project, sample

from labeltool.errors import ProjectError
from labeltool.project import Mark, MarkCount, Project

#: Images of the sample: where PERSON is, and one without people.
LABELLED, EMPTY = 5, 9


def put(project: Project, *marks: Mark, source: str = "suspects") -> int:
    return project.put_marks(source, marks, "anna")


def test_marks_are_stored_as_given_and_replaced_by_source(project: Project) -> None:
    limb = Mark("limb", LABELLED, PERSON, 2.5, "too long", (project.skeleton.joints[0],))
    assert put(project, limb, Mark("twin", EMPTY)) == 2
    assert put(project, Mark("odd one", EMPTY), source="fiftyone") == 1
    first, second = project.marks(source="suspects")
    assert replace(first, id=0, at="") == replace(limb, source="suspects", author="anna")
    assert (second.kind, second.image_id, second.person_id, second.note, second.score) == ("twin", EMPTY, None, None, 0)
    assert [m.kind for m in project.marks(EMPTY)] == ["twin", "odd one"]
    assert put(project, replace(limb, score=3)) == 1
    assert [(m.kind, m.score) for m in project.marks()] == [("limb", 3), ("odd one", 0)]
    assert put(project) == 0
    assert [m.source for m in project.marks()] == ["fiftyone"]


@pytest.mark.parametrize(
    ("source", "mark", "message"),
    [
        ("a:b", Mark("k", EMPTY), "source 'a:b': has a colon"),
        ("", Mark("k", EMPTY), "source is ''"),
        ("s", Mark("", EMPTY), r"marks\[1\]: kind is ''"),
        ("s", Mark("k" * 101, EMPTY), r"marks\[1\]: kind has 101 signs"),
        ("s", Mark("k", 999), r"marks\[1\]: image 999: no such image"),
        ("s", Mark("k", EMPTY, 1), r"marks\[1\]: person 1: no such person on image"),
        ("s", Mark("k", EMPTY, score=float("nan")), r"marks\[1\]: score is nan"),
        ("s", Mark("k", EMPTY, joints=("elbow",)), r"marks\[1\]: joint 'elbow' is unknown"),
    ],
)
def test_what_does_not_fit_is_refused_whole(project: Project, source: str, mark: Mark, message: str) -> None:
    put(project, Mark("kept", EMPTY))
    with pytest.raises(ProjectError, match=message):
        put(project, Mark("k", EMPTY), mark, source=source)
    assert [m.kind for m in project.marks()] == ["kept"]


def test_the_queue_narrows_to_marks_and_sorts_by_them(tmp_path: Path) -> None:
    data = sample()
    data["images"] = [{"id": i, "file_name": f"{i}.jpg", "width": 80, "height": 60} for i in range(1, 7)]
    data["annotations"] = []

    with make_project(tmp_path, data) as project:

        def ids(**wish: Any) -> list[int]:
            found = list(project.queue(**wish).ids)
            assert [entry.image.id for entry in project.queue_page(**wish)[1]] == found
            assert [image.id for image in project.walk("all", **wish)] == found
            assert project.queue_page(**wish)[0] == len(found)
            return found

        put(project, Mark("limb", 2, score=1), Mark("limb", 5, score=4), Mark('it\'s 100% "x"', 2, score=9))
        put(project, Mark("limb", 6, score=8), source="other")
        assert ids(mark="suspects") == [2, 5]
        assert ids(mark="suspects", order="mark") == [2, 5]
        assert ids(mark="suspects:limb", order="mark") == [5, 2]
        assert ids(mark='suspects:it\'s 100% "x"') == [2]
        assert ids(mark="suspects:none") == []
        assert ids(order="mark") == [2, 6, 5, 1, 3, 4]
        assert list(project.queue("done", mark="suspects").ids) == []
        for wrong in (":", "a:", ":limb"):
            with pytest.raises(ProjectError, match="expected a source, or source:kind"):
                project.queue(mark=wrong)


def test_what_was_called_right_stays_so_until_the_person_changes(project: Project) -> None:
    mark = Mark("limb", LABELLED, PERSON, 2.0)
    whole = Mark("photo", EMPTY)
    put(project, mark, whole)
    ids = [m.id for m in project.marks()]
    settled = project.settle_marks(ids, "ben")
    assert [(m.outcome, m.outcome_by) for m in settled] == [("right", "ben")] * 2
    assert project.marks() == [] and project.queue(mark="suspects").ids == []
    assert put(project, replace(mark, score=7.0), whole) == 0
    assert [(m.score, m.outcome) for m in project.marks(settled=True)] == [(7.0, "right"), (0.0, "right")]
    assert project.mark_counts() == [
        MarkCount("suspects", "limb", 0, 0, 1, 0),
        MarkCount("suspects", "photo", 0, 0, 1, 0),
    ]
    before = project.person(PERSON)
    project.save(PERSON, base=before.revision, author="ben", edit_id="e", box=(1, 1, 9, 9))
    assert put(project, mark, whole) == 1
    assert [m.kind for m in project.marks()] == ["limb"]
    assert project.settle_marks([project.marks()[0].id], "ben", reopen=True)[0].outcome is None
    with pytest.raises(ProjectError, match="mark 999: no such mark"):
        project.settle_marks([999], "ben")


def test_an_edit_settles_the_marks_of_its_person_alone(project: Project) -> None:
    put(project, Mark("limb", LABELLED, PERSON), Mark("photo", LABELLED))
    base = project.person(PERSON).revision
    project.save(PERSON, base=base, author="ben", edit_id="e", box=(1, 1, 9, 9))
    assert [m.kind for m in project.marks(LABELLED)] == ["photo"]
    settled = [m for m in project.marks(LABELLED, settled=True) if m.outcome]
    assert [(m.kind, m.outcome, m.outcome_by) for m in settled] == [("limb", "edited", "ben")]
    assert put(project, Mark("limb", LABELLED, PERSON)) == 1  # the source still finds it


def test_images_that_somebody_worked_on(project: Project) -> None:
    assert project.queue(labeller="ben").ids == []
    project.save(PERSON, base=project.person(PERSON).revision, author="ben", edit_id="e", box=(1, 1, 9, 9))
    assert list(project.queue(labeller="ben").ids) == [LABELLED]
    assert project.queue(labeller="be").ids == []
