"""What people stand on: one function a kind of floor, painting points x, z (metres) of it.

Every painter takes the random source, x and z (N,), `soft` (N,): the size of a pixel on the floor in metres, by which fine marks
fade, and a repeating noise texture; it returns (N, 3) sRGB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from figures_render.geometry import Floats32, lookup, lookup_smooth
from figures_render.palette import Limits, Rng, Values, darker, flat, grain, hsv, lines, mix

Painter = Callable[[Rng, Values, Values, Values, Floats32], Floats32]


def _fade(soft: Values) -> Values:
    return np.asarray(1 / (1 + soft * 6))


def _grass(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = flat(hsv(rng, (0.22, 0.34), (0.35, 0.65), (0.3, 0.55)), x.shape)
    colour *= (1 + (0.16 * grain(texture, x, z, 60) * _fade(soft) + 0.10 * grain(texture, x, z, 6)))[:, None]
    return colour


def _pitch(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = _grass(rng, x, z, soft, texture)
    angle = float(rng.uniform(-0.5, 0.5))
    u, v = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
    colour *= (1 + 0.06 * np.sign(np.sin(u * float(rng.uniform(0.8, 1.6)))))[:, None]
    return mix(colour, (0.9, 0.92, 0.9), lines(v + float(rng.uniform(0, 5)), 9.0, 0.1, soft) * 0.85)


def _loose(hue: Limits, saturation: Limits, value: Limits, *, marked: bool = False) -> Painter:
    """A grainy floor; a marked one may have painted lines."""

    def painter(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
        colour = flat(hsv(rng, hue, saturation, value), x.shape)
        colour *= (1 + 0.11 * grain(texture, x, z, 75) * _fade(soft) + 0.05 * grain(texture, x, z, 4))[:, None]
        if marked and rng.random() < 0.6:
            slant, period = float(rng.uniform(-0.4, 0.4)), float(rng.uniform(2.5, 6))
            colour = mix(colour, (0.9, 0.9, 0.86), lines(x + z * slant + 0.7, period, 0.1, soft) * 0.8)
        return colour

    return painter


def _slabs(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32, checked: float = 0.0) -> Floats32:
    size = float(rng.uniform(0.3, 0.9))
    base = hsv(rng, (0.02, 0.62), (0.02, 0.25), (0.5, 0.85))
    u, v = x + 40.3, z + 40.1
    fade = _fade(soft)
    tone = lookup(texture, np.floor(u / size) * 7, np.floor(v / size) * 13)
    colour = flat(base, x.shape)
    colour *= (1 + 0.06 * tone * fade + 0.04 * grain(texture, x, z, 60) * fade)[:, None]
    if rng.random() < checked:
        odd = (np.floor(u / size) + np.floor(v / size)) % 2
        colour = mix(colour, hsv(rng, (0, 1), (0.05, 0.4), (0.2, 0.6)), odd * fade * 0.8)
    joint = np.maximum(lines(u, size, 0.012, soft), lines(v, size, 0.012, soft))
    return mix(colour, darker(base, 0.55), joint)


def _tiles(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    return _slabs(rng, x, z, soft, texture, checked=0.4)


def _planks(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    base = hsv(rng, (0.06, 0.11), (0.3, 0.6), (0.45, 0.78))
    width = float(rng.uniform(0.08, 0.2))
    u = x + 40.0
    board = np.floor(u / width)
    tone = lookup(texture, board * 17, np.floor((z + 50 + board * 0.37) / 1.4) * 29)
    fibre = 0.6 * lookup_smooth(texture, u * 150, z * 9 + board * 37)
    fibre = fibre + 0.5 * lookup_smooth(texture, u * 420, z * 30 + board * 11)
    colour = flat(base, x.shape)
    colour *= (1 + (0.09 * tone + 0.07 * fibre) * _fade(soft))[:, None]
    return mix(colour, darker(base, 0.45), lines(u, width, 0.006, soft) * 0.8)


def _court(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = _planks(rng, x, z, soft, texture)
    line = hsv(rng, (0, 1), (0.0, 0.8), (0.8, 1.0))
    colour = mix(colour, line, np.maximum(lines(x + 1.3, 7.0, 0.06, soft), lines(z + 2.1, 6.0, 0.06, soft)) * 0.9)
    if rng.random() < 0.5:
        area = ((np.abs(x - 1.5) < 2.5) & (z < -0.8)).astype(np.float32)
        colour = mix(colour, hsv(rng, (0, 1), (0.4, 0.8), (0.3, 0.6)), area * 0.7)
    return colour


def _plain(rng: Rng, x: Values, z: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = flat(hsv(rng, (0.0, 1.0), (0.0, 0.25), (0.45, 0.85)), x.shape)
    colour *= (1 + 0.02 * grain(texture, x, z, 20))[:, None]
    return colour


#: How to paint each kind of floor.
FLOORS: Mapping[str, Painter] = {
    "grass": _grass,
    "pitch": _pitch,
    "sand": _loose((0.09, 0.13), (0.2, 0.4), (0.7, 0.88)),
    "gravel": _loose((0.06, 0.13), (0.05, 0.25), (0.45, 0.7)),
    "clay": _loose((0.03, 0.06), (0.45, 0.65), (0.55, 0.72), marked=True),
    "asphalt": _loose((0.55, 0.7), (0.0, 0.1), (0.28, 0.5), marked=True),
    "carpet": _loose((0.0, 1.0), (0.08, 0.4), (0.3, 0.65)),
    "slabs": _slabs,
    "tiles": _tiles,
    "planks": _planks,
    "court": _court,
    "plain": _plain,
}
