"""A label server in a process of its own, for tests that drive it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOKEN = "token-of-the-tests"

#: The routes without the pages: what `labeltool serve` serves, minus Streamlit, which takes longer to start.
_ROUTES_ALONE = """
import sys, uvicorn
from pathlib import Path
from labeltool.server.app import create_api
app = create_api(Path(sys.argv[1]), token=sys.argv[3], user="anna")
config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("labeltool: ready", flush=True)
Server(config).run()
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Served:
    """A running label server: `labeltool serve`, or its routes alone.

    Attributes:
        origin: scheme, host and port.
        link: the address with the token.
    """

    def __init__(
        self,
        project: Path,
        *,
        pages: bool = True,
        port: int | None = None,
        timeout: float = 120,
        more: Sequence[str] = ("--no-model",),
    ) -> None:
        self.port = port or free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.link = f"{self.origin}/?token={TOKEN}"
        if pages:
            command = [sys.executable, "-m", "labeltool.cli", "serve", str(project), "--port", str(self.port), *more]
        else:
            command = [sys.executable, "-c", _ROUTES_ALONE, str(project), str(self.port), TOKEN]
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content
