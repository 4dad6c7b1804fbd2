from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from label_samples import PHOTOS, document, edit, first_person
from starlette.testclient import TestClient

from labeltool.project import Project
from labeltool.skeleton import COCO_17


def joint(x: float, y: float, v: int, **rest: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "v": v, **rest}


def save(client: TestClient, person: dict[str, Any], edit_id: str = "e1", **fields: Any) -> Any:
    return client.put(f"/api/people/{person['id']}", json=edit(person, edit_id, **fields))


def test_the_project_says_what_the_editor_needs(reader: TestClient) -> None:
    data = reader.get("/api/project").json()
    assert data["user"] == "anna"
    assert data["skeleton"]["joints"] == list(COCO_17.joints)
    assert ["left_eye", "right_eye"] in data["skeleton"]["flip_pairs"]
    assert data["statuses"] == ["unlabelled", "prefilled", "in_progress", "done", "skipped"]
    assert data["counts"] == {"images": 8, "by_status": data["counts"]["by_status"], "people": 3}


def test_the_queue_in_columns(reader: TestClient) -> None:
    data = reader.get("/api/queue?names=1").json()
    assert data["ids"] == list(range(100, 108))
    assert data["names"] == list(PHOTOS)
    assert len(data["statuses"]) == 8 and data["statuses"][1] == "1"
    assert data["total"] == 8 and data["counts"]["prefilled"] == 1
    assert "names" not in reader.get("/api/queue").json()


def test_the_queue_by_status_and_page(reader: TestClient) -> None:
    assert reader.get("/api/queue?status=prefilled").json()["ids"] == [101]
    assert reader.get("/api/queue?after=102&limit=2").json()["ids"] == [103, 104]
    both = reader.get("/api/queue?status=prefilled&status=unlabelled&limit=2").json()
    assert len(both["ids"]) == 2 and both["total"] == 8


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status=finished", "status 'finished': unknown"),
        ("limit=-1", "limit is '-1', expected at least 0"),
        ("limit=many", "limit is 'many', expected an integer"),
        ("limit=99999999999999999999999", "expected at least 0"),
        ("after=999", "image 999: no such image"),
        ("names=perhaps", "names is 'perhaps', expected 0 or 1"),
    ],
)
def test_a_wrong_query_is_422_with_one_line(reader: TestClient, query: str, message: str) -> None:
    response = reader.get(f"/api/queue?{query}")
    assert response.status_code == 422
    assert message in response.json()["error"]


def test_an_image_with_its_people(reader: TestClient) -> None:
    data = reader.get("/api/images/100").json()
    assert data["image"]["file_name"] == "plain.jpg"
    first, _, crowd = data["people"]
    assert list(first["joints"]) == list(COCO_17.joints)
    assert first["joints"]["nose"] == joint(10.5, 5, 1, source="imported", confidence=None)
    assert [first["joints"][name]["v"] for name in ("right_eye", "left_ear", "right_ear")] == [2, 1, 0]
    assert first["box"] == [8, 4, 24, 20] and first["revision"] == 0
    assert crowd["crowd"] is True


def test_predicted_joints_say_so_with_their_confidence(reader: TestClient) -> None:
    person = first_person(reader, 101)
    assert person["joints"]["nose"] == joint(12, 6, 2, source="predicted", confidence=0.75)
    assert person["joints"]["left_eye"]["confidence"] is None


@pytest.mark.parametrize("image_id", ["999", "abc", "-1", "1e3", "９", str(2**70)])
def test_an_image_that_is_not_there_is_404(reader: TestClient, image_id: str) -> None:
    for path in (f"/api/images/{image_id}", f"/api/images/{image_id}/photo"):
        response = reader.get(path)
        assert response.status_code == 404
        assert response.json()["error"]


def test_a_save_changes_what_it_names_and_nothing_else(labeller: TestClient) -> None:
    before = first_person(labeller)
    answer = save(labeller, before, joints={"left_wrist": joint(20.125, 9.75, 1)})
    assert answer.status_code == 200
    after = answer.json()
    assert after["revision"] == 1 and after["touched"] is True
    assert after["image_status"] == "done", "an image that is done stays done"
    assert after["joints"]["left_wrist"] == joint(20.125, 9.75, 1, source="moved", confidence=None)
    expected = copy.deepcopy(before)
    expected["joints"]["left_wrist"] = after["joints"]["left_wrist"]
    assert {k: v for k, v in after.items() if k not in ("revision", "touched", "image_status", "image_finding")} == {
        k: v for k, v in expected.items() if k not in ("revision", "touched")
    }
    assert first_person(labeller)["joints"] == after["joints"]


def test_the_first_save_makes_an_image_in_progress(labeller: TestClient) -> None:
    assert (
        save(labeller, first_person(labeller, 101), joints={"nose": joint(1, 2, 2)}).json()["image_status"]
        == "in_progress"
    )
    assert labeller.get("/api/queue?status=in_progress").json()["ids"] == [101]


def test_a_joint_with_a_source_of_its_own_brings_back_a_former_state(labeller: TestClient) -> None:
    before = first_person(labeller, 101)
    moved = save(labeller, before, "e1", joints={"nose": joint(1, 2, 2)}).json()
    assert moved["joints"]["nose"]["source"] == "moved"
    back = save(labeller, moved, "e2", joints={"nose": joint(12, 6, 2, source="predicted")}).json()
    assert back["joints"] == before["joints"]


def test_the_same_edit_twice_is_made_once(labeller: TestClient) -> None:
    person = first_person(labeller)
    body = {"nose": joint(3, 4, 2)}
    first = save(labeller, person, "same", joints=body)
    second = save(labeller, person, "same", joints=body)
    assert first.status_code == second.status_code == 200
    assert second.json()["revision"] == 1
    assert first.json()["joints"] == second.json()["joints"]


def test_a_stale_save_is_409_with_both_versions_and_changes_nothing(labeller: TestClient) -> None:
    person = first_person(labeller)
    theirs = save(labeller, person, "theirs", joints={"nose": joint(3, 4, 2)}).json()
    answer = save(labeller, person, "mine", joints={"left_eye": joint(7, 8, 1)})
    assert answer.status_code == 409
    body = answer.json()
    assert body["current"].pop("saved_by") == "anna"
    assert body["current"].pop("saved_at").endswith("Z")
    assert body["current"] == theirs
    assert body["offered"]["joints"]["left_eye"]["x"] == 7
    assert body["offered"]["joints"]["nose"] == person["joints"]["nose"]
    assert "revision" in body["error"]
    assert first_person(labeller)["joints"] == theirs["joints"]


def test_delete_and_restore_are_saves(labeller: TestClient) -> None:
    person = first_person(labeller)
    gone = save(labeller, person, "e1", deleted=True).json()
    assert gone["deleted"] is True
    assert first_person(labeller)["deleted"] is True, "a deleted person is still shown, as deleted"
    assert save(labeller, gone, "e2", deleted=False).json()["joints"] == person["joints"]


def test_the_author_is_the_bearer_tokens_user(labeller: TestClient, project_path: Path) -> None:
    person = first_person(labeller)
    save(labeller, person, joints={"nose": joint(3, 4, 2)})
    with Project.open(project_path) as project:
        (entry,) = project.history(person["id"])
    assert (entry.author, entry.action, entry.active_seconds, entry.edit_id) == ("anna", "move", 1.5, "e1")


WRONG_BODIES = [
    ({"base": "0"}, "base is '0', expected an integer of at least 0"),
    ({"base": -1}, "base is -1"),
    ({"base": True}, "base is True"),
    ({"base": 2**63}, "base is 9223372036854775808"),
    ({"edit_id": 7}, "edit_id is 7, expected a text"),
    ({"edit_id": " "}, "edit_id is ' '"),
    ({"edit_id": "x" * 101}, "at most 100 signs"),
    ({"action": None}, "action is None"),
    ({"active_seconds": -1}, "active_seconds is -1"),
    ({"active_seconds": "2"}, "active_seconds is '2'"),
    ({"joints": [1, 2]}, "expected an object of joints by name"),
    ({"joints": {"nose": [1, 2, 2]}}, "joint 'nose'"),
    ({"joints": {"nose": {"x": 1, "y": 2}}}, "expected x, y, v"),
    ({"joints": {"nose": {"x": 1, "y": 2, "v": 3}}}, "v is 3"),
    ({"joints": {"nose": {"x": "1", "y": 2, "v": 2}}}, "joint 'nose'"),
    ({"joints": {"nose": {"x": 1e300, "y": 2, "v": 2}}}, "joint 'nose'"),
    ({"joints": {"nose": {"x": 1, "y": 2, "v": 2, "source": "guessed"}}}, "source is 'guessed'"),
    ({"joints": {"nose": {"x": 1, "y": 2, "v": 2, "source": []}}}, "source is []"),
    ({"joints": {"tail": {"x": 1, "y": 2, "v": 2}}}, "no joint 'tail'"),
    ({"box": [1, 2, 3]}, "box is [1, 2, 3]"),
    ({"box": [1, 2, 0, 4]}, "w and h above 0"),
    ({"deleted": "yes"}, "deleted is 'yes'"),
    ({"person": 4}, "unknown field 'person'"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG_BODIES)
def test_wrong_values_are_422_with_one_line_and_change_nothing(
    labeller: TestClient, fields: dict[str, Any], message: str
) -> None:
    person = first_person(labeller)
    answer = labeller.put(
        f"/api/people/{person['id']}", json={**edit(person, joints={"nose": joint(1, 1, 1)}), **fields}
    )
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert message in error and "\n" not in error
    assert first_person(labeller) == person


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"base": NaN}', 422),
        (b'{"base": 0, "active_seconds": 1e999}', 422),
        (b"\xff\xfe", 422),
        (b"[" * 100_000, 422),
        (b" " * 1_000_001, 413),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(labeller: TestClient, body: bytes, status: int) -> None:
    answer = labeller.put("/api/people/1", content=body)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]


def test_people_that_are_not_there_or_locked(labeller: TestClient) -> None:
    person = first_person(labeller)
    assert labeller.put("/api/people/999", json=edit(person, deleted=True)).status_code == 404
    crowd = labeller.get("/api/images/100").json()["people"][2]
    answer = save(labeller, crowd, deleted=True)
    assert answer.status_code == 422
    assert "crowd" in answer.json()["error"]


def test_a_status_is_set_and_kept(labeller: TestClient) -> None:
    answer = labeller.put("/api/images/100/status", json={"status": "skipped", "reason": "too dark"})
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "skipped", "too dark")
    assert labeller.get("/api/images/100").json()["image"]["status"] == "skipped"
    assert labeller.put("/api/images/100/status", json={"status": "lost"}).status_code == 422
    assert labeller.put("/api/images/100/status", json={}).status_code == 422
    assert labeller.put("/api/images/999/status", json={"status": "done"}).status_code == 404


def test_the_export_is_the_input_until_something_changes(labeller: TestClient) -> None:
    answer = labeller.get("/api/export")
    assert answer.json() == document()
    assert answer.headers["content-type"] == "application/json"
    assert 'attachment; filename="project.json"' in answer.headers["content-disposition"]
    person = first_person(labeller)
    save(labeller, person, joints={"nose": joint(3.5, 4.25, 2)})
    changed = labeller.get("/api/export").json()
    expected = document()
    expected["annotations"][0]["keypoints"][:3] = [3.5, 4.25, 2]
    assert changed["annotations"][0]["keypoints"] == expected["annotations"][0]["keypoints"]
    assert changed["annotations"][1:] == expected["annotations"][1:]
    assert changed["images"] == expected["images"]


def test_an_undone_edit_leaves_no_trace_in_the_export(labeller: TestClient) -> None:
    person = first_person(labeller)
    moved = save(labeller, person, "e1", joints={"nose": joint(3.5, 4.25, 2)}).json()
    save(labeller, moved, "e2", joints={"nose": joint(10.5, 5, 1, source="imported")})
    assert labeller.get("/api/export").text == json.dumps(document(), separators=(",", ":"))


def test_an_export_of_what_is_done(labeller: TestClient) -> None:
    labeller.put("/api/images/101/status", json={"status": "done"})
    answer = labeller.get("/api/export?only_done=1")
    assert 101 in [image["id"] for image in answer.json()["images"]]
    assert 102 not in [image["id"] for image in answer.json()["images"]]
    assert "project-done.json" in answer.headers["content-disposition"]
    assert labeller.get("/api/export?only_done=some").status_code == 422


def test_an_audit_of_the_predictions(reader: TestClient) -> None:
    for query, message in (
        ("", "model is missing"),
        ("model=nobody", "no predictions of model 'nobody'"),
        ("model=toy&scale=x", "scale is 'x'"),
    ):
        answer = reader.get(f"/api/audit?{query}")
        assert answer.status_code == 422
        assert message in answer.json()["error"]


def test_unknown_routes_and_methods(labeller: TestClient) -> None:
    assert labeller.get("/api/nothing").status_code == 404
    assert labeller.put("/api/queue", json={}).status_code in (404, 405)
    assert labeller.post("/api/people/1", json={}).status_code in (404, 405)
