"""What a labeller does on the canvas, key by key, in Chromium."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import expect
from served import Served

pytestmark = pytest.mark.browser

FIRST, SECOND = 0, 1


def person(editor: EditorPage, index: int = FIRST, image_id: int = 1) -> dict[str, Any]:
    """A person as the server has it now, once everything is saved."""
    editor.saved()
    found: dict[str, Any] = editor.doc(image_id)["people"][index]
    return found


def test_a_drag_moves_by_what_the_pointer_moved(editor: EditorPage) -> None:
    doc = editor.doc(1)
    before = doc["people"][FIRST]
    editor.select(1)
    x, y = editor.joint(doc, before, "left_ankle")
    scale = editor.at(1, 0, (640, 480))[0] - editor.at(0, 0, (640, 480))[0]
    # Taken 4 pixels off its middle, the joint does not jump to the pointer.
    editor.drag((x + 4, y + 4), (20 * scale, -10 * scale))
    after = person(editor)["joints"]["left_ankle"]
    assert math.isclose(after["x"], before["joints"]["left_ankle"]["x"] + 20, abs_tol=0.01)
    assert math.isclose(after["y"], before["joints"]["left_ankle"]["y"] - 10, abs_tol=0.01)
    assert after["source"] == "moved"


def test_a_click_on_nothing_changes_nothing(editor: EditorPage) -> None:
    before = editor.doc(1)
    editor.page.mouse.click(*editor.at(30, 470, (640, 480)))
    editor.page.mouse.click(*editor.at(550, 300, (640, 480)))
    editor.page.mouse.dblclick(*editor.at(550, 100, (640, 480)))
    assert editor.save_text() == "No changes"
    assert editor.doc(1) == before
    expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text("Person 1")


def test_a_click_on_a_joint_selects_it_and_does_not_move_it(editor: EditorPage) -> None:
    doc = editor.doc(1)
    editor.page.mouse.click(*editor.joint(doc, doc["people"][SECOND], "left_knee"))
    expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text("Person 2")
    expect(editor.page.locator(".joint[data-selected] .joint-name")).to_have_text("left knee")
    assert editor.save_text() == "No changes"


def test_the_selected_persons_joints_win_the_click(editor: EditorPage) -> None:
    doc = editor.doc(1)
    one, two = doc["people"][:2]
    # Bring the right shoulder of the second person on top of the first one's left elbow.
    there = one["joints"]["left_elbow"]
    body = {
        "base": 0,
        "edit_id": "x",
        "action": "move",
        "joints": {"right_shoulder": {"x": there["x"] + 2, "y": there["y"], "v": 2}},
    }
    assert editor.server.request("PUT", f"/api/people/{two['id']}", body)[0] == 200
    editor.press("f")
    editor.shows(2)
    editor.open(1)
    spot = editor.at(there["x"] + 1.5, there["y"], (640, 480))
    for index, joint in ((1, "left elbow"), (2, "right shoulder")):
        editor.select(index)
        editor.page.mouse.click(*spot)
        expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text(f"Person {index}")
        expect(editor.page.locator(".joint[data-selected] .joint-name")).to_have_text(joint)


def test_a_click_inside_a_person_selects_the_person(editor: EditorPage) -> None:
    editor.select(1)
    editor.page.mouse.click(*editor.at(420, 180, (640, 480)))
    expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text("Person 2")


def test_flags_by_key_and_by_button(editor: EditorPage) -> None:
    doc = editor.doc(1)
    editor.page.mouse.move(*editor.joint(doc, doc["people"][FIRST], "nose"))
    editor.press("1")
    assert editor.flag("nose") == "1"
    editor.press("0")
    assert editor.flag("nose") == "0"
    editor.press("Control+z", "2")
    assert editor.flag("nose") == "2"
    editor.page.get_by_role("button", name="left wrist: hidden (1)").click()
    after = person(editor)
    assert after["joints"]["left_wrist"]["v"] == 1
    assert after["joints"]["nose"]["v"] == 2


def test_tab_walks_the_joints_and_arrows_nudge(editor: EditorPage) -> None:
    before = editor.doc(1)["people"][FIRST]["joints"]["left_eye"]
    editor.press("Tab", "Tab")
    expect(editor.page.locator(".joint[data-selected] .joint-name")).to_have_text("left eye")
    editor.press("ArrowRight", "ArrowRight", "Shift+ArrowDown", "ArrowUp")
    after = person(editor)["joints"]["left_eye"]
    assert (after["x"], after["y"]) == (before["x"] + 2, before["y"] + 9)
    editor.press("Shift+Tab")
    expect(editor.page.locator(".joint[data-selected] .joint-name")).to_have_text("nose")


def test_escape_lets_tab_leave_the_canvas(editor: EditorPage) -> None:
    editor.press("Escape")
    editor.page.locator(".joint-name").first.focus()
    editor.press("Tab")
    expect(editor.page.locator("button:focus")).to_have_attribute("aria-label", "nose: visible (2)")
    editor.press("Tab", "Space")
    assert editor.flag("nose") == "1", "Space on a button presses it, and does not go to the next image"
    editor.shows(1)


def test_placing_an_unlabelled_joint(editor: EditorPage) -> None:
    editor.select(1)
    editor.page.locator(".joint-name", has_text="right ear").click()
    editor.focus()
    editor.press("p")
    expect(editor.page.locator(".stage-hint")).to_contain_text("place right ear (visible)")
    editor.page.mouse.click(*editor.at(120, 75, (640, 480)))
    after = person(editor)["joints"]["right_ear"]
    assert math.isclose(after["x"], 120, abs_tol=0.6) and math.isclose(after["y"], 75, abs_tol=0.6)
    assert (after["v"], after["source"]) == (2, "added")
    expect(editor.page.locator(".stage-hint")).to_be_hidden()


def test_one_on_an_unlabelled_joint_places_it_hidden(editor: EditorPage) -> None:
    editor.page.locator(".joint-name", has_text="right ear").click()
    editor.focus()
    editor.page.mouse.move(*editor.at(30, 470, (640, 480)))
    editor.press("1")
    expect(editor.page.locator(".stage-hint")).to_contain_text("hidden")
    editor.page.mouse.click(*editor.at(130, 80, (640, 480)))
    assert person(editor)["joints"]["right_ear"]["v"] == 1


def test_swapping_and_deleting(editor: EditorPage) -> None:
    before = editor.doc(1)["people"][FIRST]["joints"]
    editor.page.locator(".joint-name", has_text="left knee").click()
    editor.focus()
    editor.press("x")
    after = person(editor)["joints"]
    assert after["left_knee"]["x"] == before["right_knee"]["x"] and after["right_knee"]["x"] == before["left_knee"]["x"]
    assert after["left_hip"] == before["left_hip"]
    editor.press("Control+z", "Shift+X")
    editor.saved()
    assert person(editor)["joints"]["left_ankle"]["x"] == before["right_ankle"]["x"]
    editor.press("Control+z", "Delete")
    assert person(editor)["joints"]["left_knee"]["v"] == 0
    editor.press("Shift+Delete")
    assert person(editor)["deleted"] is True
    editor.page.get_by_role("button", name="Restore").click()
    assert person(editor)["deleted"] is False
    editor.press("Control+z", "Control+z", "Control+z")
    assert person(editor)["joints"] == before


def test_accepting_and_submitting(editor: EditorPage) -> None:
    editor.open(2)
    expect(editor.page.locator(".person")).to_contain_text("16 predicted")
    assert editor.source("nose") == "predicted"
    editor.press("a")
    assert {j["source"] for j in person(editor, FIRST, 2)["joints"].values() if j["v"]} == {"accepted"}
    editor.press("Control+z")
    assert editor.source("nose") == "predicted"
    editor.press("Control+Enter")
    editor.page.wait_for_selector('.lt:not([data-image="2"])[data-ready]')
    editor.saved()
    doc = editor.doc(2)
    assert doc["image"]["status"] == "done"
    assert {j["source"] for j in doc["people"][0]["joints"].values() if j["v"]} == {"accepted"}


def test_space_and_filters_go_through_the_queue(editor: EditorPage) -> None:
    editor.press("Space")
    editor.shows(2)
    editor.press("Shift+Space")
    editor.shows(1)
    editor.press("Control+ArrowRight")
    editor.shows(2)
    editor.page.locator(".filter").select_option("prefilled")
    expect(editor.page.locator(".total")).to_have_text("/ 1")
    editor.page.locator(".filter").select_option("in_progress")
    editor.shows(1)
    editor.focus()
    editor.press("f")
    editor.shows(4)


def test_a_broken_photo_is_said_and_the_queue_goes_on(editor: EditorPage) -> None:
    editor.open(3)
    expect(editor.page.locator(".stage-message")).to_contain_text("broken.jpg: not an image")
    editor.press("f")
    editor.shows(4)
    expect(editor.page.locator(".stage-message")).to_be_hidden()


def test_wheel_zooms_at_the_pointer_and_the_view_moves(editor: EditorPage) -> None:
    spot = editor.at(200, 200, (640, 480))
    editor.page.mouse.move(*spot)
    place = editor.page.locator(".where")
    before = place.inner_text()
    editor.page.mouse.wheel(0, -400)
    editor.page.mouse.move(spot[0] + 1, spot[1])
    editor.page.mouse.move(*spot)
    assert place.inner_text() == before, "the point under the pointer stays"
    assert editor.page.locator(".zoom").inner_text() != "100 %"
    editor.page.keyboard.down("Space")
    editor.page.mouse.down()
    editor.page.mouse.move(spot[0] + 60, spot[1] + 40, steps=4)
    editor.page.mouse.up()
    editor.page.keyboard.up("Space")
    editor.shows(1)
    assert place.inner_text() == before, "the photo went with the pointer"
    editor.press("Shift+Z")
    editor.page.mouse.move(spot[0] + 1, spot[1])
    editor.page.mouse.move(*spot)
    assert place.inner_text() == before
    assert editor.save_text() == "No changes"


def test_streamlits_own_keys_do_nothing_here(editor: EditorPage) -> None:
    frames: list[object] = []
    editor.page.on("websocket", lambda socket: frames.append(socket))
    editor.requests.clear()
    state = editor.page.locator("[data-testid=stApp]").get_attribute("data-test-script-state")
    editor.press("r", "c")
    editor.page.wait_for_timeout(400)
    assert editor.page.locator("[data-testid=stApp]").get_attribute("data-test-script-state") == state
    assert editor.page.locator("[role=dialog]:visible").count() == 0
    assert editor.requests == [] and frames == []
    editor.shows(1)


def test_keys_do_nothing_in_the_position_field(editor: EditorPage) -> None:
    field = editor.page.get_by_label("Place in the queue")
    field.click()
    editor.press("2")
    editor.press("Enter")
    editor.shows(2)
    assert editor.save_text() == "No changes"


def test_the_help_sheet_lists_the_keys(editor: EditorPage) -> None:
    editor.press("?")
    sheet = editor.page.locator("dialog.help")
    expect(sheet).to_be_visible()
    for text in ("Next unfinished image", "Hidden (v = 1)", "Hold to hide the labels"):
        expect(sheet).to_contain_text(text)
    editor.press("1", "f")
    editor.shows(1)
    editor.press("Escape")
    expect(sheet).to_be_hidden()
    assert editor.save_text() == "No changes"


def test_h_hides_the_labels_while_it_is_held(editor: EditorPage) -> None:
    def drawn() -> int:
        script = """canvas => {
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return pixels.filter((value, i) => i % 4 === 3 && value > 0).length;
        }"""
        editor.page.wait_for_timeout(100)
        return int(editor.page.locator("canvas.people").evaluate(script))

    assert drawn() > 1000
    editor.page.keyboard.down("h")
    assert drawn() == 0
    editor.page.keyboard.up("h")
    assert drawn() > 1000


def test_the_export_and_audit_pages_open_and_the_editor_comes_back_as_it_was(
    editor: EditorPage, server: Served
) -> None:
    editor.press("Tab", "1")
    for name in ("Export", "Audit"):
        editor.page.get_by_role("link", name=name).click()
        expect(editor.page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=30_000)
    editor.page.get_by_role("link", name="Label").click()
    editor.shows(1)
    assert editor.flag("nose") == "1"
    editor.focus()
    editor.press("Control+z")
    assert person(editor)["joints"]["nose"]["v"] == 2


def test_a_finding_of_the_export_page_opens_its_person_in_the_editor(editor: EditorPage, server: Served) -> None:
    doc = editor.doc(1)
    two = doc["people"][1]
    body = {
        "base": two["revision"],
        "edit_id": f"outside {two['revision']}",
        "action": "move",
        "joints": {"nose": {"x": 700, "y": 20, "v": 2}},
    }
    assert server.request("PUT", f"/api/people/{two['id']}", body)[0] == 200
    editor.page.get_by_role("link", name="Export").click()
    # what a finding in error says stands open
    link = editor.page.get_by_role("link", name="one.jpg").first
    link.wait_for(timeout=30_000)
    with editor.context.expect_page() as opened:
        link.click()
    page = opened.value
    page.wait_for_selector(".lt[data-ready]", timeout=60_000)
    expect(page.locator(".person[aria-pressed=true]")).to_have_count(1)
    chosen = page.locator(".person[aria-pressed=true] .who").inner_text()
    assert page.locator(".person .who").nth(1).inner_text() == chosen
    assert "person=" not in page.url


def test_the_export_page_hands_out_the_file(editor: EditorPage, server: Served) -> None:
    editor.press("Tab", "1")
    editor.saved()
    editor.page.get_by_role("link", name="Export").click()
    link = editor.page.get_by_role("link", name="Download COCO JSON")
    with editor.page.expect_download(timeout=30_000) as download:
        link.click()
    assert download.value.suggested_filename == "project.json"
    assert json.loads(download.value.path().read_text()) == server.request("GET", "/api/export")[1]
