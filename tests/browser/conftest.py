"""Chromium, and the editor in it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from editor_page import SCREEN, EditorPage
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright
from served import Served

from labeltool.coco.document import CocoDocument
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import COCO_17

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium (or the one LABELTOOL_CHROMIUM names), else Playwright's own; skipped where there is neither."""
    path = os.environ.get("LABELTOOL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    except Error as error:
        pytest.skip(f"no Chromium (playwright install chromium): {str(error).splitlines()[0]}")
    yield browser
    browser.close()


#: How the stage's labellers are told to label.
GUIDELINE = """# How we label

| v | meaning |
|---|---|
| 1 | hidden |

<b>No markup</b> of [its own](https://example.org/rules).
"""

PHOTOS = ("one.jpg", "two.jpg", "broken.jpg", "four.jpg", "five.jpg")


def pose(left: float, top: float) -> list[float]:
    """A person of 200 x 400 pixels standing at a place: every COCO joint well apart from the others, the right ear unlabelled."""
    places = {
        "nose": (100, 40), "left_eye": (125, 15), "right_eye": (75, 15), "left_ear": (150, 35), "right_ear": None,
        "left_shoulder": (160, 100), "right_shoulder": (40, 100), "left_elbow": (190, 160), "right_elbow": (10, 160),
        "left_wrist": (195, 220), "right_wrist": (5, 220), "left_hip": (140, 230), "right_hip": (60, 230),
        "left_knee": (145, 310), "right_knee": (55, 310), "left_ankle": (150, 390), "right_ankle": (50, 390),
    }  # fmt: skip
    values: list[float] = []
    for name in COCO_17.joints:
        place = places[name]
        values += [0, 0, 0] if place is None else [left + place[0] + 0.25, top + place[1], 2]
    return values


def stage_document() -> dict[str, Any]:
    """One photo with two people who overlap and a crowd, others with one person each."""
    person = {"category_id": 1, "iscrowd": 0, "area": 40_000.5, "num_keypoints": 16, "segmentation": []}
    empty = {**person, "num_keypoints": 0, "keypoints": [0] * 51}
    annotations = [
        {**person, "id": 1, "image_id": 1, "keypoints": pose(100, 40), "bbox": [100, 40, 200, 400]},
        {**person, "id": 2, "image_id": 1, "keypoints": pose(250, 60), "bbox": [250, 60, 190, 390]},
        {**empty, "id": 3, "image_id": 1, "bbox": [480, 20, 150, 200], "iscrowd": 1},
        {**empty, "id": 4, "image_id": 2, "bbox": [200, 30, 200, 410]},
        {**person, "id": 5, "image_id": 4, "keypoints": pose(220, 40), "bbox": [220, 40, 200, 400]},
    ]
    images = [{"id": i + 1, "file_name": name, "width": 640, "height": 480} for i, name in enumerate(PHOTOS)]
    return {"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}


def make_stage(
    folder: Path, *, blind_share: float = 0.0, guess: dict[str, tuple[float, float, float]] | None = None
) -> Path:
    """The project of `stage_document`; the person on photo 2 is pre-filled, the images with labels count as not done."""
    photos = folder / "photos"
    photos.mkdir()
    for i, name in enumerate(PHOTOS):
        if name == "broken.jpg":
            (photos / name).write_text("no photo")
        else:
            Image.linear_gradient("L").resize((640, 480)).rotate(90 * i).convert("RGB").save(photos / name)
    path = folder / "project"
    with Project.create(
        path, CocoDocument(stage_document(), "stage.json"), photos, COCO_17, blind_share=blind_share
    ) as project:
        values = pose(200, 35)
        joints = {
            n: (values[3 * i], values[3 * i + 1], 0.5 + i / 50)
            for i, n in enumerate(COCO_17.joints)
            if values[3 * i + 2]
        }
        person = project.people(2)[0]
        said = PredictedPerson(person.box or (0, 0, 1, 1), 0.9, guess or joints, person.id)
        project.add_predictions("toy", "1", "0" * 64, {2: [said]}, fill=True)
        for image in project.images("done"):
            project.set_status(image.id, "in_progress", "test")
    (path / "guideline.md").write_text(GUIDELINE)
    toml = path / "project.toml"
    toml.write_text(f'guideline = "guideline.md"\n{toml.read_text()}')
    return path


@pytest.fixture
def stage_project(tmp_path: Path) -> Path:
    """A project for one test alone."""
    return make_stage(tmp_path)


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    """Of the server of every module: what the browser has loaded from there it need not load again."""
    with socket.socket() as kept:  # bound and not listening, it keeps other programs off between two servers
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture(scope="module")
def long_served(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[tuple[Served, dict[int, Any]]]:
    """One server for all tests of a module, and what its images held at first."""
    with Served(make_stage(tmp_path_factory.mktemp("stage")), port=port) as server:
        ids = server.request("GET", "/api/queue")[1]["ids"]
        yield server, {image_id: server.request("GET", f"/api/images/{image_id}")[1] for image_id in ids}


def _set_back(server: Served, now: dict[str, Any], before: dict[str, Any]) -> None:
    """Saves a person as they were before.

    The last test's page saves when it is left, and that may arrive between the look at the person and the save here:
    the server then says how the person is now.
    """
    for _ in range(5):
        if all(before[what] == now[what] for what in ("joints", "box", "deleted")):
            return
        joints = {n: {k: j[k] for k in ("x", "y", "v", "source")} for n, j in before["joints"].items()}
        body = {"base": now["revision"], "edit_id": f"reset {now['id']} {now['revision']}", "action": "reset"}
        patch = {"joints": joints, "box": before["box"], "deleted": before["deleted"]}
        status, answer = server.request("PUT", f"/api/people/{now['id']}", {**body, **patch})
        if status != 409:
            assert status == 200, answer
            return
        now = answer["current"]
    raise AssertionError(f"person {now['id']} was saved by others five times over")


@pytest.fixture
def server(long_served: tuple[Served, dict[int, Any]]) -> Served:
    """The module's server, its labels set back to what they were at first."""
    server, start = long_served
    for image_id, doc in start.items():
        first = {person["id"]: person for person in doc["people"]}
        for now in server.request("GET", f"/api/images/{image_id}")[1]["people"]:
            # People whom a test has made stay in the log, as deleted ones.
            _set_back(server, now, first.get(now["id"], {**now, "deleted": True}))
        server.request("PUT", f"/api/images/{image_id}/status", {"status": doc["image"]["status"]})
    return server


@pytest.fixture(scope="session")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser context of the tests that share a tab."""
    context = chromium.new_context(viewport=SCREEN)
    yield context
    context.close()


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    """A tab that has run the pages' scripts before: to load them anew takes longer than most tests."""
    return context.pages[0] if context.pages else context.new_page()


@pytest.fixture
def editor(chromium: Browser, tab: Page, server: Served) -> Iterator[EditorPage]:
    """The Label page on photo 1; the test fails when the page's scripts did."""
    editor = EditorPage(chromium, server, tab=tab)
    editor.open(1)
    yield editor
    errors = editor.errors
    editor.close()
    assert [e for e in errors if "Failed to load resource" not in e] == []
