from __future__ import annotations

from pathlib import Path

import pytest
from label_samples import ORIGIN, TOKEN, edit, first_person
from starlette.testclient import TestClient

from labeltool.server import access as access_module
from labeltool.server.app import create_api
from labeltool.server.guard import Guard

PATHS = (
    "/",
    "/label",
    "/api/project",
    "/api/queue",
    "/api/images/100",
    "/api/images/100/photo",
    "/api/export",
    "/api/nothing",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_without_the_token_every_path_is_401_and_says_nothing(stranger: TestClient, method: str, path: str) -> None:
    response = stranger.request(method, path)
    assert response.status_code == 401
    assert response.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers
    for secret in (TOKEN, "plain.jpg", "project", "coco", "anna"):
        assert secret not in response.text


def test_a_browser_gets_a_small_page_that_says_what_to_do(stranger: TestClient) -> None:
    response = stranger.get("/", headers={"accept": "text/html"})
    assert response.status_code == 401
    assert "labeltool serve" in response.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "%00", "ü"])
def test_a_wrong_token_is_401(stranger: TestClient, token: str) -> None:
    response = stranger.get("/", params={"token": token}, follow_redirects=False)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_the_link_sets_the_cookie_and_leads_to_the_address_without_the_token(stranger: TestClient) -> None:
    response = stranger.get(f"/label?a=1&token={TOKEN}&b=2", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/label?a=1&b=2"
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("labeltool-8600=")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert TOKEN not in cookie
    assert stranger.get("/api/project").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "//evil.example/%2e%2e"])
def test_the_link_leads_nowhere_else(stranger: TestClient, path: str) -> None:
    response = stranger.get(f"{ORIGIN}{path}?token={TOKEN}", follow_redirects=False)
    location = response.headers["location"]
    assert location.startswith("/") and not location.startswith(("//", "/\\"))


def test_an_old_link_still_opens_for_who_is_signed_in(reader: TestClient) -> None:
    response = reader.get("/?token=of-yesterday", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/")


def test_the_token_in_a_link_opens_no_route_directly(stranger: TestClient) -> None:
    assert stranger.get(f"/api/project?token={TOKEN}").status_code == 401


def test_the_cookie_of_another_port_does_not_open_this_one(app: Guard, stranger: TestClient) -> None:
    stranger.cookies.set("labeltool-8601", app.access.cookie)
    assert stranger.get("/api/project").status_code == 401


def test_the_cookie_reads_but_changes_nothing(reader: TestClient) -> None:
    person = first_person(reader)
    response = reader.put(f"/api/people/{person['id']}", json=edit(person, deleted=True))
    assert response.status_code == 401
    assert first_person(reader) == person


def test_a_bearer_token_reads_and_changes(app: Guard, stranger: TestClient) -> None:
    stranger.headers["authorization"] = f"Bearer {app.access.mint('anna')}"
    person = first_person(stranger)
    assert stranger.put(f"/api/people/{person['id']}", json=edit(person, deleted=True)).status_code == 200


def test_the_server_token_is_a_bearer_token_too(stranger: TestClient) -> None:
    stranger.headers["authorization"] = f"Bearer {TOKEN}"
    person = first_person(stranger)
    assert stranger.put(f"/api/people/{person['id']}", json=edit(person, deleted=True)).status_code == 200


def test_a_bearer_token_does_not_open_the_pages(app: Guard, stranger: TestClient) -> None:
    stranger.headers["authorization"] = f"Bearer {app.access.mint('anna')}"
    assert stranger.get("/").status_code == 401


def test_an_expired_bearer_token_is_renewed_by_the_cookie(
    labeller: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = first_person(labeller)
    monkeypatch.setattr(access_module, "BEARER_SECONDS", -1)
    refused = labeller.put(f"/api/people/{person['id']}", json=edit(person, deleted=True))
    assert refused.status_code == 401
    assert refused.json()["error"] == "the bearer token has expired"
    assert labeller.get("/api/project").status_code == 200, "the cookie still reads"
    renewed = labeller.post("/api/token")
    assert renewed.status_code == 200
    monkeypatch.undo()
    labeller.headers["authorization"] = f"Bearer {renewed.json()['token']}"
    assert labeller.put(f"/api/people/{person['id']}", json=edit(person, deleted=True)).status_code == 200


def test_a_token_is_renewed_by_nobody_without_the_cookie(stranger: TestClient) -> None:
    assert stranger.post("/api/token").status_code == 401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "http://127.0.0.1:8600.evil.example"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/project"), ("POST", "/api/token"), ("GET", "/")])
def test_pages_of_other_origins_are_refused_even_with_the_cookie(
    reader: TestClient, origin: str, method: str, path: str
) -> None:
    assert reader.request(method, path, headers={"origin": origin}).status_code == 403


def test_the_own_origin_is_fine(reader: TestClient) -> None:
    assert reader.get("/api/project", headers={"origin": ORIGIN}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "localhost.evil:8600", "@127.0.0.1"]
)
def test_a_foreign_host_name_is_refused_before_anything_else(reader: TestClient, host: str) -> None:
    response = reader.get(f"/?token={TOKEN}", headers={"host": host}, follow_redirects=False)
    assert response.status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost", "LOCALHOST:1", "[::1]:8600"])
def test_every_name_of_this_machine_is_taken(stranger: TestClient, host: str) -> None:
    assert stranger.get("/", headers={"host": host}).status_code == 401


def test_a_server_for_others_takes_any_host_name(project_path: Path) -> None:
    with TestClient(create_api(project_path, token=TOKEN, hosts=None), base_url="http://labels.example") as client:
        assert client.get("/api/project").status_code == 401
        client.get(f"/?token={TOKEN}")
        assert client.get("/api/project").status_code == 200


def test_answers_cannot_be_framed_sniffed_or_embedded(reader: TestClient, stranger: TestClient) -> None:
    for response in (reader.get("/api/project"), stranger.get("/nothing")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["content-security-policy"] == "frame-ancestors 'self'"
