"""Outlines of people as COCO has them, polygons or run lengths, and the pixels that they cover."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle

from labeltool.coco.derive import polygons_problem, segmentation_problem
from labeltool.geometry import FloatArray

#: COCO polygons: x and y in turn, three points at least.
Polygons = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class RunLengths:
    """An outline as COCO's compressed RLE of the whole photo.

    Attributes:
        size: height and width of the photo in pixels.
        counts: as pycocotools has them.
    """

    size: tuple[int, int]
    counts: bytes

    def pixels(self) -> NDArray[np.uint8]:
        """The person's pixels: (H, W), 0 or 1."""
        return _decoded({"size": list(self.size), "counts": self.counts})

    def edge_points(self) -> FloatArray:
        """Edge coordinates (P, 2) of the corners of the first and the last pixel of each row that has some."""
        pixels = self.pixels()
        rows = np.flatnonzero(pixels.any(axis=1))
        left = pixels[rows].argmax(axis=1)
        right = pixels.shape[1] - pixels[rows, ::-1].argmax(axis=1)
        points = [np.stack([x, y], axis=1) for x in (left, right) for y in (rows, rows + 1)]
        return np.concatenate(points).astype(np.float64)


def outline_of(annotation: Mapping[str, Any], size: tuple[int, int]) -> Polygons | RunLengths:
    """A person's polygons or run lengths; what is damaged, or covers no pixel, gives no polygons.

    Args:
        annotation: with its `segmentation`.
        size: width and height of the photo in pixels.
    """
    found = annotation.get("segmentation")
    if isinstance(found, list):
        return tuple(tuple(map(float, part)) for part in found if polygons_problem([part]) is None)
    if not isinstance(found, dict) or segmentation_problem(found, *size) is not None:
        return ()
    counts = found["counts"]
    packed = rle.frPyObjects(found, size[1], size[0])["counts"] if isinstance(counts, list) else counts.encode()
    return RunLengths((size[1], size[0]), packed) if rle.area({"size": found["size"], "counts": packed}) else ()


def rle_of(outline: Polygons | RunLengths, size: tuple[int, int]) -> dict[str, Any]:
    """An outline as pycocotools' compressed RLE.

    Args:
        outline: at least one polygon, or run lengths.
        size: width and height of the photo in pixels.
    """
    if isinstance(outline, RunLengths):
        return {"size": list(outline.size), "counts": outline.counts}
    merged: dict[str, Any] = rle.merge(rle.frPyObjects([list(part) for part in outline], size[1], size[0]))
    return merged


def drawn_polygons(polygons: Sequence[FloatArray], canvas: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels (H, W) inside polygons on the canvas."""
    return _decoded(rle.merge(rle.frPyObjects([points.ravel().tolist() for points in polygons], canvas[1], canvas[0])))


def _decoded(outline: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The pixels (H, W) of a compressed RLE."""
    with warnings.catch_warnings():  # pycocotools 2.0.11 makes its arrays in a way that numpy 2 is leaving behind
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        mask: NDArray[np.uint8] = rle.decode(outline)
    return mask
