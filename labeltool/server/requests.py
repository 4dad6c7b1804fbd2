"""Reading what clients send, with one clear line about whatever is wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

#: Bytes that a request's JSON may have.
MAX_BODY = 1_000_000

#: Ids beyond this do not exist: they do not fit the database.
_MAX_ID = 2**63 - 1


class RequestError(Exception):
    """A request that cannot be served.

    Attributes:
        status: the HTTP status.
        error: one line: what, and what was expected.
    """

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


async def json_object(request: Request, known: Collection[str]) -> dict[str, Any]:
    """The JSON object in a request's body.

    Args:
        request: the request.
        known: the fields it may have.

    Raises:
        RequestError: 413 too large; 422 no UTF-8, no JSON, NaN or Infinity in it, no object, an unknown field.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise RequestError(413, f"the body has more than {MAX_BODY:,} bytes")
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(422, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestError(422, f"the body is a {type(value).__name__}, expected an object")
    for key in value:
        if key not in known:
            raise RequestError(422, f"unknown field {key!r}, expected {', '.join(known)}")
    return value


def path_id(request: Request, name: str) -> int:
    """The id in a request's path.

    Raises:
        RequestError: 404, no integer.
    """
    text: str = request.path_params[name]
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20 and abs(int(text)) <= _MAX_ID):
        raise RequestError(404, f"{name} is {text!r}, expected an integer")
    return int(text)


def query_int(request: Request, name: str, least: int | None = None) -> int | None:
    """An integer of the query, or None where it is not given.

    Raises:
        RequestError: 422, no integer, or below `least`.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = int(text) if len(text) <= 20 else _MAX_ID + 1
    except ValueError:
        raise RequestError(422, f"{name} is {text!r}, expected an integer") from None
    if abs(value) > _MAX_ID or (least is not None and value < least):
        raise RequestError(
            422, f"{name} is {text!r}, expected {'an integer' if least is None else f'at least {least}'}"
        )
    return value


def query_integers(request: Request, name: str, many: int) -> tuple[int, ...] | None:
    """Integers of the query with commas between, or None where they are not given.

    Raises:
        RequestError: 422, another number of them, one that is no integer, or one below 0.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != many or not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise RequestError(422, f"{name} is {text[:60]!r}, expected {many} integers of at least 0 with commas between")
    return tuple(int(part) for part in parts)


def query_flag(request: Request, name: str) -> bool:
    """A yes or no of the query: `1` or `true`; absent is no.

    Raises:
        RequestError: 422, anything else.
    """
    text = request.query_params.get(name, "0").lower()
    if text not in ("0", "1", "true", "false"):
        raise RequestError(422, f"{name} is {text!r}, expected 0 or 1")
    return text in ("1", "true")


def integer(body: Mapping[str, Any], name: str, least: int = 0) -> int:
    """A required integer field.

    Raises:
        RequestError: 422, missing, no integer, or below `least`.
    """
    value = body.get(name)
    if type(value) is not int or not least <= value <= _MAX_ID:
        raise RequestError(422, f"{name} is {_shown(body, name)}, expected an integer of at least {least}")
    return value


def text(body: Mapping[str, Any], name: str, longest: int) -> str:
    """A required text field that is not blank.

    Raises:
        RequestError: 422, missing, no text, blank, or longer than `longest`.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise RequestError(422, f"{name} is {_shown(body, name)}, expected a text of at most {longest} signs")
    return value


def seconds(body: Mapping[str, Any], name: str) -> float:
    """A number of seconds, 0 where it is not given.

    Raises:
        RequestError: 422, no number, below 0, or more than a day.
    """
    value = body.get(name, 0)
    if type(value) not in (int, float) or not 0 <= value <= 86_400:
        raise RequestError(422, f"{name} is {_shown(body, name)}, expected seconds from 0 to 86400")
    return float(value)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _shown(body: Mapping[str, Any], name: str) -> str:
    if name not in body:
        return "missing"
    value = repr(body[name])
    return value if len(value) <= 60 else value[:57] + "..."
