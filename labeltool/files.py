"""Writing files so that a reader sees the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well: temporary file, fsync, rename, fsync of the folder.

    When the block raises, the temporary file is removed and whatever stood at `path` stays as it was. A link stays one, what it
    leads to is replaced. A device or a pipe, such as /dev/stdout, is written to as it is: it cannot be replaced, and must not be.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        with open(path, "wb") as file:
            yield file
        return
    if path.is_symlink():
        path = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def packed_write(path: Path) -> Iterator[BinaryIO]:
    """As `atomic_write`; what goes to a name that ends in `.gz` is gzip-compressed, the same bytes for the same content.

    Raises:
        OSError: as `atomic_write`.
    """
    with atomic_write(path) as file:
        if Path(path).suffix.lower() != ".gz":
            yield file
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            yield cast("BinaryIO", packed)
