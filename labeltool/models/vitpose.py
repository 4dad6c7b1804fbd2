"""ViTPose (Xu et al., NeurIPS 2022) by the package transformers: joints of COCO-17 in each given box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.models.topdown import autocast, crop_boxes
from labeltool.models.weights import choose_device, file_sha256
from labeltool.skeleton import COCO_17, Skeleton

#: The weights that are downloaded when none are given.
PUBLISHED = "usyd-community/vitpose-base-simple"

#: Boxes looked at together.
_BATCH = 32


class VitPose:
    """A `PoseModel` that looks at one crop for each given box; pre- and post-processing are transformers' own."""

    name = "vitpose"
    detects = False
    skeleton: Skeleton = COCO_17

    def __init__(self, network: Any, processor: Any, *, version: str, weights_hash: str, device: torch.device) -> None:
        self.version = version
        self.weights_hash = weights_hash
        self.device = device
        self._network = network.eval().to(device)
        self._processor = processor
        # ViTPose+ has an expert for each data set it learnt from; the first is COCO's
        self._experts = getattr(network.config.backbone_config, "num_experts", 1) > 1

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """One pose for each box of each photo (see `PoseModel.predict`)."""
        return [self._in_photo(image, given) for image, given in zip(images, boxes, strict=True)]

    def _in_photo(self, image: NDArray[np.uint8], given: FloatArray | None) -> Poses:
        whole = np.array([[0, 0, image.shape[1], image.shape[0]]], dtype=np.float64)
        boxes = whole if given is None else np.asarray(given, dtype=np.float64).reshape(-1, 4)
        crop_boxes(boxes, image, 1.25)  # says which box lies outside the photo
        found = [
            pose for start in range(0, len(boxes), _BATCH) for pose in self._look(image, boxes[start : start + _BATCH])
        ]
        if not found:
            return Poses.none(len(self.skeleton))
        xy = np.stack([pose["keypoints"].double().numpy() for pose in found])
        confidence = np.stack([pose["scores"].double().numpy() for pose in found]).clip(0, 1)
        return Poses(boxes, xy, confidence, confidence.mean(axis=1))

    def _look(self, image: NDArray[np.uint8], boxes: FloatArray) -> list[dict[str, torch.Tensor]]:
        given = [boxes.tolist()]
        pixels = self._processor(image, boxes=given, return_tensors="pt")["pixel_values"].to(self.device)
        first = torch.zeros(len(boxes), dtype=torch.int64, device=self.device)
        more = {"dataset_index": first} if self._experts else {}
        with torch.inference_mode(), autocast(self.device):
            answer = self._network(pixels, **more)
        answer.heatmaps = answer.heatmaps.float()
        poses: list[dict[str, torch.Tensor]] = self._processor.post_process_pose_estimation(answer, boxes=given)[0]
        return poses


def load(weights: Path | None = None, device: str = "auto") -> VitPose:
    """ViTPose with the published weights, downloaded once, or with those in a folder that `save_pretrained` wrote.

    Raises:
        ModelError: transformers is not installed, no weights here and no way to download them, or files that do not fit.
    """
    try:
        from transformers import VitPoseForPoseEstimation, VitPoseImageProcessor
    except ImportError:
        raise ModelError("vitpose: needs the package transformers: pip install 'labeltool[vitpose]'") from None
    where = PUBLISHED if weights is None else str(weights)
    if weights is not None and not (weights / "config.json").is_file():
        raise ModelError(
            f"{weights}: no config.json in it, expected a folder of ViTPose weights as transformers saves them"
        )
    try:
        network = VitPoseForPoseEstimation.from_pretrained(where, local_files_only=weights is not None)
        processor = VitPoseImageProcessor.from_pretrained(where, local_files_only=weights is not None)
    except Exception as error:
        # transformers raises OSError, ValueError, RuntimeError, SafetensorError, ... for the many ways in which this fails
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if weights is not None:
            raise ModelError(f"{weights}: not ViTPose weights: {reason}") from None
        raise ModelError(
            f"vitpose: its weights are not on this machine and cannot be downloaded ({reason}): fetch {PUBLISHED} where there "
            "is a network and pass its folder with --weights"
        ) from None
    joints = int(network.config.num_labels or 0)
    if joints != len(COCO_17):
        raise ModelError(f"{where}: {joints} joints, expected the {len(COCO_17)} of {COCO_17.name}")
    return VitPose(
        network, processor, version=Path(where).name, weights_hash=_hash(network, weights), device=choose_device(device)
    )


def _hash(network: Any, folder: Path | None) -> str:
    """SHA-256 of the weights file, or what the hub calls this state of the weights."""
    if folder is not None:
        files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
        if files:
            return file_sha256(files[0])
    return str(getattr(network.config, "_commit_hash", None) or "unknown")
