"""Mending a document: every change follows from a rule, is written down, and is made once.

A fix is *safe* where only one value can be meant (a count, a clamp, a cast), and *proposed* where it takes a decision (an
annotation of no image is dropped); proposed fixes are made at level `all` only. No fix moves a labelled joint, except one that
lies at most a pixel outside its image (A311), and except that shares of the image become pixels (A318).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from labeltool.coco.check import rules
from labeltool.coco.document import CocoDocument
from labeltool.coco.draft import Change, Draft, Fix, Level
from labeltool.coco.findings import RULES
from labeltool.coco.fixers import FIXES
from labeltool.coco.view import View

# A fix may be what makes the next one possible (box, then area), but never for many rounds.
_MOST_ROUNDS = 12


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
    draft = Draft(view, level)
    with np.errstate(all="ignore"):
        for rule in rules(codes):
            made = FIXES.get(rule.code)
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
