"""What a data set holds: people an image, joints by flag, sizes, and the proportions of the bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltool.coco.document import CocoDocument
from labeltool.dataset.arrays import is_crowd, people_arrays
from labeltool.skeleton import Skeleton

#: The quantiles of every distribution, in percent.
QUANTILES = (0, 5, 25, 50, 75, 95, 100)


@dataclass(frozen=True)
class Spread:
    """A distribution of numbers.

    Attributes:
        count: how many numbers.
        mean: their mean; NaN when there are none.
        quantiles: those of `QUANTILES`; NaN when there are none.
    """

    count: int
    mean: float
    quantiles: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The distribution as plain data; what does not exist is null."""
        if not self.count:
            return {"count": 0, "mean": None, "quantiles": None}
        named = {f"p{q}": value for q, value in zip(QUANTILES, self.quantiles, strict=True)}
        return {"count": self.count, "mean": self.mean, "quantiles": named}


@dataclass(frozen=True)
class Stats:
    """What a document holds.

    Attributes:
        images: images.
        people: annotated people, crowds left out.
        crowds: crowd regions.
        others: annotations of other categories.
        people_per_image: how many images have n people, by n.
        joints_per_person: how many people have n labelled joints, by n.
        flags: for each joint (not labelled, hidden, visible), by name.
        image_width: pixels.
        image_height: pixels.
        box_side: the longer side of the box, pixels.
        area: `area`, pixels.
        fill: area over w x h of the box.
        limbs: each limb's length over the torso diameter (left shoulder to right hip), by its two joints; without a torso in
            the skeleton, over the longer side of the box.
        limb_unit: which of the two it is.
    """

    images: int
    people: int
    crowds: int
    others: int
    people_per_image: dict[int, int]
    joints_per_person: dict[int, int]
    flags: dict[str, tuple[int, int, int]]
    image_width: Spread
    image_height: Spread
    box_side: Spread
    area: Spread
    fill: Spread
    limbs: dict[tuple[str, str], Spread]
    limb_unit: str

    def to_json(self) -> dict[str, Any]:
        """The numbers as plain data."""
        return {
            "images": self.images,
            "people": self.people,
            "crowds": self.crowds,
            "other_annotations": self.others,
            "people_per_image": {str(n): count for n, count in self.people_per_image.items()},
            "joints_per_person": {str(n): count for n, count in self.joints_per_person.items()},
            "joints": {
                name: {"absent": absent, "hidden": hidden, "visible": visible}
                for name, (absent, hidden, visible) in self.flags.items()
            },
            "image_width": self.image_width.to_json(),
            "image_height": self.image_height.to_json(),
            "box_side": self.box_side.to_json(),
            "area": self.area.to_json(),
            "area_of_box": self.fill.to_json(),
            "limbs": [{"from": a, "to": b, **spread.to_json()} for (a, b), spread in self.limbs.items()],
            "limb_unit": self.limb_unit,
        }

    def to_text(self) -> str:
        """The numbers for a terminal."""
        lines = [
            f"{self.images:,} images, {self.people:,} people, {self.crowds:,} crowd regions, "
            f"{self.others:,} annotations of other categories",
            "people an image: " + _counts(self.people_per_image),
            "labelled joints a person: " + _counts(self.joints_per_person),
            "",
            f"{'joint':<20}{'visible':>10}{'hidden':>9}{'absent':>9}{'labelled':>10}",
        ]
        for name, (absent, hidden, visible) in self.flags.items():
            share = f"{(hidden + visible) / self.people:>10.1%}" if self.people else f"{'-':>10}"
            lines.append(f"{name:<20}{visible:>10,}{hidden:>9,}{absent:>9,}{share}")
        head = "".join(f"{f'p{q}':>10}" for q in QUANTILES)
        lines += ["", f"{'':<32}{'n':>9}{head}"]
        for name, spread in (
            ("image width", self.image_width),
            ("image height", self.image_height),
            ("box, longer side", self.box_side),
            ("area", self.area),
            ("area / box", self.fill),
        ):
            lines.append(_row(name, spread))
        lines += ["", f"limb length / {self.limb_unit}"]
        lines += [_row(f"{a} - {b}", spread) for (a, b), spread in self.limbs.items()]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Gathering:
    """People as arrays, and the images that they are on.

    Attributes:
        skeleton: their joints.
        images: for each person the index of its image: (N,) int.
        xy: (N, K, 2) float, image pixels.
        v: (N, K) int.
        boxes: (N, 4) float xywh; NaN where there is none.
        areas: (N,) float, pixels; NaN where there is none.
        widths: (M,) float, pixels, of each image; NaN where it is not known.
        heights: (M,) float, likewise.
        crowds: crowd regions.
        others: annotations of other categories.
    """

    skeleton: Skeleton
    images: NDArray[np.intp]
    xy: NDArray[np.float64]
    v: NDArray[np.int64]
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]
    widths: NDArray[np.float64]
    heights: NDArray[np.float64]
    crowds: int = 0
    others: int = 0

    def __len__(self) -> int:
        return len(self.images)


def stats(document: CocoDocument) -> Stats:
    """What a document holds of its person category; limbs count where both ends and the unit's ends are labelled.

    Raises:
        CocoError: the document is damaged.
        SkeletonError: the category describes no skeleton.
    """
    people = people_arrays(document)
    category = document.keypoint_categories()
    crowds = sum(1 for annotation in document.annotations if is_crowd(annotation) and category)
    return measure(
        Gathering(
            people.skeleton,
            people.images,
            people.xy,
            people.v,
            people.boxes,
            people.areas,
            _sides(document, "width"),
            _sides(document, "height"),
            crowds,
            len(document.annotations) - len(people) - crowds,
        )
    )


def measure(people: Gathering) -> Stats:
    """What people and their images hold; see `stats`."""
    skeleton = people.skeleton
    per_image = np.bincount(people.images, minlength=len(people.widths))
    labelled = people.v > 0
    boxes = people.boxes
    side = np.maximum(boxes[:, 2], boxes[:, 3])
    with np.errstate(divide="ignore", invalid="ignore"):
        fill = people.areas / (boxes[:, 2] * boxes[:, 3])
    unit, unit_name = _unit(people, side)
    limbs = {}
    for (name_a, name_b), (a, b) in zip(skeleton.limbs, skeleton.limb_indices(), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(labelled[:, a] & labelled[:, b], _distance(people.xy, a, b) / unit, np.nan)
        limbs[name_a, name_b] = spread(ratio)
    return Stats(
        images=len(people.widths),
        people=len(people),
        crowds=people.crowds,
        others=people.others,
        people_per_image=_histogram(per_image),
        joints_per_person=_histogram(labelled.sum(axis=1)),
        flags={
            joint: tuple(int((people.v[:, k] == flag).sum()) for flag in (0, 1, 2))  # type: ignore[misc]
            for k, joint in enumerate(skeleton.joints)
        },
        image_width=spread(people.widths),
        image_height=spread(people.heights),
        box_side=spread(side),
        area=spread(people.areas),
        fill=spread(fill),
        limbs=limbs,
        limb_unit=unit_name,
    )


def _unit(people: Gathering, side: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """What limbs are measured by, for each person, and its name."""
    torso = people.skeleton.torso
    if torso is None:
        return side, "longer side of the box"
    a, b = (people.skeleton.index(joint) for joint in torso)
    both = (people.v[:, a] > 0) & (people.v[:, b] > 0)
    return np.where(both, _distance(people.xy, a, b), np.nan), f"torso ({torso[0]} - {torso[1]})"


def spread(values: NDArray[np.float64]) -> Spread:
    """The distribution of the finite values of an array, with numpy's linear quantiles."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Spread(0, float("nan"), (float("nan"),) * len(QUANTILES))
    return Spread(len(finite), float(finite.mean()), tuple(np.percentile(finite, QUANTILES).tolist()))


def _distance(xy: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.hypot(xy[:, a, 0] - xy[:, b, 0], xy[:, a, 1] - xy[:, b, 1])
    return found


def _sides(document: CocoDocument, name: str) -> NDArray[np.float64]:
    sides = [image.get(name) for image in document.images]
    return np.array([side if type(side) in (int, float) else np.nan for side in sides], dtype=np.float64)


def _histogram(counts: NDArray[Any]) -> dict[int, int]:
    numbers, times = np.unique(counts, return_counts=True)
    return dict(zip(numbers.tolist(), times.tolist(), strict=True))


def _counts(histogram: dict[int, int]) -> str:
    return ", ".join(f"{n}: {count:,}" for n, count in histogram.items()) or "-"


def _row(name: str, spread: Spread) -> str:
    values = "".join(f"{value:>10,.3g}" if value < 1000 else f"{value:>10,.0f}" for value in spread.quantiles)
    return f"{name:<32}{spread.count:>9,}{values if spread.count else ''}"
