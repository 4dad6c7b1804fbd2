from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labeltool.errors import ModelError
from labeltool.images import load_photo
from labeltool.models.base import Poses
from labeltool.models.blaze_encoder import published
from labeltool.models.blazepose import BlazePose, View, cut, load, upright
from labeltool.models.heatmap import Heatmap
from labeltool.skeleton import LSP_14

SIDE, CELLS = 256, 64


class Brightest:
    """A network with BlazePose's inputs and outputs that sees every landmark in the brightest part of its crop."""

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array([1, SIDE, SIDE, 3]), "dtype": np.float32}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [
            {"index": 1, "shape": np.array([1, 195]), "dtype": np.float32},
            {"index": 2, "shape": np.array([1, CELLS, CELLS, 39]), "dtype": np.float32},
        ]

    def set_tensor(self, index: int, value: NDArray[np.float32]) -> None:
        assert (index, value.shape, value.dtype) == (0, (1, SIDE, SIDE, 3), np.float32)
        assert 0 <= value.min() <= value.max() <= 1
        self.crop = value[0]

    def invoke(self) -> None:
        # cell c sees what lies about pixel 4 c
        light = np.pad(self.crop.mean(axis=2), ((2, 2), (2, 2)))
        box = sum(light[y : y + SIDE, x : x + SIDE] for y in range(5) for x in range(5)) / 25
        cells = box[::4, ::4]
        self.maps = np.repeat(20 * cells[..., None] - 10, 39, axis=2).astype(np.float32)

    def get_tensor(self, index: int) -> NDArray[np.float32]:
        assert index == 2
        return self.maps[None]


class First:
    """Says of each box that the person hangs in it by the given turn, hips in the middle."""

    skeleton = LSP_14

    def __init__(self, angle: float) -> None:
        self.angle = angle

    def predict(self, images: list[NDArray[np.uint8]], boxes: list[NDArray[np.float64]]) -> list[Poses]:
        return [
            Poses(b, np.stack([person(box, self.angle) for box in b]), np.ones((len(b), 14)), np.ones(len(b)))
            if len(b)
            else Poses.none(14)
            for b in boxes
        ]


def person(box: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Joints of LSP-14: hips in the middle of the box, shoulders a quarter of its side from them, ankles half of it."""
    up = np.array([math.sin(angle), -math.cos(angle)])
    across = np.array([math.cos(angle), math.sin(angle)])
    side = float(box[2:].max())
    hips = box[:2] + box[2:] / 2
    joints = np.tile(hips, (14, 1))
    for name, along, sideways in (
        ("left_shoulder", 0.25, 0.05),
        ("right_shoulder", 0.25, -0.05),
        ("left_hip", 0, 0.05),
        ("right_hip", 0, -0.05),
        ("left_ankle", -0.5, 0.0),
    ):
        joints[LSP_14.index(name)] = hips + side * (along * up + sideways * across)
    return joints


def model(angle: float) -> BlazePose:
    return BlazePose(Brightest(), cast("Heatmap", First(angle)), version="test", weights_hash="0" * 64)


@given(st.floats(-math.pi, math.pi), st.floats(20, 500), st.floats(-50, 300), st.floats(-50, 300))
def test_a_person_stands_upright_in_the_crop_and_fits_in_it(angle: float, side: float, x: float, y: float) -> None:
    box = np.array([x, y, side * 0.7, side])
    joints = person(box, angle)
    view = upright(joints, box, LSP_14)
    seen = (joints - view.centre) @ np.linalg.inv(view.turn).T + (SIDE - 1) / 2
    np.testing.assert_allclose(view.to_photo(seen), joints, atol=1e-6)
    assert (seen >= 0).all() and (seen <= SIDE - 1).all()
    hips, shoulders = (
        (seen[LSP_14.index(f"left_{part}")] + seen[LSP_14.index(f"right_{part}")]) / 2 for part in ("hip", "shoulder")
    )
    np.testing.assert_allclose(hips, (SIDE - 1) / 2)
    assert shoulders[0] == pytest.approx(hips[0]) and shoulders[1] < hips[1]


@pytest.mark.parametrize("zoom", [0.4, 1.0, 2.7, 6.0])
@pytest.mark.parametrize("angle", [0.0, 0.6, math.pi / 2, 3.0])
def test_a_crop_shows_places_where_the_view_says(zoom: float, angle: float) -> None:
    """Over many places the mean error is far below a pixel: no half pixel is lost on the way."""
    rows, columns = np.mgrid[0:700, 0:900]
    errors = []
    for dx, dy in np.random.default_rng(1).uniform(-20, 20, (12, 2)):
        x, y = 450 + zoom * dx, 350 + zoom * dy
        light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (6 * max(zoom, 1)) ** 2))
        turn = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        view = View(np.array([450.0, 350.0]), turn)
        crop = cut(np.repeat(light[..., None], 3, axis=2).astype(np.uint8), view)[..., 0].astype(np.float64)
        assert crop.max() > 0.8
        at = np.array([(crop * np.arange(SIDE)).sum(), (crop * np.arange(SIDE)[:, None]).sum()]) / crop.sum()
        errors.append((view.to_photo(at) - [x, y]) / zoom)
    assert np.abs(np.mean(errors, axis=0)).max() < 0.1


def test_outside_the_photo_a_crop_is_black() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    there = cut(white, View(np.array([0.0, 50.0]), np.eye(2)))[..., 0]
    assert there[:, : SIDE // 2 - 2].max() == 0
    assert there[SIDE // 2, SIDE // 2 + 2 : SIDE // 2 + 90].min() == 1
    assert cut(white, View(np.array([1000.0, -400.0]), np.eye(2))).max() == 0


@pytest.mark.parametrize("angle", [0.0, 2.0, -1.2])
def test_a_bright_spot_is_found_where_it_is(angle: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        image = np.zeros((300, 400, 3), np.uint8)
        x, y = int(rng.integers(170, 230)), int(rng.integers(120, 180))
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
        box = np.array([[140.0, 80, 120, 140]])
        poses = model(angle).predict([image], [box])[0]
        assert poses.xy.shape == (1, 17, 2)
        assert np.abs(poses.xy[0] - [x, y]).max() <= 2.5
        assert ((poses.confidence > 0) & (poses.confidence <= 1)).all()
        np.testing.assert_array_equal(poses.boxes, box)


def test_several_boxes_and_none() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    two, nobody = model(0.3).predict([image] * 2, [np.array([[0.0, 0, 50, 50], [20, 20, 30, 60]]), np.zeros((0, 4))])
    assert (len(two), len(nobody)) == (2, 0)
    assert np.isfinite(two.xy).all()


def test_joints_on_one_place_still_have_a_crop() -> None:
    view = upright(np.full((14, 2), 30.0), np.array([10.0, 10, 40, 40]), LSP_14)
    assert np.linalg.det(view.turn) > 0 and view.turn[0, 0] > 0 and view.turn[0, 1] == 0


def test_weights_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (labeltool[blazepose])")
    with pytest.raises(ModelError, match="No such file"):
        load(tmp_path / "none.tflite", "cpu")
    (tmp_path / "text.tflite").write_text("text")
    with pytest.raises(ModelError, match=r"text\.tflite: not a TensorFlow Lite model"):
        load(tmp_path / "text.tflite", "cpu")
    monkeypatch.setattr(
        Brightest, "get_output_details", lambda self: [{"index": 1, "shape": np.array([1, 195]), "dtype": np.float32}]
    )
    with pytest.raises(
        ModelError, match=r"inputs \[\(1, 256, 256, 3\)\] and outputs \[\(1, 195\)\], expected BlazePose"
    ):
        model(0.0)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModelError, match=r"pip install 'labeltool\[blazepose\]'"):
        load(tmp_path / "text.tflite", "cpu")


def test_the_published_weights_find_a_person(repo: Path) -> None:
    """The real network, where its weights can be had: on rendered figures of the demo it agrees with the labels."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (labeltool[blazepose])")
    try:
        published("blazepose_heavy")
    except ModelError as error:
        pytest.skip(f"BlazePose's weights are not here: {error}")
    found = load(None, "cpu")
    document = json.loads((repo / "datasets" / "figures" / "annotations.json").read_bytes())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    labels = document["categories"][0]["keypoints"]
    shared = [joint for joint in found.skeleton.joints if joint in labels]
    assert len(shared) == 12
    near, from_head, shifts = [], [], []
    whole = [person for person in document["annotations"] if person["num_keypoints"] == 14]
    for person in whole[:20]:
        image = load_photo(repo / "datasets" / "figures" / "images" / names[person["image_id"]])
        said = found.predict([image], [np.array([person["bbox"]])])[0].xy[0]
        labelled = np.array(person["keypoints"]).reshape(-1, 3)
        at = {joint: labelled[labels.index(joint)] for joint in labels}
        torso = float(np.linalg.norm((at["left_shoulder"] - at["right_hip"])[:2]))
        visible = [joint for joint in shared if at[joint][2] == 2]
        off = [np.linalg.norm(said[found.skeleton.index(joint)] - at[joint][:2]) / torso for joint in visible]
        near += [distance < 0.2 for distance in off]
        # where the crop's right and down lie in the photo
        view = upright(np.array([at[joint][:2] for joint in LSP_14.joints]), np.array(person["bbox"], float), LSP_14)
        for joint, distance in zip(visible, off, strict=True):
            if distance < 0.2:
                step = said[found.skeleton.index(joint)] - at[joint][:2]
                shifts.append(np.linalg.inv(view.turn) @ step)
        head = (at["neck"] + at["head_top"])[:2] / 2
        for joint in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"):
            from_head.append(np.linalg.norm(said[found.skeleton.index(joint)] - head) / torso)
    assert len(near) > 100 and np.mean(near) > 0.9
    # in pixels of the crop, no half cell is lost on the way
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.9
    assert np.median(from_head) < 0.5 and max(from_head) < 1
