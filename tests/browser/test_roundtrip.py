"""Import, open, save, reload, export: flags, sub-pixel places and sources come back as they went in, three people in a photo."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import pose
from editor_page import EditorPage
from PIL import Image
from playwright.sync_api import Browser, expect
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from served import Served

from labeltool.coco.document import CocoDocument
from labeltool.project import Project
from labeltool.skeleton import COCO_17

pytestmark = pytest.mark.browser

SIZE = (640, 480)


def sample() -> dict[str, Any]:
    """Three people who overlap: every flag, places with many digits, whole numbers among them."""
    people = []
    for n, (left, top) in enumerate([(40, 30), (180, 45), (330, 50)]):
        keypoints = pose(left, top)
        for k in range(17):
            x, y, v = keypoints[3 * k : 3 * k + 3]
            if v and k % 4 == n:
                keypoints[3 * k + 2] = 1
            elif v and k % 5 == n:
                keypoints[3 * k : 3 * k + 3] = [0, 0, 0]
            elif v and k % 2:
                keypoints[3 * k : 3 * k + 2] = [x + 0.123456789012 * (n + 1), y - 1 / 3]
            elif v:
                keypoints[3 * k : 3 * k + 2] = [int(x), int(y)]
        labelled = sum(1 for v in keypoints[2::3] if v)
        more = {
            "num_keypoints": labelled,
            "area": 41_000.25 + n,
            "segmentation": [],
            "attributes": {"occluded": bool(n)},
        }
        box = [left + 0.5, top - 0.25, 200.125, 405]
        people.append(
            {"id": 70 + n, "image_id": 9, "category_id": 1, "iscrowd": 0, "bbox": box, "keypoints": keypoints, **more}
        )
    images = [{"id": 9, "file_name": "three.jpg", "width": SIZE[0], "height": SIZE[1], "license": 3}]
    return {"info": {"year": 2024}, "images": images, "annotations": people, "categories": [COCO_17.to_category()]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "photos").mkdir()
    Image.linear_gradient("L").resize(SIZE).convert("RGB").save(tmp_path / "photos" / "three.jpg")
    document = CocoDocument(sample(), "three.json")
    Project.create(tmp_path / "project", document, tmp_path / "photos", COCO_17).close()
    with Served(tmp_path / "project") as server:
        yield server


def exported(server: Served) -> dict[str, Any]:
    status, document = server.request("GET", "/api/export")
    assert status == 200
    found: dict[str, Any] = document
    return found


def average_precision(path: Path, document: dict[str, Any]) -> float:
    """A document scored against itself, as COCO scores."""
    path.write_text(json.dumps(document))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        guesses = truth.loadRes([{**a, "score": 1.0} for a in document["annotations"]])
        run = COCOeval(truth, guesses, "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


def test_what_was_only_looked_at_comes_back_equal(chromium: Browser, served: Served, tmp_path: Path) -> None:
    editor = EditorPage(chromium, served)
    editor.shows(9)
    for number in (1, 2, 3):
        editor.select(number)
        editor.press("Tab", "Tab", "Shift+Tab", "z", "Shift+Z", "Control+s")
    editor.page.reload()
    editor.shows(9)
    errors = editor.errors
    editor.close()
    document = exported(served)
    assert document == sample()
    assert average_precision(tmp_path / "self.json", document) == 1.0
    assert errors == []


def test_edits_survive_a_reload_and_only_they_are_new(chromium: Browser, served: Served, tmp_path: Path) -> None:
    editor = EditorPage(chromium, served)
    editor.shows(9)
    before = editor.doc(9)
    editor.select(2)

    def press_at(name: str, *keys: str) -> None:
        editor.page.locator(".joint-name", has_text=name.replace("_", " ")).click()
        editor.focus()
        editor.press(*keys)

    second = before["people"][1]["joints"]
    flags = {v: [n for n, j in second.items() if j["v"] == v] for v in (0, 1, 2)}
    hidden, shown, gone, nudged = flags[2][0], flags[1][0], flags[2][1], flags[2][2]
    press_at(hidden, "1")
    press_at(shown, "2")
    press_at(gone, "0")
    press_at(nudged, "ArrowRight")
    press_at(flags[2][3], "1", "Control+z")  # Taken back: as if it had not been.
    editor.saved()
    editor.page.reload()
    editor.shows(9)
    editor.select(2)
    expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text("Person 2")
    seen = {
        name: (editor.flag(name), editor.source(name))
        for name in (hidden, shown, gone, nudged, flags[2][3], flags[0][0])
    }
    errors = editor.errors
    editor.close()
    assert seen == {
        hidden: ("1", "moved"),
        shown: ("2", "moved"),
        gone: ("0", "removed"),
        nudged: ("2", "moved"),
        flags[2][3]: ("2", "imported"),
        flags[0][0]: ("0", seen[flags[0][0]][1]),
    }

    expected = copy.deepcopy(sample())
    annotation = expected["annotations"][1]
    changed = {
        hidden: (None, 1),
        shown: (None, 2),
        gone: ((0, 0), 0),
        nudged: ((round(second[nudged]["x"] + 1, 3), second[nudged]["y"]), 2),
    }
    for name, (place, v) in changed.items():
        k = 3 * COCO_17.joints.index(name)
        if place is not None:
            annotation["keypoints"][k : k + 2] = place
        annotation["keypoints"][k + 2] = v
    annotation["num_keypoints"] -= 1
    document = exported(served)
    found = document["annotations"][1]
    found.pop("area_source", None)  # The area may now say where it comes from.
    assert found == annotation
    assert document == expected
    assert average_precision(tmp_path / "self.json", document) == 1.0
    assert errors == []
