"""COCO's average precision of models that see whole photos, by pycocotools: boxes, masks and joints alike."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeltool.audit import ImageSums
from labeltool.audit.average_precision import AREA_RANGES, OKS_THRESHOLDS, DetectionCounts
from labeltool.models.base import Poses
from labeltool.skeleton import Skeleton
from labeltool.training.outlines import rle_of
from labeltool.training.scenes import Scene


def truth_of(scenes: Sequence[Scene], skeleton: Skeleton) -> dict[str, Any]:
    """Scenes as the COCO document that results are held against.

    The area is the outline's where there is one and otherwise 0.53 of the box; such people have no `segmentation`, and masks
    found in their box count neither as right nor as wrong.
    """
    annotations: list[dict[str, Any]] = []
    for scene in scenes:
        for box, xy, v, outline in zip(scene.boxes, scene.xy, scene.v, scene.outlines, strict=True):
            x, y, w, h = map(float, box)
            mask = rle_of(outline, scene.size) if outline else None
            area = 0.53 * w * h if mask is None else float(rle.area(mask))
            keypoints = np.concatenate([xy, v[:, None]], axis=1).ravel().tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": scene.image_id,
                    "category_id": 1,
                    "bbox": [x, y, w, h],
                    "area": area,
                    "iscrowd": 0,
                    **({} if mask is None else {"segmentation": mask}),
                    "keypoints": keypoints,
                    "num_keypoints": int((v > 0).sum()),
                }
            )
    images = [{"id": s.image_id, "width": s.size[0], "height": s.size[1], "file_name": s.photo.name} for s in scenes]
    return {"images": images, "annotations": annotations, "categories": [skeleton.to_category()]}


def pose_results(image_id: int, poses: Poses) -> Iterator[dict[str, Any]]:
    """The people that a model sees in a photo as COCO results; a joint that it does not predict has v = 0."""
    flags = np.isfinite(poses.xy[..., :1])
    keypoints = np.concatenate([np.nan_to_num(poses.xy), flags], axis=2)
    for pose, score in zip(keypoints, poses.scores.tolist(), strict=True):
        yield {"image_id": image_id, "category_id": 1, "keypoints": pose.ravel().tolist(), "score": score}


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
    evaluation = _evaluated(truth, results, measure, skeleton)
    if evaluation is None:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
        evaluation.summarize()
    return max(float(evaluation.stats[0]), 0.0)


def counts_by_image(
    truth: dict[str, Any], results: Sequence[Mapping[str, Any]], measure: str, skeleton: Skeleton
) -> ImageSums:
    """What each photo adds to AP, for its bootstrap interval: pycocotools' matches of all sizes, at 0.50:0.95.

    Args:
        truth: a COCO document.
        results: COCO results, of all measures together or of this one.
        measure: `bbox`, `segm` or `keypoints`.
        skeleton: its sigmas are used for `keypoints`.
    """
    images = np.array(sorted(image["id"] for image in truth["images"]), dtype=np.int64)
    needed = {"bbox": "bbox", "segm": "segmentation", "keypoints": "num_keypoints"}[measure]
    counted = [a["image_id"] for a in truth["annotations"] if a.get(needed)]
    people = np.bincount(np.searchsorted(images, counted), minlength=len(images))
    evaluation = _evaluated(truth, results, measure, skeleton)
    # the first of the size classes is all of them, its photos in the order of their ids
    rows = [] if evaluation is None else [row for row in evaluation.evalImgs[: len(images)] if row is not None]
    none = np.zeros((len(OKS_THRESHOLDS), 0), dtype=np.bool_)
    ignored = np.concatenate([none, *(row["dtIgnore"].astype(np.bool_) for row in rows)], axis=1)
    hit = np.concatenate([none, *(row["dtMatches"] > 0 for row in rows)], axis=1) & ~ignored
    found = [len(row["dtScores"]) for row in rows]
    scores = [score for row in rows for score in row["dtScores"]]
    counts = DetectionCounts(
        images,
        np.array([row["image_id"] for row, n in zip(rows, found, strict=True) for _ in range(n)], dtype=np.int64),
        np.array([rank for n in found for rank in range(n)], dtype=np.int64),
        np.array(scores, dtype=np.float64),
        # other size classes have nobody and are not read
        np.stack([hit] * len(AREA_RANGES)),
        np.stack([ignored] * len(AREA_RANGES)),
        np.array([people.sum(), 0, 0]),
    )
    nothing = np.zeros((len(images), 0))
    return ImageSums(images, (), nothing, nothing, counts, people)


def _evaluated(truth: dict[str, Any], results: Sequence[Mapping[str, Any]], measure: str, skeleton: Skeleton) -> Any:
    """The evaluation of pycocotools with everything matched; None where nothing was found."""
    needed = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}[measure]
    kept = [{k: v for k, v in row.items() if k in ("image_id", "category_id", "score", needed)} for row in results]
    if not kept:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = _outlined(truth) if measure == "segm" else truth
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(kept), measure)
        if measure == "keypoints":
            evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluation.evaluate()
    return evaluation


def _outlined(truth: dict[str, Any]) -> dict[str, Any]:
    """A COCO document in which people without an outline are crowds that fill their box: what is found there does not count."""
    return {**truth, "annotations": [a if "segmentation" in a else _as_crowd(a) for a in truth["annotations"]]}


def _as_crowd(annotation: Mapping[str, Any]) -> dict[str, Any]:
    x, y, w, h = annotation["bbox"]
    return {**annotation, "iscrowd": 1, "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}
