"""Joins between body parts: where an arm meets the trunk, the light should not show an edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Camera, Floats32
from figures_render.mesh import PackedMesh
from figures_render.parts import JOINED
from figures_render.raster import Buffer

_OFFSETS = [(np.cos(a) * r, np.sin(a) * r) for r in (0.35, 0.7, 1.0) for a in np.arange(8) * np.pi / 4 + r]


def smooth_seams(normals: Floats32, buffer: Buffer, mesh: PackedMesh, camera: Camera, reach: float = 0.03) -> None:
    """Average the normals near a join over what lies around, in place.

    Args:
        normals: (N, 3) of `buffer.pixels`, changed where needed.
        buffer: what is seen.
        mesh: the surfaces.
        camera: who looks.
        reach: half width of the rounded join, metres.
    """
    h, w = buffer.face.shape
    key = np.zeros(h * w, dtype=np.int16)
    part, owner = mesh.part[buffer.faces], mesh.owner[buffer.faces]
    joined = JOINED[part]
    key[buffer.pixels] = np.where(joined, part + 32 * (owner + 1), 0)
    grid = key.reshape(h, w)
    depth = np.where(np.isfinite(buffer.depth), buffer.depth, np.float32(1e4))
    border = np.zeros((h, w), dtype=bool)
    for axis in (0, 1):
        a = grid[1:] if axis == 0 else grid[:, 1:]
        b = grid[:-1] if axis == 0 else grid[:, :-1]
        d = depth[1:] - depth[:-1] if axis == 0 else depth[:, 1:] - depth[:, :-1]
        meets = (a != b) & (a > 0) & (b > 0) & (a // 32 == b // 32) & (np.abs(d) < 0.03)
        if axis == 0:
            border[1:] |= meets
            border[:-1] |= meets
        else:
            border[:, 1:] |= meets
            border[:, :-1] |= meets
    y, x = np.nonzero(border)
    if len(y) == 0:
        return
    radius = camera.focal * reach / depth[y, x]
    near = np.zeros(h * w, dtype=bool)
    for dx, dy in [(0.0, 0.0), *_OFFSETS]:
        near[_at(x + radius * dx, y + radius * dy, w, h)] = True
    place = np.full(h * w, -1, dtype=np.int64)
    place[buffer.pixels] = np.arange(len(buffer.pixels))
    targets = np.flatnonzero(near & (key > 0))
    tx, ty = targets % w, targets // w
    here, body = depth.ravel()[targets], key[targets] // 32
    span = camera.focal * reach / here
    total = 2.0 * normals[place[targets]]
    for dx, dy in _OFFSETS:
        other = _at(tx + span * dx, ty + span * dy, w, h)
        alike = (key[other] > 0) & (key[other] // 32 == body) & (np.abs(depth.ravel()[other] - here) < 0.035)
        total += normals[place[other]] * alike[:, None]
    length = np.maximum(np.sqrt(np.einsum("ij,ij->i", total, total)), 1e-6)
    normals[place[targets]] = total / length[:, None]


def _at(x: NDArray[np.floating], y: NDArray[np.floating], w: int, h: int) -> NDArray[np.int64]:
    row, column = np.clip(np.rint(y), 0, h - 1).astype(np.int64), np.clip(np.rint(x), 0, w - 1).astype(np.int64)
    return np.asarray(row * w + column)
