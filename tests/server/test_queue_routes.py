from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from label_samples import edit, first_person
from starlette.testclient import TestClient

from labeltool.project import Mark, Project


def queue(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/queue", params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data


def test_the_queue_comes_in_an_order(reader: TestClient) -> None:
    whole = queue(reader)
    assert whole["ids"] == list(range(100, 108))
    assert len(whole["statuses"]) == len(whole["fixes"]) == 8
    shuffled = queue(reader, order="random", seed=4)
    assert shuffled["ids"] == queue(reader, order="random", seed=4)["ids"] != whole["ids"]
    assert sorted(shuffled["ids"]) == whole["ids"]
    status_of = dict(zip(whole["ids"], whole["statuses"], strict=True))
    assert shuffled["statuses"] == "".join(status_of[i] for i in shuffled["ids"])
    assert queue(reader, order="name")["ids"][0] == 107, "cmyk.jpg"


def test_an_order_that_is_none_is_refused(reader: TestClient) -> None:
    answer = reader.get("/api/queue", params={"order": "hard"})
    assert (answer.status_code, answer.json()["error"][:32]) == (422, "order 'hard': unknown, expected ")
    answer = reader.get("/api/queue", params={"order": "name", "limit": 3})
    assert answer.status_code == 422 and "expected position where" in answer.json()["error"]
    assert reader.get("/api/queue", params={"seed": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("text", "found"), [("103", 103), ("turned.jpg", 101), ("grey16", 102), ("mis", 106), ("no such", None)]
)
def test_an_image_is_found_by_name_or_id(reader: TestClient, text: str, found: int | None) -> None:
    data = reader.get("/api/find", params={"text": text}).json()
    assert data["id"] == found
    assert [match["id"] for match in data["matches"][:1]] == ([] if found is None else [found])
    assert data["exact"] is (text not in ("mis", "no such"))


def test_a_search_for_nothing_is_refused(reader: TestClient) -> None:
    assert reader.get("/api/find", params={"text": " "}).status_code == 422
    assert reader.get("/api/find").status_code == 422


def test_the_progress_of_who_asks(labeller: TestClient) -> None:
    before = labeller.get("/api/progress").json()
    assert before["people"] == {"done": 2, "total": 3}
    assert before["joints"]["total"] == 3 * 17
    assert before["rate"] == {"author": "anna", "people": 0, "active_seconds": 0.0, "people_per_hour": None}
    assert before["seconds_left"] is None
    person = first_person(labeller)
    body = edit(person, active_seconds=90, joints={"nose": {"x": 11, "y": 6, "v": 2}})
    assert labeller.put(f"/api/people/{person['id']}", json=body).status_code == 200
    after = labeller.get("/api/progress").json()
    assert after["rate"]["people_per_hour"] == 40
    assert after["seconds_left"] > 0


def test_a_flag_needs_the_token_and_is_shown(labeller: TestClient, stranger: TestClient) -> None:
    answer = labeller.put("/api/images/100/fix", json={"note": "left and right"})
    assert answer.status_code == 200
    assert (answer.json()["fix_note"], answer.json()["fix_author"]) == ("left and right", "anna")
    assert labeller.get("/api/images/100").json()["image"]["fix_note"] == "left and right"
    data = queue(labeller)
    assert data["fixes"][data["ids"].index(100)] in "46"
    assert labeller.put("/api/images/100/fix", json={"note": None}).json()["fix_note"] is None
    for body in ({}, {"note": " "}, {"note": 3}, {"note": "x" * 501}):
        assert labeller.put("/api/images/100/fix", json=body).status_code == 422
    assert labeller.put("/api/images/99/fix", json={"note": "x"}).status_code == 404
    del labeller.headers["authorization"]
    assert labeller.put("/api/images/100/fix", json={"note": "x"}).status_code in (401, 403)


def test_a_save_outside_the_image_needs_fixing_at_once(labeller: TestClient) -> None:
    person = first_person(labeller)
    body = edit(person, joints={"nose": {"x": 400, "y": 6, "v": 2}})
    answer = labeller.put(f"/api/people/{person['id']}", json=body)
    assert answer.status_code == 200
    assert answer.json()["image_finding"].startswith("A311")
    assert labeller.get("/api/images/100").json()["image"]["finding"] == answer.json()["image_finding"]


def test_a_part_is_told_begins_the_order_of_marks_and_its_marks_are_called_right(
    project_path: Path, labeller: TestClient
) -> None:
    person = first_person(labeller)
    with Project.open(project_path) as project:
        limb = Mark("limb", 100, person["id"], 2.0, "too long", (project.skeleton.joints[0],))
        project.put_marks("suspects", [limb, Mark("limb", 103, score=5), Mark("swap", 102, score=9)], "anna")
    found = queue(labeller, order="mark", part="mark:suspects:limb")
    assert found["ids"] == [103, 100, 102, 101, 104, 105, 106, 107]
    assert found["chosen"] == "11000000", "what has another mark comes next"
    assert found["marks"] == [["suspects", "limb", 2], ["suspects", "swap", 1]] and found["labellers"] == []
    assert queue(labeller, part="mark:suspects")["chosen"] == "10110000"
    assert "chosen" not in queue(labeller)
    for wrong in ("limb", "mark:", "by", "mark:suspects:"):
        assert labeller.get("/api/queue", params={"part": wrong}).status_code == 422

    (mark,) = labeller.get("/api/images/100").json()["image"]["marks"]
    assert mark == {
        "id": mark["id"],
        "source": "suspects",
        "kind": "limb",
        "person": person["id"],
        "joints": ["nose"],
        "score": 2.0,
        "note": "too long",
    }
    assert labeller.put("/api/images/101/marks", json={"right": [mark["id"]]}).status_code == 404
    assert labeller.put("/api/images/100/marks", json={"right": ["1"]}).status_code == 422
    assert labeller.put("/api/images/100/marks", json={"right": [mark["id"]]}).json() == {"marks": []}
    assert queue(labeller, part="mark:suspects:limb")["chosen"] == "00010000"
    assert len(labeller.put("/api/images/100/marks", json={"reopen": [mark["id"]]}).json()["marks"]) == 1

    assert labeller.put(f"/api/people/{person['id']}", json=edit(person, box=[1, 2, 30, 40])).status_code == 200
    assert labeller.get("/api/images/100").json()["image"]["marks"] == []
    by = queue(labeller, part="by:anna")
    assert by["chosen"] == "10000000" and by["labellers"] == ["anna"]
