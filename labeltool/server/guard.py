"""The guard: an ASGI middleware that lets nobody through, to anything, who has not shown the token."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labeltool.server.access import Access, AccessDenied

#: Names under which a server that listens on this machine alone is asked for. Others are refused: a foreign name that resolves
#: to 127.0.0.1 is how a web page would reach a local server (DNS rebinding).
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

#: Where the guard leaves the user's name in the ASGI scope; only requests that may change something have it.
USER = "labeltool.user"

_API = "/api/"
_RENEWAL = "/api/token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ASSETS = "/_stcore/bidi-components/"

_PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}</style>
<h1>Sign in</h1><p>Open the link that <code>labeltool serve</code> printed: it ends in <code>?token=…</code>.</p>"""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'self'",
}


class Guard:
    """Lets requests through to an ASGI app that carry the cookie or a token; whoever has neither learns nothing.

    What a request needs:

    - **a Host that is this server's**, where the names are known (`hosts`); else 400.
    - **no Origin, or this server's**: pages of other origins get 403, whatever they carry. Ports of one host are one *site*, so
      SameSite cookies alone would let any other local server's page in.
    - **the cookie, or (below /api) a bearer token**; else 401. A websocket is refused before it opens.
    - **to change something below /api, a bearer token**, the cookie is not enough; only `POST /api/token`, which hands one
      out, takes the cookie.

    A link with `?token=...` sets the cookie and leads to the same address without it. The cookie is SameSite=Lax, not Strict: a
    Strict cookie is withheld when the link is clicked in a web mail or chat, on the very redirect that follows. Lax withholds it
    from everything but such top-level reads, and those show a foreign page nothing.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: Collection[str] | None) -> None:
        self.app = app
        self.access = access
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        answer = self._answer(connection)
        if answer is None:
            await self.app(scope, receive, _with_headers(scope, send))
        elif scope["type"] == "http":
            await answer(scope, receive, _with_headers(scope, send))
        else:
            await _refuse_websocket(scope, receive, send, answer)

    def _answer(self, connection: HTTPConnection) -> Response | None:
        """What the guard itself answers, or None when the request may pass."""
        if self._hosts is not None and _host_name(connection.headers.get("host", "")) not in self._hosts:
            return _refusal(connection, 400, "the Host header names another server")
        origin = connection.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != connection.headers.get("host", "").lower():
            return _refusal(connection, 403, "requests from pages of other origins are not taken")
        has_cookie = self.access.is_cookie(connection.cookies.get(self._cookie_name(connection), ""))
        if "token" in connection.query_params and connection.scope["type"] == "http" and not _is_api(connection):
            if has_cookie or self.access.is_token(connection.query_params["token"]):
                return self._enter(connection)
            return _refusal(connection, 401, "this is not the server's token")
        if not _is_api(connection):
            return None if has_cookie else _refusal(connection, 401, _SIGN_IN)
        return self._answer_api(connection, has_cookie)

    def _answer_api(self, connection: HTTPConnection, has_cookie: bool) -> Response | None:
        reads = connection.scope.get("method") in _SAFE
        try:
            user = self._bearer(connection)
        except AccessDenied as denied:
            return None if has_cookie and (reads or _is_renewal(connection)) else _refusal(connection, 401, str(denied))
        if user is not None:
            connection.scope[USER] = user
            return None
        if has_cookie and (reads or _is_renewal(connection)):
            return None
        return _refusal(connection, 401, "a bearer token is needed to change something" if has_cookie else _SIGN_IN)

    def _bearer(self, connection: HTTPConnection) -> str | None:
        """The user of the request's bearer token; "" when it is the server's token itself, None when there is none.

        Raises:
            AccessDenied: there is one, and it is no good.
        """
        kind, _, value = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        if self.access.is_token(value.strip()):
            return ""
        return self.access.user_of(value.strip())

    def _enter(self, connection: HTTPConnection) -> Response:
        """To the same address without the token, with the cookie."""
        query = urlencode([(key, value) for key, value in parse_qsl(connection.url.query) if key != "token"])
        path = "/" + connection.url.path.lstrip("/")  # never "//host", which a browser takes for another server
        response = RedirectResponse(path + (f"?{query}" if query else ""), status_code=303)
        secure = connection.url.scheme == "https"
        name = self._cookie_name(connection)
        response.set_cookie(name, self.access.cookie, httponly=True, samesite="lax", secure=secure, path="/")
        response.headers["cache-control"] = "no-store"
        return response

    @staticmethod
    def _cookie_name(connection: HTTPConnection) -> str:
        """Cookies are shared by all ports of a host: the port in the name keeps two servers apart."""
        server = connection.scope.get("server")
        return f"labeltool-{server[1] if server else 0}"


_SIGN_IN = "not signed in: open the link that `labeltool serve` printed"


def _is_api(connection: HTTPConnection) -> bool:
    path: str = connection.scope["path"]
    return path == "/api" or path.startswith(_API)


def _is_renewal(connection: HTTPConnection) -> bool:
    return bool(connection.scope["path"] == _RENEWAL and connection.scope.get("method") == "POST")


def _host_name(host: str) -> str:
    """The name in a Host header, without the port; "" for one that no browser sends."""
    if "@" in host or "/" in host:
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _refusal(connection: HTTPConnection, status: int, reason: str) -> Response:
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 401 and not _is_api(connection) and "text/html" in connection.headers.get("accept", ""):
        return HTMLResponse(_PAGE, status_code=status, headers=headers)
    return JSONResponse({"error": reason}, status_code=status, headers=headers)


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    """Refuses before the handshake: with the answer where the server can send one, else with its plain 403."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})


def _with_headers(scope: Scope, send: Send) -> Send:
    """Adds the headers that every answer has; the editor's modules, which carry no ETag, are asked for anew each time."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=_mutable(message))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if scope["path"].startswith(_ASSETS):
                headers["cache-control"] = "private, no-cache"
        await send(message)

    return add


def _mutable(message: Message) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    return message
