"""What a fix works on: a document being mended row by row, and the register of the fixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from labeltool.coco.document import SECTIONS
from labeltool.coco.show import MISSING, show
from labeltool.coco.view import Table, View

Level = Literal["safe", "all"]


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


def _same(a: Any, b: Any) -> bool:
    """Whether two values are equal, int and float told apart at the top."""
    return type(a) is type(b) and bool(a == b) and (not isinstance(a, list) or list(map(type, a)) == list(map(type, b)))
