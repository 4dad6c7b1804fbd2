"""How much AP would rise if one kind of error were fixed and everything else stayed as it is.

Source: Ronchi & Perona (ICCV 2017), section 4.1 and figure 5, with COCO's k = 2 sigma throughout (the published code places its
corrected joints by sigma alone, which makes them nearer than the ks it aims at).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labeltool.audit.average_precision import AveragePrecision, DetectionCounts, count_detections
from labeltool.audit.diagnosis import GOOD_KS, INVERSION, JITTER, KINDS, MISS, NEAR_KS, NO_KIND, SWAP, Diagnosis
from labeltool.audit.matching import NO_DETECTION
from labeltool.audit.oks import Pairs, Scale, oks_of_pairs, squared_scale
from labeltool.audit.people import BoolArray, Detections, FloatArray, IntArray, Labels
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: What can be fixed: four kinds of joint errors, then detections, then people.
FIXES = ("jitter", "inversion", "swap", "miss", "background", "person_missed")


@dataclass(frozen=True, eq=False)
class CorrectionCounts:
    """Detections as they are and after each fix; counts of different images add up with `+`.

    Attributes:
        before: hits and misses of the detections as they are.
        after: the same with one kind of error fixed, by the names of `FIXES`.
    """

    before: DetectionCounts
    after: Mapping[str, DetectionCounts]

    def __add__(self, other: CorrectionCounts) -> CorrectionCounts:
        if list(self.after) != list(other.after):
            raise AuditError("counts of other corrections, expected the same to add them")
        return CorrectionCounts(
            self.before + other.before, {name: counts + other.after[name] for name, counts in self.after.items()}
        )

    def fixed(self) -> dict[str, AveragePrecision]:
        """COCO's ten numbers after each fix."""
        return {name: counts.summary() for name, counts in self.after.items()}

    def gains(self) -> dict[str, float]:
        """By how much AP rises with each fix; 0 where there is nobody to find."""
        before = self.before.summary().AP
        return {name: numbers.AP - before for name, numbers in self.fixed().items()}


def count_corrections(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    pairs: Pairs,
    diagnosis: Diagnosis,
    *,
    scale: Scale = "area",
) -> CorrectionCounts:
    """Hits and misses after each fix, one kind at a time.

    - **jitter** moves to a ks of .85 of its own label, **miss** to .5: the least that would not have been that error.
    - **inversion** and **swap** keep the ks that they have at the wrong joint, now at the right one.
    - **background** detections vanish. **Missed people** vanish from those to be found.
    - The fixed detections are matched anew; gains of different fixes do not add up.

    Args:
        labels: all labels of these images.
        detections: all detections of these images.
        skeleton: the joints' sigmas.
        pairs: `all_pairs` of the two.
        diagnosis: `diagnose` of the two.
        scale: what s is.
    """
    after = {}
    for kind, ks in ((JITTER, GOOD_KS), (INVERSION, None), (SWAP, None), (MISS, NEAR_KS)):
        rows = np.flatnonzero((diagnosis.kind == kind).any(axis=1))
        moved = _moved(labels, detections, skeleton, diagnosis, rows, kind, ks, scale)
        touched = np.flatnonzero(np.isin(pairs.detection, diagnosis.speaks[rows]))
        oks = pairs.oks.copy()
        oks[touched] = oks_of_pairs(
            labels, moved, pairs.label[touched], pairs.detection[touched], skeleton.sigmas, scale
        )
        after[KINDS[kind]] = count_detections(labels, moved, replace(pairs, oks=oks))
    real = ~diagnosis.background
    after["background"] = count_detections(
        labels, detections.take(real), _renumbered(pairs.take(real[pairs.detection]), detection=real)
    )
    met = ~diagnosis.missed
    after["person_missed"] = count_detections(
        labels.take(met), detections, _renumbered(pairs.take(met[pairs.label]), label=met)
    )
    return CorrectionCounts(count_detections(labels, detections, pairs), after)


def _moved(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    diagnosis: Diagnosis,
    rows: IntArray,
    kind: int,
    ks: float | None,
    scale: Scale,
) -> Detections:
    """The detections with the joints of a kind put so far to the right of their labels as gives them the ks."""
    spoken = diagnosis.speaks[rows]
    if (spoken == NO_DETECTION).any() or kind == NO_KIND:
        raise AuditError("joints of people without a detection, expected those of matched people")
    wrong = diagnosis.kind[rows] == kind
    # The hair more keeps a fixed joint on the right side of the threshold after rounding.
    wanted = np.full(wrong.shape, ks + 1e-9) if ks is not None else np.where(wrong, diagnosis.ks[rows], 1.0)
    target = labels.xy[rows].copy()
    target[:, :, 0] += _distance(wanted, squared_scale(labels, scale)[rows], np.array(skeleton.sigmas))
    xy, predicted = detections.xy.copy(), detections.predicted.copy()
    xy[spoken] = np.where(wrong[:, :, None], target, xy[spoken])
    predicted[spoken] |= wrong
    return replace(detections, xy=xy, predicted=predicted)


def _distance(ks: FloatArray, scale2: FloatArray, sigmas: FloatArray) -> FloatArray:
    """The distance at which a joint has a ks: the formula of the ks solved for d, (P, K) pixels."""
    return np.asarray(np.sqrt(-2 * np.log(ks) * scale2[:, None]) * (2 * sigmas), dtype=np.float64)


def _renumbered(pairs: Pairs, **kept: BoolArray) -> Pairs:
    """Pairs whose rows count only the kept labels or detections."""
    return replace(pairs, **{name: (np.cumsum(mask) - 1)[getattr(pairs, name)] for name, mask in kept.items()})
