"""Where in a JSON text something stands: the slow, careful second look that is taken only when there is something to report."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: How many places are kept of one kind; the rest is counted.
MAX_PLACES = 5

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\],:]|-?Infinity|NaN|{_NUMBER}", re.DOTALL)
# A flat list of plain numbers holds nothing to report; as one token it makes the scan of a large file ten times shorter.
_TOKEN_FAST = re.compile(rf"{_STRING}|\[[-0-9., \t\n\r]*\]|[{{}}\[\],:]|-?Infinity|NaN|{_NUMBER}", re.DOTALL)
_BRACKET = re.compile(rf"{_STRING}|[{{}}\[\]]", re.DOTALL)
_NON_FINITE = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True)
class JsonPlace:
    """One spot of a JSON text.

    Attributes:
        path: where in the data, such as `annotations[17].keypoints[3]`; empty at the top.
        text: what stands there: the literal, or the name of the key.
        line: 1-based line, 0 when it is not known (data that were never a text).
        column: 1-based column in characters, 0 when it is not known.
    """

    path: str
    text: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = self.path or "top level"
        return f"{where} (line {self.line}, column {self.column})" if self.line else where


@dataclass
class Places:
    """The first few places of one kind, and how many there are in all."""

    first: list[JsonPlace] = field(default_factory=list)
    count: int = 0

    def add(self, place: JsonPlace) -> None:
        """Count a place, and keep it while there is room."""
        self.count += 1
        if len(self.first) < MAX_PLACES:
            self.first.append(place)

    @property
    def full(self) -> bool:
        """Whether a further place would only be counted."""
        return len(self.first) >= MAX_PLACES


@dataclass(frozen=True)
class Scan:
    """What a scan of a JSON text found: numbers that are not finite, and keys that stand twice in one object."""

    nonfinite: Places
    duplicates: Places


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The 1-based line and column of a character position."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def join_path(parts: list[str | int]) -> str:
    """The written form of a path of keys and indices: `annotations[17].keypoints[3]`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and part.isascii():
            text += f".{part}" if text else part
        else:
            text += f"[{part if len(part) <= 40 else part[:40] + '...'!r}]"
    return text


def scan(text: str) -> Scan:
    """The places of non-finite numbers and duplicate keys in a text that `json.loads` accepts.

    Iterative, so that nesting does not matter; numbers such as `1e999`, which overflow to infinity, count as non-finite.
    """
    found = _scan(text, _TOKEN_FAST)
    if not found.nonfinite.count and not found.duplicates.count:
        found = _scan(text, _TOKEN)
    return found


def too_deep(text: str, limit: int) -> int:
    """The position of the bracket that opens level `limit` + 1, or the end of the text when none does."""
    depth = 0
    for match in _BRACKET.finditer(text):
        if match.group() in ("{", "["):
            depth += 1
            if depth > limit:
                return match.start()
        elif match.group() in ("}", "]"):
            depth -= 1
    return len(text)


def find_nonfinite(data: Any) -> Places:
    """The non-finite numbers of parsed JSON data, in document order; lines and columns are not known here."""
    places = Places()
    stack: list[tuple[Any, _Link]] = [(data, None)]
    while stack:
        value, link = stack.pop()
        if type(value) is float:
            if not math.isfinite(value):
                places.add(JsonPlace("" if places.full else join_path(_unlink(link)), _literal(value)))
        elif isinstance(value, dict):
            children = [(x, (link, str(k))) for k, x in value.items() if isinstance(x, float | dict | list)]
            stack.extend(reversed(children))
        elif isinstance(value, list) and not _all_finite(value):
            items = [(x, (link, i)) for i, x in enumerate(value) if isinstance(x, float | dict | list)]
            stack.extend(reversed(items))
    return places


_Link = tuple["_Link", "str | int"] | None


@dataclass
class _Frame:
    keys: set[str] | None
    part: str | int
    at_key: bool


def _scan(text: str, token: re.Pattern[str]) -> Scan:
    nonfinite, duplicates = Places(), Places()
    stack: list[_Frame] = []
    for match in token.finditer(text):
        word = match.group()
        first = word[0]
        if first == "," and stack:
            top = stack[-1]
            if isinstance(top.part, int):
                top.part += 1
            else:
                top.at_key = True
        elif first == "{":
            stack.append(_Frame(set(), "", True))
        elif word == "[":
            stack.append(_Frame(None, 0, False))
        elif first in "}]":
            if stack:
                stack.pop()
        elif first == '"':
            _take_key(text, match, stack, duplicates)
        elif word in _NON_FINITE or _overflows(word):
            nonfinite.add(_place(text, match.start(), stack, word, nonfinite.full))
    return Scan(nonfinite, duplicates)


def _take_key(text: str, match: re.Match[str], stack: list[_Frame], duplicates: Places) -> None:
    if not stack or not stack[-1].at_key:
        return
    top = stack[-1]
    key = str(json.loads(match.group(), strict=False))
    top.part, top.at_key = key, False
    if top.keys is not None:
        if key in top.keys:
            duplicates.add(_place(text, match.start(), stack, key, duplicates.full))
        top.keys.add(key)


def _place(text: str, position: int, stack: list[_Frame], word: str, bare: bool) -> JsonPlace:
    if bare:
        return JsonPlace("", word)
    return JsonPlace(join_path([frame.part for frame in stack]), word, *line_and_column(text, position))


def _overflows(word: str) -> bool:
    return word[0] in "-0123456789" and any(c in word for c in "eE.") and math.isinf(float(word))


def _all_finite(values: list[Any]) -> bool:
    """Whether a list holds nothing but finite numbers; False when it takes a closer look."""
    try:
        return math.isfinite(sum(values))
    except (TypeError, OverflowError):
        return False


def _literal(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _unlink(link: _Link) -> list[str | int]:
    return list(_backwards(link))[::-1]


def _backwards(link: _Link) -> Iterator[str | int]:
    while link is not None:
        link, part = link
        yield part
