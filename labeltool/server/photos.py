"""Photos for browsers: upright, in a format they show, as large as needed, with a tag by which they know that they have it."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock
from typing import Generic, TypeVar

from labeltool.errors import PhotoError
from labeltool.images import browser_type, load_image, load_scaled, scale_factor, upright_size
from labeltool.server.photo_store import PhotoStore, ReadyPhoto
from labeltool.server.tiles import OVERVIEW, Place, cut_tiles, encode_jpeg, tile_places

#: Bytes of photos kept in memory that had to be encoded anew.
CACHE_BYTES = 64_000_000

#: What the longer side of a scaled photo may be asked to have at most.
LONGEST_SIDES = (256, 512, 1024, OVERVIEW)

#: Pixels that may be decoded at the same time; a photo above that is decoded alone.
_PIXELS_AT_ONCE = 100_000_000

#: Above so many pixels a photo is encoded as JPEG, whatever it was.
_MAX_PNG_PIXELS = 4_000_000
_LOSSLESS = frozenset({".png", ".gif", ".bmp", ".tif", ".tiff"})

#: Part of each tag: photos that browsers and the disk keep are asked for anew when what is made of a photo changes.
_EDITION = 2

Made = TypeVar("Made")


def photo_tag(path: Path) -> str:
    """A tag that changes when the file does.

    Raises:
        PhotoError: the file is missing.
    """
    try:
        found = path.stat()
    except OSError as error:
        reason = "no such photo" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
        raise PhotoError(f"{path}: {reason}") from None
    return f'"{_EDITION}-{found.st_mtime_ns:x}-{found.st_size:x}"'


class PhotoCache:
    """Photos made ready for browsers, the ones used last in memory, more of them on disk. Any thread may use it.

    A photo that several ask for at the same time is made once, and so few are decoded at once that the memory suffices.

    Args:
        limit: bytes kept in memory.
        folder: where more are kept; None for nowhere.
    """

    def __init__(self, limit: int = CACHE_BYTES, folder: Path | None = None) -> None:
        self._limit = limit
        self._store = None if folder is None else PhotoStore(folder)
        self._lock = Lock()
        self._photos: OrderedDict[tuple[str, str], ReadyPhoto] = OrderedDict()
        self._size = 0
        self._photos_once: _Once[ReadyPhoto] = _Once()
        self._tiles_once: _Once[dict[str, ReadyPhoto]] = _Once()
        self._gate = _Gate(_PIXELS_AT_ONCE)

    def get(self, path: Path, tag: str) -> ReadyPhoto:
        """The whole photo at its full size: the file's own bytes where a browser shows them upright, else encoded anew.

        Raises:
            PhotoError: the file is missing, empty, no image, too large, or cut in the middle.
        """
        known = self._known(path, tag, "full")
        if known is not None:
            return known
        media_type = browser_type(path)
        if media_type is None:
            return self._make_once(path, tag, "full", lambda: self._encoded(path))
        try:
            return ReadyPhoto(path.read_bytes(), media_type, upright_size(path))
        except OSError as error:
            raise PhotoError(f"{path}: cannot be read: {error.strerror or error}") from None

    def scaled(self, path: Path, tag: str, longest: int) -> ReadyPhoto:
        """The whole photo, scaled down where its longer side has more than `longest` pixels.

        Raises:
            PhotoError: as `get`.
        """
        name = f"max-{longest}"
        known = self._known(path, tag, name)
        if known is not None:
            return known
        size = upright_size(path)
        if max(size) <= longest:
            return self.get(path, tag)
        return self._make_once(path, tag, name, lambda: self._scaled(path, size, longest))

    def tile(self, path: Path, tag: str, place: Place) -> ReadyPhoto | None:
        """One tile of a large photo (see `labeltool.server.tiles`), or None when the photo has no such tile.

        The first one asked for makes them all, since the photo must be decoded for any of them.

        Raises:
            PhotoError: as `get`.
        """
        name = _tile_name(place)
        known = self._known(path, tag, name)
        if known is not None:
            return known
        if place not in set(tile_places(upright_size(path))):
            return None
        tiles = self._tiles_once.run((path, tag), lambda: self._tiles(path, tag, name))
        return tiles.get(name) or self._known(path, tag, name)

    def _encoded(self, path: Path) -> ReadyPhoto:
        width, height = upright_size(path)
        with self._gate.hold(width * height):
            return encode_upright(path)

    def _scaled(self, path: Path, size: tuple[int, int], longest: int) -> ReadyPhoto:
        jpeg = path.suffix.lower() in (".jpg", ".jpeg")
        factor = scale_factor(size, longest) if jpeg else 1
        with self._gate.hold(size[0] * size[1] // factor**2):
            image = load_scaled(path, longest)
            return ReadyPhoto(encode_jpeg(image, not jpeg, image.info.get("icc_profile")), "image/jpeg", size)

    def _tiles(self, path: Path, tag: str, wanted: str) -> dict[str, ReadyPhoto]:
        """Makes and keeps every tile of a photo, unless somebody has just done so."""
        known = self._known(path, tag, wanted)
        if known is not None:
            return {wanted: known}
        size = upright_size(path)
        with self._gate.hold(size[0] * size[1]):
            image = load_image(path)
            fine = path.suffix.lower() in _LOSSLESS
            tiles = {
                _tile_name(place): ReadyPhoto(content, "image/jpeg", size) for place, content in cut_tiles(image, fine)
            }
        if self._store is None or not self._store.write(_key(path, tag), tiles):
            for name, tile in tiles.items():
                self._keep((_key(path, tag), name), tile)
        return tiles

    def _make_once(self, path: Path, tag: str, name: str, make: Callable[[], ReadyPhoto]) -> ReadyPhoto:
        """Makes and keeps a photo, unless somebody has just done so."""

        def work() -> ReadyPhoto:
            known = self._known(path, tag, name)
            if known is not None:
                return known
            made = make()
            self._keep((_key(path, tag), name), made)
            if self._store is not None:
                self._store.write(_key(path, tag), {name: made})
            return made

        return self._photos_once.run((path, tag, name), work)

    def _known(self, path: Path, tag: str, name: str) -> ReadyPhoto | None:
        key = (_key(path, tag), name)
        with self._lock:
            known = self._photos.get(key)
            if known is not None:
                self._photos.move_to_end(key)
                return known
        if self._store is None:
            return None
        stored = self._store.read(*key)
        if stored is not None:
            self._keep(key, stored)
        return stored

    def _keep(self, key: tuple[str, str], photo: ReadyPhoto) -> None:
        with self._lock:
            before = self._photos.pop(key, None)
            self._size += len(photo.content) - (len(before.content) if before else 0)
            self._photos[key] = photo
            while self._size > self._limit and len(self._photos) > 1:
                _, old = self._photos.popitem(last=False)
                self._size -= len(old.content)


def encode_upright(path: Path) -> ReadyPhoto:
    """The photo decoded upright and encoded anew: small photos of lossless formats as PNG, others as a fine JPEG.

    Raises:
        PhotoError: the file is missing, empty, no image, too large, or cut in the middle.
    """
    image = load_image(path)
    profile = image.info.get("icc_profile")
    if path.suffix.lower() in _LOSSLESS and image.width * image.height <= _MAX_PNG_PIXELS:
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1, icc_profile=profile)
        return ReadyPhoto(file.getvalue(), "image/png", image.size)
    return ReadyPhoto(encode_jpeg(image, True, profile), "image/jpeg", image.size)


class _Once(Generic[Made]):
    """Runs a piece of work once for all threads that ask for it at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[Hashable, Future[Made]] = {}

    def run(self, key: Hashable, work: Callable[[], Made]) -> Made:
        with self._lock:
            running = self._running.get(key)
            if running is None:
                mine = self._running[key] = Future()
        if running is not None:
            return running.result()
        try:
            mine.set_result(work())
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                del self._running[key]
        return mine.result()


class _Gate:
    """Lets pieces of work in as long as their sizes together stay below a limit; a larger one comes in alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._changed = Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._inside == 0 or self._inside + size <= self._limit)
            self._inside += size
        try:
            yield
        finally:
            with self._changed:
                self._inside -= size
                self._changed.notify_all()


def _key(path: Path, tag: str) -> str:
    return hashlib.sha256(f"{path}\n{tag}".encode()).hexdigest()[:32]


def _tile_name(place: Place) -> str:
    return "tile-{}-{}-{}".format(*place)
