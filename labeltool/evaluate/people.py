"""The people of an audit one by one: whom a model got wrong, how, and who comes first when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labeltool.audit import KINDS, NO_DETECTION, Scale, all_pairs, diagnose, joints_of, match
from labeltool.audit.diagnosis import NO_KIND
from labeltool.audit.oks import keypoint_similarity, squared_scale
from labeltool.audit.people import BoolArray, FloatArray, IntArray, rows_in_parts
from labeltool.audit.rates import ratio
from labeltool.evaluate.subjects import Subject

#: Groups of cases beside the joints: kinds of errors, then people and detections without a counterpart.
MISSED, BACKGROUND = "missed person", "background detection"


@dataclass(frozen=True, eq=False)
class PeopleTable:
    """What became of everybody who is labelled, row by row as in the labels.

    Attributes:
        speaks: (N,) int, the detection that the per-joint numbers are of (`audit.match`).
        found: (N,) int, the detection that the diagnosis is of (`audit.diagnose`).
        ks: (N, K) float, ks of each labelled joint, 0 where it is missed; NaN where it is not labelled.
        distance: (N, K) float, distance to the label in units of s; infinite where missed, NaN where not labelled.
        oks: (N,) float, the mean of a person's ks; NaN for crowds and people without labels.
        kind: (N, K) int, a position in `KINDS`, or -1.
        missed: (N,) bool, people whom no detection finds.
        background: (M,) bool, detections that find nobody.
    """

    speaks: IntArray
    found: IntArray
    ks: FloatArray
    distance: FloatArray
    oks: FloatArray
    kind: IntArray
    missed: BoolArray
    background: BoolArray


@dataclass(frozen=True)
class Case:
    """A person, or a detection, worth a look.

    Attributes:
        group: the joint, or the kind of error.
        label: the row of the labels, or -1.
        detection: the row of the detections, or -1.
        image: the image id.
        joints: positions of the joints that it is about.
        value: what it is sorted by: a ks, an OKS, or a score.
    """

    group: str
    label: int
    detection: int
    image: int
    joints: tuple[int, ...]
    value: float


def people_table(subject: Subject, scale: Scale) -> PeopleTable:
    """Everybody's similarity and kinds of errors."""
    labels, detections, skeleton = subject.labels, subject.detections, subject.skeleton
    n, k = labels.v.shape
    speaks, found = np.full(n, NO_DETECTION), np.full(n, NO_DETECTION)
    kind, missed = np.full((n, k), NO_KIND), np.zeros(n, dtype=np.bool_)
    background = np.zeros(len(detections), dtype=np.bool_)
    for rows, others in rows_in_parts(labels, detections):
        some, guesses = labels.take(rows), detections.take(others)
        pairs = all_pairs(some, guesses, skeleton.sigmas, scale)
        speaks[rows] = _in_whole(match(some, guesses, pairs), others)
        part = diagnose(some, guesses, skeleton, pairs, scale=scale)
        found[rows], kind[rows], missed[rows] = _in_whole(part.speaks, others), part.kind, part.missed
        background[others] = part.background
    xy = joints_of(detections, speaks)
    scale2 = squared_scale(labels, scale)
    labelled = labels.labelled & labels.people[:, None]
    ks = np.where(labelled, keypoint_similarity(xy, labels.xy, scale2, skeleton.sigmas), np.nan)
    away = np.sqrt(np.square(xy - labels.xy).sum(axis=2) / (scale2[:, None] + np.spacing(1)))
    distance = np.where(labelled, np.where(np.isnan(away), np.inf, away), np.nan)
    oks = ratio(np.where(labelled, ks, 0).sum(axis=1), labelled.sum(axis=1))
    return PeopleTable(speaks, found, ks, distance, oks, kind.astype(np.int64), missed, background)


def worst_of_joint(subject: Subject, table: PeopleTable, joint: int, most: int) -> list[Case]:
    """The predicted joints that lie farthest from their labels, in units of the person's size; the farthest first."""
    there = np.flatnonzero(np.isfinite(table.distance[:, joint]))
    order = there[_sorted(-table.distance[there, joint], subject, there)][:most]
    name = subject.skeleton.joints[joint]
    return [
        Case(name, int(i), int(table.speaks[i]), int(subject.labels.image[i]), (joint,), float(table.ks[i, joint]))
        for i in order
    ]


def worst_of_kind(subject: Subject, table: PeopleTable, kind: str, most: int) -> list[Case]:
    """The people with most joints of a kind of error; of equals, the one with the least OKS first."""
    of_kind = table.kind == KINDS.index(kind)
    count = of_kind.sum(axis=1)
    rows = np.flatnonzero(count)
    order = rows[_sorted(-count[rows] + np.nan_to_num(table.oks[rows]) / 2, subject, rows)][:most]
    return [
        Case(
            kind,
            int(i),
            int(table.found[i]),
            int(subject.labels.image[i]),
            tuple(np.flatnonzero(of_kind[i]).tolist()),
            float(table.oks[i]),
        )
        for i in order
    ]


def worst_people(subject: Subject, table: PeopleTable, most: int) -> list[Case]:
    """The people with the least OKS of those that a detection speaks for."""
    rows = np.flatnonzero((table.speaks != NO_DETECTION) & ~np.isnan(table.oks))
    order = rows[_sorted(table.oks[rows], subject, rows)][:most]
    every = np.isin(table.kind, [KINDS.index(k) for k in KINDS if k != "good"])
    return [
        Case(
            "person",
            int(i),
            int(table.speaks[i]),
            int(subject.labels.image[i]),
            tuple(np.flatnonzero(every[i]).tolist()),
            float(table.oks[i]),
        )
        for i in order
    ]


def missed_people(subject: Subject, table: PeopleTable, most: int) -> list[Case]:
    """The people whom no detection finds, the largest first; with the detection that speaks for them, where there is one."""
    rows = np.flatnonzero(table.missed)
    order = rows[_sorted(-subject.labels.area[rows], subject, rows)][:most]
    return [
        Case(MISSED, int(i), int(table.speaks[i]), int(subject.labels.image[i]), (), float(table.oks[i])) for i in order
    ]


def background_detections(subject: Subject, table: PeopleTable, most: int) -> list[Case]:
    """The detections that find nobody, the surest first."""
    rows = np.flatnonzero(table.background)
    score, image = subject.detections.score[rows], subject.detections.image[rows]
    order = rows[np.lexsort((rows, image, -score))][:most]
    return [
        Case(BACKGROUND, -1, int(i), int(subject.detections.image[i]), (), float(subject.detections.score[i]))
        for i in order
    ]


def all_cases(subject: Subject, table: PeopleTable, most: int) -> Iterator[tuple[str, list[Case]]]:
    """Every group with its worst cases, at most so many of each: the joints, the kinds of errors, the unmatched."""
    for joint, name in enumerate(subject.skeleton.joints):
        yield name, worst_of_joint(subject, table, joint, most)
    for kind in KINDS[1:]:
        yield kind, worst_of_kind(subject, table, kind, most)
    yield MISSED, missed_people(subject, table, most)
    yield BACKGROUND, background_detections(subject, table, most)


def _in_whole(part: IntArray, rows: IntArray) -> IntArray:
    """Rows of a part of the detections as rows of the whole."""
    whole = np.full(len(part), NO_DETECTION)
    there = part != NO_DETECTION
    whole[there] = rows[part[there]]
    return whole


def _sorted(values: FloatArray, subject: Subject, rows: IntArray) -> IntArray:
    """The order of some labels by value, then image and person, so that it never depends on chance."""
    return np.lexsort((subject.labels.person[rows], subject.labels.image[rows], values))
