"""Files of a run, each written in one piece."""

from __future__ import annotations

from pathlib import Path

from labeltool.errors import ModelError
from labeltool.files import atomic_write


def put(path: Path, data: bytes) -> None:
    """Writes a file in one piece.

    Raises:
        ModelError: it cannot be written.
    """
    try:
        with atomic_write(path) as file:
            file.write(data)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror or error}") from None
