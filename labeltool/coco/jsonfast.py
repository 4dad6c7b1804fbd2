"""The quick way through a JSON file, taken only where it provably says the same as the standard library's parser.

orjson is several times as quick as `json`, but keeps the last of two equal keys without a word, and turns integers beyond 64 bits
into floats. Both are found out beforehand or afterwards by counting:

- **Integers.** A run of 19 digits or more that is no fraction sends the file to the slow way.
- **Keys.** Outside of strings a colon stands after every key and nowhere else. So a text with as many colons as its objects have
  keys has lost no key; nor has one with as many `":`, where no space stands between a quote and a colon. Strings that hold
  colons can only make the count too high.
- **The rest.** NaN, Infinity, numbers that overflow, lone surrogates, a byte order mark, bad UTF-8 and every error of syntax are
  refused by orjson, and the slow way finds the words for them.

The annotations are parsed piece by piece. A piece that parses between brackets is whole values of the list, since JSON is read
from left to right: a piece cut inside a value does not parse.
"""

from __future__ import annotations

import gc
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, compress, islice, repeat
from operator import is_
from typing import Any

import orjson

# Small enough for what is made of a piece to stay in the processor's cache.
_PIECE = 1 << 17
_WINDOW = 1 << 20
_MARK = "labeltool: the annotations stand elsewhere \u2603"
_LIST = re.compile(rb'"annotations"[ \t\r\n]*:[ \t\r\n]*\[(?=[ \t\r\n]*\{)')
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_END = re.compile(rb"\}[ \t\r\n]*\]")
_LOOSE_COLON = re.compile(rb'"[ \t\r\n]+:')
_LONG_INTEGER = re.compile(rb"(?<![.0-9])[0-9]{19,}(?![0-9.eE])")
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG = b"0" * 19
_CACHED_PIECES = 4
_TRIES = 40
# A larger text is given to orjson in pieces or not at all: parsing takes several times its length.
_MOST_AT_ONCE = 1 << 27


class NotPlain(Exception):
    """The text needs the slow way: it holds something that is to be reported, or might."""


class Pieces(Sequence[dict[str, Any]]):
    """The annotations of a text, parsed again when they are asked for.

    Args:
        raw: the text.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._spans: list[tuple[int, int]] = []
        self._firsts: list[int] = []
        self._count = 0
        self._cache: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()

    def append(self, start: int, end: int, count: int) -> None:
        """Add the piece raw[start:end] of `count` annotations."""
        self._spans.append((start, end))
        self._firsts.append(self._count)
        self._count += count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        row = int(index)
        if not 0 <= row < self._count:
            raise IndexError(index)
        low, high = 0, len(self._firsts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._firsts[middle] <= row else (low, middle)
        if low not in self._cache:
            start, end = self._spans[low]
            self._cache[low] = orjson.loads(b"[" + self._raw[start:end] + b"]")
            if len(self._cache) > _CACHED_PIECES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(low)
        return self._cache[low][row - self._firsts[low]]


class Cutter(Iterator[tuple[int, int, bytes]]):
    """Cuts the annotations of a text into pieces: (start and end in the text, the text between them as a JSON list).

    To look for the end of the list in each of them takes as long as a third of its parsing. So pieces are cut on trial at first:
    one that holds the end does not parse, and who finds that out asks for it `again`.

    Args:
        raw: the text.
        start: where the first annotation begins.
        rest: called with the place behind the list when the pieces have run out.
        trial: whether to cut on trial.
    """

    def __init__(self, raw: bytes, start: int, rest: Callable[[int], None], *, trial: bool) -> None:
        self._raw = raw
        self._view = memoryview(raw)
        self._rest = rest
        self._start = self._next = start
        self._is_last = False
        self.trial = trial

    def again(self) -> None:
        """Have the piece that was given last cut anew, and all further ones, without trial."""
        self.trial = self._is_last = False
        self._next = self._start

    def __next__(self) -> tuple[int, int, bytes]:
        if self._is_last:
            self._rest(self._next)
            raise StopIteration
        self._start = self._next
        cut = _trial_cut(self._raw, self._start) if self.trial else None
        end, self._next, self._is_last = cut or _next_piece(self._raw, self._start)
        return self._start, end, b"".join((b"[", self._view[self._start : end], b"]"))


def loads_plain(raw: bytes) -> Any:
    """The value of a JSON text, exactly as `json.loads` has it.

    Raises:
        NotPlain: that is not certain.
    """
    with without_collector():
        try:
            return _in_pieces(raw)
        except NotPlain:
            # The list may belong to something else than the document.
            return _parsed(raw)


def stream_plain(raw: bytes, *, trial: bool = False) -> tuple[dict[str, Any], Cutter] | None:
    """A document whose annotations come piece by piece, each piece to be parsed by who asks for it.

    Args:
        raw: the text.
        trial: whether the pieces are cut on trial.

    Returns:
        The document with an empty list in the place of its annotations, filled when the pieces have run out; and the pieces.
        None when the text has no such list.

    Raises:
        NotPlain: also while the pieces run.
    """
    match = _LIST.search(raw)
    if match is None:
        return None
    data: dict[str, Any] = {}

    def rest(end: int) -> None:
        found = _parsed(raw[: match.end() - 1] + orjson.dumps(_MARK) + raw[end:])
        if type(found) is not dict or found.get("annotations") != _MARK:
            raise NotPlain
        data.update(found, annotations=[])

    return data, Cutter(raw, match.end(), rest, trial=trial)


def holds_long_integer(raw: bytes) -> bool:
    """Whether a text may hold an integer of 19 digits or more."""
    for start in range(0, len(raw), _WINDOW):
        window = raw[start : start + _WINDOW + len(_LONG)]
        # Most texts have no such run at all; a fraction may have one.
        if _LONG in window.translate(_DIGITS) and _LONG_INTEGER.search(raw, start, start + _WINDOW + 400):
            return True
    return False


@contextmanager
def without_collector() -> Iterator[None]:
    """No garbage collection inside the block: parsed JSON has no cycles, and looking for some takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse_piece(text: bytes) -> tuple[list[Any], bool]:
    """The annotations of a piece, and whether its text is free of bools.

    Raises:
        NotPlain: it does not parse, or holds what needs the slow way.
    """
    return _parsed(text), b"true" not in text and b"false" not in text


def _in_pieces(raw: bytes) -> Any:
    stream = stream_plain(raw)
    if stream is None:
        raise NotPlain
    data, pieces = stream
    rows: list[Any] = []
    for _, _, text in pieces:
        rows += parse_piece(text)[0]
    data["annotations"] = rows
    return data


def _next_piece(raw: bytes, at: int) -> tuple[int, int, bool]:
    """Where the piece from `at` on ends, where the next one begins, and whether it is the last one of the list."""
    length = _PIECE
    while True:
        window = at + length
        ending = _END.search(raw, at, window)
        cuts = _last_cuts(raw, at, window)
        if ending is None and cuts:
            return cuts[-1].start() + 1, cuts[-1].end(), False
        if ending is not None or window >= len(raw):
            break
        length *= 8
    # Lists of objects inside annotations end like the list of annotations, and are separated like it: try.
    for cut in reversed(cuts[-_TRIES:]):
        if _parses(raw, at, cut.start() + 1):
            return cut.start() + 1, cut.end(), False
    for ending in islice(_END.finditer(raw, at), _TRIES):
        if _parses(raw, at, ending.start() + 1):
            return ending.start() + 1, ending.end(), True
    raise NotPlain


def _trial_cut(raw: bytes, at: int) -> tuple[int, int, bool] | None:
    """Where the piece from `at` on probably ends, as `_next_piece` has it; None when that is not seen at a glance."""
    window = stop = at + _PIECE
    for _ in range(_TRIES if window < len(raw) else 0):
        stop = raw.rfind(b"}", at, stop)
        between = _BETWEEN.match(raw, stop, window) if stop >= 0 else None
        if between is not None:
            return stop + 1, between.end(), False
    return None


def _last_cuts(raw: bytes, at: int, window: int) -> list[re.Match[bytes]]:
    """The last places in a window where one object ends and the next begins."""
    if window >= len(raw):
        return []
    back = 1 << 13
    while True:
        cuts = list(_BETWEEN.finditer(raw, max(window - back, at), window))
        if cuts or window - back <= at:
            return cuts
        back *= 8


def _parses(raw: bytes, start: int, end: int) -> bool:
    try:
        orjson.loads(b"[" + raw[start:end] + b"]")
    except orjson.JSONDecodeError:
        return False
    return True


def _parsed(text: bytes) -> Any:
    """The value of a text that has no long integer and no key twice in an object.

    Raises:
        NotPlain: it may have one, or is no JSON for orjson.
    """
    if len(text) > _MOST_AT_ONCE or holds_long_integer(text):
        raise NotPlain
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NotPlain from None
    keys, objects = _count_near(data)
    if objects != text.count(b"{"):
        keys = _count_all(data)
    # Most pieces have no colon but those of keys. Where strings hold some, those behind a quote are counted instead.
    if keys != text.count(b":") and (_LOOSE_COLON.search(text) or keys != text.count(b'":')):
        raise NotPlain
    return data


def _count_near(data: Any) -> tuple[int, int]:
    """The keys and objects of the usual places: the top, its values, rows of its lists, and values of those rows."""
    keys = objects = 0
    if type(data) is dict:
        keys, objects, lists = len(data), 1, list(data.values())
    else:
        lists = [data]
    for rows in lists:
        if type(rows) is dict:
            rows = [rows]
        if type(rows) is list and rows and set(map(type, rows)) == {dict}:
            keys += sum(map(len, rows))
            objects += len(rows)
            values = list(chain.from_iterable(map(dict.values, rows)))
            inner = list(compress(values, map(is_, map(type, values), repeat(dict))))
            keys += sum(map(len, inner))
            objects += len(inner)
    return keys, objects


def _count_all(data: Any) -> int:
    """The keys of all objects, wherever they stand."""
    keys, stack = 0, [data]
    while stack:
        value = stack.pop()
        if type(value) is dict:
            keys += len(value)
            stack.extend(v for v in value.values() if type(v) is dict or type(v) is list)
        elif type(value) is list:
            stack.extend(v for v in value if type(v) is dict or type(v) is list)
    return keys
