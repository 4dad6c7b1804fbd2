"""POST /api/images/{id}/people: a person whose box a labeller has drawn."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

EMPTY = 104


def add(client: TestClient, image_id: int = EMPTY, **fields: Any) -> Any:
    body = {"edit_id": "new 1", "box": [2, 3, 10.5, 20], "action": "add", **fields}
    return client.post(f"/api/images/{image_id}/people", json={k: v for k, v in body.items() if v is not ...})


def test_a_new_person_is_there_with_its_box_and_no_joints(labeller: TestClient) -> None:
    before = labeller.get(f"/api/images/{EMPTY}").json()
    response = add(labeller)
    assert response.status_code == 201
    person = response.json()
    assert (person["box"], person["revision"], person["image_id"]) == ([2, 3, 10.5, 20], 1, EMPTY)
    assert {(j["x"], j["y"], j["v"], j["source"]) for j in person["joints"].values()} == {(0, 0, 0, "added")}
    assert (person["origin"], person["deleted"], person["crowd"]) == ("human", False, False)
    after = labeller.get(f"/api/images/{EMPTY}").json()
    assert [p["id"] for p in after["people"]] == [*(p["id"] for p in before["people"]), person["id"]]
    assert before["image"]["status"] == "unlabelled" and after["image"]["status"] == "in_progress"
    assert person["image_status"] == "in_progress"


def test_the_same_edit_again_is_the_same_person(labeller: TestClient) -> None:
    first, again = add(labeller), add(labeller)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(labeller.get(f"/api/images/{EMPTY}").json()["people"]) == 1
    other = add(labeller, edit_id="new 2")
    assert other.status_code == 201 and other.json()["id"] != first.json()["id"]
    assert other.json()["annotation_id"] == first.json()["annotation_id"] + 1


def test_an_edit_id_of_another_image_or_of_a_save_is_refused(labeller: TestClient) -> None:
    person = add(labeller).json()
    response = add(labeller, image_id=EMPTY + 1)
    assert response.status_code == 422 and "was used for another edit" in response.json()["error"]
    body = {"base": 1, "edit_id": "move 1", "action": "move", "joints": {"nose": {"x": 5, "y": 6, "v": 2}}}
    assert labeller.put(f"/api/people/{person['id']}", json=body).status_code == 200
    assert add(labeller, edit_id="move 1").status_code == 422


def test_it_can_come_with_joints_and_their_sources(labeller: TestClient) -> None:
    joints = {
        "nose": {"x": 5.25, "y": 6, "v": 2, "source": "predicted"},
        "left_eye": {"x": 7, "y": 8, "v": 1},
        "right_eye": {"x": 0, "y": 0, "v": 0, "source": "added"},
    }
    made = add(labeller, joints=joints, action="copy").json()["joints"]
    assert [made["nose"][key] for key in ("x", "y", "v", "source")] == [5.25, 6, 2, "predicted"]
    assert [made["left_eye"][key] for key in ("x", "v", "source")] == [7, 1, "added"]
    exported = labeller.get("/api/export").json()["annotations"][-1]
    assert exported["bbox"] == [2, 3, 10.5, 20]
    assert exported["num_keypoints"] == 1, "a prediction that nobody confirmed is no label"


def test_a_deletion_takes_it_back_and_a_restore_brings_it_again(labeller: TestClient) -> None:
    person = add(labeller).json()
    path = f"/api/people/{person['id']}"
    gone = labeller.put(path, json={"base": 1, "edit_id": "undo", "action": "undo", "deleted": True}).json()
    assert gone["deleted"] is True
    back = labeller.put(path, json={"base": 2, "edit_id": "redo", "action": "redo", "deleted": False}).json()
    assert (back["deleted"], back["box"], back["joints"]) == (False, person["box"], person["joints"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"box": ...}, "box is missing, expected [x, y, w, h]"),
        ({"box": None}, "box is missing, expected [x, y, w, h]"),
        ({"box": [1, 2, 3]}, "box is [1, 2, 3], expected [x, y, w, h]"),
        ({"box": [1, 2, 0, 4]}, "box is 0 x 4, expected w and h above 0"),
        ({"box": [1, 2, "3", 4]}, "box w is '3', expected a number"),
        ({"box": [1, 2, 3e9, 4]}, "expected a finite number within 1e9"),
        ({"edit_id": ...}, "edit_id is missing"),
        ({"action": " "}, "action is ' '"),
        ({"active_seconds": -1}, "active_seconds is -1"),
        ({"joints": []}, "joints is '[]', expected an object of joints by name"),
        ({"joints": {"tail": {"x": 1, "y": 1, "v": 2}}}, "no joint 'tail'"),
        ({"joints": {"nose": {"x": 1, "y": 1, "v": 3}}}, "v is 3"),
        ({"joints": {"nose": {"x": 1, "y": 1, "v": 2, "source": "guessed"}}}, "source is 'guessed'"),
        ({"joints": {"nose": {"x": 1, "y": 1}}}, "expected x, y, v and possibly a source"),
        ({"deleted": True}, "unknown field 'deleted'"),
    ],
)
def test_bad_input_is_422_and_makes_nobody(labeller: TestClient, fields: dict[str, Any], message: str) -> None:
    response = add(labeller, **fields)
    assert response.status_code == 422
    assert message in response.json()["error"]
    doc = labeller.get(f"/api/images/{EMPTY}").json()
    assert doc["people"] == [] and doc["image"]["status"] == "unlabelled"


def test_no_image_no_person(labeller: TestClient) -> None:
    assert add(labeller, image_id=999).status_code == 404
    assert labeller.post("/api/images/nobody/people", json={}).status_code == 404


def test_it_needs_the_bearer_token(reader: TestClient) -> None:
    assert add(reader).status_code in (401, 403)
    assert reader.get(f"/api/images/{EMPTY}").json()["people"] == []
