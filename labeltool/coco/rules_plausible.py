"""Rules A316-A318: joints that are in order one by one, but make no plausible person together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.findings import Hits, at, rule
from labeltool.coco.group import JointGroup
from labeltool.coco.view import View

FloatArray = NDArray[np.float64]

#: Pairs of joints that a stiff part of the body carries: seen from anywhere, left to right points the same way in both.
_PARALLEL = (("eye", "ear"), ("shoulder", "hip"))
#: Limbs that join a pair of joints to the pair nearer to the trunk.
_CHAINS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
#: Two directions with a smaller cosine than this point opposite ways.
_OPPOSITE = -0.8
#: Limbs are crossed when they are this many times as long as they would be with left and right exchanged.
_CROSSED = 2.5
# Below this many pixels a direction is noise.
_CLEAR = 6.0

#: A limb is hardly ever longer than this share of the bbox's diagonal (real COCO torsos cut by the image reach 0.90).
LONGEST_LIMB = 0.95
# From this many people on, a limb is also held against the same limb of the others.
_ENOUGH = 50
_SPREADS = 6.0
_SAMPLE = 5_000

#: A file of integers: at most this share of its people has a joint that lies between pixels.
_FEW = 0.05
_ENOUGH_PEOPLE = 20


@rule("A316", "warning", "look whether left and right were exchanged; they are the person's own, not the viewer's")
def sides_plausible(view: View) -> Iterator[Hits]:
    """Left and right of a pair of joints are not exchanged relative to the pairs beside it.

    A hint of geometry alone: eyes and ears, or shoulders and hips, that point opposite ways from left to right; or both
    forearms, upper arms, thighs or shins much longer than they would be with the sides of their outer ends exchanged.
    Crossed arms and twisted bodies can look like that, so nothing is changed without a person's eye.

    Bad: `"left_elbow": [200, 90], "right_elbow": [100, 90]` under `"left_shoulder": [100, 40], "right_shoulder": [200, 40]`
    Good: `"left_elbow": [100, 90], "right_elbow": [200, 90]` under the same shoulders
    """
    for group in view.joint_groups:
        found = np.full(len(group.rows), "", dtype=object)
        for inner, outer in _CHAINS:
            _note(found, _crossed(group, inner, outer), f"{outer}s lie nearer to the other side's {inner}")
        for one, other in _PARALLEL:
            _note(found, _opposite(group, one, other), f"{one}s and {other}s point opposite ways from left to right")

        def text(row: int, group: JointGroup = group, found: NDArray[np.object_] = found) -> str:
            return f"the {found[int(np.searchsorted(group.rows, row))]}: left and right look exchanged"

        yield at(view.annotations, group.rows[found != ""], text)


@rule("A317", "warning", "look whether one end of the limb belongs to someone else, or the bbox does")
def limbs_plausible(view: View) -> Iterator[Hits]:
    """No limb is far longer than a limb of that person can be.

    Lengths are shares of the bbox's diagonal. More than 0.95 is always reported; from 50 people on, so is a limb more than six
    robust spreads (on a log scale) above the median of that limb in the file and at least twice that median. The torso of the
    PDJ metric (left shoulder to right hip) counts as a limb.

    Bad: `"left_knee": [100, 300], "left_ankle": [900, 20]` in a bbox of 200 x 400
    Good: `"left_knee": [100, 300], "left_ankle": [110, 390]` in a bbox of 200 x 400
    """
    for group in view.joint_groups:
        limbs = view.limbs_of(group)
        if not limbs:
            continue
        boxes = view.boxes[group.rows]
        usable = (boxes[:, 2:] > 0).all(axis=1) & ~view.crowds[group.rows]
        diagonal = np.where(usable, np.hypot(boxes[:, 2], boxes[:, 3]), np.nan)
        worst = np.full(len(group.rows), -1)
        share = np.zeros(len(group.rows))
        x, y, there = group.by_joint
        for n, (a, b) in enumerate(limbs):
            both = there[a] & there[b]
            part = np.sqrt((x[a] - x[b]) ** 2 + (y[a] - y[b]) ** 2) / diagonal
            part = np.where(both & np.isfinite(part), part, 0.0)
            over = (part > _longest(part[part > 0])) & (part > share)
            worst[over], share[over] = n, part[over]

        def text(
            row: int, group: JointGroup = group, worst: NDArray[np.intp] = worst, share: FloatArray = share
        ) -> str:
            i = int(np.searchsorted(group.rows, row))
            a, b = view.limbs_of(group)[worst[i]]
            length = float(np.hypot(*(group.xy[i, a] - group.xy[i, b])))
            names = f"{group.names[a]!r} to {group.names[b]!r}"
            return f"{names} is {length:.3g} px long, {share[i]:.0%} of the bbox's diagonal"

        yield at(view.annotations, group.rows[worst >= 0], text)


@rule("A318", "warning", "look whether this person's joints were measured in another way than the others'")
def coordinates_alike(view: View) -> Iterator[Hits]:
    """Joints are in pixels, and in whole pixels where the rest of the file is.

    A person with all joints between 0 and 1 was written in shares of the image: an error. A file of 20 people or more of whom
    at most 5 % have a joint between two pixels is a file of integers, and those people came from elsewhere.

    Bad: `"keypoints": [0.31, 0.52, 2, 0.33, 0.61, 2]` in an image of 640 x 480
    Good: `"keypoints": [198, 250, 2, 211, 293, 2]`
    """
    normalised, between = [], []
    people = 0
    for group in view.joint_groups:
        whole = group.whole.copy()
        unsure = group.part(~whole)
        whole[~whole] = ((unsure.xy == np.rint(unsure.xy)) | (unsure.v == 0)[:, :, None]).all(axis=(1, 2))
        inside = (group.low >= 0).all(axis=1) & (group.high <= 1).all(axis=1)
        large = (view.sizes[group.rows] > 2).all(axis=1)
        shares = inside & ~whole & large & (group.counts > 1)
        normalised.append(group.rows[shares])
        between.append(group.rows[~whole & ~shares])
        people += int((group.counts > 0).sum())
    if not normalised:
        return
    hint = "multiply x by the image's width and y by its height"
    text = "all joints lie between 0 and 1, expected pixels"
    yield at(view.annotations, np.concatenate(normalised), lambda _: text, severity="error", hint=hint)
    odd = np.concatenate(between)
    if people >= _ENOUGH_PEOPLE and len(odd) <= _FEW * people:
        remark = f"joints between pixels, where {people - len(odd):,} of {people:,} people have whole ones"
        yield at(view.annotations, np.sort(odd), lambda _: remark)


def _note(found: NDArray[np.object_], bad: NDArray[np.bool_], text: str) -> None:
    found[bad & (found == "")] = text


Pair = tuple[FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]


def _pair(group: JointGroup, joint: str) -> Pair | None:
    """Left x and y, right x and y (n,) of a joint and where both are labelled; None where the category has no such pair."""
    if f"left_{joint}" not in group.names or f"right_{joint}" not in group.names:
        return None
    left, right = group.names.index(f"left_{joint}"), group.names.index(f"right_{joint}")
    x, y, there = group.by_joint
    return x[left], y[left], x[right], y[right], there[left] & there[right]


def _opposite(group: JointGroup, one: str, other: str) -> NDArray[np.bool_]:
    """(n,) whether left to right points opposite ways in two pairs of a stiff part."""
    a, b = _pair(group, one), _pair(group, other)
    if a is None or b is None:
        return np.zeros(len(group.rows), dtype=bool)
    ux, uy, wx, wy = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
    length_u, length_w = _length(ux, uy), _length(wx, wy)
    cosine = (ux * wx + uy * wy) / (length_u * length_w)
    apart = _length(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2
    clear = np.maximum(_CLEAR, 0.3 * apart)
    opposite: NDArray[np.bool_] = a[4] & b[4] & (cosine < _OPPOSITE) & (length_u > clear) & (length_w > clear)
    return opposite


def _crossed(group: JointGroup, inner: str, outer: str) -> NDArray[np.bool_]:
    """(n,) whether the limbs of both sides would be far shorter with the outer ends exchanged."""
    a, b = _pair(group, inner), _pair(group, outer)
    if a is None or b is None:
        return np.zeros(len(group.rows), dtype=bool)
    now = _length(a[0] - b[0], a[1] - b[1]) + _length(a[2] - b[2], a[3] - b[3])
    exchanged = _length(a[0] - b[2], a[1] - b[3]) + _length(a[2] - b[0], a[3] - b[1])
    crossed: NDArray[np.bool_] = a[4] & b[4] & (now > _CROSSED * exchanged) & (now - exchanged > 2 * _CLEAR)
    return crossed


def _length(x: FloatArray, y: FloatArray) -> FloatArray:
    length: FloatArray = np.sqrt(x * x + y * y)
    return length


def _longest(shares: FloatArray) -> float:
    """The share of the diagonal above which a limb is out of the ordinary, given that limb of everyone: (n,) > 0."""
    if len(shares) < _ENOUGH:
        return LONGEST_LIMB
    # The median of thousands says what the median of all does.
    logs = np.log(shares[:: 1 + len(shares) // _SAMPLE])
    median = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - median)))
    return min(LONGEST_LIMB, float(np.exp(median + max(_SPREADS * spread, np.log(2.0)))))
