"""Pre-fill end to end against the bare network: how much of the model's own rate is left when photos come from JPEG files.

The rival of a pre-fill is its own model: the same network on crops that lie ready in memory, in batches of 32. The figure is
people a second of `labeltool prefill` (decode, crop, predict, store) over people a second of that.

Photos are those of ../shared/data/lspet beside the checkout where they are there, else the sample set of datasets/figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from labeltool.formats.coco import read_coco
from labeltool.formats.imported import Imported
from labeltool.formats.lsp import read_lsp
from labeltool.models.deeppose import CROP_SIZE, DeepPose, load
from labeltool.prefill import prefill
from labeltool.project import Project

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer people; under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    people = 300 if options.quick else 3000
    model = load()
    imported, source = photos()
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(
            Path(folder) / "p", imported.document, imported.image_root, imported.skeleton, problems=imported.problems
        )
        with project:
            end_to_end, count = pre_fill_rate(project, model, people)
    bare = bare_rate(model, count)
    figures = {
        "photos": source,
        "people": count,
        "prefill_people_per_s": round(end_to_end, 1),
        "bare_people_per_s": round(bare, 1),
        "ratio": round(end_to_end / bare, 3),
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{count} people in photos of {source}")
    print(f"pre-fill from JPEG files  {end_to_end:8.1f} people/s")
    print(f"network on ready crops    {bare:8.1f} people/s")
    print(f"ratio                     {end_to_end / bare:8.3f}")


def photos() -> tuple[Imported, str]:
    """The photos to measure on, and their name."""
    lspet = REPO.parent / "shared" / "data" / "lspet"
    if lspet.is_dir():
        return read_lsp(lspet / "images", lspet / "joints.mat"), "LSP-extended"
    figures = REPO / "datasets" / "figures"
    return read_coco(figures / "images", figures / "annotations.json", None), "datasets/figures"


def pre_fill_rate(project: Project, model: DeepPose, people: int) -> tuple[float, int]:
    """(people a second, how many) of a pre-fill over the first photos of a project, about as many people as asked."""
    skipped = [image.id for image in project.images()][people:]
    project.add_predictions(model.name, model.version, model.weights_hash, {image_id: [] for image_id in skipped})
    start = time.perf_counter()
    report = prefill(project, model, batch=32)
    return report.people / (time.perf_counter() - start), report.people


def bare_rate(model: DeepPose, people: int) -> float:
    """People a second of the network alone on crops in memory."""
    crops = np.random.default_rng(0).integers(0, 255, (32, CROP_SIZE, CROP_SIZE, 3), dtype=np.uint8)
    squares = np.tile([0.0, 0.0, CROP_SIZE, CROP_SIZE], (32, 1))
    with torch.inference_mode():
        model.run(crops, squares)
        start = time.perf_counter()
        for _ in range(max(people // 32, 1)):
            model.run(crops, squares)
    return max(people // 32, 1) * 32 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
