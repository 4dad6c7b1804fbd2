"""Labels that are probably wrong, ranked: judged by the data set's own bodies, without a model and without the photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.dataset.arrays import People, people_arrays
from labeltool.skeleton import Skeleton

#: Spreads above the usual length from which on a limb is suspect.
LIMB_SPREADS = 4.0

#: Share of the person's size by which the limbs must get shorter when a pair changes sides.
SWAP_GAIN = 0.25

#: Shares of the box's longer side by which a joint must lie outside the box.
STRAY_REACH = 0.5

#: Two people are the same when their shared joints (three or more) are closer than this share of their size, on average.
TWIN_DISTANCE = 0.03

_FEWEST = 20


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    Attributes:
        kind: `limb` (longer than the data set's bodies allow), `swap` (left and right fit better the other way round), `stray`
            (far outside the box), `twin` (two people with the same joints).
        score: how far past the kind's threshold: 1 is on it. Ranks all kinds together.
        file_name: the photo.
        annotation: the annotation's id.
        joints: the joints it is about.
        reason: why, in a few words.
    """

    kind: str
    score: float
    file_name: str
    annotation: int
    joints: tuple[str, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The suspect as plain data."""
        return {
            "kind": self.kind,
            "score": self.score,
            "file_name": self.file_name,
            "annotation": self.annotation,
            "joints": list(self.joints),
            "reason": self.reason,
        }


def suspects(document: CocoDocument) -> list[Suspect]:
    """The labels that are probably wrong, the worst first; each kind at most once for the same joints of a person.

    - **Size** of a person is the median over the labelled limbs of their length over the data set's median share of the longer
      side of the box. So one wrong joint does not change it.
    - **limb**: the logarithm of length over size, in spreads above the data set's median; the spread is the distance from the
      median to the 97.7th percentile over 2. Short limbs are foreshortening and never suspect. Data sets with fewer than 20 such
      limbs are not judged.
    - **swap**: with the pair's joints exchanged, the limbs that end in them get shorter by more than a quarter of the size.
    - **stray**: distance from the box over its longer side.
    - **twin**: mean distance of the joints that both people have.

    Raises:
        CocoError: the document is damaged.
        SkeletonError: its category describes no skeleton.
    """
    people = people_arrays(document)
    if not len(people):
        return []
    lengths = _limb_lengths(people)
    sizes = _sizes(people, lengths)
    found: list[Suspect] = []

    def add(person: int, kind: str, score: float, joints: tuple[str, ...], reason: str) -> None:
        image = document.images[people.images[person]]
        number = document.annotations[people.rows[person]]["id"]
        found.append(Suspect(kind, round(score, 3), image["file_name"], number, joints, reason))

    for person, score, limb in _long_limbs(people.skeleton, lengths, sizes):
        add(person, "limb", score, limb, f"{score * LIMB_SPREADS:.1f} spreads longer than usual")
    for person, gain, pair in _swaps(people, sizes):
        add(person, "swap", gain / SWAP_GAIN, pair, f"limbs {gain:.0%} of the size shorter the other way round")
    for person, reach, joint in _strays(people):
        add(person, "stray", reach / STRAY_REACH, (joint,), f"{reach:.0%} of the box's longer side outside the box")
    for person, other, distance in _twins(people, sizes):
        twin = document.annotations[people.rows[other]]["id"]
        add(person, "twin", TWIN_DISTANCE / max(distance, TWIN_DISTANCE / 10), (), f"the joints of annotation {twin}")
    return sorted(found, key=lambda s: (-s.score, s.file_name, s.annotation, s.kind, s.joints))


def _limb_lengths(people: People) -> NDArray[np.float64]:
    """(N, L) float pixels; NaN where an end is not labelled."""
    lengths = np.full((len(people), len(people.skeleton.limbs)), np.nan)
    for n, (a, b) in enumerate(people.skeleton.limb_indices()):
        both = (people.v[:, a] > 0) & (people.v[:, b] > 0)
        distance = np.hypot(*(people.xy[:, a] - people.xy[:, b]).T)
        lengths[both, n] = distance[both]
    return lengths


def _sizes(people: People, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) float pixels; NaN for people with fewer than two limbs."""
    side = np.nanmax(np.column_stack([people.boxes[:, 2:], np.zeros(len(people))]), axis=1)
    usual = _column_medians(lengths / np.where(side > 0, side, np.nan)[:, None])
    shares = lengths / np.where(usual > 0, usual, np.nan)
    enough = np.isfinite(shares).sum(axis=1) >= 2
    sizes = np.full(len(people), np.nan)
    sizes[enough] = np.nanmedian(shares[enough], axis=1)
    return np.where(sizes > 0, sizes, np.nan)


def _column_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    medians = np.full(values.shape[1], np.nan)
    for n in range(values.shape[1]):
        column = values[np.isfinite(values[:, n]), n]
        if len(column):
            medians[n] = np.median(column)
    return medians


def _long_limbs(
    skeleton: Skeleton, lengths: NDArray[np.float64], sizes: NDArray[np.float64]
) -> list[tuple[int, float, tuple[str, str]]]:
    found = []
    for n, limb in enumerate(skeleton.limbs):
        usable = np.flatnonzero(np.isfinite(lengths[:, n]) & np.isfinite(sizes) & (lengths[:, n] > 0))
        if len(usable) < _FEWEST:
            continue
        ratio = np.log(lengths[usable, n] / sizes[usable])
        middle, high = np.percentile(ratio, (50, 97.725))
        spread = (high - middle) / 2
        if spread <= 0:
            continue
        score = (ratio - middle) / spread / LIMB_SPREADS
        found += [(int(usable[i]), float(score[i]), limb) for i in np.flatnonzero(score >= 1)]
    return found


def _swaps(people: People, sizes: NDArray[np.float64]) -> list[tuple[int, float, tuple[str, str]]]:
    skeleton = people.skeleton
    neighbours: dict[int, list[int]] = {}
    for a, b in skeleton.limb_indices():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    found = []
    for left, right in ((skeleton.index(a), skeleton.index(b)) for a, b in skeleton.flip_pairs):
        gain = np.zeros(len(people))
        for own, other in ((left, right), (right, left)):
            for end in neighbours.get(own, []):
                if end in (left, right):
                    continue
                labelled = (people.v[:, [own, other, end]] > 0).all(axis=1)
                now = np.hypot(*(people.xy[:, own] - people.xy[:, end]).T)
                then = np.hypot(*(people.xy[:, other] - people.xy[:, end]).T)
                gain += np.where(labelled, now - then, 0.0)
        share = gain / sizes
        found += [
            (int(i), float(share[i]), (skeleton.joints[left], skeleton.joints[right]))
            for i in np.flatnonzero(np.nan_to_num(share) >= SWAP_GAIN)
        ]
    return found


def _strays(people: People) -> list[tuple[int, float, str]]:
    low, extent = people.boxes[:, None, :2], people.boxes[:, None, 2:]
    beyond = np.clip(np.maximum(low - people.xy, people.xy - low - extent), 0, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.hypot(beyond[..., 0], beyond[..., 1]) / extent.max(axis=2)
    reach = np.where((people.v > 0) & np.isfinite(reach), reach, 0.0)
    return [
        (int(i), float(reach[i, k]), people.skeleton.joints[k]) for i, k in np.argwhere(reach >= STRAY_REACH).tolist()
    ]


def _twins(people: People, sizes: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    found = []
    by_image: dict[int, list[int]] = {}
    for i, image in enumerate(people.images.tolist()):
        by_image.setdefault(image, []).append(i)
    for rows in by_image.values():
        for n, i in enumerate(rows):
            for j in rows[:n]:
                both = (people.v[i] > 0) & (people.v[j] > 0)
                if both.sum() < 3 or not np.isfinite(sizes[i]):
                    continue
                distance = float(np.hypot(*(people.xy[i, both] - people.xy[j, both]).T).mean() / sizes[i])
                if distance <= TWIN_DISTANCE:
                    found.append((i, j, distance))
    return found
