from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from labeltool.errors import ModelError
from labeltool.models.rtmpose import RtmPose, load

onnx = pytest.importorskip("onnx", reason="onnx is not installed: it writes the small model of these tests")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (labeltool[rtmpose])")

WIDTH, HEIGHT = 48, 64


def brightest(path: Path, joints: int = 17) -> Path:
    """An ONNX file with RTMPose's inputs and outputs that sees every joint in the brightest pixel."""
    from onnx import TensorProto, helper, numpy_helper

    def vector(name: str, axis: int, length: int) -> list[onnx.NodeProto]:
        return [
            helper.make_node("ReduceMax", ["crops", f"axes_{name}"], [f"bright_{name}"], keepdims=0),
            helper.make_node("Unsqueeze", [f"bright_{name}", "one"], [f"row_{name}"]),
            helper.make_node("Expand", [f"row_{name}", "joints"], [f"rows_{name}"]),
            helper.make_node(
                "Resize",
                [f"rows_{name}", "", "twice"],
                [f"fine_{name}"],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            ),
            helper.make_node("Sigmoid", [f"fine_{name}"], [name]),
        ]

    constants = {
        "axes_x": np.array([1, 2]),
        "axes_y": np.array([1, 3]),
        "one": np.array([1]),
        "joints": np.array([1, joints, 1]),
        "twice": np.array([1, 1, 2], np.float32),
    }
    graph = helper.make_graph(
        [*vector("x", 2, WIDTH), *vector("y", 3, HEIGHT)],
        "brightest",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["N", 3, HEIGHT, WIDTH])],
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", joints, 2 * WIDTH]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", joints, 2 * HEIGHT]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> RtmPose:
    return load(brightest(tmp_path / "tiny.onnx"), "cpu")


def test_a_bright_square_is_found_where_it_is(model: RtmPose) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        image = np.zeros((200, 300, 3), np.uint8)
        x, y = int(rng.integers(110, 190)), int(rng.integers(70, 130))
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
        box = np.array([[90.0, 60, 120, 90]])
        poses = model.predict([image], [box])[0]
        assert poses.xy.shape == (1, 17, 2)
        # a pixel of the crop is 120 * 1.25 / 48 = 3.1 of the photo, and the square covers two of them
        assert np.abs(poses.xy[0] - [x, y]).max() <= 2 * 120 * 1.25 / WIDTH
        assert ((poses.confidence > 0.5) & (poses.confidence <= 1)).all()


def test_smooth_light_is_found_without_a_shift(model: RtmPose) -> None:
    """Over many places the mean error of both axes is far below a pixel of the crop: no half pixel is lost on the way."""
    rows, columns = np.mgrid[0:200, 0:300]
    errors = []
    for x, y in np.random.default_rng(1).uniform([110, 80], [190, 120], (60, 2)):
        light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 8**2))
        image = np.repeat(light[..., None], 3, axis=2).astype(np.uint8)
        errors.append(model.predict([image], [np.array([[90.0, 60, 120, 90]])])[0].xy[0, 0] - [x, y])
    assert np.abs(np.mean(errors, axis=0)).max() < 1.0


def test_several_boxes_and_none(model: RtmPose) -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    whole, two, nobody = model.predict(
        [image] * 3, [None, np.array([[0.0, 0, 50, 50], [20, 20, 30, 60]]), np.zeros((0, 4))]
    )
    assert (len(whole), len(two), len(nobody)) == (1, 2, 0)
    with pytest.raises(ModelError, match="nothing of it lies inside the photo"):
        model.predict([image], [np.array([[500.0, 0, 10, 10]])])


def test_files_that_are_no_rtmpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="--weights FILE"):
        load(None, "cpu")
    with pytest.raises(ModelError, match="No such file"):
        load(tmp_path / "none.onnx", "cpu")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ModelError, match=r"text\.onnx: not an ONNX model"):
        load(tmp_path / "text.onnx", "cpu")
    with pytest.raises(ModelError, match=r"expected \(N, 3, H, W\) and two vectors a joint"):
        load(brightest(tmp_path / "five.onnx", joints=5), "cpu")
    with pytest.raises(ModelError, match="'cuda': not available"):
        load(brightest(tmp_path / "tiny.onnx"), "cuda")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install 'labeltool\[rtmpose\]'"):
        load(tmp_path / "tiny.onnx", "cpu")
