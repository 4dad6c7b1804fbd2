from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project_samples import CROWD, EMPTY, FULL, LABELLED, QUAD, SAMPLE, guess, make_project

from labeltool.errors import ProjectError
from labeltool.project import Joint, Person, Project, StaleRevision

WHO: dict[str, Any] = {"author": "anna"}


def save(project: Project, person_id: int, **changes: Any) -> Person:
    """A save from the person's current revision with an edit id of its own."""
    base = project.person(person_id).revision
    number = sum(len(project.history(p)) for p in (LABELLED, FULL, EMPTY))
    return project.save(person_id, **{"base": base, "edit_id": f"edit-{number}", **WHO, **changes})


def test_a_person_comes_with_every_joint_by_name(project: Project) -> None:
    person = project.person(LABELLED)
    assert list(person.joints) == list(QUAD.joints)
    assert person.joints["head"] == Joint(10, 12.5, 2, "imported")
    assert person.joints["right_hand"] == Joint(0, 0, 0, "imported")  # stood at (7, 8) with v = 0
    assert (person.revision, person.touched, person.origin) == (0, False, "imported")
    assert person.box == (1.5, 2, 28.5, 38.25)
    assert (person.area, person.area_source) == (541.3, "segmentation")
    assert project.person(FULL).area_source == "given"
    empty = project.person(EMPTY)
    assert not empty.has_human_joints
    assert (empty.area, empty.area_source) == (pytest.approx(0.53 * 200), "0.53 x bbox")


def test_sources_follow_from_what_changed(project: Project) -> None:
    person = save(
        project,
        LABELLED,
        joints={"head": (10, 12.5, 2), "left_hand": (20, 22, 2), "right_hand": (7.25, 8, 1), "foot": (30, 31, 0)},
    )
    assert person.joints == {
        "head": Joint(10, 12.5, 2, "imported"),
        "left_hand": Joint(20, 22, 2, "moved"),
        "right_hand": Joint(7.25, 8, 1, "added"),
        "foot": Joint(0, 0, 0, "removed"),
    }
    assert person == project.person(LABELLED)
    assert person.touched and person.revision == 1


def test_an_unchanged_joint_keeps_its_type(project: Project) -> None:
    person = save(project, LABELLED, joints={"head": (10.0, 12.5, 2.0), "foot": (30, 31.0, 2)})
    assert [type(n) for n in (person.joints["head"].x, person.joints["foot"].x)] == [int, float]
    assert {joint.source for joint in person.joints.values()} == {"imported"}


def test_numpy_numbers_are_numbers(project: Project) -> None:
    person = save(project, LABELLED, joints={"head": (np.float32(1.5), np.int64(2), np.int64(1))})
    assert person.joints["head"] == Joint(1.5, 2, 1, "moved")


def test_a_joint_given_whole_is_taken_with_its_source(project: Project) -> None:
    before = project.person(LABELLED)
    save(project, LABELLED, joints={"head": (1, 1, 1)})
    undone = save(project, LABELLED, joints=before.joints, action="undo")
    assert undone.joints == before.joints
    assert project.to_document() == SAMPLE


def test_accepting(project: Project) -> None:
    project.add_predictions("m", "1", "h", {5: [guess(EMPTY)]}, fill=True)
    some = save(project, EMPTY, accept=["head"], joints={"foot": (1, 2, 2)})
    assert [joint.source for joint in some.joints.values()] == ["accepted", "predicted", "predicted", "moved"]
    every = save(project, EMPTY, accept=True)
    assert [joint.source for joint in every.joints.values()] == ["accepted", "accepted", "accepted", "moved"]
    assert every.joints["head"].x == 5.0


def test_a_stale_save_is_refused_with_both_versions(project: Project) -> None:
    save(project, LABELLED, joints={"head": (1, 1, 2)})
    current = save(project, LABELLED, joints={"foot": (2, 2, 2)})
    with pytest.raises(
        StaleRevision, match="based on revision 1, which is stale; the person is at revision 2"
    ) as caught:
        project.save(LABELLED, base=1, edit_id="other", author="ben", joints={"left_hand": (9, 9, 1)})
    assert caught.value.current == current
    offered = caught.value.offered
    assert offered.revision == 1
    assert offered.joints["head"] == Joint(1, 1, 2, "moved")
    assert offered.joints["left_hand"] == Joint(9, 9, 1, "moved")
    assert offered.joints["foot"] == Joint(30.0, 31, 2, "imported")
    assert project.person(LABELLED) == current
    assert len(project.history(LABELLED)) == 2


def test_a_stale_save_based_on_the_import(project: Project) -> None:
    save(project, LABELLED, joints={"head": (1, 1, 2)}, box=(1, 1, 2, 2))
    with pytest.raises(StaleRevision) as caught:
        project.save(LABELLED, base=0, edit_id="other", **WHO, joints={"foot": (9, 9, 1)})
    assert caught.value.offered.joints["head"] == Joint(10, 12.5, 2, "imported")
    assert caught.value.offered.box == (1.5, 2, 28.5, 38.25)


def test_a_base_from_the_future_is_stale_too(project: Project) -> None:
    with pytest.raises(StaleRevision) as caught:
        project.save(LABELLED, base=9, edit_id="e", **WHO, joints={"foot": (9, 9, 1)})
    assert caught.value.offered.joints["foot"] == Joint(9, 9, 1, "moved")


def test_the_same_edit_again_returns_what_it_made(project: Project) -> None:
    first = project.save(LABELLED, base=0, edit_id="e1", **WHO, joints={"head": (1, 1, 2)}, box=(0, 0, 9, 9))
    again = project.save(LABELLED, base=0, edit_id="e1", **WHO, joints={"head": (1, 1, 2)}, box=(0, 0, 9, 9))
    assert again == first
    save(project, LABELLED, joints={"head": (3, 3, 2)}, box=(0, 0, 5, 5))
    later = project.save(LABELLED, base=0, edit_id="e1", **WHO, joints={"head": (1, 1, 2)}, box=(0, 0, 9, 9))
    assert later == first
    assert len(project.history(LABELLED)) == 2
    with pytest.raises(ProjectError, match="edit id 'e1' was used for person 1"):
        project.save(FULL, base=0, edit_id="e1", **WHO, joints={"head": (1, 1, 2)})


def test_the_log(project: Project) -> None:
    save(project, LABELLED, joints={"head": (1, 1.5, 1)}, action="move", active_seconds=2.5)
    save(project, LABELLED, deleted=True, action="delete", author="ben")
    first, second = project.history(LABELLED)
    assert (first.number, first.base, first.author, first.action) == (1, 0, "anna", "move")
    assert (first.active_seconds, first.edit_id) == (2.5, "edit-0")
    assert first.before is not None
    assert first.before["joints"]["head"] == [10, 12.5, 2, "imported"]
    assert first.before["box"] == [1.5, 2, 28.5, 38.25]
    assert first.after["joints"]["head"] == [1, 1.5, 1, "moved"]
    assert (first.at.endswith("Z") and first.at < second.at) or first.at == second.at
    assert second.before == first.after
    assert second.after == {**first.after, "deleted": True}


def test_deleting_and_restoring(project: Project) -> None:
    before = project.people(5)
    gone = save(project, LABELLED, deleted=True)
    assert gone.deleted
    assert [p.id for p in project.people(5)] == [CROWD, EMPTY]
    assert [p.id for p in project.people(5, deleted=True)] == [p.id for p in before]
    assert 11 not in [a["id"] for a in project.to_document()["annotations"]]
    with pytest.raises(ProjectError, match="deleted, expected a restore"):
        save(project, LABELLED, joints={"head": (1, 1, 1)})
    back = save(project, LABELLED, deleted=False)
    assert back.joints == before[0].joints
    assert project.to_document() == SAMPLE


def test_a_crowd_is_locked(project: Project) -> None:
    assert project.person(CROWD).crowd
    with pytest.raises(ProjectError, match="person 3: a crowd region, which is locked"):
        save(project, CROWD, box=(1, 1, 2, 2))
    with pytest.raises(ProjectError, match="locked"):
        project.add_predictions("m", "1", "h", {5: [guess(CROWD)]}, fill=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": {"tail": (1, 2, 2)}}, "person 1: no joint 'tail', expected one of head"),
        ({"joints": {"head": (1, 2, 3)}}, "joint 'head': v is 3, expected 0"),
        ({"joints": {"head": (1, 2, 1.5)}}, "v is 1.5"),
        ({"joints": {"head": (1, 2, True)}}, "v is True, expected a number"),
        ({"joints": {"head": (True, 2, 2)}}, "x is True, expected a number"),
        ({"joints": {"head": (math.nan, 2, 2)}}, "x is nan, expected a finite number"),
        ({"joints": {"head": (1, math.inf, 2)}}, "y is inf"),
        ({"joints": {"head": (1, 10**400, 2)}}, "y is a number of 401 digits"),
        ({"joints": {"head": (1, "2", 2)}}, "y is '2', expected a number"),
        ({"joints": {"head": (1, None, 2)}}, "y is None"),
        ({"joints": {"head": (1, 2)}}, "expected x, y and v"),
        ({"joints": {"head": "122"}}, "expected x, y and v"),
        ({"joints": {"head": None}}, "is None, expected x, y and v"),
        ({"joints": {"head": Joint(1, 2, 2, "guessed")}}, "source is 'guessed', expected one of imported"),
        ({"joints": {"head": Joint(1, math.nan, 2, "moved")}}, "y is nan"),
        ({"box": (1, 2, 0, 4)}, "box is 0 x 4, expected w and h above 0"),
        ({"box": (1, 2, 3, -4)}, "expected w and h above 0"),
        ({"box": (1, 2, 3)}, r"expected \[x, y, w, h\]"),
        ({"box": (1, 2, 3, math.nan)}, "box h is nan"),
        ({"box": (True, 2, 3, 4)}, "box x is True"),
        ({"deleted": 1}, "deleted is 1, expected true or false"),
        ({"accept": "head"}, "accept is 'head'"),
        ({"accept": ["tail"]}, "no joint 'tail'"),
        ({"author": ""}, "author is '', expected a name"),
        ({"author": "model:x"}, "models fill and imports add, they do not save"),
        ({"author": "import:x"}, "models fill and imports add, they do not save"),
        ({"author": "a\ud800"}, "author is"),
        ({"edit_id": ""}, "edit id is ''"),
        ({"edit_id": None}, "edit id is None"),
        ({"action": ""}, "action is ''"),
        ({"active_seconds": -1}, "active seconds is -1"),
        ({"active_seconds": math.inf}, "active seconds is inf"),
        ({"base": "0"}, "base is '0'"),
        ({"base": None}, "base is None"),
    ],
)
def test_what_a_save_refuses(project: Project, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        save(project, LABELLED, **changes)
    assert "\n" not in str(caught.value)
    assert project.person(LABELLED).revision == 0
    assert project.history(LABELLED) == []
    assert project.image(5).status == "unlabelled"


@pytest.mark.parametrize("person_id", [99, 2, -1, 2**70])
def test_no_such_person(project: Project, person_id: int) -> None:
    with pytest.raises(ProjectError):
        project.save(person_id, base=0, edit_id="e", **WHO)
    with pytest.raises(ProjectError):
        project.person(person_id)


def test_a_new_person(project: Project) -> None:
    person = project.add_person(9, box=[1, 2.5, 3, 4], edit_id="n1", **WHO, joints={"head": (2, 3, 2)})
    assert person.annotation_id == 900100000001  # above every annotation of the file
    assert (person.revision, person.origin, person.touched) == (1, "human", True)
    assert person.joints["head"] == Joint(2, 3, 2, "added")
    assert (person.area, person.area_source) == (pytest.approx(0.53 * 12), "0.53 x bbox")
    assert project.add_person(9, box=[1, 2.5, 3, 4], edit_id="n1", **WHO) == person
    other = project.add_person(9, box=[1, 2, 3, 4], edit_id="n2", **WHO)
    assert (other.annotation_id, other.id) == (900100000002, person.id + 1)
    (entry,) = project.history(person.id)
    assert entry.before is None and entry.number == 1
    assert project.people(9) == [person, other]
    assert project.image(9).status == "in_progress"
    with pytest.raises(ProjectError, match="used for another edit"):
        project.add_person(3, box=[1, 2, 3, 4], edit_id="n1", **WHO)
    with pytest.raises(ProjectError, match="image 77: no such image"):
        project.add_person(77, box=[1, 2, 3, 4], edit_id="n3", **WHO)
    with pytest.raises(ProjectError, match="no box"):
        project.add_person(9, box=None, edit_id="n4", **WHO)  # type: ignore[arg-type]


def test_the_id_of_a_deleted_new_person_is_not_given_again(project: Project) -> None:
    person = project.add_person(9, box=[1, 2, 3, 4], edit_id="n1", **WHO)
    project.save(person.id, base=1, edit_id="d", deleted=True, **WHO)
    assert project.add_person(9, box=[1, 2, 3, 4], edit_id="n2", **WHO).annotation_id == person.annotation_id + 1


def test_the_area_follows_the_box_where_there_is_no_outline(project: Project) -> None:
    with_outline = save(project, LABELLED, box=(0, 0, 10, 10))
    assert (with_outline.area, with_outline.area_source) == (541.3, "segmentation")
    moved = save(project, FULL, box=(0, 0, 10, 10))
    assert (moved.area, moved.area_source) == (pytest.approx(53), "0.53 x bbox")
    back = save(project, FULL, box=(0, 0, 20, 10))
    assert (back.area, back.area_source) == (100, "given")


_numbers = st.one_of(st.integers(-50, 200), st.floats(-50, 200).map(lambda x: round(x, 3)))
_given = st.tuples(_numbers, _numbers, st.integers(0, 2))
_whole = st.builds(
    lambda xyv, source: Joint(*(xyv if xyv[2] else (0, 0, 0)), source),
    _given,
    st.sampled_from(["imported", "predicted", "accepted", "moved", "added", "removed"]),
)
_edits = st.fixed_dictionaries(
    {},
    optional={
        "joints": st.dictionaries(st.sampled_from(QUAD.joints), st.one_of(_given, _whole), max_size=4),
        "box": st.tuples(_numbers, _numbers, st.integers(1, 50), st.floats(0.5, 50)),
        "deleted": st.booleans(),
        "accept": st.one_of(st.booleans(), st.lists(st.sampled_from(QUAD.joints), max_size=2)),
    },
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from([LABELLED, FULL, EMPTY]), _edits), max_size=12))
def test_the_log_replays_to_the_current_state(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    with make_project(tmp_path_factory.mktemp("replay")) as project:
        starts = {person_id: project.person(person_id) for person_id in (LABELLED, FULL, EMPTY)}
        for number, (person_id, changes) in enumerate(steps):
            current = project.person(person_id)
            try:
                saved = project.save(person_id, base=current.revision, edit_id=f"e{number}", **WHO, **changes)
            except ProjectError as error:
                assert "deleted" in str(error) and current.deleted
                assert project.person(person_id) == current
            else:
                assert saved == project.person(person_id)
        for person_id, start in starts.items():
            person = project.person(person_id)
            state = as_logged(start)
            log = project.history(person_id)
            assert [entry.number for entry in log] == list(range(1, person.revision + 1))
            for entry in log:
                assert entry.before == state
                assert entry.base == entry.number - 1
                state = dict(entry.after)
            assert state == as_logged(person)
        check_counters(project)


def as_logged(person: Person) -> dict[str, Any]:
    joints = {name: list(dataclasses.astuple(joint)) for name, joint in person.joints.items()}
    return {"box": None if person.box is None else list(person.box), "deleted": person.deleted, "joints": joints}


def check_counters(project: Project) -> None:
    """The stored counters are those that the people's joints give."""
    everyone = [p for image in project.images() for p in project.people(image.id) if not p.crowd]
    joints = [joint for person in everyone for joint in person.joints.values()]
    counts = project.counts()
    assert counts.people == len(everyone)
    assert counts.joints == sum(joint.v > 0 and joint.source != "predicted" for joint in joints)
    assert counts.hidden_joints == sum(joint.v == 1 and joint.source != "predicted" for joint in joints)
    for source, count in counts.by_source.items():
        assert count == sum(joint.source == source and (joint.v > 0 or source == "removed") for joint in joints)
    labelled = [p for p in everyone if any(j.v > 0 and j.source != "predicted" for j in p.joints.values())]
    assert counts.labelled_people == len(labelled)
    assert {p.id for p in project.labelled_people()} == {p.id for p in labelled}
