"""What changed between two documents: images, people, joints, flags and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.dataset.arrays import People, people_arrays
from labeltool.geometry import box_iou
from labeltool.skeleton import convert

#: People of two documents without a common id are the same person from this overlap of their boxes on.
SAME_BOX = 0.5

_FLAGS = ("not labelled", "hidden", "visible")

#: How many examples of each kind a report names.
MAX_EXAMPLES = 5


@dataclass
class JointChanges:
    """What became of one joint over all people that both documents have.

    Attributes:
        added: people where it is labelled only in the second document.
        removed: people where it is labelled only in the first.
        flags: people where its v changed between 1 and 2.
        distances: how far it moved, pixels, for those who moved more than the tolerance.
    """

    added: int = 0
    removed: int = 0
    flags: int = 0
    distances: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The counts, and the distances' median and maximum."""
        return {
            "added": self.added,
            "removed": self.removed,
            "flags_changed": self.flags,
            "moved": len(self.distances),
            "moved_median": float(np.median(self.distances)) if self.distances else None,
            "moved_max": max(self.distances) if self.distances else None,
        }


@dataclass
class Difference:
    """The difference of two documents, from the first to the second.

    Attributes:
        images_added: file names only in the second.
        images_removed: file names only in the first.
        people_added: (file name, annotation id) of people only in the second.
        people_removed: the same of people only in the first.
        people_same: how many people both have.
        people_changed: how many of these differ in a joint, a flag or the box.
        boxes_changed: how many of these have another box.
        joints: the changes by joint.
        joints_only: joints that only the first, and only the second document names.
        flag_table: (v in the first, v in the second) -> how often, over all joints of people that both have.
        farthest: (distance, file name, annotation id in the second, joint) of the largest moves.
    """

    images_added: list[str]
    images_removed: list[str]
    people_added: list[tuple[str, int]] = field(default_factory=list)
    people_removed: list[tuple[str, int]] = field(default_factory=list)
    people_same: int = 0
    people_changed: int = 0
    boxes_changed: int = 0
    joints: dict[str, JointChanges] = field(default_factory=dict)
    joints_only: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    flag_table: NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 3), dtype=np.int64))
    farthest: list[tuple[float, str, int, str]] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (
            self.images_added or self.images_removed or self.people_added or self.people_removed or self.people_changed
            or any(self.joints_only)
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The difference as plain data."""
        return {
            "same": self.same,
            "images": {"added": self.images_added, "removed": self.images_removed},
            "people": {
                "added": [list(row) for row in self.people_added],
                "removed": [list(row) for row in self.people_removed],
                "same": self.people_same,
                "changed": self.people_changed,
                "boxes_changed": self.boxes_changed,
            },
            "joints": {name: changes.to_json() for name, changes in self.joints.items()},
            "joints_only_in": [list(names) for names in self.joints_only],
            "flags": self.flag_table.tolist(),
            "farthest": [
                {"distance": d, "file_name": name, "annotation": number, "joint": joint}
                for d, name, number, joint in self.farthest
            ],
        }

    def to_text(self) -> str:
        """The difference for a terminal."""
        if self.same:
            return f"no difference: {self.people_same:,} {'person' if self.people_same == 1 else 'people'}"
        lines = [
            f"images: {len(self.images_added):,} added, {len(self.images_removed):,} removed"
            + _examples([*self.images_added, *self.images_removed]),
            f"people: {len(self.people_added):,} added, {len(self.people_removed):,} removed, {self.people_same:,} in both, "
            f"{self.people_changed:,} of them changed ({self.boxes_changed:,} boxes)",
        ]
        lines += [
            f"  {what}:{_examples([f'{name} (id {number})' for name, number in rows])[1:]}"
            for what, rows in (("added", self.people_added), ("removed", self.people_removed))
            if rows
        ]
        for names, which in zip(self.joints_only, ("first", "second"), strict=True):
            if names:
                lines.append(f"joints only in the {which}: {', '.join(names)}")
        lines += ["", f"{'joint':<20}{'added':>8}{'removed':>9}{'flag':>7}{'moved':>8}{'median px':>11}{'max px':>9}"]
        for name, c in self.joints.items():
            middle = f"{np.median(c.distances):>11.2f}{max(c.distances):>9.2f}" if c.distances else f"{'-':>11}{'-':>9}"
            lines.append(f"{name:<20}{c.added:>8,}{c.removed:>9,}{c.flags:>7,}{len(c.distances):>8,}{middle}")
        changes = [
            f"{int(self.flag_table[a, b]):,} from {_FLAGS[a]} to {_FLAGS[b]}"
            for a in range(3)
            for b in range(3)
            if a != b and self.flag_table[a, b]
        ]
        if changes:
            lines.append("flags: " + ", ".join(changes))
        lines += [
            f"moved furthest: {name} (id {number}) {joint} by {d:.1f} px" for d, name, number, joint in self.farthest
        ]
        return "\n".join(lines)


def diff(first: CocoDocument, second: CocoDocument, *, tolerance: float = 0.0) -> Difference:
    """The difference from one document to another, for the people of their person categories (crowds left out).

    - **Images** are the same when their file names are.
    - **People** of an image are the same when their annotation ids are; of the rest, greedily, the pair with the largest overlap
      of boxes, from an IoU of 0.5 on.
    - **Joints** are compared by name. A joint has moved when it is labelled in both and its distance is more than `tolerance`.

    Args:
        first: the earlier document.
        second: the later one.
        tolerance: pixels.

    Raises:
        CocoError: a document is damaged.
        SkeletonError: a category describes no skeleton.
    """
    a, b = people_arrays(first), people_arrays(second)
    names_a, names_b = _names(first), _names(second)
    found = Difference(
        [name for name in names_b if name not in set(names_a)], [name for name in names_a if name not in set(names_b)]
    )
    pairs, only_a, only_b = _match(first, second, a, b, names_a, names_b)
    found.people_removed = [(names_a[a.images[i]], first.annotations[a.rows[i]]["id"]) for i in only_a]
    found.people_added = [(names_b[b.images[i]], second.annotations[b.rows[i]]["id"]) for i in only_b]
    found.people_same = len(pairs)
    conversion = convert(b.skeleton, a.skeleton)
    found.joints_only = (conversion.missing, conversion.dropped)
    where = [(names_b[b.images[j]], second.annotations[b.rows[j]]["id"]) for _, j in pairs]
    _compare(a, b, pairs, dict((theirs, ours) for ours, theirs in conversion.pairs), where, tolerance, found)
    return found


def _names(document: CocoDocument) -> list[str]:
    return [image["file_name"] for image in document.images]


def _match(
    first: CocoDocument, second: CocoDocument, a: People, b: People, names_a: list[str], names_b: list[str]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs of people that are the same, and those that only one document has; in file order."""
    by_image: dict[str, tuple[list[int], list[int]]] = {}
    for side, (people, names) in enumerate(((a, names_a), (b, names_b))):
        for i in range(len(people)):
            by_image.setdefault(names[people.images[i]], ([], []))[side].append(i)
    pairs: list[tuple[int, int]] = []
    for left, right in by_image.values():
        ids = {second.annotations[b.rows[j]]["id"]: j for j in right}
        rest_a = []
        for i in left:
            j = ids.pop(first.annotations[a.rows[i]]["id"], None)
            if j is None:
                rest_a.append(i)
            else:
                pairs.append((i, j))
        rest_b = list(ids.values())
        pairs += _by_overlap(a, b, rest_a, rest_b)
    pairs.sort()
    used_a, used_b = {i for i, _ in pairs}, {j for _, j in pairs}
    return (
        pairs,
        [i for i in range(len(a)) if i not in used_a],
        [j for j in range(len(b)) if j not in used_b],
    )


def _by_overlap(a: People, b: People, left: list[int], right: list[int]) -> list[tuple[int, int]]:
    if not left or not right:
        return []
    overlap = np.nan_to_num(box_iou(a.boxes[left], b.boxes[right]))
    pairs: list[tuple[int, int]] = []
    while overlap.size and overlap.max() >= SAME_BOX:
        i, j = (int(n) for n in np.unravel_index(int(overlap.argmax()), overlap.shape))
        pairs.append((left[i], right[j]))
        overlap[i, :] = overlap[:, j] = -1
    return pairs


def _compare(
    a: People,
    b: People,
    pairs: list[tuple[int, int]],
    joints: Mapping[str, str],
    where: list[tuple[str, int]],
    tolerance: float,
    found: Difference,
) -> None:
    """Fills in what changed of the people that both documents have; `joints` maps the first's names to the second's."""
    left = np.array([i for i, _ in pairs], dtype=np.intp)
    right = np.array([j for _, j in pairs], dtype=np.intp)
    boxes_a, boxes_b = a.boxes[left], b.boxes[right]
    both_missing = np.isnan(boxes_a) & np.isnan(boxes_b)
    boxes = ~((np.abs(boxes_a - boxes_b) <= tolerance) | both_missing).all(axis=1)
    changed = boxes.copy()
    moves: list[tuple[float, str, int, str]] = []
    for ours, theirs in joints.items():
        k, m = a.skeleton.index(ours), b.skeleton.index(theirs)
        va, vb = a.v[left, k], b.v[right, m]
        distance = np.hypot(*(a.xy[left, k] - b.xy[right, m]).T) if len(pairs) else np.zeros(0)
        moved = (va > 0) & (vb > 0) & (distance > tolerance)
        np.add.at(found.flag_table, (va, vb), 1)
        found.joints[ours] = JointChanges(
            int(((va == 0) & (vb > 0)).sum()),
            int(((va > 0) & (vb == 0)).sum()),
            int(((va > 0) & (vb > 0) & (va != vb)).sum()),
            distance[moved].tolist(),
        )
        changed |= moved | (va != vb)
        moves += [(float(distance[n]), *where[n], ours) for n in np.flatnonzero(moved)]
    found.boxes_changed, found.people_changed = int(boxes.sum()), int(changed.sum())
    found.farthest = sorted(moves, key=lambda move: -move[0])[:MAX_EXAMPLES]


def _examples(names: list[str]) -> str:
    if not names:
        return ""
    more = f", and {len(names) - MAX_EXAMPLES:,} more" if len(names) > MAX_EXAMPLES else ""
    return f": {', '.join(names[:MAX_EXAMPLES])}{more}"
