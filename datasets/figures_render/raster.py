"""A depth-buffered triangle rasteriser in numpy.

Triangles are sorted into classes by the size of their pixel rectangles (1, 2, 4, 8, ... pixels a side); all triangles of a
class are tested against all pixels of their rectangles at once. The buffer packs inverse depth (as the bits of a positive float,
which order like the float itself) and the face number into one integer, so that one `np.maximum.at` settles which is nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Camera, Floats, Floats32
from figures_render.mesh import PackedMesh

#: Nearest depth drawn, metres. A face that reaches closer is left out.
NEAR = 0.15

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Triangles:
    """Projected faces that may be seen.

    Attributes:
        face: (T,) index in the mesh.
        plane: (T, 2, 3) float64: barycentric weights of the first two corners as A x + B y + C of the pixel.
        inverse: (T, 3) closeness of the corners: 1 / depth in a camera's picture.
        low: (T, 2) first pixel column and row.
        high: (T, 2) last pixel column and row.
        back: (T,) whether it is seen from behind.
    """

    face: NDArray[np.int64]
    plane: Floats
    inverse: Floats
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    back: NDArray[np.bool_]


@dataclass(frozen=True)
class Buffer:
    """What is seen in each pixel.

    Attributes:
        face: (H, W) face of the mesh, -1 where nothing is.
        depth: (H, W) float32 metres along the camera's axis, inf where nothing is.
        pixels: (N,) flat indices of covered pixels.
        faces: (N,) their faces.
        weights: (N, 3) perspective-correct barycentric weights of the face's corners.
        back: (N,) whether the face is seen from behind.
        extent: for each owner number >= 0 the count of pixels it would cover if nothing else stood before it.
    """

    face: NDArray[np.int64]
    depth: Floats32
    pixels: NDArray[np.int64]
    faces: NDArray[np.int64]
    weights: Floats32
    back: NDArray[np.bool_]
    extent: dict[int, int]


def project(mesh: PackedMesh, camera: Camera) -> Triangles:
    """The faces of a mesh that face the camera (or are two-sided) and touch the picture."""
    xy, depth = camera.project(mesh.points)
    inverse = 1 / np.where(depth > NEAR, depth, NEAR)
    usable = np.asarray((depth > NEAR)[mesh.faces].all(axis=1))
    return set_up(xy, inverse, mesh.faces, (camera.width, camera.height), usable, both_sides=mesh.two_sided)


def set_up(
    xy: Floats,
    closeness: Floats,
    faces: NDArray[np.int64],
    size: tuple[int, int],
    usable: NDArray[np.bool_],
    *,
    both_sides: NDArray[np.bool_] | None = None,
    far_sides: bool = False,
) -> Triangles:
    """The triangles that faces make in a picture.

    Args:
        xy: (V, 2) pixels.
        closeness: (V,) positive, larger is nearer; it must vary linearly over the picture within a face.
        faces: (F, 3) indices of vertices.
        size: (width, height) of the picture.
        usable: (F,) faces to consider.
        both_sides: (F,) faces that are kept even when seen from behind.
        far_sides: keep the faces seen from behind instead of those seen from outside.
    """
    x, y = xy[:, 0][faces], xy[:, 1][faces]
    # The picture's y points down, so a face that is counter-clockwise from outside has negative area when seen from outside.
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0])
    keep = usable & ((area > 1e-9) if far_sides else (area < -1e-9))
    if both_sides is not None:
        keep |= usable & both_sides & (np.abs(area) > 1e-9)
    index = np.flatnonzero(keep)
    x, y, area = x[index], y[index], area[index]
    low = np.stack([_low(x), _low(y)], axis=1)
    high = np.stack([_high(x, size[0]), _high(y, size[1])], axis=1)
    touching = (high >= low).all(axis=1)
    index, x, y, area = index[touching], x[touching], y[touching], area[touching]
    plane = np.empty((len(index), 2, 3))
    for k, (i, j) in enumerate(((1, 2), (2, 0))):
        plane[:, k, 0] = (y[:, i] - y[:, j]) / area
        plane[:, k, 1] = (x[:, j] - x[:, i]) / area
        plane[:, k, 2] = (x[:, i] * y[:, j] - x[:, j] * y[:, i]) / area
    return Triangles(index, plane, closeness[faces[index]], low[touching], high[touching], area > 0)


def _low(values: Floats) -> NDArray[np.int64]:
    smallest = np.minimum(np.minimum(values[:, 0], values[:, 1]), values[:, 2])
    return np.asarray(np.maximum(np.ceil(np.clip(smallest, -1e6, 1e6) - 1e-9), 0), dtype=np.int64)


def _high(values: Floats, size: int) -> NDArray[np.int64]:
    largest = np.maximum(np.maximum(values[:, 0], values[:, 1]), values[:, 2])
    return np.asarray(np.minimum(np.floor(np.clip(largest, -1e6, 1e6) + 1e-9), size - 1), dtype=np.int64)


def _classes(t: Triangles) -> list[tuple[int, int, NDArray[np.int64]]]:
    """(width, height, triangles) of each class of pixel rectangles."""
    if len(t.low) == 0:
        return []
    size = t.high - t.low + 1
    power = np.ceil(np.log2(size)).astype(np.int64)
    code = power[:, 0] * 32 + power[:, 1]
    order = np.argsort(code, kind="stable")
    values, starts = np.unique(code[order], return_index=True)
    return [
        (1 << int(value // 32), 1 << int(value % 32), group)
        for value, group in zip(values, np.split(order, starts[1:]), strict=True)
    ]


def covered(t: Triangles, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats32]:
    """Every (triangle, pixel) pair where the pixel's centre lies in the triangle.

    Args:
        t: T projected triangles.
        width: of the picture.

    Returns:
        (M,) triangle numbers 0..T-1, (M,) flat pixel indices, (M,) float32 closeness.
    """
    triangles, pixels, inverses = [], [], []
    for w, h, group in _classes(t):
        step = max(_CHUNK // (w * h), 1)
        ox = np.tile(np.arange(w), h)
        oy = np.repeat(np.arange(h), w)
        fx, fy = ox.astype(np.float32), oy.astype(np.float32)
        for start in range(0, len(group), step):
            g = group[start : start + step]
            low = t.low[g]
            plane = t.plane[g]
            at_low = plane[..., 0] * low[:, :1] + plane[..., 1] * low[:, 1:] + plane[..., 2]
            p = plane.astype(np.float32)
            a = at_low.astype(np.float32)
            w0 = p[:, 0, :1] * fx + (p[:, 0, 1:2] * fy + a[:, :1])
            w1 = p[:, 1, :1] * fx + (p[:, 1, 1:2] * fy + a[:, 1:])
            inside = (w0 >= 0) & (w1 >= 0) & (w0 + w1 <= 1)
            limit = t.high[g] - low
            inside &= (ox <= limit[:, :1]) & (oy <= limit[:, 1:])
            row, column = np.nonzero(inside)
            if len(row) == 0:
                continue
            i = t.inverse[g].astype(np.float32)[row]
            a0, a1 = w0[row, column], w1[row, column]
            inverses.append(i[:, 2] + a0 * (i[:, 0] - i[:, 2]) + a1 * (i[:, 1] - i[:, 2]))
            pixels.append((low[row, 1] + oy[column]) * width + low[row, 0] + ox[column])
            triangles.append(g[row])
    if not pixels:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, np.zeros(0, dtype=np.float32)
    return np.concatenate(triangles), np.concatenate(pixels), np.concatenate(inverses)


def rasterise(mesh: PackedMesh, camera: Camera) -> Buffer:
    """What the camera sees of a mesh."""
    t = project(mesh, camera)
    triangle, pixel, inverse = covered(t, camera.width)
    size = camera.width * camera.height
    keys = np.full(size, -1, dtype=np.int64)
    bits = np.ascontiguousarray(inverse).view(np.int32).astype(np.int64)
    np.maximum.at(keys, pixel, (bits << 32) | triangle)
    pixels = np.flatnonzero(keys >= 0)
    winner = keys[pixels] & 0xFFFFFFFF

    x, y = (pixels % camera.width).astype(np.float64), (pixels // camera.width).astype(np.float64)
    plane = t.plane[winner]
    weights = np.empty((len(pixels), 3))
    weights[:, 0] = plane[:, 0, 0] * x + plane[:, 0, 1] * y + plane[:, 0, 2]
    weights[:, 1] = plane[:, 1, 0] * x + plane[:, 1, 1] * y + plane[:, 1, 2]
    weights[:, 2] = 1 - weights[:, 0] - weights[:, 1]
    np.clip(weights, 0, 1, out=weights)
    weights *= t.inverse[winner]
    total = weights.sum(axis=1, keepdims=True)
    depth = np.full(size, np.inf, dtype=np.float32)
    depth[pixels] = 1 / total[:, 0]
    face = np.full(size, -1, dtype=np.int64)
    face[pixels] = t.face[winner]

    owner = mesh.owner[t.face[triangle]]
    extent = {}
    seen = np.zeros(size, dtype=bool)
    for number in np.unique(mesh.owner):
        if number >= 0:
            seen[:] = False
            seen[pixel[owner == number]] = True
            extent[int(number)] = int(np.count_nonzero(seen))
    shape = (camera.height, camera.width)
    return Buffer(
        face.reshape(shape),
        depth.reshape(shape),
        pixels,
        t.face[winner],
        (weights / total).astype(np.float32),
        t.back[winner],
        extent,
    )


def nearest(t: Triangles, width: int, height: int) -> Floats32:
    """The largest closeness in every pixel: (H, W) float32, 0 where nothing is."""
    _, pixel, closeness = covered(t, width)
    out = np.zeros(width * height, dtype=np.float32)
    np.maximum.at(out, pixel, closeness)
    return out.reshape(height, width)
