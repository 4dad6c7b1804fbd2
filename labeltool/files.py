"""Writing files so that a reader sees the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

#: Links are followed so often at most.
_MOST_LINKS = 40


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well: temporary file, fsync, rename, fsync of the folder.

    When the block raises, the temporary file is removed and whatever stood at `path` stays as it was. A link stays one, what it
    leads to is replaced. A device or a pipe, such as /dev/stdout, is written to as it is: it cannot be replaced, and must not be.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    stream = _open_stream(path)
    if stream is not None:
        with stream:
            yield stream
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


def _open_stream(path: Path) -> BinaryIO | None:
    """A device, a pipe, or what this process has open (/dev/stdout, wherever it leads), for writing; None of anything else."""
    step = path
    for _ in range(_MOST_LINKS):
        if step.parent.resolve() == Path("/proc/self/fd").resolve() and step.name.isdecimal():
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            # the same place in the file as this process's own: what was written before stays, what comes after follows
            return os.fdopen(os.dup(int(step.name)), "wb")
        if not step.is_symlink():
            break
        step = step.parent / os.readlink(step)
    if path.exists() and not path.is_file() and not path.is_dir():
        return open(path, "wb")
    return None
