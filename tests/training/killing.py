"""Trainings in a process of their own, which kills itself: nothing is tidied up, as after kill -9."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path


def killed(train: Callable[[Path], object], out: Path) -> None:
    """Runs a training into a folder in a new process, which is to die by SIGKILL (`die`).

    Args:
        train: a function of a test module.
        out: what it is given.
    """
    process = multiprocessing.get_context("spawn").Process(target=train, args=(out,))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{train.__name__}: still running after 120 s")
    assert process.exitcode == -signal.SIGKILL, f"{train.__name__}: ended with {process.exitcode}, was to be killed"


def die() -> None:
    """Kills this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
