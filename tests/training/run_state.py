"""What a run saved last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from labeltool.models.weights import read_checkpoint


def last_place(out: Path) -> dict[str, Any]:
    """Where the run of a folder was: `epoch`, `step` and more."""
    place: dict[str, Any] = json.loads((out / "state.json").read_text())["place"]
    return place


def last_tensors(out: Path) -> dict[str, torch.Tensor]:
    """The tensors that it saved then."""
    name = json.loads((out / "state.json").read_text())["tensors"]
    return dict(read_checkpoint(out / name).tensors)
