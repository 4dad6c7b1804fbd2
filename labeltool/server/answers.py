"""What the routes send: the store's values as plain JSON data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from labeltool.project import STATUSES, ImageRecord, Mark, Person, Prediction, Thresholds
from labeltool.project.thresholds import USUAL
from labeltool.server.predicting import Guess
from labeltool.skeleton import Skeleton


def skeleton_data(skeleton: Skeleton) -> dict[str, Any]:
    """What the editor needs of a skeleton: names, limbs, pairs."""
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
        "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
    }


def image_data(image: ImageRecord) -> dict[str, Any]:
    """An image as the editor shows it."""
    return {
        "id": image.id,
        "file_name": image.file_name,
        "width": image.width,
        "height": image.height,
        "status": image.status,
        "reason": image.reason,
        "problem": image.problem,
        "finding": image.finding,
        "fix_note": image.flag,
        "fix_author": image.flagged_by,
    }


def marks_data(marks: Iterable[Mark]) -> list[dict[str, Any]]:
    """Open marks of an image, the highest score first, as the editor shows them."""
    return [
        {
            "id": mark.id,
            "source": mark.source,
            "kind": mark.kind,
            "person": mark.person_id,
            "joints": list(mark.joints),
            "score": mark.score,
            "note": mark.note,
        }
        for mark in marks
    ]


def person_data(
    person: Person, confidence: Mapping[str, float] | None = None, below: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """A person with every joint by name.

    Args:
        person: the person.
        confidence: a model's confidence by joint, where one has predicted this person; left out where the person is blind.
        below: the confidence below which a joint is unsure, where an audit chose one.
    """
    sure = confidence if confidence is not None and not person.blind else {}
    limits = below or {}
    return {
        "id": person.id,
        "image_id": person.image_id,
        "annotation_id": person.annotation_id,
        "revision": person.revision,
        "box": None if person.box is None else list(person.box),
        "joints": {
            name: {"x": joint.x, "y": joint.y, "v": joint.v, "source": joint.source, "confidence": sure.get(name)}
            | ({"below": limits[name]} if name in limits and name in sure else {})
            for name, joint in person.joints.items()
        },
        "crowd": person.crowd,
        "deleted": person.deleted,
        "area": person.area,
        "area_source": person.area_source,
        "touched": person.touched,
        "origin": person.origin,
        "blind": person.blind,
    }


def confidences(predictions: Iterable[Prediction], people: Iterable[Person]) -> dict[int, dict[str, float]]:
    """For each person the confidence by joint: of the newest prediction that put the joint where it is, else of the newest.

    Several models may have spoken about a person; the newest is not always the one whose joints the labeller was given.
    """
    return _by_joint(predictions, people, lambda _, name, confidence: round(confidence, 4))


def limits_of(
    predictions: Iterable[Prediction], people: Iterable[Person], chosen: Mapping[str, Thresholds]
) -> dict[int, dict[str, float]]:
    """For each person, by joint, the confidence below which it is unsure: of the model whose confidence `confidences` tells.

    Args:
        predictions: about these people.
        people: the people.
        chosen: thresholds by model (`Project.look_below`).
    """
    if not chosen:
        return {}

    def limit(prediction: Prediction, name: str, _: float) -> float:
        known = chosen.get(f"{prediction.model}@{prediction.version}")
        return USUAL if known is None else known.below(name)

    return _by_joint(predictions, people, limit)


def _by_joint(
    predictions: Iterable[Prediction], people: Iterable[Person], value: Callable[[Prediction, str, float], float]
) -> dict[int, dict[str, float]]:
    stands = {person.id: {name: (joint.x, joint.y) for name, joint in person.joints.items()} for person in people}
    sure: dict[int, dict[str, float]] = {}
    placed: dict[int, set[str]] = {}
    for prediction in sorted(predictions, key=lambda prediction: prediction.id):
        person_id = prediction.person_id
        if person_id is None or person_id not in stands:
            continue
        here = {name for name, (x, y, _) in prediction.joints.items() if stands[person_id].get(name) == (x, y)}
        said, before = sure.setdefault(person_id, {}), placed.setdefault(person_id, set())
        said |= {
            n: value(prediction, n, c) for n, (_, _, c) in prediction.joints.items() if n in here or n not in before
        }
        before |= here
    return sure


def guess_data(guess: Guess, chosen: Mapping[str, Thresholds]) -> dict[str, Any]:
    """A model's joints for one box, with the confidence below which each is unsure where an audit chose one."""
    joints = guess.person.joints.items()
    known = chosen.get(f"{guess.model}@{guess.version}")
    return {
        "joints": {
            name: {"x": x, "y": y, "confidence": round(sure, 4)}
            | ({} if known is None else {"below": known.below(name)})
            for name, (x, y, sure) in joints
        },
        "model": guess.model,
        "version": guess.version,
        "seconds": round(guess.seconds, 4),
    }


def queue_data(
    ids: Sequence[int], statuses: Sequence[str], fixes: Sequence[int], counts: Mapping[str, int]
) -> dict[str, Any]:
    """Images in columns, so that 100,000 of them stay small.

    Args:
        ids: image ids, in the order of the queue.
        statuses: their statuses.
        fixes: what there is to fix on each (`QueueList.fixes`).
        counts: images of the whole project by status.

    Returns:
        `total` and `counts` of the project, `ids`, and two texts of one digit an image: `statuses`, its status' place in
        `status_names`, and `fixes`.
    """
    digit = {status: str(i) for i, status in enumerate(STATUSES)}
    return {
        "total": sum(counts.values()),
        "counts": dict(counts),
        "status_names": list(STATUSES),
        "ids": ids,
        "statuses": "".join([digit[status] for status in statuses]),
        "fixes": "".join(map(str, fixes)),
    }
