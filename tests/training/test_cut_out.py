"""People cut out of their photos: each one's own crop and joints, in the order in which they came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_scenes import SKELETON, square_document

from labeltool.errors import ModelError
from labeltool.geometry import image_to_crop, square_boxes
from labeltool.images import crop_photo, load_photo
from labeltool.training.samples import Person, Samples, cut_out, people_of


@pytest.fixture
def people(tmp_path: Path) -> list[Person]:
    return people_of(square_document(tmp_path, 5, seed=0), tmp_path, SKELETON)


def test_each_person_has_a_row_in_their_order(people: list[Person], capsys: pytest.CaptureFixture[str]) -> None:
    samples = cut_out((person for person in people), size=32, reach=2)
    assert capsys.readouterr() == ("", ""), "no progress bar where there is no terminal"
    assert len(samples) == len(people) == 10
    for row, person in enumerate(people):
        square = square_boxes(person.box, 2)
        np.testing.assert_array_equal(samples.crops[row], crop_photo(load_photo(person.photo), square, 32))
        np.testing.assert_array_equal(samples.xy[row], image_to_crop(person.xy, square, 32).astype(np.float32))
        np.testing.assert_array_equal(samples.v[row], person.v)
    assert (samples.box_side == 16).all()
    kinds = [array.dtype for array in (samples.crops, samples.xy, samples.v, samples.box_side)]
    assert kinds == [np.uint8, np.float32, np.int8, np.float32]


def test_parts_are_joined_in_their_order_and_one_is_not_copied(people: list[Person]) -> None:
    first, second = cut_out(people[:4], size=32, reach=2), cut_out(people[4:], size=32, reach=2)
    joined, whole = Samples.join([first, second]), cut_out(people, size=32, reach=2)
    for name in ("crops", "xy", "v", "box_side"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert Samples.join([first]) is first


def test_people_that_cannot_be_cut_out(people: list[Person]) -> None:
    with pytest.raises(ModelError, match="no person with labelled joints, expected at least one"):
        cut_out([], size=32, reach=2)
    beside = replace(people[7], box=np.array([500.0, 0, 10, 10]))
    with pytest.raises(ModelError, match="lies outside the photo of 128 x 96 pixels"):
        cut_out([*people[:7], beside], size=32, reach=2)
