"""M in Chromium: a model's joints arrive as predictions, a human's stay; whoever is labelled blind shows nothing of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from conftest import make_stage
from editor_page import EditorPage
from playwright.sync_api import Browser, expect
from served import Served

#: A package that offers a model without torch: every joint at (301.25, 222.5).
_PLUGIN = """
import numpy as np
from labeltool.models.base import Poses
from labeltool.models.catalog import ModelInfo
from labeltool.skeleton import COCO_17

class Still:
    name, version, weights_hash, skeleton, detects = "still", "3", "e" * 64, COCO_17, False

    def predict(self, images, boxes):
        rows = [np.asarray(b, float) for b in boxes]
        xy = [np.tile([301.25, 222.5], (len(b), 17, 1)) for b in rows]
        return [Poses(b, p, np.full(p.shape[:2], 0.8125), np.full(len(b), 0.8125)) for b, p in zip(rows, xy)]

OFFER = ModelInfo("still", "stands still", "coco-17", False, "none", True, lambda weights, device: Still())
"""

#: The prediction of photo 2, in numbers that stand nowhere else.
_SECRET = {"nose": (311.3125, 97.4375, 0.6328125), "left_hip": (322.5625, 271.1875, 0.5703125)}


@pytest.fixture(scope="module")
def blind_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the model `still` on a project whose people without labels are all labelled blind."""
    folder = tmp_path_factory.mktemp("loop")
    site = folder / "site"
    about = site / "still-1.dist-info"
    about.mkdir(parents=True)
    (site / "still_model.py").write_text(_PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: still\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[labeltool.models]\nstill = still_model:OFFER\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
        project = make_stage(folder, blind_share=1.0, guess=_SECRET)
        with Served(project, more=("--model", "still")) as server:
            yield server


@pytest.fixture
def page(chromium: Browser, blind_served: Served) -> Iterator[EditorPage]:
    editor = EditorPage(chromium, blind_served)
    yield editor
    errors = editor.errors
    editor.close()
    assert [e for e in errors if "Failed to load resource" not in e] == []


def test_m_fills_what_no_human_has_labelled(page: EditorPage) -> None:
    before = page.open(4)
    page.drag(page.joint(before, before["people"][0], "nose"), (30, 10))
    page.saved()
    moved = page.doc(4)["people"][0]["joints"]["nose"]
    page.focus()
    page.press("m")
    expect(page.page.get_by_text("Pre-filled by still.")).to_be_visible()
    page.saved()
    after = page.doc(4)["people"][0]
    assert after["joints"]["right_ear"] == {
        "x": 301.25,
        "y": 222.5,
        "v": 2,
        "source": "predicted",
        "confidence": 0.8125,
    }
    assert page.source("right ear") == "predicted"
    assert {k: after["joints"]["nose"][k] for k in ("x", "y", "source")} == {k: moved[k] for k in ("x", "y", "source")}
    assert {j["source"] for j in after["joints"].values()} == {"imported", "moved", "predicted"}
    page.press("Control+z")
    page.saved()
    undone = page.doc(4)["people"][0]
    assert undone["joints"]["right_ear"]["v"] == 0 and undone["joints"]["nose"]["source"] == "moved"


def test_a_blind_person_shows_nothing_of_the_prediction(page: EditorPage, blind_served: Served) -> None:
    answers: list[str] = []
    page.page.on("response", lambda r: answers.append(r.url) if "/predict" in r.url else None)
    doc = page.open(2)
    page.press("m")
    expect(page.page.get_by_text("This person is labelled blind")).to_be_visible()
    assert answers == [], "it is not even asked"
    person = doc["people"][0]
    assert person["blind"] and all(j["v"] == 0 and j["confidence"] is None for j in person["joints"].values())
    seen = page.page.content() + json.dumps(doc) + json.dumps(blind_served.request("GET", "/api/queue")[1])
    for x, y, sure in _SECRET.values():
        for number in (x, y, sure, round(sure, 4), round(sure, 2)):
            assert str(number) not in seen
    assert blind_served.request("GET", "/api/project")[1]["counts"]["by_status"]["prefilled"] == 0


def test_a_drawn_person_who_turns_out_blind(page: EditorPage) -> None:
    page.open(5)
    page.press("b")
    page.drag(page.at(100, 100, (640, 480)), (150, 200))
    page.saved()
    assert page.doc(5)["people"][-1]["blind"]
    page.press("m")
    expect(page.page.get_by_text("labelled blind")).to_be_visible()
    assert all(j["v"] == 0 for j in page.doc(5)["people"][-1]["joints"].values())
