"""The queue in the editor's bar: filter, order, going on with Space, jumping, flagging; and the link from the Queue page."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor_page import EditorPage
from playwright.sync_api import expect
from served import Served

from labeltool.project import Mark, Project


def test_filter_order_and_space(editor: EditorPage) -> None:
    page = editor.page
    editor.open(1)
    order = page.get_by_label("Order of the images")
    order.select_option("name")
    expect(page.locator(".position")).to_have_value("4")  # broken, five, four, one, two
    editor.focus()
    editor.press("f")
    editor.shows(2)
    editor.press("Space")
    editor.shows(3)  # round at the end: broken.jpg is the first by name
    page.get_by_label("Show images that are").select_option("prefilled")
    editor.shows(2)
    expect(page.locator(".total")).to_have_text("/ 1")
    page.get_by_label("Show images that are").select_option("all")
    order.select_option("random")
    seed = page.get_by_label("Seed")
    seed.fill("12")
    seed.press("Enter")
    ids = editor.server.request("GET", "/api/queue?order=random&seed=12")[1]["ids"]
    expect(page.locator(".position")).to_have_value(str(ids.index(2) + 1))
    assert page.evaluate("localStorage.getItem('labeltool.order')") == '["random",12]'
    order.select_option("position")
    expect(page.locator(".position")).to_have_value("2")


@pytest.mark.parametrize("key", ["/", "Control+g"])
def test_a_jump_by_name(editor: EditorPage, key: str) -> None:
    editor.open(1)
    editor.press(key)
    field = editor.page.get_by_role("combobox", name="Name or id of an image")
    expect(field).to_be_focused()
    editor.page.keyboard.type("four")
    expect(editor.page.get_by_role("listbox", name="Images found").get_by_role("option")).to_have_count(1)
    editor.press("Enter")
    editor.shows(4)
    editor.press("d")
    editor.shows(3)  # the canvas has the keys again


def test_a_jump_chooses_among_matches_and_says_when_there_is_none(editor: EditorPage) -> None:
    editor.open(1)
    editor.press("/")
    editor.page.keyboard.type(".jpg")
    options = editor.page.get_by_role("listbox", name="Images found").get_by_role("option")
    expect(options).to_have_count(5)
    editor.press("ArrowDown", "ArrowDown")
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    editor.press("ArrowUp", "Enter")
    editor.shows(2)
    editor.press("/")
    editor.page.keyboard.type("5")
    editor.press("Enter")  # before the list has come
    editor.shows(5)
    editor.press("/")
    editor.page.keyboard.type("nowhere")
    expect(editor.page.get_by_text("No image has that name or id.")).to_be_visible()
    editor.press("Escape")
    expect(editor.page.locator("dialog.finder[open]")).to_have_count(0)


def test_a_reviewer_flags_and_a_labeller_clears(editor: EditorPage) -> None:
    page = editor.page
    editor.open(4)
    editor.press("Shift+N")
    page.keyboard.type("left and right")
    editor.press("Enter")
    chip = page.get_by_role("button", name="Fix: left and right")
    expect(chip).to_be_visible()
    page.get_by_label("Show images that are").select_option("fix")
    expect(page.locator(".total")).to_have_text("/ 1")
    assert editor.doc(4)["image"]["fix_note"] == "left and right"
    chip.click()
    page.get_by_role("button", name="It is fixed").click()
    expect(chip).to_be_hidden()
    assert editor.doc(4)["image"]["fix_note"] is None
    page.get_by_label("Show images that are").select_option("all")


def test_an_address_opens_an_image_once(editor: EditorPage, server: Served) -> None:
    page = editor.page
    page.goto(f"{server.origin}/?image=5")
    editor.shows(5)
    assert "image=" not in page.url
    editor.focus()
    editor.press("d")
    editor.shows(4)
    page.reload()
    editor.shows(4)
    expect(page.locator(".progress-done")).to_contain_text("people")


def test_marked_images_say_why_and_are_called_right(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    with Project.open(Path(str(server.process.args[4]))) as project:  # type: ignore[index]
        people = [(i.id, p.id) for i in project.images() for p in project.people(i.id)[:1] if not p.crowd]
        first, second = people[0], people[1]
        joint = project.skeleton.joints[0]
        marks = [Mark("limb", *first, 1.0, "too long", (joint,)), Mark("limb", *second, 5.0, "much too long")]
        project.put_marks("suspects", marks, "ben")
        page.reload()
        page.wait_for_selector(".lt[data-ready]")
        editor.open(next(i.id for i in project.images() if i.id not in (first[0], second[0])))
        page.get_by_label("Show images that are").select_option("mark:suspects:limb")
        editor.shows(second[0])
        note = page.get_by_role("group", name="Marked to be looked at")
        expect(note).to_contain_text("much too long")
        expect(page.get_by_label("Order of the images")).to_have_value("mark")
        expect(page.locator(".total")).to_have_text("/ 2")
        editor.focus()
        editor.press("y")
        expect(note).to_be_hidden()
        expect(page.locator(".total")).to_have_text("/ 1")
        editor.press("Space")
        editor.shows(first[0])
        note.get_by_role("button", name="too long").click()
        expect(page.locator(".joints-section [aria-current=true]")).to_have_count(1)
        page.get_by_label("Show images that are").select_option("all")
        assert [m.outcome for m in project.marks(settled=True)] == ["right", None]
        project.put_marks("suspects", [], "ben")
