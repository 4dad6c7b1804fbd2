"""What an auditor reads first: the few sentences that follow from the numbers, each with its interval."""

from __future__ import annotations

import math

from labeltool.audit import KINDS, OVERALL
from labeltool.evaluate import Comparison, Study
from labeltool.report.tables import PDJ

#: Joints with fewer labels are not called the best or the worst.
FEW = 10
#: From so many of a joint's errors on, a kind is worth a sentence.
MUCH = 0.05


def spoken(joint: str) -> str:
    """A joint's name as it is read."""
    return joint.replace("_", " ")


def headed(text: str) -> str:
    """A text that begins with a capital, abbreviations left as they are."""
    return text[:1].upper() + text[1:]


def share(value: float | None, digits: int = 3) -> str:
    """A share as it is printed; a dash where nothing was counted."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def findings(study: Study) -> list[str]:
    """The sentences about one model."""
    found = [
        *_never(study),
        *_best_and_worst(study),
        *_errors(study),
        *_gains(study),
        *_groups(study),
        *_confidence(study),
    ]
    return found


def verdict(comparison: Comparison) -> list[str]:
    """The sentences about two models: where one is surely ahead, and where nobody can tell."""
    first, second = comparison.a.title, comparison.b.title
    overall = comparison.differences["ks", OVERALL]
    ahead: list[str] = []
    behind: list[str] = []
    open_: list[str] = []
    for joint in comparison.a.subject.skeleton.joints:
        d = comparison.differences["ks", joint]
        if not math.isnan(d.value):
            (ahead if d.low > 0 else behind if d.high < 0 else open_).append(spoken(joint))
    lines = [
        f"Mean ks over all joints: {first} {share(overall.a)}, {second} {share(overall.b)}, difference "
        f"{overall.value:+.3f} ({overall.low:+.3f} to {overall.high:+.3f}); {first} is ahead in {overall.p_greater:.1%} of the "
        f"replicates."
    ]
    if ahead:
        lines.append(f"{first} is ahead on {', '.join(ahead)}: the whole interval of the difference lies above zero.")
    if behind:
        lines.append(f"{second} is ahead on {', '.join(behind)}.")
    if open_:
        lines.append(f"Not decided by these labels: {', '.join(open_)}.")
    return lines


def never_predicted(study: Study) -> list[str]:
    """The labelled joints that the model does not predict for anybody."""
    return [row.joint for row in study.result.joints if 0 < row.n == row.missed]


def _never(study: Study) -> list[str]:
    joints = never_predicted(study)
    if not joints:
        return []
    labels = sum(row.n for row in study.result.joints if row.joint in joints)
    whole = sum(row.n for row in study.result.joints)
    names = ", ".join(map(spoken, joints))
    return [
        f"Not predicted at all, and counted as missed in every number over all joints: {names}; "
        f"{labels / whole:.0%} of the labelled joints."
    ]


def _best_and_worst(study: Study) -> list[str]:
    never = never_predicted(study)
    rows = [row for row in study.result.joints if row.pdj_n >= FEW and row.joint not in never]
    if len(rows) < 2:
        return []
    best, worst = max(rows, key=lambda row: row.pdj), min(rows, key=lambda row: row.pdj)
    parts = []
    for word, row in (("Best", best), ("worst", worst)):
        i = study.intervals[PDJ, row.joint]
        parts.append(
            f"{word} by PDJ@0.2: {spoken(row.joint)}, {share(row.pdj)} ({share(i.low)} to {share(i.high)}, n = {row.pdj_n:,})"
        )
    return ["; ".join(parts) + "."]


def _errors(study: Study) -> list[str]:
    counts, joints = study.result.diagnosis.kinds, study.result.diagnosis.joints
    shares = study.result.diagnosis.shares()
    never = never_predicted(study)
    lines = []
    for i, kind in enumerate(KINDS):
        if kind in ("good", "jitter"):
            continue
        known = [k for k in range(len(joints)) if counts[:, k].sum() >= FEW and joints[k] not in never]
        if not known:
            continue
        top = sorted(known, key=lambda k: (-shares[i, k], k))[:2]
        if shares[i, top[0]] >= MUCH:
            where = " and ".join(f"{spoken(joints[k])} ({shares[i, k]:.0%})" for k in top if shares[i, k] > 0)
            lines.append(f"{_PLURAL[kind]} are most frequent at {where}.")
    return lines


def _gains(study: Study) -> list[str]:
    best = max(study.gains.items(), key=lambda item: item[1], default=("", 0.0))
    if best[1] < 0.01:
        return []
    return [f"Fixing every {best[0].replace('_', ' ')} alone would raise AP by {best[1]:.3f}, more than any other fix."]


def _groups(study: Study) -> list[str]:
    lines = []
    for group in _WHO:
        parts = [p for p in study.slices if p.group == group and p.people >= FEW and ("ks", OVERALL) in p.intervals]
        if len(parts) < 2:
            continue
        low = min(parts, key=lambda p: p.values["ks", OVERALL])
        high = max(parts, key=lambda p: p.values["ks", OVERALL])
        weak, strong = low.intervals["ks", OVERALL], high.intervals["ks", OVERALL]
        if weak.high < strong.low:
            lines.append(
                f"Mean ks {share(weak.value)} ({share(weak.low)} to {share(weak.high)}) on {_WHO[group].format(low.name)}, "
                f"{share(strong.value)} ({share(strong.low)} to {share(strong.high)}) on {_WHO[group].format(high.name)}."
            )
    return lines


def _confidence(study: Study) -> list[str]:
    counts = study.calibration
    if counts is None or not counts.n.sum():
        return []
    said = float(counts.confidence.sum() / counts.n.sum())
    right = float(counts.right.sum() / counts.n.sum())
    word = (
        "too sure of itself"
        if said > right + 0.02
        else "less sure than it may be"
        if said < right - 0.02
        else "calibrated"
    )
    return [
        f"On average the model is {word}: mean confidence {share(said)}, and {share(right)} of the joints are right (ks ≥ .5)."
    ]


#: How the people, or joints, of a group are called.
_WHO = {
    "size": "{} people",
    "overlap": "people with {} overlapping neighbours",
    "visible joints": "people with {} labelled joints",
    "visibility": "{} joints",
}

_PLURAL = {
    "inversion": "Left-right inversions",
    "swap": "Swaps with another person",
    "miss": "Misses (near no labelled joint)",
}
