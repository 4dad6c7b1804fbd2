"""Labels and detections as arrays: what every metric of this room takes, checked once when they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.errors import AuditError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: The person id of a detection that was not made on a given box: it is matched by place, not by id.
NO_PERSON = -1
#: Labels and detections that are measured together: few enough for the temporaries to stay small and near the processor.
ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled people, in file order (the order decides between equal OKS, as it does in pycocotools).

    Attributes:
        image: (N,) int, the image id of each person.
        person: (N,) int, the person's own id (the annotation id of a COCO file).
        xy: (N, K, 2) float, image pixels; joints with v = 0 may hold anything finite.
        v: (N, K) int; a joint counts as labelled when v > 0, hidden (1) and visible (2) alike.
        area: (N,) float, square pixels: COCO's segment area. Scale of the OKS and size class (medium, large).
        box: (N, 4) float, xywh; NaN where a person has none (used by scale "bbox-diagonal", PCK, and people without joints).
        crowd: (N,) bool, iscrowd.
    """

    image: IntArray
    person: IntArray
    xy: FloatArray
    v: IntArray
    area: FloatArray
    box: FloatArray
    crowd: BoolArray

    @classmethod
    def of(
        cls,
        image: ArrayLike,
        xy: ArrayLike,
        v: ArrayLike,
        area: ArrayLike,
        *,
        person: ArrayLike | None = None,
        box: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> Labels:
        """Labels from anything array-like: ids 1..N, no boxes and no crowds unless given.

        Raises:
            AuditError: shapes that do not agree, a coordinate or area that is no usable number.
        """
        images = np.asarray(image, dtype=np.int64).reshape(-1)
        n = len(images)
        return cls(
            images,
            np.arange(1, n + 1) if person is None else np.asarray(person, dtype=np.int64),
            np.asarray(xy, dtype=np.float64),
            np.asarray(v, dtype=np.int64),
            np.asarray(area, dtype=np.float64),
            np.full((n, 4), np.nan) if box is None else np.asarray(box, dtype=np.float64),
            np.zeros(n, dtype=np.bool_) if crowd is None else np.asarray(crowd, dtype=np.bool_),
        )

    def __post_init__(self) -> None:
        n, k = _rows_and_joints(self.xy, "labels")
        _expect_shapes(
            "labels",
            image=(self.image, (n,)),
            person=(self.person, (n,)),
            v=(self.v, (n, k)),
            area=(self.area, (n,)),
            box=(self.box, (n, 4)),
            crowd=(self.crowd, (n,)),
        )
        bad = (self.v > 0) & ~_are_finite(self.xy)
        if bad.any():
            row, joint = np.argwhere(bad)[0]
            raise AuditError(f"{self.place(row)}: joint {joint} is at {_pair(self.xy[row, joint])}, expected numbers")
        # A crowd or a person without joints is no yardstick, so an area of 0 does no harm there.
        floor = np.where(self.people, np.nextafter(0, 1), 0)
        usable = np.isfinite(self.area) & (self.area >= floor)
        if not usable.all():
            row = int(np.argmin(usable))
            raise AuditError(f"{self.place(row)}: area is {self.area[row]:g}, expected a positive number")

    def __len__(self) -> int:
        return len(self.image)

    @property
    def joints(self) -> int:
        """K, the number of joints of a person."""
        return int(self.xy.shape[1])

    @cached_property
    def labelled(self) -> BoolArray:
        """(N, K) bool: v > 0."""
        return np.asarray(self.v > 0, dtype=np.bool_)

    @cached_property
    def columns(self) -> FloatArray:
        """(2, K, N) float: `xy` turned round, so that one joint's abscissae (or ordinates) lie side by side."""
        return np.ascontiguousarray(self.xy.transpose(2, 1, 0))

    @cached_property
    def people(self) -> BoolArray:
        """(N,) bool: who counts in the per-joint tables, no crowd and at least one joint labelled."""
        return np.asarray(~self.crowd & self.labelled.any(axis=1), dtype=np.bool_)

    def take(self, rows: ArrayLike) -> Labels:
        """The chosen rows (indices or a mask), in that order."""
        return _taken(self, as_rows(rows))

    def place(self, row: int | np.integer[Any]) -> str:
        """How a message names a row."""
        return f"labels[{row}] (id {self.person[row]}, image {self.image[row]})"


@dataclass(frozen=True, eq=False)
class Detections:
    """What a model says, in file order.

    Attributes:
        image: (M,) int, the image id.
        xy: (M, K, 2) float, image pixels; NaN for joints the model does not predict.
        score: (M,) float, higher is surer.
        predicted: (M, K) bool, False for joints the model does not predict (another skeleton): they count as missed.
        area: (M,) float, square pixels; decides whether an unmatched detection counts among medium or large people.
        box: (M, 4) float, xywh.
        confidence: (M, K) float per-joint confidence, or None.
        person: (M,) int, the id of the labelled person on whose box the model ran, `NO_PERSON` where it found its own.
    """

    image: IntArray
    xy: FloatArray
    score: FloatArray
    predicted: BoolArray
    area: FloatArray
    box: FloatArray
    confidence: FloatArray | None
    person: IntArray

    @classmethod
    def of(
        cls,
        image: ArrayLike,
        xy: ArrayLike,
        score: ArrayLike,
        *,
        predicted: ArrayLike | None = None,
        box: ArrayLike | None = None,
        confidence: ArrayLike | None = None,
        person: ArrayLike | None = None,
    ) -> Detections:
        """Detections with the area pycocotools' `loadRes` gives them.

        - **Area**: w x h of the given box; without boxes the extent of all predicted joints, which is then the box as well.
        - **NaN**: only joints named in `predicted` as not predicted may lack a position. Everything else must be finite:
          a NaN coordinate would win every comparison of pycocotools and become a true positive.

        Args:
            image: (M,) image ids.
            xy: (M, K, 2) image pixels.
            score: (M,) scores.
            predicted: (M, K) or (K,) bool; by default every joint is predicted.
            box: (M, 4) xywh.
            confidence: (M, K).
            person: (M,) ids of the labelled people the boxes belong to.

        Raises:
            AuditError: shapes that do not agree, a number that is not finite.
        """
        points = np.asarray(xy, dtype=np.float64)
        m, k = _rows_and_joints(points, "detections")
        known = np.ones((m, k), dtype=np.bool_)
        if predicted is not None:
            mask = np.asarray(predicted, dtype=np.bool_)
            if mask.shape not in ((k,), (m, k)):
                raise AuditError(f"detections: predicted has shape {mask.shape}, expected {(m, k)} or {(k,)}")
            known = known & mask
        if not known.all():
            points = np.where(known[:, :, None], points, np.nan)
        boxes = _extent(points, known) if box is None else np.asarray(box, dtype=np.float64)
        if boxes.shape != (m, 4):
            raise AuditError(f"detections: box has shape {boxes.shape}, expected {(m, 4)}")
        return cls(
            np.asarray(image, dtype=np.int64),
            points,
            np.asarray(score, dtype=np.float64),
            known,
            boxes[:, 2] * boxes[:, 3],
            boxes,
            None if confidence is None else np.asarray(confidence, dtype=np.float64),
            np.full(m, NO_PERSON, dtype=np.int64) if person is None else np.asarray(person, dtype=np.int64),
        )

    def __post_init__(self) -> None:
        m, k = _rows_and_joints(self.xy, "detections")
        _expect_shapes(
            "detections",
            image=(self.image, (m,)),
            score=(self.score, (m,)),
            predicted=(self.predicted, (m, k)),
            area=(self.area, (m,)),
            box=(self.box, (m, 4)),
            person=(self.person, (m,)),
        )
        if self.confidence is not None:
            _expect_shapes("detections", confidence=(self.confidence, (m, k)))
        bad = self.predicted & ~_are_finite(self.xy)
        if bad.any():
            row, joint = np.argwhere(bad)[0]
            raise AuditError(
                f"{self.place(row)}: joint {joint} is at {_pair(self.xy[row, joint])}, expected finite numbers"
            )
        for name, values in (("score", self.score), ("area", self.area)):
            wrong = ~np.isfinite(values)
            if wrong.any():
                row = int(np.argmax(wrong))
                raise AuditError(f"{self.place(row)}: {name} is {values[row]}, expected a finite number")

    def __len__(self) -> int:
        return len(self.image)

    @property
    def joints(self) -> int:
        """K, the number of joints of a person."""
        return int(self.xy.shape[1])

    @cached_property
    def rank(self) -> IntArray:
        """(M,) int: the place of each within its image by falling score, the best 0; file order between equals."""
        order = np.lexsort((-self.score, self.image))
        image = self.image[order]
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.searchsorted(image, image, side="left")
        return rank

    def take(self, rows: ArrayLike) -> Detections:
        """The chosen rows (indices or a mask), in that order."""
        return _taken(self, as_rows(rows))

    def place(self, row: int | np.integer[Any]) -> str:
        """How a message names a row."""
        return f"detections[{row}] (image {self.image[row]})"


def as_rows(rows: ArrayLike) -> IntArray:
    """Indices of rows, from indices or a mask: numpy takes rows by their indices several times faster than by a mask."""
    chosen = np.asarray(rows)
    return np.asarray(np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen, dtype=np.int64)


Rows = TypeVar("Rows", Labels, Detections)


def _taken(whole: Rows, rows: IntArray) -> Rows:
    """Some rows of labels or detections; they were checked when the whole was made."""
    part = object.__new__(type(whole))
    run = _as_slice(rows)
    for field in fields(whole):
        column = getattr(whole, field.name)
        if column is not None:
            column = column.take(rows, axis=0) if run is None else column[run]
        object.__setattr__(part, field.name, column)
    return part


def _as_slice(rows: IntArray) -> slice | None:
    """The slice that names the same rows, where they follow one another: a view costs nothing, and nobody writes into columns."""
    if not len(rows) or rows[-1] - rows[0] + 1 != len(rows) or not (rows[1:] > rows[:-1]).all():
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1)


def in_parts(labels: Labels, detections: Detections, rows: int = ROWS_AT_A_TIME) -> Iterator[tuple[Labels, Detections]]:
    """Both, image by image, in parts of about so many rows; every image lies in one part, with its rows in file order."""
    if len(labels) + len(detections) <= rows:
        yield labels, detections
        return
    for label_rows, detection_rows in rows_in_parts(labels, detections, rows):
        yield labels.take(label_rows), detections.take(detection_rows)


def rows_in_parts(
    labels: Labels, detections: Detections, rows: int = ROWS_AT_A_TIME
) -> Iterator[tuple[IntArray, IntArray]]:
    """The rows of both that `in_parts` takes together, as indices."""
    label_order = np.argsort(labels.image, kind="stable")
    detection_order = np.argsort(detections.image, kind="stable")
    images = np.sort(np.concatenate([labels.image, detections.image]))
    cuts = np.unique(images[rows::rows])
    cuts = cuts[cuts > images[0]] if len(cuts) else cuts
    label_parts = np.split(label_order, np.searchsorted(labels.image[label_order], cuts))
    detection_parts = np.split(detection_order, np.searchsorted(detections.image[detection_order], cuts))
    yield from zip(label_parts, detection_parts, strict=True)


def expect_joints(joints: Sequence[str], **counts: int) -> None:
    """Nothing, when every side has as many joints as the skeleton.

    Raises:
        AuditError: one of them has another number of joints.
    """
    for name, count in counts.items():
        if count != len(joints):
            raise AuditError(f"{name}: {count} joints a person, expected {len(joints)}")


def expect_guesses(labels: Labels, xy: FloatArray, joints: Sequence[str]) -> None:
    """Nothing, when labels and the predicted joints of each of them fit the skeleton and each other.

    Raises:
        AuditError: another number of people or joints.
    """
    expect_joints(joints, labels=labels.joints)
    if xy.shape != labels.xy.shape:
        raise AuditError(f"predicted joints have shape {xy.shape}, expected that of the labels, {labels.xy.shape}")


def _extent(xy: FloatArray, predicted: BoolArray) -> FloatArray:
    if predicted.all():
        # joint by joint: numpy is slow at the least of a few numbers many times
        columns = [xy[:, k] for k in range(xy.shape[1])]
        low, high = reduce(np.minimum, columns).copy(), reduce(np.maximum, columns).copy()
    else:
        low = np.where(predicted[:, :, None], xy, np.inf).min(axis=1)
        high = np.where(predicted[:, :, None], xy, -np.inf).max(axis=1)
    nothing = ~predicted.any(axis=1)
    low[nothing] = high[nothing] = 0
    # NaN and infinities are named by the checks that follow, with their place.
    with np.errstate(invalid="ignore"):
        return np.concatenate([low, high - low], axis=1)


def _are_finite(xy: FloatArray) -> BoolArray:
    """(n, K) bool; numpy is slow at asking all of two numbers many times."""
    return np.asarray(np.isfinite(xy[:, :, 0]) & np.isfinite(xy[:, :, 1]), dtype=np.bool_)


def _rows_and_joints(xy: FloatArray, what: str) -> tuple[int, int]:
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise AuditError(f"{what}: xy has shape {xy.shape}, expected (people, joints, 2)")
    return xy.shape[0], xy.shape[1]


def _expect_shapes(what: str, **arrays: tuple[NDArray[Any], tuple[int, ...]]) -> None:
    for name, (array, shape) in arrays.items():
        if array.shape != shape:
            raise AuditError(f"{what}: {name} has shape {array.shape}, expected {shape}")


def _pair(xy: FloatArray) -> str:
    return f"({xy[0]:g}, {xy[1]:g})"
