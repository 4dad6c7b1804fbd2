"""Walls close behind people: bricks, plaster, panels, with windows, doors and pictures on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from figures_render.geometry import Floats32, lookup, lookup_smooth
from figures_render.palette import Rng, Values, darker, flat, grain, hsv, lines, mix

Painter = Callable[[Rng, Values, Values, Values, Floats32], Floats32]


def _fade(soft: Values) -> Values:
    return np.asarray(1 / (1 + soft * 8))


def _bricks(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    base = hsv(rng, (0.0, 0.09), (0.15, 0.6), (0.35, 0.75))
    w, h = 0.24, 0.08
    row = np.floor(y / h)
    u = x + 50 + (row % 2) * w / 2
    tone = lookup(texture, np.floor(u / w) * 7 + row * 31, row * 13)
    colour = flat(base, x.shape)
    colour *= (1 + (0.12 * tone + 0.06 * grain(texture, x, y, 90)) * _fade(soft))[:, None]
    mortar = np.maximum(lines(u, w, 0.014, soft), lines(y, h, 0.014, soft))
    return mix(colour, hsv(rng, (0.05, 0.12), (0.02, 0.12), (0.5, 0.8)), mortar * 0.8)


def _facade(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = flat(hsv(rng, (0.02, 0.65), (0.03, 0.3), (0.5, 0.88)), x.shape)
    colour *= (1 + 0.04 * grain(texture, x, y, 30) * _fade(soft))[:, None]
    pitch_x, pitch_y = float(rng.uniform(1.4, 2.6)), float(rng.uniform(2.4, 3.2))
    u, v = np.mod(x + 60, pitch_x) - pitch_x / 2, np.mod(y + 0.4, pitch_y) - pitch_y / 2
    pane = (np.abs(u) < 0.45) & (np.abs(v) < 0.7)
    glass = np.asarray(hsv(rng, (0.5, 0.65), (0.1, 0.4), (0.2, 0.6)), dtype=np.float32)
    colour[pane] = glass * (1 + 0.3 * v[pane])[:, None]
    rim = (np.abs(u) < 0.52) & (np.abs(v) < 0.77) & ~pane
    colour[rim] = hsv(rng, (0, 1), (0, 0.15), (0.7, 0.95))
    return colour


def _wallpaper(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = flat(hsv(rng, (0, 1), (0.03, 0.35), (0.45, 0.88)), x.shape)
    period = float(rng.uniform(0.15, 0.5))
    colour *= (1 + 0.10 * np.sign(np.sin(x * 2 * np.pi / period)) * _fade(soft))[:, None]
    return _furnished(rng, colour, x, y, texture)


def _panels(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    base = hsv(rng, (0, 1), (0.03, 0.35), (0.45, 0.88))
    period = float(rng.uniform(0.6, 1.4))
    joint = np.maximum(lines(x + 40, period, 0.02, soft), lines(y, period * 1.4, 0.02, soft))
    colour = mix(flat(base, x.shape), darker(base, 0.6), joint)
    colour *= (1 + 0.04 * grain(texture, x * 4, y, 30) * _fade(soft))[:, None]
    return _furnished(rng, colour, x, y, texture)


def _plaster(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    colour = flat(hsv(rng, (0, 1), (0.02, 0.28), (0.5, 0.92)), x.shape)
    colour *= (1 + 0.03 * grain(texture, x, y, 25) * _fade(soft))[:, None]
    return _furnished(rng, colour, x, y, texture)


def _furnished_bricks(rng: Rng, x: Values, y: Values, soft: Values, texture: Floats32) -> Floats32:
    return _furnished(rng, _bricks(rng, x, y, soft, texture), x, y, texture)


def _furnished(rng: Rng, colour: Floats32, x: Values, y: Values, texture: Floats32) -> Floats32:
    """A wall with up to four windows, doors and pictures on it, painted in place."""
    for _ in range(int(rng.integers(0, 5))):
        kind = str(rng.choice(["window", "door", "picture", "picture"]))
        centre = float(rng.uniform(-4.5, 4.5))
        if kind == "door":
            half, low, high = 0.47, 0.0, 2.05
        elif kind == "window":
            half, low = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.6, 1.1))
            high = low + float(rng.uniform(0.9, 1.4))
        else:
            half, low = float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.9, 1.5))
            high = low + float(rng.uniform(0.3, 0.9))
        _fixture(rng, colour, kind, (x - centre) / half, (y - low) / (high - low), (half, high - low), x, y, texture)
    return colour


def _fixture(
    rng: Rng,
    colour: Floats32,
    kind: str,
    u: Values,
    v: Values,
    size: tuple[float, float],
    x: Values,
    y: Values,
    texture: Floats32,
) -> None:
    """Paint one thing where -1 < u < 1 and 0 < v < 1; `size` is its half width and height in metres."""
    inside = (np.abs(u) < 1) & (v > 0) & (v < 1)
    half, height = size
    frame = (np.abs(u) > 1 - 0.06 / half) | (v < 0.05 / height) | (v > 1 - 0.05 / height)
    trim = hsv(rng, (0, 1), (0, 0.3), (0.2, 0.95))
    if kind == "window":
        glass = np.asarray(hsv(rng, (0.5, 0.65), (0.1, 0.4), (0.25, 0.85)), dtype=np.float32)
        sheen = 0.75 + 0.35 * v[inside] + 0.06 * lookup_smooth(texture, x[inside] * 9, y[inside] * 30)
        colour[inside] = glass * sheen[:, None]
        frame |= (np.abs(u) < 0.03 / half) | (np.abs(v - 0.6) < 0.02)
    elif kind == "door":
        colour[inside] = hsv(rng, (0, 1), (0.1, 0.5), (0.2, 0.7))
        panel = inside & (np.abs(np.abs(u) - 0.45) < 0.3) & (np.abs(np.abs(v - 0.5) - 0.24) < 0.17)
        colour[panel] *= 0.86
    else:
        tint = np.asarray(hsv(rng, (0, 1), (0.1, 0.5), (0.4, 0.9)), dtype=np.float32)
        blob = lookup_smooth(texture, x[inside] * 30, y[inside] * 30)
        colour[inside] = np.clip(tint * (1 + 0.16 * blob)[:, None], 0, 1)
    colour[inside & frame] = trim


#: How to paint each kind of wall: points x, y (metres) of it, as in `floors`.
WALLS: Mapping[str, Painter] = {
    "bricks": _furnished_bricks,
    "facade": _facade,
    "wallpaper": _wallpaper,
    "panels": _panels,
    "plaster": _plaster,
}
