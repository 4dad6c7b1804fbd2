"""True labels: masks, boxes, polygons, and each joint's visibility from depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figures_render.body import Bones, Proportions
from figures_render.geometry import Camera, Floats
from figures_render.mesh import PackedMesh
from figures_render.parts import Part
from figures_render.raster import Buffer


@dataclass(frozen=True)
class JointRule:
    """When a joint counts as visible.

    Attributes:
        parts: body parts (or the clothes over them) that may cover its pixel.
        tolerance: how much nearer than the joint the surface may be, in body units.
        toward: how far to look from the joint towards the head's centre, as a share (for joints on the outline).
    """

    parts: frozenset[int]
    tolerance: float
    toward: float = 0.0


def _rules() -> dict[str, JointRule]:
    rules: dict[str, JointRule] = {
        "nose": JointRule(frozenset({Part.HEAD}), 0.012, 0.12),
        "head_top": JointRule(frozenset({Part.HEAD, Part.HAIR}), 0.075, 0.22),
        "neck": JointRule(frozenset({Part.NECK, Part.TRUNK}), 0.062),
        "upper_neck": JointRule(frozenset({Part.NECK, Part.TRUNK}), 0.062),
        "thorax": JointRule(frozenset({Part.NECK, Part.TRUNK}), 0.075),
        "pelvis": JointRule(frozenset({Part.TRUNK, Part.LEFT_LEG, Part.RIGHT_LEG, Part.SKIRT}), 0.105),
    }
    for side in ("left", "right"):
        arm, hand, leg, foot = (Part[f"{side.upper()}_{name}"] for name in ("ARM", "HAND", "LEG", "FOOT"))
        rules |= {
            f"{side}_eye": JointRule(frozenset({Part.HEAD}), 0.012, 0.10),
            f"{side}_ear": JointRule(frozenset({Part.HEAD, Part.HAIR}), 0.022, 0.06),
            f"{side}_shoulder": JointRule(frozenset({arm, Part.TRUNK}), 0.066),
            f"{side}_elbow": JointRule(frozenset({arm}), 0.050),
            f"{side}_wrist": JointRule(frozenset({arm, hand}), 0.042),
            f"{side}_hip": JointRule(frozenset({leg, Part.TRUNK, Part.SKIRT}), 0.100),
            f"{side}_knee": JointRule(frozenset({leg, Part.SKIRT}), 0.075),
            f"{side}_ankle": JointRule(frozenset({leg, foot}), 0.060),
        }
    return rules


#: The rule of every joint the renderer knows.
RULES = _rules()


def joint_visibility(
    name: str, bones: Bones, p: Proportions, owner: int, camera: Camera, buffer: Buffer, mesh: PackedMesh
) -> tuple[float, float, int]:
    """Where a joint lies in the picture and whether it is seen.

    Returns:
        x, y in pixels and v: 2 when the surface over the joint is seen, 1 when something is before it (the own body, another
        person, an object), 0 with x = y = 0 when it lies outside the picture.
    """
    rule = RULES[name]
    joint = bones.joints[name]
    xy, depth = camera.project(joint)
    x, y = round(float(xy[0]), 2), round(float(xy[1]), 2)
    if depth <= 0 or not (0 <= x <= camera.width - 1 and 0 <= y <= camera.height - 1):
        return 0.0, 0.0, 0
    probe = joint
    if rule.toward > 0:
        centre = bones.head_pivot + bones.frames["head"] @ np.array([0, 0.2, 0.03]) * p.head
        probe = joint + (centre - joint) * rule.toward
    pxy, _ = camera.project(probe)
    column = int(np.clip(round(float(pxy[0])), 0, camera.width - 1))
    row = int(np.clip(round(float(pxy[1])), 0, camera.height - 1))
    limit = float(depth) - rule.tolerance * p.unit * (0.6 + 0.4 * p.build)
    window = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
    faces = buffer.face[window].ravel()
    depths = buffer.depth[window].ravel()
    for face, seen in zip(faces, depths, strict=True):
        if face >= 0 and mesh.owner[face] == owner and int(mesh.part[face]) in rule.parts and seen >= limit:
            return x, y, 2
    return x, y, 1


def person_mask(buffer: Buffer, mesh: PackedMesh, owner: int) -> NDArray[np.bool_]:
    """The pixels in which a person is what is seen: (H, W) bool."""
    flat = np.zeros(buffer.face.size, dtype=bool)
    flat[buffer.pixels] = mesh.owner[buffer.faces] == owner
    return flat.reshape(buffer.face.shape)


def mask_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The tight box [x, y, w, h] of a mask at pixel edges; the mask must not be empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def mask_polygons(mask: NDArray[np.bool_], tolerance: float = 0.75) -> list[list[float]]:
    """COCO polygons of a mask at pixel edges: [x0, y0, x1, y1, ...] each.

    A polygon cannot have a hole, so a piece with one (an arm on the hip) is cut in two through it. Holes below 12 pixels are
    filled; pieces below 4 pixels are left out unless there is nothing else.

    Args:
        mask: (H, W) bool.
        tolerance: how far, in pixels, a dropped corner may lie from the simplified outline.
    """
    if not mask.any():
        return []
    x, y, w, h = mask_box(mask)
    outer: list[Floats] = []
    stack = [(mask[y : y + h, x : x + w], x, y)]
    while stack:
        piece, left, top = stack.pop()
        loops = trace(piece)
        holes = [loop for loop in loops if _signed_area(loop) < -12]
        if holes and piece.shape[1] > 1:
            hole = max(holes, key=lambda loop: -_signed_area(loop))
            column = int(np.clip(round(float((hole[:, 0].min() + hole[:, 0].max()) / 2)), 1, piece.shape[1] - 1))
            stack.append((piece[:, :column], left, top))
            stack.append((piece[:, column:], left + column, top))
            continue
        outer += [loop + np.array([left, top]) for loop in loops if _signed_area(loop) > 0]
    outer.sort(key=lambda loop: -_signed_area(loop))
    kept = [loop for loop in outer if _signed_area(loop) >= 4] or outer[:1]
    polygons = []
    for loop in kept:
        simple = _simplify(loop, tolerance)
        if len(simple) >= 3:
            polygons.append([float(value) for value in simple.ravel()])
    return polygons


def trace(mask: NDArray[np.bool_]) -> list[Floats]:
    """The closed outlines of a mask along pixel edges, corners only: (N, 2) x, y each; outer ones have positive signed area."""
    h, w = mask.shape
    padded = np.zeros((h + 2, w + 2), dtype=np.int8)
    padded[1:-1, 1:-1] = mask
    across = np.diff(padded, axis=0)[:, 1:-1]
    beside = np.diff(padded, axis=1)[1:-1]
    # Directed edges with the inside on the right hand (y down): top edges go right, right edges down, and so on.
    nexts: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def put(where: NDArray[np.bool_], start: tuple[int, int], end: tuple[int, int]) -> None:
        for r, c in np.argwhere(where).tolist():
            nexts.setdefault((c + start[0], r + start[1]), []).append((c + end[0], r + end[1]))

    put(across == 1, (0, 0), (1, 0))
    put(across == -1, (1, 0), (0, 0))
    put(beside == -1, (0, 0), (0, 1))
    put(beside == 1, (0, 1), (0, 0))
    loops = []
    while nexts:
        start = next(iter(nexts))
        points = [start]
        here, direction = start, (0, 0)
        while True:
            options = nexts[here]
            if len(options) == 1:
                there = options[0]
                del nexts[here]
            else:
                # Where two pixels meet at a corner, turn right: the pieces stay apart.
                right = (here[0] - direction[1], here[1] + direction[0])
                there = right if right in options else options[0]
                options.remove(there)
            step = (there[0] - here[0], there[1] - here[1])
            if step == direction:
                points[-1] = there
            else:
                points.append(there)
            here, direction = there, step
            if here == start:
                break
        loops.append(np.array(points[:-1], dtype=np.float64))
    return loops


def _signed_area(loop: Floats) -> float:
    x, y = loop[:, 0], loop[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _simplify(loop: Floats, tolerance: float) -> Floats:
    """Douglas and Peucker's simplification of a closed outline."""
    if len(loop) <= 4:
        return loop
    far = int(np.argmax(((loop - loop[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([loop, loop[:1]])
    keep = np.zeros(len(closed), dtype=bool)
    keep[[0, far, len(loop)]] = True
    stack = [(0, far), (far, len(loop))]
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        line = closed[b] - closed[a]
        length = np.hypot(*line)
        offset = closed[a + 1 : b] - closed[a]
        if length < 1e-9:
            distance = np.hypot(offset[:, 0], offset[:, 1])
        else:
            distance = np.abs(offset[:, 0] * line[1] - offset[:, 1] * line[0]) / length
        worst = int(np.argmax(distance))
        if distance[worst] > tolerance:
            middle = a + 1 + worst
            keep[middle] = True
            stack += [(a, middle), (middle, b)]
    return closed[:-1][keep[:-1]]


def keypoints(
    joints: Sequence[str], bones: Bones, p: Proportions, owner: int, camera: Camera, buffer: Buffer, mesh: PackedMesh
) -> list[float | int]:
    """COCO's flat keypoint list x, y, v of the named joints."""
    flat: list[float | int] = []
    for name in joints:
        x, y, v = joint_visibility(name, bones, p, owner, camera, buffer, mesh)
        flat += [x, y, v] if v else [0, 0, 0]
    return flat
