"""The head: skull and face, nose and ears, hair, hats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from figures_render.body import Bones, Proportions
from figures_render.geometry import Floats, rot_x, unit
from figures_render.mesh import Surface, ellipsoid, grid_surface, tube
from figures_render.parts import Part
from figures_render.wardrobe import Outfit

Add = Callable[[Surface, str, Part], None]


def add_head(add: Add, bones: Bones, p: Proportions, outfit: Outfit, rng: np.random.Generator) -> None:
    """Put a person's head into a mesh.

    Args:
        add: takes a surface, the name of its material and its part.
        bones: where the body is.
        p: its measures.
        outfit: hair and hat.
        rng: source of the hair's roughness.
    """
    builder = _HeadBuilder(add, bones, p, outfit, rng)
    builder.skull()
    builder.hair()


class _HeadBuilder:
    def __init__(self, add: Add, bones: Bones, p: Proportions, outfit: Outfit, rng: np.random.Generator) -> None:
        self._add = add
        self.bones = bones
        self.p = p
        self.outfit = outfit
        self.rng = rng

    def _to_world(self, local: Floats) -> Floats:
        return np.asarray(self.bones.head_pivot + local @ self.bones.frames["head"].T * self.p.head)

    def _head_grid(self, rings: int, segments: int, grow: Floats | float = 0.0) -> Floats:
        """Points of the head (local, head heights), moved outward by `grow`: (rings + 1, segments + 1, 3)."""
        phi = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)[:, None]
        theta = np.linspace(0, 2 * np.pi, segments + 1)[None]
        wide = np.maximum(np.cos(phi), 0) ** 0.82
        width = 0.325 if self.p.female else 0.335
        x = (width + grow) * wide * np.cos(theta)
        depth = np.where(np.sin(theta) > 0, 0.385, 0.43) + grow
        z = depth * wide * np.sin(theta)
        y = 0.2 + (0.5 + grow) * np.sin(phi) + 0 * theta
        low = np.clip((0.12 - y) / 0.42, 0, 1)
        x = x * (1 - (0.40 if self.p.female else 0.34) * low**1.7)
        z = np.where(z < 0, z * (1 - 0.60 * low), z * (1 - 0.06 * low)) + 0.06 + 0.07 * low
        return np.stack([x, y, z], axis=-1)

    def skull(self) -> None:
        p = self.p
        local = self._head_grid(16, 24)
        self._add(grid_surface(self._to_world(local), local, closed=True), "face", Part.HEAD)
        axes = self.bones.frames["head"]
        nose = self._to_world(np.array([0, 0.075, 0.425]))
        tilt = axes @ rot_x(-18)
        self._add(
            ellipsoid(nose, tilt, np.array([0.048, 0.105, 0.068]) * p.head, rings=6, segments=8), "nose", Part.HEAD
        )
        tip = self._to_world(np.array([0, 0.028, 0.455]))
        self._add(
            ellipsoid(tip, axes, np.array([0.062, 0.040, 0.052]) * p.head, rings=5, segments=8), "nose", Part.HEAD
        )
        for out in (1.0, -1.0):
            ear = self._to_world(np.array([out * 0.335, 0.13, 0.02]))
            self._add(
                ellipsoid(ear, axes, np.array([0.030, 0.095, 0.055]) * p.head, rings=6, segments=8), "nose", Part.HEAD
            )

    def _shell(self, boundary: str, volume: float) -> Surface:
        """A cap of hair or cloth over the head: outside the hairline it dips under the skin."""
        base = self._head_grid(18, 28)
        y, z = base[..., 1], base[..., 2]
        if boundary == "hair":
            line = np.interp(z, [-0.40, -0.08, 0.0, 0.14, 0.26, 0.36], [-0.10, -0.06, 0.10, 0.20, 0.40, 0.49])
        elif boundary == "full":
            line = np.interp(z, [-0.40, 0.02, 0.12, 0.22, 0.30, 0.36], [-0.20, -0.20, -0.10, 0.22, 0.42, 0.47])
        else:
            line = np.interp(z, [-0.40, 0.0, 0.40], [0.20, 0.26, 0.36])
        inside = np.clip((y - line) / 0.10 + 0.5, 0, 1)
        grow = inside * (volume + 0.05) - 0.05
        rough = 0.0 if boundary == "cap" else 0.012
        grow = grow + rough * self.rng.normal(0, 1, grow.shape) * inside
        grow[:, -1] = grow[:, 0]
        grow[0], grow[-1] = grow[0].mean(), grow[-1].mean()
        moved = self._head_grid(18, 28, grow)
        return grid_surface(self._to_world(moved), base, closed=True)

    def hair(self) -> None:
        o, p = self.outfit, self.p
        style = o.hair
        if style == "bald":
            return
        if style in ("short", "buzz", "afro", "bun", "ponytail", "long", "bob"):
            volume = {
                "buzz": 0.012,
                "short": 0.04,
                "afro": 0.17,
                "bun": 0.03,
                "ponytail": 0.03,
                "long": 0.05,
                "bob": 0.07,
            }
            edge = "full" if style in ("long", "bob") else "hair"
            self._add(self._shell(edge, volume[style]), "hair", Part.HAIR)
        if style in ("ponytail", "long"):
            self._strand(style)
        if style == "bun":
            axes = self.bones.frames["head"]
            centre = self._to_world(np.array([0, 0.52, -0.36]))
            self._add(ellipsoid(centre, axes, np.full(3, 0.15 * p.head)), "hair", Part.HAIR)
        if o.hat != "none":
            self._add(self._shell("cap", 0.075 if o.hat != "helmet" else 0.13), "hat", Part.HAIR)
        if o.hat == "cap":
            self._brim()

    def _strand(self, style: str) -> None:
        """Hair that hangs down, between the head's own down and gravity's."""
        head = self.bones.frames["head"]
        down = unit(-head[:, 1] + 0.8 * np.array([0.0, -1.0, 0.0]))
        if style == "long":
            start = self._to_world(np.array([0, 0.25, -0.28]))
            width, depth, length = (
                np.array([0.30, 0.34, 0.33, 0.27, 0.12]),
                np.array([0.14, 0.13, 0.11, 0.09, 0.04]),
                0.95,
            )
        else:
            start = self._to_world(np.array([0, 0.42, -0.38]))
            width, depth, length = (
                np.array([0.07, 0.11, 0.11, 0.08, 0.03]),
                np.array([0.07, 0.11, 0.11, 0.08, 0.03]),
                0.95,
            )
        t = np.array([0, 0.2, 0.5, 0.8, 1.0])[:, None]
        back = -head[:, 2] * (0.10 if style == "ponytail" else 0.02)
        centres = start + (down * t * length + back * np.sin(t * np.pi) * 1.2) * self.p.head
        surface = tube(
            centres, head[:, 0], unit(head[:, 2] - down * np.dot(head[:, 2], down)), width * self.p.head, depth * self.p.head,
            depth * self.p.head, t[:, 0], segments=12,
        )  # fmt: skip
        self._add(surface, "hair", Part.HAIR)

    def _brim(self) -> None:
        theta = np.linspace(np.pi * 0.12, np.pi * 0.88, 11)[None]
        r = np.linspace(0, 1, 4)[:, None]
        x = (0.30 + 0.02 * r) * np.cos(theta)
        z = 0.02 + (0.44 + 0.28 * r) * np.sin(theta)
        y = 0.40 - 0.10 * r - 0.12 * (np.cos(theta) ** 2) + 0 * z
        local = np.stack([x, y, z], axis=-1)
        self._add(grid_surface(self._to_world(local), local, closed=False, two_sided=True), "hat", Part.HAIR)
