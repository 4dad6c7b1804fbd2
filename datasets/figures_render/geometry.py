"""Rotations, the camera, and smooth noise: the small mathematics that every module of the renderer shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

#: Reflection in the person's plane of symmetry: left becomes right.
MIRROR = np.diag([-1.0, 1.0, 1.0])


def rot_x(degrees: float) -> Floats:
    """The rotation about x: y towards z for positive angles, (3, 3)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rot_y(degrees: float) -> Floats:
    """The rotation about y: z towards x for positive angles, (3, 3)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rot_z(degrees: float) -> Floats:
    """The rotation about z: x towards y for positive angles, (3, 3)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def swing(elevation: float, azimuth: float, twist: float) -> Floats:
    """The rotation of a left limb that hangs along -y at rest, (3, 3).

    Args:
        elevation: degrees away from hanging: 90 is horizontal, 180 is straight up.
        azimuth: the vertical plane in which it is lifted: 0 forward, 90 to the person's left, 180 backward.
        twist: rotation about the limb itself; positive turns its hinge inward.
    """
    return rot_y(azimuth) @ rot_x(-elevation) @ rot_y(-azimuth) @ rot_y(-twist)


def unit(v: ArrayLike) -> Floats:
    """Vectors scaled to length 1 (zero stays zero): (..., D) -> (..., D)."""
    a = np.asarray(v, dtype=np.float64)
    return np.asarray(a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12))


def smoothstep(low: float, high: float, x: NDArray[np.floating]) -> NDArray[np.floating]:
    """0 below `low`, 1 above `high`, a smooth cubic between; same shape as x."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


@dataclass(frozen=True)
class Camera:
    """A perspective camera.

    Attributes:
        position: (3,) metres.
        rotation: (3, 3), world to camera; the camera looks along its own -z with y up.
        focal: focal length in pixels.
        width: of the picture, pixels.
        height: of the picture, pixels.
    """

    position: Floats
    rotation: Floats
    focal: float
    width: int
    height: int

    @staticmethod
    def aimed(position: ArrayLike, pitch: float, roll: float, focal: float, width: int, height: int) -> Camera:
        """The camera that looks along -z, pitched down by `pitch` and rolled by `roll` degrees."""
        return Camera(np.asarray(position, dtype=np.float64), rot_z(roll) @ rot_x(pitch), focal, width, height)

    def to_camera(self, points: NDArray[np.floating]) -> Floats:
        """World points in camera axes: (..., 3) -> (..., 3); depth is -z."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Where world points fall in the picture.

        Returns:
            (..., 2) pixels with centres at integers, and (...,) depth along the axis in metres (<= 0 is behind the camera).
        """
        c = self.to_camera(points)
        depth = -c[..., 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        x = (self.width - 1) / 2 + self.focal * c[..., 0] / safe
        y = (self.height - 1) / 2 - self.focal * c[..., 1] / safe
        return np.stack([x, y], axis=-1), depth

    def rays(self) -> Floats32:
        """The world direction of every pixel with depth component 1: (H, W, 3) float32."""
        x = ((np.arange(self.width) - (self.width - 1) / 2) / self.focal).astype(np.float32)
        y = (-(np.arange(self.height) - (self.height - 1) / 2) / self.focal).astype(np.float32)
        r = self.rotation.astype(np.float32)
        rows = y[:, None, None] * r[1] - r[2]
        return np.asarray(rows + x[None, :, None] * r[0], dtype=np.float32)

    def scaled(self, factor: float) -> Camera:
        """The same view with `factor` times the pixels along each side."""
        width, height = max(round(self.width * factor), 1), max(round(self.height * factor), 1)
        return Camera(self.position, self.rotation, self.focal * factor, width, height)


def smooth_noise(
    rng: np.random.Generator, width: int, height: int, cells: float, octaves: int = 4, gain: float = 0.5
) -> Floats32:
    """Fractal value noise: (height, width) float32 with mean near 0 and most values in -1..1.

    Args:
        rng: source of randomness.
        width: columns.
        height: rows.
        cells: blobs across the longer side in the first octave.
        octaves: layers, each of twice the frequency and `gain` times the strength.
        gain: see octaves.
    """
    out = np.zeros((height, width), dtype=np.float32)
    strength, total = 1.0, 0.0
    for _ in range(octaves):
        step = max(width, height) / cells
        small = rng.normal(0, 1, (max(int(np.ceil(height / step)), 1) + 2, max(int(np.ceil(width / step)), 1) + 2))
        layer = Image.fromarray(small.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        out += np.float32(strength) * np.asarray(layer, dtype=np.float32)
        total += strength**2
        strength *= gain
        cells *= 2
        if cells > max(width, height):
            break
    return np.asarray(out / np.float32(np.sqrt(total) * 1.1), dtype=np.float32)


def tile_noise(rng: np.random.Generator, size: int = 256, cells: int = 10, octaves: int = 4) -> Floats32:
    """Fractal noise that repeats without a seam: (size, size) float32, standard deviation 1."""
    spectrum_x = np.fft.fftfreq(size)[:, None] * size
    spectrum_y = np.fft.rfftfreq(size)[None] * size
    radius = np.hypot(spectrum_x, spectrum_y)
    amplitude = np.where(radius > 0, 1 / (1 + (radius / cells) ** 1.6), 0) * (radius < cells * 2**octaves)
    phase = np.exp(2j * np.pi * rng.random(amplitude.shape))
    noise = np.fft.irfft2(amplitude * phase, s=(size, size))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def lookup(texture: NDArray[np.floating], u: NDArray[np.floating], v: NDArray[np.floating]) -> NDArray[np.floating]:
    """Values of a square repeating texture at texel coordinates u (columns), v (rows); same shape as u."""
    size = texture.shape[0]
    return np.asarray(texture[np.floor(v).astype(np.int32) % size, np.floor(u).astype(np.int32) % size])


def lookup_smooth(
    texture: NDArray[np.floating], u: NDArray[np.floating], v: NDArray[np.floating]
) -> NDArray[np.floating]:
    """As `lookup`, interpolated between texels."""
    size = texture.shape[0]
    column, row = np.floor(u), np.floor(v)
    a, b = (u - column).astype(np.float32), (v - row).astype(np.float32)
    c0, r0 = column.astype(np.int32) % size, row.astype(np.int32) % size
    c1, r1 = (c0 + 1) % size, (r0 + 1) % size
    top = texture[r0, c0] * (1 - a) + texture[r0, c1] * a
    low = texture[r1, c0] * (1 - a) + texture[r1, c1] * a
    return np.asarray(top + (low - top) * b)
