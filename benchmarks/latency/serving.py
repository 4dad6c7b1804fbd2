"""The two servers: `labeltool serve` as it is, and the least that can serve a page of the same photos and labels."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
TOKEN = "token-of-the-benchmark"


class Server:
    """A server in a process of its own.

    Attributes:
        origin: scheme, host and port.
        link: the address that opens its page.
    """

    def __init__(self, command: list[str]) -> None:
        environment = {**os.environ, "LABELTOOL_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = re.search(r"(http://[^/\s]+)/\S*", line)
            if found:
                self.link, self.origin = found.group(0), found.group(1)
                return
        raise RuntimeError(f"{' '.join(command)}: did not start")

    def memory_mb(self) -> float:
        """Resident memory of the process."""
        return _memory_mb(self.process.pid, "VmRSS")

    def forget_peak(self) -> None:
        """Lets `peak_mb` begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The largest resident memory of the process since its start, or since `forget_peak`."""
        return _memory_mb(self.process.pid, "VmHWM")

    def get(self, path: str) -> Any:
        """The JSON of a path."""
        return self._ask(urllib.request.Request(self.origin + path))

    def post(self, path: str, body: Any) -> Any:
        """The JSON that answers a body."""
        return self._ask(urllib.request.Request(self.origin + path, json.dumps(body).encode()))

    @staticmethod
    def _ask(request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()


def labeltool_server(project: Path) -> Server:
    """`labeltool serve` of a project on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Server([sys.executable, "-m", "labeltool.cli", "serve", str(project), "--port", str(port)])


def plain_server(photos: Path, labels: Path, saves: Path) -> Server:
    """The plain page's server: photos of a folder, the labels of a file for every image, saves at the end of a file."""
    return Server([sys.executable, str(HERE / "serving.py"), str(photos), str(labels), str(saves)])


def _memory_mb(process: int, what: str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) / 1024


class Plain(BaseHTTPRequestHandler):
    """Answers with the page, photos, and labels; a save is on disk when it is answered."""

    protocol_version = "HTTP/1.1"
    photos: Path
    labels: bytes
    saves: int
    lock = Lock()

    def do_GET(self) -> None:
        """Answers a GET."""
        if found := re.fullmatch(r"/photo/(\d+)", self.path):
            self._answer((self.photos / f"{int(found.group(1)):06d}.jpg").read_bytes(), "image/jpeg")
        elif self.path.startswith("/labels/"):
            self._answer(self.labels, "application/json")
        else:
            self._answer((HERE / "plain.html").read_bytes(), "text/html; charset=utf-8")

    def do_PUT(self) -> None:
        """Answers a PUT: the body goes to the end of a file, and is forced to the disk."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            os.write(self.saves, body + b"\n")
            os.fsync(self.saves)
        self._answer(b"{}", "application/json")

    def _answer(self, content: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    """Runs the plain server until it is told to stop."""
    photos, labels, saves = sys.argv[1:]
    Plain.photos, Plain.labels = Path(photos), Path(labels).read_bytes()
    Plain.saves = os.open(saves, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    listener = _Listener(("127.0.0.1", 0), Plain)
    print(f"http://127.0.0.1:{listener.server_port}/", flush=True)
    listener.serve_forever()


if __name__ == "__main__":
    main()
