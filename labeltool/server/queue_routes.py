"""The routes of the queue: its columns in an order, an image by name, how far the work is, what needs fixing."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from labeltool.errors import ProjectError
from labeltool.project import Pace, Progress
from labeltool.server import requests
from labeltool.server.answers import image_data, marks_data, queue_data
from labeltool.server.office import Office
from labeltool.server.requests import RequestError

#: Images that one page of the queue may ask for.
_MAX_PAGE = 1_000_000

#: Images that a search names.
_MATCHES = 8


async def get_queue(request: Request, office: Office) -> Response:
    """GET /api/queue?order=&seed=&part=&status=&after=&limit=&names=: images in an order, in columns.

    With `part` (`mark:SOURCE`, `mark:SOURCE:KIND` or `by:LABELLER`) a digit an image says whether it belongs to that part; the
    order `mark` then begins with those.
    """
    status = request.query_params.getlist("status") or None
    order = request.query_params.get("order", "position")
    seed = requests.query_int(request, "seed") or 0
    after = requests.query_int(request, "after")
    limit = requests.query_int(request, "limit", least=0)
    names = requests.query_flag(request, "names")
    wish = _part(request.query_params.get("part", ""))
    if limit is not None and limit > _MAX_PAGE:
        raise RequestError(422, f"limit is {limit}, expected at most {_MAX_PAGE}")
    part = status is not None or after is not None or limit is not None or names
    if part and order != "position":
        raise RequestError(422, f"order is {order!r}, expected position where status, after, limit or names is given")

    def find() -> bytes:
        project = office.project
        counts = project.status_counts()
        if not part:
            found = project.queue(order=order, seed=seed)
            chosen = project.queue(order=order, seed=seed, **wish).ids if wish else []
            if wish and order == "mark":
                found = found.beginning_with(chosen)
            data = queue_data(found.ids, found.statuses, found.fixes, counts)
            if wish:
                among = set(chosen)
                data["chosen"] = "".join(["1" if image_id in among else "0" for image_id in found.ids])
            data["marks"] = [[mark.source, mark.kind, mark.images] for mark in project.mark_counts()]
            return orjson.dumps({**data, "labellers": project.labellers()})
        images = project.images(status, after, limit)
        fixes = [(im.problem is not None) + 2 * (im.finding is not None) + 4 * (im.flag is not None) for im in images]
        data = queue_data([im.id for im in images], [im.status for im in images], fixes, counts)
        return orjson.dumps({**data, "names": [im.file_name for im in images]} if names else data)

    return Response(await run_in_threadpool(find), media_type="application/json")


def _part(text: str) -> dict[str, str]:
    """The part of the queue that a client means, as `Project.queue` takes it."""
    sort, _, value = text.partition(":")
    names = {"mark": "mark", "by": "labeller"}
    if not text:
        return {}
    if sort not in names or not value:
        raise RequestError(422, f"part is {text[:60]!r}, expected mark:SOURCE, mark:SOURCE:KIND or by:LABELLER")
    return {names[sort]: value}


async def get_find(request: Request, office: Office) -> Response:
    """GET /api/find?text=: the image meant by an id or a file name, and some that hold the text in their names."""
    text = request.query_params.get("text", "").strip()
    if not text or len(text) > 500:
        raise RequestError(422, f"text is {text[:60]!r}, expected an image's id or file name")

    def find() -> dict[str, Any]:
        meant = office.project.find_image(text)
        _, entries = office.project.queue_page(text=text, limit=_MATCHES)
        images = [entry.image for entry in entries]
        if meant is not None:
            images = [meant, *(image for image in images if image.id != meant.id)][:_MATCHES]
        matches = [{"id": im.id, "file_name": im.file_name, "status": im.status} for im in images]
        return {"id": images[0].id if images else None, "exact": meant is not None, "matches": matches}

    return JSONResponse(await run_in_threadpool(find))


async def get_progress(request: Request, office: Office) -> Response:
    """GET /api/progress: how far the work is, the rate of who asks, and the active seconds that the rest takes at it."""
    author = request.scope.get("labeltool.user") or office.user

    def find() -> dict[str, Any]:
        return progress_data(office.project.progress(), office.project.pace(author))

    return JSONResponse(await run_in_threadpool(find), headers={"cache-control": "no-store"})


async def put_fix(request: Request, office: Office) -> Response:
    """PUT /api/images/{id}/fix: the image with a reviewer's note of what to fix, or with null without it."""
    image_id = requests.path_id(request, "image_id")
    body = await requests.json_object(request, ("note",))
    if "note" not in body:
        raise RequestError(422, "note is missing, expected a text or null")
    note = None if body["note"] is None else requests.text(body, "note", 500)

    def save() -> dict[str, Any]:
        try:
            office.project.image(image_id)
        except ProjectError as error:
            if error.__cause__:
                raise
            raise RequestError(404, str(error)) from None
        return image_data(office.project.flag(image_id, note, office.author(request)))

    return JSONResponse(await run_in_threadpool(save))


async def put_marks(request: Request, office: Office) -> Response:
    """PUT /api/images/{id}/marks: the marks that are left on an image once some of them were called right, or opened again."""
    image_id = requests.path_id(request, "image_id")
    body = await requests.json_object(request, ("right", "reopen"))
    given = {name: body.get(name, []) for name in ("right", "reopen")}
    for name, ids in given.items():
        if not isinstance(ids, list) or not all(type(each) is int for each in ids):
            raise RequestError(422, f"{name} is {str(ids)[:60]!r}, expected a list of the ids of marks")

    def save() -> dict[str, Any]:
        here = {mark.id for mark in office.project.marks(image_id, settled=True)}
        for each in (*given["right"], *given["reopen"]):
            if each not in here:
                raise RequestError(404, f"mark {each}: no such mark on image {image_id}")
        author = office.author(request)
        for name, ids in given.items():
            if ids:
                office.project.settle_marks(ids, author, reopen=name == "reopen")
        return {"marks": marks_data(office.project.marks(image_id))}

    return JSONResponse(await run_in_threadpool(save))


def progress_data(progress: Progress, pace: Pace) -> dict[str, Any]:
    """How far the work is and at what rate, as plain data."""
    rate = pace.people_per_hour
    return {
        "images": dict(progress.by_status),
        "needs_fix": progress.needs_fix,
        "people": {"done": progress.people_done, "total": progress.people},
        "joints": {"done": progress.joints_done, "total": progress.joints},
        "rate": {
            "author": pace.author,
            "people": pace.people,
            "active_seconds": pace.active_seconds,
            "people_per_hour": rate,
        },
        "seconds_left": progress.seconds_left(rate),
    }
