"""What the Export page says about the labels before they leave."""

from __future__ import annotations

from dataclasses import dataclass

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import RULES, Finding
from labeltool.project import Counts, Project

#: In a project of more images, the check waits for a click: it reads everything.
LARGE = 2_000


@dataclass(frozen=True)
class ExportCheck:
    """A check of what an export would hold.

    Attributes:
        images: images in it.
        annotations: annotations in it, of all categories.
        errors: places in error.
        warnings: places that deserve a warning.
        findings: errors first, then by code.
    """

    images: int
    annotations: int
    errors: int
    warnings: int
    findings: tuple[Finding, ...]


def check_export(project: Project, only_done: bool) -> ExportCheck:
    """The check of the document that an export of the project would write now."""
    data = project.to_document(only_done=only_done)
    document = CocoDocument(data, project.config.name)
    findings = check_document(document)
    by_weight = sorted(findings, key=lambda f: (f.severity != "error", f.code))
    return ExportCheck(
        images=len(document.images),
        annotations=len(document.annotations),
        errors=sum(f.count for f in findings if f.severity == "error"),
        warnings=sum(f.count for f in findings if f.severity == "warning"),
        findings=tuple(by_weight),
    )


def title_of(finding: Finding) -> str:
    """A finding in one line: its code, what it is about, and how often."""
    rule = RULES.get(finding.code)
    what = rule.title if rule else finding.message
    return f"{finding.code}  {what}: {places(finding.count)}"


def places(count: int) -> str:
    """A number of places in words."""
    return "1 place" if count == 1 else f"{count:,} places"


def waiting_line(counts: Counts) -> str | None:
    """What is not in an export though it is on the photos: joints that are mere predictions; None when there are none."""
    people = counts.predicted_people
    if not people:
        return None
    who = "1 person has" if people == 1 else f"{people:,} people have"
    return (
        f"{who} predicted joints that nobody has accepted or moved yet. They are no labels, and stay out of the export."
    )
