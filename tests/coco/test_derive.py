from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltool.coco.derive import box_from_joints, labelled_count, person_area, rle_counts, segment_area
from labeltool.coco.document import read_document
from labeltool.errors import CocoError


def test_labelled_count() -> None:
    assert labelled_count([0, 1, 2, 2, 0]) == 3


def test_box_from_joints() -> None:
    xy = np.array([[10.5, 20], [30, 60.25], [0, 0]])
    assert box_from_joints(xy, [2, 1, 0], 100, 100) == [10.5, 20.0, 19.5, 40.25]
    assert box_from_joints(xy, [0, 0, 0], 100, 100) is None


@pytest.mark.parametrize(
    ("point", "box"),
    [((50, 40), [49.5, 39.5, 1.0, 1.0]), ((0, 0), [0.0, 0.0, 1.0, 1.0]), ((100, 80.5), [99.0, 79.0, 1.0, 1.0])],
)
def test_a_box_has_at_least_one_pixel_and_stays_in_the_image(point: tuple[float, float], box: list[float]) -> None:
    assert box_from_joints([point], [2], 100, 80) == box


def test_joints_outside_do_not_take_the_box_out_of_the_image() -> None:
    assert box_from_joints([(-0.75, 5), (20, 90)], [2, 2], 100, 80) == [0.0, 5.0, 20.0, 75.0]


def test_segment_area() -> None:
    square = [[10, 10, 30, 10, 30, 30, 10, 30]]
    assert segment_area(square, 100, 80) == 400
    assert segment_area(square * 2, 100, 80) == 400
    assert segment_area({"size": [80, 100], "counts": [1000, 500, 6500]}, 100, 80) == 500
    assert segment_area([], 100, 80) is None
    assert segment_area(None, 100, 80) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.5, 0.97]))
def test_compressed_masks_are_decoded_as_pycocotools_encodes_them(w: int, h: int, seed: int, share: float) -> None:
    from pycocotools import mask

    grid = np.asfortranarray(np.random.default_rng(seed).random((h, w)) < share, dtype=np.uint8)
    counts = rle_counts(mask.encode(grid)["counts"].decode("ascii"))
    assert counts is not None
    flags = np.arange(len(counts)) % 2
    assert np.array_equal(np.repeat(flags, counts), grid.ravel(order="F"))


def test_segment_area_of_a_compressed_mask() -> None:
    from pycocotools import mask

    grid = np.zeros((80, 100), dtype=np.uint8, order="F")
    grid[5:15, 20:50] = 1
    encoded = mask.encode(grid)
    rle = {"size": [80, 100], "counts": encoded["counts"].decode("ascii")}
    assert segment_area(rle, 100, 80) == 300


def test_segment_area_is_close_to_coco_s_own(coco_mini: Path) -> None:
    document = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    sizes = {image["id"]: (image["width"], image["height"]) for image in document.images}
    people = [a for a in document.annotations if not a["iscrowd"]]
    for annotation in people:
        area = segment_area(annotation["segmentation"], *sizes[annotation["image_id"]])
        assert area is not None
        # Pixels against exact polygons: they differ along the outline.
        assert abs(area - annotation["area"]) < 4 + 0.5 * sum(annotation["bbox"][2:])


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[1, 2, 3, 4]], "polygon 0 has 4 numbers"),
        ([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]], "polygon 1 has 7 numbers"),
        ([[1, 2, 3, 4, 5, "6"]], "polygon 0 has '6' at 5"),
        ([[1, 2, 3, 4, 5, float("nan")]], "polygon 0 has nan at 5"),
        ([[1, 2, 3, 4, 5, 1e9]], "polygon 0 reaches 1e"),
        ([5], "polygon 0 is a number"),
        ({"size": [80, 100], "counts": [5, 5]}, "RLE counts cover 10 pixels, expected 8000"),
        ({"size": [100, 80], "counts": [8000]}, "RLE size is 100 x 80, expected 80 x 100"),
        ({"size": [80, 100]}, "RLE counts is no string"),
        ({"counts": "abc"}, "RLE has no size"),
        ({"size": [80, 100], "counts": "\u00e4"}, "RLE counts is no compressed string"),
        ({"size": [80, 100], "counts": "o"}, "RLE counts is no compressed string"),
        ({"size": [80, 100], "counts": "O"}, "RLE counts is no compressed string"),
        ({"size": [80, 100], "counts": ""}, "RLE counts cover 0 pixels"),
        ({"size": [80, 100], "counts": "55"}, "RLE counts cover 10 pixels"),
        ("outline", "is a string"),
    ],
)
def test_damaged_outlines_are_refused(segmentation: Any, reason: str) -> None:
    with pytest.raises(CocoError, match=reason):
        segment_area(segmentation, 100, 80)


def test_person_area_names_its_source() -> None:
    box = [10.0, 10.0, 20.0, 30.0]
    assert person_area([[10, 10, 30, 10, 30, 30, 10, 30]], box, 100, 80) == (400.0, "segmentation")
    assert person_area([], box, 100, 80) == (0.53 * 600, "0.53 x bbox")
    # An outline that covers no pixel says nothing about the person.
    assert person_area([[0, 0, 0, 0, 0, 0]], box, 100, 80) == (0.53 * 600, "0.53 x bbox")
