from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from project_samples import CROWD, EMPTY, FULL, LABELLED, QUAD, guess

from labeltool.errors import ProjectError
from labeltool.project import Joint, ModelSummary, Prediction, Project

MODEL = ("deeppose", "1", "abc")


def stored(project: Project, **narrow: Any) -> list[Prediction]:
    return list(project.predictions(**narrow))


def test_predictions_are_kept_as_they_are(project: Project) -> None:
    made = project.add_predictions(*MODEL, {5: [guess(EMPTY, head=(1.25, 2, 0.5)), guess()], 3: []})
    first, second = made.predictions
    assert (made.filled, made.proposed) == ([], [])
    assert stored(project) == [first, second]
    assert (first.image_id, first.person_id, second.person_id) == (5, EMPTY, None)
    assert (first.model, first.version, first.weights_hash) == MODEL
    assert first.joints == {"head": (1.25, 2, 0.5)}
    assert list(second.joints) == list(QUAD.joints)
    assert project.predicted_images(*MODEL) == {3, 5}
    assert project.predicted_images("deeppose", "2", "abc") == set()
    assert stored(project, image_id=3) == []
    assert stored(project, model="other") == []
    assert len(stored(project, model="deeppose", version="1", weights_hash="abc")) == 2
    assert project.person(EMPTY).revision == 0
    assert project.image(5).status == "unlabelled"


def test_the_same_model_replaces_its_word(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(), guess()], 9: [guess()]})
    project.add_predictions("other", "1", "x", {5: [guess()]})
    project.add_predictions(*MODEL, {5: [guess(at=7)]})
    assert [(p.image_id, p.model, p.joints["head"][0]) for p in stored(project)] == [
        (5, "other", 5),
        (5, "deeppose", 7),
        (9, "deeppose", 5),
    ]
    summaries = project.list_models()
    assert summaries == [
        ModelSummary(*MODEL, images=2, people=2, at=summaries[0].at),
        ModelSummary("other", "1", "x", images=1, people=1, at=summaries[1].at),
    ]


def test_filling(project: Project) -> None:
    made = project.add_predictions(*MODEL, {5: [guess(EMPTY), guess(LABELLED)], 3: [guess(FULL)]}, fill=True)
    assert made.filled == [EMPTY]
    person = project.person(EMPTY)
    assert set(person.joints.values()) == {Joint(5.0, 5.0, 2, "predicted")}
    assert (person.revision, person.touched, person.has_human_joints) == (1, False, False)
    assert project.image(5).status == "prefilled"
    (entry,) = project.history(EMPTY)
    assert (entry.author, entry.action, entry.edit_id) == ("model:deeppose@1", "fill", None)
    assert project.person(LABELLED).revision == 0
    assert project.image(3).status == "done"
    assert project.counts().predicted_people == 1


def test_another_model_may_replace_what_is_still_predicted(project: Project) -> None:
    project.add_predictions(*MODEL, {5: [guess(EMPTY)]}, fill=True)
    project.add_predictions("b", "2", "", {5: [guess(EMPTY, at=8, head=(8, 8, 0.9), foot=(1, 1, 0.1))]}, fill=True)
    assert [j.source for j in project.person(EMPTY).joints.values()] == ["predicted"] * 4
    assert [j.v for j in project.person(EMPTY).joints.values()] == [2, 0, 0, 2]
    project.add_predictions("b", "2", "", {5: [guess(EMPTY, at=8)]}, fill=True, min_confidence=0.9)
    assert [j.v for j in project.person(EMPTY).joints.values()] == [0, 0, 0, 0]


def test_a_fill_again_with_the_same_adds_no_revision(project: Project) -> None:
    for _ in range(2):
        project.add_predictions(*MODEL, {5: [guess(EMPTY)]}, fill=True)
    assert len(project.history(EMPTY)) == 1


@pytest.mark.parametrize(
    "edit", [{"joints": {"head": (1, 1, 1)}}, {"accept": ["head"]}, {"joints": {"head": (0, 0, 0)}}, {"deleted": True}]
)
def test_a_human_word_is_never_filled_over(project: Project, edit: dict[str, Any]) -> None:
    (prediction,) = project.add_predictions(*MODEL, {5: [guess(EMPTY)]}, fill=True).predictions
    saved = project.save(EMPTY, base=1, edit_id="e", author="anna", **edit)
    assert project.fill(EMPTY, prediction) is None
    assert project.add_predictions("b", "2", "", {5: [guess(EMPTY, at=9)]}, fill=True).filled == []
    assert project.person(EMPTY) == saved


def test_a_box_drawn_by_hand_may_be_filled(project: Project) -> None:
    person = project.add_person(3, box=(1, 2, 3, 4), edit_id="n", author="anna")
    (prediction,) = project.add_predictions(*MODEL, {3: [guess(person.id)]}).predictions
    filled = project.fill(person.id, prediction, min_confidence=0.5)
    assert filled is not None and filled.touched and filled.revision == 2
    assert filled == project.person(person.id)
    assert project.image(3).status == "done"
    with pytest.raises(ProjectError, match="is on image 5, the prediction on image 3"):
        project.fill(EMPTY, prediction)
    with pytest.raises(ProjectError, match="locked"):
        project.fill(CROWD, dataclasses.replace(prediction, image_id=5))


def test_finished_images_are_left_alone(project: Project) -> None:
    project.set_status(5, "done", "anna")
    project.set_status(9, "skipped", "anna")
    made = project.add_predictions(*MODEL, {5: [guess(EMPTY), guess()], 9: [guess()]}, fill=True)
    assert (len(made.predictions), made.filled, made.proposed) == (3, [], [])
    assert project.person(EMPTY).revision == 0


def test_detections_become_people(project: Project) -> None:
    made = project.add_predictions(*MODEL, {9: [guess(score=0.9), guess(score=0.2)]}, fill=True, min_score=0.5)
    assert len(made.predictions) == 2
    (person,) = project.people(9)
    assert made.proposed == [person.id]
    assert [p.person_id for p in made.predictions] == [person.id, None]
    assert (person.origin, person.touched, person.box, person.revision) == ("model", False, (1, 2, 10, 20), 1)
    assert person.area_source == "0.53 x bbox"
    assert project.image(9).status == "prefilled"

    # DeepPose-like: another model given these very boxes fills them; a detector's new detections make them go
    project.add_predictions("b", "1", "", {9: [guess(person.id, at=7)]}, fill=True)
    assert project.person(person.id).joints["head"].x == 7
    project.add_predictions("c", "1", "", {9: []}, fill=True)
    assert [p.id for p in project.people(9)] == [person.id]
    (new,) = project.add_predictions("c", "1", "", {9: [guess()]}, fill=True).proposed
    assert [p.id for p in project.people(9)] == [new]

    project.save(new, base=1, edit_id="e", author="anna", joints={"head": (1, 1, 2)})
    assert project.add_predictions(*MODEL, {9: [guess()]}, fill=True).proposed == []  # in progress by now
    assert [p.id for p in project.people(9)] == [new]


@pytest.mark.parametrize(
    ("by_image", "message"),
    [
        ({5: [guess()], 4: []}, "image 4: no such image"),
        ({5: [guess()], 9: [guess(EMPTY)]}, "prediction on image 9: person 5 is not on it"),
        ({5: [guess(tail=(1, 2, 0.5))]}, "no joint 'tail'"),
        ({5: [guess(head=(1, math.nan, 0.5))]}, "joint 'head' is nan"),
        ({5: [guess(head=(1, 2))]}, "expected x, y and confidence"),
        ({5: [guess(score=math.inf)]}, "score is inf"),
        ({5: [dataclasses.replace(guess(), box=(1, 2, 0, 3))]}, "expected w and h above 0"),
    ],
)
def test_what_is_refused(project: Project, by_image: Any, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        project.add_predictions(*MODEL, by_image, fill=True)
    assert stored(project) == []
    assert project.list_models() == []
    with pytest.raises(ProjectError, match="name is ''"):
        project.add_predictions("", "1", "", {})
