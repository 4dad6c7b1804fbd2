"""What models said: stored beside the labels, and put before the labellers where no human has spoken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, delete, func, insert, select, update

from labeltool.errors import ProjectError
from labeltool.project.bulk import plain_rows
from labeltool.project.codec import decode_box, decode_guess, encode_box, encode_guess
from labeltool.project.database import now
from labeltool.project.edits import Edit, State, check_box, check_number, empty_joints, filled_joints
from labeltool.project.queue import change_status, get_image
from labeltool.project.reading import CHUNK, AnyRow, state_of
from labeltool.project.reading import people_of as read_people
from labeltool.project.reading import person as read_person
from labeltool.project.saving import insert_person, write_revision
from labeltool.project.tables import models, people, prediction_runs
from labeltool.project.tables import predictions as table
from labeltool.project.values import ModelSummary, Person, PredictedPerson, Prediction, Stored


@dataclass(frozen=True, slots=True)
class Run:
    """Which model speaks."""

    model: str
    version: str
    weights_hash: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What of a prediction is put before the labellers."""

    min_confidence: float
    min_score: float


# Built once: these run for every image and person, and building a statement costs more than running it.
_FORGET_RUN = delete(prediction_runs).where(
    prediction_runs.c.model_id == bindparam("of_model"), prediction_runs.c.image_id == bindparam("of_image")
)
_IMAGE_OF = select(people.c.image_id).where(people.c.id == bindparam("person_id"))
_NEW_RUN, _NEW = insert(prediction_runs), insert(table)


def add(
    connection: Connection,
    names: Sequence[str],
    run: Run,
    by_image: Mapping[int, Sequence[PredictedPerson]],
    limits: Limits | None,
) -> Stored:
    """Stores predictions and, with `limits`, fills; see `Project.add_predictions`. The caller holds the write lock."""
    model_id = _model_id(connection, run)
    stored = Stored([], [], [])
    for image_id, found in by_image.items():
        image = get_image(connection, image_id)
        guesses = [_checked(connection, guess, names, image_id) for guess in found]
        connection.execute(_FORGET_RUN, {"of_model": model_id, "of_image": image_id})
        values = {"model_id": model_id, "image_id": image_id, "at": now(), "people": len(guesses)}
        run_id = _new_id(connection, _NEW_RUN, values)
        if limits is not None and image.status in ("unlabelled", "prefilled"):
            _make_way(connection, names, run, image_id, guesses)
        for guess in guesses:
            person_id = guess.person_id
            prediction = Prediction(
                0, image_id, person_id, run.model, run.version, run.weights_hash, guess.box, guess.score, guess.joints
            )
            if limits is not None and person_id is not None and image.status not in ("done", "skipped"):
                if fill(connection, names, person_id, prediction, limits.min_confidence) is not None:
                    stored.filled.append(person_id)
                elif read_person(connection, names, person_id).blind:
                    stored.blind.append(person_id)
            elif limits is not None and person_id is None and image.status in ("unlabelled", "prefilled"):
                if guess.score >= limits.min_score:
                    person = _propose(connection, names, prediction, limits.min_confidence)
                    person_id = person.id
                    stored.proposed.append(person_id)
                    if person.blind:
                        stored.blind.append(person_id)
            prediction = replace(prediction, person_id=person_id)
            stored.predictions.append(_insert(connection, names, run_id, prediction))
    return stored


def add_one(
    connection: Connection, names: Sequence[str], run: Run, image_id: int, guess: PredictedPerson
) -> Prediction:
    """Stores what a model said about one person; see `Project.add_prediction`. The caller holds the write lock."""
    get_image(connection, image_id)
    guess = _checked(connection, guess, names, image_id)
    model_id = _model_id(connection, run)
    query = select(prediction_runs.c.id).where(
        prediction_runs.c.model_id == model_id, prediction_runs.c.image_id == image_id
    )
    run_id = connection.execute(query).scalar_one_or_none()
    if run_id is None:
        values = {"model_id": model_id, "image_id": image_id, "at": now(), "people": 0, "partial": True}
        run_id = _new_id(connection, _NEW_RUN, values)
    connection.execute(delete(table).where(table.c.run_id == run_id, table.c.person_id == guess.person_id))
    prediction = Prediction(
        0, image_id, guess.person_id, run.model, run.version, run.weights_hash, guess.box, guess.score, guess.joints
    )
    prediction = _insert(connection, names, run_id, prediction)
    _note_extent(connection, run_id, image_id)
    return prediction


def _note_extent(connection: Connection, run_id: int, image_id: int) -> None:
    """Writes how many people a run speaks of, and that it is whole once it speaks of everybody with a box."""
    spoken_of = select(table.c.person_id).where(table.c.run_id == run_id, table.c.person_id.is_not(None))
    left = select(func.count()).where(
        people.c.image_id == image_id,
        people.c.crowd.is_(False),
        people.c.deleted.is_(False),
        people.c.box.is_not(None),
        people.c.id.not_in(spoken_of),
    )
    known = select(func.count()).where(table.c.run_id == run_id)
    values: dict[str, Any] = {"at": now(), "people": connection.execute(known).scalar_one()}
    if not connection.execute(left).scalar_one():
        values["partial"] = False
    connection.execute(update(prediction_runs).where(prediction_runs.c.id == run_id).values(values))


def fill(
    connection: Connection, names: Sequence[str], person_id: int, prediction: Prediction, min_confidence: float
) -> Person | None:
    """Fills a person's joints where none is a human's word; see `Project.fill`. The caller holds the write lock."""
    person = read_person(connection, names, person_id)
    if person.crowd:
        raise ProjectError(f"person {person_id}: a crowd region, which is locked, expected a single person")
    if person.image_id != prediction.image_id:
        raise ProjectError(
            f"person {person_id}: is on image {person.image_id}, the prediction on image {prediction.image_id}"
        )
    if person.has_human_joints or person.deleted or person.blind:
        return None
    guess = _check_joints(prediction.joints, names, f"person {person_id}")
    state = replace(state_of(person), joints=filled_joints(person.joints, guess, min_confidence))
    run = Run(prediction.model, prediction.version, prediction.weights_hash)
    if state.joints != person.joints:
        person = write_revision(connection, person, state, _entry(run, "fill"), touched=False)
    waits = any(joint.source == "predicted" and joint.v > 0 for joint in person.joints.values())
    if waits and get_image(connection, person.image_id).status == "unlabelled":
        change_status(connection, person.image_id, "prefilled", _author(run))
    return person


def predicted_images(connection: Connection, run: Run) -> set[int]:
    """Ids of the images that a model was run on, all of their people."""
    query = select(prediction_runs.c.image_id).join(models).where(_is_run(run), prediction_runs.c.partial.is_(False))
    return {image for (image,) in plain_rows(connection, query)}


def find(
    connection: Connection,
    names: Sequence[str],
    image_id: int | None,
    model: str | None,
    version: str | None,
    weights_hash: str | None,
    person_id: int | None = None,
) -> Iterator[Prediction]:
    """Predictions in the order of image ids, narrowed down by what is given."""
    query: Select[Any] = (
        select(table, prediction_runs.c.image_id, models.c.name, models.c.version, models.c.weights_hash)
        .join(prediction_runs, prediction_runs.c.id == table.c.run_id)
        .join(models, models.c.id == prediction_runs.c.model_id)
        .order_by(prediction_runs.c.image_id, table.c.id)
    )
    for column, value in (
        (prediction_runs.c.image_id, image_id),
        (models.c.name, model),
        (models.c.version, version),
        (models.c.weights_hash, weights_hash),
        (table.c.person_id, person_id),
    ):
        if value is not None:
            query = query.where(column == value)
    for row in connection.execute(query.execution_options(yield_per=CHUNK)):
        yield _to_prediction(row, names)


def list_models(connection: Connection) -> list[ModelSummary]:
    """The models that were run, by name."""
    query = (
        select(
            models.c.name,
            models.c.version,
            models.c.weights_hash,
            func.count(),
            func.sum(prediction_runs.c.people),
            func.max(prediction_runs.c.at),
        )
        .join(prediction_runs)
        .group_by(models.c.id)
        .order_by(models.c.name, models.c.id)
    )
    return [ModelSummary(*row) for row in connection.execute(query)]


def _model_id(connection: Connection, run: Run) -> int:
    for field, value in (("name", run.model), ("version", run.version), ("weights hash", run.weights_hash)):
        if not isinstance(value, str) or (field == "name" and not value):
            raise ProjectError(f"predictions: the model's {field} is {value!r}, expected a text")
    found = connection.execute(select(models.c.id).where(_is_run(run))).scalar_one_or_none()
    if found is not None:
        return int(found)
    values = {"name": run.model, "version": run.version, "weights_hash": run.weights_hash}
    return _new_id(connection, insert(models), values)


def _new_id(connection: Connection, query: Insert, values: Mapping[str, Any]) -> int:
    key = connection.execute(query, values).inserted_primary_key
    assert key is not None  # one row with an integer key
    return int(key[0])


def _is_run(run: Run) -> Any:
    return (
        (models.c.name == run.model) & (models.c.version == run.version) & (models.c.weights_hash == run.weights_hash)
    )


def _checked(connection: Connection, guess: PredictedPerson, names: Sequence[str], image_id: int) -> PredictedPerson:
    where = f"prediction on image {image_id}"
    if guess.person_id is not None:
        if connection.execute(_IMAGE_OF, {"person_id": guess.person_id}).scalar_one_or_none() != image_id:
            raise ProjectError(f"{where}: person {guess.person_id} is not on it, expected one of its people")
    return PredictedPerson(
        check_box(guess.box, where),
        check_number(guess.score, f"{where}: score"),
        _check_joints(guess.joints, names, where),
        guess.person_id,
    )


def _check_joints(
    joints: Mapping[str, tuple[float, float, float]], names: Sequence[str], where: str
) -> dict[str, tuple[float, float, float]]:
    checked = {}
    for name, given in joints.items():
        if name not in names:
            raise ProjectError(f"{where}: no joint {name!r}, expected one of {', '.join(names)}")
        if len(given) != 3:
            raise ProjectError(f"{where}: joint {name!r} is {given!r}, expected x, y and confidence")
        x, y, confidence = (check_number(value, f"{where}: joint {name!r}") for value in given)
        checked[name] = (x, y, confidence)
    return checked


def _insert(connection: Connection, names: Sequence[str], run_id: int, prediction: Prediction) -> Prediction:
    values = {
        "run_id": run_id,
        "person_id": prediction.person_id,
        "box": encode_box(prediction.box),
        "score": prediction.score,
        "joints": encode_guess(prediction.joints, names),
    }
    return replace(prediction, id=_new_id(connection, _NEW, values))


def _propose(connection: Connection, names: Sequence[str], prediction: Prediction, min_confidence: float) -> Person:
    joints = filled_joints(empty_joints(names, "predicted"), prediction.joints, min_confidence)
    run = Run(prediction.model, prediction.version, prediction.weights_hash)
    state = State(prediction.box, joints, False)
    person = insert_person(connection, prediction.image_id, state, _entry(run, "propose"), origin="model")
    if not person.blind and get_image(connection, prediction.image_id).status == "unlabelled":
        change_status(connection, prediction.image_id, "prefilled", _author(run))
    return person


def _make_way(
    connection: Connection, names: Sequence[str], run: Run, image_id: int, guesses: Sequence[PredictedPerson]
) -> None:
    """Deletes the people that models proposed on an image and no human touched, when there are new detections for it."""
    used = {guess.person_id for guess in guesses}
    if None not in used:
        return
    for person in read_people(connection, names, image_id, deleted=False):
        if person.origin == "model" and not person.touched and person.id not in used:
            state = replace(state_of(person), deleted=True)
            write_revision(connection, person, state, _entry(run, "retract"), touched=False)


def _entry(run: Run, action: str) -> Edit:
    return Edit(None, None, None, False, _author(run), "", action, 0.0)


def _author(run: Run) -> str:
    return f"model:{run.model}@{run.version}"


def _to_prediction(row: AnyRow, names: Sequence[str]) -> Prediction:
    box = decode_box(row.box)
    assert box is not None  # the column is NOT NULL
    return Prediction(
        id=row.id,
        image_id=row.image_id,
        person_id=row.person_id,
        model=row.name,
        version=row.version,
        weights_hash=row.weights_hash,
        box=box,
        score=row.score,
        joints=decode_guess(row.joints, names),
    )
