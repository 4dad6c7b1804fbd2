"""Whole files and documents through the checks: real ones, broken ones, and anything at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_documents import good_document, person

from labeltool.coco.check import check_document, check_file
from labeltool.coco.document import CocoDocument
from labeltool.errors import CocoError
from labeltool.formats.lsp import read_lsp

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.sampled_from(["", "nose", "left_eye", "a.jpg", "12", "\ud800", "\x00", "../x", "x\ny"])
    | st.text(max_size=4)
)
JSON = st.recursive(
    LEAVES, lambda x: st.lists(x, max_size=6) | st.dictionaries(st.text(max_size=4), x, max_size=4), max_leaves=25
)
NUMBERS = st.lists(st.integers(-2, 9) | st.floats() | st.just(10**400) | LEAVES, max_size=10)
NAMES = st.lists(st.sampled_from(["nose", "left_eye", "right_eye", "l_a", "r_a", "aL", ""]), max_size=4)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(0, 4) | JSON,
    "image_id": st.integers(0, 4) | JSON,
    "category_id": st.integers(0, 4) | JSON,
    "file_name": st.text(max_size=5) | JSON,
    "width": st.integers(-1, 50) | JSON,
    "height": st.integers(-1, 50) | JSON,
    "name": st.text(max_size=3) | JSON,
    "skeleton": st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), max_size=3) | JSON,
    "sigmas": NUMBERS | JSON,
    "num_keypoints": st.integers(-1, 4) | JSON,
    "bbox": st.lists(st.floats() | st.integers(-5, 60), min_size=4, max_size=4) | JSON,
    "area": st.integers(-1, 900) | JSON,
    "iscrowd": st.integers(0, 1) | JSON,
    "segmentation": st.lists(NUMBERS, max_size=3)
    | st.fixed_dictionaries({"size": st.lists(st.integers(), max_size=3), "counts": NUMBERS | st.text()})
    | JSON,
}
GOOD_JOINTS = st.lists(st.tuples(st.integers(-3, 60), st.floats(-3, 60), st.integers(0, 2)), max_size=4).map(
    lambda joints: [value for joint in joints for value in joint]
)


def rows(keypoints: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.fixed_dictionaries({}, optional=FIELDS | {"keypoints": keypoints})
    return st.lists(some | JSON, max_size=4) | JSON


DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "images": rows(JSON),
        "annotations": rows(GOOD_JOINTS | NUMBERS | JSON),
        "categories": rows(NAMES | JSON),
        "info": JSON,
    },
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(DOCUMENTS | JSON)
def test_nothing_that_json_can_hold_makes_a_check_raise(data: Any) -> None:
    for finding in check_document(CocoDocument(data, "any.json")):
        assert finding.count >= len(finding.places) >= 1
        assert len(finding.places) == len(finding.details) <= 5
        assert "\n" not in finding.message
        finding.message.encode("utf-8")
        json.dumps(finding.to_json())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_good_document_with_one_value_replaced_never_makes_a_check_raise(data: st.DataObject) -> None:
    document = good_document()
    section = document[data.draw(st.sampled_from(["images", "annotations", "categories"]))]
    row = data.draw(st.sampled_from(section))
    field = data.draw(st.sampled_from(sorted(row)))
    if isinstance(row[field], list) and row[field] and data.draw(st.booleans()):
        row[field][data.draw(st.integers(0, len(row[field]) - 1))] = data.draw(JSON)
    else:
        row[field] = data.draw(JSON)
    check_document(CocoDocument(document, "any.json"))


def test_values_nested_without_end_are_reported() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    data = good_document()
    data["annotations"][0].update(keypoints=deep, bbox=deep, segmentation=deep, area=deep, id=deep)
    data["images"][0]["file_name"] = deep
    codes = {f.code for f in check_document(CocoDocument(data, "deep.json"))}
    assert {"A306", "B401", "B405", "B409", "A301", "I103"} <= codes
    # Taken apart layer by layer: Python would recurse through it.
    while deep:
        deep = deep.pop()


def test_the_genuine_file_has_no_error(coco_mini: Path) -> None:
    report = check_file(coco_mini / "annotations" / "person_keypoints_val2017.json", coco_mini / "images")
    assert report.errors == 0
    assert {f.code for f in report.findings} == {"A315", "D502"}


def test_lspet_as_a_document_has_no_error(lspet: Path) -> None:
    document = read_lsp(lspet, lspet / "joints.mat").document
    found = check_document(document)
    assert [f for f in found if f.severity == "error"] == []
    assert {f.code for f in found} == {"A311", "A314", "A316", "A317", "B404", "D503"}
    # Real labels from Mechanical Turk hold real swaps, but not many.
    assert 0 < next(f.count for f in found if f.code == "A316") < 0.02 * len(document.annotations)


def test_a_good_file_gives_an_empty_report(tmp_path: Path) -> None:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(good_document()))
    report = check_file(path)
    assert report.to_json() == {"file": str(path), "errors": 0, "warnings": 0, "findings": []}
    assert report.to_text() == f"{path}: 0 errors, 0 warnings"


def test_a_report_counts_places_and_shows_the_first(tmp_path: Path) -> None:
    data = good_document()
    data["annotations"] = [person(n, num_keypoints=0) for n in range(1, 8)]
    data["annotations"][0]["keypoints"][3:5] = [7, 8]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    report = check_file(path, codes={"A309", "A313"})
    assert (report.errors, report.warnings) == (7, 1)
    plain = report.to_json()
    assert list(plain) == ["file", "errors", "warnings", "findings"]
    assert [list(f) for f in plain["findings"]] == [["code", "severity", "message", "where", "count", "hint"]] * 2
    assert plain["findings"][1] == {
        "code": "A313",
        "severity": "error",
        "message": "annotations[0] (id 1): num_keypoints is 0, but 16 joints have v > 0",
        "where": [f"annotations[{n}] (id {n + 1})" for n in range(5)],
        "count": 7,
        "hint": "write the number of joints with v > 0: this one changes AP",
    }
    assert report.to_text().splitlines() == [
        f"{path}: 7 errors, 1 warning",
        "",
        "error A313: `num_keypoints` is 0 exactly where no joint is labelled: 7 places",
        *(f"  annotations[{n}] (id {n + 1}): num_keypoints is 0, but 16 joints have v > 0" for n in range(5)),
        "  ... and 2 more",
        "  -> write the number of joints with v > 0: this one changes AP",
        "",
        "warning A309: A joint with v = 0 has x = y = 0: 1 place",
        "  annotations[0] (id 1): 'left_eye' at (7, 8) has v = 0, expected (0, 0) where v = 0",
        "  -> write 0, 0, 0 for a joint that is not labelled",
    ]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"", "file", "empty"),
        (b'{"images": [],\n "annotations": [{"id": 1', "line 2, column 26", "ends in the middle"),
        (b"hello", "line 1, column 1", "not JSON"),
        ("{}".encode("utf-16"), "line 1, column 1", "UTF-16"),
        (b"[" * 99_999, "line 1, column 201", "nested too deep"),
        (b"3", "file", "top level is a number"),
    ],
)
def test_a_file_that_is_no_document_has_the_finding_c001(
    tmp_path: Path, content: bytes, place: str, words: str
) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content)
    report = check_file(path)
    (finding,) = report.findings
    assert (finding.code, finding.severity, finding.places) == ("C001", "error", (place,))
    assert words in finding.message
    assert report.errors == 1
    assert "\n  " + finding.message in report.to_text()


def test_duplicate_keys_marks_and_literals_have_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    text = json.dumps(good_document(), indent=1).replace('"area": 9911.5', '"area": NaN, "area": NaN', 1)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = {(f.code, f.severity): f for f in check_file(path).findings}
    assert found["C001", "error"].message.startswith("annotations[0].area (line ")
    assert "the key 'area' stands twice in one object" in found["C001", "error"].message
    assert "byte order mark" in found["C001", "warning"].message
    assert found["C003", "error"].count == 2
    assert "annotations[0].area (line " in found["C003", "error"].message
    assert found["B405", "error"].count == 1


def test_a_missing_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(CocoError, match="no such file"):
        check_file(tmp_path / "none.json")


def test_photos_are_compared_when_their_folder_is_given(tmp_path: Path) -> None:
    data = good_document()
    data["images"] = [
        {"id": n, "file_name": name, "width": 40, "height": 30}
        for n, name in enumerate(
            ["fine.jpg", "sideways.png", "other.png", "none.jpg", "empty.jpg", "text.jpg", "../out.jpg", "a\x00b.jpg"],
            start=1,
        )
    ]
    data["annotations"] = []
    rotated = Image.Exif()
    rotated[0x0112] = 6
    Image.new("RGB", (30, 40)).save(tmp_path / "fine.jpg", exif=rotated)
    Image.new("RGB", (30, 40)).save(tmp_path / "sideways.png")
    Image.new("RGB", (80, 60)).save(tmp_path / "other.png")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no photo")
    document = CocoDocument(data, "x.json")
    assert {f.code for f in check_document(document)} == {"I104"}
    found = {f.code: f for f in check_document(document, images_root=tmp_path)}
    assert found["I106"].count == 5
    assert found["I106"].places == tuple(f"images[{n}] (id {n + 1})" for n in range(3, 8))
    assert found["I107"].message == ("images[2] (id 3): size is 40 x 30, but the upright photo has 80 x 60 pixels")
    assert found["I108"].message == (
        "images[1] (id 2): size is 40 x 30, but the upright photo has 30 x 40 pixels: width and height are swapped"
    )


NINE_CASES: list[tuple[str, dict[str, Any]]] = [
    ("A303", {"id": 0}),
    ("A313", {"num_keypoints": 0}),
    ("A313", {"keypoints": [0] * 51}),
    ("B405", {"area": 0}),
    ("B405", {"area": 1}),
]


@pytest.mark.parametrize(("code", "changes"), NINE_CASES)
def test_what_makes_pycocotools_lie_is_an_error(code: str, changes: dict[str, Any]) -> None:
    data = good_document()
    data["annotations"][0].update(changes)
    errors = {f.code for f in check_document(CocoDocument(data, "x.json")) if f.severity == "error"}
    assert errors == {code}


@pytest.mark.parametrize(
    ("field", "code"), [("area", "B405"), ("iscrowd", "B407"), ("num_keypoints", "A312"), ("bbox", "B401")]
)
def test_what_makes_pycocotools_stop_is_an_error(field: str, code: str) -> None:
    data = good_document()
    del data["annotations"][0][field]
    assert {f.code for f in check_document(CocoDocument(data, "x.json")) if f.severity == "error"} == {code}
