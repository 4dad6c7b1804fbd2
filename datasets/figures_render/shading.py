"""Light on surfaces: what the depth buffer saw becomes colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Camera, Floats, Floats32, lookup, unit
from figures_render.materials import Colour, Material, paint
from figures_render.mesh import PackedMesh
from figures_render.raster import Buffer
from figures_render.seams import smooth_seams
from figures_render.shadows import ShadowMap, crevices


@dataclass(frozen=True)
class Light:
    """What lights a scene.

    Attributes:
        direction: (3,) unit, towards the sun or lamp.
        sun: its linear strength; `tint` its colour.
        tint: see sun.
        sky: linear strength of the light from everywhere above.
        ground: linear strength of the light thrown back by the floor.
        ground_colour: colour of the floor.
    """

    direction: Floats
    sun: float
    tint: Colour
    sky: float
    ground: float
    ground_colour: Colour


def shade(
    buffer: Buffer,
    mesh: PackedMesh,
    materials: list[Material],
    light: Light,
    camera: Camera,
    texture: Floats32,
    shadows: ShadowMap,
) -> Floats32:
    """The colours of all covered pixels.

    Args:
        buffer: what is seen where.
        mesh: the surfaces.
        materials: what they are made of.
        light: what lights them.
        camera: who looks.
        texture: (S, S) repeating noise.
        shadows: what the light sees.

    Returns:
        (N, 3) float32 sRGB 0..1 for `buffer.pixels`.
    """
    corners = mesh.faces[buffer.faces]
    w = buffer.weights
    normals = np.zeros((len(w), 3), dtype=np.float32)
    coords = np.zeros((len(w), 3), dtype=np.float32)
    all_normals, all_coords = mesh.normals.astype(np.float32), mesh.coords.astype(np.float32)
    for k in range(3):
        normals += w[:, k : k + 1] * all_normals[corners[:, k]]
        coords += w[:, k : k + 1] * all_coords[corners[:, k]]
    normals[buffer.back] *= -1
    smooth_seams(normals, buffer, mesh, camera)
    material = mesh.material[buffer.faces]
    order = np.argsort(material, kind="stable")
    values, starts = np.unique(material[order], return_index=True)
    colours = np.empty_like(normals)
    gloss = np.zeros(len(w), dtype=np.float32)
    for value, group in zip(values, np.split(order, starts[1:]), strict=True):
        m = materials[int(value)]
        colours[group] = paint(m, coords[group], texture, 0.01)
        gloss[group] = m.gloss
        if m.folds > 0:
            _crumple(normals, group, coords[group], texture, m.folds)
    normals /= np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), 1e-6)[:, None]
    return _lit(colours, normals, gloss, light, camera, buffer, shadows)


def _crumple(normals: Floats32, group: NDArray[np.intp], coords: Floats32, texture: Floats32, strength: float) -> None:
    u, v = coords[:, 0] * 14, coords[:, 1] * 150
    normals[group, 0] += strength * 0.22 * lookup(texture, u + 13, v)
    normals[group, 1] += strength * 0.22 * lookup(texture, u + 71, v + 40)
    normals[group, 2] += strength * 0.14 * lookup(texture, u + 37, v + 90)


def _lit(
    colours: Floats32,
    normals: Floats32,
    gloss: Floats32,
    light: Light,
    camera: Camera,
    buffer: Buffer,
    shadows: ShadowMap,
) -> Floats32:
    direction = light.direction.astype(np.float32)
    rays = camera.rays().reshape(-1, 3)[buffer.pixels]
    depth = buffer.depth.ravel()[buffer.pixels]
    points = rays * depth[:, None] + camera.position.astype(np.float32)
    open_sun = 1 - 0.88 * shadows.blocked(points, 0.012)
    open_sky = crevices(buffer, camera)
    facing = normals @ direction
    diffuse = np.clip((facing + 0.12) / 1.12, 0, None) * open_sun * np.float32(light.sun)
    up = 0.5 + 0.5 * normals[:, 1]
    received = diffuse[:, None] * np.asarray(light.tint, dtype=np.float32)
    received += (np.float32(light.sky) * up * open_sky)[:, None]
    received += (np.float32(light.ground) * (1 - up) * open_sky)[:, None] * np.asarray(
        light.ground_colour, dtype=np.float32
    )
    linear = colours * colours * received
    rays /= np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
    half = direction - rays
    half /= np.maximum(np.sqrt(np.einsum("ij,ij->i", half, half)), 1e-6)[:, None]
    spot = np.clip(np.einsum("ij,ij->i", half, normals), 0, 1) ** 22
    linear += (gloss * spot * open_sun * np.float32(light.sun) * 0.6)[:, None]
    return np.asarray(np.sqrt(np.clip(linear, 0, 1)), dtype=np.float32)


def sample_light(rng: np.random.Generator, *, outdoors: bool) -> Light:
    """Random light: sun or overcast outside, lamps inside."""
    azimuth = rng.uniform(-150, 150) if outdoors else rng.uniform(-80, 80)
    elevation = rng.uniform(25, 75)
    c = np.cos(np.radians(elevation))
    direction = unit([c * np.sin(np.radians(azimuth)), np.sin(np.radians(elevation)), c * np.cos(np.radians(azimuth))])
    soft = rng.random() < 0.4
    sun = float(rng.uniform(0.25, 0.5) if soft else rng.uniform(0.6, 1.0))
    sky = float(rng.uniform(0.55, 0.75) if soft else rng.uniform(0.28, 0.5))
    warm = float(rng.uniform(-0.04, 0.14))
    tint = (1.0, 1.0 - 0.5 * max(warm, 0), 1.0 - warm) if warm > 0 else (1.0 + warm, 1.0 + warm / 2, 1.0)
    return Light(direction, sun, tint, sky, float(rng.uniform(0.12, 0.35)), (0.7, 0.66, 0.6))
