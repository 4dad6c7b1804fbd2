"""Training Mask R-CNN with any of its heads: the lecture's six losses, and AP of boxes, masks and joints by pycocotools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from pycocotools import mask as rle
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.roi_heads import paste_masks_in_image

from labeltool.images import load_photo
from labeltool.models.mask_rcnn import TASKS, MaskRcnn, MaskRcnnConfig
from labeltool.models.weights import device_of
from labeltool.skeleton import Skeleton
from labeltool.training.coco_ap import average_precision, truth_of
from labeltool.training.scene_views import View
from labeltool.training.scenes import Scene

#: The lecture's names of torchvision's losses: LOSS = RPN_reg + RPN_clf + BB_reg + BB_clf + segment + hpe.
TERMS: Mapping[str, str] = {
    "loss_rpn_box_reg": "rpn_reg",
    "loss_objectness": "rpn_clf",
    "loss_box_reg": "bb_reg",
    "loss_classifier": "bb_clf",
    "loss_mask": "segment",
    "loss_keypoint": "hpe",
}

#: What each of them is.
_TERMS: Mapping[str, str] = {
    "rpn_reg": "smooth L1 of the proposals' boxes",
    "rpn_clf": "cross-entropy of the proposals: is there anything",
    "bb_reg": "smooth L1 of the detections' boxes",
    "bb_clf": "cross-entropy of the detections: is it a person",
    "segment": "cross-entropy of each of the mask's pixels",
    "hpe": "cross-entropy over a joint's 56 x 56 cells, labelled joints only",
}

#: pycocotools' name of what each task is measured by.
MEASURES: Mapping[str, str] = {"od": "bbox", "is": "segm", "hpe": "keypoints"}

_AP_NAMES: Mapping[str, str] = {"od": "ap_box", "is": "ap_mask", "hpe": "ap_keypoints"}

#: Photos looked at together when validating.
_BATCH = 8


@dataclass(frozen=True)
class MaskRcnnTask:
    """Mask R-CNN as `labeltool.training.scene_loop.fit_scenes` trains it."""

    network: FasterRCNN
    config: MaskRcnnConfig

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""
        return self.config.skeleton

    @property
    def canvas(self) -> tuple[int, int]:
        """Views of 4 : 3 whose shorter side is the network's."""
        return self.config.side * 4 // 3, self.config.side

    @property
    def masks(self) -> bool:
        """Whether it learns to segment."""
        return "is" in self.config.tasks

    @property
    def joints(self) -> bool:
        """Whether it learns to estimate poses."""
        return "hpe" in self.config.tasks

    def losses(self, views: Sequence[View]) -> Mapping[str, Tensor]:
        """The lecture's terms: rpn_reg, rpn_clf, bb_reg, bb_clf and, by the tasks, segment and hpe.

        Both regressions are (smooth) L1, the rest cross-entropies: of the mask per pixel, of a joint over its 56 x 56 cells.
        """
        if not views:
            return {}
        device = device_of(self.network)
        targets = [{name: part.to(device) for name, part in _target(v).items()} for v in views]
        found = self.network([v.pixels.to(device) / 255 for v in views], targets)
        return {ours: found[theirs] for theirs, ours in TERMS.items() if theirs in found}

    @property
    def terms(self) -> Mapping[str, str]:
        """What each term of the loss is."""
        return _TERMS

    @property
    def measures(self) -> Mapping[str, str]:
        """AP of joints, masks and boxes, of those the network has; joints come first."""
        return {_AP_NAMES[task]: MEASURES[task] for task in reversed(TASKS) if task in self.config.tasks}

    def results(self, network: nn.Module, scenes: Sequence[Scene]) -> list[dict[str, Any]]:
        """What a network finds on photos, as COCO results."""
        return results_of(cast("FasterRCNN", network), self.config, scenes)

    def scores(self, network: nn.Module, scenes: Sequence[Scene]) -> Mapping[str, float]:
        """AP of joints, masks and boxes, of those the network has; joints come first."""
        aps = average_precisions(cast("FasterRCNN", network), self.config, scenes)
        return {name: aps[name] for name in self.measures}

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return {"model": MaskRcnn.name, "config": self.config.to_json()}


def _target(v: View) -> dict[str, Tensor]:
    keypoints = torch.cat([v.xy, v.labelled[..., None].float()], dim=2)
    labels = torch.ones(len(v.boxes), dtype=torch.int64)
    return {"boxes": v.boxes, "labels": labels, "masks": v.masks, "keypoints": keypoints}


def average_precisions(network: FasterRCNN, config: MaskRcnnConfig, scenes: Sequence[Scene]) -> dict[str, float]:
    """COCO's AP (0.50:0.95) of a network on photos: `ap_box` and, by its tasks, `ap_mask` and `ap_keypoints`.

    Computed by pycocotools on the photos' own pixels; the sigmas are the skeleton's, the area is the outline's where there is one
    and otherwise 0.53 of the box.
    """
    truth, results = truth_of(scenes, config.skeleton), results_of(network, config, scenes)
    return {
        _AP_NAMES[task]: average_precision(truth, results, MEASURES[task], config.skeleton) for task in config.tasks
    }


def results_of(network: FasterRCNN, config: MaskRcnnConfig, scenes: Sequence[Scene]) -> list[dict[str, Any]]:
    """What a network finds on photos, as COCO results: boxes and, by its tasks, masks and joints."""
    results: list[dict[str, Any]] = []
    model = MaskRcnn(network, config, version="", weights_hash="", device=device_of(network))
    for start in range(0, len(scenes), _BATCH):
        some = scenes[start : start + _BATCH]
        found = model.find([load_photo(scene.photo) for scene in some])
        for scene, people in zip(some, found, strict=True):
            results += _results(scene, people)
    return results


def _results(scene: Scene, found: Mapping[str, Tensor]) -> Iterable[dict[str, Any]]:
    width, height = scene.size
    boxes = found["boxes"]
    masks: list[Any] = [None] * len(boxes)
    if "masks" in found and len(boxes):
        whole = found["masks"]
        if whole.shape[-2:] != (height, width):
            whole = paste_masks_in_image(whole, boxes, (height, width))
        drawn = np.asfortranarray((whole[:, 0] > 0.5).numpy().astype(np.uint8).transpose(1, 2, 0))
        masks = rle.encode(drawn)
    for i, (box, score) in enumerate(zip(boxes.double().tolist(), found["scores"].double().tolist(), strict=True)):
        row = {
            "image_id": scene.image_id,
            "category_id": 1,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": score,
        }
        if masks[i] is not None:
            row["segmentation"] = masks[i]
        if "keypoints" in found:
            row["keypoints"] = found["keypoints"][i].double().flatten().tolist()
        yield row
