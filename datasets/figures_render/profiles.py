"""The girth of trunk, arms and legs along their axes, and the axes of hinged limbs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from figures_render.geometry import Floats, unit


@dataclass(frozen=True)
class Profile:
    """Half width, half depth to the front and to the back of a tube, in body units, at positions s."""

    s: Floats
    width: Floats
    front: Floats
    back: Floats

    def at(self, s: Floats) -> tuple[Floats, Floats, Floats]:
        """Half width, front and back at positions s, interpolated."""
        return np.interp(s, self.s, self.width), np.interp(s, self.s, self.front), np.interp(s, self.s, self.back)


def profile(rows: list[tuple[float, float, float, float]]) -> Profile:
    """A profile from (s, width, front, back) rows."""
    a = np.asarray(rows, dtype=np.float64)
    return Profile(a[:, 0], a[:, 1], a[:, 2], a[:, 3])


TRUNK_MALE = profile(
    [
        (-0.062, 0.016, 0.022, 0.030),
        (-0.045, 0.058, 0.038, 0.058),
        (-0.022, 0.094, 0.054, 0.070),
        (0.000, 0.100, 0.057, 0.071),
        (0.022, 0.099, 0.059, 0.067),
        (0.045, 0.095, 0.060, 0.060),
        (0.068, 0.089, 0.059, 0.053),
        (0.090, 0.084, 0.058, 0.048),
        (0.112, 0.083, 0.058, 0.047),
        (0.135, 0.086, 0.059, 0.050),
        (0.158, 0.091, 0.062, 0.054),
        (0.180, 0.096, 0.065, 0.058),
        (0.202, 0.100, 0.067, 0.061),
        (0.222, 0.103, 0.067, 0.062),
        (0.240, 0.105, 0.063, 0.061),
        (0.255, 0.106, 0.057, 0.059),
        (0.268, 0.105, 0.051, 0.057),
        (0.279, 0.099, 0.044, 0.052),
        (0.288, 0.083, 0.038, 0.047),
        (0.297, 0.061, 0.034, 0.043),
        (0.306, 0.046, 0.032, 0.039),
        (0.318, 0.034, 0.030, 0.034),
    ]
)
#: What a woman's trunk is times a man's, at TRUNK_MALE's heights.
FEMALE_WIDTH = np.concatenate(
    [
        [1.0, 1.05, 1.06, 1.05, 1.04, 1.01, 0.96, 0.92, 0.89, 0.89, 0.90],
        [0.91, 0.92, 0.92, 0.93, 0.94, 0.94, 0.94, 0.93, 0.92, 0.9, 0.88],
    ]
)
FEMALE_FRONT = np.array(
    (1.0, 1.0, 1.0, 1.0, 0.98, 0.96, 0.92, 0.9, 0.9, 0.92, 1.0, 1.12, 1.20, 1.14, 1.02, 0.97, 0.96) + (0.95,) * 5
)
FEMALE_BACK = np.array((1.0, 1.08, 1.10, 1.08, 1.03, 0.98, 0.95, 0.93) + (0.92,) * 14)
ARM = profile(
    [
        (0.00, 0.0255, 0.0275, 0.0275),
        (0.14, 0.031, 0.032, 0.031),
        (0.30, 0.028, 0.029, 0.029),
        (0.50, 0.0255, 0.0275, 0.0275),
        (0.72, 0.0235, 0.025, 0.025),
        (0.90, 0.0235, 0.0225, 0.0225),
        (1.00, 0.0240, 0.0225, 0.0225),
        (1.12, 0.0250, 0.0235, 0.0230),
        (1.28, 0.0250, 0.0235, 0.0225),
        (1.50, 0.0215, 0.0205, 0.0200),
        (1.75, 0.0175, 0.0155, 0.0155),
        (1.95, 0.0160, 0.0130, 0.0130),
        (2.00, 0.0160, 0.0128, 0.0128),
    ]
)
LEG = profile(
    [
        (0.00, 0.047, 0.052, 0.058),
        (0.12, 0.0495, 0.053, 0.058),
        (0.25, 0.0490, 0.052, 0.052),
        (0.45, 0.0450, 0.048, 0.046),
        (0.65, 0.0395, 0.042, 0.041),
        (0.85, 0.0340, 0.036, 0.036),
        (0.96, 0.0325, 0.0345, 0.034),
        (1.04, 0.0315, 0.0335, 0.033),
        (1.14, 0.0315, 0.0300, 0.036),
        (1.28, 0.0330, 0.0290, 0.041),
        (1.45, 0.0295, 0.0265, 0.036),
        (1.65, 0.0230, 0.0230, 0.027),
        (1.85, 0.0185, 0.0195, 0.021),
        (2.00, 0.0190, 0.0200, 0.021),
    ]
)
ARM_S = np.array([0, 0.07, 0.14, 0.25, 0.4, 0.55, 0.7, 0.82, 0.91, 0.97, 1.03, 1.09, 1.18, 1.3, 1.45, 1.62, 1.8, 2.0])
LEG_S = np.array(
    [0, 0.08, 0.16, 0.28, 0.42, 0.56, 0.7, 0.82, 0.9, 0.96, 1.0, 1.04, 1.1, 1.18, 1.28, 1.4, 1.55, 1.72, 1.88, 2.0]
)


def limb_rings(
    a: Floats, b: Floats, c: Floats, upper: Floats, lower: Floats, s: Floats
) -> tuple[Floats, Floats, Floats]:
    """The axis of a limb with a rounded hinge: centres, ex, ez, each (R, 3), at s in 0..2."""
    rho = 0.11
    first, second = b - a, c - b
    t = np.clip((s - (1 - rho)) / (2 * rho), 0, 1)[:, None]
    start, end = a + first * (1 - rho), b + second * rho
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * b + t**2 * end
    straight = np.where(s[:, None] < 1, a + first * s[:, None], b + second * (s[:, None] - 1))
    centres = np.where((t > 0) & (t < 1), curve, straight)
    ez = unit((1 - t) * upper[:, 2] + t * lower[:, 2])
    return centres, np.broadcast_to(upper[:, 0], centres.shape), ez
