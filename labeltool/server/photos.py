"""Photos for browsers: upright, in a format they show, with a tag by which they know that they have it already."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from labeltool.errors import PhotoError
from labeltool.images import browser_type, load_image

#: Bytes of photos kept that had to be encoded anew.
CACHE_BYTES = 128_000_000

#: Above so many pixels a photo is encoded as JPEG, whatever it was.
_MAX_PNG_PIXELS = 4_000_000
_LOSSLESS = frozenset({".png", ".gif", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class ReadyPhoto:
    """A photo as it is sent.

    Attributes:
        content: the bytes.
        media_type: what they are.
    """

    content: bytes
    media_type: str


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
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'


class PhotoCache:
    """Photos that had to be encoded anew, the ones used last, up to a number of bytes. Any thread may use it."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._lock = Lock()
        self._photos: OrderedDict[tuple[Path, str], ReadyPhoto] = OrderedDict()
        self._size = 0

    def get(self, path: Path, tag: str) -> ReadyPhoto:
        """The photo ready to be sent: the file's own bytes where a browser shows them upright, else encoded anew.

        Raises:
            PhotoError: the file is missing, empty, no image, or cut in the middle.
        """
        with self._lock:
            known = self._photos.get((path, tag))
            if known is not None:
                self._photos.move_to_end((path, tag))
                return known
        media_type = browser_type(path)
        if media_type is not None:
            try:
                return ReadyPhoto(path.read_bytes(), media_type)
            except OSError as error:
                raise PhotoError(f"{path}: cannot be read: {error.strerror or error}") from None
        photo = encode_upright(path)
        self._keep((path, tag), photo)
        return photo

    def _keep(self, key: tuple[Path, str], photo: ReadyPhoto) -> None:
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
        PhotoError: the file is missing, empty, no image, or cut in the middle.
    """
    image = load_image(path)
    file = io.BytesIO()
    if path.suffix.lower() in _LOSSLESS and image.width * image.height <= _MAX_PNG_PIXELS:
        image.save(file, "PNG", compress_level=1)
        return ReadyPhoto(file.getvalue(), "image/png")
    image.save(file, "JPEG", quality=92, subsampling=0)
    return ReadyPhoto(file.getvalue(), "image/jpeg")
