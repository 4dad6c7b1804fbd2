"""What surfaces look like: skin, faces, hair, cloth patterns, and plain objects, painted by surface coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figures_render.geometry import Floats32, lookup, lookup_smooth, smoothstep

Colour = tuple[float, float, float]
Band = tuple[float, float, Colour]


@dataclass(frozen=True)
class Face:
    """What is painted on a face: colours as sRGB 0..1, the rest as shares of the head's height.

    Attributes:
        iris: colour of the eyes.
        brow: colour of the brows.
        lips: colour of the mouth.
        smile: curvature of the mouth, positive when the corners go up.
        open_mouth: half height of the gap between the lips.
        beard: 0 for a shaven face to 1 for a full beard.
        glasses: "none", "clear" or "dark".
        brow_height: height of the brows over the eyes.
        eye_size: factor on the size of the eyes.
    """

    iris: Colour
    brow: Colour
    lips: Colour
    smile: float = 0.3
    open_mouth: float = 0.0
    beard: float = 0.0
    glasses: str = "none"
    brow_height: float = 0.075
    eye_size: float = 1.0


@dataclass(frozen=True)
class Material:
    """How one piece of surface is painted.

    Attributes:
        kind: "skin", "face", "hair", "cloth", "shoe" or "object".
        colour: sRGB 0..1.
        second: the other colour of a pattern, a sole or a trim.
        pattern: "plain", "stripes", "pinstripes", "checks", "dots", "camouflage", "marl", "logo", "panel", "planks", "bark".
        scale: length of the pattern's period in surface units.
        angle: where round the body a logo or panel sits, radians.
        along: where along the body a logo or panel sits.
        gloss: strength of the highlight.
        folds: strength of the cloth's folds or the surface's roughness.
        bands: ((start, end, colour), ...) along the surface, painted last: socks, sleeves and tights on the limb itself.
        face: what is painted on a face.
        strap: for a top without sleeves, the height at which only its straps go on to the shoulders; 0 for none.
        stretch: body units in one unit of the surface's length (limbs count a segment as one).
    """

    kind: str
    colour: Colour
    second: Colour = (1.0, 1.0, 1.0)
    pattern: str = "plain"
    scale: float = 0.1
    angle: float = np.pi / 2
    along: float = 0.2
    gloss: float = 0.0
    folds: float = 0.0
    bands: tuple[Band, ...] = ()
    face: Face | None = None
    strap: float = 0.0
    stretch: float = 1.0


def paint(material: Material, coords: Floats32, texture: Floats32, pixel: float) -> Floats32:
    """The colour of surface points before light falls on them.

    Args:
        material: what they are made of.
        coords: (N, 3) surface coordinates.
        texture: (S, S) repeating noise of standard deviation 1.
        pixel: size of a picture pixel on the surface in metres, about; sets how soft edges are.

    Returns:
        (N, 3) float32 sRGB 0..1.
    """
    out = np.empty((len(coords), 3), dtype=np.float32)
    out[:] = material.colour
    if material.kind == "face":
        _paint_face(material, coords, out)
    elif material.kind == "hair":
        streak = lookup_smooth(texture, coords[:, 0] * 170 + 7, coords[:, 1] * 20)
        out *= (1 + 0.16 * streak)[:, None]
    elif material.kind == "shoe":
        sole = smoothstep(-0.55, -0.75, np.sin(coords[:, 0]))
        _blend(out, material.second, sole)
        if material.pattern == "stripes":
            stripes = (np.abs(np.sin(coords[:, 1] * 60)) < 0.35) & (np.abs(np.cos(coords[:, 0])) > 0.5) & (sole < 0.5)
            _blend(out, material.second, stripes.astype(np.float32) * 0.9)
    elif material.kind == "object":
        _paint_object(material, coords, texture, out)
    else:
        _paint_cloth(material, coords, texture, out)
    return np.clip(out, 0.0, 1.0)


def _blend(out: Floats32, colour: Colour, share: NDArray[np.floating]) -> None:
    out += (np.asarray(colour, dtype=np.float32) - out) * share.astype(np.float32)[:, None]


def _wave(x: NDArray[np.floating], duty: float = 0.5) -> NDArray[np.floating]:
    """1 in the first `duty` of every unit interval, else 0, with slightly soft edges."""
    t = x - np.floor(x)
    return smoothstep(0.0, 0.06, t) * smoothstep(duty + 0.06, duty, t)


def _paint_cloth(material: Material, coords: Floats32, texture: Floats32, out: Floats32) -> None:
    theta, s = coords[:, 0], coords[:, 1]
    if material.kind == "skin":
        out *= (1 + 0.025 * lookup(texture, theta * 20, s * 90))[:, None]
    else:
        _paint_pattern(material, theta, s, texture, out)
    for start, end, colour in material.bands:
        inside = (s > start) & (s <= end)
        if material.strap > 0 and start >= material.strap - 0.03:
            side = np.abs(np.cos(theta))
            scoop = 0.020 * np.clip(1 - (side / 0.36) ** 2, 0, 1) * (np.sin(theta) > 0)
            inside = (s > material.strap - scoop) & ~((side > 0.36) & (side < 0.74) & (s < 0.301))
        out[inside] = colour


def _paint_pattern(
    material: Material, theta: NDArray[np.floating], s: NDArray[np.floating], texture: Floats32, out: Floats32
) -> None:
    s = s * material.stretch
    arc = theta * np.round(2 * np.pi * 0.12 / material.scale) / (2 * np.pi)
    rows = s * 1.75 / material.scale
    pattern = material.pattern
    if pattern == "stripes":
        _blend(out, material.second, _wave(rows))
    elif pattern == "pinstripes":
        _blend(out, material.second, _wave(arc * 2, 0.16) * 0.8)
    elif pattern == "checks":
        _blend(out, material.second, 0.5 * _wave(rows) + 0.5 * _wave(arc))
    elif pattern == "dots":
        dx, dy = arc - np.floor(arc) - 0.5, rows - np.floor(rows) - 0.5
        _blend(out, material.second, smoothstep(0.09, 0.06, dx * dx + dy * dy))
    elif pattern == "camouflage":
        blob = lookup(texture, theta * 20 + 11, s * 110)
        _blend(out, material.second, smoothstep(0.1, 0.25, blob))
        third = lookup(texture, theta * 20 + 60, s * 110 + 40)
        r, g, b = material.colour
        _blend(out, (0.4 * r, 0.4 * g, 0.4 * b), smoothstep(0.7, 0.85, third))
    elif pattern == "marl":
        out *= (1 + 0.10 * lookup(texture, theta * 60, s * 400))[:, None]
    elif pattern == "logo":
        d = np.hypot((theta - material.angle) * 1.2, (s - material.along) * 12)
        _blend(out, material.second, smoothstep(0.36, 0.32, d) * smoothstep(0.16, 0.2, d))
        _blend(out, material.second, smoothstep(0.1, 0.08, np.abs(d - 0.0)))
    elif pattern == "number":
        u, v = (material.angle - theta) * 1.3, (s - material.along) * 12
        glyph = (np.abs(u) < 0.09) & (np.abs(v) < 0.42) | (np.abs(v - 0.34) < 0.08) & (u > -0.28) & (u < 0.09)
        _blend(out, material.second, glyph.astype(np.float32))
    elif pattern == "panel":
        d = np.abs(np.angle(np.exp(1j * (theta - material.angle)))).astype(np.float32)
        _blend(out, material.second, smoothstep(0.5, 0.45, d))
    elif pattern == "side_stripe":
        d = np.abs(np.cos(theta))
        _blend(out, material.second, smoothstep(0.965, 0.985, d))
    elif pattern == "chest":
        _blend(out, material.second, smoothstep(0.012, 0.008, np.abs(s - material.along) - 0.018))


def _paint_object(material: Material, coords: Floats32, texture: Floats32, out: Floats32) -> None:
    x, y, z = coords[:, 0], coords[:, 1], coords[:, 2]
    if material.pattern == "planks":
        seam = _wave((x + z) / material.scale, 0.94)
        grain = lookup_smooth(texture, (x + z) * 70, y * 25 + np.floor((x + z) / material.scale) * 31)
        out *= ((0.45 + 0.55 * seam) * (1 + 0.12 * grain))[:, None]
    elif material.pattern == "bark":
        out *= (1 + 0.16 * lookup(texture, x * 40, y * 30))[:, None]
    elif material.pattern == "leaves":
        out *= (x * (1 + 0.14 * y))[:, None]
        out[:, 0] *= 1 + 0.12 * y
    elif material.pattern == "checks":
        odd = (np.floor(x / material.scale) + np.floor(y / material.scale) + np.floor(z / material.scale)) % 2
        _blend(out, material.second, odd)
    elif material.pattern == "stripes":
        _blend(out, material.second, _wave(y / material.scale))
    else:
        out *= (1 + 0.04 * lookup(texture, x * 90 + z * 50, y * 90))[:, None]


def _paint_face(material: Material, coords: Floats32, out: Floats32) -> None:
    face = material.face
    if face is None:
        return
    front = coords[:, 2] > 0.12
    x, y = np.abs(coords[front, 0]), coords[front, 1]
    skin = out[front].copy()
    size = face.eye_size
    _blend(skin, (0.85, 0.45, 0.40), 0.16 * np.exp(-(((x - 0.19) / 0.09) ** 2) - ((y - 0.02) / 0.08) ** 2))
    if face.beard > 0:
        jaw = smoothstep(0.02, -0.05, y - 0.9 * np.maximum(x - 0.2, 0)) * (
            1 - smoothstep(0.045, 0.035, np.abs(y + 0.115))
        )
        around_mouth = np.hypot(x / 0.12, (y + 0.115) / 0.045)
        _blend(skin, face.brow, face.beard * 0.85 * jaw * smoothstep(0.8, 1.1, around_mouth))
    socket = np.exp(-(((x - 0.137) / 0.08) ** 2) - ((y - 0.225) / 0.05) ** 2)
    skin *= (1 - 0.16 * socket)[:, None]
    ex, ey = x - 0.137, y - 0.215
    lid = np.sqrt(np.maximum(1 - (ex / (0.064 * size)) ** 2, 0)) * 0.031 * size
    inside = smoothstep(0.006, -0.004, np.abs(ey) - lid) * (np.abs(ex) < 0.07 * size)
    _blend(skin, (0.95, 0.94, 0.92), inside)
    eye = np.hypot(ex, ey)
    _blend(skin, face.iris, inside * smoothstep(0.032, 0.027, eye))
    _blend(skin, (0.03, 0.03, 0.03), inside * smoothstep(0.017, 0.013, eye))
    lash = smoothstep(0.012, 0.005, np.abs(ey - lid)) * (np.abs(ex) < 0.068 * size)
    _blend(skin, (0.10, 0.07, 0.06), 0.85 * lash)
    arch = 0.215 + face.brow_height - 1.6 * (x - 0.12) ** 2
    brow = smoothstep(0.020, 0.009, np.abs(y - arch)) * smoothstep(0.045, 0.06, x) * smoothstep(0.225, 0.205, x)
    _blend(skin, face.brow, 0.85 * brow)
    my = y + 0.105 - face.smile * 1.4 * x * x
    width = 0.10
    lips = smoothstep(1.15, 0.95, np.hypot(x / width, my / (0.030 + face.open_mouth)))
    _blend(skin, face.lips, 0.8 * lips)
    gap = smoothstep(1.1, 0.9, np.hypot(x / (width * 0.9), my / (0.006 + face.open_mouth)))
    _blend(skin, (0.96, 0.94, 0.9) if face.open_mouth > 0.012 else (0.25, 0.10, 0.10), 0.9 * gap)
    skin *= (1 - 0.14 * np.exp(-((x / 0.06) ** 2) - ((y + 0.165) / 0.016) ** 2))[:, None]
    if face.glasses != "none":
        rim = np.hypot((x - 0.14) / 0.095, (y - 0.205) / 0.068)
        frame = smoothstep(0.16, 0.09, np.abs(rim - 1)) + smoothstep(0.012, 0.007, np.abs(y - 0.215)) * (x < 0.05)
        frame = np.clip(frame + smoothstep(0.014, 0.008, np.abs(y - 0.22)) * (x > 0.23), 0, 1)
        if face.glasses == "dark":
            _blend(skin, (0.06, 0.06, 0.07), 0.93 * smoothstep(1.05, 0.95, rim))
        _blend(skin, (0.08, 0.07, 0.07), frame)
    out[front] = skin
