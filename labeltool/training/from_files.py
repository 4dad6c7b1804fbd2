"""Training on label files: reads them, keeps the people to validate on apart, and trains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labeltool.errors import ModelError
from labeltool.formats.coco import read_coco
from labeltool.formats.lsp import read_lsp
from labeltool.models.deeppose import DeepPoseConfig
from labeltool.skeleton import Skeleton
from labeltool.training.deeppose import Schedule, train
from labeltool.training.samples import Person, Samples, cut_out, people_of

#: People are kept with so much room around their crop for turning and shifting it.
_ROOM = 1.35

#: The side in pixels of the crops kept in memory.
_KEPT_SIZE = 256


def train_on_files(
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
    """Trains DeepPose on label files and returns the path of the best checkpoint.

    Args:
        out: folder of the run (see `labeltool.training.deeppose.train`).
        sources: (COCO JSON or joints.mat, folder of its photos) pairs.
        skeleton: the joints to regress; every source is brought to it by name.
        schedule: how long and how fast.
        held_out: how many people, the last of the first source, are validated on and never trained on.
        init: weights to start from.
        version: written into the checkpoint.
        quiet: show no progress.

    Raises:
        ModelError: fewer people than are to be held out, or training failed.
    """
    config = DeepPoseConfig(skeleton)
    per_source = [read_people(labels, photos, skeleton) for labels, photos in sources]
    first = per_source[0]
    if not 0 < held_out < len(first):
        raise ModelError(
            f"{sources[0][0]}: {len(first)} labelled people, expected more than the {held_out} to validate on (at least 1)"
        )
    validation = cut_out(first[-held_out:], size=_KEPT_SIZE, reach=config.padding * _ROOM, quiet=quiet)
    training = Samples.join(
        [
            cut_out(people, size=_KEPT_SIZE, reach=config.padding * _ROOM, quiet=quiet)
            for people in [first[:-held_out], *per_source[1:]]
            if people
        ]
    )
    about = {
        "data": [
            {"labels": labels.name, "people": len(people)}
            for (labels, _), people in zip(sources, per_source, strict=True)
        ],
        "held_out": held_out,
        "labels_sha256": fingerprint(training),
    }
    return train(out, training, validation, config, schedule, init=init, version=version, about=about, quiet=quiet)


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
