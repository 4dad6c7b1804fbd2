"""What each stage of a cascade gains: detection rates over thresholds, and paired intervals of the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from labeltool.audit.bootstrap import Difference, compare
from labeltool.audit.by_image import OVERALL, Name, sum_images
from labeltool.audit.pdj import CURVE_THRESHOLDS, PdjCounts, Torso, count_pdj
from labeltool.audit.people import Detections, FloatArray, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class StageGains:
    """The stages of one model on the same people.

    Attributes:
        counts: PDJ after each stage.
        gains: PDJ after stage s + 1 against stage s, joint by joint and overall; one fewer than there are stages.
        threshold: of the gains.
    """

    counts: tuple[PdjCounts, ...]
    gains: tuple[dict[Name, Difference], ...]
    threshold: float

    def overall(self, stage: int) -> Difference:
        """What a stage (from 2) gains over the one before, all joints together."""
        return self.gains[stage - 2][(f"pdj@{self.threshold:g}", OVERALL)]

    def curve(self) -> list[dict[str, float]]:
        """The detection-rate curves as rows: stage, threshold, pdj."""
        return [
            {"stage": stage, "threshold": t, "pdj": float(rate)}
            for stage, counts in enumerate(self.counts, 1)
            for t, rate in zip(counts.thresholds, counts.overall(), strict=True)
        ]


def stage_gains(
    labels: Labels,
    poses: Sequence[FloatArray],
    skeleton: Skeleton,
    *,
    threshold: float = 0.2,
    torso: Torso = "left_shoulder-right_hip",
    replicates: int = 1000,
    seed: int = 0,
) -> StageGains:
    """Detection rates after each stage, and by how much each exceeds the one before.

    - **Rates** are PDJ (see `labeltool.audit.pdj`) at t = 0, 0.01 .. 0.50.
    - **Intervals** are 95 %, of a bootstrap that draws images and measures both stages on the same ones (`compare`).
    - **Tie of person and pose**: each pose speaks for its own label; nothing is matched by OKS.

    Args:
        labels: N people.
        poses: for each stage (N, K, 2) joints, image pixels.
        skeleton: joints and torso ends.
        threshold: of the gains.
        torso: how the diameter is taken.
        replicates: samples drawn.
        seed: of the draws.

    Raises:
        AuditError: no stage, or poses of other shapes than the labels.
    """
    if not poses:
        raise AuditError("no stage, expected the poses after at least one")
    sums = [
        sum_images(
            labels,
            Detections.of(labels.image, np.asarray(xy), np.ones(len(labels)), person=labels.person),
            skeleton,
            torso=torso,
            threshold=threshold,
            with_ap=False,
        )
        for xy in poses
    ]
    return StageGains(
        tuple(count_pdj(labels, xy, skeleton, torso=torso, thresholds=CURVE_THRESHOLDS) for xy in poses),
        tuple(compare(later, before, replicates=replicates, seed=seed) for before, later in pairwise(sums)),
        threshold,
    )
