"""What is read as arrays is what Python's parser reads, and anything out of the ordinary is left to it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_documents import crowd, person

from labeltool.coco.pieces import FIELDS, Batch, PieceReader


def text_of(rows: list[Any]) -> bytes:
    return json.dumps(rows).encode()


def three() -> list[dict[str, Any]]:
    return [person(11), crowd(13), person(12, 2, shift=3)]


def check_same(batch: Batch, rows: list[dict[str, Any]]) -> None:
    """A batch says what the rows say."""
    for name, values in zip(FIELDS, batch.scalars, strict=False):
        assert repr(values) == repr([row[name] for row in rows])
    np.testing.assert_array_equal(batch.boxes, np.array([row["bbox"] for row in rows], dtype=float))
    np.testing.assert_array_equal(batch.keypoints, np.array([row["keypoints"] for row in rows]))
    outlines = [row["segmentation"] for row in rows]
    assert batch.is_rle.tolist() == [type(s) is dict for s in outlines]
    assert batch.has_polygons.tolist() == [type(s) is list and bool(s) for s in outlines]
    for i, outline in enumerate(outlines):
        if i in batch.odd_outlines:
            assert batch.odd_outlines[i] == outline
        else:
            assert all(type(p) is list and len(p) >= 6 and len(p) % 2 == 0 for p in outline)
            assert all(type(v) in (int, float) and math.isfinite(v) for p in outline for v in p)


def test_annotations_in_order_are_read() -> None:
    batch = PieceReader().read(text_of(three()))
    assert batch is not None
    check_same(batch, three())
    assert sorted(batch.odd_outlines) == [1]


def test_a_field_more_and_short_polygons_are_no_hindrance() -> None:
    rows = three()
    for row in rows:
        row["seen"] = "twice"
    rows[1]["id"] = rows[1].pop("id")
    rows[2]["segmentation"] = [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]
    batch = PieceReader().read(text_of(rows))
    assert batch is not None
    check_same(batch, rows)
    assert sorted(batch.odd_outlines) == [1, 2]


def change(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(fields)


ODD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "field more": change(seen=2),
    "text": change(image_id="a"),
    "null": change(area=None),
    "bool": change(iscrowd=False),
    "field missing": lambda row: row.pop("area"),
    "float coordinate": lambda row: row["keypoints"].__setitem__(0, 10.5),
    "float flag": lambda row: row["keypoints"].__setitem__(2, 2.0),
    "bool flag": lambda row: row["keypoints"].__setitem__(2, True),
    "text for a number": lambda row: row["keypoints"].__setitem__(0, "10"),
    "nested keypoints": change(keypoints=[[1, 2, 2]] * 51),
    "no keypoints": change(keypoints=[]),
    "keypoints null": change(keypoints=None),
    "fewer keypoints": change(keypoints=[1, 2, 2]),
    "not three a joint": change(keypoints=[1, 2]),
    "nested box": change(bbox=[[1, 2], [3, 4], [], []]),
    "short box": change(bbox=[1, 2, 3]),
    "box of texts": change(bbox=["1", "2", "3", "4"]),
    "object for an id": change(id={"a": 1}),
    "list for an area": change(area=[3]),
    "outline of bools": change(segmentation=[[True] * 6]),
    "outline of texts": change(segmentation=[["1"] * 6]),
    "outline of nulls": change(segmentation=[[None] * 6]),
    "outline nested deeper": change(segmentation=[[[1], [2], [3], [4], [5], [6]]]),
    "outline flat": change(segmentation=[1, 2, 3, 4, 5, 6]),
    "outline of an object": change(segmentation=[{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}]),
    "encoding of objects": change(segmentation={"size": [480, 640], "counts": [{"a": 1}]}),
    "encoding that is an object": change(segmentation={"size": {"a": 1}, "counts": "abc"}),
    "outline missing": change(segmentation=None),
    "object inside": change(more={"a": {"b": 1}}),
    "list inside": change(more=[1]),
    "bracket in a text": change(more="["),
    "integer beyond 64 bits": change(more=2**70),
    "encoding at the end of an outline": change(segmentation=[[1, 2, 3, 4, 5, {"counts": 1, "size": 2}]]),
    "encoding for an outline": change(segmentation=[[1, 2, 3, 4, 5, 6], {"counts": 1, "size": 2}]),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_out_of_order_is_left_alone(name: str) -> None:
    rows = three()
    ODD[name](rows[0])
    assert PieceReader().read(text_of(rows)) is None


def hidden(**changes: Any) -> list[dict[str, Any]]:
    """An object that stands for a list in one annotation, and a list more in another one: as many brackets as there should be."""
    rows = three()
    rows[0]["segmentation"].append({"counts": 1, "size": 2})
    rows[2].update(changes)
    return rows


@pytest.mark.parametrize(
    "rows",
    [
        hidden(bbox=[1, 2, 20, [20]]),
        hidden(keypoints=[*[10, 20, 2] * 16, 10, 10, [2]]),
        hidden(segmentation=[[1, 2, 3, 4, 5, [6]]]),
        [row | {"x": 1} for row in hidden()],
    ],
    ids=["box", "keypoints", "outline", "field more"],
)
def test_what_makes_up_for_another_thing_is_found(rows: list[dict[str, Any]]) -> None:
    assert PieceReader().read(text_of(rows)) is None


def test_a_further_field_twice_in_every_annotation() -> None:
    text = text_of(three()).decode().replace('"iscrowd"', '"x": 1, "x": 2, "iscrowd"')
    assert text.count('"x": 1, "x": 2') == 3
    assert PieceReader().read(text.encode()) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"id": 11', '"id": 11, "id": 12'),
        ('"size": [480, 640]', '"size": [1, 1], "size": [480, 640]'),
        ('"area": 9911.5', '"area": NaN'),
        ('"area": 9911.5', '"area": 1e999'),
        ('"area": 9911.5', '"area": 01'),
        ('"area": 9911.5', '"area": 9911.5,'),
    ],
)
def test_texts_that_python_reads_otherwise_or_not_at_all(old: str, new: str) -> None:
    text = text_of(three()).decode()
    assert old in text
    assert PieceReader().read(text.replace(old, new, 1).encode()) is None


def test_a_reader_gives_up_on_a_file_that_is_never_in_order() -> None:
    reader = PieceReader()
    good, bad = text_of(three()), text_of([{"id": 1}])
    for _ in range(3):
        assert reader.read(bad) is None
    assert reader.read(good) is not None
    for _ in range(4):
        assert reader.read(bad) is None
    assert reader.read(good) is None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["", "1", "0", ".", "-", "e", ",", "[", "]", "{", "}", '"', " ", "\\"])
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_text_with_changed_characters_is_read_as_python_reads_it(changes: list[tuple[float, str]]) -> None:
    text = text_of(three()).decode()
    for share, new in changes:
        at = int(share * (len(text) - 1))
        text = text[:at] + new + text[at + 1 :]
    batch = PieceReader().read(text.encode())
    if batch is not None:
        rows = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        assert all(len({key for key, _ in row}) == len(row) for row in rows)
        check_same(batch, json.loads(text))
