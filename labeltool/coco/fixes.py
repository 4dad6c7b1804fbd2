"""Mending a document: every change follows from a rule, is written down, and is made once.

A fix is *safe* where only one value can be meant (a count, a clamp, a cast), and *proposed* where it takes a decision (an
annotation of no image is dropped); proposed fixes are made at level `all` only. No fix moves a labelled joint, except one that
lies at most a pixel outside its image (A311), and except that shares of the image become pixels (A318).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from labeltool.coco.document import SECTIONS, CocoDocument
from labeltool.coco.findings import RULES
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import Table, View

Level = Literal["safe", "all"]

# A fix may be what makes the next one possible (box, then area), but never for many rounds.
_MOST_ROUNDS = 12


@dataclass(frozen=True)
class Change:
    """One value that a fix changed.

    Attributes:
        code: the rule whose finding it answers.
        place: the row as it was called before, such as `annotations[17] (id 444839)`.
        field: the field that changed; empty where the whole row was dropped.
        before: the value that stood there, MISSING where none did.
        after: the value that stands there now, MISSING where the field or row is gone.
    """

    code: str
    place: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.after is MISSING:
            return f"{self.place}: {self.field or 'the whole entry'} dropped"
        return f"{self.place}: {self.field} {show(self.before)} -> {show(self.after)}"

    def to_json(self) -> dict[str, Any]:
        """The change as plain data; `before` or `after` is left out where there is none."""
        plain = {"code": self.code, "place": self.place, "field": self.field}
        return plain | {k: v for k, v in (("before", self.before), ("after", self.after)) if v is not MISSING}


@dataclass(frozen=True)
class Fix:
    """How the findings of a rule are mended.

    Attributes:
        code: the rule.
        level: `safe`, or `all` for a fix that takes a decision.
        table: the list whose rows it mends, None when it is called once for the whole document.
        apply: makes the changes for one row.
        summary: what it does, in a few words.
    """

    code: str
    level: Level
    table: str | None
    apply: Callable[[Draft, int], None]
    summary: str


#: Every fix by the code of its rule.
FIXES: dict[str, Fix] = {}


def fix(
    code: str, level: Level, table: str | None
) -> Callable[[Callable[[Draft, int], None]], Callable[[Draft, int], None]]:
    """Register a function as the fix of a rule; the first line of its docstring is the summary."""

    def register(apply: Callable[[Draft, int], None]) -> Callable[[Draft, int], None]:
        summary = (apply.__doc__ or "").strip().splitlines()[0].rstrip(".")
        FIXES[code] = Fix(code, level, table, apply, summary)
        return apply

    return register


class Draft:
    """A document being mended: rows are copied when they first change, so that the original stays as it was.

    Args:
        view: the document as it is at the start of a round.
        level: which fixes may be made.
    """

    def __init__(self, view: View, level: Level = "safe") -> None:
        self.view = view
        self.level = level
        self.changes: list[Change] = []
        #: What fixes keep for the length of a round: the ids in use, the photos of a folder.
        self.notes: dict[str, Any] = {}
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        self._dropped: set[tuple[str, int]] = set()
        self._top: dict[str, Any] = {}

    def table(self, name: str) -> Table:
        """One of the document's lists as it was at the start of the round."""
        table: Table = getattr(self.view, name)
        return table

    def row(self, table: str, row: int) -> dict[str, Any]:
        """A row with the changes made so far; not to be changed."""
        changed = self._rows.get((table, row))
        return self.table(table).rows[row] if changed is None else changed

    def get(self, table: str, row: int, field: str) -> Any:
        """The present value of a field, MISSING where there is none."""
        return self.row(table, row).get(field, MISSING)

    def is_dropped(self, table: str, row: int) -> bool:
        """Whether a row has been dropped in this round."""
        return (table, row) in self._dropped

    def set(self, code: str, table: str, row: int, field: str, value: Any) -> None:
        """Change a field, MISSING to remove it; nothing happens where that value stands already."""
        before = self.get(table, row, field)
        if _same(before, value):
            return
        key = (table, row)
        if key not in self._rows:
            self._rows[key] = dict(self.table(table).rows[row])
        if value is MISSING:
            del self._rows[key][field]
        else:
            self._rows[key][field] = value
        self.changes.append(Change(code, self.table(table).place(row), field, before, value))

    def drop(self, code: str, table: str, row: int) -> None:
        """Drop a row."""
        self._dropped.add((table, row))
        self.changes.append(Change(code, self.table(table).place(row), "", self.row(table, row), MISSING))

    def set_top(self, code: str, key: str, value: Any) -> None:
        """Change a value at the top of the document that is none of its lists."""
        before = self.view.top[key]
        if not _same(before, value):
            self._top[key] = value
            self.changes.append(Change(code, "top level", key, before, value))

    def note(self, name: str, make: Callable[[], Any]) -> Any:
        """A value made once a round."""
        if name not in self.notes:
            self.notes[name] = make()
        return self.notes[name]

    def new_id(self, table: str) -> int:
        """An id above all those of a list."""
        top = f"{table} top"
        highest: int = self.note(
            top, lambda: max((v for v in self.table(table).column("id") if type(v) is int), default=0)
        )
        self.notes[top] = max(highest, 0) + 1
        return max(highest, 0) + 1

    def result(self) -> dict[str, Any]:
        """The document with the changes made."""
        data = dict(self.view.top) | self._top
        for name in SECTIONS:
            if any(key[0] == name for key in self._rows) or any(key[0] == name for key in self._dropped):
                table = self.table(name)
                section = list(data[name])
                for (at, row), changed in self._rows.items():
                    if at == name:
                        section[table.positions[row]] = changed
                gone = {table.positions[row] for at, row in self._dropped if at == name}
                data[name] = [item for i, item in enumerate(section) if i not in gone] if gone else section
        return data


def fix_document(
    document: CocoDocument,
    level: Level = "safe",
    *,
    images_root: Path | None = None,
    codes: Collection[str] | None = None,
    splits: Sequence[CocoDocument] = (),
) -> tuple[CocoDocument, list[Change]]:
    """A document with its findings mended as far as they can be, and every change that was made.

    Mending what has been mended changes nothing. The document itself stays as it was.

    Args:
        document: the document, in whatever condition.
        level: `safe`, or `all` with the fixes that take a decision.
        images_root: the folder of the photos, from which sizes are taken.
        codes: the rules to answer, all of them by default.
        splits: other splits of the same set (D505).

    Returns:
        The new document and the changes, in the order in which they were made.
    """
    data, log = document.data, list[Change]()
    for _ in range(_MOST_ROUNDS if isinstance(data, dict) else 0):
        draft = _round(View(data, images_root, splits=splits), level, codes)
        if not draft.changes:
            break
        data = draft.result()
        log += draft.changes
    return CocoDocument(data, document.source), log


def summary_of(changes: Sequence[Change], places: int = 3) -> str:
    """The changes for a terminal: how many there are of each code, with the first of them."""
    lines = []
    for code, count in sorted(Counter(change.code for change in changes).items()):
        lines.append(f"fixed {code}: {FIXES[code].summary}: {count:,} change{'' if count == 1 else 's'}")
        lines += [f"  {change}" for change in _first(changes, code, places)]
        if count > places:
            lines.append(f"  ... and {count - places:,} more")
    return "\n".join(lines)


def _first(changes: Sequence[Change], code: str, places: int) -> list[Change]:
    found = []
    for change in changes:
        if change.code == code:
            found.append(change)
            if len(found) == places:
                break
    return found


def _round(view: View, level: Level, codes: Collection[str] | None) -> Draft:
    # The fixes register themselves when they are imported, after this module.
    from labeltool.coco.check import rules
    from labeltool.coco.fixers import FIXES as every

    draft = Draft(view, level)
    with np.errstate(all="ignore"):
        for rule in rules(codes):
            made = every.get(rule.code)
            if made is not None and (made.level == "safe" or level == "all"):
                _apply(made, draft)
    return draft


def _apply(made: Fix, draft: Draft) -> None:
    for hits in RULES[made.code].check(draft.view):
        if made.table is None:
            if len(hits.rows):
                made.apply(draft, 0)
                return
            continue
        for row in hits.rows:
            if not draft.is_dropped(made.table, int(row)):
                made.apply(draft, int(row))


def _same(a: Any, b: Any) -> bool:
    """Whether two values are equal, int and float told apart at the top."""
    return type(a) is type(b) and bool(a == b) and (not isinstance(a, list) or list(map(type, a)) == list(map(type, b)))
