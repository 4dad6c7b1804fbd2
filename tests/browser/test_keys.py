"""Every action and every key of the editor's registry, pressed in Chromium; and how few of them a labeller needs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser, Locator, expect
from served import Served

from labeltool.project import Mark, Project

pytestmark = pytest.mark.browser

REPO = Path(__file__).parents[2]
SIZE = (640, 480)
_LIST = """
import { ACTIONS } from "./labeltool/editor/actions.js";
console.log(JSON.stringify(ACTIONS.map(({ id, keys }) => [id, keys])));
"""
_NODE = ["node", "--input-type=module", "--eval", _LIST]
ACTIONS: dict[str, list[str]] = dict(
    json.loads(subprocess.run(_NODE, cwd=REPO, check=True, capture_output=True).stdout)
)

#: What each action does to the page: called with the page and the keys as Playwright names them.
CASES: dict[str, Callable[[EditorPage, str], None]] = {}


def case(*actions: str) -> Callable[[Callable[[EditorPage, str], None]], Callable[[EditorPage, str], None]]:
    def note(check: Callable[[EditorPage, str], None]) -> Callable[[EditorPage, str], None]:
        CASES.update(dict.fromkeys(actions, check))
        return check

    return note


def playwright_key(combination: str) -> str:
    """A combination of the registry as Playwright names it."""
    names = {"Ctrl": "Control", "Esc": "Escape", "`": "Backquote"}
    names |= {side: f"Arrow{side}" for side in ("Left", "Right", "Up", "Down")}
    parts = [names.get(part, part) for part in combination.split("+")]
    if re.fullmatch("[A-Z]", parts[-1]) and "Shift" not in parts:
        parts[-1] = parts[-1].lower()
    return "+".join(parts)


# --- the page, once for all keys -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_page(chromium: Browser, long_served: tuple[Served, dict[int, Any]]) -> Iterator[EditorPage]:
    editor = EditorPage(chromium, long_served[0])
    yield editor
    errors = editor.errors
    editor.close()
    assert [e for e in errors if "Failed to load resource" not in e] == []


@pytest.fixture
def editor(one_page: EditorPage, server: Served) -> EditorPage:
    """The page with image 1 open, the first person selected, and the labels as they were at first."""
    one_page.press("Escape")
    # By way of another image, so that what the last test had in hand is let go.
    one_page.open(5)
    one_page.open(1)
    expect(one_page.page.locator(".source").first).to_have_text("imported")
    one_page.page.mouse.move(*one_page.at(560, 460, SIZE))
    one_page.select(1)
    return one_page


@pytest.mark.parametrize(
    ("action", "keys"), [(action, keys) for action, all_keys in ACTIONS.items() for keys in all_keys]
)
def test_every_key_of_every_action(editor: EditorPage, action: str, keys: str) -> None:
    assert action in CASES, f"action {action!r} is new: say here what its keys do"
    CASES[action](editor, playwright_key(keys))


def test_no_case_is_left_over() -> None:
    assert CASES.keys() == ACTIONS.keys()


# --- what is seen ----------------------------------------------------------------------------------------------------------


def person(editor: EditorPage, index: int = 0, image_id: int = 1) -> dict[str, Any]:
    """A person as the server has it, once everything is saved."""
    editor.saved()
    found: dict[str, Any] = editor.doc(image_id)["people"][index]
    return found


def joint(editor: EditorPage, name: str, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = person(editor, index)["joints"][name]
    return found


def selected_joint(editor: EditorPage) -> Locator:
    return editor.page.locator(".joint[data-selected] .joint-name")


def selected_person(editor: EditorPage) -> Locator:
    return editor.page.locator(".person[aria-pressed=true]")


def choose(editor: EditorPage, name: str) -> None:
    """Selects a joint by the list."""
    editor.page.locator(".joint-name", has_text=name.replace("_", " ")).click()
    editor.focus()


def place(editor: EditorPage, name: str, index: int = 0) -> tuple[float, float]:
    """Where a joint is on the page."""
    doc = editor.doc(1)
    return editor.joint(doc, doc["people"][index], name)


# --- images ------------------------------------------------------------------------------------------------------------------


@case("next-image", "next-unfinished")
def _goes_on(editor: EditorPage, key: str) -> None:
    editor.press(key)
    editor.shows(2)


@case("previous-image", "previous-unfinished")
def _goes_back(editor: EditorPage, key: str) -> None:
    editor.open(2)
    editor.press(key)
    editor.shows(1)


@case("save")
def _saves_now(editor: EditorPage, key: str) -> None:
    before = (
        joint(editor, "nose") if editor.save_text() != "No changes" else editor.doc(1)["people"][0]["joints"]["nose"]
    )
    choose(editor, "nose")
    editor.requests.clear()
    editor.page.keyboard.down("ArrowRight")  # Held, a nudge waits.
    assert editor.requests == []
    editor.press(key)
    assert joint(editor, "nose")["x"] == before["x"] + 1
    editor.page.keyboard.up("ArrowRight")


@case("submit")
def _submits(editor: EditorPage, key: str) -> None:
    editor.open(2)
    editor.press(key)
    editor.page.wait_for_selector('.lt:not([data-image="2"])[data-ready]')
    editor.saved()
    assert editor.doc(2)["image"]["status"] == "done"
    assert {j["source"] for j in editor.doc(2)["people"][0]["joints"].values() if j["v"]} == {"accepted"}


@case("skip")
def _skips(editor: EditorPage, key: str) -> None:
    editor.press(key)
    expect(editor.page.locator("dialog.skip")).to_be_visible()
    editor.press("2", "Enter")
    editor.page.wait_for_selector('.lt:not([data-image="1"])[data-ready]')
    editor.saved()
    image = editor.doc(1)["image"]
    assert image["status"] == "skipped"
    assert "blurred" in image["reason"]


@case("find-image")
def _finds(editor: EditorPage, key: str) -> None:
    editor.press(key)
    expect(editor.page.get_by_role("combobox", name="Name or id of an image")).to_be_focused()
    editor.page.keyboard.type("four")
    expect(editor.page.get_by_role("listbox").get_by_role("option")).to_have_count(1)
    editor.press("Enter")
    editor.shows(4)


@case("needs-fix")
def _flags_for_a_fix(editor: EditorPage, key: str) -> None:
    editor.press(key)
    dialog = editor.page.get_by_role("dialog", name="Needs fix")
    expect(dialog).to_be_visible()
    editor.page.keyboard.type("left and right")
    editor.press("Enter")
    expect(dialog).to_be_hidden()
    expect(editor.page.locator(".toast")).to_contain_text("Flagged")
    assert editor.doc(1)["image"]["fix_note"] == "left and right"
    editor.server.request("PUT", "/api/images/1/fix", {"note": None})


@case("looked-at")
def _says_that_it_is_right(editor: EditorPage, key: str) -> None:
    with Project.open(Path(str(editor.server.process.args[4]))) as project:  # type: ignore[index]
        project.put_marks("suspects", [Mark("limb", 1, project.people(1)[0].id, 1.0, "too long")], "ben")
        editor.open(5)
        editor.open(1)
        note = editor.page.get_by_role("group", name="Marked to be looked at")
        expect(note).to_contain_text("too long")
        editor.press(key)
        expect(note).to_be_hidden()
        assert [mark.outcome for mark in project.marks(settled=True)] == ["right"]
        project.put_marks("suspects", [], "ben")


@case("undo")
def _undoes(editor: EditorPage, key: str) -> None:
    choose(editor, "nose")
    editor.press("1")
    assert editor.flag("nose") == "1"
    editor.press(key)
    assert joint(editor, "nose")["v"] == 2


@case("redo")
def _redoes(editor: EditorPage, key: str) -> None:
    choose(editor, "nose")
    editor.press("1", "Control+z", key)
    assert joint(editor, "nose")["v"] == 1


# --- people ------------------------------------------------------------------------------------------------------------------


@case("next-person", "previous-person")
def _goes_to_a_person(editor: EditorPage, key: str) -> None:
    editor.press(key)
    expect(selected_person(editor)).to_contain_text("Person 2")


@case("new-person")
def _draws_a_person(editor: EditorPage, key: str) -> None:
    many = len(editor.doc(1)["people"])
    editor.press(key)
    start = editor.at(500, 250, SIZE)
    editor.drag(start, (80, 120))
    editor.saved()
    made = editor.doc(1)["people"]
    assert len(made) == many + 1
    assert made[-1]["box"][0] == pytest.approx(500.5, abs=1)
    assert not any(j["v"] for j in made[-1]["joints"].values())
    editor.press("Control+z")
    editor.saved()
    assert editor.doc(1)["people"][-1]["deleted"] is True


@case("fit-box")
def _fits_the_box(editor: EditorPage, key: str) -> None:
    before = person_now(editor)
    editor.press(key)
    after = person(editor)
    assert after["box"] != before["box"]
    assert after["joints"] == before["joints"]
    x, y, w, h = after["box"]
    assert all(x <= j["x"] <= x + w and y <= j["y"] <= y + h for j in after["joints"].values() if j["v"])


def person_now(editor: EditorPage, index: int = 0, image_id: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = editor.doc(image_id)["people"][index]
    return found


@case("prefill", "prefill-all")
def _prefills(editor: EditorPage, key: str) -> None:
    """The model itself is tested elsewhere; here an answer of the server's is played."""
    guess = {name: {"x": 300, "y": 200, "confidence": 0.9} for name in person_now(editor)["joints"]}
    answer = {"joints": guess, "model": "toy", "version": "1", "seconds": 0.1}
    asked: list[Any] = []

    def play(route: Any) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(json=answer)

    editor.page.route("**/api/images/1/predict", play)
    try:
        with editor.page.expect_request(lambda r: r.method == "PUT" and "/api/people/" in r.url):
            editor.press(key)
        after = person(editor)
    finally:
        editor.page.unroute("**/api/images/1/predict")
    assert asked[0]["person"] == 1
    predicted = {name for name, j in after["joints"].items() if j["source"] == "predicted"}
    # What came with the photo is a human's word; only Shift asks for it to be replaced.
    assert predicted == (set(guess) if "Shift" in key else {"right_ear"})


@case("copy-previous")
def _copies(editor: EditorPage, key: str) -> None:
    editor.open(2)
    many = len(editor.doc(2)["people"])
    editor.press(key)
    expect(editor.page.locator(".person")).to_have_count(many + 2)
    editor.saved()
    copied = editor.doc(2)["people"][many:]
    assert len(copied) == 2
    assert {j["source"] for p in copied for j in p["joints"].values() if j["v"]} == {"predicted"}
    editor.press("Control+z")
    editor.saved()
    assert all(p["deleted"] for p in editor.doc(2)["people"][many:])


@case("accept")
def _accepts(editor: EditorPage, key: str) -> None:
    editor.open(2)
    assert editor.source("nose") == "predicted"
    editor.press(key)
    after = person(editor, image_id=2)
    assert {j["source"] for j in after["joints"].values() if j["v"]} == {"accepted"}
    editor.press("Control+z")
    editor.saved()


@case("swap-all", "swap")
def _swaps(editor: EditorPage, key: str) -> None:
    before = person_now(editor)["joints"]
    choose(editor, "left knee")
    editor.press(key)
    after = person(editor)["joints"]
    everything = "Shift" in key
    for one, other, swapped in (("left_knee", "right_knee", True), ("left_hip", "right_hip", everything)):
        wanted = (before[other], before[one]) if swapped else (before[one], before[other])
        assert [(j["x"], j["y"]) for j in (after[one], after[other])] == [(j["x"], j["y"]) for j in wanted]


@case("delete-person")
def _deletes_the_person(editor: EditorPage, key: str) -> None:
    editor.press(key)
    assert person(editor)["deleted"] is True
    editor.press("Control+z")
    assert person(editor)["deleted"] is False


# --- joints ------------------------------------------------------------------------------------------------------------------


@case("next-joint", "previous-joint")
def _goes_to_a_joint(editor: EditorPage, key: str) -> None:
    choose(editor, "left_ear")
    editor.press(key)
    expect(selected_joint(editor)).to_have_text("right eye" if "Shift" in key else "right ear")


@case("next-unsure")
def _goes_to_an_unsure_joint(editor: EditorPage, key: str) -> None:
    editor.press("Control+ArrowRight")
    editor.shows(2)
    editor.press(key)
    # Every prediction here has a confidence of a half and more.
    expect(editor.page.locator(".toast")).to_contain_text("No joint of this image is unsure")
    editor.press("Control+b")
    expect(editor.page.locator(".toast")).to_contain_text("Copied")
    editor.press(key)
    expect(selected_joint(editor)).to_have_text("nose")
    editor.press(key)
    expect(selected_joint(editor)).to_have_text("left eye")
    editor.press("Control+z")
    editor.saved()


@case("visible", "hidden", "not-labelled")
def _flags(editor: EditorPage, key: str) -> None:
    v = {"2": 2, "1": 1, "q": 1, "0": 0, "o": 0}[key]
    editor.page.mouse.move(*place(editor, "left_wrist"))
    if v == 2:
        editor.press("1")
    editor.press(key)
    after = joint(editor, "left_wrist")
    assert after["v"] == v
    assert (after["x"] == 0) == (v == 0)


@case("place")
def _places(editor: EditorPage, key: str) -> None:
    choose(editor, "right_ear")
    editor.press(key)
    expect(editor.page.locator(".stage-hint")).to_contain_text("right ear")
    editor.page.mouse.click(*editor.at(120, 75, SIZE))
    after = joint(editor, "right_ear")
    assert after == {
        **after,
        "x": pytest.approx(120, abs=0.6),
        "y": pytest.approx(75, abs=0.6),
        "v": 2,
        "source": "added",
    }
    editor.press("Escape")


@case("delete-joint")
def _deletes_the_joint(editor: EditorPage, key: str) -> None:
    choose(editor, "left_wrist")
    editor.press(key)
    after = joint(editor, "left_wrist")
    assert (after["x"], after["y"], after["v"], after["source"]) == (0, 0, 0, "removed")


@case("left", "right", "up", "down", "left-10", "right-10", "up-10", "down-10")
def _nudges(editor: EditorPage, key: str) -> None:
    before = person_now(editor)["joints"]["left_wrist"]
    choose(editor, "left_wrist")
    editor.press(key, key)
    after = joint(editor, "left_wrist")
    step = 20 if "Shift" in key else 2
    x, y = {"Left": (-step, 0), "Right": (step, 0), "Up": (0, -step), "Down": (0, step)}[key.split("Arrow")[1]]
    assert (after["x"], after["y"]) == (before["x"] + x, before["y"] + y)


# --- view --------------------------------------------------------------------------------------------------------------------


@case("fit-person", "fit-image")
def _fits(editor: EditorPage, key: str) -> None:
    zoom = editor.page.locator(".zoom")
    whole = zoom.inner_text()
    if "Shift" in key:
        editor.press("z")
        expect(zoom).not_to_have_text(whole)
        editor.press(key)
        expect(zoom).to_have_text(whole)
    else:
        editor.press(key)
        expect(zoom).not_to_have_text(whole)
        editor.press("Shift+Z")


@case("hide")
def _hides(editor: EditorPage, key: str) -> None:
    def drawn() -> int:
        script = """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
            .filter((value, i) => i % 4 === 3 && value > 0).length"""
        editor.painted()
        return int(editor.page.locator("canvas.people").evaluate(script))

    assert drawn() > 1000
    editor.page.keyboard.down(key)
    assert drawn() == 0
    editor.page.keyboard.up(key)
    assert drawn() > 1000


@case("boxes")
def _toggles_boxes(editor: EditorPage, key: str) -> None:
    box = editor.page.locator(".adjust-sheet input[type=checkbox]")
    editor.press(key)
    expect(box).not_to_be_checked()
    editor.press(key)
    expect(box).to_be_checked()


@case("adjust")
def _adjusts(editor: EditorPage, key: str) -> None:
    slider = editor.page.get_by_role("slider", name="Brightness")
    editor.press(key)
    expect(slider).to_be_focused()
    editor.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "107 %")
    editor.press("ArrowLeft", key)
    expect(slider).to_be_hidden()
    expect(editor.page.locator("canvas.people")).to_be_focused()


@case("guideline")
def _opens_the_guideline(editor: EditorPage, key: str) -> None:
    text = editor.page.get_by_role("group", name="Guideline text")
    choose(editor, "nose")
    before = person_now(editor)
    editor.press(key)
    expect(text).to_be_focused()
    editor.press("ArrowDown")  # scrolls the text, moves no joint
    editor.page.wait_for_timeout(700)  # A nudge is saved after a pause.
    assert person_now(editor) == before
    editor.press("Escape")
    expect(editor.page.locator("canvas.people")).to_be_focused()
    editor.press(key)
    expect(text).to_be_hidden()
    expect(editor.page.locator("canvas.people")).to_be_focused()


@case("help")
def _helps(editor: EditorPage, key: str) -> None:
    sheet = editor.page.locator("dialog.help")
    editor.press(key)
    expect(sheet).to_be_visible()
    editor.press(key)
    expect(sheet).to_be_hidden()
    # Escape closes it also from the list of presets, which has keys of its own.
    editor.press(key)
    sheet.get_by_label("Keys as in").focus()
    editor.press("Escape")
    expect(sheet).to_be_hidden()


@case("escape")
def _escapes(editor: EditorPage, key: str) -> None:
    choose(editor, "right_ear")
    editor.press("p")
    expect(editor.page.locator(".stage-hint")).to_be_visible()
    editor.press(key)
    expect(editor.page.locator(".stage-hint")).to_be_hidden()
    before = person_now(editor)
    x, y = place(editor, "nose")
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x + 40, y + 40, steps=4)
    editor.press(key)
    editor.page.mouse.up()
    editor.painted()
    assert person_now(editor) == before
    editor.press("?", key)
    expect(editor.page.locator("dialog.help")).to_be_hidden()


# --- how few -----------------------------------------------------------------------------------------------------------------


class Counted:
    """A labeller whose actions are counted: a drag is one, a key press is one; to look and to point is none."""

    def __init__(self, editor: EditorPage) -> None:
        self.editor = editor
        self.actions = 0

    def drag(self, start: tuple[float, float], by: tuple[float, float]) -> None:
        self.editor.drag(start, by)
        self.actions += 1

    def press(self, key: str) -> None:
        self.editor.press(key)
        self.actions += 1


def test_correcting_three_joints_and_a_flag_takes_five_actions(editor: EditorPage) -> None:
    doc = editor.open(2)
    guess = doc["people"][0]
    labeller = Counted(editor)
    moved = ("left_ankle", "right_wrist", "nose")
    for name in moved:
        labeller.drag(editor.joint(doc, guess, name), (15, -12))
    editor.page.mouse.move(*editor.joint(doc, guess, "left_elbow"))
    labeller.press("1")
    labeller.press("Control+Enter")
    editor.page.wait_for_selector('.lt:not([data-image="2"])[data-ready]')
    assert labeller.actions <= 5
    after = person(editor, image_id=2)
    assert editor.doc(2)["image"]["status"] == "done"
    assert {name for name, j in after["joints"].items() if j["source"] == "moved"} >= set(moved)
    assert after["joints"]["left_elbow"]["v"] == 1
    assert {j["source"] for j in after["joints"].values() if j["v"]} <= {"moved", "accepted"}


def test_accepting_takes_one_action(editor: EditorPage) -> None:
    editor.open(2)
    labeller = Counted(editor)
    labeller.press("Control+Enter")
    editor.page.wait_for_selector('.lt:not([data-image="2"])[data-ready]')
    assert labeller.actions == 1
    after = person(editor, image_id=2)
    assert {j["source"] for j in after["joints"].values() if j["v"]} == {"accepted"}
    assert editor.doc(2)["image"]["status"] == "done"
