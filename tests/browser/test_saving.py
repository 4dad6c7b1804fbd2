"""Saves that meet another labeller, a dead server, or a server that starts again."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser, expect
from served import Served

pytestmark = pytest.mark.browser


def test_two_labellers_of_one_person_choose(chromium: Browser, server: Served) -> None:
    first, second = EditorPage(chromium, server), EditorPage(chromium, server)
    for editor in (first, second):
        editor.open(1)
        editor.press("Tab")
    first.press("1")
    first.saved()
    second.press("0")
    panel = second.page.locator(".conflict")
    expect(panel).to_be_visible()
    expect(panel).to_contain_text("nose")
    expect(panel).to_contain_text("hidden")
    expect(second.page.locator(".save-text")).to_contain_text("Conflict")
    assert second.doc(1)["people"][0]["joints"]["nose"]["v"] == 1, "nothing was overwritten"
    # An edit of another person is not held up.
    second.select(2)
    second.press("Tab", "1")
    second.page.wait_for_timeout(500)
    assert second.doc(1)["people"][1]["joints"]["nose"]["v"] == 1
    panel.get_by_role("button", name="Take theirs").click()
    expect(panel).to_be_hidden()
    second.select(1)
    assert second.flag("nose") == "1"

    second.press("Tab", "0")
    second.saved()
    first.focus()
    first.press("2")
    first.page.locator(".conflict").get_by_role("button", name="Keep mine").click()
    first.saved()
    assert first.doc(1)["people"][0]["joints"]["nose"]["v"] == 2
    first.close()
    second.close()


def test_edits_wait_for_a_server_that_was_killed_and_arrive_in_order_once(
    chromium: Browser, stage_project: Path
) -> None:
    with Served(stage_project) as server:
        editor = EditorPage(chromium, server)
        editor.open(1)
        editor.press("Tab", "1")
        editor.saved()
        server.kill()
        for keys in (("Tab", "1"), ("Tab", "0"), ("Tab", "1"), ("Control+z",), ("Control+y",)):
            editor.press(*keys)
        expect(editor.page.locator(".save-text")).to_contain_text("Offline, 5 edits waiting", timeout=20_000)
    with Served(stage_project, port=server.port) as again:
        editor.server = again
        expect(editor.page.locator(".save-text")).to_contain_text("Saved at", timeout=60_000)
        person = editor.doc(1)["people"][0]
        assert person["revision"] == 6
        flags = [person["joints"][name]["v"] for name in ("nose", "left_eye", "right_eye", "left_ear")]
        assert flags == [1, 1, 0, 1]
        editor.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_follows_the_theme(chromium: Browser, server: Served, scheme: str) -> None:
    editor = EditorPage(chromium, server, scheme)
    background = editor.page.locator(".lt").evaluate("e => getComputedStyle(e).backgroundColor")
    light = sum(int(part) for part in background.strip("rgba()").split(",")[:3]) > 384
    assert light == (scheme == "light")
    editor.close()
