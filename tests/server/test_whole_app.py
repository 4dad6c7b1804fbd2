"""The pages, Streamlit's own paths and its websocket behind the guard. Streamlit allows one app a process: one test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import ORIGIN, TOKEN, make_project
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from labeltool.server.app import create_app
from labeltool.server.guard import Guard

EDITOR = "/_stcore/bidi-components/labeltool.editor"
STREAM = "ws://127.0.0.1:8600/_stcore/stream"

PATHS = [
    "/",
    "/label",
    "/export",
    "/audit",
    "/index.html",
    "/static/js/index.js",
    "/favicon.png",
    "/manifest.json",
    "/_stcore/health",
    "/_stcore/script-health-check",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/agent/openapi.json",
    "/healthz",
    f"{EDITOR}/main.js",
    f"{EDITOR}/../../app/main.py",
    "/media/abc",
    "/component/x/y",
    "/app/static/x",
    "/oauth2callback",
    "/api/project",
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    return create_app(make_project(tmp_path_factory.mktemp("whole")), token=TOKEN, user="anna")


@pytest.fixture(scope="module")
def running(app: Guard) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def stranger(running: TestClient) -> TestClient:
    running.cookies.clear()
    return running


@pytest.fixture
def reader(stranger: TestClient) -> TestClient:
    stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    return stranger


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(stranger: TestClient, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        response = stranger.request(method, path)
        assert response.status_code == 401, f"{method} {path}"
        assert "streamlit" not in response.text.lower()
        assert "set-cookie" not in response.headers


def test_without_the_token_the_websocket_does_not_open(stranger: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, stranger.websocket_connect(STREAM):
        pass
    assert refused.value.status_code == 401


def test_a_servers_token_in_the_websockets_address_does_not_open_it(stranger: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(f"{STREAM}?token={TOKEN}"):
        pass


@pytest.mark.parametrize(
    "headers", [{"origin": "http://127.0.0.1:9999"}, {"origin": "http://localhost:8600"}, {"host": "evil.example"}]
)
def test_the_websocket_is_for_pages_of_this_server_alone(reader: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), reader.websocket_connect(STREAM, headers=headers):
        pass


def test_with_the_cookie_the_websocket_opens(reader: TestClient) -> None:
    with reader.websocket_connect(STREAM, headers={"origin": ORIGIN}):
        pass


@pytest.mark.parametrize("path", ["/", "/label", "/export", "/audit"])
def test_with_the_cookie_the_pages_are_served(reader: TestClient, path: str) -> None:
    response = reader.get(path)
    assert response.status_code == 200
    assert "<html" in response.text


def test_the_editors_modules_are_served_as_modules_and_asked_for_anew(reader: TestClient) -> None:
    folder = Path(__file__).parents[2] / "labeltool" / "editor"
    for path in [*sorted(folder.glob("*.js")), folder / "editor.css"]:
        response = reader.get(f"{EDITOR}/{path.name}")
        assert response.status_code == 200
        assert response.text == path.read_text()
        assert "javascript" in response.headers["content-type"] or path.suffix == ".css"
        assert response.headers["cache-control"] == "private, no-cache"


def test_the_routes_are_the_same_as_without_the_pages(reader: TestClient) -> None:
    assert reader.get("/api/project").json()["user"] == "anna"
    assert reader.get("/api/images/100/photo").status_code == 200
    assert reader.get("/api/nothing").status_code == 404
