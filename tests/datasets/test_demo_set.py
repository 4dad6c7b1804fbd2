"""The demo set that is shipped: small, valid, and what its maker makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figures_render import demo
from figures_render.dataset import make_picture

from labeltool.coco.check import check_document
from labeltool.coco.document import read_document
from labeltool.images import load_photo
from labeltool.skeleton import LSP_14, from_category


@pytest.fixture(scope="module")
def figures(repo: Path) -> Path:
    return repo / "datasets" / "figures"


@pytest.fixture(scope="module")
def shipped(figures: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((figures / "annotations.json").read_text())
    return data


@pytest.fixture(scope="module")
def truth(figures: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((figures / "truth.json").read_text())
    return data


def test_it_is_small_and_whole(figures: Path, shipped: dict[str, Any]) -> None:
    assert sum(p.stat().st_size for p in figures.rglob("*") if p.is_file()) < 5_000_000
    names = {image["file_name"] for image in shipped["images"]}
    assert names == {p.name for p in (figures / "images").iterdir()}
    assert len(names) == 24
    for image in shipped["images"]:
        assert load_photo(figures / "images" / image["file_name"]).shape == (image["height"], image["width"], 3)
        assert 480 <= max(image["width"], image["height"]) <= 960


@pytest.mark.parametrize("name", ["annotations.json", "truth.json"])
def test_it_validates(name: str, figures: Path) -> None:
    findings = check_document(read_document(figures / name), images_root=figures / "images")
    assert [f for f in findings if f.severity == "error"] == []
    assert {f.code for f in findings} <= {"A315"}


def test_everybody_has_a_box_and_a_third_of_the_pictures_has_joints(shipped: dict[str, Any]) -> None:
    labelled = set()
    for annotation in shipped["annotations"]:
        assert min(annotation["bbox"][2:]) > 8
        if annotation["num_keypoints"]:
            labelled.add(annotation["image_id"])
        else:
            assert set(annotation["keypoints"]) == {0}
    assert len(labelled) == 8
    assert {annotation["image_id"] for annotation in shipped["annotations"]} == set(range(1, 25))
    assert from_category(shipped["categories"][0]) == LSP_14


def test_the_truth_differs_in_joints_alone(shipped: dict[str, Any], truth: dict[str, Any]) -> None:
    assert shipped["images"] == truth["images"]
    portraits = {i["id"] for i in truth["images"] if not i["file_name"].startswith("rendered")}
    assert len(portraits) == 2
    for a, b in zip(shipped["annotations"], truth["annotations"], strict=True):
        joints = ("keypoints", "num_keypoints")
        assert {k: v for k, v in a.items() if k not in joints} == {k: v for k, v in b.items() if k not in joints}
        assert (b["num_keypoints"] > 0) == (b["image_id"] not in portraits)
        if a["num_keypoints"]:
            assert a["keypoints"] == b["keypoints"]


def test_the_licence_of_every_picture_is_named(shipped: dict[str, Any]) -> None:
    known = {licence["id"]: licence["name"] for licence in shipped["licenses"]}
    for image in shipped["images"]:
        wanted = "Apache License 2.0" if image["file_name"].startswith("rendered") else "Public domain"
        assert known[image["license"]] == wanted


def test_the_maker_still_makes_it(figures: Path, truth: dict[str, Any]) -> None:
    """One picture again: after a change of the renderer the set must be rendered and looked at again."""
    order = demo.orders()[9]
    jpeg, people = make_picture(order)
    wanted = [a for a in truth["annotations"] if a["image_id"] == 10]
    assert len(people) == len(wanted)
    for made, kept in zip(people, wanted, strict=True):
        np.testing.assert_allclose(made["bbox"], kept["bbox"], atol=1.01)
        np.testing.assert_allclose(made["keypoints"], kept["keypoints"], atol=0.02)
    kept_size = (figures / "images" / order.name).stat().st_size
    assert len(jpeg) == pytest.approx(kept_size, rel=0.1)


def test_portraits_stand_inside_their_pictures() -> None:
    for portrait in demo.PORTRAITS:
        x, y, w, h = portrait.annotation()["bbox"]
        assert 0 <= x < x + w <= portrait.size[0]
        assert 0 <= y < y + h <= portrait.size[1]
        assert 0.3 < portrait.annotation()["area"] / (w * h) < 0.9
        assert demo.portrait_bytes(portrait)[:2] == b"\xff\xd8"
