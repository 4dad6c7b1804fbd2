"""Random COCO files that hold what trips evaluators up: the inputs of the tests against pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np

from labeltool.skeleton import Skeleton

EDGE_AREAS = (32**2, 96**2, 32**2 - 1, 96**2 + 0.5, 10.5, 1e5**2, 1e5**2 + 1)


def random_files(
    seed: int, skeleton: Skeleton, *, images: int = 25, boxes: bool = False, whole_pixels: bool = False
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A COCO document and results for it.

    It holds images without labels, without detections, and without both; crowds, with joints and without; people without
    labelled joints, some with detections inside their doubled box; the same person twice; areas on the edges of the size
    classes; equal scores; more than 20 detections in an image; ids and image ids in no order.
    """
    rng = np.random.default_rng(seed)
    k = len(skeleton)
    ids = iter(rng.permutation(100_000)[:5000] + 1)
    image_ids = (rng.permutation(10_000)[:images] + 1).tolist()
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image_id in image_ids:
        people = [_person(rng, k, whole_pixels) for _ in range(rng.choice([0, 1, 1, 2, 3, 8]))]
        if people and rng.random() < 0.2:
            people.append(dict(people[0]))
        for person in people:
            annotations.append({"id": int(next(ids)), "image_id": image_id, "category_id": 1, **person})
        for _ in range(rng.choice([0, 1, 2, 3, 6, 30])):
            seen = (
                people[rng.integers(len(people))] if people and rng.random() < 0.85 else _person(rng, k, whole_pixels)
            )
            results.append({"image_id": image_id, "category_id": 1, **_detection(rng, seen, k, boxes, whole_pixels)})
    rng.shuffle(annotations)
    rng.shuffle(results)
    document = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in image_ids],
        "annotations": annotations,
        "categories": [skeleton.to_category()],
    }
    return document, results


def _person(rng: np.random.Generator, k: int, whole_pixels: bool) -> dict[str, Any]:
    size = rng.uniform(15, 260)
    corner = rng.uniform(0, 400, 2)
    xy = corner + rng.uniform(0, size, (k, 2))
    v = rng.choice([0, 1, 2], k, p=rng.dirichlet([1, 1, 2]))
    if rng.random() < 0.15:
        v[:] = 0
    if rng.random() < 0.1:
        v[:] = 0
        v[rng.integers(k)] = 1
    xy[v == 0] = 0 if rng.random() < 0.7 else -7
    area = rng.choice(EDGE_AREAS) if rng.random() < 0.3 else size**2 * rng.uniform(0.3, 0.9)
    return {
        "keypoints": _flat(_numbers(xy, whole_pixels), v),
        "num_keypoints": int((v > 0).sum()),
        "area": float(area),
        "bbox": [*_numbers(corner, whole_pixels).tolist(), float(size), float(size)],
        "iscrowd": int(rng.random() < 0.12),
    }


def _detection(
    rng: np.random.Generator, person: dict[str, Any], k: int, boxes: bool, whole_pixels: bool
) -> dict[str, Any]:
    joints = np.array(person["keypoints"], dtype=float).reshape(k, 3)
    xy = joints[:, :2].copy()
    hidden = joints[:, 2] == 0
    x, y, w, h = person["bbox"]
    xy[hidden] = np.array([x, y]) + rng.uniform(-0.5, 1.5, (int(hidden.sum()), 2)) * [w, h]
    noise = rng.choice([0, 0.02, 0.05, 0.1, 0.3]) * np.sqrt(person["area"] if person["area"] < 1e6 else 1e4)
    xy = _numbers(xy + rng.normal(0, 1, xy.shape) * noise, whole_pixels)
    found: dict[str, Any] = {
        "keypoints": _flat(xy, np.ones(k, dtype=int)),
        "score": round(float(rng.random()), int(rng.choice([1, 2, 9]))),
    }
    if boxes:
        found["bbox"] = [float(x), float(y), float(w * rng.uniform(0.3, 1.5)), float(h)]
    return found


def _numbers(values: Any, whole: bool) -> Any:
    return np.round(values).astype(int) if whole else np.round(values, 2)


def _flat(xy: Any, v: Any) -> list[Any]:
    return [number for (x, y), seen in zip(xy.tolist(), v.tolist(), strict=True) for number in (x, y, seen)]
