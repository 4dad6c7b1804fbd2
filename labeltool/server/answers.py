"""What the routes send: the store's values as plain JSON data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labeltool.project import STATUSES, ImageRecord, Person, Prediction
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
    }


def person_data(person: Person, confidence: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A person with every joint by name.

    Args:
        person: the person.
        confidence: a model's confidence by joint, where one has predicted this person.
    """
    sure = confidence or {}
    return {
        "id": person.id,
        "image_id": person.image_id,
        "annotation_id": person.annotation_id,
        "revision": person.revision,
        "box": None if person.box is None else list(person.box),
        "joints": {
            name: {"x": joint.x, "y": joint.y, "v": joint.v, "source": joint.source, "confidence": sure.get(name)}
            for name, joint in person.joints.items()
        },
        "crowd": person.crowd,
        "deleted": person.deleted,
        "area": person.area,
        "area_source": person.area_source,
        "touched": person.touched,
        "origin": person.origin,
    }


def confidences(predictions: Iterable[Prediction]) -> dict[int, dict[str, float]]:
    """For each person the confidence by joint of the prediction made last."""
    latest: dict[int, Prediction] = {}
    for prediction in predictions:
        person_id = prediction.person_id
        if person_id is not None and (person_id not in latest or latest[person_id].id < prediction.id):
            latest[person_id] = prediction
    return {
        person_id: {name: round(confidence, 4) for name, (_, _, confidence) in prediction.joints.items()}
        for person_id, prediction in latest.items()
    }


def queue_data(images: Sequence[tuple[int, str]], counts: Mapping[str, int]) -> dict[str, Any]:
    """Images in columns, so that 100,000 of them stay small.

    Args:
        images: id and status, in queue order.
        counts: images of the whole project by status.

    Returns:
        `total` and `counts` of the project, `ids`, and `statuses`: one digit an image, its status' place in `status_names`.
    """
    digit = {status: str(i) for i, status in enumerate(STATUSES)}
    return {
        "total": sum(counts.values()),
        "counts": dict(counts),
        "status_names": list(STATUSES),
        "ids": [image_id for image_id, _ in images],
        "statuses": "".join(digit[status] for _, status in images),
    }
