"""axe-core on every page and in the editor's states, light and dark: nothing serious or critical."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser, Page, expect
from served import Served

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

_RUN = """async (exclude) => {
    const found = await axe.run({ include: [document], exclude }, { resultTypes: ["violations"] });
    return found.violations.map(v => ({
        rule: v.id, impact: v.impact, help: v.help,
        nodes: v.nodes.map(n => ({ target: n.target.flat().join(" "), html: n.html.slice(0, 200), why: n.failureSummary })),
    }));
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    assert AXE.is_file(), f"{AXE}: not there, expected after `npm ci`"
    return AXE.read_text()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser, tab: Page, server: Served) -> Iterator[EditorPage]:
    editor = EditorPage(chromium, server, request.param, tab=tab)
    editor.open(1)
    yield editor
    editor.close()


def check(page: Page, axe: str, state: str) -> None:
    """Fails when axe finds anything serious or critical."""
    page.wait_for_timeout(350)  # What fades in has the wrong contrast until it is there.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe)
    violations: list[dict[str, Any]] = page.evaluate(_RUN, [])
    grave = [v for v in violations if v["impact"] in ("serious", "critical")]
    lines = [
        f"{state}: {v['rule']} ({v['impact']}): {v['help']}\n    {n['target']}\n    {n['html']}\n    {n['why']}"
        for v in grave
        for n in v["nodes"]
    ]
    assert not grave, "\n".join(lines)


def test_the_editor(page: EditorPage, axe: str) -> None:
    check(page.page, axe, "a labelled person")
    page.press("Tab", "1")
    page.press("p")
    check(page.page, axe, "a hidden joint, placing")
    page.press("Escape", "?")
    expect(page.page.locator("dialog.help")).to_be_visible()
    check(page.page, axe, "the help sheet")
    page.press("Escape")
    page.open(2)
    check(page.page, axe, "predictions")
    page.open(3)
    check(page.page, axe, "a broken photo")


def test_the_editor_in_trouble(page: EditorPage, axe: str, server: Served) -> None:
    page.page.route(re.compile(r"/api/people/"), lambda route: route.abort())
    page.press("Tab", "1")
    expect(page.page.locator(".save")).to_have_attribute("data-state", "offline")
    check(page.page, axe, "offline")
    theirs = page.doc(1)["people"][0]
    joint = {"x": theirs["joints"]["nose"]["x"] + 30, "y": theirs["joints"]["nose"]["y"], "v": 2}
    body = {
        "base": theirs["revision"],
        "edit_id": f"theirs {theirs['revision']}",
        "action": "move",
        "joints": {"nose": joint},
    }
    assert server.request("PUT", f"/api/people/{theirs['id']}", body)[0] == 200
    page.page.unroute(re.compile(r"/api/people/"))
    expect(page.page.locator(".save")).to_have_attribute("data-state", "conflict", timeout=20_000)
    expect(page.page.locator(".conflict")).to_be_visible()
    check(page.page, axe, "a conflict")


@pytest.mark.parametrize("name", ["Queue", "Export", "Stats", "Audit"])
def test_the_other_pages(page: EditorPage, axe: str, name: str) -> None:
    page.page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=30_000)
    expect(page.page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=30_000
    )
    check(page.page, axe, name)
