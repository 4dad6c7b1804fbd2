"""Keypoint R-CNN: people and their 17 COCO joints from a photo, with torchvision's published weights (He et al. 2017)."""

from __future__ import annotations

import urllib.error
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights, keypointrcnn_resnet50_fpn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.models.weights import choose_device, file_sha256, load_into, read_checkpoint
from labeltool.skeleton import COCO_17, Skeleton

_PUBLISHED = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1

#: Detections below this score are left out: torchvision's own default.
SCORE_THRESHOLD = 0.05

#: At most so many people a photo, the number that COCO's evaluation looks at.
MOST_PEOPLE = 20


class KeypointRcnn:
    """A `PoseModel` that finds people by itself; given boxes are ignored.

    Joints are as torchvision gives them. Its keypoint scores are unbounded heat-map logits; the confidence here is
    1 / (1 + exp(-(score - 2) / 2)), a fixed squashing that keeps their order and is not calibrated.
    """

    name = "keypoint-rcnn"
    detects = True
    skeleton: Skeleton = COCO_17

    def __init__(self, network: torch.nn.Module, *, version: str, weights_hash: str, device: torch.device) -> None:
        self.version = version
        self.weights_hash = weights_hash
        self._network = network.eval().to(device)
        self._device = device

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """The people found in each photo, best score first (see `PoseModel.predict`)."""
        tensors = [torch.tensor(i, device=self._device).permute(2, 0, 1).float() / 255 for i in images]
        with torch.inference_mode():
            found: list[dict[str, Tensor]] = self._network(tensors)
        return [poses_of(f, len(COCO_17)) for f in found]


def poses_of(found: Mapping[str, Tensor], joints: int) -> Poses:
    """One photo's answer of a torchvision keypoint model as `Poses` of so many joints, the first `MOST_PEOPLE` of it."""

    def numbers(key: str) -> FloatArray:
        array: FloatArray = found[key][:MOST_PEOPLE].double().cpu().numpy()
        return array

    corners = numbers("boxes").reshape(-1, 4)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    xy = numbers("keypoints").reshape(-1, joints, 3)[..., :2]
    confidence = 1 / (1 + np.exp(-(numbers("keypoints_scores").reshape(-1, joints) - 2) / 2))
    return Poses(boxes, xy, confidence, numbers("scores"))


def load(weights: Path | None = None, device: str = "auto") -> KeypointRcnn:
    """Keypoint R-CNN with torchvision's COCO_V1 weights, downloaded once, or with those in a file.

    Args:
        weights: a safetensors file, or torchvision's own `.pth` file (read as tensors only: nothing in it is executed).
        device: a torch device, or `auto`.

    Raises:
        ModelError: no weights here and no way to download them, or weights that do not fit.
    """
    target = choose_device(device)
    if weights is None:
        tensors, digest = _download()
        where, version = _PUBLISHED.url, "COCO_V1"
    else:
        tensors, digest = _read(weights)
        where, version = str(weights), weights.stem
    network = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None, box_score_thresh=SCORE_THRESHOLD)
    load_into(network, tensors, where)
    return KeypointRcnn(network, version=version, weights_hash=digest, device=target)


def _download() -> tuple[Mapping[str, Tensor], str]:
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(_PUBLISHED.url).name
    try:
        tensors: Mapping[str, Tensor] = _PUBLISHED.get_state_dict(progress=True, check_hash=True)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"keypoint-rcnn: its weights are not on this machine and cannot be downloaded ({reason}): fetch {_PUBLISHED.url} "
            f"where there is a network and pass it with --weights FILE, or put it at {file}"
        ) from None
    except RuntimeError as error:
        raise ModelError(f"keypoint-rcnn: download of {_PUBLISHED.url} is damaged: {error}") from None
    return tensors, file_sha256(file)


def _read(path: Path) -> tuple[Mapping[str, Tensor], str]:
    if path.suffix == ".safetensors":
        checkpoint = read_checkpoint(path)
        return checkpoint.tensors, checkpoint.sha256
    try:
        digest = file_sha256(path)
        tensors: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: weights cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # torch raises UnpicklingError, RuntimeError, EOFError, ... for the many ways in which a file is no checkpoint
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a weights file, expected .safetensors or torchvision's .pth: {reason}") from None
    if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise ModelError(f"{path}: holds no table of tensors, expected torchvision's keypoint R-CNN weights")
    return tensors, digest
