"""What makes a label suspect without anything being learnt: limbs, sides, boxes, the same person twice, and flags."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labeltool.dataset.arrays import People
from labeltool.skeleton import Skeleton

#: Spreads above the usual length from which on a limb is suspect.
LIMB_SPREADS = 4.0

#: Share of the person's size by which the limbs must get shorter when a pair changes sides.
SWAP_GAIN = 0.25

#: Shares of the box's longer side by which a joint must lie outside the box.
STRAY_REACH = 0.5

#: Two people are the same when their shared joints (three or more) are closer than this share of their size, on average.
TWIN_DISTANCE = 0.03

#: A way to set flags is suspect where it is rarer than that among the people it could be seen on.
FLAG_RARITY = 0.01

#: Pixels that a joint may lie outside the photo and still be meant to lie on its edge.
_EDGE = 2.0

#: People on whom a way to set flags must have been possible before its rarity means anything.
_FEWEST_FLAGS = 100

_FEWEST = 20


def limb_lengths(people: People) -> NDArray[np.float64]:
    """(N, L) float pixels; NaN where an end is not labelled."""
    lengths = np.full((len(people), len(people.skeleton.limbs)), np.nan)
    for n, (a, b) in enumerate(people.skeleton.limb_indices()):
        both = (people.v[:, a] > 0) & (people.v[:, b] > 0)
        distance = np.hypot(*(people.xy[:, a] - people.xy[:, b]).T)
        lengths[both, n] = distance[both]
    return lengths


def body_sizes(people: People, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) float pixels; NaN for people with fewer than two limbs."""
    side = np.nanmax(np.column_stack([people.boxes[:, 2:], np.zeros(len(people))]), axis=1)
    usual = _column_medians(lengths / np.where(side > 0, side, np.nan)[:, None])
    shares = lengths / np.where(usual > 0, usual, np.nan)
    enough = np.isfinite(shares).sum(axis=1) >= 2
    sizes = np.full(len(people), np.nan)
    sizes[enough] = np.nanmedian(shares[enough], axis=1)
    return np.where(sizes > 0, sizes, np.nan)


def limb_units(lengths: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) pixels: the length of the data set's median limb on a person of each size."""
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = _column_medians(lengths / sizes[:, None])
    known = usual[np.isfinite(usual)]
    return np.asarray(sizes * (np.median(known) if len(known) else np.nan), dtype=np.float64)


def _column_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    medians = np.full(values.shape[1], np.nan)
    for n in range(values.shape[1]):
        column = values[np.isfinite(values[:, n]), n]
        if len(column):
            medians[n] = np.median(column)
    return medians


def long_limbs(
    skeleton: Skeleton, lengths: NDArray[np.float64], sizes: NDArray[np.float64]
) -> list[tuple[int, float, tuple[str, str]]]:
    """(person, spreads above the data set's median, limb) of limbs that are suspiciously long."""
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
        above = (ratio - middle) / spread
        found += [(int(usable[i]), float(above[i]), limb) for i in np.flatnonzero(above >= LIMB_SPREADS)]
    return found


def plain_swaps(people: People, sizes: NDArray[np.float64]) -> list[tuple[int, float, tuple[str, str]]]:
    """(person, share of the size by which limbs get shorter with the pair exchanged, pair)."""
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


def strays(people: People) -> list[tuple[int, float, str]]:
    """(person, distance from the box over its longer side, joint) of joints far outside the box."""
    low, extent = people.boxes[:, None, :2], people.boxes[:, None, 2:]
    beyond = np.clip(np.maximum(low - people.xy, people.xy - low - extent), 0, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.hypot(beyond[..., 0], beyond[..., 1]) / extent.max(axis=2)
    reach = np.where((people.v > 0) & np.isfinite(reach), reach, 0.0)
    return [
        (int(i), float(reach[i, k]), people.skeleton.joints[k]) for i, k in np.argwhere(reach >= STRAY_REACH).tolist()
    ]


def twins(people: People, sizes: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """(person, the other, mean distance of their joints in sizes) of people with the same joints."""
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


def flags(
    people: People, widths: NDArray[np.float64], heights: NDArray[np.float64]
) -> Iterator[tuple[int, float, tuple[str, ...], str]]:
    """(person, share of people that have it, joints, what) of flags that do not fit the geometry.

    - a joint that is not labelled between two labelled neighbours of its chain, such as an elbow;
    - a joint with v = 2 outside the photo (share 0: never right);
    - a joint at exactly the place of another one;
    - every joint hidden, of six or more.

    Those of the first and the last two kinds are given where they are rarer than 1 in 100: some guidelines want them.

    Args:
        people: the people.
        widths: (N,) of each person's photo, NaN where it is not known.
        heights: (N,) the same.
    """
    skeleton, v = people.skeleton, people.v
    # A joint on the very edge is one of somebody whom the photo cuts off.
    outside = (people.xy < -_EDGE) | (people.xy > np.stack([widths, heights], axis=1)[:, None] + _EDGE)
    for person, joint in np.argwhere(outside.any(axis=2) & (v == 2)).tolist():
        yield person, 0.0, (skeleton.joints[joint],), "called visible outside the photo"
    for joint, (a, b) in _middles(skeleton).items():
        possible = (v[:, a] > 0) & (v[:, b] > 0)
        name = skeleton.joints[joint]
        reason = f"not labelled between {skeleton.joints[a]} and {skeleton.joints[b]}".replace("_", " ")
        for person, share in _rare(possible & (v[:, joint] == 0), possible):
            yield person, share, (name,), reason
    places = np.where((v > 0)[:, :, None], people.xy, np.nan)
    for n in range(len(skeleton)):
        for m in range(n):
            possible = (v[:, n] > 0) & (v[:, m] > 0)
            for person, share in _rare((places[:, n] == places[:, m]).all(axis=1), possible):
                yield person, share, (skeleton.joints[m], skeleton.joints[n]), "at exactly the same place"
    labelled = (v > 0).sum(axis=1) >= 6
    for person, share in _rare(labelled & ~(v == 2).any(axis=1), labelled):
        yield person, share, (), "every joint hidden"


def _middles(skeleton: Skeleton) -> dict[int, tuple[int, int]]:
    """The joints with exactly two neighbours, one on either side of the chain of an arm or a leg."""
    neighbours: dict[int, list[int]] = {}
    for a, b in skeleton.limb_indices():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    middles = [name for name in skeleton.joints if name.endswith(("_elbow", "_knee"))]
    chains = {skeleton.index(name): neighbours.get(skeleton.index(name), []) for name in middles}
    return {joint: (ends[0], ends[1]) for joint, ends in chains.items() if len(ends) == 2}


def _rare(has: NDArray[np.bool_], possible: NDArray[np.bool_]) -> list[tuple[int, float]]:
    """The people who have what few have, with the share of those who could."""
    number = int(possible.sum())
    share = float(has.sum()) / max(number, 1)
    if number < _FEWEST_FLAGS or share >= FLAG_RARITY:
        return []
    return [(person, share) for person in np.flatnonzero(has).tolist()]
