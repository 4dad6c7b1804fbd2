"""Which stages of DeepPose are to be trained, and what the command's options say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labeltool.errors import ModelError
from labeltool.models.cascade import RefinerConfig
from labeltool.models.deeppose import DeepPose, refiners_of
from labeltool.models.weights import read_checkpoint

#: How many stages there are, as published, where neither an option nor a checkpoint says it.
_STAGES = 3

#: The sides of the squares of stages 2, 3, ... over the torso diameter, likewise; the last one of all later stages.
_SIGMA = (2.2, 1.6)


@dataclass(frozen=True)
class Cascade:
    """What of DeepPose is to be trained, beside its skeleton.

    Attributes:
        refiners: stages 2, 3, ...; none for stage 1 alone.
        from_stage: the first stage to train; those before it come from the checkpoint to start from.
    """

    refiners: tuple[RefinerConfig, ...] = ()
    from_stage: int = 1

    @property
    def zoom(self) -> int:
        """How many times stage 1's resolution training crops must have."""
        return max((r.zoom for r in self.refiners), default=1)


def refiners_in(path: Path) -> tuple[RefinerConfig, ...] | None:
    """The refining stages that weights to start from hold; None where they are not of DeepPose.

    Raises:
        ModelError: the file is missing or damaged, or describes its stages wrongly.
    """
    if path.suffix != ".safetensors":
        return None
    checkpoint = read_checkpoint(path)
    if checkpoint.description.get("model") != DeepPose.name:
        return None
    return tuple(refiners_of(checkpoint))


def read_cascade(
    stages: str | None,
    sigma: str | None,
    *,
    look: str | None = None,
    per_joint: bool | None = None,
    from_stage: int = 1,
    backbone: str | None = None,
    start: Sequence[RefinerConfig] | None = None,
) -> Cascade:
    """What the options of the command ask for; what they do not say is as the checkpoint to start from has it.

    A stage that the checkpoint does not have is like its last one, its square no larger than the usual one.

    Args:
        stages: how many, as a number in text; None for those of `start`, where it has any before `from_stage`, else the
            published 3.
        sigma: the sides of the squares of stages 2, 3, ..., such as "2.2,1.6"; the last one is taken for all later stages. None
            for those of `start`, else 2.2 and 1.6.
        look: `features` or `photo`; None for that of `start`, else features.
        per_joint: one network a joint, which is not told joint and pose where it is new; None for what `start` has, else one
            for all joints.
        from_stage: see `Cascade`.
        backbone: what `photo` is looked at by; None for that of `start`, else resnet18.
        start: the refining stages of the checkpoint to start from; None where that is none of DeepPose.

    Raises:
        ModelError: one of them cannot be read.
    """
    try:
        count = _count(start, from_stage) if stages is None else int(stages)
    except ValueError:
        raise ModelError(f"--stages {stages!r}: expected a number of stages, such as 3") from None
    try:
        sides = None if sigma is None else [float(part) for part in sigma.split(",")]
    except ValueError:
        raise ModelError(f"--sigma {sigma!r}: expected numbers such as 2.2,1.6") from None
    if count < 1:
        raise ModelError(f"--stages {count}: expected at least 1")
    refiners: list[RefinerConfig] = []
    for place in range(count - 1):
        asked = None if sides is None else sides[min(place, len(sides) - 1)]
        refiners.append(_asked(_base(start or (), place), asked, look, per_joint, backbone))
    if not 1 <= from_stage <= count:
        raise ModelError(f"--from-stage {from_stage}: expected 1 to {count}, the stages there are to be")
    return Cascade(tuple(refiners), from_stage)


def _count(start: Sequence[RefinerConfig] | None, from_stage: int) -> int:
    """How many stages there are to be where no option says it."""
    if start is not None and from_stage <= 1 + len(start):
        return 1 + len(start)
    return max(_STAGES, from_stage)


def _base(start: Sequence[RefinerConfig], place: int) -> RefinerConfig:
    """A refining stage before the options change it."""
    if place < len(start):
        return start[place]
    usual = _SIGMA[min(place, len(_SIGMA) - 1)]
    if not start:
        return RefinerConfig(sigma=usual)
    return replace(start[-1], sigma=min(start[-1].sigma, usual))


def _asked(
    base: RefinerConfig, sigma: float | None, look: str | None, per_joint: bool | None, backbone: str | None
) -> RefinerConfig:
    """A refining stage as the options change it."""
    changed: dict[str, Any] = {}
    if sigma is not None:
        changed["sigma"] = sigma
    if look is not None:
        changed["source"] = look
    if per_joint is not None and per_joint != (base.sharing == "per-joint"):
        changed |= {"sharing": "per-joint", "told": False} if per_joint else {"sharing": "shared", "told": True}
    if backbone is not None and changed.get("source", base.source) == "photo":
        changed["backbone"] = backbone
    return replace(base, **changed)
