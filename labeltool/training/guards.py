"""What keeps a training whole: seeds that all take, steps that stay finite, and an end between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

import torch
from torch import Tensor
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.training.state import Place, State


def expect_seed(seed: int) -> None:
    """Checks that a seed is one that numpy and torch both take.

    Raises:
        ModelError: it is below 0, or 2^63 or more.
    """
    if seed < 0:
        raise ModelError(f"seed {seed}: expected 0 or more")
    if seed >= 2**63:
        raise ModelError(f"seed {seed}: expected less than 2^63")


def expect_number(name: str, value: Tensor, epoch: int, step: int, out: Path) -> None:
    """Checks that what a step has come to is finite, before the weights learn from it.

    Args:
        name: what it is.
        value: a scalar.
        epoch: in which it is so, from 0.
        step: likewise.
        out: the folder of the run.

    Raises:
        ModelError: it is nan or infinite. The same steps would lead there again, so the message says how to begin anew.
    """
    if torch.isfinite(value):
        return
    best = out / "best.safetensors"
    from_best = f", and --init {best} to go on from the best epoch so far" if best.is_file() else ""
    raise ModelError(
        f"training: the {name} is {value.item()} in step {step + 1} of epoch {epoch + 1}, expected a finite number;"
        f" try another --out with a lower --rate{from_best}"
    )


class Ending:
    """Lets Ctrl+C and SIGTERM wait, within it, for the step on its way: weights that it has half changed cannot be gone on from.

    Signals that would not raise KeyboardInterrupt stay as they are, and only the main thread gets any.

    Attributes:
        asked: whether a signal came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._taken: list[signal.Signals] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            both = (signal.SIGINT, signal.SIGTERM)
            self._taken = [number for number in both if signal.getsignal(number) is signal.default_int_handler]
        for number in self._taken:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._taken:
            signal.signal(number, signal.default_int_handler)

    def _ask(self, *_: object) -> None:
        self.asked = True


@contextmanager
def kept_if_stopped(state: State, place: Place, out: Path, quiet: bool) -> Iterator[None]:
    """Within it, between an epoch's steps and its end, Ctrl+C saves the state and stops (`stop`): no step is made again."""
    try:
        yield
    except KeyboardInterrupt:
        stop(state, place, out, quiet)


def stop(state: State, place: Place, out: Path, quiet: bool) -> NoReturn:
    """Saves the state between two steps, says so in one line unless it is to be quiet, and stops.

    Raises:
        KeyboardInterrupt: always.
        ModelError: the state cannot be written.
    """
    state.save(place)
    if not quiet:
        tqdm.write(
            f"{out}: stopped after step {place.step} of epoch {place.epoch + 1}; the same command goes on from there"
        )
    raise KeyboardInterrupt
