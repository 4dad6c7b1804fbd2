"""Checking a document, or a file that should be one, against every rule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The rule modules register their rules when they are imported.
from labeltool.coco import (
    rules_annotations,
    rules_boxes,
    rules_categories,
    rules_dataset,
    rules_file,
    rules_images,
    rules_joints,
    rules_plausible,
    rules_results,
)
from labeltool.coco.columns import Columns
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import RULES, Finding, Rule
from labeltool.coco.jsonfast import NotPlain, Pieces, parse_piece, stream_plain, without_collector
from labeltool.coco.jsonfile import JsonFile, JsonSyntaxError, parse_exactly, parse_json, read_bytes
from labeltool.coco.pieces import PieceReader
from labeltool.coco.view import Table, View
from labeltool.errors import CocoError

#: The order of reports: what stands first may be the cause of what follows.
GROUPS = "CIKABDR"

RULE_MODULES = (
    rules_file,
    rules_images,
    rules_categories,
    rules_annotations,
    rules_joints,
    rules_plausible,
    rules_boxes,
    rules_dataset,
    rules_results,
)


@dataclass(frozen=True)
class Report:
    """What a check of one file found.

    Attributes:
        file: the file's name.
        findings: one for each code and kind, in the order of `rules`.
    """

    file: str
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """How many places are in error: the sum of the counts of the findings that are errors."""
        return sum(f.count for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> int:
        """How many places deserve a warning: the sum of the counts of the findings that are warnings."""
        return sum(f.count for f in self.findings if f.severity == "warning")

    def to_json(self) -> dict[str, Any]:
        """The report as plain data; `errors` and `warnings` count places, not findings."""
        return {
            "file": self.file,
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def to_text(self) -> str:
        """The report for a terminal: a line of totals, then the errors and the warnings with their first places."""
        lines = [f"{self.file}: {_count(self.errors, 'error')}, {_count(self.warnings, 'warning')}"]
        for finding in sorted(self.findings, key=lambda f: f.severity != "error"):
            lines += [
                "",
                f"{finding.severity} {finding.code}: {RULES[finding.code].title}: {_count(finding.count, 'place')}",
            ]
            lines += [f"  {place}: {what}" for place, what in zip(finding.places, finding.details, strict=True)]
            if finding.count > len(finding.places):
                lines.append(f"  ... and {finding.count - len(finding.places):,} more")
            lines.append(f"  -> {finding.hint}")
        return "\n".join(lines)


def check_document(
    document: CocoDocument,
    *,
    images_root: Path | None = None,
    codes: Collection[str] | None = None,
    splits: Sequence[CocoDocument] = (),
) -> list[Finding]:
    """What is wrong with a document, in the order of `rules`; an empty list when nothing is. Never raises on damaged data.

    Args:
        document: the document, in whatever condition.
        images_root: the folder of the photos; when given, the photos are read and compared (I106-I109).
        codes: the rules to apply, all of them by default.
        splits: other splits of the same set, which should share no photo with this one (D505).
    """
    return _findings(View(document.data, images_root, splits=splits), codes)


def check_file(
    path: Path,
    images_root: Path | None = None,
    *,
    codes: Collection[str] | None = None,
    truth: CocoDocument | None = None,
    splits: Sequence[CocoDocument] = (),
) -> Report:
    """What is wrong with a file that should be a COCO document, or results when its top level is a list.

    A file that cannot be parsed has the finding C001.

    Args:
        path: the file.
        images_root: the folder of the photos, when they are to be read and compared.
        codes: the rules to apply, all of them by default.
        truth: the document that results are held against.
        splits: other splits of the same set.

    Raises:
        CocoError: the file is missing or cannot be opened.
    """
    path = Path(path)
    try:
        view = _view_of_file(path, images_root, truth, splits)
    except JsonSyntaxError as error:
        return Report(str(path), (_syntax_finding(error),))
    return Report(str(path), tuple(_findings(view, codes)))


def rules(codes: Collection[str] | None = None) -> list[Rule]:
    """The rules, file before images, categories, annotations and boxes, then by code; all of them by default."""
    order = sorted(RULES, key=lambda code: (GROUPS.index(code[0]), code))
    return [RULES[code] for code in order if codes is None or code in codes]


def select_codes(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> set[str] | None:
    """The codes of the rules that are asked for, None for all of them.

    Args:
        select: codes, or beginnings of codes such as `A3`, also several in one text with commas; none selects all.
        ignore: the same, for rules to leave out.

    Raises:
        CocoError: no rule begins so.
    """
    if not select and not ignore:
        return None
    chosen = _codes_like(select) if select else set(RULES)
    return chosen - _codes_like(ignore)


def _view_of_file(
    path: Path, images_root: Path | None, truth: CocoDocument | None, splits: Sequence[CocoDocument]
) -> View:
    raw = read_bytes(path)
    try:
        streamed = _stream(raw)
    except NotPlain:
        file = parse_exactly(path, raw)
    else:
        if streamed is not None:
            data, annotations = streamed
            return View(data, images_root, JsonFile(data), splits=splits, annotations=annotations)
        file = parse_json(path, raw)
    return View(file.data, images_root, file, truth=truth, splits=splits)


def _stream(raw: bytes) -> tuple[dict[str, Any], Table] | None:
    """A document without its annotations and the annotations as columns, read piece by piece so that memory stays small."""
    with without_collector():
        stream = stream_plain(raw, trial=True)
        if stream is None:
            return None
        data, pieces = stream
        rows, columns, reader = Pieces(raw), Columns(), PieceReader()
        for start, end, text in pieces:
            batch = reader.read(text)
            if batch is not None:
                columns.add_batch(batch)
                rows.append(start, end, len(batch.boxes))
                continue
            if pieces.trial:
                pieces.again()
                continue
            found, without_bools = parse_piece(text)
            if set(map(type, found)) != {dict}:
                raise NotPlain
            columns.add(found, plain=without_bools)
            rows.append(start, end, len(found))
    return data, Table("annotations", rows, range(len(rows)), columns)


def _codes_like(beginnings: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for beginning in (part.strip().upper() for text in beginnings for part in text.split(",")):
        like = {code for code in RULES if beginning and code.startswith(beginning)}
        if not like:
            raise CocoError(f"no rule {beginning!r}, expected a code such as A312, or a beginning such as A3")
        found |= like
    return found


def _findings(view: View, codes: Collection[str] | None) -> list[Finding]:
    # Damaged numbers may overflow on the way; the comparisons that follow are then false, or true for good reason.
    with np.errstate(all="ignore"):
        return [finding for rule in rules(codes) for finding in rule.findings(view)]


def _syntax_finding(error: JsonSyntaxError) -> Finding:
    place = f"line {error.line}, column {error.column}" if error.line else "file"
    rule = RULES["C001"]
    return Finding(rule.code, "error", f"{place}: {error.reason}", rule.hint, (place,), 1, (error.reason,))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
