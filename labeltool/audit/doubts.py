"""What in the labels makes an audit's numbers doubtful: the defects that no metric can see and every metric suffers from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltool.audit.oks import Scale
from labeltool.audit.people import Labels

#: Area over box area below which an area cannot be the person's: people of COCO have .23 and more.
SMALLEST_FILL = 0.05


@dataclass(frozen=True)
class Doubts:
    """Counts of doubtful labels; they add up with `+`.

    Attributes:
        tiny_areas: labelled people whose area is below a twentieth of their box: their OKS is near 0 whatever a model says.
        twins: labelled people whose joints equal those of an earlier person of the image: one of the two counts as missed.
    """

    tiny_areas: int
    twins: int

    def __add__(self, other: Doubts) -> Doubts:
        return Doubts(self.tiny_areas + other.tiny_areas, self.twins + other.twins)

    def notes(self) -> tuple[str, ...]:
        """One line for each kind of doubt there is."""
        notes = []
        if self.tiny_areas:
            notes.append(
                f"labelled people with an area below {SMALLEST_FILL:.0%} of their box: {self.tiny_areas}."
                " Their OKS is near 0 whatever the model says; labeltool validate names them."
            )
        if self.twins:
            notes.append(
                f"labelled people who stand twice, joint for joint, in an image: {self.twins}."
                " AP counts one of each two as missed; labeltool validate names them."
            )
        return tuple(notes)


def count_doubts(labels: Labels, scale: Scale = "area") -> Doubts:
    """How many labels are doubtful; the area only where the OKS is scaled by it."""
    people = labels.people
    with np.errstate(invalid="ignore"):
        tiny = people & (labels.area < SMALLEST_FILL * labels.box[:, 2] * labels.box[:, 3])
    return Doubts(int(tiny.sum()) if scale == "area" else 0, _twins(labels))


def _twins(labels: Labels) -> int:
    rows = np.flatnonzero(labels.people)
    # Twins share their first labelled joint, so they come to lie side by side.
    x, y = labels.xy[rows, labels.labelled[rows].argmax(axis=1)].T
    order = np.lexsort((y, x, labels.image[rows]))
    near = (np.diff(labels.image[rows[order]]) == 0) & (np.diff(x[order]) == 0) & (np.diff(y[order]) == 0)
    before, after = rows[order[:-1][near]], rows[order[1:][near]]
    apart = (labels.xy[before] != labels.xy[after]).any(axis=2) & labels.labelled[before]
    return int((~apart.any(axis=1) & (labels.v[before] == labels.v[after]).all(axis=1)).sum())
