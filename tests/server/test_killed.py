"""SIGKILL between an acknowledged save and the next request, and in the middle of many: nothing acknowledged is lost."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from served import Served, ServedRoutes, free_port

JOINTS = ("nose", "left_eye", "left_wrist", "right_knee")


def check_database(project: Path) -> None:
    with sqlite3.connect(project / "labels.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def person_now(server: Served | ServedRoutes, person: int) -> dict[str, Any]:
    status, data = server.request("GET", "/api/images/100")
    assert status == 200
    found: dict[str, Any] = next(p for p in data["people"] if p["id"] == person)
    return found


def save(server: Served | ServedRoutes, person: dict[str, Any], edit_id: str, joints: dict[str, Any]) -> dict[str, Any]:
    body = {"base": person["revision"], "edit_id": edit_id, "action": "move", "joints": joints}
    status, answer = server.request("PUT", f"/api/people/{person['id']}", body)
    assert status == 200, answer
    saved: dict[str, Any] = answer
    return saved


def rounds(start: type[Served] | type[ServedRoutes], project: Path, count: int, *, seed: int) -> None:
    """So many times: start, see that the last acknowledged edits are there, save some, kill at once."""
    dice = random.Random(seed)
    port = free_port()
    expected: dict[str, Any] | None = None
    for number in range(count + 1):
        with start(project, port=port) as server:
            first = server.request("GET", "/api/images/100")[1]["people"][0]
            if expected is not None:
                assert first["revision"] == expected["revision"], f"round {number}"
                assert first["joints"] == expected["joints"], f"round {number}"
            if number == count:
                break
            for k in range(dice.randint(1, 3)):
                place = {"x": dice.randint(0, 3999) / 100, "y": dice.randint(0, 2999) / 100, "v": dice.choice((1, 2))}
                first = save(server, first, f"round {number} edit {k}", {dice.choice(JOINTS): place})
            server.kill()
            expected = first
        check_database(project)


@pytest.mark.slow
def test_killed_after_an_acknowledged_save_fifty_times(project_path: Path) -> None:
    rounds(ServedRoutes, project_path, 50, seed=1)


@pytest.mark.slow
def test_killed_after_an_acknowledged_save_with_the_pages(project_path: Path) -> None:
    rounds(Served, project_path, 3, seed=2)


class Hammer(threading.Thread):
    """Saves one edit after the other until the server is gone.

    Attributes:
        acknowledged: the answers.
        sent: x of the nose in every save that was begun.
    """

    def __init__(self, server: ServedRoutes, round_number: int) -> None:
        super().__init__()
        self._server = server
        self._round = round_number
        self.acknowledged = [person_now(server, 1)]
        self.sent: list[float] = []

    def run(self) -> None:
        for k in range(10_000):
            x = float(k % 40) + self._round / 10
            self.sent.append(x)
            edit_id = f"hammer {self._round} {k}"
            try:
                answer = save(self._server, self.acknowledged[-1], edit_id, {"nose": {"x": x, "y": 1, "v": 2}})
            except (OSError, HTTPException):
                return
            self.acknowledged.append(answer)


@pytest.mark.slow
def test_killed_in_the_middle_of_many_saves(project_path: Path) -> None:
    """What was acknowledged is there; the one save without an answer was made whole or not at all."""
    dice = random.Random(3)
    port = free_port()
    for number in range(5):
        with ServedRoutes(project_path, port=port) as server:
            hammer = Hammer(server, number)
            hammer.start()
            deadline = time.monotonic() + 30
            while len(hammer.acknowledged) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(dice.random() * 0.3)
            server.kill()
            hammer.join(30)
        check_database(project_path)
        with ServedRoutes(project_path, port=port) as server:
            now = person_now(server, 1)
        last = hammer.acknowledged[-1]
        assert now["revision"] in (last["revision"], last["revision"] + 1)
        expected = last["joints"]["nose"]["x"] if now["revision"] == last["revision"] else hammer.sent[-1]
        assert now["joints"]["nose"]["x"] == expected


def test_killed_in_the_middle_of_200_edits_that_are_sent_until_they_are_answered(project_path: Path) -> None:
    """What the editor's outbox does: each edit again, under its own id, until the server has answered it; then the next one."""
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(ServedRoutes(project_path, port=port))
        person = person_now(server, 1)
        for k in range(200):
            joints = {"nose": {"x": k % 40, "y": k / 10, "v": 1 + k % 2}}
            if k in (60, 130):  # killed while this edit is under way: it may be on disk, and its answer is lost
                threading.Timer(0.002, server.process.kill).start()
                with suppress(OSError, HTTPException):
                    save(server, person, f"edit {k}", joints)
                server.kill()
                server = stack.enter_context(ServedRoutes(project_path, port=port))
            person = save(server, person, f"edit {k}", joints)
        server.kill()
    check_database(project_path)
    with sqlite3.connect(project_path / "labels.db") as database:
        log = database.execute(
            "SELECT number, edit_id FROM revisions WHERE person_id = 1 AND edit_id IS NOT NULL ORDER BY id"
        ).fetchall()
    database.close()
    assert [edit_id for _, edit_id in log] == [f"edit {k}" for k in range(200)]
    assert [number for number, _ in log] == list(range(log[0][0], log[0][0] + 200))
