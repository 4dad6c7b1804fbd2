"""Conversion of a file the size of COCO train2017 to YOLO-pose and Parquet, against a plain `json.load` of the same file.

    python benchmarks/convert.py            64,115 images, 262,465 annotations with outlines
    python benchmarks/convert.py --quick    a thirtieth of that

The file is made first, from a seed. Each conversion is timed from the file on disk to the output on disk, in a process of its
own; so is `json.load`. Seconds are wall-clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from labeltool.skeleton import COCO_17

FULL = (64_115, 262_465)
QUICK = (2_137, 8_749)
TARGETS = ("yolo-pose", "parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description="Conversion against json.load.")
    parser.add_argument("--quick", action="store_true", help="a thirtieth of the size")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", nargs=3, metavar=("WHAT", "IN", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(step(arguments.step[0], Path(arguments.step[1]), Path(arguments.step[2]))))
        return
    images, people = QUICK if arguments.quick else FULL
    figures = measure(images, people, arguments.seed)
    print(json.dumps(figures, indent=2) if arguments.json else as_text(figures))


def measure(images: int, people: int, seed: int) -> dict[str, Any]:
    """Seconds and peak memory of json.load and of each conversion."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "labels.json"
        write_file(source, images, people, seed)
        figures: dict[str, Any] = {
            "images": images,
            "annotations": people,
            "megabytes": source.stat().st_size / 1e6,
            "seed": seed,
        }
        for what in ("json.load", *TARGETS):
            command = [sys.executable, __file__, "--step", what, str(source), str(Path(folder) / what)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures[what] = json.loads(out)
    return figures


def step(what: str, source: Path, out: Path) -> dict[str, float]:
    """One conversion in this process: seconds and peak megabytes."""
    start = time.perf_counter()
    if what == "json.load":
        with source.open(encoding="utf-8") as file:
            json.load(file)
    else:
        from labeltool.formats.registry import get_format

        document = get_format("coco").read(source).document
        get_format(what).write(document, out)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def write_file(path: Path, images: int, people: int, seed: int) -> None:
    """A COCO file with people in random images: 17 joints, an outline of 20 points, box and area, as train2017 has them."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(300, 641, (images, 2))
    owner = np.sort(rng.integers(0, images, people))
    with path.open("w", encoding="ascii") as file:
        rows = (
            json.dumps({"id": n + 1, "file_name": f"{n + 1:012d}.jpg", "width": int(w), "height": int(h)})
            for n, (w, h) in enumerate(sizes)
        )
        file.write('{"images":[' + ",".join(rows) + '],"annotations":[')
        for n in range(people):
            file.write(("," if n else "") + json.dumps(annotation(n + 1, int(owner[n]), sizes[owner[n]], rng)))
        file.write('],"categories":[' + json.dumps(COCO_17.to_category()) + "]}")


def annotation(number: int, image: int, size: Any, rng: np.random.Generator) -> dict[str, Any]:
    low = rng.uniform(0, 0.5, 2) * size
    extent = np.minimum(rng.uniform(0.1, 0.9, 2) * size, size - low)
    x, y, w, h = (round(float(value), 2) for value in (*low, *extent))
    v = rng.choice(3, 17, p=(0.55, 0.08, 0.37)) if number % 2 else np.zeros(17, dtype=int)
    xy = (low + rng.uniform(0, 1, (17, 2)) * extent).astype(int)
    keypoints = [int(value) for (jx, jy), f in zip(xy, v, strict=True) for value in ((jx, jy, f) if f else (0, 0, 0))]
    outline = np.round(low + rng.uniform(0, 1, (20, 2)) * extent, 2)
    return {
        "segmentation": [outline.ravel().tolist()],
        "num_keypoints": int((v > 0).sum()),
        "area": round(0.53 * w * h, 4),
        "iscrowd": 0,
        "keypoints": keypoints,
        "image_id": image + 1,
        "bbox": [x, y, w, h],
        "category_id": 1,
        "id": number,
    }


def as_text(figures: dict[str, Any]) -> str:
    base = figures["json.load"]
    lines = [
        f"{figures['annotations']:,} annotations in {figures['images']:,} images, {figures['megabytes']:.0f} MB",
        f"{'':<12}{'seconds':>9}{'x json.load':>13}{'annotations/s':>15}{'peak MB':>9}",
    ]
    for what in ("json.load", *TARGETS):
        row = figures[what]
        lines.append(
            f"{what:<12}{row['seconds']:>9.2f}{row['seconds'] / base['seconds']:>13.2f}"
            f"{figures['annotations'] / row['seconds']:>15,.0f}{row['peak_mb']:>9.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
