"""A label server in a process of its own, for tests that drive it from outside."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOKEN = "token-of-the-tests"

#: Forks from a process that has imported what a server needs: the imports take longer than the rest of a start.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["uvicorn", "labeltool.server.app"])


def _serve_routes(project: Path, port: int, ready: Connection) -> None:
    """What `labeltool serve` serves, minus Streamlit's pages, which take longer to start."""
    import uvicorn

    from labeltool.server.app import create_api

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready.send(True)

    app = create_api(project, token=TOKEN, user="anna")
    Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")).run()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class _Reached:
    """A label server in a process of its own, as its clients see it.

    Attributes:
        origin: scheme, host and port.
        link: the address with the token.
    """

    def __init__(self, port: int | None) -> None:
        self.port = port or free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/?token={TOKEN}"

    def request(self, method: str, path: str, body: Any = None, token: str | None = TOKEN) -> tuple[int, Any]:
        """Status and JSON of a request with the server's token as bearer; an answer that is no JSON comes as bytes."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, _parsed(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def kill(self) -> None:
        """Ends the server without a word (SIGKILL)."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class ServedRoutes(_Reached):
    """The routes of a label server without its pages, for tests that start it many times."""

    def __init__(self, project: Path, port: int | None = None) -> None:
        super().__init__(port)
        here, there = _FORKS.Pipe(duplex=False)
        self.process = _FORKS.Process(target=_serve_routes, args=(project, self.port, there), daemon=True)
        self.process.start()
        there.close()
        with here:
            try:
                ready = here.poll(120) and here.recv()
            except EOFError:
                ready = False
        if not ready:
            self.process.kill()
            self.process.join(30)
            raise RuntimeError(
                f"the server did not start (status {self.process.exitcode}), it says why on standard error"
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.join(30)
        assert self.process.exitcode == -signal.SIGKILL, f"the server had ended by itself: {self.process.exitcode}"


class Served(_Reached):
    """A running `labeltool serve`."""

    def __init__(
        self, project: Path, *, port: int | None = None, timeout: float = 120, more: Sequence[str] = ("--no-model",)
    ) -> None:
        super().__init__(port)
        command = [sys.executable, "-m", "labeltool.cli", "serve", str(project), "--port", str(self.port), *more]
        environment = {**os.environ, "LABELTOOL_TOKEN": TOKEN}
        self._errors: list[str] = []
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._ready = threading.Event()
        self.lines: list[str] = []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()
        if not self._ready.wait(timeout) or not self.lines:
            self.kill()
            raise RuntimeError(f"the server did not start: {self.errors}")

    @property
    def errors(self) -> str:
        """What the server wrote on standard error."""
        return "".join(self._errors)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._finish()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks the server to end; its exit status."""
        self.process.send_signal(number)
        return self._finish()

    def _finish(self) -> int:
        status = self.process.wait(30)
        for reader in self._readers:
            reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("labeltool: "):
                self._ready.set()
        self._ready.set()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors.extend(self.process.stderr)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content
