"""Random views of training people: turned, scaled, shifted, mirrored, tinted and partly covered, a batch at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from labeltool.skeleton import Skeleton
from labeltool.training.samples import Samples


@dataclass(frozen=True)
class Augmentation:
    """How far a training view may differ from the plain crop.

    Attributes:
        rotation: up to so many degrees either way.
        rotated: share of the people that are turned so.
        full_circle: share of the people that are turned by any angle instead, for athletes upside down.
        scale: the crop's side is divided by a factor between 1 / scale and scale.
        shift: the crop is moved by up to this share of its side, each way.
        flip: share of the people that are mirrored, left joints becoming right ones.
        tint: brightness and contrast vary by up to this share.
        occlusion: share of the people of whom a piece is covered by a piece of another view; joints under it stay labelled.
    """

    rotation: float = 45.0
    rotated: float = 0.7
    full_circle: float = 0.1
    scale: float = 1.3
    shift: float = 0.08
    flip: float = 0.5
    tint: float = 0.25
    occlusion: float = 0.3


#: The crop as it is, for validation.
PLAIN = Augmentation(rotation=0, rotated=0, full_circle=0, scale=1, shift=0, flip=0, tint=0, occlusion=0)


def batch(
    samples: Samples,
    rows: Tensor,
    skeleton: Skeleton,
    *,
    size: int,
    padding: float,
    augmentation: Augmentation,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """One view of each of the people.

    Args:
        samples: where from.
        rows: (B,) int64, which people.
        skeleton: for the left/right pairs.
        size: the side of the views.
        padding: the side of the views over the longer side of the person's box.
        augmentation: how the views vary.
        generator: the source of chance.

    Returns:
        views (B, 3, size, size) float 0..255; joints (B, K, 2) normalised by the view, N(y; b), in -0.5..0.5 inside it; labelled
        (B, K) bool, for joints with v > 0 that lie within the view.
    """
    index = rows.numpy()
    crops = torch.from_numpy(samples.crops[index]).permute(0, 3, 1, 2).float()
    xy = torch.from_numpy(samples.xy[index])
    labelled = torch.from_numpy(samples.v[index] > 0)
    kept = crops.shape[-1]
    count = len(rows)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle = uniform(-1, 1) * math.radians(augmentation.rotation) * (uniform(0, 1) < augmentation.rotated)
    angle = torch.where(uniform(0, 1) < augmentation.full_circle, uniform(-1, 1) * math.pi, angle)
    zoom = torch.exp(uniform(-1, 1) * math.log(augmentation.scale))
    side = torch.from_numpy(samples.box_side[index]) * padding / zoom
    centre = (kept - 1) / 2 + torch.stack([uniform(-1, 1), uniform(-1, 1)], 1) * (augmentation.shift * side)[:, None]
    mirror = torch.where(uniform(0, 1) < augmentation.flip, -1.0, 1.0)

    # view coordinates n in [-0.5, 0.5]^2 -> crop pixels: centre + side * R(angle) diag(mirror, 1) n
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = (
        torch.stack([torch.stack([cos * mirror, -sin], 1), torch.stack([sin * mirror, cos], 1)], 1)
        * side[:, None, None]
    )
    grid_matrix = matrix / kept
    offset = ((centre + 0.5) / kept * 2 - 1)[:, :, None]
    theta = torch.cat([grid_matrix, offset], dim=2)
    grid = functional.affine_grid(theta, [count, 3, size, size], align_corners=False)
    views = (
        functional.grid_sample(crops - 127.0, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + 127.0
    )

    joints = torch.linalg.solve(matrix, (xy - centre[:, None]).transpose(1, 2)).transpose(1, 2)
    order = torch.from_numpy(np.ascontiguousarray(skeleton.flip_order()))
    flipped = mirror < 0
    joints[flipped] = joints[flipped][:, order]
    labelled[flipped] = labelled[flipped][:, order]
    labelled &= (joints.abs() <= 0.55).all(dim=2)

    if augmentation.tint > 0:
        gain = 1 + uniform(-1, 1) * augmentation.tint
        lift = uniform(-1, 1) * augmentation.tint * 127
        cast = (torch.rand(count, 3, generator=generator) - 0.5) * augmentation.tint * 60
        views = (
            (views - 127) * gain[:, None, None, None] + 127 + lift[:, None, None, None] + cast[:, :, None, None]
        ).clamp(0, 255)
    if augmentation.occlusion > 0:
        views = _cover(views, augmentation.occlusion, generator)
    return views, joints, labelled


def _cover(views: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Views of which a share has a rectangle, 0.1 to 0.35 of each side, replaced by the same place of the view before it."""
    count, size = len(views), views.shape[-1]
    chosen = torch.rand(count, generator=generator) < share
    sides = torch.rand(count, 2, generator=generator) * 0.25 + 0.1
    corners = (torch.rand(count, 2, generator=generator) * (1 - sides)).mul(size).long()
    ends = corners + (sides * size).long()
    along = torch.arange(size)
    inside = (along >= corners[..., None]) & (along < ends[..., None])
    covered = (inside[:, 1, :, None] & inside[:, 0, None, :] & chosen[:, None, None])[:, None]
    return torch.where(covered, views.roll(1, 0), views)
