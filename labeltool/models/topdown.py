"""What top-down models share: a person's box becomes a square crop, the network's answer goes back to the photo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray, clip_boxes, square_boxes
from labeltool.images import crop_photo
from labeltool.models.base import Poses
from labeltool.skeleton import Skeleton


class TopDown(ABC):
    """A `PoseModel` that looks at one crop for each given box.

    Attributes:
        size: the side of the crops, pixels.
        padding: the crop's side over the longer side of the person's box.
    """

    name: str
    size: int
    detects = False

    def __init__(
        self,
        network: nn.Module,
        skeleton: Skeleton,
        *,
        padding: float,
        version: str,
        weights_hash: str,
        device: torch.device,
    ) -> None:
        self.skeleton = skeleton
        self.padding = padding
        self.version = version
        self.weights_hash = weights_hash
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """One pose for each box of each photo (see `PoseModel.predict`)."""
        given = [
            np.array([[0, 0, image.shape[1], image.shape[0]]], dtype=np.float64) if b is None else np.asarray(b, float)
            for image, b in zip(images, boxes, strict=True)
        ]
        squares = [crop_boxes(b, image, self.padding) for image, b in zip(images, given, strict=True)]
        crops = [crop_photo(i, s, self.size) for i, per in zip(images, squares, strict=True) for s in per]
        if not crops:
            return [Poses.none(len(self.skeleton)) for _ in images]
        xy, confidence = self.run(np.stack(crops), np.concatenate(squares))
        ends = np.cumsum([len(b) for b in given])[:-1]
        return [
            Poses(b, xy_b, confidence_b, confidence_b.mean(axis=1))
            for b, xy_b, confidence_b in zip(given, np.split(xy, ends), np.split(confidence, ends), strict=True)
        ]

    @abstractmethod
    def run(self, crops: NDArray[np.uint8], squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints (B, K, 2) in image pixels and confidences (B, K) of crops that are cut out already.

        Args:
            crops: (B, size, size, 3) bytes.
            squares: (B, 4) the boxes in the photo that the crops show.
        """


def crop_boxes(boxes: FloatArray, image: NDArray[np.uint8], padding: float) -> FloatArray:
    """The square crops of person boxes: (M, 4) xywh -> (M, 4).

    Raises:
        ModelError: a box has no side, or lies outside the photo.
    """
    height, width = image.shape[:2]
    inside = clip_boxes(boxes, width, height)
    for box, part in zip(boxes, inside, strict=True):
        if not (np.isfinite(box).all() and (part[2:] > 0).all()):
            shown = [round(float(value), 2) for value in box]
            raise ModelError(f"box {shown}: nothing of it lies inside the photo of {width} x {height} pixels")
    return square_boxes(boxes, padding)


def to_input(crops: Tensor, mean: float, std: float) -> Tensor:
    """Network input from photo bytes: (B, 3, S, S) uint8 or float 0..255 -> normalised, channels last."""
    return ((crops.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
