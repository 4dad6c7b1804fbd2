"""What the Stats page shows, worked out from a project's labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeltool.dataset.stats import Gathering, Spread, Stats, measure
from labeltool.project import Project


@dataclass(frozen=True, eq=False)
class Counted:
    """The numbers of the labelled photos of a project.

    Attributes:
        stats: of the people on photos where somebody is labelled.
        sides: (N,) the longer side of each person's box, pixels.
        photos: photos in the project, of the statuses asked for.
    """

    stats: Stats
    sides: NDArray[np.float64]
    photos: int


def count(project: Project, statuses: Collection[str] = ()) -> Counted:
    """The numbers of the photos where somebody is labelled, crowds and mere predictions left out.

    Args:
        project: the project.
        statuses: only photos of these; none for all.
    """
    labels = project.label_arrays()
    _, status = project.image_names()
    sizes = project.image_sizes()
    wanted = {number for number, name in status.items() if not statuses or name in statuses}
    kept = np.isin(labels.image, np.fromiter(wanted, dtype=np.int64, count=len(wanted)))
    images, index = np.unique(labels.image[kept], return_inverse=True)
    single = ~labels.crowd[kept]
    keypoints = labels.keypoints[kept][single]
    boxes = labels.box[kept][single]
    table = np.array([sizes[number] for number in images.tolist()], dtype=np.float64).reshape(-1, 2)
    people = Gathering(
        skeleton=project.skeleton,
        images=index[single],
        xy=keypoints[:, :, :2],
        v=keypoints[:, :, 2].astype(np.int64),
        boxes=boxes,
        areas=labels.area[kept][single],
        widths=table[:, 0],
        heights=table[:, 1],
        crowds=int((~single).sum()),
    )
    return Counted(measure(people), np.maximum(boxes[:, 2], boxes[:, 3]), len(wanted))


def joint_table(found: Stats) -> pd.DataFrame:
    """Joints as rows: people with it visible, hidden, not labelled, and the shares that people ask for."""
    absent, hidden, visible = (np.array([flags[k] for flags in found.flags.values()]) for k in range(3))
    labelled = hidden + visible
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "Joint": [joint.replace("_", " ") for joint in found.flags],
                "Visible": visible,
                "Hidden": hidden,
                "Not labelled": absent,
                "Labelled, of all": labelled / found.people,
                "Hidden, of labelled": hidden / labelled,
            }
        )


def size_table(found: Stats) -> pd.DataFrame:
    """Sizes as rows, with their quantiles."""
    rows = {
        "Photo width (px)": found.image_width,
        "Photo height (px)": found.image_height,
        "Box, longer side (px)": found.box_side,
        "Area (px²)": found.area,
        "Area / box": found.fill,
    }
    return pd.DataFrame([_quantiles(name, spread) for name, spread in rows.items()])


def _quantiles(name: str, spread: Spread) -> dict[str, object]:
    least, _, quarter, middle, three, _, most = spread.quantiles
    return {
        "Size": name,
        "Number": spread.count,
        "Least": least,
        "A quarter below": quarter,
        "Median": middle,
        "A quarter above": three,
        "Most": most,
    }
