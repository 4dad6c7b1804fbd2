"""A second look at a person: mirrored and turned so that they stand upright, which networks know best.

Networks err otherwise in the mirror and upside down: the mean of both answers is nearer than either.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from labeltool.skeleton import Skeleton

#: What lies outside a crop: the middle grey.
_GREY = 127.0


def lean(uv: Tensor, skeleton: Skeleton) -> Tensor:
    """How far people are turned, clockwise from upright: (B,) radians, -pi to pi.

    It is the way from between the hips to between the shoulders, of the skeleton's torso; 0 where the skeleton has none, or where
    both are one place.

    Args:
        uv: (B, K, 2) joints, y downwards.
        skeleton: with the torso's ends and the flip pairs.
    """
    if skeleton.torso is None:
        return torch.zeros(len(uv), device=uv.device)
    order = skeleton.flip_order()
    shoulder, hip = (skeleton.index(joint) for joint in skeleton.torso)
    up = (uv[:, [shoulder, int(order[shoulder])]] - uv[:, [hip, int(order[hip])]]).mean(dim=1)
    return torch.atan2(up[:, 0], 0 - up[:, 1])  # 0 less 0 is 0, whereas -0 would be half a turn


def mirrored_upright(crops: Tensor, turned: Tensor) -> Tensor:
    """Crops of people who are turned by some angle, turned upright about the middle and then mirrored.

    Args:
        crops: (B, 3, S, S) values 0..255; beyond them all is grey.
        turned: (B,) radians.

    Returns:
        (B, 3, S, S) float, 0..255.
    """
    grid = functional.affine_grid(_to_crop(turned), list(crops.shape), align_corners=False)
    return functional.grid_sample(crops.float() - _GREY, grid, align_corners=False) + _GREY


def put_back(maps: Tensor, turned: Tensor, skeleton: Skeleton) -> Tensor:
    """The maps (B, K, h, h) of crops as they were, from those of `mirrored_upright`: turned back, left and right changed over."""
    grid = functional.affine_grid(_to_crop(turned), list(maps.shape), align_corners=False)
    shown = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    return shown[:, mirror_order(skeleton, maps.device)]


def mirror_order(skeleton: Skeleton, device: torch.device) -> Tensor:
    """`Skeleton.flip_order` as a tensor (K,) on a device."""
    return torch.from_numpy(np.ascontiguousarray(skeleton.flip_order())).to(device)


def _to_crop(turned: Tensor) -> Tensor:
    """For each angle the matrix (2, 3) that takes a place of the turned and mirrored crop to that of the crop, and back again."""
    cos, sin = torch.cos(turned), torch.sin(turned)
    rows = torch.stack([torch.stack([-cos, -sin], dim=1), torch.stack([-sin, cos], dim=1)], dim=1)
    return torch.cat([rows, torch.zeros(len(turned), 2, 1, device=turned.device)], dim=2)
