"""Tiles lie exactly where their pixels are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from labeltool.server.tiles import MARGIN, TILE, cut_tiles, level_count, tile_places


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        ((10, 10), 0),
        ((2048, 1000), 0),
        ((2049, 1000), 1),
        ((4000, 3000), 1),
        ((5121, 100), 2),
        ((8688, 5792), 2),
        ((16320, 12240), 3),
    ],
)
def test_a_photo_has_as_many_levels_as_the_editor_asks_for(size: tuple[int, int], levels: int) -> None:
    # tests/editor/tiles.test.js has the same table.
    assert level_count(size) == levels
    assert level_count((size[1], size[0])) == levels


def test_the_places_cover_every_level_once() -> None:
    places = list(tile_places((5200, 1025)))
    assert len(places) == len(set(places)) == 6 * 2 + 3 * 1
    assert list(tile_places((640, 480))) == []


def test_tiles_put_together_are_the_photo_at_each_level() -> None:
    ramp = Image.fromarray(np.linspace(0, 255, 5201).astype(np.uint8)[None, :].repeat(1030, 0)).convert("RGB")
    levels = [np.asarray(ramp, dtype=float)[..., 0], np.asarray(ramp.reduce(2), dtype=float)[..., 0]]
    seen = [np.zeros(level.shape, bool) for level in levels]
    for (level, column, row), content in cut_tiles(ramp, fine=True):
        tile = np.asarray(Image.open(io.BytesIO(content)), dtype=float)[..., 0]
        left, top = max(column * TILE - MARGIN, 0), max(row * TILE - MARGIN, 0)
        there = (slice(top, top + tile.shape[0]), slice(left, left + tile.shape[1]))
        assert levels[level][there].shape == tile.shape, "no tile reaches beyond its level"
        assert np.abs(levels[level][there] - tile).max() <= 3
        seen[level][there] = True
    assert all(level.all() for level in seen)


def test_neighbours_overlap() -> None:
    tiles = dict(cut_tiles(Image.new("RGB", (4000, 100)), fine=False))
    widths = [Image.open(io.BytesIO(tiles[0, column, 0])).width for column in range(4)]
    assert widths == [TILE + MARGIN, TILE + 2 * MARGIN, TILE + 2 * MARGIN, 4000 - 3 * TILE + MARGIN]
