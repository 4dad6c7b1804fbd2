"""Training on labels: reads them, keeps the people to validate on apart, trains, calibrates, and writes the model's card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.models import deeppose, heatmap
from labeltool.models.backbones import published_backbone
from labeltool.models.deeppose import DeepPoseConfig, DeepPoseNetwork
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import (
    Checkpoint,
    add_description,
    choose_device,
    load_into,
    read_checkpoint,
)
from labeltool.project.versions import validated_people
from labeltool.skeleton import Skeleton
from labeltool.training.card import write_card
from labeltool.training.cascade import train_cascade
from labeltool.training.cascade_options import Cascade
from labeltool.training.deeppose import DeepPoseTask, calibrate_deeppose, initialise
from labeltool.training.heatmap import TEACHER_SHARE, HeatmapTask, Teacher
from labeltool.training.loop import Schedule, detection_rate, fit
from labeltool.training.samples import Part, Person, Samples, cut_out
from labeltool.training.sources import MOST_HELD_OUT, Source, read_source, split_by_photo, split_for_good
from labeltool.training.starting import (
    announce,
    blaming,
    by_joint,
    freeze,
    like,
    lineage,
    read_init,
    unlearnt_joints,
    without,
)

#: People are kept with so much room around their crop for turning and shifting it.
_ROOM = 1.35

#: The crops kept in memory have at least so many pixels a side: a view of a zoom of 1 has about 190 of them.
_LEAST_KEPT = 256


#: The models that can be trained, by name.
TRAINABLE = ("deeppose", "heatmap")


def train_on_files(
    model: str,
    out: Path,
    sources: Sequence[Source],
    skeleton: Skeleton,
    schedule: Schedule,
    *,
    held_out: int | None = None,
    init: Path | None = None,
    cascade: Cascade | None = None,
    backbone: str | None = None,
    pretrained: bool = False,
    side: int | None = None,
    frozen: bool = False,
    teacher: Path | None = None,
    teacher_share: float = TEACHER_SHARE,
    version: str = "1",
    licence: str = "not stated",
    device: str = "auto",
    quiet: bool = False,
) -> Path:
    """Trains a model on labels and returns the path of the best checkpoint; its card lies beside it as `card.md`.

    Args:
        model: one of `TRAINABLE`.
        out: folder of the run (see `labeltool.training.loop.fit`).
        sources: label files and projects.
        skeleton: the joints to learn; every source is brought to it by name.
        schedule: how long and how fast.
        held_out: how many people, those on the last photos of the first source, are validated on and never trained on; by
            default a fifth of them, at most 500; of a project those of `labeltool.training.sources.split_for_good`.
        init: weights to start from: a backbone's, or a checkpoint of the same kind of model.
        cascade: DeepPose's stages; by default stage 1 alone.
        backbone: of the network (of DeepPose's stage 1); by default that of the checkpoint it starts from, else
            EfficientNet-Lite0.
        pretrained: start from the backbone's published weights, downloaded once; not with `init`.
        side: of the heatmap model's crops, pixels; by default that of the heatmap checkpoint it starts from, else 192.
        frozen: keep the first layers of the heatmap model's backbone as `init` has them: a third of the time off a step.
        teacher: a heatmap checkpoint whose maps are learnt beside the labels, of labelled joints of people of sources without
            `per_epoch`.
        teacher_share: of the loss of those people.
        version: written into the checkpoint.
        licence: of the weights, for the card.
        device: to train on, a torch device; `auto` takes a GPU where there is one.
        quiet: show no progress.

    Raises:
        ModelError: an unknown model, a source without labels, fewer people than are to be held out, weights that do not fit, or
            a training that failed.
    """
    where = choose_device(device)
    torch.manual_seed(schedule.seed)
    stages = cascade or Cascade()
    start = None if init is None else read_init(init)
    task = make_task(model, skeleton, backbone, side, start=start)
    if start is None and pretrained:
        start = published_backbone(task.config.backbone)
    if model != "heatmap" and schedule.stages:
        raise ModelError(f"{model}: crops are always {task.size} px, expected no stages of other sizes")
    for stage in schedule.stages:
        if stage.size is not None:
            HeatmapConfig(skeleton, side=stage.size)
    given = start
    answers = False  # does what it starts from tell these joints itself?
    if start is not None:
        start, told = by_joint(start, model, task.network, skeleton)
        answers = not told and start.description.get("model") == model
        if told and not quiet:
            tqdm.write(told)
        initialise(task.network, start)
    taught_by = None
    if teacher is not None:
        if not isinstance(task, HeatmapTask):
            raise ModelError(f"{model}: has no maps to be taught, expected the heatmap model with a teacher")
        taught_by = Teacher.open(teacher, task.config, teacher_share, where)
        task = replace(task, teacher=taught_by)
    if frozen:
        freeze(task.network, start, model, "heatmap")
    left_out: list[str] = []
    per_source = [read_source(source, skeleton, left_out.append) for source in sources]
    by_lot = held_out is None and sources[0].is_project
    if by_lot:
        before = validated_people(sources[0].labels)
        kept, unseen = split_for_good(per_source[0], str(sources[0].labels), before)
    else:
        if held_out is None:
            held_out = min(MOST_HELD_OUT, max(1, len(per_source[0]) // 5))
        kept, unseen = split_by_photo(per_source[0], held_out, str(sources[0].labels))
    taken: list[list[Person]] = [kept, *per_source[1:]]
    expect_apart((p.photo for p in unseen), (p.photo for people in taken for p in people), sources)
    reach = task.padding * _ROOM
    size = kept_size(task.size) * stages.zoom
    if not quiet:
        announce([len(people) for people in taken], len(unseen), left_out, "people")
    labelled = torch.from_numpy(np.stack([person.v > 0 for people in taken for person in people]))
    task = without(task, unlearnt_joints(labelled, given, model, skeleton))
    validation = cut_out(unseen, size=size, reach=reach, quiet=quiet)
    training = Samples.join([cut_out(people, size=size, reach=reach, quiet=quiet) for people in taken])
    parts = [Part(len(p), s.per_epoch, taught=s.per_epoch is None) for p, s in zip(taken, sources, strict=True)]
    data = [_about(source, people) for source, people in zip(sources, taken, strict=True)]
    about: dict[str, Any] = {
        "data": data,
        "held_out": len(unseen),
        **({"by_lot": True} if by_lot else {}),
        **({"validated": [p.number for p in unseen]} if sources[0].is_project else {}),
        "labels_sha256": fingerprint(training),
        "validation_sha256": fingerprint(validation),
        **lineage(given, data),
        "licence": licence,
        **({"left_out": left_out} if left_out else {}),
        **({"frozen": True} if frozen else {}),
        **({} if taught_by is None else {"teacher": {"sha256": taught_by.sha256, "share": taught_by.share}}),
    }
    began_at = None
    if isinstance(task, DeepPoseTask) and stages.refiners:
        best = train_cascade(
            out,
            task.config,
            stages.refiners,
            training,
            validation,
            schedule,
            init=start,
            from_stage=stages.from_stage,
            pretrained=pretrained,
            parts=parts,
            version=version,
            about=about,
            device=where,
            quiet=quiet,
        )
    else:
        if answers:
            began_at = detection_rate(task, task.network.to(where), validation)
        best = fit(
            out,
            task,
            training,
            validation,
            schedule,
            parts=parts,
            version=version,
            about=about,
            device=where,
            quiet=quiet,
        )
    if isinstance(task, HeatmapTask):
        calibrate(best, task, validation)
    else:
        calibrate_deeppose(best, validation)
    if began_at is not None:
        add_description(best, {"before": {"pdj@0.2": began_at}})
    write_card(out, best, unseen, quiet=quiet)
    return best


def kept_size(side: int) -> int:
    """The side in pixels of the crops kept in memory, such that plain views of `side` pixels are cut from them without enlarging.

    Crops that a model is asked about later are that sharp: asked at 224 px, the heatmap model that had learnt from views with 190
    pixels of them lost .01 of PDJ@0.2 against what it got right of such views.
    """
    return max(_LEAST_KEPT, round(side * _ROOM))


def calibrate(path: Path, task: HeatmapTask, validation: Samples) -> None:
    """Fits the confidence of a checkpoint on the people it was validated on, and writes it into its description.

    Raises:
        ModelError: the checkpoint is damaged or cannot be written, or nobody has a labelled torso.
    """
    load_into(task.network, read_checkpoint(path).tensors, str(path))
    add_description(path, {"config": task.calibrated(task.network, validation).to_json()})


def make_task(
    model: str,
    skeleton: Skeleton,
    backbone: str | None = None,
    side: int | None = None,
    *,
    start: Checkpoint | None = None,
) -> DeepPoseTask | HeatmapTask:
    """A new network of that kind, ready to be trained.

    Args:
        model: one of `TRAINABLE`.
        skeleton: the joints to learn.
        backbone: by default that of `start`, else EfficientNet-Lite0.
        side: of the heatmap model's crops, pixels; by default that of `start` if it is a heatmap checkpoint, else 192.
        start: the weights it is to start from, like whose network it is made (see `labeltool.training.starting.like`).

    Raises:
        ModelError: the model is not one of `TRAINABLE`, there is no such backbone, or the side is no multiple of 32.
    """
    named = {} if side is None or model != "heatmap" else {"side": side}
    with blaming(start, unless=bool(named) or backbone is not None):
        if model == "deeppose":
            regression = DeepPoseConfig(skeleton, **like(start, model, DeepPoseConfig, backbone))
            return DeepPoseTask(DeepPoseNetwork(regression), regression)
        if model == "heatmap":
            maps = HeatmapConfig(skeleton, **(like(start, model, HeatmapConfig, backbone) | named))
            return HeatmapTask(HeatmapNetwork(maps), maps)
    raise ModelError(f"model {model!r}: cannot be trained, expected one of {', '.join(TRAINABLE)}")


def shipped_weights(model: str) -> Path:
    """The shipped checkpoint that a model learns on from: its own, or the heatmap model's, of which it takes what fits."""
    return deeppose.SHIPPED if model == "deeppose" else heatmap.SHIPPED


def fingerprint(samples: Samples) -> str:
    """The SHA-256 of the joints of samples, hexadecimal."""
    digest = hashlib.sha256(np.ascontiguousarray(samples.xy).tobytes())
    digest.update(np.ascontiguousarray(samples.v).tobytes())
    return digest.hexdigest()


def expect_apart(unseen: Iterable[Path], seen: Iterable[Path], sources: Sequence[Source]) -> None:
    """Nothing, when no photo to validate on is trained on by another source.

    Raises:
        ModelError: one is.
    """
    taught = {photo.resolve() for photo in set(seen)}
    for photo in unseen:
        if photo.resolve() in taught:
            raise ModelError(
                f"{photo}: is to be validated on and also in another of the {len(sources)} sources,"
                " expected no photo on both sides"
            )


def _about(source: Source, people: Sequence[Person]) -> dict[str, Any]:
    return {
        "labels": source.labels.name,
        "project": source.is_project,
        "people": len(people),
        "photos": len({person.photo for person in people}),
        "per_epoch": source.per_epoch,
        "sha256": source.sha256(),
        **({"learnt": sorted(p.number for p in people if p.number is not None)} if source.is_project else {}),
    }
