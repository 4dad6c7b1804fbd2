"""A folder that is there whole or not at all: built under another name beside its place, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labeltool.errors import ProjectError

_SUFFIX = ".part"

#: A leftover of a killed run is removed when it is older than this, in seconds, and nobody holds it.
_LEFTOVER_SECONDS = 60


@contextmanager
def built_beside(path: Path, marker: str) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well and is removed when it raises.

    What a killed run left behind is removed by the next.

    Args:
        path: the folder to make; absolute.
        marker: a file by which a folder that is there already is known as a project.

    Raises:
        ProjectError: `path` is a file or a folder with something in it, or cannot be written.
    """
    try:
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise ProjectError(f"{path}: exists and is no folder, expected a new one")
        if path.is_dir() and any(path.iterdir()):
            what = "holds a project already" if (path / marker).exists() else "is not empty"
            raise ProjectError(f"{path}: {what}, expected a new or empty folder")
        for parent in path.parents:
            if parent.exists() and not parent.is_dir():
                raise ProjectError(f"{path}: cannot be made: {parent} is no folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name}."
        remove_leftovers(path.parent, prefix)
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=prefix, suffix=_SUFFIX))
        try:
            with held(folder):
                yield folder
            os.chmod(folder, 0o777 & ~_umask())
            if path.is_dir():
                path.rmdir()
            os.rename(folder, path)
            sync(path.parent)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise ProjectError(f"{path}: cannot be made: {error.strerror or error}") from None


def sync(*paths: Path) -> None:
    """Waits until files or folders are on disk."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def held(folder: Path) -> Iterator[bool | None]:
    """Locks a folder until the block ends or this process does; says whether nobody else had it, None where nobody can tell."""
    try:
        import fcntl
    except ImportError:  # no such locks here: leftovers stay
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except OSError:
            free = False
        yield free
    finally:
        os.close(handle)


def remove_leftovers(parent: Path, prefix: str) -> None:
    """Removes folders that begin so and end with `.part`, of killed runs: nobody holds them, and they are a minute old."""
    for folder in parent.iterdir():
        if not (folder.name.startswith(prefix) and folder.name.endswith(_SUFFIX) and folder.is_dir()):
            continue
        try:
            if time.time() - folder.stat().st_mtime > _LEFTOVER_SECONDS:
                with held(folder) as free:
                    if free:
                        shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # somebody else's, or gone by now
            continue


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
