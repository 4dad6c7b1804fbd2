"""Mask R-CNN with up to three heads: detection, instance segmentation and pose in one model (He et al., ICCV 2017).

    photo --backbone, feature pyramid--> features --region proposals--> boxes that may hold a person
        --RoIAlign  7 x 7  --fully connected-->  OD:  person or not, a better box
        --RoIAlign 14 x 14 --convolutions----->  IS:  a mask of 28 x 28
        --RoIAlign 14 x 14 --convolutions----->  HPE: for each joint one of 56 x 56 cells, by a softmax over them

The parts are torchvision's; which heads there are is the model's `tasks`. Detection is always one of them: the other heads look
into the boxes that it finds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from labeltool.errors import ModelError, SkeletonError
from labeltool.geometry import FloatArray
from labeltool.models.backbones import Rgb, features_at, read_rgb
from labeltool.models.base import Poses
from labeltool.models.keypoint_rcnn import MOST_PEOPLE, SCORE_THRESHOLD, poses_of
from labeltool.models.quick_rcnn import quicken
from labeltool.models.topdown import read_unlearnt
from labeltool.models.weights import choose_device, load_into, read_checkpoint_of
from labeltool.skeleton import Skeleton, from_mapping, to_mapping

#: The tasks by their names in the lecture: object detection, instance segmentation, human pose estimation.
TASKS = ("od", "is", "hpe")

#: Backbones that torchvision makes, with the pyramid of its published models; any other name is timm's.
_TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101")

#: So many boxes of a photo are learnt from, at most a quarter of them people: one for each of sixteen. With twice as many a step
#: of all three heads takes a fifth longer on a CPU.
_BOXES_A_PHOTO = 64


def parse_tasks(text: str) -> tuple[str, ...]:
    """The tasks in a text such as `od,is,hpe`, in that order.

    Raises:
        ModelError: an unknown task, or detection is not one of them.
    """
    given = [part.strip().lower() for part in text.split(",") if part.strip()]
    for task in given:
        if task not in TASKS:
            raise ModelError(f"tasks {text!r}: {task!r} is unknown, expected some of {', '.join(TASKS)}")
    if "od" not in given:
        raise ModelError(
            f"tasks {text!r}: od is missing, expected it always: the other heads look into the boxes it finds"
        )
    return tuple(task for task in TASKS if task in given)


@dataclass(frozen=True)
class MaskRcnnConfig:
    """What a Mask R-CNN is made of; a checkpoint's description holds it.

    Attributes:
        skeleton: the joints, K of them.
        tasks: some of `TASKS`, `od` among them.
        backbone: resnet18, 34, 50 or 101 (torchvision's, pyramid from stride 4), or a timm name (pyramid from stride 8).
        channels: of the pyramid and the heads.
        side: photos are scaled so that their shorter side has so many pixels, the longer one at most 5 / 3 of it.
        mean: of the photo's values in 0..1, subtracted; one number, or red's, green's and blue's.
        std: of the photo's values, divided by; likewise.
        unlearnt: joints that nobody it learnt from had labelled: it does not predict them.
    """

    skeleton: Skeleton
    tasks: tuple[str, ...] = TASKS
    backbone: str = "tf_efficientnet_lite0"
    channels: int = 96
    side: int = 240
    mean: Rgb = 0.5
    std: Rgb = 0.5
    unlearnt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "unlearnt", read_unlearnt(self.unlearnt, self.skeleton))
        for name in ("mean", "std"):
            object.__setattr__(self, name, read_rgb(name, getattr(self, name)))

    def to_json(self) -> dict[str, Any]:
        """The config as it stands in a checkpoint's description."""
        plain = {name: getattr(self, name) for name in ("backbone", "channels", "side", "mean", "std", "unlearnt")}
        return {"skeleton": to_mapping(self.skeleton), "tasks": ",".join(self.tasks), **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The config that a checkpoint's description holds.

        Raises:
            ModelError: a field is missing, unknown, or of another type.
        """
        try:
            tasks = parse_tasks(str(data["tasks"]))
            return cls(**{**data, "skeleton": from_mapping(data["skeleton"]), "tasks": tasks})
        except (TypeError, KeyError, SkeletonError, ModelError) as error:
            raise ModelError(f"description of the network: {error}") from None


def _three(rgb: Rgb) -> list[float]:
    return list(rgb) if isinstance(rgb, tuple) else [rgb] * 3


class _Pyramid(nn.Module):
    """A timm backbone under torchvision's feature pyramid: strides 8, 16, 32, and 64 by pooling."""

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.backbone = features_at(name, (8, 16, 32))
        widths = [int(width) for width in cast("Any", self.backbone).feature_info.channels()]
        self.pyramid = FeaturePyramidNetwork(widths, channels, extra_blocks=LastLevelMaxPool())
        self.out_channels = channels

    def forward(self, photos: Tensor) -> OrderedDict[str, Tensor]:
        """The pyramid's levels, finest first."""
        levels = OrderedDict((str(i), level) for i, level in enumerate(self.backbone(photos)))
        pyramid: OrderedDict[str, Tensor] = self.pyramid(levels)
        return pyramid


def build(config: MaskRcnnConfig) -> FasterRCNN:
    """A network of these tasks with random weights.

    In training it answers `loss_objectness`, `loss_rpn_box_reg`, `loss_classifier`, `loss_box_reg` and, where it has the head,
    `loss_mask` and `loss_keypoint`; else the boxes, scores, masks and keypoints of each photo, as torchvision's models do.
    """
    if config.backbone in _TORCHVISION:
        backbone: nn.Module = resnet_fpn_backbone(
            backbone_name=config.backbone, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
        )
        anchors, pooled = [(32,), (64,), (128,), (256,), (512,)], ["0", "1", "2", "3"]
    else:
        backbone = _Pyramid(config.backbone, config.channels)
        anchors, pooled = [(24,), (48,), (96,), (192,)], ["0", "1", "2"]
    features = int(cast("Any", backbone).out_channels)
    hidden = 1024 if features == 256 else 256
    network = FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(tuple(anchors), ((0.5, 1.0, 2.0),) * len(anchors)),
        box_roi_pool=MultiScaleRoIAlign(pooled, 7, 2),
        box_head=TwoMLPHead(features * 7 * 7, hidden),
        box_predictor=FastRCNNPredictor(hidden, 2),
        min_size=config.side,
        max_size=config.side * 5 // 3,
        image_mean=_three(config.mean),
        image_std=_three(config.std),
        box_score_thresh=SCORE_THRESHOLD,
        box_detections_per_img=MOST_PEOPLE,
        box_batch_size_per_image=_BOXES_A_PHOTO,
        rpn_pre_nms_top_n_train=1000,
        rpn_post_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=500,
        rpn_post_nms_top_n_test=200,
    )
    heads = cast("Any", network.roi_heads)
    width = min(features, 128)
    if "is" in config.tasks:
        heads.mask_roi_pool = MultiScaleRoIAlign(pooled, 14, 2)
        heads.mask_head = MaskRCNNHeads(features, (width,) * 4, 1)
        heads.mask_predictor = MaskRCNNPredictor(width, width, 2)
    if "hpe" in config.tasks:
        heads.keypoint_roi_pool = MultiScaleRoIAlign(pooled, 14, 2)
        heads.keypoint_head = KeypointRCNNHeads(features, (width,) * 4)
        heads.keypoint_predictor = KeypointRCNNPredictor(width, len(config.skeleton))
    return network


class MaskRcnn:
    """A `PoseModel` that finds people by itself; given boxes are ignored.

    Confidence is Keypoint R-CNN's: it keeps the order of torchvision's keypoint scores and is not calibrated.
    """

    name = "mask-rcnn"
    detects = True

    def __init__(
        self, network: FasterRCNN, config: MaskRcnnConfig, *, version: str, weights_hash: str, device: torch.device
    ) -> None:
        self.config = config
        self.skeleton = config.skeleton
        self.version = version
        self.weights_hash = weights_hash
        self.device = device
        self.network = network.eval().to(device)

    def find(self, images: Sequence[NDArray[np.uint8]]) -> list[dict[str, Tensor]]:
        """What the network answers to photos (H, W, 3): boxes xyxy, scores and, by its tasks, masks and keypoints; on the CPU."""
        tensors = [torch.tensor(i, device=self.device).permute(2, 0, 1).float() / 255 for i in images]
        with torch.inference_mode():
            found = self.network(tensors)
        return [{name: part.cpu() for name, part in photo.items()} for photo in found]

    def predict(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        """The people found in each photo, best score first (see `PoseModel.predict`)."""
        unlearnt = [self.skeleton.index(joint) for joint in self.config.unlearnt]
        return [poses_of(found, len(self.skeleton)).without(unlearnt) for found in self.find(images)]


def load(weights: Path | None = None, device: str = "auto") -> MaskRcnn:
    """The Mask R-CNN in a checkpoint file of `labeltool train mask-rcnn`; none is shipped.

    Raises:
        ModelError: no file is given, it has no pose head, the weights do not fit, or the device is not there.
    """
    if weights is None:
        raise ModelError(
            "mask-rcnn: no weights are shipped: train them (labeltool train mask-rcnn) and pass --weights FILE"
        )
    model = open_checkpoint(weights, device)
    if "hpe" not in model.config.tasks:
        trained = ", ".join(model.config.tasks)
        raise ModelError(f"{weights}: trained for {trained}, expected hpe among the tasks to pre-fill joints")
    return model


def open_checkpoint(path: Path, device: str = "auto") -> MaskRcnn:
    """The model in a checkpoint, whatever its tasks; its network is made quick (`quicken`) and cannot be trained on.

    Raises:
        ModelError: the checkpoint is of another model, its tensors do not fit, or the device is not there.
    """
    checkpoint = read_checkpoint_of(MaskRcnn.name, path)
    config = MaskRcnnConfig.from_json(checkpoint.description.get("config", {}))
    network = build(config)
    load_into(network, checkpoint.tensors, str(path))
    version, target = str(checkpoint.description.get("version", "unversioned")), choose_device(device)
    model = MaskRcnn(network, config, version=version, weights_hash=checkpoint.sha256, device=target)
    quicken(network, target)
    return model
