"""Reading a MATLAB struct into plain Python values, in bounds and by known types only (see `matfile` for why not by scipy).

A struct array becomes a list of dicts and a single struct a dict; cells and arrays become lists in MATLAB's own (column-major)
order, a single number a number, text a str, and whatever is empty an empty list.

Source of the layout: "MAT-File Format", The MathWorks, level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.errors import FormatError
from labeltool.formats.matfile import MATRIX, Damaged, elements, read_bytes, variables

_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC = range(6, 16)
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8", 16: "u1"}
_MOST_DEPTH = 32


def load_variable(path: Path, name: str) -> Any:
    """The value of a variable in a MATLAB file of level 5 (versions 5 to 7.2, `save -v7`).

    Raises:
        FormatError: the file is missing, is no such file, is damaged, or holds no variable of that name.
    """
    raw = read_bytes(path)
    try:
        for body, order in variables(raw):
            head = _head(body, order)
            if head[2] == name:
                return _value(body, order, 0)
    except (Damaged, zlib.error, struct.error, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not a MATLAB file that can be read: {error}") from None
    raise FormatError(f"{path}: holds no variable {name!r}")


def _head(body: memoryview, order: str) -> tuple[int, int, str, Iterator[tuple[int, memoryview]]]:
    """The class, number of values and name of a variable, and the elements that follow."""
    parts = elements(body, 0, order, padded=True)
    try:
        (flags_kind, flags), (dims_kind, dims), (name_kind, text) = next(parts), next(parts), next(parts)
    except StopIteration:
        raise Damaged("a variable has no head") from None
    if flags_kind != 6 or len(flags) != 8 or dims_kind != 5 or not dims or len(dims) % 4 or name_kind != 1:
        raise Damaged("the head of a variable is not in order")
    sizes = struct.unpack(f"{order}{len(dims) // 4}i", dims)
    if any(size < 0 for size in sizes):
        raise Damaged("a variable has a negative size")
    kind = struct.unpack(order + "I", flags[:4])[0] & 0xFF
    return kind, math.prod(sizes), bytes(text).decode("ascii"), parts


def _value(body: memoryview, order: str, depth: int) -> Any:
    if not body:
        return []
    if depth > _MOST_DEPTH:
        raise Damaged("its variables are nested too deep")
    kind, count, _, parts = _head(body, order)
    if kind == _STRUCT:
        return _structs(parts, count, order, depth)
    if kind == _CELL:
        return _children(parts, count, order, depth)
    if kind != _CHAR and kind not in _NUMERIC:
        raise Damaged(f"it holds a variable of class {kind}, expected structs, cells, texts and numbers")
    if count == 0:
        return []
    found = next(parts, None)
    if found is None or found[0] not in _TYPES or len(found[1]) % np.dtype(_TYPES[found[0]]).itemsize:
        raise Damaged("a variable holds data of an unknown type")
    values = np.frombuffer(found[1], dtype=order + _TYPES[found[0]]).tolist()
    if kind == _CHAR:
        return bytes(values).decode("utf-8") if found[0] in (2, 16) else _text(values)
    if len(values) != count:
        raise Damaged(f"a variable has {len(values)} values, expected {count}")
    return values[0] if count == 1 else values


def _text(codes: list[int]) -> str:
    if any(not 0 <= code < 0x110000 for code in codes):
        raise Damaged("a text holds something that is no character")
    return "".join(map(chr, codes))


def _structs(parts: Iterator[tuple[int, memoryview]], count: int, order: str, depth: int) -> Any:
    width_element, names_element = next(parts, None), next(parts, None)
    if width_element is None or names_element is None or len(width_element[1]) != 4:
        raise Damaged("a struct has no field names")
    width = struct.unpack(order + "i", width_element[1])[0]
    raw = bytes(names_element[1])
    if width <= 0 or len(raw) % width:
        raise Damaged("the field names of a struct are not in order")
    names = [raw[k : k + width].split(b"\0")[0].decode("ascii") for k in range(0, len(raw), width)]
    values = _children(parts, count * len(names), order, depth)
    rows = [dict(zip(names, values[n * len(names) : (n + 1) * len(names)], strict=True)) for n in range(count)]
    return rows[0] if count == 1 else rows


def _children(parts: Iterator[tuple[int, memoryview]], count: int, order: str, depth: int) -> list[Any]:
    # the file decides how many there are: a damaged count must not reserve memory
    values: list[Any] = []
    for kind, content in parts:
        if kind != MATRIX or len(values) == count:
            raise Damaged("a cell or struct holds something that is no value of it")
        values.append(_value(content, order, depth + 1))
    if len(values) != count:
        raise Damaged(f"a cell or struct has {len(values)} values, expected {count}")
    return values
