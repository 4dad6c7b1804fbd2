"""How sure a number of an audit is, and whether one model is better than another: the bootstrap, by image.

People of one image stand in the same light and in each other's way, so images are drawn, with all of their people.
Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 (what is drawn) and 13 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from labeltool.audit.average_precision import RECALLS, DetectionCounts
from labeltool.audit.by_image import AP_NAMES, ImageSums, Name
from labeltool.audit.people import BoolArray, FloatArray, IntArray
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError

#: Replicates drawn at a time.
_BLOCK = 50


@dataclass(frozen=True)
class Interval:
    """A number and its interval; NaN where nothing was counted.

    Attributes:
        value: the number over all images.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much one model's number exceeds another's; NaN where one of them is undefined.

    Attributes:
        a: the number of the first.
        b: the number of the second.
        value: a - b.
        low: lower end of the interval of a - b.
        high: upper end.
        p_greater: the share of replicates in which a exceeds b, a tie as half: for a metric that rises with quality, the
            probability that the first is better.
    """

    a: float
    b: float
    value: float
    low: float
    high: float
    p_greater: float


def bootstrap(
    sums: ImageSums, *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> dict[Name, Interval]:
    """The percentile interval of every statistic.

    - **Clusters**: images are drawn with replacement, as many as there are.
    - **AP and AR** of a replicate are those of a file in which every image stands as often as it was drawn, to the last bit.
    - **Replicates** in which nothing is counted (a rare joint) are left out of that statistic's interval.
    - **Few images** (below about 50) make any bootstrap too sure of itself.

    Args:
        sums: `sum_images` or `sums_of_values`.
        replicates: how many samples are drawn.
        seed: of the draws; the same seed gives the same numbers.
        confidence: coverage of the interval, between 0 and 1.

    Raises:
        AuditError: no image, fewer than 2 replicates, a confidence that is not between 0 and 1.
    """
    (drawn,) = resample([sums], replicates, seed)
    low, high = _ends(drawn, confidence)
    values = _defined(sums)
    return {name: Interval(values[name], float(low[s]), float(high[s])) for s, name in enumerate(sums.all_names)}


def compare(
    a: ImageSums, b: ImageSums, *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
) -> dict[Name, Difference]:
    """The difference of two models (or two groups of people) in every statistic, its interval, and how often the first is ahead.

    - **Paired**: every replicate draws the same images for both, so what is hard for both cancels out.
    - Images that only one of the two has add nothing to the other.

    Args:
        a: sums of the first.
        b: sums of the second, of the same statistics.
        replicates: how many samples are drawn.
        seed: of the draws.
        confidence: coverage of the intervals.

    Raises:
        AuditError: other statistics; and as `bootstrap`.
    """
    if a.all_names != b.all_names:
        raise AuditError("sums of other statistics, expected the same to compare them")
    drawn_a, drawn_b = resample([a, b], replicates, seed)
    difference = drawn_a - drawn_b
    low, high = _ends(difference, confidence)
    ahead, there = (difference > 0).sum(axis=0) + 0.5 * (difference == 0).sum(axis=0), ~np.isnan(difference)
    p_greater = ratio(ahead, there.sum(axis=0))
    values_a, values_b = _defined(a), _defined(b)
    return {
        name: Difference(
            values_a[name],
            values_b[name],
            values_a[name] - values_b[name],
            float(low[s]),
            float(high[s]),
            float(p_greater[s]),
        )
        for s, name in enumerate(a.all_names)
    }


def expect_same_labels(a: ImageSums, b: ImageSums) -> None:
    """Nothing, when two models were measured on the same people.

    Raises:
        AuditError: an image with other numbers of people or labelled joints.
    """
    images = np.union1d(a.images, b.images)
    one, two = a.at(images), b.at(images)
    labelled = [s for s, name in enumerate(a.names) if name[0] == "ks"]
    same = (one.people == two.people) & (one.counted[:, labelled] == two.counted[:, labelled]).all(axis=1)
    if not same.all():
        raise AuditError(f"image {images[int(np.argmin(same))]}: other labels for the two models, expected the same")


def resample(sums: Sequence[ImageSums], replicates: int, seed: int) -> list[FloatArray]:
    """Every statistic of each sum in samples of the images, the same samples for all: arrays of (replicates, S).

    Raises:
        AuditError: no image, or fewer than 2 replicates.
    """
    if replicates < 2:
        raise AuditError(f"{replicates} replicates, expected at least 2")
    images = reduce(np.union1d, [s.images for s in sums])
    if len(images) == 0:
        raise AuditError("no image to resample, expected at least one")
    aligned = [s.at(images) for s in sums]
    curves = [None if s.detections is None else _ResampledAp(s.detections, images, s.people) for s in aligned]
    whole = [_whole_numbers(s.total) for s in aligned]
    drawn: list[list[FloatArray]] = [[] for _ in sums]
    for weights in _weights(len(images), replicates, seed):
        for i, (s, (total, unit), curve) in enumerate(zip(aligned, whole, curves, strict=True)):
            columns = ratio((weights @ total) * unit, weights @ s.counted)
            if curve is not None:
                columns = np.hstack([columns, [curve.numbers(w) for w in weights]])
            drawn[i].append(columns)
    return [np.concatenate(blocks) for blocks in drawn]


class _ResampledAp:
    """AP, AP50, AP75 and AR of a sample of images, from hits that were counted once."""

    def __init__(self, counts: DetectionCounts, images: IntArray, people: IntArray) -> None:
        order = np.lexsort((counts.rank, counts.image, -counts.score))
        self.place = np.searchsorted(images, counts.image[order])
        self.people = people.astype(np.float64)
        self.steps: list[tuple[IntArray, IntArray]] = []
        hits: BoolArray
        for hits, ignored in zip(counts.hit[0][:, order], counts.ignored[0][:, order], strict=True):
            looked_at = np.flatnonzero(~ignored)
            # Precision rises and recall moves at hits alone: nothing else needs to be read.
            self.steps.append((self.place[looked_at], np.flatnonzero(hits[looked_at])))

    def numbers(self, weights: FloatArray) -> list[float]:
        """The four numbers when image i stands weights[i] times in the sample; NaN when nobody is to be found."""
        people = float(weights @ self.people)
        if people == 0:
            return [np.nan] * len(AP_NAMES)
        precision, recall = np.zeros((len(self.steps), len(RECALLS))), np.zeros(len(self.steps))
        for t, (place, hit) in enumerate(self.steps):
            if len(hit) == 0:
                continue
            here = weights[place]
            hits = np.cumsum(here[hit])
            raw = hits / (np.cumsum(here)[hit] + np.spacing(1))
            envelope = np.maximum.accumulate(raw[::-1])[::-1]
            share = hits / people
            at = np.searchsorted(share, RECALLS, side="left")
            reached = at < len(hit)
            precision[t, reached] = envelope[at[reached]]
            recall[t] = share[-1]
        means = precision.mean(axis=1)
        return [float(means.mean()), float(means[0]), float(means[5]), float(recall.mean())]


def _weights(images: int, replicates: int, seed: int) -> Iterator[FloatArray]:
    """How often each image is drawn, in blocks of replicates: (B, I)."""
    rng = np.random.default_rng(seed)
    for start in range(0, replicates, _BLOCK):
        rows = min(_BLOCK, replicates - start)
        draws = rng.integers(0, images, (rows, images)) + images * np.arange(rows)[:, None]
        counts = np.bincount(draws.ravel(), minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float64)


def _whole_numbers(total: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The totals (I, S) as whole numbers of a unit (S,), about 1e-16 x I of the greatest.

    A replicate's sum is then exact in whatever order the processor's threads add it, and the same seed gives the same bits.
    """
    greatest = np.abs(total).max(axis=0, initial=0) * len(total)
    # A power of two: multiplying by it rounds nothing. A replicate's weights add up to I, so its sum stays below 2^53.
    unit = np.ldexp(1.0, np.frexp(greatest)[1] - 52)
    return np.rint(total / unit), unit


def _ends(drawn: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    if not 0 < confidence < 1:
        raise AuditError(f"confidence is {confidence}, expected a number between 0 and 1")
    shares = [(1 - confidence) / 2, (1 + confidence) / 2]
    ends = np.full((2, drawn.shape[1]), np.nan)
    undefined = np.isnan(drawn)
    always, sometimes = ~undefined.any(axis=0), undefined.any(axis=0) & ~undefined.all(axis=0)
    ends[:, always] = np.quantile(drawn[:, always], shares, axis=0)
    ends[:, sometimes] = np.nanquantile(drawn[:, sometimes], shares, axis=0)
    return ends[0], ends[1]


def _defined(sums: ImageSums) -> dict[Name, float]:
    """The statistics with NaN for AP's and AR's -1."""
    return {name: np.nan if name in AP_NAMES and value < 0 else value for name, value in sums.values().items()}
