"""What the editor is told about a person."""

from __future__ import annotations

from labeltool.project import Joint, Person, Prediction
from labeltool.server.answers import confidences

BOX = (0.0, 0.0, 10.0, 10.0)


def predicted(number: int, person_id: int | None, **joints: tuple[float, float, float]) -> Prediction:
    return Prediction(number, 1, person_id, f"m{number}", "1", "h", BOX, 0.9, joints)


def person(**places: tuple[float, float]) -> Person:
    joints = {name: Joint(x, y, 2, "predicted") for name, (x, y) in places.items()}
    return Person(4, 1, 4, 1, BOX, joints, False, False, 50.0, "given", False, "imported")


def test_a_joint_has_the_confidence_of_the_model_that_put_it_there() -> None:
    older = predicted(1, 4, nose=(1, 2, 0.9), hip=(3, 4, 0.81234567))
    newer = predicted(2, 4, nose=(5, 6, 0.2), hip=(3, 4, 0.7))
    elsewhere = predicted(3, None, nose=(1, 2, 0.5))
    told = confidences([newer, elsewhere, older], [person(nose=(1, 2), hip=(3, 4))])
    assert told == {4: {"nose": 0.9, "hip": 0.7}}, "of two who agree, the newer"


def test_a_joint_that_nobody_put_there_has_the_newest_confidence() -> None:
    older, newer = predicted(1, 4, nose=(1, 2, 0.9), hip=(3, 4, 0.8)), predicted(2, 4, nose=(5, 6, 0.2))
    told = confidences([older, newer], [person(nose=(9, 9), hip=(3, 5))])
    assert told == {4: {"nose": 0.2, "hip": 0.8}}
    assert confidences([older], []) == {}
