"""A picture of a scene: drawn, photographed, and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from figures_render import backdrop as backdrops
from figures_render import labels
from figures_render.geometry import Floats32
from figures_render.mesh import Mesh, PackedMesh
from figures_render.raster import Buffer, rasterise
from figures_render.scene import Person, Scene
from figures_render.shading import shade
from figures_render.shadows import ShadowMap, shadow_map

#: A person is taken out of a scene when less than this share of what lies in the frame is seen, or fewer pixels than
#: MIN_PIXELS, or less than MIN_PICTURE of the picture.
MIN_SHARE = 0.2
MIN_PIXELS = 60
MIN_PICTURE = 0.0006


@dataclass(frozen=True)
class Rendered:
    """A picture and its truth.

    Attributes:
        pixels: (H, W, 3) uint8.
        scene: what was drawn.
        buffer: what is seen in each pixel.
        mesh: the surfaces; `owner` indexes scene.people.
    """

    pixels: NDArray[np.uint8]
    scene: Scene
    buffer: Buffer
    mesh: PackedMesh


def draw(scene: Scene, rng: np.random.Generator, *, supersample: int = 1) -> Rendered:
    """The picture of a scene; people who are hardly seen are taken out first."""
    people = list(scene.people)
    least = max(MIN_PIXELS, MIN_PICTURE * scene.camera.width * scene.camera.height)
    while True:
        mesh, buffer = _raster(people, scene)
        seen = np.bincount(mesh.owner[buffer.faces] + 1, minlength=len(people) + 1)[1:]
        hidden = [n for n in range(len(people)) if seen[n] < max(least, MIN_SHARE * buffer.extent.get(n, 0))]
        if not hidden:
            break
        people.pop(min(hidden, key=lambda n: int(seen[n])))
    scene = replace(scene, people=people)
    camera = scene.camera
    picture, reach = backdrops.render(scene.backdrop, camera, scene.texture)
    shadows = shadow_map(mesh, scene.light.direction)
    _shade_backdrop(picture, reach, shadows, scene)
    flat = picture.reshape(-1, 3)
    if supersample == 1:
        flat[buffer.pixels] = shade(buffer, mesh, scene.materials, scene.light, camera, scene.texture, shadows)
        _soften_edges(picture, buffer, mesh)
    else:
        _draw_fine(flat, mesh, scene, shadows, supersample)
    return Rendered(_photograph(picture, rng), scene, buffer, mesh)


def _draw_fine(flat: Floats32, mesh: PackedMesh, scene: Scene, shadows: ShadowMap, factor: int) -> None:
    """Draw the mesh with factor x factor samples a pixel and lay the mean over the backdrop, in place."""
    camera = scene.camera.scaled(factor)
    buffer = rasterise(mesh, camera)
    colours = shade(buffer, mesh, scene.materials, scene.light, camera, scene.texture, shadows)
    row, column = buffer.pixels // camera.width // factor, buffer.pixels % camera.width // factor
    pixel = row * scene.camera.width + column
    share = np.bincount(pixel, minlength=len(flat)) / factor**2
    touched = np.flatnonzero(share)
    flat[touched] *= (1 - share[touched])[:, None]
    for channel in range(3):
        total = np.bincount(pixel, weights=colours[:, channel], minlength=len(flat))
        flat[touched, channel] += total[touched] / factor**2


def _raster(people: list[Person], scene: Scene) -> tuple[PackedMesh, Buffer]:
    whole = Mesh()
    for number, person in enumerate(people):
        whole.extend(replace(person.mesh, owners=[number] * len(person.mesh.owners)))
    whole.extend(scene.props)
    mesh = whole.packed()
    return mesh, rasterise(mesh, scene.camera)


def _shade_backdrop(picture: Floats32, reach: Floats32, shadows: ShadowMap, scene: Scene) -> None:
    """Darken floor and wall where the sun is blocked, in place."""
    camera = scene.camera
    h, w = reach.shape
    small = replace(camera.scaled(0.5), width=w, height=h)
    rays = small.rays().reshape(-1, 3)
    flat = reach.ravel()
    solid = np.flatnonzero(np.isfinite(flat) & (flat < 60))
    points = camera.position.astype(np.float32) + rays[solid] * flat[solid][:, None]
    blocked = np.zeros(flat.size, dtype=np.float32)
    blocked[solid] = shadows.blocked(points, 0.004)
    strength = 0.75 * scene.light.sun / (scene.light.sun + scene.light.sky)
    image = Image.fromarray((blocked.reshape(h, w) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.0025 * h))
    soft = np.asarray(image.resize((camera.width, camera.height), Image.Resampling.BILINEAR), dtype=np.float32)
    picture *= (1 - np.float32(strength / 255) * soft)[..., None]


def _soften_edges(picture: Floats32, buffer: Buffer, mesh: PackedMesh) -> None:
    """Smooth the stairs along outlines: pixels beside another part or the background take a share of their neighbours."""
    key = np.where(buffer.face >= 0, mesh.material[buffer.face] + 1, 0)
    edge = np.zeros(key.shape, dtype=bool)
    edge[1:-1, 1:-1] = (
        (key[1:-1, 1:-1] != key[:-2, 1:-1])
        | (key[1:-1, 1:-1] != key[2:, 1:-1])
        | (key[1:-1, 1:-1] != key[1:-1, :-2])
        | (key[1:-1, 1:-1] != key[1:-1, 2:])
    )
    y, x = np.nonzero(edge)
    mixed = 0.5 * picture[y, x]
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        mixed += 0.125 * picture[y + dy, x + dx]
    picture[y, x] = mixed


def _photograph(picture: Floats32, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera makes of it: exposure, white balance, contrast, vignette, blur, noise."""
    h, w = picture.shape[:2]
    # The meter goes most of the way to a medium brightness.
    exposure = (float(rng.uniform(0.42, 0.56)) / max(float(picture[::4, ::4].mean()), 0.1)) ** 0.65
    picture = picture * np.float32(exposure)
    balance = rng.normal(1, 0.025, 3).astype(np.float32)
    contrast, brightness = float(rng.normal(1.0, 0.07)), float(rng.normal(0.0, 0.025))
    picture = (picture * balance - 0.5) * np.float32(contrast) + np.float32(0.5 + brightness)
    if rng.random() < 0.4:
        y = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, w, dtype=np.float32)[None]
        picture *= (1 - np.float32(rng.uniform(0.03, 0.14)) * (x * x + y * y))[..., None]
    if rng.random() < 0.02:
        picture = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    radius = float(rng.choice([0.0, 0.35, 0.5, 0.8]))
    if radius > 0:
        image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        picture = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / np.float32(255)
    sigma = float(rng.choice([0.003, 0.006, 0.010, 0.016]))
    noise = rng.standard_normal((h, w), dtype=np.float32) * np.float32(sigma)
    picture = picture + noise[..., None]
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def encode(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """The picture as JPEG bytes."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def annotate(rendered: Rendered, joints: Sequence[str]) -> list[dict[str, Any]]:
    """One COCO annotation for every person of a picture, without ids."""
    found = []
    scene = rendered.scene
    for number, person in enumerate(scene.people):
        mask = labels.person_mask(rendered.buffer, rendered.mesh, number)
        flat = labels.keypoints(
            joints, person.bones, person.proportions, number, scene.camera, rendered.buffer, rendered.mesh
        )
        found.append(
            {
                "bbox": [float(v) for v in labels.mask_box(mask)],
                "area": float(np.count_nonzero(mask)),
                "segmentation": labels.mask_polygons(mask),
                "keypoints": flat,
                "num_keypoints": sum(1 for v in flat[2::3] if v),
                "iscrowd": 0,
            }
        )
    return found
