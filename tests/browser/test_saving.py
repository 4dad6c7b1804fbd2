"""Saves that meet a dead server, a lost network, an expired token, or a page that goes: every edit arrives, in order, once."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Self

import pytest
from conftest import FLAGS
from editor_page import EditorPage
from itsdangerous import TimestampSigner
from playwright.sync_api import Browser, Playwright, Route, expect
from served import TOKEN, Served, free_port

from labeltool.server.access import BEARER_SECONDS, Access

pytestmark = pytest.mark.browser

#: What the page has in IndexedDB, as the edit ids of all that waits.
KEPT = """() => new Promise((done, failed) => {
  const request = indexedDB.open("labeltool");
  request.onerror = () => failed(request.error);
  request.onsuccess = () => {
    const all = request.result.transaction("saves").objectStore("saves").getAllKeys();
    all.onsuccess = () => (request.result.close(), done(all.result));
  };
})"""


FLIP = """many => {
  for (let i = 0; i < many; i++) {
    const init = i % 2 ? { key: "2", code: "Digit2" } : { key: "1", code: "Digit1" };
    for (const type of ["keydown", "keyup"]) window.dispatchEvent(new KeyboardEvent(type, init));
  }
}"""


class KilledBrowser:
    """A Chromium with a profile of its own, which ends by SIGKILL."""

    def __init__(self, chromium: Browser, profile: Path) -> None:
        port = free_port()
        self._at = f"http://127.0.0.1:{port}"
        path = os.environ.get("LABELTOOL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        command = [path or chromium.browser_type.executable_path, *FLAGS, f"--user-data-dir={profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            [*command, "--no-first-run", f"--remote-debugging-port={port}", "about:blank"],
            start_new_session=True,
            **quiet,
        )

    def address(self) -> str:
        """Where it listens, as soon as it does."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self._at}/json/version", timeout=5):
                    return self._at
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Chromium does not listen")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


def log_of(project: Path, person: int) -> list[tuple[int, str]]:
    """The person's log: number and edit id of each revision."""
    with sqlite3.connect(project / "labels.db") as database:
        query = "SELECT number, edit_id FROM revisions WHERE person_id = ? ORDER BY id"
        found = database.execute(query, (person,)).fetchall()
    database.close()
    return found


def says(editor: EditorPage, text: str) -> None:
    expect(editor.page.locator(".save-text")).to_contain_text(text, timeout=20_000)


def flip(editor: EditorPage, many: int) -> None:
    """So many edits at once: the selected joint, which is visible, gets hidden, visible, hidden, ..."""
    editor.page.evaluate(FLIP, many)


def until(editor: EditorPage, project: Path, many: int) -> None:
    """Waits until the server has so many edits of person 1."""
    while len(log_of(project, 1)) < many:
        editor.page.wait_for_timeout(5)


def test_killed_twice_in_the_middle_of_200_edits_all_are_there_in_order_once(
    chromium: Browser, stage_project: Path
) -> None:
    with Served(stage_project) as server:
        editor = EditorPage(chromium, server)
        editor.open(1)
        editor.press("Tab")
        flip(editor, 200)
        until(editor, stage_project, 50)
        server.kill()
        says(editor, "Offline")
        taken = log_of(stage_project, 1)
        assert 50 <= len(taken) < 200, "killed in the middle"
        assert len(editor.page.evaluate(KEPT)) >= 200 - len(taken)
    with Served(stage_project, port=server.port) as again:
        until(editor, stage_project, len(taken) + 50)  # The page that is open goes on by itself.
        again.kill()
    with Served(stage_project, port=server.port) as last:
        editor.server = last
        editor.page.goto(last.link)  # It goes before it could send what waits, and comes back.
        editor.page.wait_for_selector(".lt[data-ready]", timeout=60_000)
        says(editor, "Saved at")
        log = log_of(stage_project, 1)
        assert [number for number, _ in log] == list(range(1, 201))
        assert len({edit_id for _, edit_id in log}) == 200
        assert editor.page.evaluate(KEPT) == []
        assert editor.doc(1)["people"][0]["joints"]["nose"]["v"] == 2
        assert editor.flag("nose") == "2"
        editor.close()


def test_a_page_that_is_reloaded_offline_shows_and_sends_what_waited(chromium: Browser, server: Served) -> None:
    editor = EditorPage(chromium, server)
    editor.open(1)
    editor.press("Tab")
    editor.page.context.set_offline(True)
    editor.press("1", "Tab", "0", "Control+z", "Control+y")
    says(editor, "Offline (4 edits waiting)")
    editor.page.route("**/api/people/**", lambda route: route.abort())
    editor.page.context.set_offline(False)
    editor.page.reload()
    editor.shows(1)
    says(editor, "Offline (4 edits waiting)")
    assert (editor.flag("nose"), editor.flag("left_eye")) == ("1", "0"), "the waiting edits lie on the server's version"
    assert server.request("GET", "/api/images/1")[1]["people"][0]["joints"]["nose"]["v"] == 2
    editor.page.unroute("**/api/people/**")
    editor.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    editor.saved()
    joints = editor.doc(1)["people"][0]["joints"]
    assert (joints["nose"]["v"], joints["left_eye"]["v"]) == (1, 0)
    editor.close()


@pytest.mark.parametrize("late", [False, True], ids=["labels first", "labels read before and arrived after"])
def test_edits_of_a_closed_tab_are_sent_by_the_one_that_is_left(chromium: Browser, server: Served, late: bool) -> None:
    left = EditorPage(chromium, server)
    left.open(1)
    closed = left.context.new_page()
    closed.route("**/api/people/**", lambda route: route.abort())
    closed.goto(server.link)
    closed.wait_for_selector('.lt[data-image="1"][data-ready]')
    closed.locator("canvas.people").focus()
    closed.keyboard.press("Tab")
    closed.keyboard.press("1")
    expect(closed.locator(".save-text")).to_contain_text("Offline (1 edit waiting)")
    left.page.wait_for_timeout(200)
    before = left.doc(1)
    assert before["people"][0]["joints"]["nose"]["v"] == 2
    closed.close()
    held: list[Route] = []
    if late:
        left.page.route("**/api/images/1", lambda route: held.append(route), times=1)
    left.page.reload()  # Or ten seconds later, when it looks for itself.
    if late:
        left.saved()
        held[0].fulfill(json=before)
    left.shows(1)
    left.saved()
    assert left.doc(1)["people"][0]["joints"]["nose"]["v"] == 1
    assert left.flag("nose") == "1"
    left.close()


def test_edits_outlive_a_browser_that_was_killed(
    playwright: Playwright, chromium: Browser, server: Served, tmp_path: Path
) -> None:
    for round_number in range(2):
        with KilledBrowser(chromium, tmp_path / "profile") as browser:
            page = playwright.chromium.connect_over_cdp(browser.address()).contexts[0].new_page()
            if round_number == 0:
                page.route("**/api/people/**", lambda route: route.abort())
            page.goto(server.link)
            page.wait_for_selector(".lt[data-ready]", timeout=60_000)
            status = page.locator(".save-text")
            if round_number == 0:
                page.locator("canvas.people").focus()
                for key in ("Tab", "1", "Tab", "0"):
                    page.keyboard.press(key)
                expect(status).to_contain_text("Offline (2 edits waiting)")
                page.wait_for_timeout(200)
            else:
                expect(status).to_contain_text("Saved at", timeout=20_000)
    joints = server.request("GET", "/api/images/1")[1]["people"][0]["joints"]
    assert (joints["nose"]["v"], joints["left_eye"]["v"]) == (1, 0)


def expired(access: Access) -> str:
    """A bearer token that was good for long enough, and is no more."""
    age = BEARER_SECONDS + 60
    real = TimestampSigner.get_timestamp
    TimestampSigner.get_timestamp = lambda self: real(self) - age  # type: ignore[method-assign]
    try:
        return access.mint("anna")
    finally:
        TimestampSigner.get_timestamp = real  # type: ignore[method-assign]


def test_an_expired_token_is_renewed_and_no_edit_lost(chromium: Browser, server: Served) -> None:
    editor = EditorPage(chromium, server)
    editor.open(1)
    old = expired(Access.make(TOKEN, server.request("GET", "/api/project")[1]["id"]))
    sent: list[str] = []

    def age(route: Route) -> None:
        headers = dict(route.request.headers)
        sent.append(headers["authorization"])
        route.continue_(headers={**headers, "authorization": f"Bearer {old}"} if len(sent) == 1 else headers)

    editor.page.route("**/api/people/**", age)
    editor.requests.clear()
    editor.press("Tab", "1", "Tab", "0")
    editor.saved()
    assert editor.requests.count(("POST", "/api/token")) == 1
    assert sent[1] != sent[0], "sent again with a new token"
    joints = editor.doc(1)["people"][0]["joints"]
    assert (joints["nose"]["v"], joints["left_eye"]["v"]) == (1, 0)
    editor.close()


def test_a_page_without_storage_says_so_and_asks_before_it_goes(chromium: Browser, server: Served) -> None:
    editor = EditorPage(chromium, server, before="Object.defineProperty(window, 'indexedDB', { value: undefined })")
    editor.open(1)
    expect(editor.page.locator(".fleeting")).to_be_visible()
    editor.page.route("**/api/people/**", lambda route: route.abort())
    editor.press("Tab", "1")
    says(editor, "Offline (1 edit waiting)")
    asked: list[str] = []
    editor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    editor.page.close(run_before_unload=True)
    editor.context.pages[0].wait_for_timeout(300)
    assert asked == ["beforeunload"]
    editor.page.unroute("**/api/people/**")
    editor.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    editor.saved()
    editor.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_follows_the_theme(chromium: Browser, server: Served, scheme: str) -> None:
    editor = EditorPage(chromium, server, scheme)
    background = editor.page.locator(".lt").evaluate("e => getComputedStyle(e).backgroundColor")
    light = sum(int(part) for part in background.strip("rgba()").split(",")[:3]) > 384
    assert light == (scheme == "light")
    editor.close()
