"""What each stage of the shipped DeepPose gains, on people it was never trained on: LSP-extended im08501..im09000.

Detection rates over t = 0 .. 0.5 after each stage, and the paired difference at 0.2 of each stage against the one before, with
its 95 % interval (a bootstrap over photos). The person box is the tight box of the labelled joints; the model pads it by 1.25.

    python benchmarks/deeppose_stages.py [--lspet DIR] [--weights FILE] [--svg FILE] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lspet import LSPET

from labeltool.audit.by_image import OVERALL
from labeltool.audit.intervals import wilson
from labeltool.audit.people import FloatArray
from labeltool.audit.stages import StageGains, stage_gains
from labeltool.geometry import denormalise
from labeltool.images import crop_photo, load_photo
from labeltool.models.deeppose import DeepPose, load
from labeltool.models.topdown import autocast, crop_boxes, to_input
from labeltool.skeleton import LSP_14
from labeltool.training.measuring import labels_of
from labeltool.training.samples import Person
from labeltool.training.sources import read_people


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The stages of DeepPose on im08501..im09000 of LSP-extended.")
    parser.add_argument("--lspet", type=Path, default=LSPET, help="folder with images/ and joints.mat")
    parser.add_argument("--weights", type=Path, help="another checkpoint than the shipped one")
    parser.add_argument("--svg", type=Path, help="draw the detection-rate curves into this file")
    parser.add_argument("--quick", action="store_true", help="the last 100 people only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    model = load(options.weights)
    everybody = read_people(options.lspet / "joints.mat", options.lspet / "images", LSP_14)
    people = everybody[-(100 if options.quick else 500) :]
    labels = labels_of(people)
    poses, speeds = all_stages(model, people)
    found = stage_gains(labels, poses, LSP_14)
    if options.svg is not None:
        from labeltool.report.charts import stage_chart
        from labeltool.report.svg import to_svg

        options.svg.write_text(to_svg(stage_chart(found.curve()), "stages"), encoding="utf-8")
    if options.json:
        print(json.dumps({"people": len(labels), "weights": model.weights_hash, "stages": rows(found, speeds)}))
        return
    print(f"{len(labels)} people, weights {model.weights_hash[:12]}, {model.stages} stages")
    for row in rows(found, speeds):
        gain = row.get("gain@0.2")
        shown = "" if gain is None else f"  gain {gain[0]:+.4f} ({gain[1]:+.4f} to {gain[2]:+.4f})"
        at = "  ".join(f"PDJ@{t:g} {row[f'pdj@{t:g}']:.3f}" for t in (0.1, 0.2, 0.5))
        print(f"stage {row['stage']}  {at}  area {row['auc']:.3f}  {row['people/s']:.1f} people/s{shown}")
    print(
        f"{'joint':<16}" + "".join(f"{f'stage {s}':>10}" for s in range(1, model.stages + 1)) + "  interval of the last"
    )
    for k, joint in enumerate(LSP_14.joints):
        rates = [int(c.at(0.2)[k]) / max(int(c.counted[k]), 1) for c in found.counts]
        low, high = wilson(found.counts[-1].at(0.2)[k : k + 1], found.counts[-1].counted[k : k + 1])
        print(f"{joint:<16}" + "".join(f"{r:>10.3f}" for r in rates) + f"  {float(low[0]):.3f} to {float(high[0]):.3f}")


def all_stages(model: DeepPose, people: Sequence[Person]) -> tuple[list[FloatArray], list[float]]:
    """The joints (N, K, 2) after each stage, and the people a second that reach it from decoded photos."""
    poses: list[list[FloatArray]] = [[] for _ in range(model.stages)]
    for first in range(0, len(people), 16):
        shown = [load_photo(person.photo) for person in people[first : first + 16]]
        squares = [
            crop_boxes(person.box[None], photo, model.config.padding)
            for person, photo in zip(people[first : first + 16], shown, strict=True)
        ]
        crops = np.stack([crop_photo(photo, s[0], model.size) for photo, s in zip(shown, squares, strict=True)])
        with torch.inference_mode(), autocast(model.device):
            photos = torch.from_numpy(crops).to(model.device).permute(0, 3, 1, 2)
            found = model.network.every_stage(to_input(photos, model.config))
        for stage, (joints, _) in enumerate(found):
            normalised = joints.double().cpu().numpy()
            poses[stage].append(denormalise(normalised, np.concatenate(squares)).astype(np.float64) - 0.5)
    return [np.concatenate(parts) for parts in poses], [
        speed(model.after(s), people) for s in range(1, model.stages + 1)
    ]


def speed(model: DeepPose, people: Sequence[Person]) -> float:
    """People a second, of the first 48, the fastest of three batches of 16."""
    fastest = np.inf
    for first in range(0, 48, 16):
        some = people[first : first + 16]
        shown = [load_photo(person.photo) for person in some]
        start = time.perf_counter()
        model.predict(shown, [person.box[None] for person in some])
        fastest = min(fastest, time.perf_counter() - start)
    return len(some) / fastest


def rows(found: StageGains, speeds: list[float]) -> list[dict[str, Any]]:
    """A row a stage: PDJ, area under the curve, speed, and what it gains over the stage before."""
    table = []
    for stage, (counts, fast) in enumerate(zip(found.counts, speeds, strict=True), 1):
        at = dict(zip(counts.thresholds, counts.overall(), strict=True))
        row: dict[str, Any] = {"stage": stage} | {f"pdj@{t:g}": round(float(at[t]), 4) for t in (0.1, 0.2, 0.5)}
        row |= {"auc": round(counts.auc(), 4), "people/s": round(fast, 1)}
        if stage > 1:
            gain = found.gains[stage - 2][("pdj@0.2", OVERALL)]
            row["gain@0.2"] = [round(value, 4) for value in (gain.value, gain.low, gain.high)]
        row["curve"] = [round(float(rate), 4) for rate in counts.overall()]
        table.append(row)
    return table


if __name__ == "__main__":
    main()
