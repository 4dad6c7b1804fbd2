"""What a run of the cascade keeps of its stages: where each started, what it gained, and the curves of all in one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from labeltool.errors import ModelError
from labeltool.models.deeppose import DeepPose
from labeltool.models.weights import Checkpoint, read_checkpoint, write_checkpoint
from labeltool.training.curve import to_svg, write_rows
from labeltool.training.squares import ObservedErrors
from labeltool.training.writing import put


@dataclass(frozen=True)
class Before:
    """What stands before a refining stage is trained.

    Attributes:
        errors: of the stage before, on training people.
        score: its PDJ at 0.2 on the people validated on.
    """

    errors: ObservedErrors
    score: float

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote.

        Raises:
            ModelError: the file is damaged, or another.
        """
        found = read_checkpoint(path)
        try:
            return cls(
                ObservedErrors(found.tensors["mean"], found.tensors["covariance"]), float(found.description["pdj@0.2"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: not what a stage starts from: {error}; start again with an empty --out"
            ) from None

    def write(self, path: Path) -> None:
        """Writes it into a file, to the bit.

        Raises:
            ModelError: it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{path.parent}: cannot be made a folder: {error.strerror or error}") from None
        write_checkpoint(
            path, {"mean": self.errors.mean, "covariance": self.errors.covariance}, {"pdj@0.2": self.score}
        )

    def spread(self) -> float:
        """The root mean square of the errors over all joints, in diameters."""
        variance = self.errors.covariance.diagonal(dim1=1, dim2=2).sum(dim=1)
        return float((self.errors.mean.square().sum(dim=1) + variance).mean().sqrt())


def gained(stage: int, earlier: float, after: Checkpoint, out: Path) -> str:
    """A line on what a stage has gained on the one before."""
    more = after.description["validation"]["pdj@0.2"] - earlier
    advice = "" if more > 0 else f"; more --epochs may help, {out}/stage{stage - 1} holds the stage before"
    return f"stage {stage}: validation PDJ@0.2 {earlier:.4f} {more:+.4f}{advice}"


def write_curves(out: Path, runs: Mapping[int, Path], people: int) -> None:
    """Writes `curve.csv` with the epochs of all stages and their stage, and `curve.svg` with the stages one after another.

    Raises:
        ModelError: the curve of a stage cannot be read, or these cannot be written.
    """
    rows = [{"stage": float(stage), **row} for stage, run in runs.items() for row in _curve_of(run)]
    write_rows(out, rows)
    first, last = min(runs), max(runs)
    which = f"stage {last}" if first == last else f"stages {first} to {last}, one after another"
    title = f"{DeepPose.name}: validation PDJ@0.2 of {people} people by epoch, {which}"
    running = [{**row, "epoch": float(place)} for place, row in enumerate(rows, start=1)]
    put(out / "curve.svg", to_svg(running, title, "pdj@0.2").encode())


def _curve_of(run: Path) -> list[dict[str, float]]:
    """The epochs in the `curve.csv` of a stage."""
    path = run / "curve.csv"
    try:
        return [{n: float(v) for n, v in row.items()} for row in csv.DictReader(bytes_of(path).decode().splitlines())]
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: not the curve of a stage: {error}; start again with an empty --out") from None


def bytes_of(path: Path) -> bytes:
    """What a file holds.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
