"""One hand on the mouse, the other on the keys: what a key means while the pointer rests somewhere, in Chromium."""

from __future__ import annotations

import pytest
from editor_page import EditorPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_key_chosen_joint_is_meant_although_the_pointer_rests_on_another(editor: EditorPage) -> None:
    doc = editor.doc(1)
    x, y = editor.joint(doc, doc["people"][0], "left_elbow")
    editor.page.mouse.click(x, y)
    editor.press("Tab")
    editor.page.mouse.move(x + 2, y + 1)  # A hand is never quite still.
    editor.press("1")
    assert (editor.flag("left_elbow"), editor.flag("right_elbow")) == ("2", "1")
    editor.page.mouse.move(x + 30, y + 30)
    editor.page.mouse.move(x, y)
    editor.press("1")
    assert editor.flag("left_elbow") == "1"


def test_a_resting_pointer_means_the_joint_of_the_person_in_front(editor: EditorPage) -> None:
    doc = editor.doc(1)
    first, second = doc["people"][:2]
    x, y = editor.joint(doc, first, "left_shoulder")
    editor.drag(editor.joint(doc, second, "right_shoulder"), (0, 0))
    target = editor.joint(doc, second, "right_shoulder")
    editor.drag(target, (x - target[0] + 2, y - target[1]))
    editor.select(1)
    editor.page.mouse.move(x + 3, y)
    editor.press("Backquote", "1")
    editor.saved()
    people = editor.doc(1)["people"]
    assert people[0]["joints"]["left_shoulder"]["v"] == 2
    assert people[1]["joints"]["right_shoulder"]["v"] == 1


def test_a_whole_photo_stays_whole_when_the_stage_gets_narrower(editor: EditorPage) -> None:
    page = editor.page
    zoom = page.locator(".zoom")
    editor.press("Shift+Z")
    editor.painted()
    wide = zoom.inner_text()
    page.set_viewport_size({"width": 1000, "height": 900})
    expect(zoom).not_to_have_text(wide)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(zoom).to_have_text(wide)
    # A view of the labeller's own stays.
    box = page.locator("canvas.people").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    expect(zoom).not_to_have_text(wide)
    close = zoom.inner_text()
    page.set_viewport_size({"width": 1000, "height": 900})
    editor.painted()
    expect(zoom).to_have_text(close)
    # Also when other keys are chosen.
    editor.focus()
    editor.press("?")
    page.get_by_label("Keys as in").last.select_option("cvat")
    editor.press("Escape")
    editor.painted()
    expect(zoom).to_have_text(close)


def test_a_list_gives_the_keys_back_to_whoever_chose_by_mouse(editor: EditorPage) -> None:
    page = editor.page
    order = page.get_by_label("Order of the images")
    order.focus()
    order.select_option("name")
    expect(order).to_be_focused()
    order.dispatch_event("pointerdown")
    order.select_option("position")
    expect(page.locator("canvas.people")).to_be_focused()


def test_no_sheet_opens_over_a_dialog(editor: EditorPage) -> None:
    page = editor.page
    editor.press("Shift+N")
    page.locator("dialog[open] button.primary").focus()
    editor.press("?")
    expect(page.locator("dialog.help")).to_be_hidden()
    editor.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_at_twice_the_size_nothing_in_the_bar_lies_on_something_else(editor: EditorPage) -> None:
    editor.page.set_viewport_size({"width": 720, "height": 700})
    editor.painted()
    boxes = editor.page.locator(".bar > :visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(r => [r.left, r.top, r.right, r.bottom])"
    )
    assert len(boxes) >= 5
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left and right <= 720
        for other in boxes[i + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
