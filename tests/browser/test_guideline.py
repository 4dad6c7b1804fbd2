"""The project's guideline beside the photo."""

from __future__ import annotations

import pytest
from editor_page import EditorPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_guideline_opens_beside_the_photo_and_stays_open(editor: EditorPage) -> None:
    panel, button = editor.page.locator(".guideline"), editor.page.get_by_role("button", name="Guideline", exact=True)
    stage = editor.page.locator(".stage")
    expect(panel).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    wide = stage.evaluate("e => e.clientWidth")
    button.focus()
    editor.press("Enter")
    expect(panel.get_by_role("heading", name="How we label")).to_be_visible()
    expect(panel.get_by_role("cell", name="hidden")).to_be_visible()
    expect(panel).to_contain_text("<b>No markup</b>")
    link = panel.get_by_role("link", name="its own")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    assert stage.evaluate("e => e.clientWidth") < wide - 200, "beside the photo, not over it"
    expect(button).to_have_attribute("aria-expanded", "true")
    editor.page.reload()
    editor.shows(1)
    expect(panel.get_by_role("heading", name="How we label")).to_be_visible()
    panel.get_by_role("button", name="Close the guideline").click()
    expect(panel).to_be_hidden()
    expect(editor.page.locator("canvas.people")).to_be_focused()
