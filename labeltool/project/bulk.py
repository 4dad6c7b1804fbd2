"""Labels and predictions of a whole project as arrays: what an audit reads, many times faster than one person at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import simdjson
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, or_, select

from labeltool.project.codec import spread_sources
from labeltool.project.measuring import is_human
from labeltool.project.tables import images, models, people, prediction_runs, revisions
from labeltool.project.tables import predictions as predictions_table

#: Rows whose JSON is read in one go.
_AT_A_TIME = 1000

#: Stands for null where all values must be numbers; no coordinate and no confidence is this.
_NULL = "-1e300"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelArrays:
    """Everybody on the images where somebody is labelled, by image id: whom an export would hold.

    Attributes:
        person: (N,) the store's number of each person.
        image: (N,) the image id.
        annotation: (N,) the COCO annotation id.
        crowd: (N,) bool.
        box: (N, 4) xywh, NaN where there is none.
        area: (N,) square pixels, NaN where nothing gives one.
        area_source: (N,) where the area comes from.
        keypoints: (N, K, 3) x, y, v; joints that are mere predictions or have v = 0 are 0, 0, 0.
    """

    person: IntArray
    image: IntArray
    annotation: IntArray
    crowd: NDArray[np.bool_]
    box: FloatArray
    area: FloatArray
    area_source: NDArray[np.str_]
    keypoints: FloatArray


@dataclass(frozen=True, eq=False)
class PredictionArrays:
    """What one run of a model said, by image id.

    Attributes:
        image: (M,) the image id.
        person: (M,) the store's number of the person whose box the model was given, or -1.
        score: (M,) 0..1.
        joints: (M, K, 3) x, y, confidence; NaN for joints that the model does not predict.
    """

    image: IntArray
    person: IntArray
    score: FloatArray
    joints: FloatArray


@dataclass(frozen=True, eq=False)
class HelpArrays:
    """The work that humans did on people, by person: whoever has a human's revision.

    Attributes:
        person: (N,) the store's number of each person.
        image: (N,) the image id.
        annotation: (N,) the COCO annotation id.
        help: (N,) `none`, `prefilled` or `blind`, as of the last revision by a human; `unknown` where an older version wrote it.
        model: (N,) the model (`name@version`) whose joints were served last, or empty.
        seconds: (N,) active seconds of all humans together; NaN where none were noted.
        joints_moved: (N,) joints that lie elsewhere than they were served, as of the last revision by a human; -1 where an older
            version wrote it.
    """

    person: IntArray
    image: IntArray
    annotation: IntArray
    help: NDArray[np.str_]
    model: NDArray[np.str_]
    seconds: FloatArray
    joints_moved: IntArray


def help_arrays(connection: Connection) -> HelpArrays:
    """What help there was, person by person; see `Project.help_arrays`."""
    log = revisions.c
    # SQLite gives the columns beside a lone max() from the row that holds it.
    last = (
        select(
            log.person_id,
            func.sum(log.active_seconds).label("seconds"),
            func.max(log.number),
            log.help,
            log.joints_moved,
        )
        .where(is_human(log.author))
        .group_by(log.person_id)
        .subquery()
    )
    query = select(
        people.c.id,
        people.c.image_id,
        people.c.annotation_id,
        last.c.help,
        people.c.served_by,
        last.c.seconds,
        last.c.joints_moved,
    ).join(last, last.c.person_id == people.c.id)
    rows = plain_rows(connection, query.order_by(people.c.image_id, people.c.id))
    person, image, annotation, helped, model, seconds, moved = zip(*rows, strict=True) if rows else [()] * 7
    return HelpArrays(
        np.array(person, dtype=np.int64),
        np.array(image, dtype=np.int64),
        np.array(annotation, dtype=np.int64),
        np.array(["unknown" if h is None else h for h in helped], dtype=np.str_),
        np.array(["" if m is None else m for m in model], dtype=np.str_),
        np.array([s if s > 0 else np.nan for s in seconds], dtype=np.float64),
        np.array([-1 if m is None else m for m in moved], dtype=np.int64),
    )


def label_arrays(connection: Connection, count: int, on: Sequence[int] | None = None) -> LabelArrays:
    """The labels of skeletons of `count` joints, all or those on some images; see `Project.label_arrays`."""
    labelled = (people.c.labelled > 0, people.c.crowd.is_(False), people.c.deleted.is_(False))
    columns = (
        people.c.id,
        people.c.image_id,
        people.c.annotation_id,
        people.c.crowd,
        people.c.box,
        people.c.area,
        people.c.area_source,
        people.c.keypoints,
        people.c.sources,
    )
    judged: Any = select(people.c.image_id).where(*labelled)
    if on is not None:
        # Asked for all of it at once, SQLite would go through everybody who is labelled.
        some = select(people.c.image_id, people.c.labelled, people.c.crowd, people.c.deleted).where(
            people.c.image_id.in_(on)
        )
        judged = {
            image for image, joints, crowd, deleted in plain_rows(connection, some) if joints and not (crowd or deleted)
        }
    # A model's proposal that nobody touched is nobody yet: no export holds it.
    query = (
        select(*columns)
        .where(
            people.c.image_id.in_(judged),
            people.c.deleted.is_(False),
            or_(people.c.origin != "model", people.c.touched.is_(True)),
        )
        .order_by(people.c.image_id, people.c.id)
    )
    rows = plain_rows(connection, query)
    ids, image, annotation, crowd, box, area, area_source, keypoints, sources = (
        zip(*rows, strict=True) if rows else [()] * 9
    )
    table = numbers(keypoints, 3 * count, "0").reshape(-1, count, 3)
    table[_predicted(sources, count) | (table[:, :, 2] == 0)] = 0
    return LabelArrays(
        np.array(ids, dtype=np.int64),
        np.array(image, dtype=np.int64),
        np.array(annotation, dtype=np.int64),
        np.array(crowd, dtype=np.bool_),
        numbers(box, 4, "null"),
        np.array(area, dtype=np.float64),
        np.array(area_source, dtype=np.str_),
        table,
    )


def prediction_arrays(
    connection: Connection, count: int, model: str, version: str, weights_hash: str
) -> PredictionArrays:
    """The predictions of a run; see `Project.prediction_arrays`."""
    query = (
        select(
            prediction_runs.c.image_id,
            predictions_table.c.person_id,
            predictions_table.c.score,
            predictions_table.c.joints,
        )
        .join(prediction_runs, prediction_runs.c.id == predictions_table.c.run_id)
        .join(models, models.c.id == prediction_runs.c.model_id)
        .where(models.c.name == model, models.c.version == version, models.c.weights_hash == weights_hash)
        .order_by(prediction_runs.c.image_id, predictions_table.c.id)
    )
    rows = plain_rows(connection, query)
    image, person, score, joints = zip(*rows, strict=True) if rows else [()] * 4
    return PredictionArrays(
        np.array(image, dtype=np.int64),
        np.array([-1 if p is None else p for p in person], dtype=np.int64),
        np.array(score, dtype=np.float64),
        numbers(joints, 3 * count, "null").reshape(-1, count, 3),
    )


def blind_people(connection: Connection) -> set[int]:
    """Ids of the people who are labelled blind; see `Project.blind_people`."""
    return {row[0] for row in plain_rows(connection, select(people.c.id).where(people.c.blind))}


def image_names(connection: Connection) -> tuple[dict[int, str], dict[int, str]]:
    """File name and status of every image, by id."""
    rows = plain_rows(connection, select(images.c.id, images.c.file_name, images.c.status))
    return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}


def images_of_status(connection: Connection, statuses: Collection[str]) -> list[int]:
    """Ids of the images of some statuses."""
    return [row[0] for row in plain_rows(connection, select(images.c.id).where(images.c.status.in_(statuses)))]


def plain_rows(connection: Connection, query: Select[Any]) -> Sequence[Any]:
    """The rows of a query as SQLite has them: a hundred thousand in a third of the time that rows with names take."""
    compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
    cursor = connection.connection.cursor()
    try:
        cursor.execute(str(compiled))
        rows = cursor.fetchall()
    finally:
        cursor.close()
    return rows


def numbers(texts: Sequence[str | None], width: int, empty: str) -> FloatArray:
    """Columns of JSON lists as a table; `empty` in each place of a column that is NULL, null as NaN."""
    nothing = f"[{','.join([empty] * width)}]"
    table = np.empty((len(texts), width))
    parser = simdjson.Parser()
    for start in range(0, len(texts), _AT_A_TIME):
        # Many at once: a call for each costs more than the numbers. All at once would leave the processor's cache.
        block = [nothing if text is None else text for text in texts[start : start + _AT_A_TIME]]
        table[start : start + len(block)] = _block(parser, f"[{','.join(block)}]", len(block), width)
    return table


def _block(parser: simdjson.Parser, text: str, count: int, width: int) -> FloatArray:
    filled = text.replace("null", _NULL)
    try:
        parsed: Any = parser.parse(filled.encode())
        values = np.frombuffer(parsed.as_buffer(of_type="d"), dtype=np.float64)
        table = values.reshape(count, width)
    except (TypeError, ValueError, RuntimeError):
        # bools for numbers, or integers of more than 64 bits: nothing that labeltool writes
        return np.array(orjson.loads(text), dtype=np.float64)
    return table if filled is text else np.where(table == float(_NULL), np.nan, table)


def _predicted(sources: Sequence[str], count: int) -> NDArray[np.bool_]:
    """Which joints are mere predictions: (N, K)."""
    found = np.zeros((len(sources), count), dtype=np.bool_)
    known: dict[str, list[bool]] = {}
    for row, letters in enumerate(sources):
        if "p" in letters:
            if letters not in known:
                known[letters] = [letter == "p" for letter in spread_sources(letters, count)]
            found[row] = known[letters]
    return found
