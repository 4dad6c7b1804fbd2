"""The boxes of people to learn from: read strictly, so that a training says what is wrong before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labeltool.coco.finite import all_finite_numbers
from labeltool.coco.show import MISSING, show
from labeltool.errors import ModelError
from labeltool.geometry import FloatArray


def box_of(annotation: Mapping[str, Any], image: Mapping[str, Any], source: str) -> FloatArray:
    """The box [x, y, w, h] of an annotation.

    Args:
        annotation: with its `bbox`.
        image: the photo it is on, with name and size.
        source: the file's name, for messages.

    Raises:
        ModelError: it is no four finite numbers with width and height above 0, or lies wholly outside the photo.
    """
    box = annotation.get("bbox", MISSING)
    if not isinstance(box, list) or len(box) != 4 or not all_finite_numbers(box) or not min(box[2:]) > 0:
        raise ModelError(
            f"{_place(annotation, image, source)}: bbox is {show(box)}, expected four finite numbers with width and height"
            " above 0"
        )
    found = np.array(box, dtype=np.float64)
    expect_on_photo(found, annotation, image, source)
    return found


def expect_on_photo(box: FloatArray, annotation: Mapping[str, Any], image: Mapping[str, Any], source: str) -> None:
    """Nothing, when a box lies on its photo at least in part.

    Raises:
        ModelError: it does not.
    """
    size = (image["width"], image["height"])
    if not is_on_photo(box, size):
        raise ModelError(
            f"{_place(annotation, image, source)}: the box {show(box.tolist())} lies outside the photo of {size[0]} x {size[1]}"
            " pixels, expected them to overlap"
        )


def is_on_photo(box: FloatArray, size: tuple[int, int]) -> bool:
    """Whether a box xywh overlaps a photo of that width and height."""
    return bool((box[:2] < size).all() and (box[:2] + box[2:] > 0).all())


def _place(annotation: Mapping[str, Any], image: Mapping[str, Any], source: str) -> str:
    return f"{source}: annotation (id {show(annotation.get('id', MISSING))}) on {image['file_name']}"
