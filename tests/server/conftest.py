"""Clients that have, or have not, the token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import ORIGIN, TOKEN, make_project
from starlette.testclient import TestClient

from labeltool.server.app import create_api
from labeltool.server.guard import Guard


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    """A project of eight photos, pre-filled on the second."""
    return make_project(tmp_path)


@pytest.fixture
def app(project_path: Path) -> Guard:
    """The routes behind the guard."""
    return create_api(project_path, token=TOKEN, user="anna")


@pytest.fixture
def stranger(app: Guard) -> Iterator[TestClient]:
    """A client without anything."""
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def reader(stranger: TestClient) -> TestClient:
    """A client with the cookie: one that has opened the link."""
    assert stranger.get(f"/?token={TOKEN}", follow_redirects=False).status_code == 303
    return stranger


@pytest.fixture
def labeller(app: Guard, reader: TestClient) -> TestClient:
    """A client with the cookie and a bearer token: the editor."""
    reader.headers["authorization"] = f"Bearer {app.access.mint('anna')}"
    return reader
