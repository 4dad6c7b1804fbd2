"""Rules A309-A311, A314 and A315: where the joints lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.findings import Hits, Severity, at, rule
from labeltool.coco.group import JointGroup
from labeltool.coco.view import View

#: A joint further outside its bbox than this share of the longer side is worth a look (real COCO: 95 % stay below 0.20).
FAR_OUTSIDE_BOX = 0.25


@rule("A309", "warning", "write 0, 0, 0 for a joint that is not labelled")
def unlabelled_at_zero(view: View) -> Iterator[Hits]:
    """A joint with v = 0 has x = y = 0.

    Bad: `"keypoints": [12, 34, 0]`
    Good: `"keypoints": [0, 0, 0]`
    """
    for every in view.joint_groups:
        x, y, there = every.by_joint
        group = every.part((((x != 0) | (y != 0)) & ~there).any(axis=0))
        bad = (group.v == 0) & (group.xy != 0).any(axis=2)
        yield _joint_hits(view, group, bad, _with_flag(group, "expected (0, 0) where v = 0"))


@rule("A310", "warning", "write v = 0 if the joint was not found; move it if it was")
def labelled_at_zero(view: View) -> Iterator[Hits]:
    """A joint with v > 0 does not lie at exactly (0, 0), where detectors put what they have not found.

    Bad: `"keypoints": [0, 0, 2]`
    Good: `"keypoints": [0, 0, 0]`
    """
    for every in view.joint_groups:
        across = np.all((every.low <= 0) & (every.high >= 0), axis=1)
        group = every.part(across)
        bad = (group.v > 0) & (group.xy == 0).all(axis=2)
        yield _joint_hits(view, group, bad, _with_flag(group, "probably never found"))


@rule("A311", "error", "move the joint, or mark it not labelled: 0, 0, 0")
def joint_in_image(view: View) -> Iterator[Hits]:
    """A labelled joint lies in the image: 0 <= x <= width and 0 <= y <= height.

    More than one pixel outside is an error, up to one pixel a warning.

    Bad: `"keypoints": [700, 20, 2]` in an image 640 pixels wide
    Good: `"keypoints": [639.5, 20, 2]` in an image 640 pixels wide
    """
    for every in view.joint_groups:
        outside = np.any((every.low < 0) | (every.high > view.sizes[every.rows]), axis=1)
        group = every.part(outside)
        sizes = view.sizes[group.rows][:, None, :]
        beyond = np.maximum(-group.xy, group.xy - sizes).max(axis=2)
        beyond = np.where((group.v > 0) & np.isfinite(beyond), beyond, 0.0)

        def text(
            i: int,
            k: int,
            group: JointGroup = group,
            beyond: NDArray[np.float64] = beyond,
            sizes: NDArray[np.float64] = sizes,
        ) -> str:
            width, height = sizes[i, 0]
            return f"{_point(group, i, k)} lies {beyond[i, k]:.3g} px outside the {width:.0f} x {height:.0f} image"

        yield _joint_hits(view, group, beyond > 1, text)
        edge = (beyond > 0) & (beyond <= 1)
        yield _joint_hits(view, group, edge, text, severity="warning", hint="clamp the joint to the image's edge")


@rule("A314", "warning", "move one of the two, or mark the one that is not known not labelled")
def joints_apart(view: View) -> Iterator[Hits]:
    """No two labelled joints of a person lie at the same pixel.

    Bad: `"keypoints": [10, 20, 2, 10, 20, 2]`
    Good: `"keypoints": [10, 20, 2, 13, 20, 2]`
    """
    for every in view.joint_groups:
        group = every.part(_sharing_pixels(every))
        pixels = np.rint(group.xy)
        counted = (group.v > 0) & (group.xy != 0).any(axis=2)
        bad = np.zeros_like(counted)
        # Joint by joint keeps memory at (n, K) instead of (n, K, K).
        for k in range(1, len(group.names)):
            same = (pixels[:, :k] == pixels[:, k : k + 1]).all(axis=2) & counted[:, :k]
            bad[:, k] = counted[:, k] & same.any(axis=1)

        def text(
            i: int,
            k: int,
            group: JointGroup = group,
            pixels: NDArray[np.float64] = pixels,
            counted: NDArray[np.bool_] = counted,
        ) -> str:
            other = next(j for j in range(k) if counted[i, j] and (pixels[i, j] == pixels[i, k]).all())
            return f"{group.names[other]!r} and {_point(group, i, k)} lie at the same pixel"

        yield _joint_hits(view, group, bad, text)


@rule("A315", "warning", "look whether the joint or the bbox is wrong, or belongs to someone else")
def joint_near_box(view: View) -> Iterator[Hits]:
    """A labelled joint lies at most a quarter of the bbox's longer side outside the bbox.

    A joint outside its box is never an error: 27 % of real COCO people have one. As far out as this, almost none.

    Bad: `"bbox": [0, 0, 100, 200], "keypoints": [180, 50, 2]`
    Good: `"bbox": [0, 0, 100, 200], "keypoints": [110, 50, 2]`
    """
    for every in view.joint_groups:
        whole = view.boxes[every.rows]
        out = np.maximum(whole[:, :2] - every.low, every.high - whole[:, :2] - whole[:, 2:]).max(axis=1)
        group = every.part(out > FAR_OUTSIDE_BOX * whole[:, 2:].max(axis=1))
        boxes = view.boxes[group.rows][:, None, :]
        low, high = boxes[..., :2], boxes[..., :2] + boxes[..., 2:]
        beyond = np.maximum(low - group.xy, group.xy - high).max(axis=2)
        longer = boxes[..., 2:].max(axis=2)
        usable = (group.v > 0) & (boxes[..., 2:] > 0).all(axis=2)
        share = np.divide(beyond, longer, out=np.zeros_like(beyond), where=usable & (longer > 0))

        def text(
            i: int,
            k: int,
            group: JointGroup = group,
            beyond: NDArray[np.float64] = beyond,
            share: NDArray[np.float64] = share,
        ) -> str:
            return f"{_point(group, i, k)} lies {beyond[i, k]:.3g} px ({share[i, k]:.0%} of the longer side) outside the bbox"

        yield _joint_hits(view, group, share > FAR_OUTSIDE_BOX, text)


def _sharing_pixels(group: JointGroup) -> NDArray[np.bool_]:
    """(n,) whether two labelled joints of a person may lie at the same pixel: none is missed, and few others are named."""
    x, y, there = group.by_joint
    codes = np.rint(x) * 1048583.0 + np.rint(y)
    # Each joint that is not labelled gets a code of its own.
    codes = np.ascontiguousarray(np.where(there, codes, -1e15 - np.arange(len(x))[:, None]).T)
    codes.sort(axis=1)
    shared: NDArray[np.bool_] = (codes[:, 1:] == codes[:, :-1]).any(axis=1)
    return shared


def _joint_hits(
    view: View,
    group: JointGroup,
    bad: NDArray[np.bool_],
    text: Callable[[int, int], str],
    *,
    severity: Severity | None = None,
    hint: str | None = None,
) -> Hits:
    """Hits for the annotations of a group with a bad joint; a person counts once, however many of its joints are bad.

    Args:
        view: the document.
        group: the annotations.
        bad: (n, K) which joints are bad.
        text: what is wrong with joint k of the group's annotation i.
        severity: where it differs from the rule's own.
        hint: where it differs from the rule's own.
    """

    def detail(row: int) -> str:
        i = int(np.searchsorted(group.rows, row))
        joints = np.flatnonzero(bad[i])
        more = len(joints) - 1
        return text(i, int(joints[0])) + (f", and {more} more joint{'s' if more > 1 else ''}" if more else "")

    return at(view.annotations, group.rows[bad.any(axis=1)], detail, severity=severity, hint=hint)


def _with_flag(group: JointGroup, remark: str) -> Callable[[int, int], str]:
    return lambda i, k: f"{_point(group, i, k)} has v = {group.v[i, k]}, {remark}"


def _point(group: JointGroup, i: int, k: int) -> str:
    x, y = group.xy[i, k]
    return f"{group.names[k]!r} at ({x:.10g}, {y:.10g})"
