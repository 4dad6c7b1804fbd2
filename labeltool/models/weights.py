"""Checkpoints: safetensors files with a description of the model inside; nothing here executes what a file holds."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_bytes

from labeltool.errors import ModelError
from labeltool.files import atomic_write

#: The key under which a checkpoint's description lies in the safetensors metadata.
DESCRIPTION = "labeltool"

#: How files of `torch.save` begin: a zip archive, or a pickle in the form of before 2020.
_TORCH_BEGINS = (b"PK\x03\x04", b"\x80")


#: Where things run that are not told where.
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a model and what is written about them.

    Attributes:
        path: where they were read from.
        tensors: by name.
        description: the model's name, version, skeleton and architecture (empty in a foreign safetensors file).
        sha256: of the whole file, hexadecimal.
    """

    path: Path
    tensors: Mapping[str, torch.Tensor]
    description: Mapping[str, Any]
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a safetensors file.

    Raises:
        ModelError: the file is missing, damaged, or no safetensors file.
    """
    try:
        digest = file_sha256(path)
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {}).get(DESCRIPTION, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except OSError as error:
        raise ModelError(f"{path}: weights cannot be read: {error.strerror or error}") from None
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: not a safetensors checkpoint: {error}") from None
    return Checkpoint(path, tensors, description, digest)


def read_published(path: Path) -> Checkpoint:
    """The tensors of a `.pth` file as torchvision publishes them, read as tensors only: nothing in it is executed.

    Raises:
        ModelError: the file is missing, holds anything but tensors by name, or is no such file.
    """
    try:
        digest = file_sha256(path)
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ModelError(f"{path}: weights cannot be read: {error.strerror or error}") from None
    if not start:
        raise _no_weights(path, "it is empty")
    if not start.startswith(_TORCH_BEGINS):
        raise _no_weights(path, f"it begins with {str(start)[1:]}")
    try:
        with warnings.catch_warnings():
            # about pickles that torch has not written
            warnings.simplefilter("ignore")
            tensors: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # torch raises UnpicklingError, RuntimeError, EOFError, IndexError, ... and advises to let the file run its code
        raise _no_weights(path, "it is damaged, or holds more than tensors") from None
    if not isinstance(tensors, Mapping):
        raise ModelError(f"{path}: holds {type(tensors).__name__}, expected tensors by name")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ModelError(f"{path}: {name!r} is {type(tensor).__name__}, expected tensors by name and nothing else")
    return Checkpoint(path, tensors, {}, digest)


def _no_weights(path: Path, why: str) -> ModelError:
    return ModelError(f"{path}: not a weights file: {why}, expected .safetensors or torchvision's .pth")


def model_of(path: Path) -> str:
    """The name of the model that a checkpoint is of.

    Raises:
        ModelError: the file is no checkpoint, or does not say.
    """
    name = read_checkpoint(path).description.get("model")
    if not isinstance(name, str):
        raise ModelError(
            f"{path}: does not say of which model it is, expected a checkpoint of labeltool, or the model's name"
        )
    return name


def read_checkpoint_of(model: str, path: Path) -> Checkpoint:
    """The checkpoint of that model in a safetensors file.

    Raises:
        ModelError: the file is missing, damaged, no safetensors file, or holds another model.
    """
    checkpoint = read_checkpoint(path)
    expect_model(checkpoint, model)
    return checkpoint


def expect_model(checkpoint: Checkpoint, model: str) -> None:
    """Checks that a checkpoint is one of that model.

    Raises:
        ModelError: it is of another.
    """
    kind = checkpoint.description.get("model")
    if kind != model:
        raise ModelError(f"{checkpoint.path}: a checkpoint of {kind!r}, expected one of {model!r}")


def write_checkpoint(
    path: Path, tensors: Mapping[str, torch.Tensor], description: Mapping[str, Any], *, half: bool = False
) -> str:
    """Writes a checkpoint atomically and returns its SHA-256.

    Args:
        path: a `.safetensors` file.
        tensors: by name; any device.
        description: what `Checkpoint.description` gives back; must be JSON.
        half: store floating-point tensors as fp16.

    Raises:
        ModelError: the file cannot be written.
    """
    kept = {
        name: (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in tensors.items()
    }
    data = save_bytes(kept, metadata={DESCRIPTION: json.dumps(description)})
    try:
        with atomic_write(path) as file:
            file.write(data)
    except OSError as error:
        raise ModelError(f"{path}: checkpoint cannot be written: {error.strerror or error}") from None
    return hashlib.sha256(data).hexdigest()


def add_description(path: Path, more: Mapping[str, Any]) -> Checkpoint:
    """Writes more into the description of a fp16 checkpoint, its tensors as they are, and returns it.

    Raises:
        ModelError: the file is damaged or cannot be written.
    """
    found = read_checkpoint(path)
    description = {**found.description, **more}
    return replace(found, description=description, sha256=write_checkpoint(path, found.tensors, description, half=True))


def load_into(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Puts tensors into a network; names and shapes must be its own.

    Raises:
        ModelError: the first tensor that is missing, unknown or of another shape, with both shapes.
    """
    own = network.state_dict()
    for name, tensor in own.items():
        if name not in tensors:
            raise ModelError(f"{where}: tensor {name!r} is missing, expected shape {tuple(tensor.shape)}")
        given = tuple(tensors[name].shape)
        if given != tuple(tensor.shape):
            raise ModelError(f"{where}: tensor {name!r} has shape {given}, expected {tuple(tensor.shape)}")
    for name in tensors:
        if name not in own:
            raise ModelError(f"{where}: tensor {name!r} does not belong to this model")
    network.load_state_dict({name: t.to(own[name].dtype) for name, t in tensors.items()})


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is a GPU when there is one.

    Raises:
        ModelError: torch knows no such device, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {name!r}: not available: {str(error).splitlines()[0]}") from None
    return device
