from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labeltool.geometry import (
    box_iou,
    box_of_joints,
    clip_boxes,
    crop_to_image,
    denormalise,
    image_to_crop,
    normalise,
    scale_boxes,
    square_boxes,
)

POINTS = hnp.arrays(np.float64, (3, 5, 2), elements=st.floats(-1e4, 1e4))
BOXES = hnp.arrays(np.float64, (3, 4), elements=st.floats(0.5, 1e4))


@pytest.mark.parametrize(
    ("joint", "expected"),
    [
        ((120, 370), (0, 0.73)),
        ((120, 330), (0, 0.60)),
        ((100, 330), (-0.1, 0.60)),
        ((80, 350), (-0.2, 0.67)),
        ((50, 70), (-0.35, -0.27)),
    ],
)
def test_normalise_gives_the_lectures_table(joint: tuple[float, float], expected: tuple[float, float]) -> None:
    box = [120 - 100, 150 - 150, 200, 300]
    assert np.allclose(normalise([joint], box), [expected], atol=0.005)


@pytest.mark.parametrize(("value", "joint"), [((-0.3, -0.7), (60, 90)), ((0.2, 0.2), (160, 360))])
def test_denormalise_gives_the_lectures_joints(value: tuple[float, float], joint: tuple[float, float]) -> None:
    box = [120 - 100, 300 - 150, 200, 300]
    assert np.allclose(denormalise([value], box), [joint], atol=1e-9)


@given(POINTS, BOXES)
def test_normalise_and_crops_are_undone(xy: np.ndarray, boxes: np.ndarray) -> None:
    assert np.allclose(denormalise(normalise(xy, boxes), boxes), xy, atol=1e-6)
    assert np.allclose(crop_to_image(image_to_crop(xy, boxes, 220), boxes, 220), xy, atol=1e-6)


def test_the_whole_picture_as_a_crop_is_the_picture() -> None:
    xy = np.array([[0.0, 0.0], [99.0, 99.0], [12.25, 80.5]])
    assert np.allclose(image_to_crop(xy, [0, 0, 100, 100], 100), xy)


def test_crop_halves_a_box() -> None:
    # pixels 10..13 become crop pixels 0..1: the middle of pixels 10 and 11 is the centre of crop pixel 0
    assert np.allclose(image_to_crop([[10.5, 12.5]], [10, 10, 4, 4], 2), [[0, 1]])


def test_boxes() -> None:
    assert scale_boxes([0, 0, 10, 20], 2).tolist() == [-5, -10, 20, 40]
    assert square_boxes([0, 0, 10, 20]).tolist() == [-5, 0, 20, 20]
    assert clip_boxes([[-5, -5, 20, 20], [200, 0, 5, 5]], 100, 50).tolist() == [[0, 0, 15, 15], [100, 0, 0, 5]]
    assert box_of_joints([[1, 2], [5, 9], [0, 0]], [1, 2, 0]).tolist() == [1, 2, 4, 7]  # type: ignore[union-attr]
    assert box_of_joints([[1, 2]], [0]) is None


def test_iou() -> None:
    iou = box_iou([[0, 0, 10, 10], [0, 0, 0, 0]], [[5, 0, 10, 10], [0, 0, 10, 10], [50, 50, 1, 1]])
    assert np.allclose(iou, [[50 / 150, 1, 0], [0, 0, 0]])
