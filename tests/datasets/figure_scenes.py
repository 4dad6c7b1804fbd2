"""Scenes built by hand, where it is known what hides what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from figures_render import labels
from figures_render.backdrop import Backdrop
from figures_render.body import Bones, Limb, Pose, Proportions, solve
from figures_render.figure import FigureBuilder
from figures_render.geometry import Camera
from figures_render.materials import Material
from figures_render.mesh import Mesh, Surface
from figures_render.picture import Rendered, draw
from figures_render.scene import Person, Scene
from figures_render.shading import sample_light
from figures_render.wardrobe import dress

HANG = Limb(16, 90, 0, 8)
LEG = Limb(6, 90, 0, 2)
STAND = Pose("stand", HANG, HANG, LEG, LEG, close=True)


def camera(width: int = 240, height: int = 320, x: float = 0.0) -> Camera:
    """One that sees a person at the origin from the front, whole, 4 m away."""
    return Camera.aimed([x, 1.0, 4.0], 0.0, 0.0, 1.2 * height, width, height)


def scene(
    people: Sequence[tuple[Pose, float, tuple[float, float]]],
    things: Sequence[Surface] = (),
    view: Camera | None = None,
    p: Proportions | None = None,
) -> Scene:
    """People given as (pose, yaw, (x, z) of the pelvis), and grey things."""
    rng = np.random.default_rng(3)
    measures = p or Proportions()
    materials: list[Material] = []
    made = []
    for number, (pose, yaw, (x, z)) in enumerate(people):
        bones = solve(pose, measures, yaw, np.array([x, 0.53 * measures.unit, z]))
        outfit = replace(dress(np.random.default_rng(8), measures, pose, sports=False), hair="buzz", hat="none")
        mesh = FigureBuilder(bones, measures, outfit, rng, 1.0).build(number, len(materials))
        materials += outfit.materials
        made.append(Person(measures, pose, bones, mesh))
    props = Mesh()
    for thing in things:
        props.add(thing, len(materials), 0, -1)
    materials.append(Material("object", (0.5, 0.5, 0.5)))
    texture = np.zeros((8, 8), dtype=np.float32)
    setting = Backdrop("studio", "plain", "sweep", -5.0, 0.0, 1)
    return Scene(view or camera(), sample_light(rng, outdoors=False), setting, made, props, materials, texture)


def drawn(*arguments: object, **options: object) -> Rendered:
    """The picture of `scene(...)`."""
    return draw(scene(*arguments, **options), np.random.default_rng(4))  # type: ignore[arg-type]


def joint(rendered: Rendered, name: str, number: int = 0) -> tuple[float, float, int]:
    """x, y, v of a joint of one person of a picture."""
    person = rendered.scene.people[number]
    return labels.joint_visibility(
        name, person.bones, person.proportions, number, rendered.scene.camera, rendered.buffer, rendered.mesh
    )


def flags(rendered: Rendered, names: Sequence[str], number: int = 0) -> dict[str, int]:
    """v of joints of one person of a picture."""
    return {name: joint(rendered, name, number)[2] for name in names}


def solved(pose: Pose, yaw: float = 0.0) -> Bones:
    """The bones of an average person in a pose."""
    return solve(pose, Proportions(), yaw)
