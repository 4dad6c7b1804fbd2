"""BlazePose (Bazarevsky et al. 2020; MediaPipe's pose landmarks) by LiteRT: joints of COCO-17 in each given box.

    person box --> the shipped heatmap model --> the person's hips and shoulders, however the person is turned
        |
        +--> crop about the hips, turned so that the shoulders are above them --network--> a map of 64 x 64 cells a landmark

MediaPipe finds hips and shoulders by a detector of its own, for people that stand. A joint lies where the most of its map's mass
is near, as in the heatmap model: nearer to the labels of LSP-extended than the coordinates the network answers as well. Its
confidence is the share of the map's mass that would make the joint right, not calibrated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models import heatmap
from labeltool.models.base import Poses
from labeltool.models.blaze_encoder import CELLS, SIDE, interpreter_of, maps_of, open_network, published
from labeltool.models.heatmap import Heatmap, certainty, decode
from labeltool.models.second_look import lean
from labeltool.models.weights import file_sha256
from labeltool.skeleton import COCO_17, Skeleton

#: Places of the 17 joints of COCO among the 39 landmarks.
_LANDMARKS = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

#: The crop reaches so far beyond the joint that is farthest from the hips (MediaPipe's 1.25, and a hand's or a foot's length).
_REACH = 1.25 * 1.05

#: Joints are never nearer to the hips than this share of the box, whatever the first look says.
_LEAST_REACH = 0.15


@dataclass(frozen=True)
class View:
    """How a crop lies in the photo: pixel u of it shows place `turn @ (u - 127.5) + centre`.

    Attributes:
        centre: (2,) the middle of the crop in the photo, pixels.
        turn: (2, 2) photo pixels that a step of one crop pixel to the right and down leads (in columns).
    """

    centre: FloatArray
    turn: FloatArray

    def to_photo(self, uv: FloatArray) -> FloatArray:
        """Places (..., 2) of the crop, in pixels of the photo."""
        there: FloatArray = (uv - (SIDE - 1) / 2) @ self.turn.T + self.centre
        return there


def upright(joints: FloatArray, box: FloatArray, skeleton: Skeleton) -> View:
    """The view of a person about the hips, the shoulders above them, that holds all joints.

    Args:
        joints: (K, 2) a first guess, pixels of the photo.
        box: the person's, xywh.
        skeleton: of the joints, with hips and a torso.
    """
    hips = (joints[skeleton.index("left_hip")] + joints[skeleton.index("right_hip")]) / 2
    angle = float(lean(torch.from_numpy(joints)[None], skeleton))
    reach = max(float(np.linalg.norm(joints - hips, axis=1).max()), _LEAST_REACH * float(box[2:].max()))
    zoom = 2 * _REACH * reach / SIDE
    return View(hips, zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]))


def cut(image: NDArray[np.uint8], view: View) -> NDArray[np.float32]:
    """The crop that a view shows, (256, 256, 3) in 0..1, black outside the photo."""
    corners = view.to_photo(np.array([[x, y] for x in (-1, SIDE) for y in (-1, SIDE)], dtype=np.float64))
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width, height])
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, [width, height])
    if right <= left or bottom <= top:
        return np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    part = Image.fromarray(image[top:bottom, left:right])
    # a crop of far fewer pixels than the photo has there is made from their means
    step = max(1, int(np.sqrt(abs(np.linalg.det(view.turn)))))
    part = part.reduce(step)
    # PIL counts from the pixels' edges, which lie half a pixel before their centres
    turn = view.turn / step
    start = (view.to_photo(np.array([-0.5, -0.5])) + 0.5 - [left, top]) / step
    affine = (turn[0, 0], turn[0, 1], start[0], turn[1, 0], turn[1, 1], start[1])
    turned = part.transform((SIDE, SIDE), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    crop: NDArray[np.float32] = np.asarray(turned, dtype=np.float32) / np.float32(255)
    return crop


class BlazePose:
    """A `PoseModel` that looks at one crop for each given box, after the heatmap model has said how it is turned."""

    name = "blazepose"
    detects = False
    skeleton: Skeleton = COCO_17

    def __init__(self, network: Any, first: Heatmap, *, version: str, weights_hash: str) -> None:
        self.version = version
        self.weights_hash = weights_hash
        self._network = network
        self._first = first
        self._input = network.get_input_details()[0]["index"]
        self._maps = maps_of(network, "network")

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """One pose for each box of each photo (see `PoseModel.predict`)."""
        rough = self._first.predict(images, boxes)
        return [self._in_photo(image, poses) for image, poses in zip(images, rough, strict=True)]

    def _in_photo(self, image: NDArray[np.uint8], rough: Poses) -> Poses:
        if not len(rough):
            return Poses.none(len(self.skeleton))
        views = [upright(xy, box, self._first.skeleton) for xy, box in zip(rough.xy, rough.boxes, strict=True)]
        maps = torch.from_numpy(np.stack([self._look(cut(image, view)) for view in views]))
        cells = decode(maps)
        sure = torch.sigmoid(certainty(maps, cells, self.skeleton)).double().numpy()
        # the convolutions that halve the side are padded on both sides alike: cell c sees what lies about pixel 4 c
        pixels = cells.double().numpy() * (SIDE / CELLS)
        xy = np.stack([view.to_photo(uv) for view, uv in zip(views, pixels, strict=True)])
        return Poses(rough.boxes, xy, sure, sure.mean(axis=1))

    def _look(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logarithms of the joints' maps (17, 64, 64): their softmax is the map over its sum."""
        self._network.set_tensor(self._input, crop[None])
        self._network.invoke()
        answer = self._network.get_tensor(self._maps)[0][:, :, list(_LANDMARKS)].transpose(2, 0, 1)
        # log sigmoid
        logs: NDArray[np.float32] = -np.logaddexp(np.float32(0), -answer)
        return logs


def load(weights: Path | None = None, device: str = "auto") -> BlazePose:
    """BlazePose with the published weights (heavy), downloaded once, or with those in a `.tflite` file of MediaPipe's.

    Args:
        weights: pose_landmark_heavy.tflite, pose_landmark_full.tflite or pose_landmark_lite.tflite.
        device: where the heatmap model runs; BlazePose runs on the processor.

    Raises:
        ModelError: LiteRT is not installed, no weights here and no way to download them, or a file that is no BlazePose.
    """
    interpreter_of("blazepose")
    first = heatmap.load(None, device)
    file = published("blazepose_heavy") if weights is None else weights
    try:
        digest = file_sha256(file)
    except OSError as error:
        raise ModelError(f"{file}: weights cannot be read: {error.strerror or error}") from None
    network = open_network(file, "blazepose", num_threads=torch.get_num_threads())
    maps_of(network, str(file))
    # what it answers depends on who turns the person
    identity = hashlib.sha256(f"{digest} {first.weights_hash}".encode()).hexdigest()
    return BlazePose(network, first, version=f"{file.stem}, heatmap {first.version}", weights_hash=identity)
