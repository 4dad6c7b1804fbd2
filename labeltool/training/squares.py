"""Squares that a refining stage of DeepPose learns from, displaced as the stage before displaces them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from labeltool.errors import ModelError
from labeltool.models.cascade import RefiningStage, diameters
from labeltool.skeleton import Skeleton


@dataclass(frozen=True)
class ObservedErrors:
    """How far off estimates are: by joint the mean and covariance of (estimate - label) / diam(estimate).

    Attributes:
        mean: (K, 2) float.
        covariance: (K, 2, 2) float.
    """

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, pose: Tensor, target: Tensor, labelled: Tensor, skeleton: Skeleton) -> Self:
        """The errors of N estimates (Toshev & Szegedy 2014, section 3.2).

        A joint that fewer than two people have labelled gets the errors of all joints together.

        Args:
            pose: (N, K, 2) estimates.
            target: (N, K, 2) labels.
            labelled: (N, K) bool, the joints that count.
            skeleton: for diam(y).

        Raises:
            ModelError: fewer than two joints are labelled in all.
        """
        error = ((pose - target) / diameters(pose, skeleton)[:, None, None]).double()
        every = error[labelled]
        if len(every) < 2:
            raise ModelError(f"training: {len(every)} labelled joints, expected at least 2 to observe errors")
        means, covariances = [], []
        for k in range(len(skeleton)):
            own = error[labelled[:, k], k]
            rows = own if len(own) > 1 else every
            means.append(rows.mean(dim=0))
            covariances.append(torch.cov(rows.T) + 1e-6 * torch.eye(2))
        return cls(torch.stack(means).float(), torch.stack(covariances).float())

    def draw(self, joint: Tensor) -> Tensor:
        """Random errors of joints, in diameters: (B, J) int64 -> (B, J, 2)."""
        at = joint.cpu()
        spread = torch.linalg.cholesky(self.covariance)[at]
        errors: Tensor = self.mean[at] + (spread @ torch.randn(*joint.shape, 2, 1))[..., 0]
        return errors.to(joint.device)

    def to_json(self, skeleton: Skeleton) -> dict[str, Any]:
        """By joint: the mean error and its covariance, in diameters."""
        return {
            joint: {
                "mean": [round(float(v), 4) for v in mean],
                "covariance": [[round(float(v), 6) for v in row] for row in covariance],
            }
            for joint, mean, covariance in zip(skeleton.joints, self.mean, self.covariance, strict=True)
        }


class Squares(NamedTuple):
    """Squares to learn from, J of each of B people.

    Attributes:
        centre: (B, J, 2) in the coordinates of the view.
        side: (B, J).
        joint: (B, J) int64, which joint each is of.
        wanted: (B, J, 2) the label, normalised by the square.
        counted: (B, J) bool: labelled, and inside the square.
    """

    centre: Tensor
    side: Tensor
    joint: Tensor
    wanted: Tensor
    counted: Tensor


def draw_squares(
    stage: RefiningStage,
    errors: ObservedErrors,
    pose: Tensor,
    target: Tensor,
    labelled: Tensor,
    *,
    joints: int,
    own: float,
) -> Squares:
    """Squares of random joints, displaced as the stage before displaces them, by torch's own chance.

    Args:
        stage: whose squares.
        errors: of the stage before.
        pose: (B, K, 2) its estimates of these people; they give the side.
        target: (B, K, 2) labels.
        labelled: (B, K) bool.
        joints: J, how many joints of each person; where there is one network a joint, the same of everybody.
        own: share of the squares that are centred on the estimate itself; the others on the label plus a drawn error.
    """
    count, every = labelled.shape
    lots = torch.rand(count if stage.config.sharing == "shared" else 1, every)
    joint = lots.argsort(dim=1)[:, : min(joints, every)].expand(count, -1).to(pose.device)
    pick = joint[..., None].expand(-1, -1, 2)
    side = stage.sides(pose)[:, None].expand(joint.shape)
    estimated, wanted = pose.gather(1, pick), target.gather(1, pick)
    drawn = wanted + errors.draw(joint) * (side / stage.config.sigma)[..., None]
    centre = torch.where((torch.rand(joint.shape) < own)[..., None].to(pose.device), estimated, drawn)
    inside = (wanted - centre) / side[..., None]
    counted = labelled.gather(1, joint) & (inside.abs() <= 0.5).all(dim=2)
    return Squares(centre, side, joint, inside, counted)
