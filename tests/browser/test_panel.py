"""The panel beside the photo, the dialogs and the presets of keys, in Chromium."""

from __future__ import annotations

import pytest
from editor_page import EditorPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_arrows_walk_the_joint_list_and_one_row_is_in_the_tab_order(editor: EditorPage) -> None:
    page = editor.page
    focused = page.locator("button:focus")
    page.locator(".joint-name").first.focus()
    expect(focused).to_have_attribute("aria-label", "nose, visible, imported")
    editor.press("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight")
    expect(focused).to_have_attribute("aria-label", "right eye: hidden (1)")
    assert page.locator(".joint-list button[tabindex='0']").count() == 4
    editor.press("Enter")
    assert editor.flag("right_eye") == "1"
    expect(focused).to_have_attribute("aria-label", "right eye: hidden (1)")
    editor.press("End", "ArrowLeft")
    expect(focused).to_have_attribute("aria-label", "right ankle: visible (2)")
    editor.press("ArrowDown")
    expect(focused).to_have_attribute("aria-label", "right ankle: visible (2)")
    expect(page.locator(".joint-list")).to_have_attribute("aria-describedby", "lt-meaning")
    expect(page.locator("#lt-meaning")).to_have_text("2 visible1 labelled but hidden0 not labelled")


def test_a_click_in_the_list_leaves_the_arrows_to_the_joint(editor: EditorPage) -> None:
    before = editor.doc(1)["people"][0]["joints"]["left_hip"]["x"]
    editor.page.locator(".joint-name", has_text="left hip").click()
    editor.press("ArrowRight")
    editor.saved()
    assert editor.doc(1)["people"][0]["joints"]["left_hip"]["x"] == before + 1


def test_deleted_people_are_listed_and_come_back(editor: EditorPage) -> None:
    page = editor.page
    editor.press("Shift+Delete")
    deleted = page.get_by_role("list", name="Deleted people")
    expect(deleted).to_contain_text("Person 1")
    expect(page.get_by_role("list", name="People", exact=True)).not_to_contain_text("Person 1")
    page.get_by_role("button", name="Restore Person 1").click()
    expect(deleted).to_be_hidden()
    expect(page.locator(".person[aria-pressed=true]")).to_contain_text("Person 1")


def test_skipping_asks_for_a_reason(editor: EditorPage) -> None:
    dialog = editor.page.locator("dialog.skip")
    editor.press("Control+Space")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Skip image")).to_be_disabled()
    editor.press("Enter", "f")
    editor.shows(1)
    editor.press("Escape")
    expect(dialog).to_be_hidden()
    editor.press("Control+Space", "6")
    editor.page.keyboard.type("The 2 wrists are cut off")
    editor.press("Enter")
    editor.page.wait_for_selector('.lt:not([data-image="1"])[data-ready]')
    editor.saved()
    image = editor.doc(1)["image"]
    assert (image["status"], image["reason"]) == ("skipped", "The 2 wrists are cut off")


def test_another_tools_keys_change_handler_tooltips_and_sheet_and_are_kept(editor: EditorPage) -> None:
    page = editor.page
    editor.press("?")
    page.get_by_label("Keys as in").last.select_option("cvat")
    sheet = page.locator("dialog.help")
    expect(sheet).to_be_visible()
    expect(sheet.locator("dt", has=page.get_by_text("N", exact=True)).first).to_be_visible()
    editor.press("Escape")
    editor.focus()
    expect(page.get_by_role("button", name="New person: draw the box (N)")).to_be_visible()
    editor.press("b")
    expect(page.get_by_role("button", name="New person")).to_have_attribute("aria-pressed", "false")
    editor.press("n")
    expect(page.get_by_role("button", name="New person")).to_have_attribute("aria-pressed", "true")
    editor.press("Escape", "ArrowRight")
    editor.shows(2)
    page.reload()
    page.wait_for_selector(".lt[data-ready]", timeout=60_000)
    expect(page.get_by_role("button", name="New person: draw the box (N)")).to_be_visible()
