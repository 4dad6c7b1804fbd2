"""Two labellers, or two tabs, of one person: nothing is lost, and nothing overwritten without a word."""

from __future__ import annotations

from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser, expect
from served import Served

pytestmark = pytest.mark.browser


def joints(server: Served, person: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = server.request("GET", "/api/images/1")[1]["people"][person]["joints"]
    return found


def save_elsewhere(server: Served, changed: dict[str, Any], person: int = 0) -> None:
    """What another labeller does meanwhile."""
    now = server.request("GET", "/api/images/1")[1]["people"][person]
    body = {"base": now["revision"], "edit_id": f"elsewhere {now['revision']}", "action": "move", "joints": changed}
    status, answer = server.request("PUT", f"/api/people/{now['id']}", body)
    assert status == 200, answer


def test_two_tabs_of_one_person_choose(chromium: Browser, server: Served) -> None:
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
    expect(panel).to_contain_text("hidden (v 1)")
    expect(panel).to_contain_text("not labelled (v 0)")
    expect(panel).to_contain_text("Saved by")
    expect(second.page.locator(".save-text")).to_contain_text("Conflict")
    assert joints(server)["nose"]["v"] == 1, "nothing was overwritten"
    # An edit of another person is not held up.
    second.select(2)
    second.press("Tab", "1")
    for _ in range(100):
        if joints(server, 1)["nose"]["v"] == 1:
            break
        second.page.wait_for_timeout(20)
    assert joints(server, 1)["nose"]["v"] == 1
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
    assert joints(server)["nose"]["v"] == 2
    for editor in (first, second):
        assert [e for e in editor.errors if "Failed to load resource" not in e] == []
        editor.close()


def test_a_conflict_is_settled_joint_by_joint_by_keyboard_alone(editor: EditorPage, server: Served) -> None:
    before = joints(server)
    moved = {"x": 150.5, "y": 100, "v": 2}
    save_elsewhere(server, {"nose": moved, "left_eye": {**moved, "v": 1}, "left_knee": moved})
    editor.page.route("**/api/people/**", lambda route: route.abort())
    editor.press("Tab", "1", "Tab", "0", "Tab", "1")  # nose hidden, left eye gone, right eye hidden
    expect(editor.page.locator(".save-text")).to_contain_text("Offline (3 edits waiting)")
    editor.page.unroute("**/api/people/**")
    editor.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    panel = editor.page.locator(".conflict")
    expect(panel).to_contain_text("2 of 3 still to choose")
    row = panel.get_by_role("row", name="nose")
    expect(row).to_contain_text(f"{((before['nose']['x'] - 150.5) ** 2 + (before['nose']['y'] - 100) ** 2) ** 0.5:.1f}")
    expect(panel.get_by_role("row", name="right eye")).to_contain_text("only you")
    expect(panel.locator(".also")).to_contain_text("left knee")
    expect(panel.get_by_role("button", name="Save my choices")).to_be_disabled()
    # The button in the status line leads to the first choice; from there Tab and Space do it all.
    editor.page.get_by_role("button", name="Show", exact=True).focus()
    editor.press("Enter")
    expect(panel.get_by_role("button", name="nose, mine")).to_be_focused()
    editor.press("Space")
    expect(panel.get_by_role("button", name="nose, mine")).to_have_attribute("aria-pressed", "true")
    editor.press("Tab", "Tab", "Tab", "Space")
    expect(panel.get_by_role("button", name="left eye, theirs")).to_have_attribute("aria-pressed", "true")
    editor.press("Tab", "Tab", "Tab", "Enter")
    expect(panel).to_be_hidden()
    expect(editor.page.locator("canvas.people")).to_be_focused()
    editor.saved()
    now = joints(server)
    assert (now["nose"]["v"], now["nose"]["x"]) == (1, before["nose"]["x"])
    assert (now["left_eye"]["v"], now["left_eye"]["x"]) == (1, 150.5)
    assert now["right_eye"]["v"] == 1
    assert now["left_knee"]["x"] == 150.5
    assert [editor.flag(name) for name in ("nose", "left_eye", "right_eye")] == ["1", "1", "1"]


def test_different_joints_of_one_person_are_put_together_and_said(editor: EditorPage, server: Served) -> None:
    save_elsewhere(server, {"left_knee": {"x": 150.5, "y": 100, "v": 1}})
    editor.press("Tab", "1")
    editor.saved()
    now = joints(server)
    assert (now["nose"]["v"], now["left_knee"]["v"], now["left_knee"]["x"]) == (1, 1, 150.5)
    note = editor.page.locator(".merged")
    expect(note).to_contain_text("Both are kept")
    expect(note).to_contain_text("left knee")
    expect(note).to_contain_text("nose")
    assert (editor.flag("nose"), editor.flag("left_knee")) == ("1", "1")
    note.get_by_role("button", name="OK").click()
    expect(note).to_be_hidden()


def test_a_conflict_outlives_a_reload(editor: EditorPage, server: Served) -> None:
    save_elsewhere(server, {"nose": {"x": 150.5, "y": 100, "v": 2}})
    editor.press("Tab", "0")
    panel = editor.page.locator(".conflict")
    expect(panel).to_be_visible()
    editor.page.reload()
    editor.shows(1)
    expect(panel).to_contain_text("not labelled (v 0)")
    assert joints(server)["nose"]["x"] == 150.5
    panel.get_by_role("button", name="Keep mine").click()
    editor.saved()
    assert joints(server)["nose"]["v"] == 0
