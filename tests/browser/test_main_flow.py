"""The main job in Chromium, on a real server and real photos: correct joints, go on, come back, export."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from editor_page import EditorPage
from playwright.sync_api import Browser
from served import Served

pytestmark = pytest.mark.browser


def init(project: Path, images: Path, annotations: Path, *more: str) -> dict[str, Any]:
    """Makes a project by the command line; the document it was made from."""
    command = [
        sys.executable,
        "-m",
        "labeltool.cli",
        "init",
        str(project),
        "--images",
        str(images),
        "--blind-share",
        "0",
    ]
    subprocess.run([*command, "--annotations", str(annotations), *more], check=True, capture_output=True, timeout=120)
    document: dict[str, Any] = json.loads(annotations.read_text())
    return document


@pytest.fixture(params=["coco-mini", "figures"])
def labels(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A project of genuine COCO photos, or of the project's own sample figures, and the document it came from."""
    project = tmp_path / "project"
    if request.param == "coco-mini":
        folder = request.getfixturevalue("coco_mini")
        return project, init(project, folder / "images", folder / "annotations" / "person_keypoints_val2017.json")
    folder = Path(__file__).parents[2] / "datasets" / "figures"
    if not (folder / "annotations.json").is_file():
        pytest.skip("datasets/figures has not been made yet")
    return project, init(project, folder / "images", folder / "annotations.json", "--skeleton", "lsp-14")


def well_labelled(server: Served) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """An image, its largest person, and joints of that person that lie well apart from each other."""
    for image_id in server.request("GET", "/api/queue")[1]["ids"]:
        doc = server.request("GET", f"/api/images/{image_id}")[1]
        people = [p for p in doc["people"] if p["box"] and not p["crowd"]]
        if not people:
            continue
        person = max(people, key=lambda p: p["box"][2] * p["box"][3])
        size = max(person["box"][2:]) / 12
        apart: list[str] = []
        for name, joint in person["joints"].items():
            near = (person["joints"][other] for other in apart)
            if joint["v"] == 2 and all(abs(joint["x"] - o["x"]) + abs(joint["y"] - o["y"]) > size for o in near):
                apart.append(name)
        inside = 0.2 * doc["image"]["width"] < person["joints"].get(apart[0], {"x": 0})["x"] if apart else False
        if len(apart) >= 5 and inside and max(person["box"][2:]) > 0.4 * doc["image"]["height"]:
            return doc, person, apart
    raise AssertionError("no image with a large, well labelled person")


def test_drag_flag_undo_redo_next_back_export(chromium: Browser, labels: tuple[Path, dict[str, Any]]) -> None:
    project, document = labels
    with Served(project) as server:
        doc, person, names = well_labelled(server)
        image_id, moved, hidden = doc["image"]["id"], names[0], names[-1]
        editor = EditorPage(chromium, server)
        editor.open(image_id)
        position = editor.joint(doc, person, moved)

        # A drag sends nothing until the joint is let go, then one small request.
        editor.page.wait_for_load_state("networkidle")
        editor.requests.clear()
        editor.page.mouse.move(*position)
        editor.page.mouse.down()
        for i in range(1, 16):
            editor.page.mouse.move(position[0] + 2 * i, position[1] + i)
        editor.page.wait_for_timeout(100)
        assert editor.requests == []
        editor.page.mouse.up()
        editor.saved()
        assert editor.requests == [("PUT", f"/api/people/{person['id']}")]
        assert editor.source(moved) == "moved"

        # 1 hides the joint under the pointer; undo and redo.
        editor.page.mouse.move(*editor.joint(doc, person, hidden))
        editor.press("1")
        assert editor.flag(hidden) == "1"
        editor.press("Control+z")
        assert editor.flag(hidden) == "2"
        editor.press("Control+z", "Control+z")
        assert editor.source(moved) == "imported"
        editor.press("Control+Shift+z", "Control+y")
        assert (editor.flag(hidden), editor.source(moved)) == ("1", "moved")

        # On to the next image and back.
        ids = server.request("GET", "/api/queue")[1]["ids"]
        after = ids[ids.index(image_id) + 1]
        editor.press("f")
        editor.shows(after)
        editor.press("d")
        editor.shows(image_id)
        assert editor.flag(hidden) == "1"
        editor.saved()
        now = next(p for p in editor.doc(image_id)["people"] if p["id"] == person["id"])
        errors = editor.errors
        editor.close()

        # Exactly these two joints differ from what came in.
        status, exported = server.request("GET", "/api/export")
    assert status == 200
    assert errors == []
    assert abs(now["joints"][moved]["x"] - person["joints"][moved]["x"]) > 1
    assert now["joints"][hidden] == {**person["joints"][hidden], "v": 1, "source": "moved"}
    check_export(document, exported, person["annotation_id"], now, [moved, hidden])


def check_export(
    document: dict[str, Any], exported: dict[str, Any], annotation_id: int, now: dict[str, Any], changed: list[str]
) -> None:
    """The export is the input but for the joints of one annotation."""
    expected = copy.deepcopy(document)
    annotation = next(a for a in expected["annotations"] if a["id"] == annotation_id)
    names = next(c for c in expected["categories"] if c["id"] == annotation["category_id"])["keypoints"]
    for name in changed:
        joint = now["joints"][name]
        annotation["keypoints"][3 * names.index(name) : 3 * names.index(name) + 3] = [
            joint["x"],
            joint["y"],
            joint["v"],
        ]
    found = next(a for a in exported["annotations"] if a["id"] == annotation_id)
    assert found["keypoints"] == annotation["keypoints"]
    # The area may now say where it comes from.
    assert {k: v for k, v in found.items() if k != "area_source"} == annotation
    others = [a for a in exported["annotations"] if a["id"] != annotation_id]
    assert others == [a for a in document["annotations"] if a["id"] != annotation_id]
    assert {k: v for k, v in exported.items() if k != "annotations"} == {
        k: v for k, v in document.items() if k != "annotations"
    }


def test_without_the_token_nothing_is_shown(chromium: Browser, labels: tuple[Path, dict[str, Any]]) -> None:
    project, document = labels
    with Served(project) as server:
        context = chromium.new_context()
        page = context.new_page()
        for path in ("/", "/?token=wrong", "/export", "/api/export", "/api/queue?names=1"):
            response = page.goto(server.origin + path)
            assert response is not None and response.status == 401
            text = page.content()
            assert document["images"][0]["file_name"] not in text
            assert "streamlit" not in text.lower()
        assert context.cookies() == []
        context.close()
