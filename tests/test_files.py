from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labeltool.files import atomic_write


def test_a_whole_file_appears(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with atomic_write(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_or_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    """As root a rename would put a file in the place of /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        with atomic_write(pipe) as file:
            file.write(b"new")
        assert read.result(timeout=10) == b"new"
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]
    master, slave = os.openpty()
    try:
        device = tmp_path / "device"
        device.symlink_to(os.ttyname(slave))
        with atomic_write(device) as file:
            file.write(b"new")
        assert os.read(master, 10) == b"new" and device.is_char_device() and device.is_symlink()
    finally:
        os.close(master)
        os.close(slave)


def test_a_link_stays_and_what_it_leads_to_is_new(tmp_path: Path) -> None:
    target, link = tmp_path / "a.json", tmp_path / "b.json"
    target.write_bytes(b"old")
    link.symlink_to(target.name)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert sorted(tmp_path.iterdir()) == [target, link]


@pytest.mark.parametrize(("mode", "before"), [("ab", b"old\n"), ("wb", b"")])
def test_standard_output_goes_on_where_it_is(tmp_path: Path, mode: str, before: bytes) -> None:
    """Also when it is a file: `>> log` keeps what the log holds, and what is printed later follows."""
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    script = (
        "from pathlib import Path\nfrom labeltool.files import atomic_write\nprint('first')\n"
        "with atomic_write(Path('/dev/stdout')) as file:\n    file.write(b'new\\n')\nprint('last')\n"
    )
    with open(log, mode) as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    assert log.read_bytes() == before + b"first\nnew\nlast\n"
    assert list(tmp_path.iterdir()) == [log]
