"""Training models of whole photos on labels: reads the photos, keeps those to validate on apart, and trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from labeltool.coco.document import CocoDocument
from labeltool.errors import ModelError
from labeltool.formats.coco import read_coco
from labeltool.models.backbones import published_backbone
from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork
from labeltool.models.mask_rcnn import TASKS, MaskRcnnConfig, build
from labeltool.models.weights import Checkpoint, choose_device
from labeltool.project import Project
from labeltool.project.versions import validated_people
from labeltool.skeleton import Skeleton
from labeltool.training.bottom_up import BottomUpTask
from labeltool.training.from_files import expect_apart
from labeltool.training.mask_rcnn import MaskRcnnTask
from labeltool.training.samples import Person, labels_not_learnt
from labeltool.training.scene_card import outline_lines, write_scene_card
from labeltool.training.scene_loop import SceneSchedule, SceneTask, fit_scenes
from labeltool.training.scenes import Scene, outlined, read_scenes
from labeltool.training.sources import Source, split_for_good, unusable
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

#: The models of whole photos that can be trained, by name.
SCENE_MODELS = ("mask-rcnn", "bottom-up")

#: So many photos are validated on at most, unless more are asked for.
_MOST_HELD_OUT = 200


def train_on_scenes(
    model: str,
    out: Path,
    sources: Sequence[Source],
    skeleton: Skeleton,
    schedule: SceneSchedule,
    *,
    tasks: tuple[str, ...] = TASKS,
    held_out: int | None = None,
    init: Path | None = None,
    backbone: str | None = None,
    pretrained: bool = False,
    frozen: bool = False,
    version: str = "1",
    licence: str = "not stated",
    device: str = "auto",
    quiet: bool = False,
) -> Path:
    """Trains a model of whole photos and returns the path of the best checkpoint; its card lies beside it as `card.md`.

    Args:
        model: one of `SCENE_MODELS`.
        out: folder of the run (see `labeltool.training.scene_loop.fit_scenes`).
        sources: COCO files with their photos, and projects, of which the photos that are done are taken.
        skeleton: the joints to learn; every source is brought to it by name.
        schedule: how long and how fast.
        tasks: of Mask R-CNN, some of `TASKS`.
        held_out: how many photos, the last of the first source, are validated on and never trained on; by default a fifth of
            them, at most 200; of a project those of `labeltool.training.sources.split_for_good`.
        init: weights to start from: a backbone's, or a checkpoint, of which all tensors that fit are taken, and its backbone.
        backbone: of the network; by default that of the checkpoint it starts from, else EfficientNet-Lite0.
        pretrained: start from the backbone's published weights, downloaded once; not with `init`.
        frozen: the first layers of the bottom-up model's backbone stay as `init` has them.
        version: written into the checkpoint.
        licence: of the weights, written into the checkpoint.
        device: to train on, a torch device; `auto` takes a GPU where there is one.
        quiet: show no progress.

    Raises:
        ModelError: an unknown model, a source without people, or without labelled joints where joints are learnt, nobody with an
            outline where masks are, a box that is none, fewer photos than are to be held out, a photo on both sides, weights
            that do not fit, layers to freeze that start by chance, or a training that failed.
        FormatError, ProjectError: a source cannot be read.
    """
    chosen = choose_device(device)
    torch.manual_seed(schedule.seed)
    given = None if init is None else read_init(init)
    task = make_scene_task(model, skeleton, tasks, backbone=backbone, start=given)
    if given is None and pretrained:
        given = published_backbone(task.describe()["config"]["backbone"])
    if given is not None:
        start, told = by_joint(given, model, task.network, skeleton)
        if told and not quiet:
            tqdm.write(told)
        start_from(task.network, start)
    if frozen:
        freeze(task.network, given, model, "bottom-up")
    left_out: list[str] = []
    per_source = [_read(source, skeleton, left_out.append, joints=task.joints) for source in sources]
    if task.joints:
        for source, scenes in zip(sources, per_source, strict=True):
            _expect_joints(scenes, f"{source.labels}: no person with labelled joints", skeleton)
    by_lot = held_out is None and sources[0].is_project
    if by_lot:
        kept, unseen = _split_by_lot(per_source[0], sources[0].labels)
    else:
        if held_out is None:
            held_out = min(_MOST_HELD_OUT, max(1, len(per_source[0]) // 5))
        kept, unseen = _split(per_source[0], sources[0], held_out)
    taken = [kept, *per_source[1:]]
    training = [scene for scenes in taken for scene in scenes]
    expect_apart((s.photo for s in unseen), (s.photo for s in training), sources)
    if task.joints:
        for side, what in ((training, "train"), (unseen, "validate")):
            where = f"{sources[0].labels}: nobody on the {len(side)} photos to {what} on has labelled joints"
            _expect_joints(side, where, skeleton)
        labelled = torch.from_numpy(np.concatenate([scene.v > 0 for scene in training]))
        task = without(task, unlearnt_joints(labelled, given, model, skeleton))
    boxed = _without_outline(training, unseen, sources[0].labels, tasks) if task.masks else {}
    if not quiet:
        announce([len(scenes) for scenes in taken], len(unseen), left_out, "photos")
        for line in outline_lines(boxed):
            tqdm.write(line)
    data = [_about(source, scenes) for source, scenes in zip(sources, taken, strict=True)]
    about: dict[str, Any] = {
        "data": data,
        "held_out": len(unseen),
        **({"by_lot": True} if by_lot else {}),
        **({"validated": _numbers(unseen, sources[0].labels)} if sources[0].is_project else {}),
        **lineage(given, data),
        "licence": licence,
        **({"left_out": left_out} if left_out else {}),
        **({"frozen": True} if frozen else {}),
        **({"without_outline": boxed} if boxed else {}),
    }
    best = fit_scenes(out, task, training, unseen, schedule, version=version, about=about, device=chosen, quiet=quiet)
    write_scene_card(out, best, task, unseen)
    return best


def make_scene_task(
    model: str,
    skeleton: Skeleton,
    tasks: tuple[str, ...] = TASKS,
    *,
    backbone: str | None = None,
    start: Checkpoint | None = None,
) -> SceneTask:
    """A new network of that kind, ready to be trained.

    Args:
        model: one of `SCENE_MODELS`.
        skeleton: the joints to learn.
        tasks: of Mask R-CNN.
        backbone: by default that of `start`, else EfficientNet-Lite0.
        start: the weights it is to start from, like whose network it is made (see `labeltool.training.starting.like`).

    Raises:
        ModelError: the model is not one of `SCENE_MODELS`, there is no such backbone, or the checkpoint's network cannot be made.
    """
    with blaming(start, unless=backbone is not None):
        if model == "mask-rcnn":
            config = MaskRcnnConfig(skeleton, tasks, **like(start, model, MaskRcnnConfig, backbone))
            return MaskRcnnTask(build(config), config)
        if model == "bottom-up":
            maps = BottomUpConfig(skeleton, **like(start, model, BottomUpConfig, backbone))
            return BottomUpTask(BottomUpNetwork(maps), maps)
    raise ModelError(f"model {model!r}: cannot be trained on whole photos, expected one of {', '.join(SCENE_MODELS)}")


def start_from(network: nn.Module, checkpoint: Checkpoint) -> None:
    """Puts the tensors of a checkpoint that fit into a network: those of its own kind, or of the same backbone in another.

    Raises:
        ModelError: the checkpoint does not hold the whole backbone.
    """
    own = network.state_dict()
    # a feature pyramid, ours or torchvision's, holds the network
    inner = ("backbone.backbone.", "backbone.body.")
    prefix = next((prefix for prefix in inner if any(name.startswith(prefix) for name in own)), "backbone.")
    given: dict[str, Any] = dict(checkpoint.tensors)
    if not any(name.startswith(prefix) for name in given):
        given = {
            f"{prefix}{name.removeprefix('backbone.')}" if name.startswith("backbone.") else name: t
            for name, t in given.items()
        }
    if not any(name.startswith("backbone.") for name in given):
        given = {f"{prefix}{name}": t for name, t in given.items()}
    fits = {name: t for name, t in given.items() if name in own and own[name].shape == t.shape}
    for name in own:
        if name.startswith(prefix) and name not in fits and not name.endswith("num_batches_tracked"):
            raise ModelError(f"{checkpoint.path}: tensor {name!r} is missing, expected the backbone's weights")
    network.load_state_dict(fits, strict=False)


def _split(scenes: list[Scene], source: Source, held_out: int) -> tuple[list[Scene], list[Scene]]:
    """The photos to train on, and the last ones to validate on.

    Raises:
        ModelError: none would be left on one side.
    """
    if not 0 < held_out < len(scenes):
        raise ModelError(
            f"{source.labels}: {len(scenes)} photos with people, expected more than the {held_out} to validate on (at least 1)"
        )
    return scenes[:-held_out], scenes[-held_out:]


def _split_by_lot(scenes: list[Scene], folder: Path) -> tuple[list[Scene], list[Scene]]:
    """A project's photos to train on and to validate on, as the trainings of top-down models split them.

    Raises:
        ModelError: there is only one photo.
    """
    # the split looks at photos and numbers alone
    with Project.open(folder) as project:
        people = [
            Person(scene.photo, scene.boxes[0], scene.xy[0], scene.v[0], person.id)
            for scene in scenes
            for person in project.people(scene.image_id)
        ]
    kept, unseen = split_for_good(people, str(folder), validated_people(folder))
    taught, apart = ({person.photo for person in side} for side in (kept, unseen))
    return [s for s in scenes if s.photo in taught], [s for s in scenes if s.photo in apart]


def _numbers(scenes: Sequence[Scene], folder: Path) -> list[int]:
    """A project's numbers of the people on photos, crowds left out."""
    with Project.open(folder) as project:
        return sorted(p.id for scene in scenes for p in project.people(scene.image_id) if not p.crowd)


def _about(source: Source, trained: Sequence[Scene]) -> dict[str, Any]:
    """A source and what of it is trained on; of a project also the numbers of the people."""
    about = {
        "labels": source.labels.name,
        "project": source.is_project,
        "people": sum(map(len, trained)),
        "photos": len(trained),
        "per_epoch": None,
        "sha256": source.sha256(),
    }
    if source.is_project:
        about["learnt"] = _numbers(trained, source.labels)
    return about


def _read(source: Source, skeleton: Skeleton, tell: Callable[[str], None], *, joints: bool) -> list[Scene]:
    """The photos of a source that can be learnt from; `tell` is told which of them, and which joints, are left out."""
    if source.photos is None:
        with Project.open(source.labels) as project:
            document = CocoDocument(project.to_document(only_done=True), str(source.labels))
            scenes = read_scenes(document, project.config.image_root, skeleton)
            # whoever is labelled blind measures models and must teach none, and a photo teaches with everybody on it
            scenes = [s for s in scenes if not any(p.blind for p in project.people(s.image_id))]
        what = "photo that is done and has nobody labelled blind"
    elif source.labels.suffix == ".mat":
        raise ModelError(f"{source.labels}: holds one person a photo and no outlines, expected COCO JSON or a project")
    else:
        imported = read_coco(source.photos, source.labels, None)
        document, broken = imported.document, unusable(imported, source.labels, tell)
        found = read_scenes(document, imported.image_root, skeleton)
        scenes = [s for s in found if s.photo.relative_to(imported.image_root).as_posix() not in broken]
        what = "photo"
    if not scenes:
        raise ModelError(f"{source.labels}: no {what} with people, expected at least one")
    for line in labels_not_learnt(document, skeleton) if joints else ():
        tell(line)
    return scenes


def _expect_joints(scenes: Sequence[Scene], otherwise: str, skeleton: Skeleton) -> None:
    """Nothing, when somebody has a joint labelled.

    Raises:
        ModelError: nobody has.
    """
    if not any((scene.v > 0).any() for scene in scenes):
        raise ModelError(f"{otherwise} of skeleton {skeleton.name}, expected at least one")


def _without_outline(
    training: Sequence[Scene], unseen: Sequence[Scene], labels: Path, tasks: Sequence[str]
) -> dict[str, list[int]]:
    """On which side people have no outline, to `train` or to `validate` on: how many, and of how many; none where all have one.

    Args:
        training: the photos to train on.
        unseen: those to validate on.
        labels: the first source's, for the message.
        tasks: what is learnt, masks among them.

    Raises:
        ModelError: nobody on a side has an outline.
    """
    found = {}
    for what, scenes in (("train", training), ("validate", unseen)):
        count, people = outlined(scenes)
        if not count:
            others = ",".join(task for task in tasks if task != "is")
            raise ModelError(
                f"{labels}: nobody on the {len(scenes)} photos to {what} on has an outline (polygons or RLE), expected at least "
                f"one to learn masks, or --tasks {others}"
            )
        if count < people:
            found[what] = [people - count, people]
    return found
