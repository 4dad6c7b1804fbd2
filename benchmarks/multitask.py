"""The lecture's table at a machine's own scale: whether tasks learnt together help each other.

Four Mask R-CNNs, for detection (OD), with segmentation (IS), with pose (HPE) and with both, are trained on the same photos with
the same budget and held against the same unseen photos: AP of boxes, masks and joints, person category. The rival of each row is
the row before it in the lecture (Faster R-CNN 52.5; 53.6 / 45.8; 50.7 / 64.2; 52.0 / 45.1 / 64.7 on COCO), and the ratio printed
is pose AP with masks over pose AP without.

    python benchmarks/multitask.py [--coco ANNOTATIONS IMAGES] [--photos N] [--epochs N] [--out DIR] [--quick] [--json]

Without --coco it renders its own figures (`datasets/make_figures.py`), whose boxes, masks and joints are known. Photos of COCO
that are not there are left out, and one line says how many. All four start from the backbone of --init: by default that of the
shipped DeepPose, which has learnt poses. A run that was stopped goes on with the same --out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lspet import render

from labeltool.errors import CocoError, FormatError, ModelError
from labeltool.formats.coco import read_coco
from labeltool.models.mask_rcnn import MaskRcnnConfig, build, open_checkpoint, parse_tasks
from labeltool.models.weights import Checkpoint
from labeltool.skeleton import COCO_17, Skeleton
from labeltool.training.mask_rcnn import MaskRcnnTask, average_precisions
from labeltool.training.scene_files import start_from
from labeltool.training.scene_loop import SceneSchedule, fit_scenes
from labeltool.training.scene_views import Variation
from labeltool.training.scenes import Scene, read_scenes
from labeltool.training.starting import blaming, like, read_init

ROWS = ("od", "od,is", "od,hpe", "od,is,hpe")
LECTURE = {
    "od": (52.5, None, None),
    "od,is": (53.6, 45.8, None),
    "od,hpe": (50.7, None, 64.2),
    "od,is,hpe": (52.0, 45.1, 64.7),
}
MEASURES = ("ap_box", "ap_mask", "ap_keypoints")
ROOT = Path(__file__).resolve().parent.parent
#: Figures stand as people do in photos: views are neither turned nor covered.
UPRIGHT = Variation(rotation=0, rotated=0, full_circle=0, occlusion=0)
BACKBONE = ROOT / "labeltool" / "models" / "checkpoints" / "deeppose-lsp14.safetensors"


def main() -> None:
    """Trains, measures and prints."""
    parser = argparse.ArgumentParser(description="Detection, segmentation and pose learnt apart and together.")
    parser.add_argument("--coco", nargs=2, type=Path, metavar=("ANNOTATIONS", "IMAGES"), help="COCO keypoints to use")
    parser.add_argument("--photos", type=int, default=600, help="photos to learn from (600)")
    parser.add_argument(
        "--unseen", type=int, default=150, help="photos to choose the best epoch by (a quarter) and to measure on (150)"
    )
    parser.add_argument("--epochs", type=int, default=8, help="passes over the photos (8)")
    parser.add_argument("--side", type=int, default=192, help="shorter side of the photos in pixels (192)")
    parser.add_argument("--init", type=Path, default=BACKBONE, help="a checkpoint with the backbone to start from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of the runs; a temporary one without it")
    parser.add_argument("--quick", action="store_true", help="a few photos for one epoch: shows that it runs, no more")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.quick:
        options.photos, options.unseen, options.epochs, options.side = 8, 4, 1, 96
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        try:
            start = read_init(options.init)
            task_of(ROWS[0], start, options)
            training, unseen = scenes_of(options, out)
            rows = {tasks: row(tasks, training, unseen, start, options, out) for tasks in ROWS}
        except (ModelError, FormatError, CocoError) as error:
            parser.exit(1, f"{error}\n")
    with_masks, without = rows["od,is,hpe"]["ap_keypoints"], rows["od,hpe"]["ap_keypoints"]
    figures = {
        "photos": len(training),
        "people": sum(map(len, training)),
        "unseen_photos": len(unseen),
        "epochs": options.epochs,
        "rows": rows,
        "ratio": round(with_masks / without, 3) if without else None,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{len(training)} photos to learn from, {len(unseen)} unseen, {options.epochs} epochs each")
    print("AP x 100, the lecture's on COCO beside it")
    print(f"{'tasks':<12}" + "".join(f"{name[3:]:>10}{'lecture':>9}" for name in MEASURES))
    for tasks, found in rows.items():
        cells = (
            f"{'-' if found.get(m) is None else f'{100 * found[m]:.1f}':>10}{'-' if there is None else there:>9}"
            for m, there in zip(MEASURES, LECTURE[tasks], strict=True)
        )
        print(f"{tasks:<12}" + "".join(cells))
    print(f"pose AP with masks / without: {figures['ratio']}")


def scenes_of(options: argparse.Namespace, out: Path) -> tuple[list[Scene], list[Scene]]:
    """The photos to learn from and those to measure on."""
    if options.coco:
        imported = read_coco(options.coco[1], options.coco[0], None)
        found = read_scenes(imported.document, imported.image_root, COCO_17)
        scenes = [scene for scene in found if scene.image_id not in imported.problems]
        if len(scenes) < len(found):
            print(f"{len(found) - len(scenes):,} of {len(found):,} photos with people cannot be used", file=sys.stderr)
        order = np.random.default_rng(options.seed).permutation(len(scenes))
        shuffled = [scenes[i] for i in order]
        return shuffled[options.unseen :][: options.photos], shuffled[: options.unseen]
    return rendered(out / "learn", 300_000, options.photos), rendered(out / "unseen", 500, options.unseen)


def rendered(
    folder: Path, seed: int, count: int, people: str = "1-4", size: str = "320x240", skeleton: Skeleton = COCO_17
) -> list[Scene]:
    """Rendered photos with so many people each, whose joints are those of a skeleton; made in a folder unless they are there."""
    render(folder, seed, count, people, size, skeleton)
    imported = read_coco(folder / "images", folder / "annotations.json", None)
    return read_scenes(imported.document, imported.image_root, skeleton)


def task_of(tasks: str, start: Checkpoint, options: argparse.Namespace) -> MaskRcnnTask:
    """A network of these tasks with the backbone of the weights that it starts from.

    Raises:
        ModelError: there is no such network, or the weights do not hold its backbone.
    """
    torch.manual_seed(options.seed)
    with blaming(start, unless=False):
        config = MaskRcnnConfig(
            COCO_17, parse_tasks(tasks), **(like(start, "mask-rcnn", MaskRcnnConfig) | {"side": options.side})
        )
        task = MaskRcnnTask(build(config), config)
    start_from(task.network, start)
    return task


def row(
    tasks: str, training: list[Scene], unseen: list[Scene], start: Checkpoint, options: argparse.Namespace, out: Path
) -> dict[str, Any]:
    """One row of the table: its AP by measure."""
    task = task_of(tasks, start, options)
    schedule = SceneSchedule(epochs=options.epochs, batch=8, rate=1e-3, seed=options.seed, variation=UPRIGHT)
    chosen_by = len(unseen) // 4  # the photos that choose the best epoch are not those that measure it
    best = fit_scenes(
        out / tasks.replace(",", "-"), task, training, unseen[:chosen_by], schedule, quiet=options.json or options.quick
    )
    model = open_checkpoint(best, "cpu")
    found = average_precisions(model.network, model.config, unseen[chosen_by:])
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
