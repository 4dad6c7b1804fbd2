from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from labeltool.coco.jsonfile import JsonSyntaxError, read_json
from labeltool.coco.jsonscan import find_nonfinite, scan
from labeltool.errors import CocoError


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def failure(tmp_path: Path, content: str | bytes) -> JsonSyntaxError:
    with pytest.raises(JsonSyntaxError) as caught:
        read_json(written(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "file.json"))
    return caught.value


def test_types_and_key_order_are_kept(tmp_path: Path) -> None:
    big = 10**300
    file = read_json(written(tmp_path, f'{{"b": 1.0, "a": 1, "c": {big}, "d": [1e2, -0.5, true, null, "ä\\u00e4"]}}'))
    assert list(file.data) == ["b", "a", "c", "d"]
    assert type(file.data["b"]) is float
    assert type(file.data["a"]) is int
    assert file.data["c"] == big
    assert file.data["d"] == [100.0, -0.5, True, None, "ää"]
    assert not file.nonfinite.count
    assert not file.duplicates.count


def test_missing_file_and_folder_are_no_syntax_errors(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.json", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(CocoError, match=reason) as caught:
            read_json(path)
        assert not isinstance(caught.value, JsonSyntaxError)


def test_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = read_json(written(tmp_path, b'\xef\xbb\xbf{"a": 1}'))
    assert file.data == {"a": 1}
    assert file.byte_order_mark


@pytest.mark.parametrize(
    ("content", "reason", "line", "column"),
    [
        (b"", "empty", 0, 0),
        (b" \n\t ", "empty", 0, 0),
        (b'{"a": 1,\n "b": }', "expecting value", 2, 7),
        (b'{"a": 1} x', "more text after the end", 1, 10),
        (b"{'a': 1}", "expecting property name", 1, 2),
        (b"hello world", "expecting value", 1, 1),
        ('{"a": 1}'.encode("utf-16"), "UTF-16", 1, 1),
        ('{"a": 1}'.encode("utf-32"), "UTF-32", 1, 1),
        ('{"a": 1}'.encode("utf-16-le"), "zero bytes", 1, 1),
        (b"\x1f\x8b\x08\x00rest", "gzip data end in the middle", 0, 0),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-9], "gzip data end in the middle", 0, 0),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-8] + b"12345678", "damaged gzip data", 0, 0),
        (gzip.compress(gzip.compress(b'{"a": 1}', mtime=0), mtime=0), "compressed twice", 1, 1),
        (gzip.compress(b" " * 3_000_000, 9, mtime=0), "unpack to more than 200 times", 0, 0),
        (gzip.compress(b'{"a": 1,\n "b": }', mtime=0), "expecting value", 2, 7),
        ('{"a":\n "caf\u00e9"}'.encode("latin-1"), "byte 0xe9", 2, 6),
        (b'{"a": ' + b"7" * 5000 + b"}", "integer of 5,000 digits", 1, 7),
        (b"[" * 100_000, "nested too deep", 1, 201),
        (b'{"a":' * 100_000, "nested too deep", 1, 1001),
    ],
)
def test_broken_text_is_reported_with_its_place(
    tmp_path: Path, content: bytes, reason: str, line: int, column: int
) -> None:
    error = failure(tmp_path, content)
    assert reason in error.reason
    assert (error.line, error.column) == (line, column)


WHOLE = '{"images": [{"id": 12, "x": -1.5e+3, "n": "a\\u00e9b", "t": true, "u": null}]}'


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_a_cut_file_says_that_it_ends_in_the_middle(tmp_path: Path, cut: int) -> None:
    error = failure(tmp_path, WHOLE[:cut])
    assert "ends in the middle" in error.reason
    assert error.line == 1


def test_a_file_cut_inside_a_character(tmp_path: Path) -> None:
    error = failure(tmp_path, '{"a": "ä'.encode()[:-1])
    assert "ends in the middle of a character" in error.reason


def test_non_finite_numbers_are_found_with_path_line_and_column(tmp_path: Path) -> None:
    text = (
        '{"annotations": [{"keypoints": [1, NaN, 2]},\n {"keypoints": [1e999, 5], "odd key": -Infinity}], "s": "NaN"}'
    )
    file = read_json(written(tmp_path, text))
    assert [(p.path, p.text, p.line, p.column) for p in file.nonfinite.first] == [
        ("annotations[0].keypoints[1]", "NaN", 1, 36),
        ("annotations[1].keypoints[0]", "1e999", 2, 17),
        ("annotations[1]['odd key']", "-Infinity", 2, 39),
    ]
    assert file.nonfinite.count == 3
    assert [p.path for p in find_nonfinite(file.data).first] == [p.path for p in file.nonfinite.first]


def test_only_the_first_places_are_kept_but_all_are_counted(tmp_path: Path) -> None:
    file = read_json(written(tmp_path, "[" + ", ".join(["NaN"] * 1000) + "]"))
    assert file.nonfinite.count == 1000
    assert [p.path for p in file.nonfinite.first] == ["[0]", "[1]", "[2]", "[3]", "[4]"]
    assert find_nonfinite(file.data).count == 1000


def test_duplicate_keys_are_found_where_they_stand_again(tmp_path: Path) -> None:
    text = (
        '{"images": [{"id": 1, "file_name": "a", "id": 2}],\n "annotations": [{"a": {"id": 1}, "id": 1}], "images": []}'
    )
    file = read_json(written(tmp_path, text))
    assert [(p.path, p.line, p.column) for p in file.duplicates.first] == [("images[0].id", 1, 41), ("images", 2, 46)]
    assert [p.text for p in file.duplicates.first] == ["id", "images"]


def test_an_escaped_key_is_the_same_key() -> None:
    assert scan('{"a": 1, "\\u0061": 2}').duplicates.count == 1


def test_large_exponents_that_are_finite_are_no_finding(tmp_path: Path) -> None:
    file = read_json(written(tmp_path, '{"a": 1e300, "b": [1E+100], "u": "9e999,"}'))
    assert not file.nonfinite.count


def test_brackets_and_commas_inside_strings_do_not_confuse_the_scan() -> None:
    text = json.dumps({"a": ['],[{\\"', {"b": [[1, 2], [3, float("nan")]]}]})
    assert [p.path for p in scan(text).nonfinite.first] == ["a[1].b[1][1]"]
