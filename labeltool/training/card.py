"""The card of a trained model: what it learnt from, how, what it is worth, and where it fails; written beside the checkpoint."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from labeltool.audit import AuditResult
from labeltool.audit.people import FloatArray
from labeltool.geometry import image_to_crop, square_boxes
from labeltool.images import crop_photo, load_photo
from labeltool.models.catalog import load_model
from labeltool.models.weights import Checkpoint, read_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.boxes import is_on_photo
from labeltool.training.measuring import Answers, Worth, ask, worth
from labeltool.training.samples import Person
from labeltool.training.writing import put

#: So many people stand on the sheet of failures.
FAILURES = 12

#: The sheet's columns, and the side of each picture in pixels.
_COLUMNS, _SIDE = 4, 220

#: What every card says.
CAUTION = """\
It is no measure of a person's abilities or identity, and nothing should be decided about a person by its answers alone. Expect
less on photos unlike those it was trained on."""

_PURPOSE = f"""\
A first guess that labellers correct, for one person a box. Joints that are hidden or outside the photo are predicted
too. {CAUTION}"""


def write_card(out: Path, checkpoint: Path, people: Sequence[Person], *, quiet: bool = False) -> Path:
    """Measures a checkpoint on people, writes `card.md` and `failures.jpg` into a folder, and returns the card's path.

    Args:
        out: the folder.
        checkpoint: of a model of the catalog.
        people: who were not trained on.
        quiet: show no progress.

    Raises:
        ModelError: the checkpoint cannot be used, or the card cannot be written.
    """
    found = read_checkpoint(checkpoint)
    model = load_model(str(found.description.get("model")), weights=checkpoint)
    answers = ask(model, people, quiet=quiet)
    figures = worth(people, answers, model.skeleton)
    pictures = failures(people, answers, figures, model.skeleton)
    return write_beside(out, card_lines(found, figures, people, model.skeleton), failure_sheet(pictures))


def write_beside(out: Path, lines: Iterable[str], sheet: bytes) -> Path:
    """Writes a card and its sheet of failures into a folder, and returns the card's path.

    Raises:
        ModelError: one of them cannot be written.
    """
    text = "\n".join(lines) + "\n"
    for name, data in (("failures.jpg", sheet), ("card.md", text.encode())):
        put(out / name, data)
    return out / "card.md"


def card_lines(checkpoint: Checkpoint, figures: Worth, people: Sequence[Person], skeleton: Skeleton) -> Iterator[str]:
    """The lines of the card."""
    about = checkpoint.description
    yield from head_lines(checkpoint, f"Skeleton `{skeleton.name}`, {len(skeleton)} joints.", _PURPOSE)
    photos = len({person.photo for person in people})
    yield (
        f"Split by photo: {len(people):,} people on {photos:,} photos {place_apart(about)} were never trained on. They "
        "chose the best epoch, confidence was fitted on them, and the figures below are theirs: expect a little less elsewhere."
    )
    yield f"SHA-256 of the joints trained on `{about.get('labels_sha256')}`, validated on `{about.get('validation_sha256')}`."
    yield from training_lines(about)
    yield from ("", "## Figures", "")
    yield from _figures(figures, skeleton, about.get("before") or {})
    yield from ("", "## Where it fails", "")
    yield "The people it is farthest from, mean distance in torso diameters below each; labels in green, predictions in red."
    yield from ("", "![failures](failures.jpg)")


def head_lines(checkpoint: Checkpoint, what: str, purpose: str) -> Iterator[str]:
    """The first lines of any card, up to the table of the data: which model, its licence, what it is for, what it learnt from.

    Args:
        checkpoint: the model's.
        what: what it predicts, one sentence.
        purpose: what it is for.
    """
    about = checkpoint.description
    yield f"# {about.get('model')} {about.get('version')}"
    yield ""
    yield (
        f"{what} Checkpoint `{checkpoint.path.name}`, {checkpoint.path.stat().st_size / 1e6:.1f} MB, "
        f"SHA-256 `{checkpoint.sha256}`."
    )
    unlearnt = about.get("config", {}).get("unlearnt")
    if unlearnt:
        yield f"Not predicted, as nobody it learnt from had them labelled: {', '.join(unlearnt)}."
    yield f"Licence of the weights: {about.get('licence', 'not stated')}."
    yield from ("", "## What it is for", "", purpose, "", "## Data", "")
    yield from table(
        ["labels", "people", "photos", "each epoch", "SHA-256 of the file"],
        [
            [
                row["labels"] + (" (project)" if row["project"] else ""),
                f"{row['people']:,}",
                f"{row['photos']:,}",
                "all" if row["per_epoch"] is None else f"{row['per_epoch']:,} by chance",
                row["sha256"] or "-",
            ]
            for row in about.get("data", [])
        ],
    )
    yield ""


def place_apart(about: Mapping[str, Any]) -> str:
    """Where the photos that are validated on stand, in words."""
    return (
        "of the first source, drawn by lot of their names," if about.get("by_lot") else "at the end of the first source"
    )


def training_lines(about: Mapping[str, Any]) -> Iterator[str]:
    """How a checkpoint was trained, by its description, and its learning curve."""
    yield from ("", "## Training", "")
    yield from _training(about)
    yield from stage_lines(about)
    yield from ("", "![learning curve](curve.svg)")


def _training(about: Mapping[str, Any]) -> Iterator[str]:
    schedule = about.get("schedule", {})
    backbone = about.get("config", {}).get("backbone")
    stages = ", ".join(
        f"{epochs} at {f'{size} px' if size else 'its own size'}" for epochs, size in schedule.get("stages", [])
    )
    yield (
        f"{f'Backbone {backbone}. ' if backbone else ''}Started from {_beginning(about)}. "
        f"{schedule.get('epochs')} epochs{f' ({stages})' if stages else ''}, the best of which was number "
        f"{about.get('epoch')}; batches of {schedule.get('batch')}, AdamW, learning rate {schedule.get('rate')} in one cycle, "
        f"moving average of the weights {schedule.get('average')}, seed {schedule.get('seed')}."
    )
    varied = ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in (schedule.get("augmentation") or schedule.get("variation") or {}).items()
    )
    yield f"Training views: {varied}."
    if about.get("teacher"):
        teacher = about["teacher"]
        whose = teacher.get("what") or f"the checkpoint `{teacher['sha256'][:12]}`"
        yield (
            f"Of the people that are in every epoch the maps of {whose} have {teacher['share']:g} of the loss, the labels the"
            " rest."
        )
    for line in about.get("left_out", ()):
        yield f"Left out: {line}."


def _beginning(about: Mapping[str, Any]) -> str:
    """What the weights of a training were before it, in words: what they had learnt from, and their licence, if they say."""
    start, sha256 = about.get("start", {}), about.get("init")
    if not start and not sha256:
        return "chance"
    named = [f"`{part}`" for part in (start.get("file"), sha256 and sha256[:12]) if part]
    words = ", ".join(named) if start else f"the checkpoint {named[0]}"
    if "model" in start:
        words += f" ({start['model']} {start.get('version', 'without a version')})"
    if start.get("people"):
        labels = ", ".join(start.get("labels", ()))
        words += f", which had learnt from {start['people']:,} people who are not counted above ({labels})"
    if start.get("licence"):
        words += f"; licence of those weights: {start['licence']}"
    return words


def stage_lines(about: Mapping[str, Any]) -> Iterator[str]:
    """The stages of a cascade, by a checkpoint's description, as a table; nothing of a model without any."""
    stages = about.get("cascade")
    if not stages:
        return
    yield from (
        "",
        "Stages are trained one after another, those before as they are; the epochs above are of the last. PDJ@0.2 is of the "
        "people validated on. Errors before a stage, of its training people, are those that its squares are displaced by: the "
        "root mean square over all joints, in torso diameters.",
        "",
    )
    rows = []
    for stage, made in zip(stages, [about["config"], *about["stages"]], strict=True):
        rows.append(
            [
                str(stage["stage"]),
                f"{made['sigma']:g}" if "sigma" in made else "-",
                "maps of stage 1" if made.get("source") == "features" else f"photo, {made['backbone']}",
                "one a joint" if made.get("sharing") == "per-joint" else "one",
                str(stage["side"]),
                f"{stage['epochs']}, best {stage['epoch']}" if "epochs" in stage else "not trained here",
                *(share(stage.get(figure, math.nan)) for figure in ("errors", "before", "after")),
            ]
        )
    head = ["stage", "sigma", "looks at", "networks", "side, px", "epochs", "errors before"]
    yield from table([*head, "PDJ@0.2 before", "PDJ@0.2 after"], rows)


def _figures(figures: Worth, skeleton: Skeleton, before: Mapping[str, float]) -> Iterator[str]:
    result = figures.audit
    at = dict(zip(result.pdj.thresholds, result.pdj.overall, strict=True))
    rows = [
        [
            "PDJ@0.2",
            f"{share(figures.pdj.value)} (95 % interval {share(figures.pdj.low)} to {share(figures.pdj.high)})",
        ],
        *([f"{measure.upper()} of what it started from", share(score)] for measure, score in before.items()),
        ["PDJ@0.1, PDJ@0.5", f"{share(at[0.1])}, {share(at[0.5])}"],
        ["PCP@0.5, mean over limbs", share(result.pcp_overall)],
        ["expected calibration error of the confidence", share(figures.calibration_error)],
        ["misses in the third of joints with the lowest confidence", share(figures.misses_in_third)],
        [
            f"people; with a torso to measure by ({' to '.join(skeleton.torso or ())})",
            f"{result.people}; {result.pdj.people_counted}",
        ],
    ]
    yield from table(["figure", "value"], rows)
    yield ""
    yield from joint_lines(result)


def joint_lines(result: AuditResult) -> Iterator[str]:
    """PDJ@0.2 and ks of each joint, as a table."""
    yield from table(
        ["joint", "n", "PDJ@0.2", "95 % interval (Wilson)", "ks"],
        [
            [
                row.joint.replace("_", " "),
                str(row.pdj_n),
                share(row.pdj),
                f"{share(row.pdj_low)} to {share(row.pdj_high)}",
                share(row.ks),
            ]
            for row in result.joints
        ],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def share(value: float) -> str:
    """A share to three places, without the zero before the point; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def failures(
    people: Sequence[Person], answers: Answers, figures: Worth, skeleton: Skeleton
) -> list[tuple[Image.Image, str]]:
    """Pictures of the people whom the model is farthest from on average, and what stands below each."""
    known = np.isfinite(figures.distance)
    counted = known.sum(axis=1)
    mean = np.where(known, figures.distance, 0).sum(axis=1) / np.maximum(counted, 1)
    worst = [int(row) for row in np.argsort(-mean, kind="stable") if counted[row]][:FAILURES]
    limbs = skeleton.limb_indices()
    return [
        (
            picture(people[row].photo, people[row].box, limbs, labelled_joints(people[row]), answers.xy[row]),
            f"{people[row].photo.name}  {mean[row]:.2f}",
        )
        for row in worst
    ]


def labelled_joints(person: Person) -> FloatArray:
    """A person's joints (K, 2), NaN where one is not labelled."""
    return np.where((person.v > 0)[:, None], person.xy, np.nan)


def failure_sheet(pictures: Sequence[tuple[Image.Image, str]]) -> bytes:
    """A JPEG of pictures, each with a line of text below."""
    rows = max(1, math.ceil(len(pictures) / _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _SIDE, rows * (_SIDE + 18)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (shown, text) in enumerate(pictures):
        left, top = place % _COLUMNS * _SIDE, place // _COLUMNS * (_SIDE + 18)
        sheet.paste(shown, (left, top))
        draw.text((left + 4, top + _SIDE + 3), text, fill="black")
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=85)
    return data.getvalue()


def picture(
    photo: Path, box: ArrayLike, limbs: Sequence[tuple[int, int]], label: FloatArray, guess: FloatArray
) -> Image.Image:
    """A person's surroundings with what was labelled in green and what was predicted in red.

    Args:
        photo: the file.
        box: the person's, xywh.
        limbs: pairs of points that a line joins.
        label: (K, 2) points, image pixels; NaN where there is none.
        guess: (K, 2) likewise.
    """
    square = square_boxes(box, 1.35)
    pixels = load_photo(photo)
    if is_on_photo(square, (pixels.shape[1], pixels.shape[0])):
        shown = Image.fromarray(crop_photo(pixels, square, _SIDE))
    else:  # the file is smaller than its labels say
        shown = Image.new("RGB", (_SIDE, _SIDE), "grey")
    draw = ImageDraw.Draw(shown)
    for xy, colour in ((label, (60, 220, 90)), (guess, (255, 60, 60))):
        there = ~np.isnan(xy[:, 0])
        points = image_to_crop(xy, square, _SIDE)
        for a, b in limbs:
            if there[a] and there[b]:
                draw.line([tuple(points[a]), tuple(points[b])], fill=colour, width=2)
        for x, y in points[there]:
            draw.ellipse([x - 2.5, y - 2.5, x + 2.5, y + 2.5], fill=colour)
    return shown
