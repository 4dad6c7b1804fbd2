from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import TOKEN, Served

from labeltool.errors import ProjectError, ServerError
from labeltool.server import serve as module
from labeltool.server.serve import check_port, serve


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_full_port_is_one_line(project_path: Path, taken_port: int) -> None:
    with pytest.raises(ServerError, match=f"port {taken_port} of 127.0.0.1: another program listens there"):
        serve(project_path, port=taken_port)
    with pytest.raises(ServerError, match="another program listens there"):
        check_port("127.0.0.1", taken_port)


def test_a_full_port_on_the_command_line_exits_1(project_path: Path, taken_port: int) -> None:
    command = [sys.executable, "-m", "labeltool.cli", "serve", str(project_path), "--port", str(taken_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and "another program listens there" in done.stderr


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_of_another_machine_is_one_line(project_path: Path, host: str) -> None:
    with pytest.raises(ServerError, match=r"not known|not an address of this machine"):
        serve(project_path, host=host, port=0)


def test_no_project_is_one_line_and_frees_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    with pytest.raises(ProjectError, match="no such project"):
        serve(tmp_path / "nothing", port=port)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.3.2.1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
    ],
)
def test_which_addresses_are_for_this_machine_alone(host: str, loopback: bool) -> None:
    assert module._is_loopback(host) is loopback


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_link_when_it_is_ready_and_ends_in_order(project_path: Path, number: int) -> None:
    with Served(project_path) as server:
        assert server.lines == [f"labeltool: {server.origin}/?token={TOKEN}"]
        assert server.request("GET", "/", token=None)[0] == 401
        assert server.request("GET", "/api/project")[0] == 200
        status = server.stop(number)
    assert status in (0, 130)
    assert "Traceback" not in server.errors
    assert server.errors.strip() in ("", "labeltool: stopped")
