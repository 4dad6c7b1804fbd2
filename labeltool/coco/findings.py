"""Findings, and the registry of the rules that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.jsonscan import MAX_PLACES
from labeltool.coco.view import Table, View

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One kind of thing that is wrong with a document, and where.

    Attributes:
        code: the rule's code, such as `A307`; never reused.
        severity: `error` (the file is unusable or its numbers are wrong) or `warning`.
        message: the first place with what is wrong there: `annotations[17] (id 444839): keypoints has 50 numbers, expected 51`.
        hint: what to do about it.
        places: the first places (at most 5), such as `annotations[17] (id 444839)`.
        count: how many places there are in all.
        details: what is wrong at each of `places`.
    """

    code: str
    severity: Severity
    message: str
    hint: str
    places: tuple[str, ...]
    count: int
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as plain data; `where` is the list of places."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "where": list(self.places),
            "count": self.count,
            "hint": self.hint,
        }


@dataclass(frozen=True)
class Hits:
    """The places of one kind that a rule found, as rows that are put into words only for the first few.

    Attributes:
        rows: the rows (of annotations, images, ...) that break the rule.
        place: the written place of a row.
        detail: what is wrong with a row, with the numbers.
        severity: where it differs from the rule's own.
        hint: where it differs from the rule's own.
        count: how many places there are, where `rows` is not all of them.
    """

    rows: Sequence[int] | NDArray[np.integer[Any]]
    place: Callable[[int], str]
    detail: Callable[[int], str]
    severity: Severity | None = None
    hint: str | None = None
    count: int | None = None


def at(
    table: Table,
    rows: Sequence[int] | NDArray[np.integer[Any]],
    detail: Callable[[int], str],
    *,
    severity: Severity | None = None,
    hint: str | None = None,
) -> Hits:
    """Hits at rows of one of the document's lists."""
    return Hits(rows, table.place, detail, severity, hint)


Check = Callable[[View], Iterable[Hits]]


@dataclass(frozen=True)
class Rule:
    """A rule of the COCO keypoint format.

    Attributes:
        code: its code.
        severity: what breaking it means, unless a hit says otherwise.
        hint: what to do, unless a hit says otherwise.
        check: the function that finds where a document breaks it; its docstring explains the rule, with a bad and a good example.
    """

    code: str
    severity: Severity
    hint: str
    check: Check

    @property
    def title(self) -> str:
        """The rule in one line: the first of its docstring."""
        return (self.check.__doc__ or "").strip().splitlines()[0].rstrip(".")

    def findings(self, view: View) -> list[Finding]:
        """What the rule finds, one finding for each severity and hint."""
        groups: dict[tuple[Severity, str], list[Hits]] = {}
        for hits in self.check(view):
            if len(hits.rows):
                key = (hits.severity or self.severity, self.hint if hits.hint is None else hits.hint)
                groups.setdefault(key, []).append(hits)
        return [_finding(self.code, severity, hint, found) for (severity, hint), found in groups.items()]


#: Every rule by its code.
RULES: dict[str, Rule] = {}


def rule(code: str, severity: Severity, hint: str) -> Callable[[Check], Check]:
    """Register a function as the rule of that code; a code is given once and never reused."""

    def register(check: Check) -> Check:
        if code in RULES:
            raise RuntimeError(f"rule {code} is registered twice")
        RULES[code] = Rule(code, severity, hint, check)
        return check

    return register


def _finding(code: str, severity: Severity, hint: str, found: Sequence[Hits]) -> Finding:
    places: list[str] = []
    details: list[str] = []
    for hits in found:
        for row in hits.rows[: MAX_PLACES - len(places)]:
            places.append(hits.place(int(row)))
            details.append(hits.detail(int(row)))
    count = sum(len(hits.rows) if hits.count is None else hits.count for hits in found)
    message = f"{places[0]}: {details[0]}"
    return Finding(code, severity, message, hint, tuple(places), count, tuple(details))
