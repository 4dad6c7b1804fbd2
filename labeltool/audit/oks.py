"""Object keypoint similarity: how near a detection's joints lie to the labelled ones, in units of the person's size.

    ks_i = exp(-d_i^2 / (2 s^2 k_i^2)),  k_i = 2 sigma_i
    OKS  = sum_i ks_i [v_i > 0] / sum_i [v_i > 0]

Source: COCO keypoint evaluation, pycocotools `COCOeval.computeOks`, whose order of operations is kept so that equal input
gives the same bits (equal OKS must stay equal: ties decide matches).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeltool.audit.circle import squared_distance
from labeltool.audit.people import Detections, FloatArray, IntArray, Labels, as_rows
from labeltool.errors import AuditError

#: What the s of the formula is: "area" has s^2 = the label's area (COCO); "bbox-diagonal" s^2 = w^2 + h^2 of its box (lecture).
Scale = Literal["area", "bbox-diagonal"]

#: Pairs measured at a time: keeps the temporaries in the processor's cache and the peak memory flat.
_BLOCK = 2048


def squared_scale(labels: Labels, scale: Scale = "area") -> FloatArray:
    """s^2 of every label, in square pixels: (N,).

    - **"area"** is COCO's and pycocotools'. **"bbox-diagonal"** is another measure: its numbers are higher (on COCO people
      w^2 + h^2 is several times the segment area) and never to be held against published ones.

    Raises:
        AuditError: the scale has another name, or a labelled person has no box to take the diagonal of.
    """
    if scale == "area":
        return labels.area
    if scale != "bbox-diagonal":
        raise AuditError(f"scale {scale!r}: unknown, expected {' or '.join(get_args(Scale))}")
    squares = np.square(labels.box[:, 2]) + np.square(labels.box[:, 3])
    unusable = labels.people & ~(squares > 0)
    if unusable.any():
        raise AuditError(f"{labels.place(int(np.argmax(unusable)))}: no box, expected one for scale 'bbox-diagonal'")
    return np.asarray(np.nan_to_num(squares, nan=0.0), dtype=np.float64)


def keypoint_similarity(xy: ArrayLike, label_xy: ArrayLike, scale2: ArrayLike, sigmas: ArrayLike) -> FloatArray:
    """The ks of every joint of people held against their labels, row by row.

    - **Not predicted**: NaN in `xy` gives 0.
    - **Visibility** is not looked at: the caller decides which joints are labelled.

    Args:
        xy: (P, K, 2) predicted joints, image pixels.
        label_xy: (P, K, 2) labelled joints, image pixels.
        scale2: (P,) s^2 in square pixels.
        sigmas: (K,) per-joint sigmas.

    Returns:
        (P, K) in 0..1.
    """
    return _similarity(squared_distance(xy, label_xy), scale2, sigmas)


def similarity_at(squared: FloatArray, scale2: ArrayLike, sigmas: ArrayLike) -> FloatArray:
    """The ks of joints at given squared distances (P, K), in 0..1; `keypoint_similarity` without the measuring."""
    return _similarity(squared, scale2, sigmas)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every label with every detection of the same image, and their OKS.

    Attributes:
        label: (P,) int, rows of the labels; in file order within a detection.
        detection: (P,) int, rows of the detections, ascending.
        oks: (P,) float in 0..1.
    """

    label: IntArray
    detection: IntArray
    oks: FloatArray

    def take(self, rows: ArrayLike) -> Pairs:
        """The chosen pairs (indices or a mask)."""
        r = as_rows(rows)
        return Pairs(self.label.take(r), self.detection.take(r), self.oks.take(r))


def pairs_of_images(label_image: IntArray, detection_image: IntArray) -> tuple[IntArray, IntArray]:
    """The rows of every label and detection that share an image: two (P,) int arrays (label, detection)."""
    order = np.argsort(label_image, kind="stable")
    sorted_images = label_image[order]
    first = np.searchsorted(sorted_images, detection_image, side="left")
    count = np.searchsorted(sorted_images, detection_image, side="right") - first
    detection = np.repeat(np.arange(len(detection_image)), count)
    start = np.cumsum(count) - count
    within = np.arange(len(detection)) - np.repeat(start, count)
    return order[np.repeat(first, count) + within], detection


def all_pairs(labels: Labels, detections: Detections, sigmas: ArrayLike, scale: Scale = "area") -> Pairs:
    """The OKS of every label with every detection of its image, equal to pycocotools' `computeOks`.

    - **Visibility**: joints with v > 0 count, hidden and visible alike.
    - **No labelled joint**: the distance is that to the label's box doubled about itself, over all joints, as pycocotools
      measures it, so that a detection on a person nobody labelled is forgiven rather than false. Without a box: 0.
    - **Crowds** are measured like people; leniency towards them is the matcher's business.
    - **Joints the model does not predict** have ks 0; around a person without labelled joints they are left out of the mean.

    Args:
        labels: N people.
        detections: M people.
        sigmas: (K,) per-joint sigmas.
        scale: what s is.

    Returns:
        The pairs, grouped by detection.
    """
    label, detection = pairs_of_images(labels.image, detections.image)
    return Pairs(label, detection, oks_of_pairs(labels, detections, label, detection, sigmas, scale))


def oks_of_pairs(
    labels: Labels,
    detections: Detections,
    label: IntArray,
    detection: IntArray,
    sigmas: ArrayLike,
    scale: Scale = "area",
) -> FloatArray:
    """The OKS of chosen pairs, as `all_pairs` defines it: (P,).

    Args:
        labels: N people.
        detections: M people.
        label: (P,) rows of the labels.
        detection: (P,) rows of the detections.
        sigmas: (K,) per-joint sigmas.
        scale: what s is.
    """
    scale2 = squared_scale(labels, scale)
    labelled = labels.labelled
    counts = np.count_nonzero(labelled, axis=1)[label]
    oks = np.zeros(len(label))
    # Abscissae before ordinates, (N, 2, K): these are gathered and measured in long runs, twice as fast as points.
    guesses, truth = (np.ascontiguousarray(xy.transpose(0, 2, 1)) for xy in (detections.xy, labels.xy))
    for count in np.flatnonzero(np.bincount(counts)):
        rows = np.flatnonzero(counts == count)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            a, b = label.take(block), detection.take(block)
            if count == 0:
                oks[block] = _to_double_box(labels, detections, a, b, scale2, sigmas)
                continue
            delta = guesses.take(b, axis=0)
            delta -= truth.take(a, axis=0)
            with np.errstate(over="ignore"):
                delta *= delta
            squared = delta[:, 0] + delta[:, 1]
            ks = _similarity(squared, scale2.take(a), sigmas)
            if count < labels.joints:
                # All rows have as many labelled joints: packed side by side they are summed as pycocotools sums them.
                ks = ks[labelled.take(a, axis=0)].reshape(len(block), count)
            oks[block] = ks.sum(axis=1) / count
    return oks


def _to_double_box(
    labels: Labels, detections: Detections, label: IntArray, detection: IntArray, scale2: FloatArray, sigmas: ArrayLike
) -> FloatArray:
    corner, size = labels.box[label, None, :2], labels.box[label, None, 2:]
    xy = detections.xy[detection]
    low, high = corner - size, corner + size * 2
    outside = np.maximum(0, low - xy) + np.maximum(0, xy - high)
    ks = _similarity(squared_distance(outside, 0), scale2[label], sigmas)
    predicted = detections.predicted[detection]
    if predicted.all():
        mean = ks.sum(axis=1) / ks.shape[1]
    else:
        mean = np.where(predicted, ks, 0).sum(axis=1) / np.maximum(predicted.sum(axis=1), 1)
    return np.asarray(mean, dtype=np.float64)


def _similarity(squared: NDArray[np.float64], scale2: ArrayLike, sigmas: ArrayLike) -> FloatArray:
    variances = (np.asarray(sigmas, dtype=np.float64) * 2) ** 2
    s2 = np.asarray(scale2, dtype=np.float64)[:, None] + np.spacing(1)
    ks: FloatArray = squared / variances
    # Sign and factor 2 are exact wherever they are applied, so these are still pycocotools' bits.
    with np.errstate(over="ignore"):
        np.divide(ks, -2 * s2, out=ks)
    np.exp(ks, out=ks)
    # A joint that is not predicted (NaN) is infinitely far.
    np.copyto(ks, 0.0, where=np.isnan(ks))
    return ks
