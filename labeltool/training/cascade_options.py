"""Which stages of DeepPose are to be trained, and what the command's options say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labeltool.errors import ModelError
from labeltool.models.cascade import RefinerConfig


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


def read_cascade(
    stages: str | None,
    sigma: str,
    *,
    look: str = "features",
    per_joint: bool = False,
    from_stage: int = 1,
    backbone: str | None = None,
) -> Cascade:
    """What the options of the command ask for.

    Args:
        stages: how many, as a number in text; None for the published 3.
        sigma: the sides of the squares of stages 2, 3, ..., such as "2.2,1.6"; the last one is taken for all later stages.
        look: `features` or `photo`.
        per_joint: one network a joint.
        from_stage: see `Cascade`.
        backbone: what `photo` is looked at by; None for resnet18.

    Raises:
        ModelError: one of them cannot be read.
    """
    try:
        count = 3 if stages is None else int(stages)
    except ValueError:
        raise ModelError(f"--stages {stages!r}: expected a number of stages, such as 3") from None
    try:
        sides = [float(part) for part in sigma.split(",")]
    except ValueError:
        raise ModelError(f"--sigma {sigma!r}: expected numbers such as 2.2,1.6") from None
    if count < 1:
        raise ModelError(f"--stages {count}: expected at least 1")
    plain: dict[str, Any] = {"source": look, "sharing": "per-joint" if per_joint else "shared"}
    if look == "photo" and backbone is not None:
        plain["backbone"] = backbone
    refiners = tuple(RefinerConfig(sigma=sides[min(s, len(sides) - 1)], **plain) for s in range(count - 1))
    if not 1 <= from_stage <= count:
        raise ModelError(f"--from-stage {from_stage}: expected 1 to {count}, the stages there are to be")
    return Cascade(refiners, from_stage)
