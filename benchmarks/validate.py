"""`labeltool validate` against json.load, and against pycocotools with a loop over the annotations, on the same file.

    python benchmarks/validate.py            64,115 images, 262,465 annotations with polygons: the size of COCO train2017
    python benchmarks/validate.py --quick    a tenth of that

The file is made anew, seeded, with the shares of train2017: 57 % of the people have joints, 1 % of the annotations are crowds.
Each way is run in a process of its own, in turn, and the median of the runs is taken: processor seconds (every way runs on one
thread), from the file on disk to the result, and the largest resident memory of the process. The loop applies the same rules
as one writes them by hand (validate_by_hand.py), and must count the same places for every code.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from validate_by_hand import ByHand

from labeltool.skeleton import COCO_17

FULL = (64_115, 262_465)
QUICK = (6_400, 26_200)
WAYS = ("json.load", "labeltool", "pycocotools")
# Means of the joints of a standing person, as shares of its box.
_BODY_X = (0.5, 0.54, 0.46, 0.58, 0.42, 0.66, 0.34, 0.72, 0.28, 0.74, 0.26, 0.6, 0.4, 0.62, 0.38, 0.62, 0.38)
_BODY_Y = (0.08, 0.06, 0.06, 0.07, 0.07, 0.2, 0.2, 0.36, 0.36, 0.48, 0.48, 0.52, 0.52, 0.72, 0.72, 0.92, 0.92)


def main() -> None:
    parser = argparse.ArgumentParser(description="labeltool validate against json.load and pycocotools.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where to make the file, and leave it (used again when it is there)")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("file", nargs="?", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way is not None:
        print(json.dumps(measure(arguments.way, arguments.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder) / "labels.json"
        if not path.exists():
            write_labels(path, *(QUICK if arguments.quick else FULL), seed=arguments.seed)
        figures = compare(path, arguments.runs)
    print(json.dumps(figures, indent=2) if arguments.json else as_text(figures))


def compare(path: Path, runs: int) -> dict[str, Any]:
    """Every way over the same file, in turn: median seconds, peak memory, and their ratios."""
    measured: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(runs):
        for way in WAYS:
            command = [sys.executable, __file__, "--way", way, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            measured[way].append(json.loads(done.stdout))
    figures: dict[str, Any] = {"bytes": path.stat().st_size, "runs": runs}
    for way, results in measured.items():
        figures[way] = {
            "seconds": statistics.median(r["seconds"] for r in results),
            "peak_mb": statistics.median(r["peak_mb"] for r in results),
            **results[0]["found"],
        }
    ours = figures["labeltool"]
    if ours["by_code"] != figures["pycocotools"]["by_code"]:
        sys.exit(f"the two do not find the same: {ours['by_code']} and {figures['pycocotools']['by_code']}")
    figures["share_of_json_load"] = ours["seconds"] / figures["json.load"]["seconds"]
    figures["memory_share_of_json_load"] = ours["peak_mb"] / figures["json.load"]["peak_mb"]
    figures["times_faster_than_pycocotools"] = figures["pycocotools"]["seconds"] / ours["seconds"]
    return figures


def measure(way: str, path: Path) -> dict[str, Any]:
    """One way over the file, in this process."""
    # What a way imports is not what it does.
    from pycocotools.coco import COCO

    from labeltool.coco.check import check_file

    found: dict[str, Any] = {}
    base = peak_mb()
    start = time.process_time()
    if way == "json.load":
        with path.open() as file:
            data = json.load(file)
        found["annotations"] = len(data["annotations"])
    elif way == "labeltool":
        report = check_file(path)
        found |= {"errors": report.errors, "warnings": report.warnings}
        found["by_code"] = {finding.code: finding.count for finding in report.findings}
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
        found["by_code"] = {code: count for code, count in ByHand(coco).count().items() if count}
    return {"seconds": time.process_time() - start, "peak_mb": peak_mb() - base, "found": found}


def peak_mb() -> float:
    """The largest resident memory of this process so far; `ru_maxrss` would begin with that of the process that started it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write_labels(path: Path, images: int, annotations: int, seed: int) -> None:
    """A file like person_keypoints_train2017.json: its fields in its order, with its separators."""
    rng = np.random.default_rng(seed)
    dump = json.dumps
    sizes = np.where(rng.random((images, 1)) < 0.7, (640, 480), (480, 640))
    with path.open("w", encoding="ascii") as file:
        file.write(f'{{"info": {dump({"description": "made by benchmarks/validate.py"})}, "licenses": [], "images": [')
        for i, (width, height) in enumerate(sizes.tolist()):
            name = f"{i + 1:012d}.jpg"
            image = {
                "license": 1 + i % 7,
                "file_name": name,
                "coco_url": f"http://images.cocodataset.org/train2017/{name}",
                "height": height,
                "width": width,
                "date_captured": "2013-11-14 17:02:52",
                "flickr_url": f"http://farm1.staticflickr.com/{i % 9000}/{7 * i + 10**9}_{i * 2654435761 % 2**40:010x}_z.jpg",
                "id": i + 1,
            }
            file.write((", " if i else "") + dump(image))
        file.write('], "annotations": [')
        for start in range(0, annotations, 10_000):
            count = min(10_000, annotations - start)
            rows = some_annotations(rng, start, count, rng.integers(0, images, count), sizes)
            file.write((", " if start else "") + ", ".join(map(dump, rows)))
        file.write(f'], "categories": [{dump(COCO_17.to_category())}]}}')


def some_annotations(rng: Any, start: int, count: int, image: Any, sizes: Any) -> list[dict[str, Any]]:
    """Annotations that break no rule: people with and without joints, and a crowd now and then."""
    size = sizes[image]
    extent = np.round(size * rng.uniform(0.1, 0.6, (count, 2)), 2)
    corner = np.round((size - extent) * rng.uniform(0, 1, (count, 2)) * 0.99, 2)
    body = np.stack([_BODY_X, _BODY_Y], axis=1) + rng.normal(0, 0.02, (count, 17, 2))
    xy = np.floor(corner[:, None] + extent[:, None] * np.clip(body, 0.01, 0.99)).astype(int)
    v = np.where(rng.random((count, 17)) < np.linspace(0.05, 0.3, 17), 1, 2)
    v[rng.random((count, 17)) < np.linspace(0.1, 0.5, 17)] = 0
    v[rng.random(count) < 0.43] = 0
    crowd = rng.random(count) < 0.01
    v[crowd] = 0
    flat = np.concatenate([np.where(v[..., None] > 0, xy, 0), v[..., None]], axis=2).reshape(count, 51)
    points = rng.integers(12, 52, count)
    angle = np.sort(rng.uniform(0, 2 * np.pi, (count, 52)), axis=1)
    ring = 0.5 + 0.45 * np.stack([np.cos(angle), np.sin(angle)], axis=2) * rng.uniform(0.6, 1, (count, 52, 1))
    outline = np.round(corner[:, None] + extent[:, None] * ring, 2)
    area = 0.54 * extent.prod(axis=1) * rng.uniform(0.9, 1.1, count)
    rows = []
    for i in range(count):
        width, height = size[i].tolist()
        segmentation: Any = [outline[i, : points[i]].reshape(-1).tolist()]
        if crowd[i]:
            total, run = width * height, width * height // 40
            segmentation = {"counts": [run] * 39 + [total - 39 * run], "size": [height, width]}
        rows.append(
            {
                "segmentation": segmentation,
                "num_keypoints": int((v[i] > 0).sum()),
                "area": round(float(area[i]), 5),
                "iscrowd": int(crowd[i]),
                "keypoints": flat[i].tolist(),
                "image_id": int(image[i]) + 1,
                "bbox": [*corner[i].tolist(), *extent[i].tolist()],
                "category_id": 1,
                "id": start + i + 1,
            }
        )
    return rows


def as_text(figures: dict[str, Any]) -> str:
    lines = [f"{figures['bytes'] / 1e6:.0f} MB, median of {figures['runs']} runs, on {os.cpu_count()} processors"]
    lines.append(f"{'':<22}{'seconds':>9}{'peak MB':>9}")
    lines += [f"{way:<22}{figures[way]['seconds']:>9.2f}{figures[way]['peak_mb']:>9.0f}" for way in WAYS]
    lines.append(f"labeltool takes {figures['share_of_json_load']:.2f} x the time of json.load alone (target 0.70),")
    lines.append(f"{figures['memory_share_of_json_load']:.2f} x its memory (target 1.00),")
    lines.append(
        f"and is {figures['times_faster_than_pycocotools']:.1f} x faster than pycocotools with the loop (target 10)"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
