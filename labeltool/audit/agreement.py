"""How well labellers agree: OKS between them, ks by joint, and the sigmas that their disagreement amounts to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltool.audit.bootstrap import bootstrap
from labeltool.audit.by_image import sums_of_values
from labeltool.audit.circle import squared_distance
from labeltool.audit.oks import Scale, squared_scale
from labeltool.audit.people import FloatArray, IntArray, Labels, expect_joints
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: The ks at one, two and three sigma: e^(-1/8), e^(-4/8), e^(-9/8). COCO's annotators reach them with 75, 95, 98.7 % of joints.
SIGMA_BANDS: tuple[float, ...] = tuple(float(np.exp(-(n**2) / 8)) for n in (1, 2, 3))


@dataclass(frozen=True, eq=False)
class Agreement:
    """Pairs of labels of one person; those of different people add up with `+`.

    Attributes:
        skeleton: the joints, and the sigmas that the ks are taken with.
        first: (P,) int, rows of one label of each pair.
        second: (P,) int, rows of the other.
        image: (P,) int, the image of the pair.
        squared: (P, K) float, d^2 / s^2 of the joints that both labelled (v > 0), NaN elsewhere. s^2 is the mean of the two
            labels' (they differ only where the labellers drew the person's outline anew).
        only_one: (K,) int, joints that one of the two labelled and the other did not.
    """

    skeleton: Skeleton
    first: IntArray
    second: IntArray
    image: IntArray
    squared: FloatArray
    only_one: IntArray

    def __add__(self, other: Agreement) -> Agreement:
        if self.skeleton != other.skeleton:
            raise AuditError("agreement on other joints, expected the same to add it")
        return Agreement(
            self.skeleton,
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.image, other.image]),
            np.concatenate([self.squared, other.squared]),
            self.only_one + other.only_one,
        )

    def __len__(self) -> int:
        return len(self.image)

    def ks(self) -> FloatArray:
        """The ks of each pair's joints: (P, K), NaN where not both labelled the joint."""
        return np.asarray(np.exp(-self.squared / (2 * (2 * np.array(self.skeleton.sigmas)) ** 2)), dtype=np.float64)

    def oks(self) -> FloatArray:
        """The OKS of each pair over the joints that both labelled: (P,), NaN where there is none."""
        ks = self.ks()
        both = ~np.isnan(ks)
        return ratio(np.where(both, ks, 0).sum(axis=1), both.sum(axis=1))

    def median_oks(self) -> float:
        """The median OKS of the pairs; that of COCO's own annotators is about .91."""
        oks = self.oks()
        known = oks[~np.isnan(oks)]
        return float(np.median(known)) if len(known) else float("nan")

    def n(self) -> IntArray:
        """How many pairs labelled each joint, both of them: (K,)."""
        return np.asarray(np.count_nonzero(~np.isnan(self.squared), axis=0), dtype=np.int64)

    def mean_ks(self) -> FloatArray:
        """Mean ks of each joint: (K,), NaN where no pair labelled it."""
        ks = self.ks()
        return ratio(np.where(np.isnan(ks), 0, ks).sum(axis=0), self.n())

    def shares_within(self) -> FloatArray:
        """The share of each joint's pairs within one, two and three sigma (`SIGMA_BANDS`): (3, K)."""
        ks = np.nan_to_num(self.ks(), nan=-1)
        return ratio(
            [np.count_nonzero(ks >= band, axis=0) for band in SIGMA_BANDS],
            np.broadcast_to(self.n(), (3, len(self.n()))),
        )

    def sigmas(self) -> FloatArray:
        """The sigma of each joint as COCO measured its own: (K,), NaN where no pair labelled it.

            sigma_i^2 = E[d_i^2 / s^2],  d_i the distance between two labellers' joints, s^2 the person's area

        - **Between two labellers**: their errors add, so one labeller's own error is smaller by a factor of sqrt(2).
        - **Outliers** (a left-right swap, the wrong person) weigh by their square: compare `robust_sigmas`.

        Source: COCO, Keypoint Evaluation, 1.3 (sigmas from 5,000 redundantly annotated images of val).
        """
        return np.sqrt(self._mean_squared())

    def robust_sigmas(self) -> FloatArray:
        """The sigma of each joint that a few outliers leave as it is: (K,), NaN where no pair labelled it.

            sigma_i^2 = median(d_i^2 / s^2) / ln 2

        which is the same number as `sigmas` where the two coordinates of the distance are normal with one variance.
        """
        found = np.full(len(self.skeleton), np.nan)
        some = self.n() > 0
        found[some] = np.sqrt(np.nanmedian(self.squared[:, some], axis=0) / np.log(2))
        return found

    def sigma_intervals(
        self, *, replicates: int = 1000, seed: int = 0, confidence: float = 0.95
    ) -> tuple[FloatArray, FloatArray]:
        """The bootstrap interval of each sigma, by image: (low, high), two (K,)."""
        names = [("squared", joint) for joint in self.skeleton.joints]
        found = bootstrap(
            sums_of_values(self.image, names, self.squared), replicates=replicates, seed=seed, confidence=confidence
        )
        ends = np.sqrt([[found[name].low, found[name].high] for name in names])
        return ends[:, 0], ends[:, 1]

    def _mean_squared(self) -> FloatArray:
        return ratio(np.nan_to_num(self.squared, nan=0).sum(axis=0), self.n())


def double_labels(labels: Labels) -> tuple[IntArray, IntArray]:
    """The pairs of rows that label one person (the same image and person id): two (P,) ints, the earlier row first.

    Three labels of a person make three pairs.
    """
    order = np.lexsort((np.arange(len(labels)), labels.person, labels.image))
    image, person = labels.image[order], labels.person[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (image[1:] != image[:-1]) | (person[1:] != person[:-1])
    group = np.cumsum(new)
    first, second = [], []
    # The k-th neighbour in the sorted order is of the same person for ever fewer rows.
    for step in range(1, len(order)):
        same = np.flatnonzero(group[step:] == group[:-step])
        if not len(same):
            break
        first.append(order[same])
        second.append(order[same + step])
    nothing = np.zeros(0, dtype=np.int64)
    one, other = np.concatenate([nothing, *first]), np.concatenate([nothing, *second])
    place = np.lexsort((other, one))
    return one[place], other[place]


def agreement(labels: Labels, skeleton: Skeleton, *, scale: Scale = "area") -> Agreement:
    """How the labels of people who were labelled more than once agree.

    - **Pairs** are rows of the same image and person id; what two labellers saw of a person whom only one of them found is no
      pair. Crowds are left out.
    - **Visibility**: v = 1 and v = 2 are both labelled; whether the flags agree says `count_visibility`.

    Args:
        labels: N labels, those of one person under one person id.
        skeleton: the joints and their sigmas.
        scale: what s is.
    """
    expect_joints(skeleton.joints, labels=labels.joints)
    first, second = double_labels(labels)
    people = ~labels.crowd[first] & ~labels.crowd[second]
    first, second = first[people], second[people]
    a, b = labels.v[first] > 0, labels.v[second] > 0
    scale2 = squared_scale(labels, scale)
    mean = (scale2[first] + scale2[second])[:, None] / 2
    both = a & b
    # Where both labelled a joint both have an area.
    squared = np.divide(
        squared_distance(labels.xy[first], labels.xy[second]), mean, out=np.full(both.shape, np.nan), where=both
    )
    return Agreement(
        skeleton, first, second, labels.image[first], squared, np.count_nonzero(a ^ b, axis=0).astype(np.int64)
    )
