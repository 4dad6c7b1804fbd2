"""COCO's ten keypoint numbers, equal to pycocotools' and fast: AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.audit.oks import Pairs, Scale, all_pairs
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels, in_parts
from labeltool.audit.runs import distinct, run_starts
from labeltool.errors import AuditError

#: OKS at which a detection counts as right: .50, .55 .. .95 (pycocotools Params.iouThrs).
OKS_THRESHOLDS: FloatArray = np.linspace(0.5, 0.95, 10)
#: Recalls at which precision is read (pycocotools Params.recThrs).
RECALLS: FloatArray = np.linspace(0.0, 1.0, 101)
#: Smallest and largest area of the size classes all, medium, large; both ends belong to the class.
AREA_RANGES: FloatArray = np.array([[0, 1e5**2], [32**2, 96**2], [96**2, 1e5**2]], dtype=np.float64)
#: Detections of one image that are looked at, the best first.
MAX_DETECTIONS = 20
#: The label of a detection that finds nobody.
NO_LABEL = -1

_T, _A = len(OKS_THRESHOLDS), len(AREA_RANGES)


@dataclass(frozen=True)
class AveragePrecision:
    """The ten numbers under pycocotools' names; -1 where there is no person to find (pycocotools' sign for undefined)."""

    AP: float
    AP50: float
    AP75: float
    APM: float
    APL: float
    AR: float
    AR50: float
    AR75: float
    ARM: float
    ARL: float

    def as_dict(self) -> dict[str, float]:
        """The numbers by name, in pycocotools' order."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class DetectionCounts:
    """What the matching of some images leaves for AP and AR: counts of different images add up with `+`, in any order.

    Attributes:
        images: (I,) int, the images that were measured, ascending.
        image: (D,) int, image id of each detection that was looked at.
        rank: (D,) int, its place within its image, the best score 0.
        score: (D,) float.
        hit: (3, T, D) bool, it found a person who counts; by size class and OKS threshold.
        ignored: (3, T, D) bool, neither hit nor false: it found a crowd, a person without labelled joints or of another
            size, or it found nobody and is itself of another size.
        people: (3,) int, people to be found in each size class.
    """

    images: IntArray
    image: IntArray
    rank: IntArray
    score: FloatArray
    hit: BoolArray
    ignored: BoolArray
    people: IntArray

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        both = np.intersect1d(self.images, other.images, assume_unique=True)
        if len(both):
            raise AuditError(f"image {both[0]}: measured twice, expected every image in one part")
        return DetectionCounts(
            np.union1d(self.images, other.images),
            np.concatenate([self.image, other.image]),
            np.concatenate([self.rank, other.rank]),
            np.concatenate([self.score, other.score]),
            np.concatenate([self.hit, other.hit], axis=2),
            np.concatenate([self.ignored, other.ignored], axis=2),
            self.people + other.people,
        )

    def precision_recall(self) -> tuple[FloatArray, FloatArray]:
        """Precision at the 101 recalls (3, T, 101) and the recall reached (3, T); -1 in a size class without people.

        Source: pycocotools `COCOeval.accumulate`.
        """
        precision = np.full((_A, _T, len(RECALLS)), -1.0)
        recall = np.full((_A, _T), -1.0)
        # Equal scores stay in the order of image ids, then of place: pycocotools' stable sort over its sorted images.
        order = np.lexsort((self.rank, self.image, -self.score))
        for a in np.flatnonzero(self.people):
            for t in range(_T):
                hit, ignored = self.hit[a, t].take(order), self.ignored[a, t].take(order)
                precision[a, t], recall[a, t] = _read_off(hit, ignored, int(self.people[a]))
        return precision, recall

    def summary(self) -> AveragePrecision:
        """The ten numbers. Source: pycocotools `COCOeval.summarize` for keypoints."""
        precision, recall = self.precision_recall()
        numbers = []
        for values in (precision, recall):
            for chosen in (values[0], values[0, 0], values[0, 5], values[1], values[2]):
                defined = chosen[chosen > -1]
                numbers.append(float(defined.mean()) if defined.size else -1.0)
        return AveragePrecision(*numbers)


def average_precision(
    labels: Labels, detections: Detections, sigmas: ArrayLike, *, scale: Scale = "area"
) -> AveragePrecision:
    """COCO's ten keypoint numbers.

    Equal to pycocotools (evaluate, accumulate, summarize) to 1e-12 with scale "area", one category, and files in which no
    annotation has id 0, `num_keypoints` counts the joints with v > 0, and all numbers are finite.

    - **Ignored people**: crowds, people without a labelled joint, and for APM/APL/ARM/ARL people outside the size class.
      Whoever finds them is neither right nor wrong. A crowd may be found by many, the others by one.
    - **Matching** per image and OKS threshold: detections by falling score, each takes the free person of highest OKS at or
      above the threshold; a person who counts goes before an ignored one. Of equal OKS the later in the file wins.
    - **Ties in score** keep file order within an image and the order of image ids between images (stable sort).
    - **Size classes** include both ends: an area of exactly 32^2 is medium, of exactly 96^2 medium and large.
    - **At most 20 detections** of an image are looked at.
    - **Nobody to find** gives -1; people but no detections give 0 (pycocotools cannot load an empty list).
    """
    parts = [count_detections(*part, all_pairs(*part, sigmas, scale)) for part in in_parts(labels, detections)]
    return merge(parts).summary()


def count_detections(
    labels: Labels, detections: Detections, pairs: Pairs, counting: BoolArray | None = None
) -> DetectionCounts:
    """Hits, false and ignored detections of some images, for AP and AR.

    Args:
        labels: all labels of these images, crowds and people without labelled joints included.
        detections: all detections of these images.
        pairs: `all_pairs` of the two.
        counting: (N,) bool, the people to be found; whoever finds another is neither right nor wrong. By default all count.
    """
    rank = detections.rank
    looked_at = rank < MAX_DETECTIONS
    ignored_label = _outside(labels.area) | ~labels.people
    if counting is not None:
        ignored_label |= ~counting
    near = pairs.take((pairs.oks >= OKS_THRESHOLDS[0]) & looked_at[pairs.detection])
    label = _match(near, ignored_label, labels.crowd, rank, len(detections), OKS_THRESHOLDS)
    found = label != NO_LABEL
    ignored = np.where(found, False, _outside(detections.area)[:, None, :])
    if len(labels):
        for a in range(_A):
            ignored[a] |= found[a] & ignored_label[a][label[a]]
    kept = np.flatnonzero(looked_at)
    return DetectionCounts(
        distinct(labels.image, detections.image),
        detections.image[kept],
        rank[kept],
        detections.score[kept],
        (found & ~ignored).take(kept, axis=2),
        ignored.take(kept, axis=2),
        np.count_nonzero(~ignored_label, axis=1).astype(np.int64),
    )


def labels_found(labels: Labels, detections: Detections, pairs: Pairs, threshold: float) -> tuple[IntArray, BoolArray]:
    """Whom each detection finds by COCO's matching at one OKS threshold, people of all sizes.

    Args:
        labels: all labels of these images.
        detections: all detections of these images.
        pairs: `all_pairs` of the two.
        threshold: the least OKS of a match.

    Returns:
        The row of the label that each detection finds, `NO_LABEL` where it finds nobody: (M,). It may be a crowd or a person
        without labelled joints. And whether the detection was looked at (among the best 20 of its image): (M,) bool.
    """
    rank = detections.rank
    looked_at = rank < MAX_DETECTIONS
    near = pairs.take((pairs.oks >= threshold) & looked_at[pairs.detection])
    ignored_label = ~labels.people[None]
    label = _match(near, ignored_label, labels.crowd, rank, len(detections), np.array([threshold]))
    return label[0, 0].astype(np.int64), looked_at


def merge(parts: list[DetectionCounts]) -> DetectionCounts:
    """The sum of parts; of none, the counts of no image at all."""
    return reduce(add, parts) if parts else _nothing()


def _nothing() -> DetectionCounts:
    none = np.zeros(0, dtype=np.int64)
    flags = np.zeros((_A, _T, 0), dtype=np.bool_)
    return DetectionCounts(none, none, none, np.zeros(0), flags, flags, np.zeros(_A, dtype=np.int64))


def _outside(area: FloatArray) -> BoolArray:
    """Whether areas lie outside the size classes: (N,) -> (3, N)."""
    return np.asarray((area < AREA_RANGES[:, :1]) | (area > AREA_RANGES[:, 1:]), dtype=np.bool_)


def _match(
    near: Pairs, ignored_label: BoolArray, crowd: BoolArray, rank: IntArray, detections: int, thresholds: FloatArray
) -> NDArray[np.int32]:
    """The label that each of M detections finds, or NO_LABEL: (A, T, M), by rows of `ignored_label` (A, N) and thresholds (T,).

    Most pairs are alone: their detection is near nobody else, and nobody else is near their label. These need no contest.
    """
    found = np.full((len(ignored_label), len(thresholds), detections), NO_LABEL, dtype=np.int32)
    alone = (np.bincount(near.detection, minlength=detections)[near.detection] == 1) & (
        np.bincount(near.label, minlength=len(crowd))[near.label] == 1
    )
    single = near.take(alone)
    found[:, :, single.detection] = np.where(single.oks >= thresholds[:, None], single.label, NO_LABEL)

    # Best last: rising OKS, then file order, so that the last of the allowed pairs is pycocotools' choice.
    contest = near.take(~alone)
    contest = contest.take(np.lexsort((contest.label, contest.oks, contest.detection)))
    taken = np.zeros((*found.shape[:2], len(crowd)), dtype=np.bool_)
    turn = rank[contest.detection]
    for place in np.flatnonzero(np.bincount(turn)):
        # One detection of every image at a time: they cannot be in each other's way.
        _take_turn(contest.take(turn == place), ignored_label, crowd, thresholds, taken, found)
    return found


def _take_turn(
    pairs: Pairs,
    ignored_label: BoolArray,
    crowd: BoolArray,
    thresholds: FloatArray,
    taken: BoolArray,
    found: NDArray[np.int32],
) -> None:
    start = run_starts(pairs.detection)
    detection = pairs.detection.take(start)
    allowed = (pairs.oks >= thresholds[:, None]) & (~taken[:, :, pairs.label] | crowd[pairs.label])
    position = np.arange(1, len(pairs.label) + 1)
    preference = np.where(ignored_label[:, None, pairs.label], position, position + len(position))
    best = np.maximum.reduceat(np.where(allowed, preference, 0), start, axis=2)
    choice = pairs.label[(best - 1) % len(position)]
    a, t, d = np.nonzero(best)
    label = choice[a, t, d]
    taken[a, t, label] = True
    found[a, t, detection[d]] = label


def _read_off(hit: BoolArray, ignored: BoolArray, people: int) -> tuple[FloatArray, float]:
    """Precision at the recalls (101,) and the recall reached, from detections by falling score.

    Recall moves at hits alone, and between two hits precision only falls: the hits are all there is to read.
    """
    precision = np.zeros(len(RECALLS))
    at_hits = np.flatnonzero(hit)
    if len(at_hits) == 0:
        return precision, 0.0
    hits = np.arange(1, len(at_hits) + 1, dtype=np.float64)
    recall = hits / people
    raw = hits / (np.cumsum(~ignored)[at_hits] + np.spacing(1))
    envelope = np.maximum.accumulate(raw[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    reached = at < len(hits)
    precision[reached] = envelope[at[reached]]
    return precision, float(recall[-1])
