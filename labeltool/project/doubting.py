"""How unsure models are about the people of an image, kept beside the image so that the queue can be sorted by it.

For each person that is neither crowd nor deleted nor labelled blind, from the predictions made for it:

- **confidence**: `uncertainty.confidence_doubt` of the prediction made last, the one that labellers see; where an audit chose
  thresholds for its model, of its confidences put on one scale by them (`thresholds.on_one_scale`).
- **disagreement**: `uncertainty.disagreement` between the last predictions of two models, the mean over all pairs of models.
- **pose**: `uncertainty.pose_doubt` of the prediction made last, by the bodies that the project's own labels show, or those of
  the literature while there are few.
- **doubt**: `uncertainty.combined` of the three.

An image has the doubt of its most doubtful person, for each measure; without a prediction it has none. Whoever is labelled blind
leaves no trace in any of them. Labels change none of it: it is about what the models said, and the order stays while one works.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import NoResultFound

from labeltool.audit import uncertainty
from labeltool.coco.derive import BOX_AREA_FACTOR
from labeltool.project import bulk
from labeltool.project.codec import decode_box, encode
from labeltool.project.database import get_meta
from labeltool.project.tables import images, meta, models, people, prediction_runs, predictions
from labeltool.project.thresholds import Thresholds, on_one_scale
from labeltool.project.thresholds import read as read_thresholds
from labeltool.skeleton import Skeleton

#: Images that are measured in one go.
AT_A_TIME = 2000

#: `meta`: the project's own bodies (`uncertainty.Bodies`) with the limbs they were measured on.
META_BODIES = "bodies"

FloatArray = NDArray[np.float64]


def measure(connection: Connection, skeleton: Skeleton, image_ids: Collection[int]) -> None:
    """Works out the doubts of some images anew. The caller holds the write lock."""
    bodies = _known_bodies(connection, skeleton)
    ids = list(dict.fromkeys(image_ids))
    for start in range(0, len(ids), AT_A_TIME):
        _measure_block(connection, skeleton, bodies, ids[start : start + AT_A_TIME])


def measure_all(connection: Connection, skeleton: Skeleton) -> None:
    """Measures the project's own bodies, and then every image that a model has seen. The caller holds the write lock."""
    labels = bulk.label_arrays(connection, len(skeleton))
    alone = labels.keypoints[~labels.crowd]
    bodies = uncertainty.measured_bodies(skeleton, alone[:, :, :2], alone[:, :, 2])
    value = encode({"limbs": [list(limb) for limb in skeleton.limbs], "bodies": bodies.to_json()})
    connection.execute(insert(meta).prefix_with("OR REPLACE").values(key=META_BODIES, value=value))
    seen = select(prediction_runs.c.image_id).distinct().order_by(prediction_runs.c.image_id)
    measure(connection, skeleton, list(connection.execute(seen).scalars()))


def _known_bodies(connection: Connection, skeleton: Skeleton) -> uncertainty.Bodies:
    """The project's own bodies where they were measured on the limbs of now, else the literature's."""
    try:
        stored: dict[str, Any] = get_meta(connection, META_BODIES)
    except NoResultFound:
        stored = {}
    if stored.get("limbs") == [list(limb) for limb in skeleton.limbs]:
        return uncertainty.Bodies.from_json(stored["bodies"])
    return uncertainty.anthropometric(skeleton)


def _measure_block(connection: Connection, skeleton: Skeleton, bodies: uncertainty.Bodies, ids: Sequence[int]) -> None:
    query = (
        select(
            predictions.c.id,
            predictions.c.person_id,
            predictions.c.joints,
            prediction_runs.c.model_id,
            people.c.image_id,
            people.c.area,
            people.c.box,
        )
        .join(prediction_runs, prediction_runs.c.id == predictions.c.run_id)
        .join(people, people.c.id == predictions.c.person_id)
        .where(people.c.image_id.in_(ids), people.c.crowd.is_(False), people.c.deleted.is_(False))
        .where(people.c.blind.is_(False))
        .order_by(predictions.c.id)
    )
    rows = connection.execute(query).all()
    doubts: dict[int, list[float]] = {}
    if rows:
        joints = bulk.numbers([row.joints for row in rows], 3 * len(skeleton), "null").reshape(len(rows), -1, 3)
        doubts = _worst(rows, _doubts(skeleton, bodies, rows, joints, _thresholds(connection)))
    names = ("doubt_confidence", "doubt_models", "doubt_pose", "doubt")
    before = select(images.c.id, *(images.c[name] for name in names)).where(images.c.id.in_(ids))
    changes: list[dict[str, Any]] = []
    for image_id, *known in connection.execute(before).all():
        values = [None if np.isnan(v) else round(float(v), 6) for v in doubts.get(image_id, [np.nan] * 4)]
        if values != known:
            changes.append({"image_id": image_id, **dict(zip(names, values, strict=True))})
    if changes:
        connection.execute(update(images).where(images.c.id == bindparam("image_id")), changes)


def _thresholds(connection: Connection) -> dict[int, Thresholds]:
    """The thresholds of confidence by the store's number of the model."""
    chosen = read_thresholds(connection)
    if not chosen:
        return {}
    names = connection.execute(select(models.c.id, models.c.name, models.c.version))
    return {row.id: chosen[f"{row.name}@{row.version}"] for row in names if f"{row.name}@{row.version}" in chosen}


def _doubts(
    skeleton: Skeleton,
    bodies: uncertainty.Bodies,
    rows: Sequence[Any],
    joints: FloatArray,
    limits: Mapping[int, Thresholds],
) -> dict[int, FloatArray]:
    """For each person the three doubts and their combination: (4,)."""
    latest: dict[int, int] = {}
    by_model: dict[int, dict[int, int]] = defaultdict(dict)
    for place, row in enumerate(rows):  # in the order they were made
        latest[row.person_id] = place
        by_model[row.person_id][row.model_id] = place
    shown = np.array(list(latest.values()))
    sure = joints[:, :, 2].copy()
    for model, chosen in limits.items():
        of_model = np.array([row.model_id == model for row in rows])
        sure[of_model] = on_one_scale(sure[of_model], skeleton.joints, chosen)
    confidence = uncertainty.confidence_doubt(sure[shown])
    pose = uncertainty.pose_doubt(skeleton, joints[shown, :, :2], bodies)
    pairs = [(a, b) for places in by_model.values() for a, b in combinations(places.values(), 2)]
    apart: dict[int, list[float]] = defaultdict(list)
    if pairs:
        a, b = (np.array(column) for column in zip(*pairs, strict=True))
        area = np.array([_area(rows[place]) for place in a])
        found = uncertainty.disagreement(joints[a, :, :2], joints[b, :, :2], area, skeleton.sigmas)
        for place, value in zip(a, found, strict=True):
            if not np.isnan(value):
                apart[rows[place].person_id].append(float(value))
    models = np.array([np.mean(apart[person]) if apart[person] else np.nan for person in latest])
    table = np.stack([confidence, models, pose, uncertainty.combined(confidence, models, pose)], axis=1)
    return dict(zip(latest, table, strict=True))


def _worst(rows: Sequence[Any], doubts: dict[int, FloatArray]) -> dict[int, list[float]]:
    """For each image the greatest of each doubt of its people."""
    owner = {row.person_id: row.image_id for row in rows}
    worst: dict[int, FloatArray] = {}
    for person, values in doubts.items():
        image_id = owner[person]
        worst[image_id] = np.fmax(worst[image_id], values) if image_id in worst else values
    return {image_id: values.tolist() for image_id, values in worst.items()}


def _area(row: Any) -> float:
    if row.area is not None:
        return float(row.area)
    box = decode_box(row.box)
    return np.nan if box is None else BOX_AREA_FACTOR * box[2] * box[3]
