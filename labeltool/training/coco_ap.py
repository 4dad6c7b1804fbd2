"""COCO's average precision of models that see whole photos, by pycocotools: boxes, masks and joints alike."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeltool.skeleton import Skeleton
from labeltool.training.scenes import Scene


def truth_of(scenes: Sequence[Scene], skeleton: Skeleton) -> dict[str, Any]:
    """Scenes as the COCO document that results are held against.

    The area is the outline's where there is one and otherwise 0.53 of the box, whose mask is then the box.
    """
    annotations: list[dict[str, Any]] = []
    for scene in scenes:
        width, height = scene.size
        for box, xy, v, outline in zip(scene.boxes, scene.xy, scene.v, scene.outlines, strict=True):
            x, y, w, h = map(float, box)
            polygons = [list(part) for part in outline] or [[x, y, x + w, y, x + w, y + h, x, y + h]]
            merged = rle.merge(rle.frPyObjects(polygons, height, width))
            area = float(rle.area(merged)) if outline else 0.53 * w * h
            keypoints = np.concatenate([xy, v[:, None]], axis=1).ravel().tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": scene.image_id,
                    "category_id": 1,
                    "bbox": [x, y, w, h],
                    "area": area,
                    "iscrowd": 0,
                    "segmentation": merged,
                    "keypoints": keypoints,
                    "num_keypoints": int((v > 0).sum()),
                }
            )
    images = [{"id": s.image_id, "width": s.size[0], "height": s.size[1], "file_name": s.photo.name} for s in scenes]
    return {"images": images, "annotations": annotations, "categories": [skeleton.to_category()]}


def average_precision(
    truth: dict[str, Any], results: Sequence[Mapping[str, Any]], measure: str, skeleton: Skeleton
) -> float:
    """AP at 0.50:0.95 (COCO's first number), 0 where there is nothing found.

    Args:
        truth: a COCO document.
        results: COCO results, of all measures together or of this one.
        measure: `bbox`, `segm` or `keypoints`.
        skeleton: its sigmas are used for `keypoints`.
    """
    needed = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}[measure]
    kept = [{k: v for k, v in row.items() if k in ("image_id", "category_id", "score", needed)} for row in results]
    if not kept:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = truth
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(kept), measure)
        if measure == "keypoints":
            evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return max(float(evaluation.stats[0]), 0.0)
