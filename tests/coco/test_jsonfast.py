"""The quick way of reading says exactly what the standard library's parser says, or leaves the text to it."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_documents import good_document, person
from test_rules import CASES, Damage

from labeltool.coco import check, jsonfast
from labeltool.coco.check import Report, check_file
from labeltool.coco.document import read_document
from labeltool.coco.jsonfast import NotPlain, loads_plain
from labeltool.coco.jsonfile import parse_exactly, read_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", ":", '":', '" :', '"annotations": [', "{", "}]", "\ud800", "\u003a", "1" * 30])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b", "annotations", '"', ":", ""]) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=25,
)
STYLES: list[dict[str, Any]] = [{}, {"indent": 1}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}]


def same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)


def loaded(raw: bytes) -> Any:
    """What the quick way says, or the standard library where it declines."""
    try:
        return loads_plain(raw)
    except NotPlain:
        return json.loads(raw)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonfast, "_PIECE", 700)


@settings(max_examples=400, deadline=None)
@given(VALUES, st.sampled_from(STYLES), st.booleans())
def test_any_value_is_read_as_the_standard_library_reads_it(value: Any, style: dict[str, Any], ascii_: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_, **style)
    raw = text.encode("utf-8", "surrogatepass")
    if "\ud800" not in text:
        assert same(loaded(raw), json.loads(raw))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["id", "x", "annotations"]), VALUES, max_size=3), max_size=12), VALUES)
def test_documents_in_pieces_are_read_as_a_whole(rows: list[Any], other: Any) -> None:
    for style in STYLES:
        data = {"info": other, "annotations": rows, "images": rows[:3], "last": other}
        raw = json.dumps(data, **style).encode()
        assert same(loaded(raw), json.loads(raw))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]":, \\ab19.eE-\n', max_size=30), st.integers(0, 10**6))
def test_no_text_is_read_otherwise(text: str, seed: int) -> None:
    whole = '{"a": [{"a": 1, "b": "x"}], "annotations": [{"id": 1, "k": [1, 2.5]}, {"id": 2}], "c": {"d": 1}}'
    at = random.Random(seed).randrange(len(whole))
    for raw in (text.encode(), (whole[:at] + text + whole[at:]).encode()):
        try:
            expected = ("read", repr(json.loads(raw, object_pairs_hook=refuse_duplicates)))
        except ValueError:
            expected = ("refused", "")
        try:
            found = ("read", repr(loads_plain(raw)))
        except NotPlain:
            continue
        assert found == expected


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("duplicate")
    return made


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1}, "a": {"c": 2}}',
        '{"annotations": [{"id": 1, "id": 2}]}',
        '{"annotations": [{"id": 1}], "annotations": [{"id": 1}]}',
        '{"annotations": [{"a": [{"b": 1, "b": 2}]}]}',
        '{"x": {"annotations": [{"id": 1}]}, "x": 2}',
        '{"a" : 1, "b": "\\":"}',
        '{"a": 1, "\\u0061": 2}',
        '{"a": 18446744073709551616}',
        '{"a": -9223372036854775809}',
        '{"a": [1, 123456789012345678901234567890]}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '\ufeff{"a": 1}',
        '{"a": 1',
    ],
)
def test_whatever_may_be_lost_is_left_to_the_slow_way(text: str) -> None:
    with pytest.raises(NotPlain):
        loads_plain(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"a": -0, "b": -0.0, "c": 1e2, "d": 0.1000000000000000055511151231257827}',
        '{"a": 999999999999999999, "b": 1E-400, "c": 123456789.123456789012345678901234567890}',
        '{"annotations": [], "images": [{"annotations": [{"id": 1}]}]}',
        '{"annotations": [{"id": 1, "parts": [{"a": 1}, {"b": [{"c": 2}]}]}, {"id": 2}], "z": [{"q": 1}]}',
        '[{"annotations": [{"id": 1}, {"id": 2}]}]',
        '"annotations"',
        "[]",
    ],
)
def test_the_quick_way_is_taken_and_exact(text: str) -> None:
    assert same(loads_plain(text.encode()), json.loads(text))


def large(people: int = 40) -> dict[str, Any]:
    data = good_document()
    data["annotations"] += [person(n, 1 + n % 2, shift=n) for n in range(100, 100 + people)]
    return data


def test_a_long_list_comes_in_pieces_and_rows_are_found_again() -> None:
    raw = json.dumps(large()).encode()
    streamed = check._stream(raw)
    assert streamed is not None
    data, table = streamed
    assert len(table.rows) == 44
    assert [table.rows[i] for i in (43, 0, 17, 18, 1)] == [large()["annotations"][i] for i in (43, 0, 17, 18, 1)]
    assert table.place(20) == "annotations[20] (id 116)"
    assert data["annotations"] == []
    assert list(data) == list(large())


@pytest.mark.parametrize("damage", [case[2] for case in CASES], ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)])
def test_both_ways_find_the_same(damage: Damage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = large()
    damage(data)
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    quick = check_file(path)
    monkeypatch.setattr(check, "_stream", refuse)
    assert check_file(path) == quick
    assert parse_exactly(path, path.read_bytes()).data == json.loads(path.read_text()) or "nan" in repr(data)


def refuse(_: bytes) -> Any:
    raise NotPlain


def test_compressed_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.json.gz"
    packed = gzip.compress(json.dumps(large()).encode())
    path.write_bytes(packed)
    assert read_json(path).data == large()
    assert read_document(path).data == large()
    assert check_file(path) == Report(str(path), check_file(plain_copy(tmp_path)).findings)
    halves = [gzip.compress(part) for part in (b'{"images": [], "annotations": [],', b' "categories": []}')]
    path.write_bytes(b"".join(halves))
    assert check_file(path).findings == ()


def plain_copy(folder: Path) -> Path:
    path = folder / "plain.json"
    path.write_text(json.dumps(large()))
    return path
