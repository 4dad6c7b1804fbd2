"""Photos made ready for browsers, kept on disk up to a number of bytes; whatever goes wrong here, they are made anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

#: Bytes that the photos made ready for browsers may take on disk.
STORE_BYTES = 1_000_000_000

_MAGIC = b"labeltool-photo"

#: Down to this share of the limit the oldest are removed, so that it is not done for every new one.
_LOW = 0.9


@dataclass(frozen=True)
class ReadyPhoto:
    """A photo, or a part of one, as it is sent.

    Attributes:
        content: the bytes.
        media_type: what they are.
        size: (width, height) of the whole photo, upright.
    """

    content: bytes
    media_type: str
    size: tuple[int, int]


class PhotoStore:
    """A folder of a folder for each version of a photo; those used last are kept. Any thread may use it."""

    def __init__(self, folder: Path, limit: int = STORE_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = Lock()
        self._size: int | None = None

    def read(self, key: str, name: str) -> ReadyPhoto | None:
        """What was kept under a key and name, or None."""
        path = self._folder / key / name
        try:
            raw = path.read_bytes()
            os.utime(path.parent)
        except OSError:
            return None
        return _unpacked(raw)

    def write(self, key: str, photos: Mapping[str, ReadyPhoto]) -> bool:
        """Keeps photos under a key, by name; False when the disk does not take them."""
        home = self._folder / key
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._hide_from_git()
            written = 0
            for name, photo in photos.items():
                written += _write(home / name, _packed(photo))
        except OSError:
            return False
        with self._lock:
            self._make_room(written)
        return True

    def _hide_from_git(self) -> None:
        mark = self._folder / ".gitignore"
        if not mark.exists():
            mark.write_text("*\n")

    def _make_room(self, written: int) -> None:
        if self._size is not None and self._size + written <= self._limit:
            self._size += written
            return
        homes = []
        for entry in os.scandir(self._folder):
            if entry.is_dir():
                size = sum(file.stat().st_size for file in os.scandir(entry.path))
                homes.append((entry.stat().st_mtime_ns, size, entry.path))
        homes.sort()
        self._size = sum(size for _, size, _ in homes)
        room = self._limit if self._size <= self._limit else self._limit * _LOW
        while self._size > room and len(homes) > 1:
            _, size, path = homes.pop(0)
            shutil.rmtree(path, ignore_errors=True)
            self._size -= size


def _packed(photo: ReadyPhoto) -> bytes:
    width, height = photo.size
    head = f"{width} {height} {photo.media_type} {len(photo.content)}\n".encode()
    return _MAGIC + b" " + head + photo.content


def _unpacked(raw: bytes) -> ReadyPhoto | None:
    """The photo in a file of the store; None for a file that is cut or of another kind."""
    head, _, content = raw.partition(b"\n")
    parts = head.split(b" ")
    if len(parts) != 5 or parts[0] != _MAGIC or not parts[4].isdigit() or int(parts[4]) != len(content):
        return None
    return ReadyPhoto(content, parts[3].decode("ascii", "replace"), (int(parts[1]), int(parts[2])))


def _write(path: Path, content: bytes) -> int:
    """Writes a file that is seen whole or not at all; no fsync, since what is lost is made anew."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return len(content)
