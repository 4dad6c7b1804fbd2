"""The routes below /api: read the request, ask the project in a thread, answer with JSON or the error's one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import labeltool
from labeltool.errors import AuditError, LabeltoolError, PhotoError, ProjectError
from labeltool.project import STATUSES, ImageRecord, Joint, Person, StaleRevision
from labeltool.project.edits import JointLike, check_box
from labeltool.server import requests
from labeltool.server.access import BEARER_SECONDS
from labeltool.server.answers import (
    confidences,
    guess_data,
    image_data,
    limits_of,
    marks_data,
    person_data,
    skeleton_data,
)
from labeltool.server.guideline import PICTURE_TYPES, guideline_html, picture_path
from labeltool.server.office import Office
from labeltool.server.photo_store import ReadyPhoto
from labeltool.server.photos import LONGEST_SIDES, photo_tag
from labeltool.server.predicting import ModelUnavailable
from labeltool.server.queue_routes import get_find, get_progress, get_queue, put_fix, put_marks
from labeltool.server.requests import RequestError

if TYPE_CHECKING:
    from labeltool.audit import Scale

Handler = Callable[[Request, Office], Awaitable[Response]]


def api_routes(office: Office) -> list[Route]:
    """Every route below /api, for one office."""
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/api/project", get_project),
        ("GET", "/api/queue", get_queue),
        ("GET", "/api/find", get_find),
        ("GET", "/api/progress", get_progress),
        ("GET", "/api/images/{image_id}", get_image),
        ("GET", "/api/images/{image_id}/photo", get_photo),
        ("PUT", "/api/images/{image_id}/status", put_status),
        ("PUT", "/api/images/{image_id}/fix", put_fix),
        ("PUT", "/api/images/{image_id}/marks", put_marks),
        ("POST", "/api/images/{image_id}/people", post_person),
        ("POST", "/api/images/{image_id}/predict", post_predict),
        ("GET", "/api/models", get_models),
        ("PUT", "/api/people/{person_id}", put_person),
        ("GET", "/api/guideline", get_guideline),
        ("GET", "/api/guideline/{name:path}", get_guideline_picture),
        ("GET", "/api/export", get_export),
        ("GET", "/api/audit", get_audit),
        ("POST", "/api/token", post_token),
    ]
    known = [Route(path, _answering(handler, office), methods=[method]) for method, path, handler in table]
    return [*known, Route("/api/{rest:path}", _unknown, methods=["GET", "PUT", "POST", "DELETE", "PATCH"])]


async def get_project(request: Request, office: Office) -> Response:
    """GET /api/project: name, user, skeleton, statuses, counts."""
    project = office.project
    counts = await run_in_threadpool(project.counts)
    data = {
        "name": project.config.name,
        "id": office.access.project,
        "user": request.scope.get("labeltool.user") or office.user,
        "version": labeltool.__version__,
        "skeleton": skeleton_data(project.skeleton),
        "guideline": project.config.guideline is not None,
        "statuses": list(STATUSES),
        "counts": {"images": counts.images, "by_status": dict(counts.by_status), "people": counts.people},
    }
    return JSONResponse(data)


async def get_image(request: Request, office: Office) -> Response:
    """GET /api/images/{id}: the image with its people, deleted ones included."""
    image_id = requests.path_id(request, "image_id")

    def find() -> dict[str, Any]:
        image = _image(office, image_id)
        people = office.project.people(image_id, deleted=True)
        said = list(office.project.predictions(image_id)) if people else []
        sure, below = confidences(said, people), limits_of(said, people, office.project.look_below())
        data = {**image_data(image), "marks": marks_data(office.project.marks(image_id))}
        return {"image": data, "people": [person_data(p, sure.get(p.id), below.get(p.id)) for p in people]}

    return JSONResponse(await run_in_threadpool(find), headers={"cache-control": "no-store"})


async def get_photo(request: Request, office: Office) -> Response:
    """GET /api/images/{id}/photo?max=&tile=: the photo upright, or a tile of it; 404 where there is none, 422 a broken one."""
    image_id = requests.path_id(request, "image_id")
    longest = requests.query_int(request, "max")
    tile = requests.query_integers(request, "tile", 3)
    wanted = request.headers.get("if-none-match", "")
    if longest is not None and longest not in LONGEST_SIDES:
        raise RequestError(422, f"max is {longest}, expected one of {', '.join(map(str, LONGEST_SIDES))}")

    def find() -> tuple[str, ReadyPhoto | None]:
        path = office.project.photo_path(_image(office, image_id))
        try:
            tag = photo_tag(path)
        except PhotoError as error:
            raise RequestError(404, _without_root(office, error)) from None
        if tag in wanted:
            return tag, None
        try:
            if tile is None:
                photos = office.photos
                return tag, photos.get(path, tag) if longest is None else photos.scaled(path, tag, longest)
            found = office.photos.tile(path, tag, (tile[0], tile[1], tile[2]))
        except PhotoError as error:
            raise RequestError(422, _without_root(office, error)) from None
        if found is None:
            raise RequestError(404, f"tile is {','.join(map(str, tile))}: the photo has no such tile")
        return tag, found

    tag, photo = await run_in_threadpool(find)
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if photo is None:
        return Response(status_code=304, headers=headers)
    headers["x-photo-size"] = "{}x{}".format(*photo.size)
    return Response(photo.content, media_type=photo.media_type, headers=headers)


async def put_person(request: Request, office: Office) -> Response:
    """PUT /api/people/{id}: one edit; 200 the person, 409 both versions when somebody else was first."""
    person_id = requests.path_id(request, "person_id")
    known = ("base", "edit_id", "action", "active_seconds", "joints", "box", "deleted")
    body = await requests.json_object(request, known)
    edit: dict[str, Any] = {
        "base": requests.integer(body, "base"),
        "edit_id": requests.text(body, "edit_id", 100),
        "action": requests.text(body, "action", 40),
        "active_seconds": requests.seconds(body, "active_seconds"),
        "joints": _joints(body.get("joints", {})),
        "box": body.get("box"),
        "deleted": body.get("deleted"),
        "author": office.author(request),
    }

    def save() -> dict[str, Any]:
        try:
            saved = office.project.save(person_id, **edit)
        except StaleRevision:
            raise
        except ProjectError:
            _person(office, person_id)  # 404 for somebody who is not there
            raise
        return _person_answer(office, saved, saved.image_id)

    def stale(error: StaleRevision) -> dict[str, Any]:
        current = _person_answer(office, error.current, error.current.image_id)
        last = office.project.history(error.current.id)[-1:]
        if last:
            current = {**current, "saved_by": last[0].author, "saved_at": last[0].at}
        return {"error": str(error), "current": current, "offered": person_data(error.offered)}

    try:
        return JSONResponse(await run_in_threadpool(save))
    except StaleRevision as error:
        return JSONResponse(await run_in_threadpool(stale, error), status_code=409)


async def post_person(request: Request, office: Office) -> Response:
    """POST /api/images/{id}/people: a new person in a box; 201 the person, 200 the same one when this edit id made it before."""
    image_id = requests.path_id(request, "image_id")
    body = await requests.json_object(request, ("edit_id", "box", "joints", "action", "active_seconds"))
    edit: dict[str, Any] = {
        "edit_id": requests.text(body, "edit_id", 100),
        "action": requests.text(body, "action", 40),
        "active_seconds": requests.seconds(body, "active_seconds"),
        "joints": _joints(body.get("joints", {})),
        "box": body.get("box"),
        "author": office.author(request),
    }
    if edit["box"] is None:
        raise RequestError(422, "box is missing, expected [x, y, w, h]")

    def add() -> tuple[dict[str, Any], bool]:
        _image(office, image_id)
        known = office.project.has_edit(edit["edit_id"])
        return _person_answer(office, office.project.add_person(image_id, **edit), image_id), known

    person, known = await run_in_threadpool(add)
    return JSONResponse(person, status_code=200 if known else 201)


async def put_status(request: Request, office: Office) -> Response:
    """PUT /api/images/{id}/status: the image with its new status."""
    image_id = requests.path_id(request, "image_id")
    body = await requests.json_object(request, ("status", "reason"))
    status = requests.text(body, "status", 40)
    reason = requests.text(body, "reason", 500) if body.get("reason") is not None else None

    def save() -> dict[str, Any]:
        _image(office, image_id)
        return image_data(office.project.set_status(image_id, status, office.author(request), reason))

    return JSONResponse(await run_in_threadpool(save))


async def post_predict(request: Request, office: Office) -> Response:
    """POST /api/images/{id}/predict: a model's joints for the person in a box; 403 for whoever is labelled blind.

    The answer is stored as a prediction about that person and changes no joint: what becomes of it is the labeller's edit.
    """
    image_id = requests.path_id(request, "image_id")
    body = await requests.json_object(request, ("person", "box", "model"))
    person_id = None if body.get("person") is None else requests.integer(body, "person")
    name = None if body.get("model") is None else requests.text(body, "model", 100)
    box = check_box(body.get("box"), "predict")
    project = office.project

    def ask() -> dict[str, Any]:
        image = _image(office, image_id)
        if person_id is None:
            if project.config.blind_share > 0:
                raise RequestError(
                    409, "predict: person is null, expected a saved person: the id says who is labelled blind"
                )
        else:
            person = _person(office, person_id)
            if person.image_id != image_id or person.crowd or person.deleted:
                raise RequestError(422, f"predict: person {person_id} is no person to fill on image {image_id}")
            if person.blind:
                raise RequestError(
                    403, f"person {person_id} is labelled blind: without a model, to measure what help is worth"
                )
        try:
            guess = office.models.predict(project.photo_path(image), box, project.skeleton, name)
        except ModelUnavailable as error:
            raise RequestError(503, str(error)) from None
        except PhotoError as error:
            raise RequestError(422, _without_root(office, error)) from None
        if person_id is not None:
            said = replace(guess.person, person_id=person_id)
            project.add_prediction(guess.model, guess.version, guess.weights_hash, image_id, said)
        return guess_data(guess, project.look_below())

    return JSONResponse(await run_in_threadpool(ask), headers={"cache-control": "no-store"})


async def get_models(request: Request, office: Office) -> Response:
    """GET /api/models: the models that `predict` may be asked for."""
    return JSONResponse(await run_in_threadpool(office.models.listed))


async def get_guideline(request: Request, office: Office) -> Response:
    """GET /api/guideline: the project's written guideline as HTML without anything active in it."""
    path = office.project.config.guideline
    if path is None:
        raise RequestError(404, "the project has no guideline (`guideline` in project.toml)")
    html = await run_in_threadpool(guideline_html, path)
    return JSONResponse({"html": html}, headers={"cache-control": "no-store"})


async def get_guideline_picture(request: Request, office: Office) -> Response:
    """GET /api/guideline/{name}: a picture that the guideline shows."""
    guideline = office.project.config.guideline
    name: str = request.path_params["name"]
    found = None if guideline is None else await run_in_threadpool(picture_path, guideline, name)
    if found is None:
        raise RequestError(404, f"guideline picture {name[:200]!r}: there is none")
    return FileResponse(
        found, media_type=PICTURE_TYPES[found.suffix.lower()], headers={"cache-control": "private, no-cache"}
    )


async def get_export(request: Request, office: Office) -> Response:
    """GET /api/export?only_done=: the labels as a COCO document, streamed."""
    only_done = requests.query_flag(request, "only_done")
    name = f"{office.project.config.name}{'-done' if only_done else ''}.json"
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_. ") else "_" for sign in name)
    headers = {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "cache-control": "no-store",
    }
    chunks = office.project.export_chunks(only_done=only_done)
    return StreamingResponse(chunks, media_type="application/json", headers=headers)


async def get_audit(request: Request, office: Office) -> Response:
    """GET /api/audit?model=&scale=: a model's predictions held against the labels, as `labeltool audit --json` prints it."""
    from labeltool.evaluate import audit_project

    model = request.query_params.get("model")
    if not model:
        raise RequestError(422, "model is missing, expected the name of a model that has predictions")
    scale = request.query_params.get("scale", "area")
    if scale not in ("area", "bbox-diagonal"):
        raise RequestError(422, f"scale is {scale!r}, expected area or bbox-diagonal")
    known: Scale = "area" if scale == "area" else "bbox-diagonal"
    return JSONResponse(await run_in_threadpool(lambda: audit_project(office.project, model, scale=known).to_json()))


async def post_token(request: Request, office: Office) -> Response:
    """POST /api/token: a fresh bearer token for a page whose own is about to expire."""
    user = request.scope.get("labeltool.user") or office.user
    data = {"token": office.access.mint(user), "expires_in": BEARER_SECONDS}
    return JSONResponse(data, headers={"cache-control": "no-store"})


def _answering(handler: Handler, office: Office) -> Callable[[Request], Awaitable[Response]]:
    """The handler as an endpoint: labeltool's errors become JSON with their one line."""

    async def endpoint(request: Request) -> Response:
        office.models.note_request()
        try:
            return await handler(request, office)
        except RequestError as error:
            return JSONResponse({"error": error.error}, status_code=error.status)
        except AuditError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        except ProjectError as error:
            # The store's own complaints stand alone; one with a cause is the disk's or the database's, and may pass.
            return JSONResponse({"error": str(error)}, status_code=503 if error.__cause__ else 422)
        except LabeltoolError as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    return endpoint


async def _unknown(request: Request) -> Response:
    return JSONResponse({"error": f"{request.method} {request.url.path}: no such route"}, status_code=404)


def _image(office: Office, image_id: int) -> ImageRecord:
    try:
        return office.project.image(image_id)
    except ProjectError as error:
        if error.__cause__:
            raise
        raise RequestError(404, str(error)) from None


def _person(office: Office, person_id: int) -> Person:
    try:
        return office.project.person(person_id)
    except ProjectError as error:
        if error.__cause__:
            raise
        raise RequestError(404, str(error)) from None


def _person_answer(office: Office, person: Person, image_id: int) -> dict[str, Any]:
    """The person, with the image's status and what the check finds wrong with it, which a save may have changed."""
    said = list(office.project.predictions(image_id, person_id=person.id))
    sure = confidences(said, [person]).get(person.id)
    below = limits_of(said, [person], office.project.look_below()).get(person.id) if said else None
    image = office.project.image(image_id)
    return {**person_data(person, sure, below), "image_status": image.status, "image_finding": image.finding}


def _joints(given: Any) -> dict[str, JointLike]:
    """The joints of a request: `{"x", "y", "v"}`, whose source follows from the change, or with a `source` of their own."""
    if not isinstance(given, dict):
        raise RequestError(422, f"joints is {str(given)[:60]!r}, expected an object of joints by name")
    joints: dict[str, JointLike] = {}
    for name, value in given.items():
        if not isinstance(value, dict) or not {"x", "y", "v"} <= set(value) <= {"x", "y", "v", "source"}:
            raise RequestError(422, f"joint {name!r} is {str(value)[:60]!r}, expected x, y, v and possibly a source")
        if "source" in value:
            joints[name] = Joint(value["x"], value["y"], value["v"], value["source"])
        else:
            joints[name] = (value["x"], value["y"], value["v"])
    return joints


def _without_root(office: Office, error: PhotoError) -> str:
    """The error's line with the path as the project has it: where the photos lie on the server is nobody's business."""
    return str(error).replace(f"{office.project.config.image_root}/", "")
