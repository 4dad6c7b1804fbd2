"""Checking a document, or a file that should be one, against every rule."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The rule modules register their rules when they are imported.
from labeltool.coco import (
    rules_annotations,
    rules_boxes,
    rules_categories,
    rules_file,
    rules_images,
    rules_joints,
)
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import RULES, Finding, Rule
from labeltool.coco.jsonfile import JsonSyntaxError, read_json
from labeltool.coco.view import View

#: The order of reports: what stands first may be the cause of what follows.
GROUPS = "CIKABDR"

RULE_MODULES = (rules_file, rules_images, rules_categories, rules_annotations, rules_joints, rules_boxes)


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
    document: CocoDocument, *, images_root: Path | None = None, codes: Collection[str] | None = None
) -> list[Finding]:
    """What is wrong with a document, in the order of `rules`; an empty list when nothing is. Never raises on damaged data.

    Args:
        document: the document, in whatever condition.
        images_root: the folder of the photos; when given, the photos' headers are read and compared (I106-I108).
        codes: the rules to apply, all of them by default.
    """
    return _findings(View(document.data, images_root), codes)


def check_file(path: Path, images_root: Path | None = None, *, codes: Collection[str] | None = None) -> Report:
    """What is wrong with a file that should be a COCO document; a file that cannot be parsed has the finding C001.

    Raises:
        CocoError: the file is missing or cannot be opened.
    """
    path = Path(path)
    try:
        file = read_json(path)
    except JsonSyntaxError as error:
        return Report(str(path), (_syntax_finding(error),))
    return Report(str(path), tuple(_findings(View(file.data, images_root, file), codes)))


def rules(codes: Collection[str] | None = None) -> list[Rule]:
    """The rules, file before images, categories, annotations and boxes, then by code; all of them by default."""
    order = sorted(RULES, key=lambda code: (GROUPS.index(code[0]), code))
    return [RULES[code] for code in order if codes is None or code in codes]


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
