"""Boxes that nothing can be learnt from are told while the labels are read, whatever is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from synthetic_scenes import SKELETON, square_document

from labeltool.errors import ModelError
from labeltool.training.boxes import is_on_photo
from labeltool.training.samples import cut_out
from labeltool.training.scenes import read_scenes
from labeltool.training.sources import read_people

NUMBERS = "expected four finite numbers with width and height above 0"
OUTSIDE = "lies outside the photo of 128 x 96 pixels, expected them to overlap"
BAD: list[tuple[Any, str]] = [
    (["a", 1, 2, 3], f"bbox is ['a', 1, 2, 3], {NUMBERS}"),
    ([1, 2, 3], f"bbox is [1, 2, 3], {NUMBERS}"),
    ([1, 2, 3, 4, 5], f"bbox is [1, 2, 3, 4, ... 5 values], {NUMBERS}"),
    ([1, 2, 0, 4], f"bbox is [1, 2, 0, 4], {NUMBERS}"),
    ([1, 2, 3, -4], f"bbox is [1, 2, 3, -4], {NUMBERS}"),
    ([1, None, 3, 4], f"bbox is [1, null, 3, 4], {NUMBERS}"),
    ({"x": 1}, f"bbox is an object of 1 field, {NUMBERS}"),
    ([128, 2, 30, 40], f"the box [128.0, 2.0, 30.0, 40.0] {OUTSIDE}"),
    ([5, -40, 30, 40], f"the box [5.0, -40.0, 30.0, 40.0] {OUTSIDE}"),
]


def labels_with(box: Any, folder: Path) -> Path:
    """Two photos, and a box of the third person's own."""
    document = square_document(folder, 2, seed=0)
    document.annotations[2]["bbox"] = box
    path = folder / "squares.json"
    path.write_text(json.dumps(document.data))
    return path


@pytest.mark.parametrize(("box", "said"), BAD)
def test_a_box_that_is_none_is_told_with_file_annotation_and_photo(box: Any, said: str, tmp_path: Path) -> None:
    path = labels_with(box, tmp_path)
    with pytest.raises(ModelError) as error:
        read_people(path, tmp_path, SKELETON)
    assert str(error.value) == f"{path}: annotation (id 3) on 001.png: {said}"
    document = square_document(tmp_path, 2, seed=0)
    document.annotations[2]["bbox"] = box
    with pytest.raises(ModelError) as error:
        read_scenes(document, tmp_path, SKELETON)
    assert str(error.value) == f"squares.json: annotation (id 3) on 001.png: {said}"


@pytest.mark.parametrize("model", ["heatmap", "mask-rcnn"])
@pytest.mark.parametrize("box", [["a", 1, 2, 3], [1, 2, 3], [400, 2, 30, 40]])
def test_the_command_says_it_in_one_line_before_it_trains(
    model: str, box: Any, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    path = labels_with(box, tmp_path)
    status, _, error = run("train", model, "--data", path, tmp_path, "--out", tmp_path / "run", "--epochs", 1)
    assert status == 1 and error.startswith(f"labeltool: {path}: annotation (id 3) on 001.png: ")
    assert len(error.splitlines()) == 1 and not (tmp_path / "run").exists()


def test_a_person_all_of_whose_joints_lie_outside_has_no_box_on_the_photo(tmp_path: Path) -> None:
    path = labels_with(None, tmp_path)
    data = json.loads(path.read_text())
    data["annotations"][2]["keypoints"] = [140, 10, 2, 150, 30, 2, 145, 20, 2]
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match=r"id 3\) on 001.png: the box \[140.0, 10.0, 10.0, 20.0\] lies outside"):
        read_people(path, tmp_path, SKELETON)


def test_a_photo_smaller_than_the_labels_say_is_named_with_the_person(tmp_path: Path) -> None:
    people = read_people(labels_with([90, 60, 20, 20], tmp_path), tmp_path, SKELETON)
    Image.new("RGB", (64, 48)).save(tmp_path / "001.png")
    with pytest.raises(
        ModelError, match=r"001.png: the box \[90.0, 60.0, 20.0, 20.0\] lies outside the photo of 64 x 48"
    ):
        cut_out([people[2]], size=32, reach=2, quiet=True)


def test_a_box_is_on_a_photo_that_it_overlaps_at_all() -> None:
    def on(*box: float) -> bool:
        return is_on_photo(np.array(box), (10, 8))

    assert on(0, 0, 10, 8) and on(-5, -5, 5.5, 5.5) and on(9.5, 7.5, 9, 9)
    assert not on(10, 0, 5, 5) and not on(0, 8, 5, 5) and not on(-5, 0, 5, 5) and not on(0, -5, 5, 5)
