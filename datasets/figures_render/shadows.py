"""Shadows and dark corners: what keeps the light from a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Camera, Floats, Floats32, unit
from figures_render.mesh import PackedMesh
from figures_render.raster import Buffer, nearest, set_up

#: Finest shadow texel, metres, and the most texels along a side.
TEXEL = 0.011
MOST = 900


@dataclass(frozen=True)
class ShadowMap:
    """How close to the light the far sides of things are, seen from the light.

    Far sides are stored rather than near ones so that a lit surface never shadows itself.

    Attributes:
        axes: (3, 3) rows: right, down, towards the light.
        origin: (2,) right and down of texel (0, 0), metres.
        base: what is taken off the third coordinate, metres.
        texel: metres.
        closeness: (H, W) float32, 0 where nothing is.
    """

    axes: Floats
    origin: Floats
    base: float
    texel: float
    closeness: Floats32

    def blocked(self, points: NDArray[np.floating], bias: float) -> Floats32:
        """The share of light that is kept from points: (N, 3) metres -> (N,) float32 in 0..1, edges a texel or two soft."""
        local = points.astype(np.float32) @ self.axes.T.astype(np.float32)
        u = (local[:, 0] - np.float32(self.origin[0])) / np.float32(self.texel)
        v = (local[:, 1] - np.float32(self.origin[1])) / np.float32(self.texel)
        here = local[:, 2] - np.float32(self.base - bias)
        h, w = self.closeness.shape
        total = np.zeros(len(points), dtype=np.float32)
        for du, dv in ((-0.6, -0.6), (0.6, -0.6), (-0.6, 0.6), (0.6, 0.6)):
            column = np.clip(np.rint(u + np.float32(du)), 0, w - 1).astype(np.int64)
            row = np.clip(np.rint(v + np.float32(dv)), 0, h - 1).astype(np.int64)
            seen = self.closeness[row, column]
            total += (seen > here) & (seen > 0)
        return total / np.float32(4)


def shadow_map(mesh: PackedMesh, direction: Floats) -> ShadowMap:
    """What the light sees of a mesh.

    Args:
        mesh: everything that throws a shadow.
        direction: (3,) unit, towards the light.
    """
    right = unit(np.cross([0.0, 1.0, 0.0], direction))
    down = np.cross(right, direction)
    axes = np.stack([right, down, direction])
    if len(mesh.faces) == 0:
        return ShadowMap(axes, np.zeros(2), 0.0, TEXEL, np.zeros((1, 1), dtype=np.float32))
    local = mesh.points @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    texel = max(TEXEL, float((high[:2] - low[:2]).max()) / MOST)
    origin = low[:2] - 2 * texel
    size = (np.ceil((high[:2] - low[:2]) / texel) + 5).astype(int)
    xy = (local[:, :2] - origin) / texel
    base = float(low[2]) - 1.0
    width, height = int(size[0]), int(size[1])
    t = set_up(
        xy, local[:, 2] - base, mesh.faces, (width, height), np.ones(len(mesh.faces), dtype=bool), far_sides=True
    )
    return ShadowMap(axes, origin, base, texel, nearest(t, width, height))


def crevices(buffer: Buffer, camera: Camera, reach: float = 0.11) -> Floats32:
    """How much of the surroundings' light each covered pixel gets, judged by what stands out around it in the depth buffer.

    Args:
        buffer: what is seen.
        camera: who looks.
        reach: how far around to look, metres.

    Returns:
        (N,) float32 in 0..1 for `buffer.pixels`: 1 in the open, lower in corners and under overhangs.
    """
    h, w = buffer.depth.shape
    flat = buffer.depth.ravel()
    depth = flat[buffer.pixels]
    radius = np.clip(np.float32(camera.focal * reach) / depth, 1.5, 60)
    x, y = (buffer.pixels % w).astype(np.float32), (buffer.pixels // w).astype(np.float32)
    hidden = np.zeros(len(depth), dtype=np.float32)
    angles = np.arange(8) * (2 * np.pi / 8) + 0.3
    for angle, share in zip(angles, (1.0, 0.5) * 4, strict=True):
        column = np.clip(x + radius * np.float32(np.cos(angle) * share), 0, w - 1).astype(np.int64)
        row = np.clip(y + radius * np.float32(np.sin(angle) * share), 0, h - 1).astype(np.int64)
        ahead = depth - flat[row * w + column]
        hidden += np.clip(ahead * np.float32(14), 0, 1) * np.clip((np.float32(0.42) - ahead) * np.float32(5), 0, 1)
    return np.asarray(1 - np.float32(0.8 / 8) * hidden, dtype=np.float32)
