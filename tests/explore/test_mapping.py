from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltool.errors import FormatError
from labeltool.explore.mapping import to_bounding_box, to_box, to_keypoints, to_points

NAN = math.nan

coordinates = st.one_of(st.integers(-50, 5000), st.floats(-50, 5000, allow_nan=False))
triples = st.tuples(coordinates, coordinates, st.sampled_from([0, 1, 2])).map(lambda t: t if t[2] else (0, 0, 0))


@given(st.lists(triples, min_size=1, max_size=17), st.integers(1, 6000), st.integers(1, 6000))
def test_there_and_back_keeps_pixels_and_v(joints: list[tuple[float, float, int]], width: int, height: int) -> None:
    points, visible = to_points(joints, width, height)
    flat = np.array(to_keypoints(points, visible, width, height, "here")).reshape(-1, 3)
    assert np.abs(flat[:, :2] - np.array(joints)[:, :2]).max() < 1e-6
    assert flat[:, 2].tolist() == [v for _, _, v in joints]


@given(st.lists(st.integers(-20, 8000), min_size=4, max_size=4), st.integers(1, 9000), st.integers(1, 9000))
def test_whole_pixels_stay_whole(box: list[int], width: int, height: int) -> None:
    back = to_box(to_bounding_box(box, width, height), width, height)
    assert back == box
    assert all(type(value) is int for value in back)


def test_a_joint_is_its_pixels_by_the_size_and_nothing_else() -> None:
    points, visible = to_points([[32, 24, 2], [0, 0, 1], [7, 8, 0], [640, 480, 1]], 640, 480)
    assert points[0] == [0.05, 0.05]
    assert points[1] == [0, 0]
    assert all(map(math.isnan, points[2]))
    assert points[3] == [1, 1]
    assert visible == [2, 1, 0, 1]


def test_without_visible_a_point_is_visible() -> None:
    assert to_keypoints([[0.5, 0.25], [NAN, NAN]], None, 100, 200, "") == [50, 50, 2, 0, 0, 0]
    assert to_keypoints([[0.5, 0.25]], 1, 100, 200, "") == [50, 50, 1]


def test_v_0_has_no_place_whatever_the_point_says() -> None:
    assert to_keypoints([[0.5, 0.25]], [0], 100, 200, "") == [0, 0, 0]


@pytest.mark.parametrize(
    ("points", "visible", "message"),
    [
        ([[0.1, 0.1]], [2, 2], "a: visible has 2 values, expected one for each of 1 points"),
        ([[0.1, 0.1]], [3], "a: visible of point 0 is 3, expected 0, 1 or 2"),
        ([[0.1, 0.1]], [1.5], "a: visible of point 0 is 1.5, expected 0, 1 or 2"),
        ([[0.1, 0.1], [NAN, NAN]], [1, 1], "a: point 1 is nan, nan though visible is 1, expected a place"),
        ([[math.inf, 0.1]], [2], "a: point 0 is inf, 0.1 though visible is 2, expected a place"),
    ],
)
def test_what_does_not_fit_is_refused(points: list[list[float]], visible: list[int], message: str) -> None:
    with pytest.raises(FormatError) as error:
        to_keypoints(points, visible, 640, 480, "a")
    assert str(error.value) == message
