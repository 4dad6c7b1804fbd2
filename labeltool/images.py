"""Photos: found, checked, and decoded upright."""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageCms, UnidentifiedImageError

from labeltool.errors import PhotoError

#: File name endings that count as photos.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

#: A photo above this is refused rather than decoded: a small file that unpacks to gigabytes (a decompression bomb).
MAX_PIXELS = 200_000_000

# Pillow raises an error at twice its own limit, so that the two agree; its warning below that would only repeat itself.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_READERS = 4
_BROWSER_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
_ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}
_JPEGS = frozenset({"JPEG", "MPO"})
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: A photo scaled down by a power of two may be this much smaller than asked for: a JPEG then needs no second scaling.
_NEAR_ENOUGH = 0.7


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
    """The photo upright as an RGB Pillow image (see `load_photo`); its colour profile, if any, is in `info["icc_profile"]`."""
    with _open(path) as image:
        try:
            orientation = _orientation(image, path)
            image.load()
            return _turned(_to_rgb(image), orientation)
        except (OSError, ValueError, SyntaxError) as error:
            raise PhotoError(f"{path}: cannot be decoded: {error}") from None


def load_scaled(path: Path, longest: int) -> Image.Image:
    """The photo upright and scaled down so that its longer side has at most `longest` pixels; a smaller one stays as it is.

    The result covers exactly the whole photo: its edges are the photo's edges, so that a joint at (x, y) of the photo lies at
    ((x + 0.5) * w / W - 0.5, (y + 0.5) * h / H - 0.5) of it. A JPEG is decoded at 1/2, 1/4 or 1/8 where that comes near
    enough (70 % of `longest`), in a fraction of the time and memory.

    Raises:
        PhotoError: the file is missing, empty, no image, too large, or cut in the middle.
    """
    with _open(path) as image:
        try:
            orientation = _orientation(image, path)
            width, height = image.size
            factor = scale_factor((width, height), longest)
            if factor > 1 and image.format in _JPEGS:
                image.draft(None, (width // factor, height // factor))
            image.load()
            part = (0.0, 0.0, image.width * 1.0, image.height * 1.0)
            if image.width < width:  # The decoder rounds up: its last column and row reach beyond the photo.
                part = (0.0, 0.0, width / factor, height / factor)
            scale = min(1.0, longest / max(width / factor, height / factor)) / factor
            size = (max(round(width * scale), 1), max(round(height * scale), 1))
            rgb = _to_rgb(image)
            if rgb.size != size or part[2:] != (float(rgb.width), float(rgb.height)):
                profile = rgb.info.get("icc_profile")
                rgb = rgb.resize(size, Image.Resampling.BILINEAR, box=part, reducing_gap=2.0)
                rgb.info["icc_profile"] = profile
            return _turned(rgb, orientation)
        except (OSError, ValueError, SyntaxError) as error:
            raise PhotoError(f"{path}: cannot be decoded: {error}") from None


def scale_factor(size: tuple[int, int], longest: int) -> int:
    """The power of two up to 8 by which `load_scaled` divides a photo's sides while decoding; 1 for none.

    Args:
        size: (width, height) of the photo.
        longest: what the longer side shall have at most.
    """
    factor = 1
    while factor < 8 and max(size) > longest and max(size) / (factor * 2) >= _NEAR_ENOUGH * longest:
        factor *= 2
    return factor


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
    """The EXIF orientation, 1 where there is none or it is out of range.

    Pillow decodes a whole PNG to see what comes behind its pixels; that is left out where nothing of the kind does.
    """
    if image.format == "PNG" and "exif" not in image.info and not _notes_at_end(path):
        return 1
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError) as error:
        raise PhotoError(f"{path}: cannot be decoded: {error}") from None
    return orientation if orientation in _TURNS else 1


def _notes_at_end(png: Path) -> bool:
    """Whether a PNG file has EXIF or text behind its pixels, told by the types of its chunks."""
    with png.open("rb") as file:
        file.seek(8)
        behind = False
        while len(head := file.read(8)) == 8:
            behind |= head[4:] == b"IDAT"
            if behind and head[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)
    return False


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image upright, by its EXIF orientation."""
    if orientation == 1:
        return image
    turned = image.transpose(_TURNS[orientation])
    turned.info["icc_profile"] = image.info.get("icc_profile")
    return turned


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
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoError(f"{path}: more pixels than {MAX_PIXELS:,}, expected at most so many in all") from None
    except (OSError, ValueError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PhotoError(f"{path}: cannot be read: {reason}") from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise PhotoError(f"{path}: {image.width} x {image.height} pixels, expected at most {MAX_PIXELS:,} in all")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any decoded image as RGB; of its metadata only the colour profile stays, where it still is the image's own."""
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image, profile)
    if image.mode.startswith(("I", "F")):
        rgb, profile = _grey_to_bytes(image).convert("RGB"), None
    elif image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        rgb = Image.alpha_composite(white, rgba).convert("RGB")
    else:
        rgb = image if image.mode == "RGB" else image.convert("RGB")
    rgb.info = {"icc_profile": profile if image.mode in ("RGB", "RGBA", "P") else None}
    return rgb


def _grey_to_bytes(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits scaled to 8: 0 to 65535 becomes 0 to 255; where nothing is above 255, it was 8 bits all along."""
    values = np.asarray(image)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        table = np.clip(np.arange(65536) * (255.0 / top), 0, 255).astype(np.uint8)
        return Image.fromarray(table[values])
    values = np.nan_to_num(values.astype(np.float32, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(values.max(initial=0))
    if image.mode.startswith("I"):
        top = 65535.0 if highest > 255 else 255.0
    else:
        top = max(highest, 1.0)
    return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """CMYK as sRGB, by its own colour profile where it has one that can be read, else by the plain formula.

    Adobe's programs store the inks of a JPEG inverted and mark the file with an Adobe segment. Pillow takes every JPEG for one of
    those; one without the mark is turned back.
    """
    if image.format in _JPEGS and "adobe" not in image.info:
        image = ImageChops.invert(image)
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            rgb = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if rgb is not None:
                rgb.info = {}
                return rgb
        except (ImageCms.PyCMSError, OSError):
            pass  # A profile that is broken, or of another colour space: the plain formula is better than no photo.
    rgb = image.convert("RGB")
    rgb.info = {}
    return rgb
