"""The pictures of a report: the worst cases of each joint and each kind of error."""

from __future__ import annotations

from dataclasses import dataclass

from labeltool.audit import KINDS
from labeltool.evaluate import Case, PeopleTable, Study, Subject, all_cases
from labeltool.evaluate.people import BACKGROUND, MISSED
from labeltool.report.overlays import Artist

#: Pictures of each group.
MOST = 6


@dataclass(frozen=True)
class Picture:
    """A drawn case.

    Attributes:
        name: of its file.
        caption: what is wrong.
        where: the photo and the person.
        content: the JPEG.
    """

    name: str
    caption: str
    where: str
    content: bytes


@dataclass(frozen=True)
class Gallery:
    """Pictures by group, the worst first; groups without any are left out."""

    pictures: tuple[tuple[str, tuple[Picture, ...]], ...]


def make_gallery(study: Study, most: int = MOST) -> Gallery:
    """At most so many pictures of each group; a case whose photo is not at hand is passed over."""
    artist = Artist(study.subject)
    groups = []
    for name, cases in all_cases(study.subject, study.people, most):
        drawn = []
        for rank, case in enumerate(cases, 1):
            content = artist.picture(case)
            if content is not None:
                drawn.append(
                    Picture(
                        _file_name(study, case, rank),
                        caption_of(study.subject, study.people, case),
                        where_of(study.subject, case),
                        content,
                    )
                )
        if drawn:
            groups.append((name, tuple(drawn)))
    return Gallery(tuple(groups))


def caption_of(subject: Subject, table: PeopleTable, case: Case) -> str:
    """What is wrong with a case, in a line."""
    joints = subject.skeleton.joints
    names = ", ".join(joints[j].replace("_", " ") for j in case.joints)
    if case.group in KINDS:
        return f"{names if len(case.joints) <= 4 else f'{len(case.joints)} joints'} (OKS {case.value:.2f})"
    if case.group == MISSED:
        return "no detection finds this person"
    if case.group == BACKGROUND:
        return f"score {case.value:.2f}, finds nobody"
    if case.group == "person":
        wrong = len(case.joints)
        return f"OKS {case.value:.2f}" + (
            f", {wrong} of {int(subject.labels.labelled[case.label].sum())} joints wrong" if wrong else ""
        )
    away = table.distance[case.label, case.joints[0]]
    return f"ks {case.value:.2f}, {away:.2f} s off"


def where_of(subject: Subject, case: Case) -> str:
    """The photo and the person of a case."""
    name = subject.photos.names.get(case.image) or f"image {case.image}"
    return name if case.label < 0 else f"{name}, person {subject.labels.person[case.label]}"


def _file_name(study: Study, case: Case, rank: int) -> str:
    who = f"detection{case.detection}" if case.label < 0 else f"person{study.subject.labels.person[case.label]}"
    return f"{case.group.replace(' ', '_')}-{rank:02d}-image{case.image}-{who}.jpg"
