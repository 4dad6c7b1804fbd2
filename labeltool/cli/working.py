"""How far and how fast the work on a project goes, as the commands print it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labeltool.cli.common import count_of

if TYPE_CHECKING:
    from labeltool.project import Pace, Progress


def work_lines(progress: Progress, paces: Sequence[Pace]) -> list[str]:
    """What is done in people and joints, the rate of everybody and of each labeller, and the work that is left."""
    share = progress.joints_done / progress.joints if progress.joints else 0.0
    lines = [
        f"done: {progress.people_done:,} of {count_of(progress.people, 'person', 'people')}; "
        f"{progress.joints_done:,} of {count_of(progress.joints, 'joint')} decided ({share:.1%})"
    ]
    data = rate_data(progress, paces)
    for pace, rate in zip(paces, data["labellers"], strict=True):
        speed = "" if rate["people_per_hour"] is None else f", {rate['people_per_hour']:.0f} an hour"
        hours = pace.active_seconds / 3600
        lines.append(
            f"labeller {pace.author}: {count_of(pace.people, 'person', 'people')} in {hours:.1f} active hours{speed}"
        )
    left = data["seconds_left"]
    if left is not None:
        lines.append(f"left: {left / 3600:.1f} active hours at the rate of all labellers")
    return lines


def rate_data(progress: Progress, paces: Sequence[Pace]) -> dict[str, Any]:
    """The rates as plain data: `labellers`, and `seconds_left` at the rate of all of them (None where nobody knows it)."""
    seconds, people = sum(p.active_seconds for p in paces), sum(p.people for p in paces)
    rate = 3600 * people / seconds if seconds >= 60 and people else None
    labellers = [
        {
            "author": pace.author,
            "people": pace.people,
            "active_seconds": pace.active_seconds,
            "people_per_hour": pace.people_per_hour,
        }
        for pace in paces
    ]
    return {"labellers": labellers, "seconds_left": progress.seconds_left(rate)}
