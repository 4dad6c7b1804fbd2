"""The rasteriser against the definition: a pixel belongs to the nearest face whose projection holds its centre."""

from __future__ import annotations

import numpy as np
import pytest
from figures_render.geometry import Camera
from figures_render.mesh import Mesh, Surface, box, ellipsoid, tube
from figures_render.raster import rasterise


def _soup(rng: np.random.Generator, faces: int) -> Mesh:
    points = rng.uniform(-1.2, 1.2, (faces, 1, 3)) + rng.normal(0, 0.25, (faces, 3, 3))
    surface = Surface(
        points.reshape(-1, 3),
        np.tile([0.0, 0, 1], (3 * faces, 1)),
        np.zeros((3 * faces, 3)),
        np.arange(3 * faces).reshape(-1, 3),
        two_sided=True,
    )
    mesh = Mesh()
    mesh.add(surface, 0, 0, 0)
    return mesh


def test_the_buffer_equals_a_ray_cast() -> None:
    camera = Camera.aimed([0.1, 0.2, 4.0], 4, 7, 60, 48, 40)
    packed = _soup(np.random.default_rng(21), 60).packed()
    buffer = rasterise(packed, camera)
    rays = camera.rays().reshape(-1, 3).astype(np.float64)
    best = np.full(len(rays), np.inf)
    for a, b, c in packed.points[packed.faces]:
        matrix = np.stack([np.broadcast_to(b - a, rays.shape), np.broadcast_to(c - a, rays.shape), -rays], axis=-1)
        u, v, t = np.moveaxis(
            np.linalg.solve(matrix, np.broadcast_to((camera.position - a)[:, None], (len(rays), 3, 1))), 1, 0
        )
        hit = ((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0.15))[:, 0]
        best = np.where(hit, np.minimum(best, t[:, 0]), best)
    depth = buffer.depth.ravel()
    both = np.isfinite(best) & np.isfinite(depth)
    # A pixel centre on an edge may fall either way.
    assert np.mean(np.isfinite(best) == np.isfinite(depth)) > 0.998
    assert np.mean(np.abs(best[both] - depth[both]) < 1e-3) > 0.995


def test_the_weights_give_back_the_pixel() -> None:
    camera = Camera.aimed([0, 0, 4.0], 0, 0, 60, 48, 40)
    packed = _soup(np.random.default_rng(22), 40).packed()
    buffer = rasterise(packed, camera)
    points = np.einsum("nk,nkd->nd", buffer.weights, packed.points[packed.faces[buffer.faces]])
    xy, _ = camera.project(points)
    wanted = np.stack([buffer.pixels % 48, buffer.pixels // 48], axis=1)
    np.testing.assert_allclose(xy, wanted, atol=0.01)


def _pipe(start: float, dome: float) -> Surface:
    axis = np.array([[0, start, 0], [0, 0, 0], [0, -start, 0]])
    return tube(axis, np.eye(3)[0], np.eye(3)[2], [0.3] * 3, [0.2] * 3, [0.25] * 3, [0, 1, 2], dome=dome)


@pytest.mark.parametrize(
    "surface",
    [
        box([0, 0, 0], np.eye(3), [0.5, 0.4, 0.3]),
        ellipsoid([0, 0, 0], np.eye(3), [0.5, 0.4, 0.3]),
        _pipe(-0.5, 0.8),
        _pipe(0.5, 0.0),
    ],
    ids=["box", "ellipsoid", "tube up", "tube down"],
)
def test_closed_surfaces_are_wound_outward(surface: Surface) -> None:
    a, b, c = np.moveaxis(surface.points[surface.faces], 1, 0)
    normal = np.cross(b - a, c - a)
    big = np.linalg.norm(normal, axis=1) > 1e-9
    outward = np.einsum("ij,ij->i", normal, (a + b + c) / 3)
    assert (outward[big] > 0).all()
    middle = surface.normals[surface.faces].mean(axis=1)
    assert np.mean(np.einsum("ij,ij->i", normal, middle)[big] > 0) > 0.95


def test_extent_counts_what_is_hidden_too() -> None:
    mesh = Mesh()
    mesh.add(box([0, 0, 0], np.eye(3), [0.5, 0.5, 0.1]), 0, 0, 0)
    mesh.add(box([0, 0, 1], np.eye(3), [0.5, 0.5, 0.1]), 0, 0, 1)
    packed = mesh.packed()
    buffer = rasterise(packed, Camera.aimed([0, 0, 5.0], 0, 0, 100, 64, 64))
    seen = np.bincount(packed.owner[buffer.faces], minlength=2)
    assert seen[0] == 0
    assert buffer.extent[0] > 300
    assert seen[1] == buffer.extent[1]


def test_an_empty_mesh_gives_an_empty_picture() -> None:
    buffer = rasterise(Mesh().packed(), Camera.aimed([0, 0, 5.0], 0, 0, 100, 64, 48))
    assert len(buffer.pixels) == 0
    assert np.isinf(buffer.depth).all()
