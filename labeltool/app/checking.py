"""What the Export page says about the labels before they leave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labeltool.coco.check import check_document
from labeltool.coco.document import CocoDocument
from labeltool.coco.findings import RULES, Finding
from labeltool.project import Counts, Project

#: In a project of more images, the check waits for a click: it reads everything.
LARGE = 2_000


_PLACE = re.compile(r"(images|annotations)\[(\d+)\]")


@dataclass(frozen=True)
class Spot:
    """A place that can be looked at.

    Attributes:
        photo: the file name.
        link: the address that opens the editor there, with the person selected where it is one.
    """

    photo: str
    link: str


@dataclass(frozen=True)
class ExportCheck:
    """A check of what an export would hold.

    Attributes:
        images: images in it.
        annotations: annotations in it, of all categories.
        errors: places in error.
        warnings: places that deserve a warning.
        findings: errors first, then by code.
        spots: where the editor shows a place of a finding, by the place as it is written.
    """

    images: int
    annotations: int
    errors: int
    warnings: int
    findings: tuple[Finding, ...]
    spots: Mapping[str, Spot] = field(default_factory=dict)


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
        spots=_spots(project, document, [place for finding in by_weight for place in finding.places]),
    )


def _spots(project: Project, document: CocoDocument, places: Sequence[str]) -> dict[str, Spot]:
    """The spots of places such as `annotations[17] (id 444839)`; a place that is on no photo has none."""
    images = {image["id"]: image["file_name"] for image in document.images}
    wanted: dict[str, tuple[int, int | None]] = {}
    for place in places:
        found = _PLACE.match(place)
        if found is None:
            continue
        section, row = found[1], int(found[2])
        if section == "images":
            wanted[place] = document.images[row]["id"], None
        else:
            annotation = document.annotations[row]
            wanted[place] = annotation.get("image_id", -1), annotation.get("id")
    people = project.find_people(
        [number for _, number in wanted.values() if type(number) is int and abs(number) < 2**63]
    )
    spots = {}
    for place, (image_id, annotation_id) in wanted.items():
        person_id = people.get(annotation_id) if type(annotation_id) is int else None
        if image_id in images:
            person = "" if person_id is None else f"&person={person_id}"
            spots[place] = Spot(images[image_id], f"/?image={image_id}{person}")
    return spots


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
