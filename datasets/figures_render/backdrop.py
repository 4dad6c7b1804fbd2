"""What is behind people: a floor in perspective and what stands at its end, computed from the ray of every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from figures_render.floors import FLOORS
from figures_render.geometry import Camera, Floats32
from figures_render.palette import mix
from figures_render.views import VIEWS, view
from figures_render.walls import WALLS


@dataclass(frozen=True)
class Place:
    """A kind of backdrop: how often it is drawn, whether it is outdoors, and what it may be made of."""

    weight: float
    outdoors: bool
    floors: tuple[str, ...]
    walls: tuple[str, ...]


#: The kinds of backdrops.
PLACES: Mapping[str, Place] = {
    "studio": Place(0.07, False, ("plain",), ("sweep",)),
    "room": Place(0.18, False, ("planks", "tiles", "carpet"), ("plaster", "wallpaper", "panels")),
    "hall": Place(0.12, False, ("court", "planks"), ("plaster", "panels", "bricks")),
    "street": Place(0.18, True, ("asphalt", "slabs"), ("bricks", "facade", "plaster")),
    "park": Place(0.18, True, ("grass", "grass", "gravel"), ("foliage", "foliage", "sky")),
    "field": Place(0.15, True, ("pitch", "grass", "clay"), ("stand", "foliage", "sky")),
    "beach": Place(0.06, True, ("sand",), ("sea",)),
    "blur": Place(0.06, True, ("grass", "asphalt", "plain"), ("bokeh",)),
}

#: How far behind the origin each view begins, metres; walls are nearer.
_REACH: Mapping[str, tuple[float, float]] = {
    "foliage": (4, 14),
    "sky": (30, 60),
    "stand": (8, 20),
    "sea": (15, 40),
    "bokeh": (3, 9),
}


@dataclass(frozen=True)
class Backdrop:
    """A scene without people.

    Attributes:
        kind: see PLACES.
        floor: what the floor is made of.
        wall: what stands at its end.
        distance: z of the wall, metres (negative: behind the origin).
        blur: radius of the lens blur over it, share of the picture's height.
        seed: of its details.
    """

    kind: str
    floor: str
    wall: str
    distance: float
    blur: float
    seed: int

    @property
    def outdoors(self) -> bool:
        """Whether it is lit by sun and sky."""
        return PLACES[self.kind].outdoors


def sample_backdrop(rng: np.random.Generator) -> Backdrop:
    """A random backdrop."""
    weights = np.array([place.weight for place in PLACES.values()])
    kind = str(rng.choice(list(PLACES), p=weights / weights.sum()))
    place = PLACES[kind]
    floor, wall = str(rng.choice(place.floors)), str(rng.choice(place.walls))
    near, far = _REACH.get(wall, (1.3, 5.5))
    blur = float(rng.choice([0.0, 0.0, 0.002, 0.004, 0.008, 0.014]))
    if kind == "blur":
        blur = float(rng.uniform(0.01, 0.03))
    return Backdrop(kind, floor, wall, -float(rng.uniform(near, far)), blur, int(rng.integers(1 << 31)))


def render(b: Backdrop, camera: Camera, texture: Floats32) -> tuple[Floats32, Floats32]:
    """The picture of an empty scene.

    Args:
        b: what to draw.
        camera: who looks.
        texture: (S, S) repeating noise.

    Returns:
        (H, W, 3) float32 sRGB 0..1, and (H', W') float32 at half the resolution: how many ray lengths (depth in metres) away the
        floor or wall is that shadows fall on, inf where there is none.
    """
    blurred = b.blur >= 0.004
    # What the lens blurs anyway is computed at half the resolution.
    seen = camera.scaled(0.5) if blurred else camera
    out, reach = _sharp(b, seen, texture)
    if not blurred:
        reach = reach[::2, ::2]
    if b.blur > 0:
        image = Image.fromarray((np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8))
        if b.blur * seen.height > 0.3:
            image = image.filter(ImageFilter.GaussianBlur(b.blur * seen.height))
        image = image.resize((camera.width, camera.height), Image.Resampling.BILINEAR)
        out = np.asarray(image, dtype=np.float32) / np.float32(255)
    return np.clip(out, 0, 1), reach


def _sharp(b: Backdrop, camera: Camera, texture: Floats32) -> tuple[Floats32, Floats32]:
    """The backdrop before the lens blurs it, and how far its surfaces are, both at the camera's resolution."""
    rng = np.random.default_rng(b.seed)
    rays = camera.rays()
    x0, y0, z0 = (float(v) for v in camera.position)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_floor = np.where(rays[..., 1] < -1e-4, -y0 / rays[..., 1], np.inf).astype(np.float32)
        to_wall = np.where(rays[..., 2] < -1e-4, (b.distance - z0) / rays[..., 2], np.inf).astype(np.float32)
    floor = to_floor < to_wall
    length = np.where(np.isfinite(to_wall), to_wall, np.float32(100))
    height_at = np.where(floor, np.float32(-1), y0 + length * rays[..., 1])
    focal = np.float32(camera.focal)
    if b.wall in VIEWS:
        out = view(b.wall, rng, height_at, np.maximum(rays[..., 1], 0))
    else:
        out = np.empty((camera.height, camera.width, 3), dtype=np.float32)
        wall = ~floor
        t, y = length[wall], height_at[wall]
        out[wall] = WALLS[b.wall](rng, x0 + t * rays[wall][:, 0], y, t / focal, texture)
        if not b.outdoors:
            out[wall] *= np.where(y < 0.1, np.float32(0.7), np.float32(1))[:, None]
    if b.wall != "sweep" and floor.any():
        t, ray = to_floor[floor], rays[floor]
        soft = t / focal * np.minimum(t / max(y0, 0.2), 12)
        painted = FLOORS[b.floor](rng, x0 + t * ray[:, 0], z0 + t * ray[:, 2], soft, texture)
        if b.outdoors:
            painted = mix(painted, (0.72, 0.76, 0.8), 1 - np.exp(-t / 45))
        out[floor] = painted
    reach = np.where(floor, to_floor, np.float32(np.inf) if b.wall in VIEWS else to_wall).astype(np.float32)
    return out, reach
