"""The card of a trained model: what it learnt from, how, what it is worth, and where it fails; written beside the checkpoint."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from labeltool.audit.people import FloatArray
from labeltool.errors import ModelError
from labeltool.files import atomic_write
from labeltool.geometry import image_to_crop, square_boxes
from labeltool.images import crop_photo, load_photo
from labeltool.models.catalog import load_model
from labeltool.models.weights import Checkpoint, read_checkpoint
from labeltool.skeleton import Skeleton
from labeltool.training.measuring import Answers, Worth, ask, worth
from labeltool.training.samples import Person

#: The sheet of failures: so many people in so many columns, so many pixels each.
_FAILURES, _COLUMNS, _SIDE = 12, 4, 220

_PURPOSE = """\
A first guess that labellers correct, for one person a box. Every joint is predicted, also those that are hidden or outside the
photo. It is no measure of a person's abilities or identity, and nothing should be decided about a person by its answers alone.
Expect less on photos unlike those it was trained on."""


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
    sheet = failure_sheet(people, answers, figures, model.skeleton)
    text = "\n".join(card_lines(found, figures, people, model.skeleton)) + "\n"
    for name, data in (("failures.jpg", sheet), ("card.md", text.encode())):
        try:
            with atomic_write(out / name) as file:
                file.write(data)
        except OSError as error:
            raise ModelError(f"{out / name}: cannot be written: {error.strerror or error}") from None
    return out / "card.md"


def card_lines(checkpoint: Checkpoint, figures: Worth, people: Sequence[Person], skeleton: Skeleton) -> Iterator[str]:
    """The lines of the card."""
    about = checkpoint.description
    yield f"# {about.get('model')} {about.get('version')}"
    yield ""
    yield (
        f"Skeleton `{skeleton.name}`, {len(skeleton)} joints. Checkpoint `{checkpoint.path.name}`, "
        f"{checkpoint.path.stat().st_size / 1e6:.1f} MB, SHA-256 `{checkpoint.sha256}`."
    )
    yield f"Licence of the weights: {about.get('licence', 'not stated')}."
    yield from ("", "## What it is for", "", _PURPOSE, "", "## Data", "")
    yield from _table(
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
    photos = len({person.photo for person in people})
    which = (
        "of the first source, drawn by lot of their names," if about.get("by_lot") else "at the end of the first source"
    )
    yield (
        f"Split by photo: {len(people):,} people on {photos:,} photos {which} were never trained on. They "
        "chose the best epoch, confidence was fitted on them, and the figures below are theirs: expect a little less elsewhere."
    )
    yield f"SHA-256 of the joints trained on `{about.get('labels_sha256')}`, validated on `{about.get('validation_sha256')}`."
    yield from ("", "## Training", "")
    yield from _training(about)
    yield from ("", "![learning curve](curve.svg)", "", "## Figures", "")
    yield from _figures(figures, skeleton)
    yield from ("", "## Where it fails", "")
    yield "The people it is farthest from, mean distance in torso diameters below each; labels in green, predictions in red."
    yield from ("", "![failures](failures.jpg)")


def _training(about: Mapping[str, Any]) -> Iterator[str]:
    schedule = about.get("schedule", {})
    start = f"the checkpoint `{about['init'][:12]}`" if about.get("init") else "chance"
    stages = ", ".join(
        f"{epochs} at {f'{size} px' if size else 'its own size'}" for epochs, size in schedule.get("stages", [])
    )
    yield (
        f"Started from {start}. {schedule.get('epochs')} epochs{f' ({stages})' if stages else ''}, the best of which was number "
        f"{about.get('epoch')}; batches of {schedule.get('batch')}, AdamW, learning rate {schedule.get('rate')} in one cycle, "
        f"moving average of the weights {schedule.get('average')}, seed {schedule.get('seed')}."
    )
    varied = ", ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in schedule.get("augmentation", {}).items()
    )
    yield f"Training views: {varied}."


def _figures(figures: Worth, skeleton: Skeleton) -> Iterator[str]:
    result = figures.audit
    at = dict(zip(result.pdj.thresholds, result.pdj.overall, strict=True))
    rows = [
        [
            "PDJ@0.2",
            f"{_share(figures.pdj.value)} (95 % interval {_share(figures.pdj.low)} to {_share(figures.pdj.high)})",
        ],
        ["PDJ@0.1, PDJ@0.5", f"{_share(at[0.1])}, {_share(at[0.5])}"],
        ["PCP@0.5, mean over limbs", _share(result.pcp_overall)],
        ["expected calibration error of the confidence", _share(figures.calibration_error)],
        ["misses in the third of joints with the lowest confidence", _share(figures.misses_in_third)],
        [
            f"people; with a torso to measure by ({' to '.join(skeleton.torso or ())})",
            f"{result.people}; {result.pdj.people_counted}",
        ],
    ]
    yield from _table(["figure", "value"], rows)
    yield ""
    yield from _table(
        ["joint", "n", "PDJ@0.2", "95 % interval (Wilson)", "ks"],
        [
            [
                row.joint.replace("_", " "),
                str(row.pdj_n),
                _share(row.pdj),
                f"{_share(row.pdj_low)} to {_share(row.pdj_high)}",
                _share(row.ks),
            ]
            for row in result.joints
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def failure_sheet(people: Sequence[Person], answers: Answers, figures: Worth, skeleton: Skeleton) -> bytes:
    """A JPEG of the people whom the model is farthest from on average."""
    known = np.isfinite(figures.distance)
    counted = known.sum(axis=1)
    mean = np.where(known, figures.distance, 0).sum(axis=1) / np.maximum(counted, 1)
    worst = [int(row) for row in np.argsort(-mean, kind="stable") if counted[row]][:_FAILURES]
    rows = max(1, math.ceil(len(worst) / _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _SIDE, rows * (_SIDE + 18)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, row in enumerate(worst):
        left, top = place % _COLUMNS * _SIDE, place // _COLUMNS * (_SIDE + 18)
        sheet.paste(_picture(people[row], answers.xy[row], skeleton), (left, top))
        draw.text((left + 4, top + _SIDE + 3), f"{people[row].photo.name}  {mean[row]:.2f}", fill="black")
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=85)
    return data.getvalue()


def _picture(person: Person, guess: FloatArray, skeleton: Skeleton) -> Image.Image:
    square = square_boxes(person.box, 1.35)
    picture = Image.fromarray(crop_photo(load_photo(person.photo), square, _SIDE))
    draw = ImageDraw.Draw(picture)
    # joints that are not labelled, or not predicted, as NaN
    label = np.where((person.v > 0)[:, None], person.xy, np.nan)
    for xy, colour in ((label, (60, 220, 90)), (guess, (255, 60, 60))):
        there = ~np.isnan(xy[:, 0])
        points = image_to_crop(xy, square, _SIDE)
        for a, b in skeleton.limb_indices():
            if there[a] and there[b]:
                draw.line([tuple(points[a]), tuple(points[b])], fill=colour, width=2)
        for x, y in points[there]:
            draw.ellipse([x - 2.5, y - 2.5, x + 2.5, y + 2.5], fill=colour)
    return picture
