"""Two models side by side, as text for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping

from labeltool.audit import OVERALL, Difference
from labeltool.audit.by_image import Name
from labeltool.audit.tables import aligned
from labeltool.skeleton import Skeleton

#: The numbers of whole people, in order.
_WHOLE = ("oks", "AP", "AP50", "AP75", "AR")


def format_differences(found: Mapping[Name, Difference], skeleton: Skeleton, models: tuple[str, str]) -> str:
    """The differences as aligned plain text: ks and PDJ@0.2 by joint, then the numbers of whole people.

    Args:
        found: `study.differences`.
        skeleton: gives the order of the joints.
        models: the names of the first and the second.
    """
    blocks = [f"{models[0]} versus {models[1]}, on the same people; P: share of replicates in which the first is ahead"]
    for metric in ("ks", "pdj@0.2"):
        names = [(metric, joint) for joint in (*skeleton.joints, OVERALL)]
        blocks.append(_block(metric, {name[1]: found[name] for name in names if name in found}))
    blocks.append(_block("whole people", {m: found[m, OVERALL] for m in _WHOLE if (m, OVERALL) in found}))
    return "\n\n".join(blocks) + "\n"


def _block(title: str, rows: Mapping[str, Difference]) -> str:
    table = [[title, "first", "second", "difference", "95 % interval", "P"]]
    for name, d in rows.items():
        if math.isnan(d.value):
            table.append([name, "-", "-", "-", "-", "-"])
            continue
        numbers = [f"{d.a:.3f}", f"{d.b:.3f}", f"{d.value:+.3f}", f"{d.low:+.3f}..{d.high:+.3f}", f"{d.p_greater:.3f}"]
        table.append([name, *numbers])
    return "\n".join(aligned(table))
