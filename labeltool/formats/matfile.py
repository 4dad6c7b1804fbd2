"""Reading one array of numbers out of a MATLAB file, also when the file is damaged.

scipy's compiled reader trusts the type numbers in a file: one wrong byte in a tag can end the process (a segmentation fault in
`read_var_array`). So the tags of the wanted variable are walked here first, in bounds and by known types only.

Source of the layout: "MAT-File Format", The MathWorks, level 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.errors import FormatError

_HEADER = 128
#: The type of an element that is a variable.
MATRIX, _COMPRESSED = 14, 15
_NUMERIC_TYPES = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_NUMERIC_CLASSES = range(6, 16)
#: A variable that unpacks to more than this (bytes) is refused.
MAX_BYTES = 1 << 29


class Damaged(Exception):
    """Something in the file does not fit together."""


def load_array(path: Path, name: str) -> NDArray[Any]:
    """The numeric array of that name in a MATLAB file of level 5 (versions 5 to 7.2, `save -v7`).

    Raises:
        FormatError: the file is missing, is no such file, is damaged, or holds no numeric array of that name.
    """
    raw = read_bytes(path)
    try:
        found = _check(raw, name)
    except (Damaged, zlib.error) as error:
        raise FormatError(f"{path}: not a MATLAB file that can be read: {error}") from None
    if found is None:
        raise FormatError(f"{path}: holds no array {name!r}")
    if not found:
        raise FormatError(f"{path}: {name!r} is no plain array, expected numbers")
    from scipy.io import loadmat

    try:
        return np.asarray(loadmat(str(path), variable_names=[name], appendmat=False)[name])
    except Exception as error:
        # scipy raises whatever a damaged byte leads it to (ValueError, TypeError, KeyError, ...).
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{path}: not a MATLAB file that can be read: {reason}") from None


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        FormatError: the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None


def variables(raw: bytes) -> Iterator[tuple[memoryview, str]]:
    """The body of each variable of a MATLAB file with the file's byte order (`<` or `>`).

    Raises:
        Damaged: the file is no MATLAB file of level 5, or is cut.
        zlib.error: a compressed variable is damaged.
    """
    if len(raw) < _HEADER + 8:
        raise Damaged(f"it has {len(raw)} bytes")
    mark, version = raw[126:128], raw[124:126]
    if mark not in (b"IM", b"MI") or not raw.startswith(b"MATLAB"):
        raise Damaged("it has no MATLAB header")
    order = "<" if mark == b"IM" else ">"
    if struct.unpack(order + "H", version)[0] != 0x0100:
        raise Damaged("it is of version 7.3 (HDF5) or unknown, expected one saved with -v7 or -v6")
    for kind, content in elements(raw, _HEADER, order, padded=False):
        if kind == _COMPRESSED:
            yield _unpack(content, order), order
        elif kind == MATRIX:
            yield content, order
        else:
            raise Damaged(f"it holds an element of type {kind}, expected a variable")


def _check(raw: bytes, name: str) -> bool | None:
    """Whether the variable is a numeric array with tags in order, or None when there is no such variable."""
    for body, order in variables(raw):
        numeric = _check_matrix(body, name, order)
        if numeric is not None:
            return numeric
    return None


def _unpack(content: memoryview, order: str) -> memoryview:
    """The variable inside a compressed element."""
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(bytes(content), MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise Damaged(f"a variable unpacks to more than {MAX_BYTES >> 20} MB")
    if not unpacker.eof:
        raise Damaged("it is cut in the middle of a variable")
    found = list(elements(plain, 0, order, padded=True))
    if len(found) != 1 or found[0][0] != MATRIX:
        raise Damaged("a compressed element holds no variable")
    return found[0][1]


def _check_matrix(body: memoryview, name: str, order: str) -> bool | None:
    """Whether a variable of that name is a numeric array with all its tags in order; None for one of another name."""
    parts = elements(body, 0, order, padded=True)
    try:
        (flags_kind, flags), (dims_kind, dims), (name_kind, text) = next(parts), next(parts), next(parts)
    except StopIteration:
        raise Damaged("a variable has no name") from None
    if flags_kind != 6 or len(flags) != 8 or dims_kind != 5 or len(dims) % 4 or name_kind != 1:
        raise Damaged("the head of a variable is not in order")
    if bytes(text) != name.encode():
        return None
    if struct.unpack(order + "I", flags[:4])[0] & 0xFF not in _NUMERIC_CLASSES:
        return False
    kinds = [kind for kind, _ in parts]
    if not 1 <= len(kinds) <= 2 or not _NUMERIC_TYPES.issuperset(kinds):
        raise Damaged(f"{name!r} holds data of an unknown type")
    return True


def elements(data: bytes | memoryview, start: int, order: str, *, padded: bool) -> Iterator[tuple[int, memoryview]]:
    """The (type, content) of the elements that stand one after the other; `padded` to multiples of 8 bytes inside a variable."""
    view = memoryview(data)
    while start < len(view):
        if start + 8 > len(view):
            raise Damaged("it ends in the middle of an element")
        kind, size = struct.unpack(order + "II", view[start : start + 8])
        if kind >> 16:
            # The small form: size and type share four bytes, and the content is the other four.
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise Damaged(f"a small element has {size} bytes, expected at most 4")
            yield kind, view[start + 4 : start + 4 + size]
            start += 8
            continue
        end = start + 8 + size
        if end > len(view):
            raise Damaged("it ends in the middle of an element")
        yield kind, view[start + 8 : end]
        start = end + (-end % 8 if padded else 0)
