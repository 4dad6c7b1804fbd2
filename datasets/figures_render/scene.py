"""A scene from a seed: who is in it, where they stand, and what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from figures_render import backdrop as backdrops
from figures_render.backdrop import Backdrop
from figures_render.body import Bones, Pose, Proportions, collides, sample_proportions, solve
from figures_render.figure import FigureBuilder
from figures_render.geometry import Camera, Floats, Floats32, tile_noise
from figures_render.materials import Material
from figures_render.mesh import Mesh
from figures_render.poses import sample_pose
from figures_render.props import clutter, seat_under
from figures_render.shading import Light, sample_light
from figures_render.wardrobe import dress


@dataclass(frozen=True)
class Person:
    """One person of a scene: measures, pose, bones, and the surface in place."""

    proportions: Proportions
    pose: Pose
    bones: Bones
    mesh: Mesh


@dataclass(frozen=True)
class Scene:
    """All that a picture shows, before it is drawn."""

    camera: Camera
    light: Light
    backdrop: Backdrop
    people: list[Person]
    props: Mesh
    materials: list[Material]
    texture: Floats32


def _pose_and_body(
    rng: np.random.Generator, sports: bool, yaw: float, pose_name: str | None
) -> tuple[Proportions, Pose, Bones]:
    """A person whose limbs do not run through each other, standing at the origin."""
    p = sample_proportions(rng)
    pose = sample_pose(rng, sports=sports, name=pose_name)
    bones = solve(pose, p, yaw)
    for _ in range(12):
        if not collides(bones, p):
            break
        pose = sample_pose(rng, sports=sports, name=pose.name)
        bones = solve(pose, p, yaw)
    return p, pose, bones


def moved(bones: Bones, offset: Floats) -> Bones:
    """The same body elsewhere."""
    return replace(
        bones,
        joints={name: at + offset for name, at in bones.joints.items()},
        spine_points=bones.spine_points + offset,
        head_pivot=bones.head_pivot + offset,
    )


def _floor_level(bones: Bones, p: Proportions) -> float:
    """The y of the lowest point of a body, from its joints and their girth."""
    u = p.unit
    low = min(float(at[1]) for name, at in bones.joints.items()) - 0.02 * u
    for side in ("left", "right"):
        foot, ankle = bones.frames[f"{side}_foot"], bones.joints[f"{side}_ankle"]
        sole = np.array([[x, -0.040, z] for x in (-0.02, 0.02) for z in (-0.04, 0.03, 0.09)]) * u
        low = min(low, float((ankle + sole @ foot.T)[:, 1].min()))
        hand, wrist = bones.frames[f"{side}_hand"], bones.joints[f"{side}_wrist"]
        low = min(low, float((wrist + hand @ np.array([0, -0.06, 0]) * u)[1]) - 0.008)
        low = min(
            low, float(bones.joints[f"{side}_hip"][1]) - 0.055 * u, float(bones.joints[f"{side}_knee"][1]) - 0.035 * u
        )
    return min(low, float(bones.joints["pelvis"][1] - 0.06 * u))


def compose(
    rng: np.random.Generator, width: int, height: int, count: int, *, poses: Sequence[str] | None = None
) -> Scene:
    """A random scene.

    Args:
        rng: source of all chance.
        width: of the picture.
        height: of the picture.
        count: people to put in.
        poses: names of poses to choose from instead of the whole library.
    """
    setting = backdrops.sample_backdrop(rng)
    light = sample_light(rng, outdoors=setting.outdoors)
    sports = bool(rng.random() < (0.65 if setting.kind in ("field", "hall", "blur", "beach") else 0.35))
    texture = tile_noise(rng)
    bodies = []
    for _ in range(count):
        yaw = float(rng.uniform(0, 360)) if rng.random() < 0.6 else float(rng.normal(0, 40))
        name = poses[int(rng.integers(len(poses)))] if poses else None
        p, pose, bones = _pose_and_body(rng, sports, yaw, name)
        lift = pose.lift * p.height + (float(rng.uniform(0.0, 0.02)) if pose.seat else 0.0)
        bones = moved(bones, np.array([0, lift - _floor_level(bones, p), 0]))
        bodies.append((p, pose, bones))
    camera, places = _arrange(rng, bodies, width, height)
    behind = min(
        float((_probes(bones) + place)[:, 2].min()) for (_, _, bones), place in zip(bodies, places, strict=True)
    )
    setting = replace(setting, distance=min(setting.distance, behind - float(rng.uniform(0.4, 2.5))))
    materials: list[Material] = []
    people: list[Person] = []
    props = Mesh()
    for number, ((p, pose, bones), place) in enumerate(zip(bodies, places, strict=True)):
        bones = moved(bones, place)
        outfit = dress(rng, p, pose, sports=sports)
        distance = float(-camera.to_camera(bones.joints["pelvis"])[2])
        pixels_high = camera.focal * p.height / max(distance, 0.5)
        mesh = FigureBuilder(bones, p, outfit, rng, pixels_high / 250).build(number, len(materials))
        materials += outfit.materials
        people.append(Person(p, pose, bones, mesh))
        if pose.seat:
            seat_under(props, materials, bones, p, rng)
    clutter(props, materials, rng, camera, [q.bones.joints["pelvis"] for q in people], setting)
    return Scene(camera, light, setting, people, props, materials, texture)


def _extent(bones: Bones) -> tuple[Floats, Floats]:
    points = np.stack(list(bones.joints.values()))
    return points.min(axis=0) - 0.1, points.max(axis=0) + 0.1


def _arrange(
    rng: np.random.Generator, bodies: list[tuple[Proportions, Pose, Bones]], width: int, height: int
) -> tuple[Camera, list[Floats]]:
    """A camera that frames the first person (the main one), and a place on the floor for each."""
    count = len(bodies)
    low, high = _extent(bodies[0][2])
    size = high - low
    fill = float(rng.uniform(0.55, 0.97)) * (1.0 if count < 3 else 0.85 if count < 6 else 0.6)
    focal = float(rng.uniform(1.1, 2.4)) * max(width, height) * 0.85
    share = width / height
    tall = max(float(size[1]), float(size[0]) / share * (1.0 if count == 1 else 0.8), 0.9)
    distance = focal * tall / (fill * height) + float(size[2]) / 2
    eye = float(np.clip(rng.normal(1.35, 0.4), 0.35, 2.6))
    aim = float((low[1] + high[1]) / 2)
    pitch = float(np.degrees(np.arctan2(eye - aim, distance))) + float(rng.normal(0, 1.5))
    roll = float(rng.normal(0, 2)) if rng.random() < 0.8 else float(rng.uniform(-14, 14))
    if rng.random() < 0.08:
        pitch += float(rng.uniform(-7, 7))
    camera = Camera.aimed([0, eye, distance], pitch, roll, focal, width, height)
    half = width / 2 / focal
    places: list[Floats] = []
    bodies_placed: list[Floats] = []
    slots = rng.permutation(count)
    for i, (_, _, bones) in enumerate(bodies):
        centre = (_extent(bones)[0] + _extent(bones)[1]) / 2
        for attempt in range(40):
            if i == 0:
                x_share = (
                    float(rng.normal(0, 0.12))
                    if count == 1
                    else (slots[0] + 0.5 + rng.uniform(-0.3, 0.3)) / count * 1.7 - 0.85
                )
                z = 0.0
            else:
                x_share = (slots[i] + 0.5 + float(rng.uniform(-0.6, 0.6))) / count * 1.8 - 0.9
                nearest = -0.25 * distance if count < 5 else -0.15 * distance
                z = -float(rng.triangular(nearest, 0.25 * distance, 1.3 * distance))
            depth = distance - z
            place = np.array([x_share * half * depth - centre[0], 0, z - centre[2]])
            body = _probes(bones) + place
            if all(_gap(body, other) > 0.26 * (1 - attempt / 50) for other in bodies_placed):
                break
        bodies_placed.append(body)
        places.append(place)
    return camera, places


_PROBED = (
    ("head_top", "neck"), ("neck", "pelvis"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
)  # fmt: skip


def _probes(bones: Bones) -> Floats:
    """Points all over a body: (N, 3)."""
    j = bones.joints
    return np.concatenate([j[a] + np.linspace(0, 1.12, 5)[:, None] * (j[b] - j[a]) for a, b in _PROBED])


def _gap(a: Floats, b: Floats) -> float:
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1).min()))
