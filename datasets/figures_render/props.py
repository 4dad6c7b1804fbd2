"""Things: seats under people, posts, boxes, balls and bushes before and behind them."""

from __future__ import annotations

import numpy as np

from figures_render.backdrop import Backdrop
from figures_render.body import Bones, Proportions
from figures_render.geometry import Camera, Floats, rot_y
from figures_render.materials import Material
from figures_render.mesh import Mesh, Surface, box, ellipsoid, tube
from figures_render.wardrobe import cloth_colour


def _put(props: Mesh, materials: list[Material], surfaces: list[Surface], material: Material) -> None:
    for surface in surfaces:
        props.add(surface, len(materials), 0, -1)
    materials.append(material)


def _material(rng: np.random.Generator, pattern: str = "plain") -> Material:
    if pattern == "planks":
        v = float(rng.uniform(0.35, 0.75))
        return Material("object", (v, v * 0.72, v * 0.48), pattern="planks", scale=float(rng.uniform(0.08, 0.2)))
    return Material("object", cloth_colour(rng), cloth_colour(rng), pattern, float(rng.uniform(0.1, 0.4)), gloss=0.15)


def seat_under(props: Mesh, materials: list[Material], bones: Bones, p: Proportions, rng: np.random.Generator) -> None:
    """A stool, box or chair whose top is under the person's pelvis."""
    pelvis, frame = bones.joints["pelvis"], bones.frames["pelvis"]
    forward = frame[:, 2] - np.array([0, frame[1, 2], 0])
    yaw = float(np.degrees(np.arctan2(forward[0], forward[2])))
    axes = rot_y(yaw)
    top = float(pelvis[1]) - 0.062 * p.unit
    if top < 0.08:
        return
    middle = pelvis + axes @ np.array([0, 0, 0.03]) * p.unit
    half = np.array([0.115, 0.0, 0.115]) * p.unit
    kind = rng.random()
    material = _material(rng, str(rng.choice(["plain", "planks", "checks"])))
    if kind < 0.35:
        centre = np.array([middle[0], top / 2, middle[2]])
        _put(props, materials, [box(centre, axes, [half[0], top / 2, half[2]])], material)
        return
    parts = [box([middle[0], top - 0.02, middle[2]], axes, [half[0], 0.02, half[2]])]
    for x in (-1, 1):
        for z in (-1, 1):
            foot = middle + axes @ np.array([x * (half[0] - 0.02), 0, z * (half[2] - 0.02)])
            parts.append(box([foot[0], (top - 0.04) / 2, foot[2]], axes, [0.016, (top - 0.04) / 2, 0.016]))
    if kind > 0.65:
        back = middle + axes @ np.array([0, 0, -half[2] - 0.015])
        parts.append(box([back[0], top + 0.24, back[2]], axes, [half[0], 0.24, 0.015]))
    _put(props, materials, parts, material)


def _on_floor(camera: Camera, x_share: float, depth: float) -> Floats:
    """The floor point at a share -1..1 of the picture's half width and a depth from the camera."""
    return np.array([x_share * camera.width / 2 / camera.focal * depth, 0.0, camera.position[2] - depth])


def clutter(
    props: Mesh,
    materials: list[Material],
    rng: np.random.Generator,
    camera: Camera,
    people: list[Floats],
    setting: Backdrop,
) -> None:
    """A few things behind people and, now and then, one that stands before them."""
    main = float(camera.position[2])
    for _ in range(int(rng.integers(0, 4))):
        depth = main * float(rng.uniform(1.1, 1.9))
        depth = min(depth, main - setting.distance - 0.3)
        spot = _on_floor(camera, float(rng.uniform(-1.1, 1.1)), depth)
        if _free(spot, people, 0.6):
            _thing(props, materials, rng, spot, setting)
    if rng.random() < 0.22:
        depth = main * float(rng.uniform(0.6, 0.85))
        spot = _on_floor(camera, float(rng.uniform(-0.9, 0.9)), depth)
        if depth > 1.0 and _free(spot, people, 0.45):
            _thing(props, materials, rng, spot, setting, front=True)
    if rng.random() < 0.12:
        radius = float(rng.choice([0.035, 0.11, 0.12]))
        depth = main * float(rng.uniform(0.85, 1.2))
        spot = _on_floor(camera, float(rng.uniform(-0.8, 0.8)), depth)
        spot[1] = radius if rng.random() < 0.5 else float(rng.uniform(0.3, 2.2))
        if _free(spot, people, 0.5):
            _put(props, materials, [ellipsoid(spot, np.eye(3), np.full(3, radius))], _material(rng, "plain"))


def _free(spot: Floats, people: list[Floats], gap: float) -> bool:
    return all(np.hypot(spot[0] - q[0], spot[2] - q[2]) > gap for q in people)


def _thing(
    props: Mesh,
    materials: list[Material],
    rng: np.random.Generator,
    spot: Floats,
    setting: Backdrop,
    *,
    front: bool = False,
) -> None:
    axes = rot_y(float(rng.uniform(0, 90)))
    kinds = ["box", "post", "barrel", "bench"] + (["bush", "tree", "fence"] if setting.outdoors else ["shelf", "table"])
    kind = str(rng.choice(kinds))
    up = np.array([0.0, 1.0, 0.0])
    ex, ez = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    if kind in ("post", "tree"):
        radius = float(rng.uniform(0.03, 0.07)) if kind == "post" else float(rng.uniform(0.09, 0.22))
        t = np.linspace(0, 1, 6)[:, None]
        high = float(rng.uniform(1.0, 3.5)) if kind == "post" else 4.5
        r = radius * (1.15 - 0.3 * t[:, 0])
        surface = tube(spot + up * t * high, ex, ez, r, r, r, t[:, 0] * high, segments=12, dome=0)
        material = _material(rng) if kind == "post" else Material("object", (0.33, 0.25, 0.18), pattern="bark")
        _put(props, materials, [surface], material)
    elif kind == "barrel":
        t = np.linspace(0, 1, 6)[:, None]
        high, radius = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.2, 0.32))
        r = radius * (1 + 0.06 * np.sin(t[:, 0] * np.pi))
        surface = tube(spot + up * t * high, ex, ez, r, r, r, t[:, 0] * high, segments=24, dome=0)
        _put(props, materials, [surface], _material(rng, str(rng.choice(["plain", "stripes"]))))
    elif kind == "bush":
        _put(props, materials, _bush(rng, spot, 0.7 if front else 1.0), _leaves(rng))
    elif kind in ("bench", "table", "shelf"):
        top = {"bench": 0.45, "table": 0.75, "shelf": float(rng.uniform(1.2, 1.9))}[kind]
        half_w, half_d = float(rng.uniform(0.4, 0.8)), 0.2 if kind != "table" else 0.35
        parts = [box([spot[0], top, spot[2]], axes, [half_w, 0.025, half_d])]
        for x in (-1, 1):
            foot = spot + axes @ np.array([x * (half_w - 0.04), 0, 0])
            parts.append(box([foot[0], top / 2, foot[2]], axes, [0.03, top / 2, half_d - 0.02]))
        if kind == "shelf":
            for level in (0.3, 0.65):
                parts.append(box([spot[0], top * level, spot[2]], axes, [half_w, 0.02, half_d]))
        _put(props, materials, parts, _material(rng, "planks"))
    elif kind == "fence":
        parts = []
        for i in range(9):
            at = spot + axes @ np.array([(i - 4) * 0.16, 0, 0])
            parts.append(box([at[0], 0.45, at[2]], axes, [0.035, 0.45, 0.012]))
        for level in (0.25, 0.7):
            parts.append(box([spot[0], level, spot[2]], axes, [0.75, 0.035, 0.018]))
        _put(props, materials, parts, _material(rng, "planks"))
    else:
        half = np.array([rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.45), rng.uniform(0.15, 0.4)])
        _put(
            props,
            materials,
            [box([spot[0], half[1], spot[2]], axes, half)],
            _material(rng, str(rng.choice(["plain", "planks", "checks", "stripes"]))),
        )


def _leaves(rng: np.random.Generator) -> Material:
    green = float(rng.uniform(0.3, 0.55))
    return Material("object", (green * float(rng.uniform(0.5, 0.9)), green, green * 0.4), pattern="leaves")


def _bush(rng: np.random.Generator, spot: Floats, scale: float) -> list[Surface]:
    """Many small leaves on a few invisible balls."""
    leaves = 420
    ball = rng.integers(0, 5, leaves)
    centres = np.stack([rng.uniform(-0.4, 0.4, 5), rng.uniform(0.25, 0.55, 5), rng.uniform(-0.25, 0.25, 5)], axis=1)
    radii = rng.uniform(0.25, 0.4, 5)
    outward = rng.normal(0, 1, (leaves, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    depth = radii[ball] * rng.uniform(0.55, 1.0, leaves)
    at = centres[ball] + outward * depth[:, None]
    at[:, 1] = np.maximum(at[:, 1], 0.02)
    at = spot + at * scale
    first = np.cross(outward, rng.normal(0, 1, (leaves, 3)))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    tilted = outward + rng.normal(0, 0.5, (leaves, 3))
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    second = np.cross(tilted, first)
    long, wide = rng.uniform(0.06, 0.11, (leaves, 1)) * scale, rng.uniform(0.03, 0.05, (leaves, 1)) * scale
    corners = np.stack([at - first * long, at - second * wide, at + first * long, at + second * wide], axis=1)
    shade = np.repeat((0.45 + 0.55 * depth / radii[ball])[:, None], 4, axis=1)
    coords = np.stack([shade, np.repeat(rng.normal(0, 1, (leaves, 1)), 4, axis=1), 0 * shade], axis=-1)
    start = 4 * np.arange(leaves)[:, None]
    faces = np.concatenate([start + np.array([0, 1, 2]), start + np.array([0, 2, 3])])
    normals = np.repeat(tilted[:, None], 4, axis=1)
    return [Surface(corners.reshape(-1, 3), normals.reshape(-1, 3), coords.reshape(-1, 3), faces, two_sided=True)]
