"""Colours and marks that floors and walls are made of."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Floats32, lookup, lookup_smooth
from figures_render.materials import Colour

Rng = np.random.Generator
Values = NDArray[np.floating]
Limits = tuple[float, float]


def hsv(rng: Rng, hue: Limits, saturation: Limits, value: Limits) -> Colour:
    """A random colour between limits of hue, saturation and value, each 0..1."""
    r, g, b = colorsys.hsv_to_rgb(
        float(rng.uniform(*hue)) % 1.0, float(rng.uniform(*saturation)), float(rng.uniform(*value))
    )
    return (r, g, b)


def darker(colour: Colour, factor: float) -> Colour:
    """A colour times a factor."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def mix(colours: Floats32, colour: Colour, share: Values) -> Floats32:
    """Colours (..., 3) moved towards one colour by a share (...) of the way."""
    target = np.asarray(colour, dtype=np.float32)
    return np.asarray(colours + (target - colours) * share.astype(np.float32)[..., None], dtype=np.float32)


def flat(colour: Colour, shape: tuple[int, ...]) -> Floats32:
    """One colour everywhere: (*shape, 3)."""
    out = np.empty((*shape, 3), dtype=np.float32)
    out[:] = colour
    return out


def grain(texture: Floats32, x: Values, y: Values, metre: float) -> Values:
    """Noise at two sizes; `metre` blobs of the finer one to a metre, about."""
    fine = lookup(texture, x * (2 * metre), y * (2 * metre))
    return np.asarray(0.6 * fine + 0.4 * lookup_smooth(texture, x * (metre * 0.2), y * (metre * 0.2)))


def lines(x: Values, period: float, width: float, soft: Values) -> Values:
    """1 on lines of `width` metres every `period` metres, with edges `soft` metres wide."""
    distance = np.abs((x / period) - np.round(x / period)) * period
    edge = np.maximum(soft, 1e-4)
    line = np.clip((width / 2 - distance) / edge + 0.5, 0, 1)
    return np.asarray(line * np.minimum(width / edge, 1))
