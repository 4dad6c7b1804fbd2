"""The card of a model that sees whole photos: average precision with its intervals, its joints, its loss, and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from labeltool.audit import (
    NO_DETECTION,
    OVERALL,
    AuditResult,
    Detections,
    Interval,
    Labels,
    all_pairs,
    audit,
    bootstrap,
    joints_of,
    match,
    sum_images,
)
from labeltool.audit.oks import oks_of_pairs
from labeltool.audit.people import FloatArray
from labeltool.geometry import box_iou
from labeltool.models.weights import Checkpoint, load_into, read_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.card import (
    CAUTION,
    FAILURES,
    failure_sheet,
    head_lines,
    joint_lines,
    picture,
    place_apart,
    share,
    table,
    training_lines,
    write_beside,
)
from labeltool.training.coco_ap import counts_by_image, truth_of
from labeltool.training.scene_loop import SceneTask
from labeltool.training.scenes import Scene

#: Samples of the photos that the intervals come from.
_REPLICATES = 200

#: What the scores of a task are called on the card.
_NAMES = {
    "ap_box": "AP of boxes (IoU .50 to .95)",
    "ap_mask": "AP of masks (IoU .50 to .95)",
    "ap_keypoints": "AP of joints (OKS .50 to .95)",
}

_PURPOSE = f"""\
A first guess that labellers correct. It finds the people of a photo by itself and needs no boxes; whoever it does not find is
to be added by hand. {CAUTION}"""

#: The corners of a box, and the lines between them.
_EDGES = [(0, 1), (1, 2), (2, 3), (3, 0)]


@dataclass(frozen=True)
class SceneWorth:
    """What a model of whole photos is worth on photos that it did not learn from.

    Attributes:
        precision: AP by the task's names of scores, each with its 95 % bootstrap interval, photos drawn.
        pose: the audit of the joints, the mean OKS and PDJ at 0.2 with their intervals; None where the task has no joints.
        likeness: (N,) how like their labels the people were found, photo after photo: OKS, or IoU of the box where the task has
            no joints; 0 for those it missed, NaN for those without labelled joints.
        guess: (N, P, 2) the points found for each, joints or the box's corners; NaN for those it missed.
    """

    precision: Mapping[str, Interval]
    pose: tuple[AuditResult, Interval, Interval] | None
    likeness: FloatArray
    guess: FloatArray


def write_scene_card(out: Path, checkpoint: Path, task: SceneTask, scenes: Sequence[Scene]) -> Path:
    """Measures a checkpoint on photos, writes `card.md` and `failures.jpg` into a folder, and returns the card's path.

    Args:
        out: the folder.
        checkpoint: of the task's network, whose weights are then the checkpoint's.
        task: what was trained.
        scenes: photos that were not trained on.

    Raises:
        ModelError: the checkpoint cannot be used, or the card cannot be written.
    """
    found = read_checkpoint(checkpoint)
    load_into(task.network, found.tensors, str(checkpoint))
    figures = scene_worth(scenes, task.results(task.network.eval(), scenes), task)
    lines = scene_card_lines(found, figures, scenes, task)
    return write_beside(out, lines, failure_sheet(_failures(scenes, figures, task)))


def scene_worth(scenes: Sequence[Scene], results: Sequence[Mapping[str, Any]], task: SceneTask) -> SceneWorth:
    """The figures of results on photos.

    Args:
        scenes: the photos with their labels.
        results: COCO results.
        task: what was trained.
    """
    truth = truth_of(scenes, task.skeleton)
    precision = {}
    for name, measure in task.measures.items():
        sums = counts_by_image(truth, results, measure, task.skeleton)
        precision[name] = bootstrap(sums, replicates=_REPLICATES)["AP", OVERALL]
    if not task.joints:
        return SceneWorth(precision, None, *_boxes_found(scenes, results))
    labels = Labels.of(
        np.repeat([scene.image_id for scene in scenes], [len(scene) for scene in scenes]),
        np.concatenate([scene.xy for scene in scenes]),
        np.concatenate([scene.v for scene in scenes]),
        [max(annotation["area"], 1.0) for annotation in truth["annotations"]],
        box=np.concatenate([scene.boxes for scene in scenes]),
    )
    keypoints = np.array([row["keypoints"] for row in results], dtype=np.float64)
    detections = Detections.of(
        [row["image_id"] for row in results],
        keypoints.reshape(-1, len(task.skeleton), 3)[..., :2],
        [row["score"] for row in results],
    )
    intervals = bootstrap(sum_images(labels, detections, task.skeleton, with_ap=False), replicates=_REPLICATES)
    pose = audit(labels, detections, task.skeleton), intervals["oks", OVERALL], intervals["pdj@0.2", OVERALL]
    return SceneWorth(precision, pose, *_poses_found(labels, detections, task.skeleton))


def _poses_found(labels: Labels, detections: Detections, skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
    """The OKS of the answer that speaks for each person, and its joints."""
    speaks = match(labels, detections, all_pairs(labels, detections, skeleton.sigmas))
    likeness = np.where(labels.people, 0.0, np.nan)
    rows = np.flatnonzero(speaks != NO_DETECTION)
    likeness[rows] = oks_of_pairs(labels, detections, rows, speaks[rows], skeleton.sigmas)
    return likeness, joints_of(detections, speaks)


def _boxes_found(scenes: Sequence[Scene], results: Sequence[Mapping[str, Any]]) -> tuple[FloatArray, FloatArray]:
    """The IoU of the box that is most like each person's, and its corners."""
    likeness, guess = [], []
    for scene in scenes:
        boxes = np.array([row["bbox"] for row in results if row["image_id"] == scene.image_id]).reshape(-1, 4)
        for box in scene.boxes:
            iou = box_iou(box, boxes)[0]
            best = float(iou.max(initial=0))
            likeness.append(best)
            guess.append(_corners(boxes[int(iou.argmax())]) if best > 0 else np.full((4, 2), np.nan))
    return np.array(likeness), np.array(guess)


def _corners(box: FloatArray) -> FloatArray:
    x, y, w, h = box
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


def scene_card_lines(
    checkpoint: Checkpoint, figures: SceneWorth, scenes: Sequence[Scene], task: SceneTask
) -> Iterator[str]:
    """The lines of the card."""
    about = checkpoint.description
    learns = f"It learns joints, {len(task.skeleton)} of skeleton `{task.skeleton.name}`." if task.joints else ""
    tasks = about.get("config", {}).get("tasks")
    what = " ".join(part for part in (f"Tasks: {tasks}." if tasks else "", learns) if part)
    yield from head_lines(checkpoint, what, _PURPOSE)
    yield (
        f"Split by photo: {len(scenes):,} photos {place_apart(about)} with {sum(map(len, scenes)):,} people were never "
        "trained on. They chose the best epoch, and the figures below are theirs: expect a little less elsewhere."
    )
    yield f"SHA-256 of the labels trained on `{about.get('labels_sha256')}`, validated on `{about.get('validation_sha256')}`."
    yield from training_lines(about)
    for line in outline_lines(about.get("without_outline", {})):
        yield from ("", f"{line}.")
    yield from ("", "The loss is the sum of these terms; beside each its mean over the epoch that was kept.", "")
    losses = about.get("losses", {})
    yield from table(
        ["term", "what", "mean"], [[name, task.terms[name], f"{value:.4g}"] for name, value in losses.items()]
    )
    yield from ("", "## Figures", "")
    yield from _figures(figures, scenes)
    yield from ("", "## Where it fails", "")
    yield (
        f"The people whom it finds least well, {'OKS' if task.joints else 'IoU of the box'} below each; labels in green, "
        "predictions in red, nothing in red for those it missed."
    )
    yield from ("", "![failures](failures.jpg)")


def outline_lines(without: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """What became of the masks of people without an outline.

    Args:
        without: how many there are, and of how many people, by what they are for: `train`, `validate`.
    """
    if "train" in without:
        some, people = without["train"]
        yield f"{some:,} of {people:,} people to train on have no outline: their box stands for it"
    if "validate" in without:
        some, people = without["validate"]
        yield f"{some:,} of {people:,} people to validate on have no outline: AP of masks is that of the others"


def _figures(figures: SceneWorth, scenes: Sequence[Scene]) -> Iterator[str]:
    rows = [[_NAMES[name], _with_interval(value)] for name, value in figures.precision.items()]
    if figures.pose is not None:
        result, oks, pdj = figures.pose
        rows += [
            ["OKS, mean over people, 0 for those it missed", _with_interval(oks)],
            ["PDJ@0.2", _with_interval(pdj)],
            [
                "people with labelled joints; with a torso to measure by",
                f"{result.people}; {result.pdj.people_counted}",
            ],
        ]
    rows.append(["photos; people", f"{len(scenes)}; {sum(map(len, scenes))}"])
    yield from table(["figure", "value"], rows)
    yield ""
    yield f"Intervals are of {_REPLICATES} bootstrap samples of the photos; below about 50 photos they are too narrow."
    if figures.pose is not None:
        yield ""
        yield from joint_lines(figures.pose[0])


def _with_interval(figure: Interval) -> str:
    return f"{share(figure.value)} (95 % interval {share(figure.low)} to {share(figure.high)})"


def _failures(scenes: Sequence[Scene], figures: SceneWorth, task: SceneTask) -> list[tuple[Image.Image, str]]:
    """Pictures of the people who were found least well, and what stands below each."""
    people = [(scene, place) for scene in scenes for place in range(len(scene))]
    pictures = []
    for row in np.argsort(figures.likeness, kind="stable")[:FAILURES]:
        scene, place = people[row]
        likeness = figures.likeness[row]
        if np.isnan(likeness):
            continue
        box = scene.boxes[place]
        label = np.where((scene.v[place] > 0)[:, None], scene.xy[place], np.nan) if task.joints else _corners(box)
        limbs = task.skeleton.limb_indices() if task.joints else _EDGES
        shown = picture(scene.photo, box, limbs, label, figures.guess[row])
        pictures.append((shown, f"{scene.photo.name}  {likeness:.2f}"))
    return pictures
