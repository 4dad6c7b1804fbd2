"""Top-down against bottom-up as photos fill up: accuracy and seconds a photo with 1 to 10 people.

Top-down finds people (Mask R-CNN, detection only) and then looks at each (the shipped heatmap model); bottom-up sees all joints
at once. Both find people by themselves. AP is COCO's (OKS .50:.95) on rendered figures of unseen seeds, joints of lsp-14. At the
end stands how many people are found, and how many detections find somebody, by the score from which on they are counted.

    python benchmarks/crowded.py [--detector FILE] [--bottom-up FILE] [--out DIR] [--photos N] [--epochs N] [--quick] [--json]

A model that is not given is trained first, on rendered figures, into --out; a run that was stopped goes on with the same --out.
The detector starts from the backbone of the shipped DeepPose, bottom-up from the shipped heatmap model, its first layers frozen.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from multitask import BACKBONE, UPRIGHT, rendered

from labeltool.audit.average_precision import DetectionCounts
from labeltool.images import load_photo
from labeltool.models.base import Poses
from labeltool.models.bottom_up import load as load_bottom_up
from labeltool.models.heatmap import SHIPPED
from labeltool.models.heatmap import load as load_heatmap
from labeltool.models.mask_rcnn import MaskRcnnConfig, build, open_checkpoint
from labeltool.models.weights import read_checkpoint
from labeltool.skeleton import LSP_14
from labeltool.training.coco_ap import average_precision, counts_by_image, pose_results, truth_of
from labeltool.training.mask_rcnn import MaskRcnnTask
from labeltool.training.scene_files import make_scene_task, start_from
from labeltool.training.scene_loop import SceneSchedule, SceneTask, fit_scenes
from labeltool.training.scenes import Scene
from labeltool.training.starting import freeze

#: Detections below this score are not looked at by the top-down pair.
_LEAST_SCORE = 0.3

#: Scores from which on detections are counted, as `labeltool prefill --propose-from` does of bottom-up.
_PROPOSED_FROM = (0.3, 0.4, 0.5, 0.6)

Find = Callable[[Any], Poses]


def main() -> None:
    """Trains what is missing, measures and prints."""
    parser = argparse.ArgumentParser(description="Top-down against bottom-up with 1 to 10 people a photo.")
    parser.add_argument("--detector", type=Path, help="a checkpoint of labeltool train mask-rcnn --tasks od")
    parser.add_argument("--bottom-up", type=Path, help="a checkpoint of labeltool train bottom-up")
    parser.add_argument("--out", type=Path, help="folder of the runs; a temporary one without it")
    parser.add_argument("--photos", type=int, default=600, help="photos to train on (600)")
    parser.add_argument("--unseen", type=int, default=24, help="photos to measure on for each number of people (24)")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the photos (10)")
    parser.add_argument("--detector-epochs", type=int, help="of the detector (as many as --epochs)")
    parser.add_argument("--quick", action="store_true", help="two photos of 1, 5 and 10 people, hardly trained models")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.quick:
        options.photos, options.unseen, options.epochs = 8, 2, 1
    counts = (1, 5, 10) if options.quick else tuple(range(1, 11))
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        finders = {"top-down": top_down(options, out), "bottom-up": bottom_up(options, out)}
        rows: list[dict[str, Any]] = []
        seen: dict[str, list[DetectionCounts]] = {name: [] for name in finders}
        for people in counts:
            scenes = rendered(
                out / f"people-{people}", 600 + people, options.unseen, f"{people}-{people}", "640x480", LSP_14
            )
            row: dict[str, Any] = {"people": people}
            for name, find in finders.items():
                row[name], found = measure(find, scenes)
                seen[name].append(found)
            rows.append(row)
    figures: dict[str, Any] = {
        "rows": rows,
        "proposed": {name: [proposed(parts, score) for score in _PROPOSED_FROM] for name, parts in seen.items()},
        "seconds_ratio": [round(r["top-down"]["seconds"] / r["bottom-up"]["seconds"], 2) for r in rows],
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{'people':>6}{'top-down AP':>13}{'s/photo':>9}{'bottom-up AP':>14}{'s/photo':>9}{'time ratio':>12}")
    for row, ratio in zip(rows, figures["seconds_ratio"], strict=True):
        a, b = row["top-down"], row["bottom-up"]
        print(
            f"{row['people']:>6}{a['ap']:>13.3f}{a['seconds']:>9.3f}{b['ap']:>14.3f}{b['seconds']:>9.3f}{ratio:>12.2f}"
        )
    print("people of all photos found (OKS .5) by scores from ... on, and the share of right ones among them")
    for name, parts in figures["proposed"].items():
        print(f"{name:<11}" + ", ".join(f"{p['from']:.1f}: {p['found']:.2f}, {p['right']:.2f} right" for p in parts))


def top_down(options: argparse.Namespace, out: Path) -> Find:
    """Detector and heatmap model as one."""
    path = options.detector
    if path is None:
        config = MaskRcnnConfig(LSP_14, ("od",))
        torch.manual_seed(0)
        task = MaskRcnnTask(build(config), config)
        start_from(task.network, read_checkpoint(BACKBONE))
        path = train(task, options, out, "detector", options.detector_epochs or options.epochs)
    detector, heatmap = open_checkpoint(path), load_heatmap()

    def find(image: Any) -> Poses:
        found = detector.find([image])[0]
        kept = found["scores"] >= _LEAST_SCORE
        corners = found["boxes"][kept].double().numpy()
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        if not len(boxes):
            return Poses.none(len(LSP_14))
        poses = heatmap.predict([image], [boxes])[0]
        return Poses(boxes, poses.xy, poses.confidence, found["scores"][kept].double().numpy() * poses.scores)

    return find


def bottom_up(options: argparse.Namespace, out: Path) -> Find:
    """The bottom-up model."""
    path = options.bottom_up
    if path is None:
        torch.manual_seed(0)
        start = read_checkpoint(SHIPPED)
        task = make_scene_task("bottom-up", LSP_14, start=start)
        start_from(task.network, start)
        freeze(task.network, start, "bottom-up", "bottom-up")
        path = train(task, options, out, "bottom-up", options.epochs)
    model = load_bottom_up(path)
    return lambda image: model.predict([image], [None])[0]


def train(task: SceneTask, options: argparse.Namespace, out: Path, name: str, epochs: int) -> Path:
    """A model trained on rendered photos of one to ten people; the last forty of them, or a quarter, choose the best epoch."""
    scenes = rendered(out / "learn", 310_000, options.photos, "1-10", "384x288", LSP_14)
    held_out = min(40, len(scenes) // 4)
    schedule = SceneSchedule(epochs=epochs, batch=8, variation=UPRIGHT)
    quiet = options.json or options.quick
    return fit_scenes(out / name, task, scenes[:-held_out], scenes[-held_out:], schedule, quiet=quiet)


def measure(find: Find, scenes: list[Scene]) -> tuple[dict[str, float], DetectionCounts]:
    """AP of joints, and the median of the seconds a photo; and who was found."""
    find(load_photo(scenes[0].photo))  # the first look also sets up what the next ones use
    results: list[dict[str, Any]] = []
    seconds = []
    for scene in scenes:
        image = load_photo(scene.photo)
        start = time.perf_counter()
        poses = find(image)
        seconds.append(time.perf_counter() - start)
        results += pose_results(scene.image_id, poses)
    truth = truth_of(scenes, LSP_14)
    ap = average_precision(truth, results, "keypoints", LSP_14)
    found = counts_by_image(truth, results, "keypoints", LSP_14).detections
    assert found is not None
    return {"ap": round(ap, 4), "seconds": round(float(np.median(seconds)), 4)}, found


def proposed(parts: list[DetectionCounts], score: float) -> dict[str, float]:
    """The share of people who are found (OKS .5) from a score on, and that of detections which found somebody."""
    taken = [part.score >= score for part in parts]
    hits = sum(int(part.hit[0, 0, kept].sum()) for part, kept in zip(parts, taken, strict=True))
    counted = sum(int((~part.ignored[0, 0, kept]).sum()) for part, kept in zip(parts, taken, strict=True))
    people = sum(int(part.people[0]) for part in parts)
    return {"from": score, "found": round(hits / people, 4), "right": round(hits / counted, 4) if counted else 0.0}


if __name__ == "__main__":
    main()
