"""`labeltool serve`: one process that listens on one port until it is told to stop."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from labeltool.errors import ServerError
from labeltool.server.app import create_app
from labeltool.server.guard import LOOPBACK_NAMES, Guard
from labeltool.server.predicting import Models

DEFAULT_PORT = 8600

#: A token for `serve` that stays the same from start to start; the link then does too.
TOKEN_VARIABLE = "LABELTOOL_TOKEN"

#: Bytes of one websocket message, as Streamlit's own launcher has it.
_MAX_MESSAGE = 200 * 1024 * 1024

#: Seconds that open requests may take when the server stops.
_GRACE = 2

_PORT_REASONS = {
    errno.EADDRINUSE: "another program listens there, expected a free port (choose one with --port)",
    errno.EACCES: "this account may not listen there, expected a port above 1023",
    errno.EADDRNOTAVAIL: "not an address of this machine",
}


def serve(
    project_path: Path,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    token: str | None = None,
    open_browser: bool = False,
    models: Models | None = None,
) -> None:
    """Serves a project until SIGINT or SIGTERM; prints the link that opens it as soon as it does.

    Args:
        project_path: the project folder.
        host: the address to listen on.
        port: the port; 0 for any free one.
        token: the secret of the link; by default that of the environment's LABELTOOL_TOKEN, or else a random one.
        open_browser: open the link in this machine's browser.
        models: what fills a box while somebody labels; by default the catalog's default model. It is warmed in the background.

    Raises:
        ServerError: the port is taken, the address is not this machine's, the token cannot be used.
        ProjectError: the project cannot be opened.
    """
    listener = _listen(host, port)
    models = models or Models()
    try:
        app = create_app(
            Path(project_path),
            token=token if token is not None else os.environ.get(TOKEN_VARIABLE),
            hosts=LOOPBACK_NAMES if _is_loopback(host) else None,
            models=models,
        )
        link = _link(host, listener.getsockname()[1], app)
        server = _Server(_config(app), lambda: _announce(link, open_browser, models))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass  # uvicorn has shut down in order, and then raises the signal that it was stopped by
        if not server.started:
            raise ServerError("the server could not start; its log above says why")
    finally:
        listener.close()


def check_port(host: str, port: int) -> None:
    """Makes sure that a port can be listened on, before anything long is done for it.

    Raises:
        ServerError: it cannot.
    """
    _listen(host, port).close()


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="websockets-sansio" if _version(uvicorn.__version__) >= (0, 44) else "auto",
        ws_max_size=_MAX_MESSAGE,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; bound before anything else starts, so that nobody else can take the port in between."""
    where = f"port {port} of {host}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ServerError(f"host {host!r}: not known, expected an address of this machine ({error})") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ServerError(f"{where}: {_PORT_REASONS.get(error.errno or 0, error.strerror or error)}") from None
    listener.set_inheritable(True)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _link(host: str, port: int, app: Guard) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host
    else:
        name = "127.0.0.1" if address.is_unspecified else (f"[{host}]" if address.version == 6 else host)
    return f"http://{name}:{port}/?token={app.access.token}"


def _announce(link: str, open_browser: bool, models: Models) -> None:
    print(f"labeltool: {link}", flush=True)
    models.start_warming()
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
