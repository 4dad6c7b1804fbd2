"""Photos: found, checked, and decoded upright."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from labeltool.errors import PhotoError

#: File name endings that count as photos.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

#: A photo above this is refused rather than decoded (a decompression bomb): 300 megapixels.
MAX_PIXELS = 300_000_000

_READERS = 4
_BROWSER_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})


def find_photos(root: Path) -> list[Path]:
    """The photos below a folder, as relative paths in natural byte order; hidden files and folders are passed over.

    Raises:
        PhotoError: the folder is not there.
    """
    if not root.is_dir():
        raise PhotoError(f"{root}: no such folder of photos")
    found = []
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        if path.suffix.lower() in PHOTO_SUFFIXES and not any(part.startswith(".") for part in relative.parts):
            found.append(relative)
    return sorted(found, key=lambda p: p.as_posix())


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) of a photo as it is shown: after its EXIF orientation. Reads the header only.

    Raises:
        PhotoError: the file is missing, empty, or no image.
    """
    with _open(path) as image:
        width, height = image.size
        if _orientation(image, path) in _SIDEWAYS:
            return height, width
        return width, height


def upright_sizes(root: Path, names: Sequence[str]) -> list[tuple[int, int] | PhotoError]:
    """For each photo its `upright_size`, or the error that says why it cannot be had; files are read side by side.

    Args:
        root: the folder of the photos.
        names: file names relative to it; one that leads out of it is refused.
    """

    def measure(name: str) -> tuple[int, int] | PhotoError:
        try:
            return upright_size(photo_below(root, name))
        except PhotoError as error:
            return error

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(measure, names))


def photo_digests(root: Path, names: Sequence[str]) -> list[bytes | PhotoError]:
    """For each photo a digest of its picture, or the error that says why it cannot be had; files are read side by side.

    Of a JPEG the digest covers the file without its metadata, so that nothing is decoded; of any other photo the upright
    pixels. Equal digests are equal pixels.

    Args:
        root: the folder of the photos.
        names: file names relative to it; one that leads out of it is refused.
    """

    def digest(name: str) -> bytes | PhotoError:
        try:
            path = photo_below(root, name)
            raw = path.read_bytes()
            if raw.startswith(b"\xff\xd8\xff"):
                return hashlib.sha256(_without_metadata(raw)).digest()
            photo = load_photo(path)
            return hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).digest()
        except OSError as error:
            return PhotoError(f"{root / name}: cannot be read: {error.strerror or error}")
        except PhotoError as error:
            return error

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(digest, names))


def photo_below(root: Path, name: str) -> Path:
    """The path of a photo named by a label file.

    Raises:
        PhotoError: the name is absolute or climbs out of the folder.
    """
    parts = name.replace("\\", "/").split("/")
    if not name or ".." in parts or Path(name).is_absolute() or PureWindowsPath(name).drive:
        raise PhotoError(f"{root}: file name {name!r} leads out of the folder, expected a path below it")
    return root / name


def load_photo(path: Path) -> NDArray[np.uint8]:
    """The photo upright, as (H, W, 3) RGB bytes; 16-bit grey is scaled, transparency is laid on white.

    Raises:
        PhotoError: the file is missing, empty, no image, or cut in the middle.
    """
    return np.asarray(load_image(path), dtype=np.uint8)


def load_image(path: Path) -> Image.Image:
    """The photo upright as an RGB Pillow image (see `load_photo`)."""
    with _open(path) as image:
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _to_rgb(upright)
        except (OSError, ValueError, SyntaxError) as error:
            raise PhotoError(f"{path}: cannot be decoded: {error}") from None


def crop_photo(photo: NDArray[np.uint8], box: ArrayLike, size: int, fill: int = 127) -> NDArray[np.uint8]:
    """The part of a photo inside a box, resized to size x size; what lies outside the photo is grey.

    Bilinear with antialiasing; the convention is that of `labeltool.geometry`.

    Args:
        photo: (H, W, 3) bytes.
        box: [x, y, w, h] in image pixels, floats; may reach beyond the photo.
        size: the side of the crop.
        fill: the value of each channel outside the photo.

    Returns:
        (size, size, 3) bytes.
    """
    x, y, w, h = (float(value) for value in np.asarray(box, dtype=np.float64))
    height, width = photo.shape[:2]
    left, top, right, bottom = math.floor(x), math.floor(y), math.ceil(x + w), math.ceil(y + h)
    part = photo[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left < 0 or top < 0 or right > width or bottom > height:
        padded = np.full((bottom - top, right - left, 3), fill, dtype=np.uint8)
        at_y, at_x = max(-top, 0), max(-left, 0)
        padded[at_y : at_y + part.shape[0], at_x : at_x + part.shape[1]] = part
        part = padded
    edges = (x - left, y - top, min(x - left + w, part.shape[1]), min(y - top + h, part.shape[0]))
    resized = Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR, box=edges, reducing_gap=2.0)
    return np.asarray(resized)


def browser_type(path: Path) -> str | None:
    """The media type under which a browser shows the file upright as it is; None for one that must be decoded and encoded anew.

    Reads the header, and the end of JPEG and PNG files; only a file that seems to be cut is decoded to find out.

    Raises:
        PhotoError: the file is missing, empty, no image, or cut in the middle.
    """
    with _open(path) as image:
        kind, mode = image.format or "", image.mode
        upright = _orientation(image, path) == 1
        opaque = mode in ("RGB", "L", "1") or (mode == "P" and "transparency" not in image.info)
    if kind in _ENDS and not _ends_well(path, _ENDS[kind]):
        load_image(path)
    return _BROWSER_TYPES.get(kind) if upright and opaque else None


def _without_metadata(jpeg: bytes) -> bytes:
    """A JPEG file without its application segments and comments; whatever is not understood is kept."""
    kept, at = [jpeg[:2]], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] not in (0xDA, 0xFF):
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if not (0xE0 <= jpeg[at + 1] <= 0xEF or jpeg[at + 1] == 0xFE):
            kept.append(jpeg[at:end])
        at = end
    kept.append(jpeg[at:])
    return b"".join(kept)


def _orientation(image: Image.Image, path: Path) -> int:
    """The EXIF orientation, 1 where there is none. Of a PNG this may decode the whole photo, which may be cut."""
    try:
        orientation: int = image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError) as error:
        raise PhotoError(f"{path}: cannot be decoded: {error}") from None
    return orientation


def _ends_well(path: Path, mark: bytes) -> bool:
    """Whether a file has its format's end mark near its end (cameras append notes of their own)."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 4096, 0))
        return mark in file.read()


def _open(path: Path) -> Image.Image:
    try:
        if path.stat().st_size == 0:
            raise PhotoError(f"{path}: the file is empty (0 bytes), expected a photo")
        image = Image.open(path)
    except PhotoError:
        raise
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such photo") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{path}: not an image that can be read, expected a photo (JPEG, PNG, WebP, ...)") from None
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{path}: {error}") from None
    except (OSError, ValueError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PhotoError(f"{path}: cannot be read: {reason}") from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise PhotoError(f"{path}: {image.width} x {image.height} pixels, expected at most {MAX_PIXELS:,} in all")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") and values.max(initial=0) > 255 else max(values.max(initial=0), 1.0)
        if image.mode == "I" and values.max(initial=0) <= 255:
            top = 255.0
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
