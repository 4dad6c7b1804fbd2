"""Starting from a checkpoint: like whose network a new one is made, and of another skeleton what it knows of joints, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from labeltool.errors import ModelError, SkeletonError
from labeltool.models.backbones import normalisation
from labeltool.models.heatmap import HeatmapNetwork
from labeltool.models.weights import Checkpoint, read_checkpoint, read_published
from labeltool.skeleton import Skeleton, convert, from_mapping

#: A task of any kind: a frozen dataclass whose `config` has `unlearnt`.
TaskLike = TypeVar("TaskLike")


@dataclass(frozen=True)
class _Rows:
    """Where joints lie along one dimension of a tensor.

    Attributes:
        joint: the rows of joint k of K, when `before` rows lie before those of the first joint.
        shared: the rows that belong to no joint.
    """

    joint: Callable[[int, int, int], list[int]]
    shared: Callable[[int, int], list[int]] = lambda count, before: []


#: One row a joint.
_ONE = _Rows(lambda k, count, before: [k])
#: x and y of each joint, one after the other.
_TWO = _Rows(lambda k, count, before: [2 * k, 2 * k + 1])
#: Bottom-up: a map of each joint, then the centre's.
_MAPS = _Rows(lambda k, count, before: [k], lambda count, before: [count])
#: DeepPose's last layer: the hidden features, then the 7 x 7 cells of each joint.
_CELLS = _Rows(
    lambda k, count, before: list(range(before + 49 * k, before + 49 * (k + 1))),
    lambda count, before: list(range(before)),
)

_KEYPOINTS = "roi_heads.keypoint_predictor.kps_score_lowres"

#: By model and tensor, the dimensions in which joints lie.
_LAYOUT: Mapping[str, Mapping[str, Mapping[int, _Rows]]] = {
    "heatmap": {"head.weight": {0: _ONE}, "head.bias": {0: _ONE}},
    "bottom-up": {
        **{f"head.{part}": {0: _MAPS} for part in ("weight", "bias")},
        **{f"offsets.{part}": {0: _TWO} for part in ("weight", "bias")},
    },
    "mask-rcnn": {f"{_KEYPOINTS}.weight": {1: _ONE}, f"{_KEYPOINTS}.bias": {0: _ONE}},
    "deeppose": {
        **{f"{layer}.{part}": {0: _ONE} for layer in ("cells", "error") for part in ("weight", "bias")},
        "joints.weight": {0: _TWO, 1: _CELLS},
        "joints.bias": {0: _TWO},
    },
}


def read_init(path: Path) -> Checkpoint:
    """The weights to start from: a safetensors file, or published weights (`.pth`).

    Raises:
        ModelError: the file is missing or damaged, or holds anything but tensors by name.
    """
    return read_checkpoint(path) if path.suffix == ".safetensors" else read_published(path)


def by_joint(checkpoint: Checkpoint, model: str, network: nn.Module, skeleton: Skeleton) -> tuple[Checkpoint, str]:
    """The checkpoint in the joints of another skeleton, and a line that says what was done; as it is when they are the same.

    The heads of joints that both know are taken by name, those of the others are as the network has them. DeepPose's refining
    stages, which look at the whole pose, are left out. Of another kind of model the heads, which answer something else, are
    left out too.

    Args:
        checkpoint: any; one that does not say its skeleton, such as a backbone's, stays as it is.
        model: what kind the network is of.
        network: which is to start from it.
        skeleton: the network's.
    """
    theirs = _skeleton_of(checkpoint.description)
    if theirs is None:
        return checkpoint, ""
    kind = str(checkpoint.description.get("model"))
    layout = _LAYOUT.get(kind, {})
    if kind != model:
        rest = {name: tensor for name, tensor in checkpoint.tensors.items() if name not in layout}
        return replace(
            checkpoint, tensors=rest
        ), f"{checkpoint.path.name} is of {kind}: every joint's head starts by chance"
    if theirs.joints == skeleton.joints:
        return checkpoint, ""
    pairs = [(theirs.index(a), skeleton.index(b)) for a, b in convert(theirs, skeleton).pairs]
    own = network.state_dict()
    # DeepPose's hidden layer is as wide as its error head's input
    before = {"own": _width(own), "given": _width(checkpoint.tensors)}
    tensors: dict[str, Tensor] = {}
    for name, given in checkpoint.tensors.items():
        if name.startswith("stages."):
            continue
        if name not in layout:
            tensors[name] = given
            continue
        if name not in own or own[name].dim() != given.dim() or before["own"] != before["given"]:
            continue
        target, source = [], []
        for dim, size in enumerate(given.shape):
            rows = layout[name].get(dim)
            if rows is None:
                source.append(list(range(size)))
                target.append(list(range(size)))
                continue
            source.append(_chosen(rows, [a for a, _ in pairs], len(theirs), before["given"]))
            target.append(_chosen(rows, [b for _, b in pairs], len(skeleton), before["own"]))
        made = own[name].detach().clone().float()
        if all(len(rows) <= size for rows, size in zip(target, made.shape, strict=True)):
            made[_grid(target)] = given[_grid(source)].float()
            tensors[name] = made
    new = len(skeleton) - len(pairs)
    told = (
        f"{checkpoint.path.name} knows {theirs.name}: {len(pairs)} of {len(skeleton)} joints of {skeleton.name} start from "
        f"the joint of the same name, {new} by chance"
    )
    description = {key: value for key, value in checkpoint.description.items() if key != "stages"}
    return replace(checkpoint, tensors=tensors, description=description), told


#: What a config's `mean` and `std` may be in a checkpoint's description.
_RGB = (int, float, list, tuple)


def like(
    checkpoint: Checkpoint | None, model: str, config_type: type[Any], backbone: str | None = None
) -> dict[str, Any]:
    """What a new network's config takes from the checkpoint that it starts from, and from its backbone.

    From the checkpoint that is the backbone and what photos are normalised by, of the same kind of model the sizes too; the
    heatmap and the bottom-up model have a decoder in common. Photos for another backbone, and of a checkpoint that does not
    describe its network, are normalised as the backbone's published weights want it.

    Args:
        checkpoint: any, or None.
        model: what kind the new network is of.
        config_type: the dataclass of its config.
        backbone: the one asked for; by default the checkpoint's, else the config's own.
    """
    description: Mapping[str, Any] = {} if checkpoint is None else checkpoint.description
    config, kind = description.get("config"), description.get("model")
    if not isinstance(config, Mapping):
        config = {}
    wanted: dict[str, type | tuple[type, ...]] = {"backbone": str, "mean": _RGB, "std": _RGB}
    if kind == model:
        wanted |= {"padding": (int, float), "channels": int, "hidden": int, "side": int}
    elif {kind, model} == {"heatmap", "bottom-up"}:
        wanted |= {"channels": int}
    known = {field.name for field in fields(config_type)}
    taken = {name: config[name] for name, of in wanted.items() if name in known and isinstance(config.get(name), of)}
    if backbone is not None and backbone != taken.get("backbone"):
        taken = {name: value for name, value in taken.items() if name not in ("mean", "std")} | {"backbone": backbone}
    mean, std = normalisation(taken.get("backbone", config_type.backbone))
    return {"mean": mean, "std": std, **taken}


@contextmanager
def blaming(start: Checkpoint | None, *, unless: bool) -> Iterator[None]:
    """Names the checkpoint whose network cannot be made, unless what was made of was asked for."""
    try:
        yield
    except ModelError as error:
        if start is None or unless:
            raise
        raise ModelError(f"{start.path}: {error}") from None


def freeze(network: nn.Module, start: Checkpoint | None, model: str, expected: str) -> None:
    """Keeps the first layers of a network with the heatmap model's backbone as they are.

    Args:
        network: of the heatmap model, or of bottom-up.
        start: what it starts from.
        model: what kind it is of.
        expected: which kind would do, for the message.

    Raises:
        ModelError: a network of another kind, or one that starts from nothing, whose layers are still chance.
    """
    if not isinstance(network, HeatmapNetwork):
        raise ModelError(f"{model}: no layers can be frozen, expected the {expected} model")
    if start is None:
        raise ModelError("training: layers are to be frozen as they are, expected --init with their weights")
    network.freeze()


def lineage(start: Checkpoint | None, data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a description says of the weights that a training starts from.

    That is the SHA-256 (`init`), and, as far as they tell it themselves, `start`: the file's name, model, version, licence,
    names of the label files learnt from, and how many people stand behind them who are not in this training
    (`people`; see `people_behind`).

    Args:
        start: the weights, or None.
        data: the rows of this training's data, as its description has them.
    """
    if start is None:
        return {"init": None}
    theirs = start.description
    told: dict[str, Any] = {key: theirs[key] for key in ("model", "version", "licence") if key in theirs}
    rows = _data_rows(theirs)
    if rows:
        told["labels"] = sorted({str(row.get("labels")) for row in rows} | set(_start_of(theirs).get("labels", ())))
    behind = people_behind(theirs)
    if behind is not None:
        again = sum(len(set(row.get("learnt", ())) & _learnt_in(str(row.get("labels")), data)) for row in rows)
        told["people"] = behind - again
    return {"init": start.sha256, "start": {"file": start.path.name, **told}}


def people_behind(description: Mapping[str, Any]) -> int | None:
    """How many people weights have learnt from, and those that they started from; None where they do not say."""
    rows = _data_rows(description)
    if not rows:
        return None
    return sum(int(row.get("people") or 0) for row in rows) + int(_start_of(description).get("people") or 0)


def announce(training: Sequence[int], held_out: int, left_out: Sequence[str], what: str) -> None:
    """Says whom a training learns from, and what of its sources it leaves out.

    Args:
        training: how many of each source it learns from.
        held_out: how many it is validated on.
        left_out: a line for each kind of thing that was left out.
        what: people, or photos.
    """
    for line in left_out:
        tqdm.write(line)
    each = " + ".join(f"{count:,}" for count in training)
    tqdm.write(f"{each} {what} to learn from, {held_out:,} to validate on")


def _data_rows(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = description.get("data")
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def _start_of(description: Mapping[str, Any]) -> Mapping[str, Any]:
    found = description.get("start")
    return found if isinstance(found, Mapping) else {}


def _learnt_in(labels: str, data: Sequence[Mapping[str, Any]]) -> set[int]:
    """A project's numbers of the people whom a training learns from."""
    return {number for row in data if row.get("labels") == labels for number in row.get("learnt", ())}


def known_joints(description: Mapping[str, Any], skeleton: Skeleton) -> set[str]:
    """The joints of a skeleton that the model of a description has learnt, under their names there."""
    theirs = _skeleton_of(description)
    if theirs is None:
        return set()
    not_even_there = description["config"].get("unlearnt", ())
    return {ours for its, ours in convert(theirs, skeleton).pairs if its not in not_even_there}


def unlearnt_joints(labelled: Tensor, checkpoint: Checkpoint | None, model: str, skeleton: Skeleton) -> tuple[str, ...]:
    """The joints that a training leaves by chance: labelled for nobody, and unknown to what it starts from.

    Args:
        labelled: (N, K) bool, of the people it learns from.
        checkpoint: what it starts from.
        model: what kind is trained.
        skeleton: its joints.
    """
    known: set[str] = set()
    heads = _LAYOUT.get(model, {})
    if (
        checkpoint is not None
        and checkpoint.description.get("model") == model
        and all(name in checkpoint.tensors for name in heads)
    ):
        known = known_joints(checkpoint.description, skeleton)
    there = labelled.any(dim=0).tolist()
    return tuple(j for j, some in zip(skeleton.joints, there, strict=True) if not some and j not in known)


def without(task: TaskLike, unlearnt: tuple[str, ...]) -> TaskLike:
    """The task of a network that does not predict some joints, which one line names; as it is where there are none."""
    if not unlearnt:
        return task
    tqdm.write(f"labelled for nobody, and so not learnt and never predicted: {', '.join(unlearnt)}")
    plain = cast("Any", task)
    changed: TaskLike = replace(plain, config=replace(plain.config, unlearnt=unlearnt))
    return changed


def _skeleton_of(description: Mapping[str, Any]) -> Skeleton | None:
    try:
        return from_mapping(description["config"]["skeleton"])
    except (KeyError, TypeError, SkeletonError):
        return None


def _width(tensors: Mapping[str, Tensor]) -> int:
    return int(tensors["error.weight"].shape[1]) if "error.weight" in tensors else 0


def _chosen(rows: _Rows, joints: list[int], count: int, before: int) -> list[int]:
    return rows.shared(count, before) + [row for k in joints for row in rows.joint(k, count, before)]


def _grid(rows: list[list[int]]) -> tuple[Tensor, ...]:
    return torch.meshgrid(*(torch.tensor(r, dtype=torch.long) for r in rows), indexing="ij")
