"""Triangle meshes of lofted tubes, ellipsoids and boxes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figures_render.geometry import Floats, unit


@dataclass(frozen=True)
class Surface:
    """One piece of surface.

    Attributes:
        points: (V, 3) world metres.
        normals: (V, 3) outward, unit.
        coords: (V, 3) surface coordinates that patterns are painted by (their meaning depends on the maker).
        faces: (F, 3) indices into points, counter-clockwise seen from outside.
        two_sided: whether its inside can be seen (an open hem, a skirt, a leaf).
    """

    points: Floats
    normals: Floats
    coords: Floats
    faces: NDArray[np.int64]
    two_sided: bool = False


@dataclass
class Mesh:
    """Surfaces put together, with what each face belongs to.

    Attributes:
        surfaces: the pieces.
        materials: for each piece the index of its material.
        parts: for each piece the code of its body part.
        owners: for each piece who it belongs to: a person's index, or -1 for an object.
    """

    surfaces: list[Surface] = field(default_factory=list)
    materials: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def add(self, surface: Surface, material: int, part: int, owner: int) -> None:
        """Put one more piece in."""
        self.surfaces.append(surface)
        self.materials.append(material)
        self.parts.append(part)
        self.owners.append(owner)

    def extend(self, other: Mesh) -> None:
        """Put all pieces of another mesh in."""
        self.surfaces += other.surfaces
        self.materials += other.materials
        self.parts += other.parts
        self.owners += other.owners

    def lowest(self) -> float:
        """The smallest y of all points."""
        return float(min(s.points[:, 1].min() for s in self.surfaces))

    def packed(self) -> PackedMesh:
        """All pieces in one set of arrays."""
        if not self.surfaces:
            none, nobody = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
            faces = np.zeros((0, 3), dtype=np.int64)
            return PackedMesh(none, none, none, faces, nobody, nobody, nobody, nobody.astype(bool))
        counts = [len(s.points) for s in self.surfaces]
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        per_face = [len(s.faces) for s in self.surfaces]

        def spread(values: list[int] | list[bool]) -> NDArray[np.int64]:
            return np.repeat(np.asarray(values, dtype=np.int64), per_face)

        return PackedMesh(
            points=np.concatenate([s.points for s in self.surfaces]),
            normals=np.concatenate([s.normals for s in self.surfaces]),
            coords=np.concatenate([s.coords for s in self.surfaces]),
            faces=np.concatenate([s.faces + o for s, o in zip(self.surfaces, offsets, strict=True)]),
            material=spread(self.materials),
            part=spread(self.parts),
            owner=spread(self.owners),
            two_sided=spread([s.two_sided for s in self.surfaces]).astype(bool),
        )


@dataclass(frozen=True)
class PackedMesh:
    """A mesh as arrays: points, normals, coords (V, 3); faces (F, 3); material, part, owner, two_sided (F,)."""

    points: Floats
    normals: Floats
    coords: Floats
    faces: NDArray[np.int64]
    material: NDArray[np.int64]
    part: NDArray[np.int64]
    owner: NDArray[np.int64]
    two_sided: NDArray[np.bool_]


def _grid_faces(rings: int, segments: int) -> NDArray[np.int64]:
    """Two triangles a cell of a (rings, segments + 1) grid of points: (F, 3)."""
    r, s = np.meshgrid(np.arange(rings - 1), np.arange(segments), indexing="ij")
    a = (r * (segments + 1) + s).ravel()
    b, c, d = a + 1, a + segments + 1, a + segments + 2
    return np.concatenate([np.stack([a, d, b], axis=1), np.stack([a, c, d], axis=1)])


def grid_surface(points: Floats, coords: Floats, *, closed: bool, two_sided: bool = False) -> Surface:
    """A surface from a grid of points whose last column repeats the first when `closed`.

    Normals point along d(ring) x d(segment).

    Args:
        points: (R, S + 1, 3) metres.
        coords: (R, S + 1, 3) surface coordinates.
        closed: whether the segments go round.
        two_sided: see Surface.
    """
    rings, columns = points.shape[:2]
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    across = np.empty_like(points)
    across[:, 1:-1] = points[:, 2:] - points[:, :-2]
    if closed:
        across[:, 0] = across[:, -1] = points[:, 1] - points[:, -2]
    else:
        across[:, 0], across[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    # A ring that has shrunk to a point has no direction across: take its neighbour's.
    for ring, neighbour in ((0, 1), (-1, -2)):
        if np.abs(across[ring]).max() < 1e-9:
            across[ring] = across[neighbour]
    normals = unit(np.cross(along, across))
    faces = _grid_faces(rings, columns - 1)
    return Surface(points.reshape(-1, 3), normals.reshape(-1, 3), coords.reshape(-1, 3), faces, two_sided)


def tube(
    centres: Floats,
    ex: Floats,
    ez: Floats,
    width: ArrayLike,
    front: ArrayLike,
    back: ArrayLike,
    s: ArrayLike,
    *,
    segments: int = 14,
    squareness: float = 2.0,
    bulge: Floats | None = None,
    cap_start: bool = True,
    cap_end: bool = True,
    dome: float = 0.8,
    two_sided: bool = False,
) -> Surface:
    """A lofted tube with elliptic (or rounder-cornered) cross-sections.

    Args:
        centres: (R, 3) the axis.
        ex: (R, 3) or (3,) unit, the direction of `width` (the person's left).
        ez: (R, 3) or (3,) unit, the direction of `front`.
        width: (R,) half width along ex.
        front: (R,) half depth along +ez.
        back: (R,) half depth along -ez.
        s: (R,) position along the tube, kept as the second surface coordinate.
        segments: points round the tube.
        squareness: exponent of the superellipse; 2 is an ellipse.
        bulge: (R, segments + 1) factors on the radius, or None.
        cap_start: close the first end with a dome.
        cap_end: close the last end.
        dome: height of a closed end over its radius; 0 closes it flat.
        two_sided: see Surface.

    Returns:
        Surface whose coords are (angle: 0 at ex, pi/2 at ez; s; radius in metres).
    """
    rings = len(centres)
    theta = np.linspace(0, 2 * np.pi, segments + 1)
    cos, sin = np.cos(theta), np.sin(theta)
    if squareness != 2.0:
        norm = (np.abs(cos) ** squareness + np.abs(sin) ** squareness) ** (1 / squareness)
        cos, sin = cos / norm, sin / norm
    w, f, b = (np.broadcast_to(np.asarray(a, dtype=np.float64), (rings,)) for a in (width, front, back))
    position = np.broadcast_to(np.asarray(s, dtype=np.float64), (rings,))
    axes_x = np.broadcast_to(ex, (rings, 3))
    axes_z = np.broadcast_to(ez, (rings, 3))
    x = w[:, None] * cos
    z = np.where(sin >= 0, f[:, None], b[:, None]) * sin
    if bulge is not None:
        x, z = x * bulge, z * bulge
    points = centres[:, None] + x[..., None] * axes_x[:, None] + z[..., None] * axes_z[:, None]
    radius = np.broadcast_to(((w + (f + b) / 2) / 2)[:, None], x.shape)
    coords = np.stack([np.broadcast_to(theta, x.shape), np.broadcast_to(position[:, None], x.shape), radius], axis=-1)

    tangent = centres[1] - centres[0]
    down = float(np.dot(np.cross(axes_x[0], tangent), axes_z[0])) < 0
    # d(ring) x d(angle) points outward when (ex, tangent, ez) is right-handed: turn the ring order round otherwise.
    if cap_start:
        points, coords = _cap(points, coords, centres[0], dome * float(np.mean((w[0], f[0], b[0]))), first=True)
    if cap_end:
        points, coords = _cap(points, coords, centres[-1], dome * float(np.mean((w[-1], f[-1], b[-1]))), first=False)
    if down:
        points, coords = points[::-1].copy(), coords[::-1].copy()
    return grid_surface(points, coords, closed=True, two_sided=two_sided)


def _cap(points: Floats, coords: Floats, centre: Floats, height: float, *, first: bool) -> tuple[Floats, Floats]:
    """The grid with a dome of two rings (or a flat lid, when its height is 0) at one end."""
    end, inner = (points[0], points[1]) if first else (points[-1], points[-2])
    out = unit(end.mean(axis=0) - inner.mean(axis=0))
    # A lid starts with a second copy of the rim, so that its normals are its own.
    angles = (0.75, np.pi / 2) if height > 0 else (0.0, np.pi / 2)
    rings = [centre + (end - centre) * np.cos(a) + out * (height * np.sin(a) + 1e-4) for a in angles]
    extra = np.stack(rings)
    coord = np.repeat((coords[:1] if first else coords[-1:]), 2, axis=0)
    if first:
        return np.concatenate([extra[::-1], points]), np.concatenate([coord, coords])
    return np.concatenate([points, extra]), np.concatenate([coords, coord])


def ellipsoid(centre: ArrayLike, axes: Floats, radii: ArrayLike, *, rings: int = 8, segments: int = 12) -> Surface:
    """An ellipsoid; coords are the position in units of its radii.

    Args:
        centre: (3,) metres.
        axes: (3, 3), columns are the directions of the radii.
        radii: (3,) metres.
        rings: cells from pole to pole (along the second axis).
        segments: cells round it.
    """
    phi = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)[:, None]
    theta = np.linspace(0, 2 * np.pi, segments + 1)[None]
    local = np.stack([np.cos(phi) * np.cos(theta), np.sin(phi) + 0 * theta, np.cos(phi) * np.sin(theta)], axis=-1)
    points = np.asarray(centre, dtype=np.float64) + (local * np.asarray(radii, dtype=np.float64)) @ axes.T
    surface = grid_surface(points, local, closed=True)
    normals = unit((local / np.asarray(radii, dtype=np.float64)) @ axes.T).reshape(-1, 3)
    return Surface(surface.points, normals, surface.coords, surface.faces)


_CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
_CUBE_SIDES = (
    ((4, 6, 7, 5), 0, 1.0),
    ((0, 1, 3, 2), 0, -1.0),
    ((2, 3, 7, 6), 1, 1.0),
    ((0, 4, 5, 1), 1, -1.0),
    ((1, 5, 7, 3), 2, 1.0),
    ((0, 2, 6, 4), 2, -1.0),
)


def box(centre: ArrayLike, axes: Floats, half: ArrayLike) -> Surface:
    """A box; coords are metres along its own axes from its centre.

    Args:
        centre: (3,) metres.
        axes: (3, 3), columns are its directions.
        half: (3,) half sides in metres.
    """
    sides = np.asarray(half, dtype=np.float64)
    points: list[Floats] = []
    normals: list[Floats] = []
    coords: list[Floats] = []
    faces: list[list[int]] = []
    for corners, axis, sign in _CUBE_SIDES:
        local = _CUBE[list(corners)] * sides
        normal = np.zeros(3)
        normal[axis] = sign
        start = len(points) * 4
        points.append(local @ axes.T + np.asarray(centre, dtype=np.float64))
        normals.append(np.tile(axes @ normal, (4, 1)))
        coords.append(local)
        faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    return Surface(
        np.concatenate(points), np.concatenate(normals), np.concatenate(coords), np.asarray(faces, dtype=np.int64)
    )
