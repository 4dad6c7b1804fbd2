"""The audit against pycocotools: the same random labels and detections, timed in one run, and the largest difference.

    python benchmarks/audit.py            64,115 images, 150,000 people: the size of COCO train2017
    python benchmarks/audit.py --quick    a thirtieth of that

pycocotools is timed from loaded annotations to the end of `evaluate` and `accumulate`; its loading and indexing are left out.
The audit is timed from arrays, and once more from the parsed JSON that pycocotools starts from. Seconds are processor
seconds (both sides run on one thread), so that a busy machine does not blur the ratio. The whole audit holds AP and AR, ks, PDJ,
PCK, PCP, end-point and angle errors, and the diagnosis of every joint. The bootstrap is of 1,000 replicates on 11,000 people of
5,000 images (COCO val2017), AP among its statistics.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import time
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeltool.audit import (
    Detections,
    Labels,
    all_pairs,
    audit,
    average_precision,
    bootstrap,
    count_corrections,
    detections_from_coco,
    diagnose,
    in_parts,
    labels_from_coco,
    sum_images,
)
from labeltool.skeleton import COCO_17

FULL = (64_115, 150_000)
QUICK = (2_100, 5_000)
#: Images and people of the bootstrap, at most; the size of COCO val2017.
BOOTSTRAP = (5_000, 11_000)
REPLICATES = 1000
NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def main() -> None:
    parser = argparse.ArgumentParser(description="The audit against pycocotools: speed and largest difference.")
    parser.add_argument("--quick", action="store_true", help="a thirtieth of the size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, help="number of images")
    parser.add_argument("--people", type=int, help="number of people, and of detections")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    figures = compare(
        size[0] if arguments.images is None else arguments.images,
        size[1] if arguments.people is None else arguments.people,
        arguments.seed,
    )
    print(json.dumps(figures, indent=2) if arguments.json else as_text(figures))


def compare(images: int, people: int, seed: int) -> dict[str, Any]:
    """Both evaluations of the same input: seconds, ratios, and the largest difference of the ten numbers."""
    labels, detections = random_input(images, people, seed)
    ours, seconds = timed(lambda: average_precision(labels, detections, COCO_17.sigmas))
    _, audit_seconds = timed(lambda: audit(labels, detections, COCO_17))
    _, fixing_seconds = timed(lambda: correct(labels, detections))
    memory = peak_memory()
    few = random_input(min(images, BOOTSTRAP[0]), min(people, BOOTSTRAP[1]), seed)
    _, bootstrap_seconds = timed(lambda: bootstrap(sum_images(*few, COCO_17), replicates=REPLICATES))
    annotations, results = as_annotations(labels), as_results(detections)
    _, json_seconds = timed(
        lambda: average_precision(
            labels_from_coco(annotations, COCO_17), detections_from_coco(results, COCO_17), COCO_17.sigmas
        )
    )
    theirs, their_seconds = pycocotools(images, annotations, results)
    difference = max(abs(a - b) for a, b in zip(ours.as_dict().values(), theirs, strict=True))
    return {
        "images": images,
        "people": people,
        "detections": len(detections),
        "seed": seed,
        "pycocotools_seconds": their_seconds,
        "ap_ar_seconds": seconds,
        "ap_ar_from_json_seconds": json_seconds,
        "audit_seconds": audit_seconds,
        "ap_if_fixed_seconds": fixing_seconds,
        "bootstrap_people": len(few[0]),
        "bootstrap_replicates": REPLICATES,
        "bootstrap_seconds": bootstrap_seconds,
        "ap_ar_times_faster": their_seconds / seconds,
        "audit_times_faster": their_seconds / audit_seconds,
        "largest_difference": difference,
        "peak_mb_ours": memory,
        "peak_mb_with_pycocotools": peak_memory(),
        "AP": ours.AP,
    }


def as_text(figures: dict[str, Any]) -> str:
    f = figures
    their_peak, our_peak = f"peak {f['peak_mb_with_pycocotools']:.0f} MB", f"peak {f['peak_mb_ours']:.0f} MB"
    lines = [
        f"{f['images']:,} images, {f['people']:,} people, {f['detections']:,} detections, seed {f['seed']}, AP {f['AP']:.3f}",
        f"  pycocotools, evaluate + accumulate   {f['pycocotools_seconds']:8.2f} s                  {their_peak}",
        f"  AP and AR from arrays                {f['ap_ar_seconds']:8.2f} s  {f['ap_ar_times_faster']:5.1f} x faster",
        f"  AP and AR from parsed JSON           {f['ap_ar_from_json_seconds']:8.2f} s",
        f"  whole audit from arrays              {f['audit_seconds']:8.2f} s  {f['audit_times_faster']:5.1f} x faster"
        f"  {our_peak}",
        f"  AP if each kind of error were fixed  {f['ap_if_fixed_seconds']:8.2f} s",
        f"  bootstrap, {f['bootstrap_replicates']:,} x {f['bootstrap_people']:6,} people    {f['bootstrap_seconds']:8.2f} s",
        f"  largest difference of the 10 numbers {f['largest_difference']:8.1e}",
    ]
    return "\n".join(lines)


def random_input(images: int, people: int, seed: int) -> tuple[Labels, Detections]:
    """People and detections as COCO has them: crowded and empty images, hidden joints, crowds, misses and false alarms."""
    rng = np.random.default_rng(seed)
    k = len(COCO_17)
    crowding = rng.gamma(0.8, size=images)
    image = np.sort(rng.choice(images, people, p=crowding / crowding.sum())) + 1
    size = np.exp(rng.normal(4.4, 0.8, people))
    corner = rng.uniform(0, 500, (people, 2))
    xy = np.round(corner[:, None] + rng.uniform(0, 1, (people, k, 2)) * (size[:, None] * [0.5, 1])[:, None], 1)
    v = rng.choice([0, 1, 2], (people, k), p=[0.3, 0.1, 0.6])
    v[rng.random(people) < 0.05] = 0
    xy[v == 0] = 0
    labels = Labels.of(
        image,
        xy,
        v,
        np.round(size**2 * rng.uniform(0.15, 0.4, people), 2),
        box=np.concatenate([corner, size[:, None] * [0.5, 1]], axis=1),
        crowd=rng.random(people) < 0.02,
    )
    seen = rng.choice(people, people, p=(0.2 + v.any(axis=1)) / (0.2 + v.any(axis=1)).sum())
    noise = rng.choice([0.01, 0.03, 0.08, 0.5], people, p=[0.4, 0.3, 0.2, 0.1]) * size[seen]
    guessed = np.where(v[seen][:, :, None] > 0, xy[seen], corner[seen][:, None] + size[seen][:, None, None] / 2)
    guessed = np.round(guessed + rng.normal(0, 1, guessed.shape) * noise[:, None, None], 2)
    elsewhere = rng.random(people) < 0.05
    return labels, Detections.of(
        np.where(elsewhere, rng.integers(1, images + 1, people), image[seen]), guessed, np.round(rng.random(people), 3)
    )


def correct(labels: Labels, detections: Detections) -> dict[str, float]:
    """By how much AP would rise with each kind of error fixed, measured in parts."""
    parts = []
    for some_labels, some_detections in in_parts(labels, detections):
        pairs = all_pairs(some_labels, some_detections, COCO_17.sigmas)
        found = diagnose(some_labels, some_detections, COCO_17, pairs)
        parts.append(count_corrections(some_labels, some_detections, COCO_17, pairs, found))
    return reduce(add, parts).gains()


def as_annotations(labels: Labels) -> list[dict[str, Any]]:
    keypoints = np.concatenate([labels.xy, labels.v[:, :, None]], axis=2).reshape(len(labels), -1).tolist()
    columns = (labels.person, labels.image, labels.area, labels.box, labels.crowd, (labels.v > 0).sum(axis=1))
    return [
        {
            "id": i,
            "image_id": image,
            "category_id": 1,
            "keypoints": joints,
            "area": area,
            "bbox": box,
            "iscrowd": int(crowd),
            "num_keypoints": n,
        }
        for joints, i, image, area, box, crowd, n in zip(keypoints, *(c.tolist() for c in columns), strict=True)
    ]


def as_results(detections: Detections) -> list[dict[str, Any]]:
    ones = np.ones((len(detections), detections.joints, 1))
    keypoints = np.concatenate([detections.xy, ones], axis=2).reshape(len(detections), -1).tolist()
    return [
        {"image_id": image, "category_id": 1, "keypoints": joints, "score": score}
        for joints, image, score in zip(keypoints, detections.image.tolist(), detections.score.tolist(), strict=True)
    ]


def pycocotools(
    images: int, annotations: list[dict[str, Any]], results: list[dict[str, Any]]
) -> tuple[list[float], float]:
    """The ten numbers and the seconds of evaluate and accumulate."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i + 1} for i in range(images)],
            "annotations": annotations,
            "categories": [COCO_17.to_category()],
        }
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(results), "keypoints")
        run.params.kpt_oks_sigmas = np.array(COCO_17.sigmas)
        _, seconds = timed(lambda: (run.evaluate(), run.accumulate()))
        run.summarize()
    return [float(number) for number in run.stats], seconds


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """The function's value and the processor seconds it took."""
    start = time.process_time()
    value = function()
    return value, time.process_time() - start


def peak_memory() -> float:
    """The most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
