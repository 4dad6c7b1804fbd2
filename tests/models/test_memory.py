from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from labeltool.models import memory

_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: nothing is done")

_FAULTS = """
import resource, sys
from labeltool.models.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        block = b"x" * 100_000_000
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
work()
print(work())
"""

_GROWTH = """
import os
from labeltool.models.memory import keep_freed_memory
assert keep_freed_memory(64 * 2**20)
# Read without the buffers of an open file: one of them at the top of the heap would keep all below it.
statm = os.open("/proc/self/statm", os.O_RDONLY)
def resident():
    return int(os.pread(statm, 200, 0).split()[1]) * 4096
before = resident()
blocks = [b"x" * 20_000_000 for _ in range(20)] + [b"x" * 100_000_000]
top = resident()
blocks.clear()
print(top - before, resident() - before)
"""


def run(code: str, *arguments: str) -> list[int]:
    # The tests may run with settings of the allocator's own, which would decide this.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", code, *arguments]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return [int(word) for word in out.split()]


@_GLIBC
def test_freed_blocks_are_taken_again_without_page_faults() -> None:
    (kept,) = run(_FAULTS, "keep")
    (given_back,) = run(_FAULTS, "leave")
    assert kept < 1000
    # Huge pages, where the kernel gives them to anybody, are 512 times as few.
    assert given_back > 10 * max(kept, 20)


@_GLIBC
def test_no_more_than_the_limit_stays() -> None:
    top, left = run(_GROWTH)
    assert top > 450_000_000
    assert left < 70 * 2**20


def test_nothing_is_done_with_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda *_: pytest.fail("no library is opened"))
    assert not memory.keep_freed_memory()
    assert not memory.keep_freed_memory(1000)
