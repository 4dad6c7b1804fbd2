"""Training DeepPose, stage 1: mean squared error of the normalised joints, labelled joints only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labeltool.errors import ModelError
from labeltool.models.deeppose import CROP_SIZE, DeepPose, DeepPoseConfig, DeepPoseNetwork, certainty, load
from labeltool.models.topdown import autocast, to_input
from labeltool.models.weights import Checkpoint, add_description
from labeltool.skeleton import Skeleton
from labeltool.training.augment import PLAIN, batch
from labeltool.training.calibration import fit_logistic
from labeltool.training.loop import torso_ends
from labeltool.training.measuring import RIGHT_WITHIN
from labeltool.training.samples import Samples


@dataclass(frozen=True)
class DeepPoseTask:
    """DeepPose as `labeltool.training.loop.fit` trains it."""

    network: DeepPoseNetwork
    config: DeepPoseConfig

    size = CROP_SIZE

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""
        return self.config.skeleton

    @property
    def padding(self) -> float:
        """The crop's side over the longer side of the person's box."""
        return self.config.padding

    def objective(
        self, views: Tensor, target: Tensor, labelled: Tensor, taught: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Published loss x 100, error head and cell head together; the published loss is logged."""
        with autocast(views.device):
            joints, log_error, cells, _ = self.network.first(self._input(views))
        mse, likelihood = loss(joints, log_error, target, labelled)
        return 100 * mse + likelihood + cell_loss(cells, target, labelled), mse

    def joints(self, network: nn.Module, views: Tensor) -> Tensor:
        """The joints (B, K, 2) that a network regresses."""
        with autocast(views.device):
            joints: Tensor = network(self._input(views))[0]
        return joints

    def describe(self) -> Mapping[str, Any]:
        """What a checkpoint says of its network."""
        return {"model": DeepPose.name, "config": self.config.to_json()}

    def _input(self, views: Tensor) -> Tensor:
        return to_input(views, self.config)


def loss(joints: Tensor, log_error: Tensor, target: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
    """The published loss, and the likelihood of the error head.

    Args:
        joints: (B, K, 2) predicted, normalised.
        log_error: (B, K) log of the expected distance.
        target: (B, K, 2) labels, normalised.
        labelled: (B, K) bool.

    Returns:
        the mean of (y - y_hat)^2 over the coordinates of labelled joints (Toshev & Szegedy 2014, eq. 4; the lecture's
        1/(2k) sum (y - y_hat)^2), and the mean negative log-likelihood of the distances under an exponential distribution.
    """
    count = labelled.sum().clamp(min=1)
    squared = ((joints - target) ** 2).sum(dim=2)
    mse = (squared * labelled).sum() / (2 * count)
    distance = (squared.detach() + 1e-8).sqrt()
    likelihood = ((distance * torch.exp(-log_error) + log_error) * labelled).sum() / count
    return mse, likelihood


def cell_loss(logits: Tensor, target: Tensor, labelled: Tensor, spread: float = 0.7) -> Tensor:
    """Cross-entropy of the cell that holds each labelled joint, against a Gaussian about it.

    Args:
        logits: (B, K, h, w) over the cells of the crop.
        target: (B, K, 2) labels, normalised.
        labelled: (B, K) bool.
        spread: standard deviation of the Gaussian, in cells.
    """
    entropy = cell_entropy(torch.log_softmax(logits.flatten(2), dim=2).view_as(logits), target, spread)
    return mean_over(entropy, labelled)


def mean_over(entropy: Tensor, labelled: Tensor) -> Tensor:
    """The mean of (B, K) values over the labelled joints; 0 where there are none."""
    return (entropy * labelled).sum() / labelled.sum().clamp(min=1)


def cell_entropy(log_chances: Tensor, target: Tensor, spread: float) -> Tensor:
    """Cross-entropy (B, K) of log chances (B, K, h, w) of the cells against a Gaussian about each label (see `cell_loss`)."""
    height, width = log_chances.shape[2:]
    x = (torch.arange(width, device=log_chances.device) + 0.5) / width - 0.5
    y = (torch.arange(height, device=log_chances.device) + 0.5) / height - 0.5
    far_x = ((target[..., 0, None] - x) * width) ** 2
    far_y = ((target[..., 1, None] - y) * height) ** 2
    # the Gaussian is a product, so its softmax over the plane is that of the rows times that of the columns
    wanted_x = torch.softmax(-far_x / (2 * spread**2), dim=2)
    wanted_y = torch.softmax(-far_y / (2 * spread**2), dim=2)
    return -torch.einsum("bkhw,bkh,bkw->bk", log_chances, wanted_y, wanted_x)


def initialise(network: nn.Module, checkpoint: Checkpoint) -> None:
    """Puts a checkpoint's tensors into a network: those of a whole network of its kind, or of its backbone alone.

    Tensors of another shape (another skeleton's last layers) are left as they are.

    Raises:
        ModelError: the tensors hold no backbone that fits.
    """
    own = network.state_dict()
    fits = {k: t for k, t in checkpoint.tensors.items() if k in own and own[k].shape == t.shape}
    if not fits:
        prefixed = {f"backbone.{k}": t for k, t in checkpoint.tensors.items()}
        fits = {k: t for k, t in prefixed.items() if k in own and own[k].shape == t.shape}
    # how many batches a normalisation saw is not in torchvision's older files, and nothing depends on it
    missing = [n for n in own if n.startswith("backbone.") and n not in fits and not n.endswith("num_batches_tracked")]
    if missing:
        name = missing[0]
        given = checkpoint.tensors.get(name, checkpoint.tensors.get(name.removeprefix("backbone.")))
        what = "is missing" if given is None else f"has the shape {list(given.shape)} and not {list(own[name].shape)}"
        raise ModelError(f"{checkpoint.path}: tensor {name!r} {what}, expected the backbone's weights")
    network.load_state_dict(fits, strict=False)


def calibrate_deeppose(path: Path, samples: Samples) -> None:
    """Fits the confidence of a DeepPose checkpoint on people that were not trained on, and writes it into its description.

    A joint is right when it lies within 0.2 of the labelled torso's diameter; people without a torso do not count.

    Raises:
        ModelError: the checkpoint is damaged or cannot be written, or nobody has the torso's ends labelled.
    """
    model = load(path, "cpu")
    a, b = torso_ends(model.skeleton, samples)
    found = []
    for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
        views, target, labelled = batch(
            samples,
            rows,
            model.skeleton,
            size=model.size,
            padding=model.config.padding,
            augmentation=PLAIN,
            generator=torch.Generator(),
        )
        with torch.inference_mode(), autocast(views.device):
            joints, log_error = model.network(to_input(views, model.config))
        x = certainty(joints.double().numpy(), log_error.double().numpy(), model.skeleton)
        torso = (target[:, a] - target[:, b]).norm(dim=1)
        right = (joints - target).norm(dim=2) <= RIGHT_WITHIN * torso[:, None]
        counted = labelled & (labelled[:, a] & labelled[:, b])[:, None]
        found.append((x, right.numpy(), counted.numpy()))
    fitted = fit_logistic(*(np.concatenate(part) for part in zip(*found, strict=True)))
    config = replace(model.config, slope=fitted.slopes[0], offsets=fitted.offsets)
    add_description(path, {"config": config.to_json()})
