"""Large photos in tiles: halved level by level and cut into squares, so that a browser fetches only what it shows.

Level 0 is the photo itself; pixel i of level k covers the photo's pixels i * 2^k to (i + 1) * 2^k exactly. Tile (column, row)
of a level covers its pixels from column * 1024 and row * 1024 on, and 2 more on each side where there are any: neighbours
overlap, so that no seam shows between them at any zoom. `labeltool/editor/tiles.js` has the same numbers.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

#: The longer side of a photo that is sent whole; a larger one is sent scaled down to it, and in tiles where that is too coarse.
OVERVIEW = 2048

#: The side of a tile in pixels of its level, and how far it overlaps its neighbours.
TILE = 1024
MARGIN = 2

_QUALITY = 90

Place = tuple[int, int, int]


def level_count(size: tuple[int, int]) -> int:
    """How many levels of tiles a photo has: those that are finer than its overview by at least a quarter, and level 0.

    Args:
        size: (width, height) of the photo, upright.
    """
    longest = max(size)
    if longest <= OVERVIEW:
        return 0
    count = 1
    while longest / 2**count > OVERVIEW * 1.25:
        count += 1
    return count


def tile_places(size: tuple[int, int]) -> Iterator[Place]:
    """The (level, column, row) of every tile of a photo of that size."""
    for level in range(level_count(size)):
        width, height = (-(-side // 2**level) for side in size)
        for row in range(-(-height // TILE)):
            for column in range(-(-width // TILE)):
                yield level, column, row


def cut_tiles(photo: Image.Image, fine: bool) -> Iterator[tuple[Place, bytes]]:
    """Every tile of a photo as a JPEG, level by level.

    Args:
        photo: the photo upright, RGB.
        fine: keep the colours at full resolution, for photos that were stored without loss.
    """
    level, at = photo, 0
    profile = photo.info.get("icc_profile")
    for place in tile_places(photo.size):
        while at < place[0]:
            level, at = level.reduce(2), at + 1
        left, top = place[1] * TILE, place[2] * TILE
        box = (
            max(left - MARGIN, 0),
            max(top - MARGIN, 0),
            min(left + TILE + MARGIN, level.width),
            min(top + TILE + MARGIN, level.height),
        )
        yield place, encode_jpeg(level.crop(box), fine, profile)


def encode_jpeg(image: Image.Image, fine: bool, profile: bytes | None) -> bytes:
    """The image as JPEG bytes, with its colour profile."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, subsampling=0 if fine else 2, icc_profile=profile)
    return file.getvalue()
