"""Keypoint R-CNN as labeltool runs it against a plain torchvision loop in float32 over the same photos, in turns.

The rival is what torchvision's documentation shows: `keypointrcnn_resnet50_fpn`, defaults throughout, one photo after the other
from a JPEG file under `torch.inference_mode()`. Each side is a process of its own, as a user's script would be, on as many
threads as the machine has cores; only one works at a time, and they take turns (A B B A ...) over blocks of photos.

Both answers are held to what labeltool keeps: scores from `LEAST_SCORE` on, at most `MOST_PEOPLE` a photo. `ks` is the keypoint
similarity of the two (COCO's formula, with the box's area); a person that only one of them has counts as 0. Processor seconds
tell how the two compare on a machine where something else runs as well.

With `--weights FILE` the network is the published one. Without, it has the same architecture and random weights: the convolutions
do the same work, normalisation has the statistics of some of the photos, and the classifier is shifted so that a photo has on
average 6 detections above .05 (torchvision's threshold) and 2 above .5. Nothing that it finds is a person, and the rates with the
published weights differ as far as they find more or fewer.

Photos are those of ../shared/data beside the checkout where they are there (COCO and LSP-extended in turns), else the sample set.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d, nms

from labeltool.audit.oks import keypoint_similarity
from labeltool.demo import sample_data
from labeltool.geometry import box_iou
from labeltool.images import load_photo
from labeltool.models.base import Poses
from labeltool.models.keypoint_rcnn import (
    LEAST_SCORE,
    load,
    named_anew,
    normalisation_eps,
    poses_of,
    read_weights,
)
from labeltool.models.memory import keep_freed_memory
from labeltool.skeleton import COCO_17

REPO = Path(__file__).resolve().parent.parent
SIDES = ("labeltool", "torchvision")

#: So many of the photos are looked at for random weights: each takes 8 seconds.
CALIBRATED_ON = 1

#: On average so many detections a photo from these scores on, of a network with random weights.
RANDOM_DETECTIONS = ((0.05, 6.0), (0.5, 2.0))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 photos; under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--photos", type=int, help="so many photos [60]")
    parser.add_argument("--weights", type=Path, help="the published weights, or your own of the same architecture")
    options = parser.parse_args()
    source, files = photos(options.photos or (2 if options.quick else 60))
    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights or random_weights(files, Path(folder) / "random.pth")
        figures = measure(files, weights)
    figures = {"photos": len(files), "source": source, "weights": str(options.weights or "random")} | figures
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{len(files)} photos of {source}, {figures['threads']} threads")
    if options.weights is None:
        print("random weights of the same architecture, calibrated on the photos: the work is real, the people are not")
    for side in SIDES:
        print(
            f"{side:<14}{figures[f'{side}_photos_per_s']:8.3f} photos/s"
            f"{figures[f'{side}_cpu_s_per_photo']:8.2f} processor s a photo{figures[f'{side}_peak_mb']:8.0f} MB at the peak"
        )
    print(f"{'ratio':<14}{figures['ratio']:8.2f}, by processor seconds {figures['cpu_ratio']:.2f}")
    print(f"{'people':<14}{figures['people']:8d} kept by either, {figures['people_of_both']} by both")
    print(f"{'mean ks':<14}{figures['mean_ks']:8.4f}, least {figures['least_ks']:.4f}")


def measure(files: Sequence[Path], weights: Path) -> dict[str, Any]:
    """The figures over these photos."""
    size = min(max(len(files) // 4, 1), 4)
    blocks = [list(files[i : i + size]) for i in range(0, len(files), size)]
    found: dict[str, list[Poses]] = {side: [] for side in SIDES}
    seconds, busy = dict.fromkeys(SIDES, 0.0), dict.fromkeys(SIDES, 0.0)
    peak = {}
    context = multiprocessing.get_context("spawn")
    workers = {side: context.Pipe() for side in SIDES}
    processes = [context.Process(target=work, args=(side, weights, workers[side][1])) for side in SIDES]
    for process in processes:
        process.start()
    try:
        for side in SIDES:
            ask(workers[side][0], blocks[0][:1])  # what each sets up at the first photo is not counted
        for number, block in enumerate(blocks):
            for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                poses, took, processor, peak[side] = ask(workers[side][0], block)
                found[side] += poses
                seconds[side] += took
                busy[side] += processor
    finally:
        for process in processes:
            process.terminate()
            process.join()
    rates = {side: len(files) / seconds[side] for side in SIDES}
    return {
        "threads": os.cpu_count(),
        **{f"{side}_photos_per_s": round(rates[side], 4) for side in SIDES},
        **{f"{side}_peak_mb": round(peak[side]) for side in SIDES},
        **{f"{side}_cpu_s_per_photo": round(busy[side] / len(files), 2) for side in SIDES},
        "ratio": round(rates[SIDES[0]] / rates[SIDES[1]], 2),
        "cpu_ratio": round(busy[SIDES[1]] / busy[SIDES[0]], 2),
        **agreement(found[SIDES[0]], found[SIDES[1]]),
    }


def ask(
    worker: multiprocessing.connection.Connection, files: Sequence[Path]
) -> tuple[list[Poses], float, float, float]:
    """What a side answers to photos: people, seconds, processor seconds, its peak memory in MB."""
    worker.send(files)
    answer = worker.recv()
    return cast("tuple[list[Poses], float, float, float]", answer)


def work(side: str, weights: Path, parent: multiprocessing.connection.Connection) -> None:
    """The process of one side: answers lists of photos until it is ended."""
    torch.set_num_threads(os.cpu_count() or 1)
    if side == "labeltool":
        keep_freed_memory()
        model = load(weights, "cpu")
    else:
        network = plain_network(weights)
    while True:
        files = parent.recv()
        start, processor = time.perf_counter(), time.process_time()
        if side == "labeltool":
            poses = [model.predict([load_photo(file)], [None])[0] for file in files]
        else:
            poses = [plain(network, file) for file in files]
        took, processor = time.perf_counter() - start, time.process_time() - processor
        parent.send((poses, took, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def plain_network(weights: Path) -> KeypointRCNN:
    """Torchvision's network as `keypointrcnn_resnet50_fpn(weights=...)` builds it, from a file."""
    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=3)
    network = KeypointRCNN(backbone, num_classes=2)
    tensors, digest = read_weights(weights)
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = normalisation_eps(digest)
    network.load_state_dict(named_anew(tensors, network))
    return network.eval()


def plain(network: KeypointRCNN, file: Path) -> Poses:
    """The people of one photo, as the plain loop finds them; those that labeltool would leave out are left out afterwards."""
    with torch.inference_mode():
        photo = torch.tensor(load_photo(file)).permute(2, 0, 1).float() / 255
        found: Mapping[str, Tensor] = network([photo])[0]
    kept = found["scores"] >= LEAST_SCORE
    return poses_of({key: value[kept] for key, value in found.items()}, len(COCO_17))


def agreement(ours: Sequence[Poses], theirs: Sequence[Poses]) -> dict[str, Any]:
    """How many people both have, and the similarity of their joints."""
    values: list[float] = []
    both = 0
    for a, b in zip(ours, theirs, strict=True):
        free = set(range(len(b)))
        for row in range(len(a)):
            overlap = box_iou(a.boxes[row : row + 1], b.boxes)[0] if free else np.zeros(len(b))
            match = max(free, key=lambda i: overlap[i], default=None)
            if match is None or overlap[match] < 0.9:
                values.append(0.0)
                continue
            free.remove(match)
            both += 1
            area = float(b.boxes[match, 2] * b.boxes[match, 3])
            ks = keypoint_similarity(a.xy[row : row + 1], b.xy[match : match + 1], [area], COCO_17.sigmas)
            values.append(float(ks.mean()))
        values += [0.0] * len(free)
    return {
        "people": len(values),
        "people_of_both": both,
        "mean_ks": round(float(np.mean(values)), 5) if values else float("nan"),
        "least_ks": round(min(values, default=float("nan")), 5),
    }


def photos(count: int) -> tuple[str, list[Path]]:
    """The photos to measure on, and where they come from."""
    shared = REPO.parent / "shared" / "data"
    sets = [sorted((shared / name / "images").glob("*.jpg")) for name in ("coco-mini", "lspet")]
    if not all(sets):
        return "the sample set", sorted((sample_data() / "images").glob("*.jpg"))[:count]
    mixed = chain.from_iterable(zip_longest(*(some[:count] for some in sets)))
    return "COCO and LSP-extended", [file for file in mixed if file is not None][:count]


def random_weights(files: Iterable[Path], out: Path) -> Path:
    """A file of random weights with which a photo has about `RANDOM_DETECTIONS`."""
    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50",
        weights=None,
        trainable_layers=5,
        norm_layer=lambda c: nn.BatchNorm2d(c, momentum=None),
    )
    network = KeypointRCNN(backbone, num_classes=2)
    heads = cast("Any", network.roi_heads)
    some = [torch.tensor(load_photo(file)).permute(2, 0, 1).float() / 255 for file in list(files)[:CALIBRATED_ON]]
    kept = []

    def collect(_: nn.Module, given: tuple[Any, ...], answer: tuple[Tensor, Tensor]) -> None:
        kept.append(answer[0][:, 1] - answer[0][:, 0])

    with torch.inference_mode():
        network.eval()
        backbone.train()
        for photo in some:
            backbone(functional.interpolate(network.transform([photo])[0].tensors, scale_factor=0.5))
        backbone.eval()
        heads.box_predictor.register_forward_hook(collect)
        proposals = []
        heads.box_roi_pool.register_forward_pre_hook(lambda _, given: proposals.extend(given[1]))
        heads.score_thresh = 2.0  # nobody is kept: the joints are not looked for
        for photo in some:
            network([photo])
    survivors = torch.cat([d[nms(p, d, heads.nms_thresh)] for p, d in zip(proposals, kept, strict=True)])
    ordered = survivors.sort(descending=True).values
    cuts = [float(ordered[round(number * len(some))]) for _, number in RANDOM_DETECTIONS]
    logits = [float(np.log(score / (1 - score))) for score, _ in RANDOM_DETECTIONS]
    slope = (logits[1] - logits[0]) / max(cuts[1] - cuts[0], 1e-6)
    with torch.no_grad():
        heads.box_predictor.cls_score.weight *= slope
        heads.box_predictor.cls_score.bias *= slope
        heads.box_predictor.cls_score.bias[1] += logits[0] - slope * cuts[0]
    tensors = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(tensors, out)
    return out


if __name__ == "__main__":
    main()
