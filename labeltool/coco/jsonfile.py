"""Reading JSON files so that whatever is wrong with one is said with its line and column."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labeltool.coco.jsonfast import NotPlain, loads_plain
from labeltool.coco.jsonscan import Places, line_and_column, scan, too_deep
from labeltool.errors import CocoError

# Numbers that may overflow to infinity: an exponent of three digits or more.
_LARGE_EXPONENT = re.compile(rb"[eE]\+?[0-9]{3,}[\s,\]}]")
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
# What a number looks like from where the parser stops when the text ends inside it: "1." or "1e+".
_CUT_NUMBER = re.compile(r"-|\.|[eE][+-]?|\.[0-9]+[eE][+-]?")
_NESTING_SHOWN = 200
# JSON of labels compresses four to twenty times; what unpacks to more than this was made to fill the memory.
_LARGEST_RATIO = 200
_ALWAYS_ALLOWED = 1 << 20
_WRONG_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


class JsonSyntaxError(CocoError):
    """A file that is there but is no JSON text in UTF-8.

    Attributes:
        reason: what is wrong, without the file name and the place.
        line: 1-based line, 0 when there is none.
        column: 1-based column in characters, 0 when there is none.
    """

    def __init__(self, path: Path, reason: str, line: int = 0, column: int = 0) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        place = f" (line {line}, column {column})" if line else ""
        super().__init__(f"{path}: {reason}{place}")


@dataclass(frozen=True)
class JsonFile:
    """A parsed JSON file and what the parser passed over.

    Attributes:
        data: the parsed value; key order, int and float are as in the text, and of a key that stands twice the last value counts.
        nonfinite: the NaN and Infinity literals, and numbers too large for a float.
        duplicates: the keys that stand twice in one object.
        byte_order_mark: whether the file starts with a UTF-8 byte order mark.
    """

    data: Any
    nonfinite: Places = field(default_factory=Places)
    duplicates: Places = field(default_factory=Places)
    byte_order_mark: bool = False


def read_json(path: Path) -> JsonFile:
    """The content of a JSON file, with the places of non-finite numbers and duplicate keys.

    Raises:
        JsonSyntaxError: the file is not UTF-8 or not JSON.
        CocoError: the file is missing or cannot be read.
    """
    return parse_json(path, read_bytes(path))


def parse_json(path: Path, raw: bytes) -> JsonFile:
    """The content of a JSON text; see `read_json`.

    Raises:
        JsonSyntaxError: the text is not UTF-8 or not JSON.
    """
    try:
        return JsonFile(loads_plain(raw))
    except NotPlain:
        return parse_exactly(path, raw)


def parse_exactly(path: Path, raw: bytes) -> JsonFile:
    """The content of a JSON text by the standard library's parser alone, which notices everything; see `read_json`.

    Raises:
        JsonSyntaxError: the text is not UTF-8 or not JSON.
    """
    byte_order_mark = raw.startswith(b"\xef\xbb\xbf")
    if byte_order_mark:
        raw = raw[3:]
    text = _decode(path, raw)
    suspicious = _LARGE_EXPONENT.search(raw) is not None
    del raw
    data, noticed = _parse(path, text)
    if not (suspicious or noticed):
        return JsonFile(data, byte_order_mark=byte_order_mark)
    found = scan(text)
    return JsonFile(data, found.nonfinite, found.duplicates, byte_order_mark)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked when it is gzip-compressed.

    Raises:
        JsonSyntaxError: the compressed data are damaged, or far larger than any JSON compresses.
        CocoError: the file is missing or cannot be read.
    """
    try:
        raw = path.read_bytes()
        return _unpack(path, raw) if raw.startswith(b"\x1f\x8b") else raw
    except FileNotFoundError:
        raise CocoError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise CocoError(f"{path}: is a folder, expected a JSON file") from None
    except JsonSyntaxError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CocoError(f"{path}: cannot be read: {reason}") from None


def _unpack(path: Path, packed: bytes) -> bytes:
    most = _LARGEST_RATIO * len(packed) + _ALWAYS_ALLOWED
    parts: list[bytes] = []
    size = 0
    try:
        while packed:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(packed, most - size + 1))
            size += len(parts[-1])
            if size > most:
                reason = f"the gzip data unpack to more than {_LARGEST_RATIO} times their size, expected a JSON file"
                raise JsonSyntaxError(path, reason)
            if not member.eof:
                raise JsonSyntaxError(
                    path, f"the gzip data end in the middle, after {size:,} unpacked bytes: the file looks cut"
                )
            packed = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise JsonSyntaxError(path, f"damaged gzip data after {size:,} unpacked bytes: {error}") from None
    return b"".join(parts)


def _decode(path: Path, raw: bytes) -> str:
    if not raw or raw.isspace():
        raise JsonSyntaxError(path, f"the file is empty ({len(raw)} bytes), expected JSON")
    for mark, name in _WRONG_ENCODINGS:
        if raw.startswith(mark):
            raise JsonSyntaxError(path, f"the file is {name} text, expected UTF-8", 1, 1)
    if raw.startswith(b"\x1f\x8b"):
        raise JsonSyntaxError(path, "the file is gzip-compressed twice, expected once", 1, 1)
    if b"\0" in raw[:4]:
        raise JsonSyntaxError(path, "the file holds zero bytes (UTF-16 or no text at all), expected UTF-8", 1, 1)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        start = raw.rfind(b"\n", 0, error.start) + 1
        column = len(raw[start : error.start].decode("utf-8")) + 1
        if error.reason == "unexpected end of data" and error.end == len(raw):
            raise JsonSyntaxError(path, "not JSON: the file ends in the middle of a character", line, column) from None
        byte = raw[error.start]
        raise JsonSyntaxError(path, f"not UTF-8: byte 0x{byte:02x} cannot stand here", line, column) from None


def _parse(path: Path, text: str) -> tuple[Any, bool]:
    noticed = False

    def constant(name: str) -> float:
        nonlocal noticed
        noticed = True
        return float(name)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal noticed
        made = dict(items)
        if len(made) != len(items):
            noticed = True
        return made

    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=pairs), noticed
    except json.JSONDecodeError as error:
        line, column = line_and_column(text, error.pos)
        raise JsonSyntaxError(path, f"not JSON: {_explain(error, text)}", line, column) from None
    except RecursionError:
        line, column = line_and_column(text, too_deep(text, _NESTING_SHOWN))
        reason = f"nested too deep to be read: more than {_NESTING_SHOWN} brackets inside one another"
        raise JsonSyntaxError(path, reason, line, column) from None
    except ValueError:
        match = re.search(r"[0-9]{4301,}", text)
        if match is None:
            raise
        line, column = line_and_column(text, match.start())
        digits = match.end() - match.start()
        raise JsonSyntaxError(path, f"an integer of {digits:,} digits, expected at most 4,300", line, column) from None


def _explain(error: json.JSONDecodeError, text: str) -> str:
    rest = text[error.pos :].strip()
    if error.msg.startswith("Unterminated string"):
        return "the file ends in the middle of the string that begins here: it looks cut"
    if not rest or _CUT_NUMBER.fullmatch(rest) or any(w.startswith(rest) and w != rest for w in _LITERALS):
        return "the file ends in the middle: it looks cut"
    if error.msg.startswith("Invalid \\") and len(rest) < 8 and rest.count('"') == 0:
        return "the file ends in the middle of a string: it looks cut"
    if error.msg == "Extra data":
        return f"more text after the end of the JSON value: {_glimpse(rest)}"
    message = error.msg[0].lower() + error.msg[1:]
    return f"{message}, found {_glimpse(rest)}"


def _glimpse(rest: str) -> str:
    return repr(rest[:20]) + ("..." if len(rest) > 20 else "")
