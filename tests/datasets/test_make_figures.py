"""The command: same arguments, same bytes; labels that agree with their masks; bad arguments in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_figures
import numpy as np
import pytest
from figures_render import labels, picture, scene
from figures_render.dataset import Order, make_picture
from PIL import Image
from pycocotools import mask as coco_mask

from labeltool.coco.check import check_document
from labeltool.coco.document import read_document
from labeltool.skeleton import BUILT_IN, COCO_17

# pycocotools 2.0.11's decode and numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _order(number: int, people: tuple[int, int] = (1, 4), size: tuple[int, int] = (240, 180)) -> Order:
    return Order("x.jpg", (501, number), size, people, COCO_17.joints, 85)


def _run(folder: Path, *arguments: str) -> dict[str, Any]:
    assert make_figures.main(["--out", str(folder), "--size", "200x160", *arguments]) == 0
    result: dict[str, Any] = json.loads((folder / "annotations.json").read_text())
    return result


def _bytes(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", "500"), ("two", "500"), ("other", "502")):
        _run(tmp_path / name, "--count", "3", "--seed", seed, "--people", "1-3")
    one, two, other = (_bytes(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one["annotations.json"] != other["annotations.json"]


def test_a_picture_does_not_depend_on_the_others(tmp_path: Path) -> None:
    long = _run(tmp_path / "long", "--count", "3", "--seed", "503")
    short = _run(tmp_path / "short", "--count", "2", "--seed", "503")
    assert long["images"][:2] == short["images"]
    assert long["annotations"][: len(short["annotations"])] == short["annotations"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_workers_change_nothing(tmp_path: Path) -> None:
    for name, workers in (("one", "1"), ("two", "2")):
        _run(tmp_path / name, "--count", "4", "--seed", "504", "--people", "1", "--workers", workers)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_skeleton_validates(name: str, tmp_path: Path) -> None:
    data = _run(tmp_path, "--count", "2", "--seed", "505", "--people", "2", "--skeleton", name)
    assert data["categories"][0]["keypoints"] == list(BUILT_IN[name].joints)
    findings = check_document(read_document(tmp_path / "annotations.json"), images_root=tmp_path / "images")
    assert [f for f in findings if f.severity == "error"] == []
    for image in data["images"]:
        with Image.open(tmp_path / "images" / image["file_name"]) as opened:
            assert opened.size == (200, 160) == (image["width"], image["height"])


@pytest.mark.parametrize("number", range(8))
def test_labels_agree_with_the_pixels(number: int) -> None:
    order = _order(number)
    rng = np.random.default_rng(order.seed)
    composed = scene.compose(rng, *order.size, int(rng.integers(1, 5)))
    rendered = picture.draw(composed, rng)
    w, h = order.size
    for owner, annotation in enumerate(picture.annotate(rendered, COCO_17.joints)):
        mask = labels.person_mask(rendered.buffer, rendered.mesh, owner)
        assert annotation["bbox"] == [float(v) for v in labels.mask_box(mask)]
        assert annotation["area"] == np.count_nonzero(mask)
        encoded = coco_mask.merge(coco_mask.frPyObjects(annotation["segmentation"], h, w))
        assert coco_mask.area(encoded) == pytest.approx(annotation["area"], rel=0.04)
        again = coco_mask.decode(encoded).astype(bool)
        assert np.count_nonzero(again & mask) / np.count_nonzero(again | mask) > 0.9
        xyv = np.array(annotation["keypoints"]).reshape(-1, 3)
        assert annotation["num_keypoints"] == np.count_nonzero(xyv[:, 2])
        for x, y, v in xyv:
            if v == 0:
                assert (x, y) == (0, 0)
                continue
            assert 0 <= x <= w - 1
            assert 0 <= y <= h - 1
            if v == 2:
                near = mask[max(round(y) - 4, 0) : round(y) + 5, max(round(x) - 4, 0) : round(x) + 5]
                assert near.any()


def test_a_crowd_of_ten_overlaps() -> None:
    _, people = make_picture(_order(0, people=(10, 10), size=(320, 240)))
    assert 6 <= len(people) <= 10
    assert any(v == 1 for person in people for v in person["keypoints"][2::3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--out DIR is missing"),
        (["--people", "0-3"], "'0-3', expected 1 to 10 people"),
        (["--people", "7-3"], "'7-3', expected 1 to 10 people"),
        (["--people", "many"], "'many', expected a number or a range such as 1-6"),
        (["--size", "640"], "'640', expected WIDTHxHEIGHT such as 640x480"),
        (["--size", "10x10"], "'10x10', expected sides of 64 to 4096 pixels"),
        (["--count", "-1"], "-1, expected 1 to 1000000"),
        (["--count", "few"], "'few', expected a whole number"),
        (["--quality", "400"], "400, expected 10 to 100"),
        (["--unknown"], "--unknown"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if not arguments else ["--out", str(tmp_path / "never")]
    with pytest.raises(SystemExit) as stop:
        make_figures.main([*out, *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "never").exists()


def test_an_unknown_skeleton_and_a_file_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_figures.main(["--out", str(tmp_path / "a"), "--skeleton", "centaur"]) == 1
    assert "skeleton 'centaur'" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert make_figures.main(["--out", str(tmp_path / "file"), "--count", "1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
