"""Values of parsed JSON taken as what they must be, or refused in one line that says where and what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labeltool.coco.finite import is_finite_number
from labeltool.coco.jsonfile import read_json
from labeltool.coco.show import MISSING, show
from labeltool.errors import CocoError, FormatError
from labeltool.files import packed_write


def load_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        FormatError: the file is missing, is no JSON in UTF-8 (with line and column), or holds NaN, Infinity or a key twice.
    """
    try:
        file = read_json(Path(path))
    except CocoError as error:
        raise FormatError(str(error)) from None
    if file.nonfinite.count:
        first = file.nonfinite.first[0]
        raise FormatError(f"{path}: {first.text} is no JSON number, expected a finite one: {first}")
    if file.duplicates.count:
        first = file.duplicates.first[0]
        raise FormatError(f"{path}: the key {first.text!r} stands twice in one object: {first}")
    return file.data


def save_json(path: Path, value: Any) -> None:
    """Writes a value as compact JSON, whole or not at all.

    Raises:
        FormatError: a number is NaN or infinite, or the file cannot be written.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        with packed_write(Path(path)) as file:
            file.write(text.encode("ascii"))
    except ValueError as error:
        raise FormatError(f"{path}: not written: {error}") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be written: {error.strerror or error}") from None


def mapping(value: Any, where: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise FormatError(f"{where}: is {show(value)}, expected an object")
    return value


def items(value: Any, where: str, length: int | None = None) -> list[Any]:
    """A list, of a certain length when one is given."""
    if not isinstance(value, list):
        raise FormatError(f"{where}: is {show(value)}, expected a list")
    if length is not None and len(value) != length:
        raise FormatError(f"{where}: has {len(value)} values, expected {length}")
    return value


def numbers(value: Any, where: str, length: int | None = None) -> list[int | float]:
    """A list of finite numbers, of a certain length when one is given."""
    for i, item in enumerate(items(value, where, length)):
        if not is_finite_number(item):
            raise FormatError(f"{where}[{i}]: is {show(item)}, expected a finite number")
    found: list[int | float] = value
    return found


def number(value: Any, where: str) -> int | float:
    """A finite number."""
    if not is_finite_number(value):
        raise FormatError(f"{where}: is {show(value)}, expected a finite number")
    found: int | float = value
    return found


def text(value: Any, where: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise FormatError(f"{where}: is {show(value)}, expected a text")
    return value


def part(owner: dict[str, Any], name: str) -> Any:
    """A field of an object, or MISSING, which every check refuses by that name."""
    return owner.get(name, MISSING)
