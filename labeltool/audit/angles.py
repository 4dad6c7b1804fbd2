"""Joint angles: how many degrees a model is off where a coach would hold a protractor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.audit.people import FloatArray, IntArray, Labels, expect_guesses
from labeltool.audit.rates import ratio
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: The angles that are measured, on either side: the joint at the vertex, between the two others.
VERTICES: Mapping[str, tuple[str, str]] = {
    "elbow": ("shoulder", "wrist"),
    "shoulder": ("elbow", "hip"),
    "hip": ("shoulder", "knee"),
    "knee": ("hip", "ankle"),
}


@dataclass(frozen=True, eq=False)
class AngleCounts:
    """Angle errors by angle; counts of different people add up with `+`.

    Attributes:
        names: A angles, named by the joint at the vertex.
        absolute: (A,) float, sum of |predicted - labelled|, degrees.
        signed: (A,) float, sum of predicted - labelled, degrees: positive where the model straightens the joint.
        within_10: (A,) int, those off by at most 10 degrees.
        measured: (A,) int, angles that are labelled and predicted.
        missing: (A,) int, labelled angles that are not predicted.
    """

    names: tuple[str, ...]
    absolute: FloatArray
    signed: FloatArray
    within_10: IntArray
    measured: IntArray
    missing: IntArray

    def __add__(self, other: AngleCounts) -> AngleCounts:
        if self.names != other.names:
            raise AuditError("angles of other joints, expected the same to add them")
        return AngleCounts(
            self.names,
            self.absolute + other.absolute,
            self.signed + other.signed,
            self.within_10 + other.within_10,
            self.measured + other.measured,
            self.missing + other.missing,
        )

    def mean_absolute(self) -> FloatArray:
        """Mean absolute error of each angle in degrees: (A,), NaN where none was measured."""
        return ratio(self.absolute, self.measured)

    def mean_signed(self) -> FloatArray:
        """Mean signed error of each angle in degrees: (A,)."""
        return ratio(self.signed, self.measured)

    def share_within_10(self) -> FloatArray:
        """Of the labelled angles, the share that is predicted to within 10 degrees, missing ones as failures: (A,)."""
        return ratio(self.within_10, self.measured + self.missing)

    def overall(self) -> float:
        """Mean absolute error over all angles, pooled."""
        return float(ratio(self.absolute.sum(), self.measured.sum()))


def angle_triples(skeleton: Skeleton) -> dict[str, tuple[int, int, int]]:
    """The angles a skeleton has: name of the vertex -> (one end, vertex, other end) as positions of joints."""
    triples = {}
    for side in ("left", "right"):
        for vertex, (a, b) in VERTICES.items():
            joints = tuple(f"{side}_{joint}" for joint in (a, vertex, b))
            if all(joint in skeleton.joints for joint in joints):
                one, at, other = map(skeleton.index, joints)
                triples[joints[1]] = (one, at, other)
    return triples


def joint_angles(xy: ArrayLike, skeleton: Skeleton) -> FloatArray:
    """The angles of poses in degrees, 0 (folded) to 180 (straight): (N, A).

    - **In the image**: the angle that the photo shows, not the one in space.
    - **NaN** where one of the three joints is, or where two of them coincide.

    Args:
        xy: (N, K, 2) image pixels, NaN for joints that are not there.
        skeleton: names, which decide the angles (`angle_triples`).
    """
    points = np.asarray(xy, dtype=np.float64)
    one, vertex, other = (points[:, ends] for ends in _indices(skeleton).T)
    return _angle(*(end[:, :, axis] - vertex[:, :, axis] for end in (one, other) for axis in (0, 1)))


def angle_errors(labels: Labels, xy: FloatArray, skeleton: Skeleton) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Predicted minus labelled angle of each person in degrees, and which angles are labelled: two (N, A).

    - **Labelled** is an angle whose three joints have v > 0 and lie apart, of a person who is no crowd.
    - **NaN** where it is not labelled, or a joint of it is not predicted.

    Args:
        labels: N people.
        xy: (N, K, 2) the predicted joints of each of them, image pixels, NaN where there are none (`matching.joints_of`).
        skeleton: the joints' names.
    """
    expect_guesses(labels, xy, skeleton.joints)
    triples = _indices(skeleton)
    error = np.full((len(labels), len(triples)), np.nan)
    labelled = np.zeros(error.shape, dtype=np.bool_)
    there = (labels.labelled & labels.people[:, None]).T
    truth, guesses = labels.columns, np.ascontiguousarray(xy.transpose(2, 1, 0))
    for i, triple in enumerate(triples):
        rows = np.flatnonzero(there[triple].all(axis=0))
        own, guessed = (_angle_at(columns, triple, rows) for columns in (truth, guesses))
        labelled[rows, i] = ~np.isnan(own)
        error[rows, i] = guessed - own
    return error, labelled


def count_angles(labels: Labels, xy: FloatArray, skeleton: Skeleton) -> AngleCounts:
    """Angle errors of elbows, shoulders, hips and knees; arguments and rules as `angle_errors`."""
    error, labelled = angle_errors(labels, xy, skeleton)
    measured = ~np.isnan(error)
    known = np.where(measured, error, 0)
    return AngleCounts(
        tuple(angle_triples(skeleton)),
        np.abs(known).sum(axis=0),
        known.sum(axis=0),
        np.count_nonzero(measured & (np.abs(known) <= 10), axis=0).astype(np.int64),
        np.count_nonzero(measured, axis=0).astype(np.int64),
        np.count_nonzero(labelled & ~measured, axis=0).astype(np.int64),
    )


def _angle_at(columns: FloatArray, triple: NDArray[np.intp], rows: NDArray[np.intp]) -> FloatArray:
    """One angle of some people in degrees, from their joints by column (2, K, N)."""
    (x0, x1, x2), (y0, y1, y2) = ([axis[joint].take(rows) for joint in triple] for axis in columns)
    return _angle(x0 - x1, y0 - y1, x2 - x1, y2 - y1)


def _angle(x: FloatArray, y: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """The angle between the vectors (x, y) and (u, v) in degrees, NaN where one has no length."""
    # atan2 stays exact near 0 and 180 degrees, where the arc cosine does not.
    with np.errstate(over="ignore", invalid="ignore"):
        angle = np.degrees(np.arctan2(np.abs(x * v - y * u), x * u + y * v))
    return np.where(((x == 0) & (y == 0)) | ((u == 0) & (v == 0)), np.nan, angle)


def _indices(skeleton: Skeleton) -> NDArray[np.intp]:
    return np.array(list(angle_triples(skeleton).values()), dtype=np.intp).reshape(-1, 3)
