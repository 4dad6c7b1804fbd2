"""Training on label files: reads them, keeps the people to validate on apart, and trains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from labeltool.errors import ModelError
from labeltool.formats.coco import read_coco
from labeltool.formats.lsp import read_lsp
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import read_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.deeppose import DeepPoseTask, initialise
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Schedule, fit
from labeltool.training.samples import Person, Samples, cut_out, people_of

#: People are kept with so much room around their crop for turning and shifting it.
_ROOM = 1.35

#: The side in pixels of the crops kept in memory.
_KEPT_SIZE = 256


#: The models that can be trained, by name.
TRAINABLE = ("deeppose", "heatmap")


def train_on_files(
    model: str,
    out: Path,
    sources: Sequence[tuple[Path, Path]],
    skeleton: Skeleton,
    schedule: Schedule,
    *,
    held_out: int,
    init: Path | None = None,
    version: str = "1",
    quiet: bool = False,
) -> Path:
    """Trains a model on label files and returns the path of the best checkpoint.

    Args:
        model: one of `TRAINABLE`.
        out: folder of the run (see `labeltool.training.loop.fit`).
        sources: (COCO JSON or joints.mat, folder of its photos) pairs.
        skeleton: the joints to learn; every source is brought to it by name.
        schedule: how long and how fast.
        held_out: how many people, the last of the first source, are validated on and never trained on.
        init: weights to start from: a backbone's, or a checkpoint of the same kind of model.
        version: written into the checkpoint.
        quiet: show no progress.

    Raises:
        ModelError: an unknown model, fewer people than are to be held out, weights that do not fit, or a training that failed.
    """
    torch.manual_seed(schedule.seed)
    task = make_task(model, skeleton)
    if init is not None:
        initialise(task.network, read_checkpoint(init))
    per_source = [read_people(labels, photos, skeleton) for labels, photos in sources]
    first = per_source[0]
    if not 0 < held_out < len(first):
        raise ModelError(
            f"{sources[0][0]}: {len(first)} labelled people, expected more than the {held_out} to validate on (at least 1)"
        )
    reach = task.padding * _ROOM
    validation = cut_out(first[-held_out:], size=_KEPT_SIZE, reach=reach, quiet=quiet)
    parts = [people for people in (first[:-held_out], *per_source[1:]) if people]
    training = Samples.join([cut_out(people, size=_KEPT_SIZE, reach=reach, quiet=quiet) for people in parts])
    about = {
        "data": [
            {"labels": labels.name, "people": len(people)}
            for (labels, _), people in zip(sources, per_source, strict=True)
        ],
        "held_out": held_out,
        "labels_sha256": fingerprint(training),
    }
    return fit(out, task, training, validation, schedule, version=version, about=about, quiet=quiet)


def make_task(model: str, skeleton: Skeleton) -> DeepPoseTask | HeatmapTask:
    """A new network of that kind, ready to be trained.

    Raises:
        ModelError: the model is not one of `TRAINABLE`.
    """
    if model == "deeppose":
        deeppose = DeepPoseConfig(skeleton)
        return DeepPoseTask(DeepPoseNetwork(deeppose), deeppose)
    if model == "heatmap":
        heatmap = HeatmapConfig(skeleton)
        return HeatmapTask(HeatmapNetwork(heatmap), heatmap)
    raise ModelError(f"model {model!r}: cannot be trained, expected one of {', '.join(TRAINABLE)}")


def read_people(labels: Path, photos: Path, skeleton: Skeleton) -> list[Person]:
    """The labelled people of a file; LSP's have the tight box of their joints.

    Raises:
        FormatError: the file is no COCO JSON and no joints.mat.
    """
    if labels.suffix == ".mat":
        imported = read_lsp(photos, labels)
    else:
        imported = read_coco(photos, labels, None)
    broken = {image["file_name"] for image in imported.document.images if image["id"] in imported.problems}
    people = people_of(imported.document, imported.image_root, skeleton)
    return [p for p in people if p.photo.relative_to(imported.image_root).as_posix() not in broken]


def fingerprint(samples: Samples) -> str:
    """The SHA-256 of the joints that were trained on, hexadecimal."""
    digest = hashlib.sha256(np.ascontiguousarray(samples.xy).tobytes())
    digest.update(np.ascontiguousarray(samples.v).tobytes())
    return digest.hexdigest()
