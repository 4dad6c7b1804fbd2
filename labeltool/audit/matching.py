"""Which detection speaks for which labelled person in the per-joint tables."""

from __future__ import annotations

import numpy as np

from labeltool.audit.oks import Pairs
from labeltool.audit.people import NO_PERSON, BoolArray, Detections, FloatArray, IntArray, Labels
from labeltool.errors import AuditError

#: The detection of a person whom no detection speaks for.
NO_DETECTION = -1


def match(labels: Labels, detections: Detections, pairs: Pairs) -> IntArray:
    """The row of the detection that speaks for each label, `NO_DETECTION` where none does: (N,).

    - **By id**: a detection that was made on a labelled person's box (`Detections.person`) speaks for that person and for
      nobody else, however far off it is. One whose person is not among the labels speaks for nobody.
    - **By place**: the other detections take the people who are left, in each image the pair of greatest OKS first, each
      detection and each label once. Equal OKS: the higher score, then the earlier detection, then the earlier label. An OKS
      of exactly 0 is no pair.
    - **No threshold, no limit of 20**: a joint far off is counted as such rather than as absent. This is not COCO's matching
      (score first, OKS >= .5 and up), which AP and AR keep to.
    - **Crowds and people without a labelled joint** are nobody's: always `NO_DETECTION`.

    Args:
        labels: N people.
        detections: M people.
        pairs: `all_pairs` of the two.

    Raises:
        AuditError: two labels or two detections with the same person id; a detection in another image than its person.
    """
    speaks = np.full(len(labels), NO_DETECTION, dtype=np.int64)
    people = labels.people
    expect_ids(labels, detections)
    if (detections.person != NO_PERSON).any():
        row, detection = _same_person(labels, detections)
        speaks[row[people[row]]] = detection[people[row]]
    free = (
        (pairs.oks > 0)
        & people[pairs.label]
        & (speaks[pairs.label] == NO_DETECTION)
        & (detections.person[pairs.detection] == NO_PERSON)
    )
    _match_by_oks(pairs.take(free), detections.score, speaks)
    return speaks


def joints_of(detections: Detections, speaks: IntArray) -> FloatArray:
    """The predicted joints of each label's detection, NaN where there is none: (N, K, 2), image pixels.

    Args:
        detections: M people.
        speaks: (N,) from `match`.
    """
    if len(detections) == 0:
        return np.full((len(speaks), detections.joints, 2), np.nan)
    xy = detections.xy.take(np.maximum(speaks, 0), axis=0)
    xy[speaks == NO_DETECTION] = np.nan
    return xy


def expect_ids(labels: Labels, detections: Detections) -> None:
    """Nothing, when the person ids of the detections agree with the labels.

    Raises:
        AuditError: two labels or two detections with the same person id; a detection in another image than its person.
    """
    given = np.flatnonzero(detections.person != NO_PERSON)
    if len(given) == 0:
        return
    ids = detections.person[given]
    repeated = _first_repeated(ids)
    if repeated is not None:
        raise AuditError(f"person {ids[repeated]}: two detections speak for this person, expected one")
    repeated = _first_repeated(labels.person)
    if repeated is not None:
        raise AuditError(f"{labels.place(repeated)}: the id stands twice, expected unique ids")
    row, detection = _same_person(labels, detections)
    elsewhere = labels.image[row] != detections.image[detection]
    if elsewhere.any():
        i = int(np.argmin(np.where(elsewhere, detection, len(detections))))
        raise AuditError(
            f"{detections.place(detection[i])}: speaks for person {labels.person[row[i]]} of image {labels.image[row[i]]},"
            " expected the same image"
        )


def _same_person(labels: Labels, detections: Detections) -> tuple[IntArray, IntArray]:
    """The rows of labels and of the detections made on their boxes."""
    given = np.flatnonzero(detections.person != NO_PERSON)
    _, row, which = np.intersect1d(labels.person, detections.person[given], assume_unique=True, return_indices=True)
    return row, given[which]


def _match_by_oks(pairs: Pairs, score: FloatArray, speaks: IntArray) -> None:
    """Greedy by OKS: a pair that comes first for both its label and its detection is chosen, until none is left."""
    by_score = np.empty(len(score), dtype=np.int64)
    by_score[np.argsort(-score, kind="stable")] = np.arange(len(score))
    # Stable: pairs of one detection stay in the order of their labels.
    left = pairs.take(np.lexsort((by_score[pairs.detection], -pairs.oks)))
    free_label, free_detection = np.ones(len(speaks), dtype=np.bool_), np.ones(len(score), dtype=np.bool_)
    while len(left.label):
        chosen = left.take(_first_of_each(left.label, len(speaks)) & _first_of_each(left.detection, len(score)))
        speaks[chosen.label] = chosen.detection
        free_label[chosen.label] = False
        free_detection[chosen.detection] = False
        left = left.take(free_label[left.label] & free_detection[left.detection])


def _first_of_each(values: IntArray, count: int) -> BoolArray:
    """Which of the values (below `count`) stand for the first time."""
    place = np.arange(len(values))
    first = np.empty(count, dtype=np.int64)
    # Written backwards, so that the first of equal values is written last and stays.
    first[values[::-1]] = place[::-1]
    return np.asarray(first[values] == place, dtype=np.bool_)


def _first_repeated(ids: IntArray) -> int | None:
    values, first = np.unique(ids, return_index=True)
    if len(values) == len(ids):
        return None
    repeated = np.ones(len(ids), dtype=np.bool_)
    repeated[first] = False
    return int(np.argmax(repeated))
