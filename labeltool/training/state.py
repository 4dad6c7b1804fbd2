"""Everything a training needs to go on after it was stopped: weights, their average, the optimiser, and where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from labeltool.coco.show import show
from labeltool.errors import ModelError
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.training.writing import put


@dataclass
class Place:
    """How far a run is.

    Attributes:
        epoch: epochs that are done.
        step: steps of the next one that are done.
        losses: sums over these steps, by the loss's name.
        best: the best validation score so far; -1 before the first.
        rows: of the learning curve, one for each epoch that is done.
        saves: how often the state was saved.
    """

    epoch: int = 0
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    best: float = -1.0
    rows: list[dict[str, float]] = field(default_factory=list)
    saves: int = 0


class State:
    """The state of a run in its folder: tensors in `state-0` or `state-1.safetensors`, in turns, and `state.json`.

    `state.json`, which says in which of the two, is replaced in one
    piece after the tensors are on the disk, so at any moment a whole state is there.

    Args:
        out: the folder; made when missing.
        modules: whose weights to keep, by name.
        optimiser: whose moments to keep.
        arguments: what the run was started with; a state of other arguments is refused.

    Raises:
        ModelError: the folder cannot be made.
    """

    def __init__(
        self,
        out: Path,
        modules: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        arguments: Mapping[str, Any],
    ) -> None:
        self._out, self._modules, self._optimiser = out, modules, optimiser
        # as JSON gives them back, so that tuples and lists are the same
        self._arguments = json.loads(json.dumps(arguments))
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{out}: cannot be made a folder: {error.strerror or error}") from None

    def save(self, place: Place) -> None:
        """Writes the state.

        Raises:
            ModelError: it cannot be written; the state before stays.
        """
        tensors = {f"{part}/{k}": t for part, m in self._modules.items() for k, t in m.state_dict().items()}
        for index, values in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{key}": torch.as_tensor(value) for key, value in values.items()}
        place.saves += 1
        name = f"state-{place.saves % 2}.safetensors"
        write_checkpoint(self._out / name, tensors, {})
        plain = {"tensors": name, "place": asdict(place), "arguments": self._arguments}
        put(self._out / "state.json", json.dumps(plain, indent=1).encode())

    def resume(self) -> Place:
        """Puts back the state that was saved last and says where the run is; at the start when none was.

        Raises:
            ModelError: the state is of other arguments, or damaged.
        """
        path = self._out / "state.json"
        if not path.exists():
            return Place()
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            place = Place(**plain["place"])
            arguments, tensors_path = plain["arguments"], self._out / plain["tensors"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}: not the state of a training: {error}{_AGAIN}") from None
        self._expect(arguments)
        tensors = read_checkpoint(tensors_path).tensors
        try:
            self._put_back(tensors)
        except (RuntimeError, ValueError, KeyError) as error:
            first = str(error).splitlines()[0]
            raise ModelError(f"{tensors_path}: does not fit this training: {first}{_AGAIN}") from None
        return place

    def _expect(self, arguments: Mapping[str, Any]) -> None:
        was, now = arguments.get("model"), self._arguments.get("model")
        if was != now:
            raise ModelError(f"{self._out}: holds a training of {was}, now {now}; expected the same, or an empty --out")
        first = next(_differences("", arguments, self._arguments), None)
        if first is not None:
            where, was, now = first
            raise ModelError(
                f"{self._out}: holds a training with {where} = {show(was)}, now {show(now)}; expected the same, or an empty"
                " --out"
            )

    def _put_back(self, tensors: Mapping[str, Tensor]) -> None:
        for part, module in self._modules.items():
            module.load_state_dict({k.split("/", 1)[1]: t for k, t in tensors.items() if k.startswith(f"{part}/")})
        entries: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser/"):
                _, index, key = name.split("/")
                entries.setdefault(int(index), {})[key] = tensor
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": entries, "param_groups": groups})


_AGAIN = "; start again with an empty --out"


def _differences(where: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The places where two JSON values differ, as deep as they go, with what stands there."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted(was.keys() | now.keys()):
            name = f"{where}.{key}" if where else key
            yield from _differences(name, was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for place, (a, b) in enumerate(zip(was, now, strict=True)):
            yield from _differences(f"{where}[{place}]", a, b)
    elif was != now:
        yield where, was, now
