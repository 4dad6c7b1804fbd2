"""Training DeepPose, stage 1: mean squared error of the normalised joints, labelled joints only."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from labeltool.errors import ModelError
from labeltool.files import atomic_write
from labeltool.models.deeppose import CROP_SIZE, DeepPoseConfig, DeepPoseNetwork, to_input
from labeltool.models.weights import Checkpoint, read_checkpoint, write_checkpoint
from labeltool.training.augment import PLAIN, Augmentation, batch
from labeltool.training.samples import Samples


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training people.
        batch: people a step.
        rate: the highest learning rate of the one-cycle schedule.
        decay: AdamW's weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        seed: of every random choice.
        augmentation: how training views vary.
    """

    epochs: int = 12
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.995
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the run: up on a line for the first 15 %, then down a cosine to 0."""
        if progress < 0.15:
            return self.rate * (0.04 + 0.96 * progress / 0.15)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - 0.15) / 0.85))


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


def cell_loss(logits: Tensor, target: Tensor, labelled: Tensor) -> Tensor:
    """Cross-entropy of the cell that holds each labelled joint, against a Gaussian of 0.7 cells about it.

    Args:
        logits: (B, K, h, w) over the cells of the crop.
        target: (B, K, 2) labels, normalised.
        labelled: (B, K) bool.
    """
    height, width = logits.shape[2:]
    x = (torch.arange(width) + 0.5) / width - 0.5
    y = (torch.arange(height) + 0.5) / height - 0.5
    far = ((target[..., None, None, 0] - x) * width) ** 2 + ((target[..., None, None, 1] - y[:, None]) * height) ** 2
    wanted = torch.softmax((-far / (2 * 0.7**2)).flatten(2), dim=2)
    entropy = -(wanted * torch.log_softmax(logits.flatten(2), dim=2)).sum(dim=2)
    return (entropy * labelled).sum() / labelled.sum().clamp(min=1)


def train(
    out: Path,
    training: Samples,
    validation: Samples,
    config: DeepPoseConfig,
    schedule: Schedule,
    *,
    init: Path | None = None,
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Path:
    """Trains a network and returns the path of its best checkpoint, `best.safetensors`.

    Every epoch ends with a checkpoint of the whole state in `out`; a run that was stopped goes on from there when it is started
    again with the same arguments. `curve.csv` has one row an epoch.

    Args:
        out: folder for checkpoints and the curve; made when missing.
        training: the people to learn from.
        validation: the people to choose the best epoch by (PDJ at 0.2).
        config: the network.
        schedule: how to train.
        init: a safetensors file whose tensors are put into the backbone, or into the network when it is a checkpoint of one.
        version: written into the checkpoint.
        about: more to write into the checkpoint's description (data, hashes, licence).
        quiet: show no progress bars.

    Raises:
        ModelError: `init` does not fit, or the loss is no longer a number.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(schedule.seed)
    network = DeepPoseNetwork(config)
    if init is not None:
        initialise(network, read_checkpoint(init))
    network = network.to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.average), use_buffers=True)  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    steps = math.ceil(len(training) / schedule.batch)
    state = _State(network, average, optimiser)
    start, best = state.resume(out) if (out / "state.json").exists() else (0, -1.0)

    for epoch in range(start, schedule.epochs):
        chance = torch.Generator().manual_seed(schedule.seed * 100_003 + epoch)
        torch.manual_seed(schedule.seed * 100_003 + epoch)
        network.train()
        total = 0.0
        order = torch.randperm(len(training), generator=chance).split(schedule.batch)  # type: ignore[no-untyped-call]
        for done, rows in enumerate(
            tqdm(order, desc=f"epoch {epoch + 1}/{schedule.epochs}", unit="step", disable=quiet)
        ):
            views, target, labelled = batch(
                training,
                rows,
                config.skeleton,
                size=CROP_SIZE,
                padding=config.padding,
                augmentation=schedule.augmentation,
                generator=chance,
            )
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16()):
                joints, log_error, cells = network.forward_with_cells(to_input(views, config))
            mse, likelihood = loss(joints, log_error, target, labelled)
            objective = 100 * mse + likelihood + cell_loss(cells, target, labelled)
            if not torch.isfinite(objective):
                raise ModelError(f"training: the loss is {objective.item()} in epoch {epoch + 1}, expected a number")
            optimiser.zero_grad(set_to_none=True)
            objective.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at((epoch + done / steps) / schedule.epochs)
            optimiser.step()
            average.update_parameters(network)
            total += mse.item() * len(rows)
        score = detection_rate(average.module, validation, config)
        _log(out / "curve.csv", {"epoch": epoch + 1, "mse": total / len(training), "pdj@0.2": score})
        if score > best:
            best = score
            description = {
                "model": "deeppose",
                "version": version,
                "config": config.to_json(),
                "schedule": asdict(schedule),
                "epoch": epoch + 1,
                "validation": {"people": len(validation), "pdj@0.2": score},
                **(about or {}),
            }
            write_checkpoint(out / "best.safetensors", average.module.state_dict(), description, half=True)
        state.save(out, epoch + 1, best)
        if not quiet:
            tqdm.write(f"epoch {epoch + 1}: mse {total / len(training):.5f}, validation PDJ@0.2 {score:.4f}")
    return out / "best.safetensors"


def detection_rate(network: torch.nn.Module, samples: Samples, config: DeepPoseConfig, threshold: float = 0.2) -> float:
    """PDJ at a threshold over people whose torso ends are labelled, plain crops, as a share of their labelled joints."""
    if config.skeleton.torso is None:
        raise ModelError(f"skeleton {config.skeleton.name!r}: no torso ends, expected them to measure PDJ")
    a, b = (config.skeleton.index(j) for j in config.skeleton.torso)
    network.eval()
    detected = counted = 0
    with torch.inference_mode():
        for rows in torch.arange(len(samples)).split(64):  # type: ignore[no-untyped-call]
            views, target, labelled = batch(
                samples,
                rows,
                config.skeleton,
                size=CROP_SIZE,
                padding=config.padding,
                augmentation=PLAIN,
                generator=torch.Generator(),
            )
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16()):
                joints, _ = network(to_input(views, config))
            torso = (target[:, a] - target[:, b]).norm(dim=1)
            whole = labelled[:, a] & labelled[:, b]
            hit = (joints - target).norm(dim=2) <= threshold * torso[:, None]
            detected += int((hit & labelled)[whole].sum())
            counted += int(labelled[whole].sum())
    return detected / max(counted, 1)


def initialise(network: DeepPoseNetwork, checkpoint: Checkpoint) -> None:
    """Puts a checkpoint's tensors into a network: a whole DeepPose network, or the backbone alone.

    Raises:
        ModelError: the tensors are those of neither.
    """
    tensors = dict(checkpoint.tensors)
    if "joints.weight" in tensors:
        tensors = {k: t for k, t in tensors.items() if network.state_dict().get(k, t).shape == t.shape}
        missing = network.load_state_dict(tensors, strict=False).missing_keys
        missing = [name for name in missing if not name.startswith(("joints.", "error."))]
    else:
        missing = network.backbone.load_state_dict(tensors, strict=False).missing_keys
    if missing:
        raise ModelError(f"{checkpoint.path}: tensor {missing[0]!r} is missing, expected the backbone's weights")


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware, so that autocast to it pays."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _log(path: Path, row: Mapping[str, float]) -> None:
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


class _State:
    """Everything a run needs to go on: weights, their average, the optimiser and the epoch, as safetensors and JSON."""

    def __init__(
        self,
        network: torch.nn.Module,
        average: AveragedModel,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        self._modules = {"network": network, "average": average}
        self._optimiser = optimiser

    def save(self, out: Path, epoch: int, best: float) -> None:
        tensors = {f"{part}/{k}": t for part, m in self._modules.items() for k, t in m.state_dict().items()}
        for index, values in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{key}": torch.as_tensor(value) for key, value in values.items()}
        name = f"state-{epoch % 2}.safetensors"
        write_checkpoint(out / name, tensors, {})
        plain = {"epoch": epoch, "best": best, "tensors": name}
        with atomic_write(out / "state.json") as file:
            file.write(json.dumps(plain).encode())

    def resume(self, out: Path) -> tuple[int, float]:
        plain = json.loads((out / "state.json").read_text())
        tensors = load_tensors((out / plain["tensors"]).read_bytes())
        for part, module in self._modules.items():
            module.load_state_dict({k.split("/", 1)[1]: t for k, t in tensors.items() if k.startswith(f"{part}/")})
        own = self._optimiser.state_dict()
        entries: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser/"):
                _, index, key = name.split("/")
                entries.setdefault(int(index), {})[key] = tensor
        self._optimiser.load_state_dict({"state": entries, "param_groups": own["param_groups"]})
        return int(plain["epoch"]), float(plain["best"])
