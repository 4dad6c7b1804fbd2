"""What every pose model is to the rest of labeltool: photos and boxes in, people with joints and confidences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labeltool.geometry import FloatArray
from labeltool.skeleton import Skeleton


@dataclass(frozen=True)
class Poses:
    """The people that a model sees in one photo.

    Attributes:
        boxes: (M, 4) xywh, image pixels.
        xy: (M, K, 2) joints in image pixels; NaN where the model does not predict a joint.
        confidence: (M, K) in 0..1, per joint.
        scores: (M,) per person, higher is surer.
    """

    boxes: FloatArray
    xy: FloatArray
    confidence: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls, joints: int) -> Poses:
        """No people, for a skeleton of so many joints."""
        return cls(np.zeros((0, 4)), np.zeros((0, joints, 2)), np.zeros((0, joints)), np.zeros(0))

    def without(self, joints: Sequence[int]) -> Poses:
        """The same people, some joints of them not predicted."""
        xy, confidence = self.xy.copy(), self.confidence.copy()
        xy[:, joints], confidence[:, joints] = np.nan, 0.0
        return Poses(self.boxes, xy, confidence, self.scores)


@runtime_checkable
class PoseModel(Protocol):
    """A model that pre-fills joints.

    Attributes:
        name: its name in the catalog.
        version: the version of its weights.
        weights_hash: SHA-256 of the weights, hexadecimal, so that a prediction can be traced to them.
        skeleton: the joints it predicts.
        detects: True when it finds people by itself and needs no boxes; False when it needs a box for each person.
    """

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        ...

    @property
    def version(self) -> str:
        """The version of its weights."""
        ...

    @property
    def weights_hash(self) -> str:
        """SHA-256 of its weights."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """The joints it predicts."""
        ...

    @property
    def detects(self) -> bool:
        """Whether it finds people by itself."""
        ...

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """The people in each photo.

        Args:
            images: (H, W, 3) RGB bytes each, upright.
            boxes: for each photo (M, 4) xywh person boxes, or None. A model that does not detect answers with one pose a box,
                in the order of the boxes, and takes the whole photo as one box where it is given None; a model that detects
                may ignore them.

        Returns:
            One `Poses` a photo.
        """
        ...
