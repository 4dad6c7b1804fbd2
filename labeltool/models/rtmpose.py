"""RTMPose (Jiang et al. 2023) as an ONNX file, run by onnxruntime: joints of COCO-17 in each given box.

    person box --x 1.25, to the network's shape--> crop --network--> two vectors a joint, over x and over y, 2 places a pixel

A joint lies where both vectors are highest (SimCC); its confidence is the lower of the two heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.models.topdown import crop_boxes
from labeltool.models.weights import file_sha256
from labeltool.skeleton import COCO_17, Skeleton

#: What the network subtracts from RGB bytes and divides by (mmpose's PoseDataPreprocessor of the RTMPose models).
_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
_STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)

_PADDING = 1.25

#: Places of the vectors a pixel of the crop.
_SPLIT = 2

#: Boxes looked at together.
_BATCH = 32


class RtmPose:
    """A `PoseModel` that looks at one crop for each given box."""

    name = "rtmpose"
    detects = False
    skeleton: Skeleton = COCO_17

    def __init__(self, session: Any, *, version: str, weights_hash: str) -> None:
        self.version = version
        self.weights_hash = weights_hash
        self._session = session
        shape = session.get_inputs()[0].shape
        self._size = int(shape[3]), int(shape[2])

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """One pose for each box of each photo (see `PoseModel.predict`)."""
        return [self._in_photo(image, given) for image, given in zip(images, boxes, strict=True)]

    def _in_photo(self, image: NDArray[np.uint8], given: FloatArray | None) -> Poses:
        whole = np.array([[0, 0, image.shape[1], image.shape[0]]], dtype=np.float64)
        boxes = whole if given is None else np.asarray(given, dtype=np.float64).reshape(-1, 4)
        crop_boxes(boxes, image, _PADDING)  # says which box lies outside the photo
        parts = [self._look(image, boxes[start : start + _BATCH]) for start in range(0, len(boxes), _BATCH)]
        if not parts:
            return Poses.none(len(self.skeleton))
        xy, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Poses(boxes, xy, confidence, confidence.mean(axis=1))

    def _look(self, image: NDArray[np.uint8], boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
        width, height = self._size
        centre = boxes[:, :2] + boxes[:, 2:] / 2
        # the box grows to the shape of the network's input
        zoom = _PADDING * np.maximum(boxes[:, 2] / width, boxes[:, 3] / height)
        crops = np.stack([_cut(image, c, z, self._size) for c, z in zip(centre, zoom, strict=True)])
        pixels = ((crops - _MEAN) / _STD).transpose(0, 3, 1, 2)
        answer = self._session.run(None, {self._session.get_inputs()[0].name: np.ascontiguousarray(pixels)})
        across, down = (np.asarray(vector, dtype=np.float64) for vector in answer[:2])
        places = np.stack([across.argmax(axis=2), down.argmax(axis=2)], axis=2) / _SPLIT
        confidence = np.minimum(across.max(axis=2), down.max(axis=2)).clip(0, 1)
        xy = (places - np.array([width, height]) / 2) * zoom[:, None, None] + centre[:, None]
        return xy, confidence


def _cut(image: NDArray[np.uint8], centre: FloatArray, zoom: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """A crop (H, W, 3): pixel u of it shows place (u - size / 2) zoom + centre of the photo, black outside it."""
    # PIL counts from the pixels' edges, which lie half a pixel before their centres
    start = centre + 0.5 - zoom * (np.array(size) / 2 + 0.5)
    cut = Image.fromarray(image).transform(
        size, Image.Transform.AFFINE, (zoom, 0, start[0], 0, zoom, start[1]), Image.Resampling.BILINEAR
    )
    return np.asarray(cut, dtype=np.float32)


def load(weights: Path | None = None, device: str = "auto") -> RtmPose:
    """RTMPose in an ONNX file (one of those that mmpose or rtmlib publish).

    Args:
        weights: the `.onnx` file.
        device: `auto` and `cpu` run on the CPU, `cuda` on a GPU when onnxruntime has that provider.

    Raises:
        ModelError: onnxruntime is not installed, no file is given, it is no RTMPose, or the device is not there.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ModelError("rtmpose: needs the package onnxruntime: pip install 'labeltool[rtmpose]'") from None
    if weights is None:
        raise ModelError("rtmpose: no weights are shipped: pass the .onnx file of an RTMPose model with --weights FILE")
    wanted = "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"
    if wanted not in onnxruntime.get_available_providers():
        raise ModelError(f"device {device!r}: not available: onnxruntime has no {wanted} here")
    try:
        digest = file_sha256(weights)
        session = onnxruntime.InferenceSession(str(weights), providers=[wanted])
    except OSError as error:
        raise ModelError(f"{weights}: weights cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # onnxruntime's exceptions share no base class of their own
        raise ModelError(f"{weights}: not an ONNX model: {str(error).splitlines()[0]}") from None
    shapes = [list(part.shape) for part in (*session.get_inputs(), *session.get_outputs())]
    joints = shapes[1][1] if len(shapes) == 3 and len(shapes[1]) == 3 else None
    if len(shapes[0]) != 4 or not all(isinstance(side, int) for side in shapes[0][2:]) or joints != len(COCO_17):
        raise ModelError(
            f"{weights}: inputs and outputs {shapes}, expected (N, 3, H, W) and two vectors a joint, (N, 17, 2W) and (N, 17, 2H)"
        )
    return RtmPose(session, version=weights.stem, weights_hash=digest)
