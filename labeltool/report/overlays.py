"""Pictures of people with the label in green and the prediction in red, as the lecture draws them."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from labeltool.audit.people import BoolArray, FloatArray
from labeltool.errors import PhotoError
from labeltool.evaluate import Case, Subject
from labeltool.images import load_image

GREEN, RED, RING = (30, 190, 70), (228, 40, 34), (255, 225, 60)

#: Longest side of a picture in pixels.
SIDE = 300
#: Drawn so many times larger and then reduced, which smooths the lines.
_FINE = 2
#: What is shown around a person, as a share of the longer side.
_MARGIN = 0.12
#: How much farther than the label's own extent a prediction is followed.
_REACH = 1.0


class Artist:
    """Draws the cases of one subject; keeps the photos used last."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._photo = lru_cache(maxsize=8)(load_image)

    def picture(self, case: Case, side: int = SIDE) -> bytes | None:
        """A JPEG of the case, or None where there is no photo to be had."""
        path: Path | None = self.subject.photos.find(case.image)
        if path is None:
            return None
        try:
            photo = self._photo(path)
        except PhotoError:
            return None
        truth, labelled = self._label(case)
        guess, predicted = self._guess(case)
        window = _window(truth[labelled], guess[predicted], photo.size)
        scale = side / max(window[2] - window[0], window[3] - window[1])
        size = (max(round((window[2] - window[0]) * scale), 1), max(round((window[3] - window[1]) * scale), 1))
        fine = photo.resize((size[0] * _FINE, size[1] * _FINE), Image.Resampling.BILINEAR, box=window)
        # Pixel centres are at integers, a box is measured at pixel edges.
        zoom = np.array(fine.size) / (window[2] - window[0], window[3] - window[1])

        def place(xy: FloatArray) -> FloatArray:
            return np.asarray((xy + 0.5 - np.array(window[:2])) * zoom, dtype=np.float64)

        draw = ImageDraw.Draw(fine)
        truth_at, guess_at = place(truth), place(guess)
        limbs = self.subject.skeleton.limb_indices()
        _skeleton(draw, truth_at, labelled, limbs, GREEN)
        _skeleton(draw, guess_at, predicted, limbs, RED)
        for joint in case.joints:
            if labelled[joint] and predicted[joint]:
                _arrow(draw, guess_at[joint], truth_at[joint])
        reduced = fine.resize(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        reduced.save(out, "JPEG", quality=80, subsampling=0, optimize=True)
        return out.getvalue()

    def _label(self, case: Case) -> tuple[FloatArray, BoolArray]:
        labels = self.subject.labels
        if case.label < 0:
            return np.zeros((labels.joints, 2)), np.zeros(labels.joints, dtype=np.bool_)
        return labels.xy[case.label], labels.labelled[case.label]

    def _guess(self, case: Case) -> tuple[FloatArray, BoolArray]:
        detections = self.subject.detections
        if case.detection < 0:
            return np.zeros((detections.joints, 2)), np.zeros(detections.joints, dtype=np.bool_)
        predicted = detections.predicted[case.detection]
        if case.label >= 0:
            # A joint without a label is not measured, and models put what they do not see anywhere.
            predicted = predicted & self.subject.labels.labelled[case.label]
        return np.where(predicted[:, None], detections.xy[case.detection], 0.0), predicted


def _window(truth: FloatArray, guess: FloatArray, photo: tuple[int, int]) -> tuple[float, float, float, float]:
    """The part of the photo that shows both, square as far as the photo goes: left, top, right, bottom at pixel edges."""
    width, height = photo
    points = truth if len(truth) else guess
    if not len(points):
        return (0.0, 0.0, float(width), float(height))
    low, high = points.min(axis=0), points.max(axis=0)
    if len(truth) and len(guess):
        reach = _REACH * float((high - low).max())
        low = np.minimum(low, np.maximum(guess.min(axis=0), low - reach))
        high = np.maximum(high, np.minimum(guess.max(axis=0), high + reach))
    side = max(math.ceil(float((high - low).max()) * (1 + 2 * _MARGIN)), 32)
    middle = (low + high) / 2 + 0.5
    left, right = _span(float(middle[0]), side, width)
    top, bottom = _span(float(middle[1]), side, height)
    return (left, top, right, bottom)


def _span(middle: float, side: int, whole: int) -> tuple[float, float]:
    """A stretch of whole pixels about a place, moved so that it lies in 0..whole; all of it where that is shorter."""
    if side >= whole:
        return 0.0, float(whole)
    start = min(max(round(middle - side / 2), 0), whole - side)
    return float(start), float(start + side)


def _skeleton(
    draw: ImageDraw.ImageDraw,
    at: FloatArray,
    there: BoolArray,
    limbs: Sequence[tuple[int, int]],
    colour: tuple[int, int, int],
) -> None:
    for a, b in limbs:
        if there[a] and there[b]:
            draw.line([tuple(at[a]), tuple(at[b])], fill=colour, width=2 * _FINE)
    for x, y in at[there]:
        r = 2.5 * _FINE
        draw.ellipse([x - r, y - r, x + r, y + r], fill=colour, outline=(255, 255, 255))


def _arrow(draw: ImageDraw.ImageDraw, start: FloatArray, end: FloatArray) -> None:
    """From where the joint was predicted to where it is: a line and a ring."""
    draw.line([tuple(start), tuple(end)], fill=RING, width=_FINE)
    r = 5.5 * _FINE
    draw.ellipse([start[0] - r, start[1] - r, start[0] + r, start[1] + r], outline=RING, width=_FINE)
