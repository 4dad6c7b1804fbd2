"""What lies far behind people, drawn in the picture plane: sky, trees, stands, sea, blurred lights, a studio's paper."""

from __future__ import annotations

import numpy as np

from figures_render.geometry import Floats32, smooth_noise, smoothstep
from figures_render.palette import Rng, Values, flat, hsv, mix

#: The views there are.
VIEWS = frozenset({"foliage", "sky", "stand", "sea", "bokeh", "sweep"})


def view(kind: str, rng: Rng, height_at: Values, elevation: Values) -> Floats32:
    """The picture of a view.

    Args:
        kind: one of VIEWS.
        rng: source of its details.
        height_at: (H, W) metres over the floor at which each pixel's ray meets the plane at the floor's end.
        elevation: (H, W) slope of each pixel's ray, 0 at the horizon and below.

    Returns:
        (H, W, 3) float32 sRGB.
    """
    if kind == "sweep":
        return _sweep(rng, height_at)
    if kind == "bokeh":
        return _bokeh(rng, height_at)
    sky = _sky(rng, elevation)
    if kind == "foliage":
        return _foliage(rng, height_at, sky)
    if kind == "stand":
        return _stand(rng, height_at, sky)
    if kind == "sea":
        return _sea(rng, height_at, sky)
    return sky


def _sky(rng: Rng, elevation: Values) -> Floats32:
    height, width = elevation.shape
    top = hsv(rng, (0.55, 0.62), (0.25, 0.65), (0.6, 0.9))
    low = hsv(rng, (0.5, 0.62), (0.02, 0.2), (0.82, 0.97))
    sky = mix(flat(low, elevation.shape), top, np.clip(elevation / 0.7, 0, 1) ** 0.7)
    cover = float(rng.uniform(-0.6, 1.3))
    cloud = smooth_noise(rng, width, height, float(rng.uniform(2, 6)), 5, 0.55)
    return mix(sky, (0.95, 0.95, 0.96), smoothstep(0.0, 1.1, cloud + cover - 0.6) * 0.85)


def _foliage(rng: Rng, height_at: Values, sky: Floats32) -> Floats32:
    """Rows of trees, the nearer the darker and the lower."""
    height, width = height_at.shape
    out = sky
    green = np.asarray(hsv(rng, (0.2, 0.34), (0.25, 0.55), (0.30, 0.52)), dtype=np.float32)
    top = float(rng.uniform(2.0, 9.0))
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        leaves = smooth_noise(rng, width, height, float(rng.uniform(14, 26)), 5, 0.75)
        crowns = smooth_noise(rng, width, height, float(rng.uniform(4, 9)), 3, 0.5)
        share = (rows - row) / rows
        edge = top * share * (1 + 0.25 * crowns[height // 2][None]) + 0.5 * leaves + 0.5 * crowns
        inside = smoothstep(-0.12, 0.12, edge - height_at)
        light = (0.78 + 0.22 * share) * np.clip(1 + 0.20 * leaves + 0.16 * crowns, 0.25, 1.7)
        tint = green * (1 + np.float32(0.08) * rng.normal(0, 1, 3).astype(np.float32))
        out = np.asarray(out + (tint * light[..., None] - out) * inside[..., None], dtype=np.float32)
    return out


def _stand(rng: Rng, height_at: Values, sky: Floats32) -> Floats32:
    """Rows of seats with a crowd that is only specks, and boards before them."""
    height, width = height_at.shape
    seat = hsv(rng, (0, 1), (0.1, 0.5), (0.25, 0.6))
    crowd = 0.12 * smooth_noise(rng, width, height, width / 7, 2, 0.9)
    tint = 0.05 * smooth_noise(rng, width, height, width / 9, 2, 0.9)
    colour = np.stack([seat[0] + crowd, seat[1] + crowd + tint, seat[2] + crowd - tint], axis=-1)
    colour *= (0.8 + 0.2 * (np.floor(height_at / 0.45) % 2))[..., None]
    colour[height_at < 0.9] = hsv(rng, (0, 1), (0.2, 0.8), (0.3, 0.85))
    top = float(rng.uniform(3, 10))
    return np.asarray(np.where((height_at < top)[..., None], np.clip(colour, 0, 1), sky), dtype=np.float32)


def _sea(rng: Rng, height_at: Values, sky: Floats32) -> Floats32:
    height, width = height_at.shape
    waves = smooth_noise(rng, width, height, 30, 3, 0.7)
    sea = flat(hsv(rng, (0.5, 0.6), (0.3, 0.7), (0.4, 0.7)), (height, width))
    sea *= (1 + 0.07 * waves)[..., None]
    return np.asarray(np.where((height_at < 1.0)[..., None], sea, sky), dtype=np.float32)


def _bokeh(rng: Rng, height_at: Values) -> Floats32:
    height, width = height_at.shape
    light = smooth_noise(rng, width, height, float(rng.uniform(2, 7)), 3)[..., None]
    hue = smooth_noise(rng, width, height, float(rng.uniform(2, 5)), 2)[..., None]
    base = np.asarray(hsv(rng, (0, 1), (0.05, 0.4), (0.25, 0.7)), dtype=np.float32)
    towards = rng.normal(0, 0.06, 3).astype(np.float32)
    return np.asarray(np.clip(base + 0.12 * light + towards * hue, 0, 1), dtype=np.float32)


def _sweep(rng: Rng, height_at: Values) -> Floats32:
    """A photographer's seamless paper, brighter in the middle; it is its own floor."""
    h, w = height_at.shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    cx, cy = float(rng.uniform(0.3, 0.7)) * w, float(rng.uniform(0.2, 0.6)) * h
    glow = np.exp(-(((x - cx) / (0.6 * w)) ** 2 + ((y - cy) / (0.7 * h)) ** 2))
    out = flat(hsv(rng, (0, 1), (0.0, 0.3), (0.3, 0.9)), (h, w))
    out *= (0.62 + 0.45 * glow)[..., None]
    fold = np.where(height_at < 0, 0.94, 1 - 0.06 * np.exp(-np.maximum(height_at, 0) / 0.3))
    out *= fold[..., None]
    return out
