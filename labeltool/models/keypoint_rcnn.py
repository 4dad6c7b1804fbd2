"""Keypoint R-CNN: people and their 17 COCO joints from a photo, with torchvision's published weights (He et al. 2017)."""

from __future__ import annotations

import re
import urllib.error
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, KeypointRCNN_ResNet50_FPN_Weights, keypointrcnn_resnet50_fpn

from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.models.quick_rcnn import quicken
from labeltool.models.weights import choose_device, file_sha256, load_into, read_checkpoint, read_published
from labeltool.skeleton import COCO_17, Skeleton

_PUBLISHED = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1

#: How the SHA-256 of the published file begins: its name says so.
_PUBLISHED_DIGEST = Path(_PUBLISHED.url).stem.rpartition("-")[2]

#: Convolutions that torchvision has wrapped in blocks since: today `inner_blocks.0.0.weight` and `rpn.head.conv.0.0.weight`.
_OLD_NAMES = (
    (re.compile(r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$"), r"\1.0.\2"),
    (re.compile(r"^(rpn\.head\.conv)\.(weight|bias)$"), r"\1.0.0.\2"),
)

#: Detections below this score are left out when average precision is measured: torchvision's own default.
SCORE_THRESHOLD = 0.05

#: Detections below this score are left out of a pre-fill: few of them are people, and each takes as long as one that is.
LEAST_SCORE = 0.3

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

    def __init__(
        self,
        network: FasterRCNN,
        *,
        version: str,
        weights_hash: str,
        device: torch.device,
        least_score: float = LEAST_SCORE,
    ) -> None:
        """Takes a network over and makes it quick (`quicken`).

        Args:
            network: torchvision's Keypoint R-CNN with its weights.
            version: of the weights.
            weights_hash: SHA-256 of the weights.
            device: to run on.
            least_score: detections below it are left out before their joints are looked for.
        """
        self.version = version
        self.weights_hash = weights_hash
        self._network = network.eval().to(device)
        self._device = device
        heads = cast("Any", network.roi_heads)
        heads.score_thresh = least_score
        heads.detections_per_img = MOST_PEOPLE
        quicken(network, device)

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """The people found in each photo, best score first (see `PoseModel.predict`)."""
        return [self._predict(image) for image in images]

    def _predict(self, image: NDArray[np.uint8]) -> Poses:
        # One photo at a time: the features of one are 200 MB, and a batch, padded to its largest photo, is no quicker.
        with torch.inference_mode():
            pixels = torch.tensor(image, device=self._device).permute(2, 0, 1).float() / 255
            found: list[dict[str, Tensor]] = self._network([pixels])
        return poses_of(found[0], len(COCO_17))


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


def load(weights: Path | None = None, device: str = "auto", *, least_score: float = LEAST_SCORE) -> KeypointRcnn:
    """Keypoint R-CNN with torchvision's COCO_V1 weights, downloaded once, or with those in a file.

    Args:
        weights: a safetensors file, or torchvision's own `.pth` file (read as tensors only: nothing in it is executed).
        device: a torch device, or `auto`.
        least_score: detections below it are left out.

    Raises:
        ModelError: no weights here and no way to download them, or weights that do not fit.
    """
    target = choose_device(device)
    if weights is None:
        tensors, digest = _download()
        where, version = _PUBLISHED.url, "COCO_V1"
    else:
        tensors, digest = read_weights(weights)
        where, version = str(weights), weights.stem
    network = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    load_into(network, named_anew(tensors, network), where)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = normalisation_eps(digest)
    return KeypointRcnn(network, version=version, weights_hash=digest, device=target, least_score=least_score)


def normalisation_eps(digest: str) -> float:
    """What is added to the variances: nothing in the published weights, which were trained so; else torchvision's usual."""
    return 0.0 if digest.startswith(_PUBLISHED_DIGEST) else 1e-5


def named_anew(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Tensors by the names of today's torchvision: those of the published file are older, and hold no counts of batches.

    Args:
        tensors: by name.
        network: the network that they are for.
    """
    named = {name: t for name, t in network.state_dict().items() if name.endswith(".num_batches_tracked")}
    for name, tensor in tensors.items():
        for old, new in _OLD_NAMES:
            name = old.sub(new, name)
        named[name] = tensor
    return named


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


def read_weights(path: Path) -> tuple[Mapping[str, Tensor], str]:
    """The tensors of a `.safetensors` or `.pth` file by name, and the file's SHA-256.

    Raises:
        ModelError: the file cannot be read or holds something else.
    """
    checkpoint = read_checkpoint(path) if path.suffix == ".safetensors" else read_published(path)
    return checkpoint.tensors, checkpoint.sha256
