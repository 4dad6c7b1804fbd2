"""Trainings in a process of their own, which kills itself: nothing is tidied up, as after kill -9."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from run_state import last_place


def killed(train: Callable[[Path], object], out: Path) -> None:
    """Runs a training into a folder in a new process, which is to die by SIGKILL (`die_in_call`).

    Args:
        train: a function of a test module.
        out: what it is given.
    """
    process = multiprocessing.get_context("spawn").Process(target=_in_one_thread, args=(train, out))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{train.__name__}: still running after 120 s")
    assert process.exitcode == -signal.SIGKILL, f"{train.__name__}: ended with {process.exitcode}, was to be killed"


def _in_one_thread(train: Callable[[Path], object], out: Path) -> None:
    # as the tests themselves: sums of more threads are added up in another order, and come out different in their last digits
    torch.set_num_threads(1)
    train(out)


def die_in_call(owner: Any, name: str, call: int) -> None:
    """Has a function of a module, or a method of a class, kill the process when it is called for that time (1 is the first)."""
    real, calls = getattr(owner, name), itertools.count(1)

    def dying(*given: Any, **named: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    setattr(owner, name, dying)


def expect_the_same_end(
    train: Callable[[Path], Mapping[str, torch.Tensor]],
    train_and_die: Callable[[Path], object],
    folder: Path,
    *,
    epoch: int,
    step: int,
) -> None:
    """A run of whole photos that is killed, and then made again, has the weights and files of one that was not.

    Args:
        train: a training into a folder, which returns its weights.
        train_and_die: the same, to be killed.
        folder: for both.
        epoch: in which it is to be killed, from 0.
        step: likewise.
    """
    whole = train(folder / "whole")
    killed(train_and_die, folder / "broken")
    place = last_place(folder / "broken")
    assert (place["epoch"], place["step"]) == (epoch, step)
    for name, tensor in train(folder / "broken").items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=0, msg=name)
    for file in ("curve.csv", "best.safetensors"):
        assert (folder / "whole" / file).read_bytes() == (folder / "broken" / file).read_bytes(), file
