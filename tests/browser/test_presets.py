"""The keys of the CVAT-like and the SLEAP-like preset, pressed in Chromium: also those that a browser wants for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser, Locator, expect
from served import Served

pytestmark = pytest.mark.browser


@contextmanager
def with_keys(chromium: Browser, server: Served, preset: str) -> Iterator[EditorPage]:
    editor = EditorPage(chromium, server, before=f"localStorage.setItem('labeltool.keys', '{preset}')")
    editor.open(1)
    yield editor
    errors = editor.errors
    editor.close()
    assert [e for e in errors if "Failed to load resource" not in e] == []


def selected(editor: EditorPage) -> tuple[Locator, Locator]:
    return editor.page.locator(".person[aria-pressed=true]"), editor.page.locator(".joint[data-selected] .joint-name")


def nose(editor: EditorPage) -> tuple[float, float]:
    editor.saved()
    found: dict[str, Any] = editor.doc(1)["people"][0]["joints"]["nose"]
    return found["x"], found["y"]


def nudged(editor: EditorPage, *keys: str) -> list[tuple[float, float]]:
    """How far each key moves the nose of the first person."""
    ways = []
    for key in keys:
        before = editor.doc(1)["people"][0]["joints"]["nose"]
        editor.press(key)
        editor.page.wait_for_timeout(50)
        editor.press("Control+s")
        after = nose(editor)
        ways.append((after[0] - before["x"], after[1] - before["y"]))
    return ways


def boxing(editor: EditorPage, key: str) -> None:
    button = editor.page.get_by_role("button", name="New person")
    editor.press(key)
    expect(button).to_have_attribute("aria-pressed", "true")
    editor.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")


def cvat(editor: EditorPage) -> None:
    person, joint = selected(editor)
    editor.select(1)
    editor.press("Tab")
    expect(person).to_contain_text("Person 2")
    editor.press("Shift+Tab")
    expect(person).to_contain_text("Person 1")
    editor.press("Backquote")
    expect(joint).to_have_text("nose")
    editor.press("j", "Shift+Backquote")
    expect(joint).to_have_text("nose")
    editor.press("q")
    assert editor.flag("nose") == "1"
    editor.press("F1")
    expect(editor.page.locator("dialog.help")).to_be_visible()
    editor.press("F1")
    expect(editor.page.locator("dialog.help")).to_be_hidden()
    boxing(editor, "n")
    assert nudged(editor, "Shift+ArrowRight", "Control+Shift+ArrowUp") == [(1, 0), (0, -10)]
    editor.press("ArrowRight")
    editor.shows(2)
    editor.press("ArrowLeft")
    editor.shows(1)


def sleap(editor: EditorPage) -> None:
    person, joint = selected(editor)
    zoom = editor.page.locator(".zoom")
    editor.select(1)
    editor.press("Tab")
    expect(joint).to_have_text("nose")
    assert nudged(editor, "Shift+ArrowLeft", "Control+Shift+ArrowDown") == [(-1, 0), (0, 10)]
    boxing(editor, "Control+i")
    whole = zoom.inner_text()
    editor.press("z")
    expect(zoom).not_to_have_text(whole)
    editor.press("Control+=")
    expect(zoom).to_have_text(whole)
    editor.press("Control+.")
    expect(editor.page.locator(".toast")).to_have_text("No joint of this image is unsure.")
    editor.press("Control+Backspace")
    expect(editor.page.get_by_role("list", name="Deleted people")).to_contain_text("Person 1")
    editor.press("Control+z")
    expect(person).to_be_visible()
    editor.press("ArrowRight")
    editor.shows(2)
    editor.press("ArrowLeft")
    editor.shows(1)
    editor.press("F3")
    editor.shows(2)
    editor.press("Shift+F3")
    editor.shows(1)


@pytest.mark.parametrize(("preset", "check"), [("cvat", cvat), ("sleap", sleap)])
def test_the_keys_of_a_preset(
    chromium: Browser, server: Served, preset: str, check: Callable[[EditorPage], None]
) -> None:
    with with_keys(chromium, server, preset) as editor:
        check(editor)
