from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_documents import good_document

from labeltool.coco.document import CocoDocument, keypoints_of, person_category, read_document, write_document
from labeltool.errors import CocoError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    """Equality that also looks at key order, and at int, float and bool."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


def test_the_genuine_file_survives_reading_and_writing(coco_mini: Path, tmp_path: Path) -> None:
    source = coco_mini / "annotations" / "person_keypoints_val2017.json"
    document = read_document(source)
    write_document(tmp_path / "out.json", document.data)
    again = read_document(tmp_path / "out.json")
    assert same(again.data, json.loads(source.read_text()))
    assert len(document.images) == 79
    assert len(document.annotations) == 118


def test_pycocotools_scores_the_written_file_against_itself(
    coco_mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    document = read_document(coco_mini / "annotations" / "person_keypoints_val2017.json")
    write_document(tmp_path / "out.json", document.data)
    truth = COCO(str(tmp_path / "out.json"))
    results = [
        {key: a[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 1.0}
        for a in document.annotations
        if a["num_keypoints"]
    ]
    evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    assert evaluation.stats[0] == 1.0


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4),
    st.lists(st.dictionaries(st.text(max_size=4), JSON_VALUES)),
)
def test_whatever_json_can_hold_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, extra: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("documents") / "out.json"
    data = {**extra, "images": rows, "annotations": rows, "categories": []}
    write_document(path, data)
    assert same(read_document(path).data, data)


def test_long_lists_are_written_whole(tmp_path: Path) -> None:
    data = good_document() | {"images": [{"id": n} for n in range(1025)], "extra": list(range(3000))}
    write_document(tmp_path / "out.json", data)
    assert same(json.loads((tmp_path / "out.json").read_text()), data)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "top level is a list, expected an object"),
        ('{"images": [], "annotations": []}', "'categories' is missing"),
        ('{"images": [], "annotations": {}, "categories": []}', "'annotations' is an object, expected a list"),
        ('{"images": [1], "annotations": [], "categories": []}', r"images\[0\] is a number, expected an object"),
        ('{"images": [], "images": [], "annotations": [], "categories": []}', "key 'images' stands twice"),
        ('{"images": [{"id": NaN}], "annotations": [], "categories": []}', r"NaN is no JSON number.*images\[0\].id"),
        ('{"images": [], "annotations": [{"id": 1', "ends in the middle"),
    ],
)
def test_what_is_no_document_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "labels {x}.json"
    path.write_text(text)
    with pytest.raises(CocoError, match=reason) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("bbox", [1, 2, float("nan"), 3], r"annotations\[0\].bbox\[2\] is NaN"),
        ("area", float("-inf"), r"annotations\[0\].area is -Infinity"),
        ("keypoints", np.zeros(3), "ndarray is not JSON serializable"),
    ],
)
def test_what_json_cannot_hold_is_refused_and_the_old_file_stays(
    tmp_path: Path, field: str, value: Any, reason: str
) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    data = good_document()
    data["annotations"][0][field] = value
    with pytest.raises(CocoError, match=reason):
        write_document(path, data)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_a_folder_that_is_not_there_or_not_writable(tmp_path: Path) -> None:
    with pytest.raises(CocoError, match="cannot be written: No such file or directory"):
        write_document(tmp_path / "none" / "out.json", good_document())
    if os.geteuid() == 0:
        return
    tmp_path.chmod(0o500)
    with pytest.raises(CocoError, match="cannot be written: Permission denied"):
        write_document(tmp_path / "out.json", good_document())


def test_keypoints_of() -> None:
    xy, v = keypoints_of({"id": 3, "keypoints": [1, 2.5, 2, 0, 0, 0]}, 2)
    assert xy.tolist() == [[1.0, 2.5], [0.0, 0.0]]
    assert v.tolist() == [2, 0]
    assert (xy.dtype, v.dtype.kind) == (np.float64, "i")
    for nobody in ({"id": 3}, {"id": 3, "keypoints": []}, {"id": 3, "keypoints": None}):
        xy, v = keypoints_of(nobody, 2)
        assert (xy.shape, v.tolist()) == ((2, 2), [0, 0])


@pytest.mark.parametrize(
    ("keypoints", "reason"),
    [
        ([1, 2, 2, 4], r"annotation \(id 3\): keypoints has 4 numbers, expected 6"),
        ("abc", "keypoints is a string, expected a list of 6 numbers"),
        ([1, "2", 2, 0, 0, 0], r"keypoints\[1\] is '2', expected a finite number"),
        ([1, 10**400, 2, 0, 0, 0], r"keypoints\[1\] is an integer of 1,329 bits"),
        ([1, float("inf"), 2, 0, 0, 0], r"keypoints\[1\] is inf"),
        ([1, 2, True, 0, 0, 0], r"keypoints\[2\] is true"),
        ([1, 2, 3, 0, 0, 0], "v of joint 0 is 3, expected 0, 1 or 2"),
    ],
)
def test_keypoints_of_damaged_annotations(keypoints: Any, reason: str) -> None:
    with pytest.raises(CocoError, match=reason):
        keypoints_of({"id": 3, "keypoints": keypoints}, 2)


def test_person_category() -> None:
    def document(*categories: dict[str, Any]) -> CocoDocument:
        return CocoDocument({"images": [], "annotations": [], "categories": list(categories)}, "x.json")

    plain = {"id": 1, "name": "car"}
    person = {"id": 2, "name": "person", "keypoints": ["nose"]}
    horse = {"id": 3, "name": "horse", "keypoints": ["nose", "tail"]}
    assert person_category(document(plain, horse)) is horse
    assert person_category(document(plain, horse, person)) is person
    with pytest.raises(CocoError, match=r"x.json: no category has keypoints \(categories: 'car'\)"):
        person_category(document(plain))
    with pytest.raises(CocoError, match=r"expected one named 'person': 'horse' \(id 3, 2 joints\), 'cow'"):
        person_category(document(horse, horse | {"name": "cow"}))
