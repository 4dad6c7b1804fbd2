"""Pre-fill end to end against the bare network: how much of the model's own rate is left when photos come from JPEG files.

The rival of a pre-fill is its own model: the same network, in the same process and on the same threads, on tensors that lie ready
in memory, in batches of 32. The figure is people a second of `labeltool prefill` (decode, crop, predict, store) over people a
second of that. The two take turns, a few hundred people each, so that both see the same machine; `peak_mb` is of the process.
`cpu_ratio` is the ratio by processor seconds, for a machine where something else runs as well.

Photos are those of ../shared/data/lspet beside the checkout where they are there, else the sample set of datasets/figures.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from labeltool.formats.coco import read_coco
from labeltool.formats.imported import Imported
from labeltool.formats.lsp import read_lsp
from labeltool.models.catalog import load_model
from labeltool.models.memory import keep_freed_memory
from labeltool.models.topdown import TopDown, autocast, to_input
from labeltool.prefill import prefill
from labeltool.project import Project

REPO = Path(__file__).resolve().parent.parent
MODELS = ("heatmap", "deeppose")
BARE_BATCH = 32


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer people; under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", choices=MODELS, action="append", help="this model only; may be given twice")
    parser.add_argument("--batch", type=int, default=16, help="photos a batch of the pre-fill [16, as the command's]")
    parser.add_argument("--plain-memory", action="store_true", help="leave the allocator as it is")
    options = parser.parse_args()
    if not options.plain_memory:
        keep_freed_memory()
    rounds, people = (2, 128) if options.quick else (6, 500)
    imported, source = photos()
    figures: dict[str, Any] = {"photos": source, "threads": torch.get_num_threads()}
    for name in options.model or MODELS:
        figures[name] = measure(cast("TopDown[Any]", load_model(name)), imported, rounds, people, options.batch)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"photos of {source}, {figures['threads']} threads")
    print(f"{'':<10}{'people':>8}{'pre-fill':>12}{'bare network':>14}{'ratio':>8}{'cpu ratio':>11}   (people a second)")
    for name in options.model or MODELS:
        row = figures[name]
        print(
            f"{name:<10}{row['people']:>8}{row['prefill_people_per_s']:>12.1f}{row['bare_people_per_s']:>14.1f}{row['ratio']:>8.3f}{row['cpu_ratio']:>11.3f}"
        )
    print(f"peak memory {figures['peak_mb']} MB")


def photos() -> tuple[Imported, str]:
    """The photos to measure on, and their name."""
    lspet = REPO.parent / "shared" / "data" / "lspet"
    if lspet.is_dir():
        return read_lsp(lspet / "images", lspet / "joints.mat"), "LSP-extended"
    figures = REPO / "datasets" / "figures"
    return read_coco(figures / "images", figures / "annotations.json", None), "datasets/figures"


def measure(model: TopDown[Any], imported: Imported, rounds: int, people: int, batch: int) -> dict[str, Any]:
    """The rates of one model: in turns a pre-fill of so many photos and the bare network on as many people."""
    document = imported.document
    count, seconds, bare_count, bare_seconds = 0, 0.0, 0, 0.0
    busy, bare_busy = 0.0, 0.0
    with torch.inference_mode():
        ready = to_input(
            torch.randint(0, 256, (BARE_BATCH, 3, model.size, model.size), dtype=torch.uint8), model.config
        )
    bare(model, ready, 1)
    for number in range(rounds):
        images = document.images[number * people : (number + 1) * people] or document.images[:people]
        ids = {image["id"] for image in images}
        own = [a for a in document.annotations if a["image_id"] in ids]
        part = replace(document, data=document.data | {"images": images, "annotations": own})
        with (
            tempfile.TemporaryDirectory() as folder,
            Project.create(Path(folder) / "p", part, imported.image_root, imported.skeleton) as project,
        ):
            if number == 0:  # what torch sets up at the first batch is not counted
                model.predict([np.zeros((64, 64, 3), np.uint8)] * batch, [None] * batch)
            start, processor = time.perf_counter(), time.process_time()
            count += prefill(project, model, batch=batch).people
            seconds += time.perf_counter() - start
            busy += time.process_time() - processor
        batches = max(people // BARE_BATCH, 1)
        processor = time.process_time()
        bare_seconds += bare(model, ready, batches)
        bare_busy += time.process_time() - processor
        bare_count += batches * BARE_BATCH
    rate, bare_rate = count / seconds, bare_count / bare_seconds
    return {
        "people": count,
        "prefill_people_per_s": round(rate, 1),
        "bare_people_per_s": round(bare_rate, 1),
        "ratio": round(rate / bare_rate, 3),
        "cpu_ratio": round((bare_busy / bare_count) / (busy / count), 3),
    }


def bare(model: TopDown[Any], ready: torch.Tensor, batches: int) -> float:
    """Seconds of the network alone on so many batches of tensors in memory."""
    with torch.inference_mode(), autocast(model.device):
        start = time.perf_counter()
        for _ in range(batches):
            model.network(ready)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
