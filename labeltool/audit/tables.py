"""An audit as text for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labeltool.audit.diagnosis import KINDS, LEAST_OKS
from labeltool.audit.oks import Scale
from labeltool.audit.result import TABLE_THRESHOLD, AuditResult
from labeltool.skeleton import COCO_17

_SCALE_TEXT: dict[Scale, str] = {
    "area": "area (s^2 = the label's area, as COCO)",
    "bbox-diagonal": "bbox-diagonal (s^2 = w^2 + h^2 of the label's box; not COCO's numbers)",
}
_COCO_SOURCE = COCO_17.sigma_sources[0]


def format_audit(result: AuditResult) -> str:
    """The audit as aligned plain text, with the rules its numbers stand on."""
    found = result.people - result.people_missed
    blocks = [
        f"{result.people} labelled people, {found} with a detection, {result.detections} detections, "
        f"skeleton {result.skeleton.name}",
        _oks_block(result),
        _pdj_block(result),
        _joint_block(result),
        _diagnosis_block(result),
        *_angle_block(result),
        *(f"Note: {note}" for note in result.notes),
    ]
    return "\n\n".join(blocks) + "\n"


def _oks_block(result: AuditResult) -> str:
    numbers = result.oks.as_dict()
    lines = [
        f"OKS, scale {_SCALE_TEXT[result.scale]}",
        *aligned([list(numbers), [_share(None if n < 0 else n) for n in numbers.values()]], left=0),
    ]
    for joint, sigma, source in zip(
        result.skeleton.joints, result.skeleton.sigmas, result.skeleton.sigma_sources, strict=True
    ):
        if source != _COCO_SOURCE:
            lines.append(f"  sigma of {joint}: {sigma:g}, {source}")
    return "\n".join(lines)


def _pdj_block(result: AuditResult) -> str:
    pdj = result.pdj
    if result.skeleton.torso is None:
        return f"PDJ: skeleton {result.skeleton.name} has no torso ends to take the diameter of"
    ends = " to ".join(result.skeleton.torso)
    fallback = f", else its mirror ({pdj.people_mirrored} people)" if pdj.torso == "either-diagonal" else ""
    coverage = "-" if math.isnan(pdj.coverage) else f"{pdj.coverage:.1%}"
    lines = [
        f"PDJ, torso {ends}{fallback}; coverage {coverage} ({pdj.people_counted} of {pdj.people} people)",
        *aligned(
            [["t", *(f"{t:.2f}" for t in pdj.thresholds), "AUC"], ["PDJ", *map(_share, pdj.overall), _share(pdj.auc)]]
        ),
    ]
    if pdj.people_zero_torso:
        lines.append(f"  not counted: {pdj.people_zero_torso} people whose torso ends lie on each other")
    return "\n".join(lines)


def _joint_block(result: AuditResult) -> str:
    at = f"PDJ@{TABLE_THRESHOLD:g}"
    rows = [["joint", "n", "missed", "ks", "error px", "n PDJ", at, "95 % interval", "AUC"]]
    for row in result.joints:
        interval = "-" if math.isnan(row.pdj) else f"{row.pdj_low:.3f}..{row.pdj_high:.3f}"
        rows.append(
            [
                row.joint,
                str(row.n),
                str(row.missed),
                _share(row.ks),
                "-" if math.isnan(row.endpoint_error) else f"{row.endpoint_error:.1f}",
                str(row.pdj_n),
                _share(row.pdj),
                interval,
                _share(row.pdj_auc),
            ]
        )
    lines = aligned(rows)
    absent = [row.joint for row in result.joints if row.not_predicted]
    if absent:
        lines.append(f"  not predicted by the model, counted as missed: {', '.join(absent)}")
    return "\n".join(lines)


def _diagnosis_block(result: AuditResult) -> str:
    found = result.diagnosis
    shares, overall = found.shares(), found.overall()
    rows = [["joint", "n", *KINDS]]
    for j, joint in enumerate(found.joints):
        rows.append([joint, str(int(found.kinds[:, j].sum())), *map(_share, shares[:, j].tolist())])
    rows.append(["all", str(int(found.kinds.sum())), *(_share(overall[kind]) for kind in KINDS)])
    return "\n".join(
        [
            f"Errors, matched at OKS >= {LEAST_OKS:g}, inversion margin {found.margin:g}: {found.people_missed} of"
            f" {found.people} people missed, {found.background} of {found.detections} detections on background",
            *aligned(rows),
        ]
    )


def _angle_block(result: AuditResult) -> list[str]:
    angles = result.angles
    if not angles.measured.any():
        return []
    rows = [["angle", "n", "missing", "mean error", "signed", "within 10"]]
    for i, name in enumerate(angles.names):
        degrees = (angles.mean_absolute()[i], angles.mean_signed()[i])
        rows.append(
            [
                name,
                str(int(angles.measured[i])),
                str(int(angles.missing[i])),
                *("-" if math.isnan(d) else f"{d:.1f}" for d in degrees),
                _share(float(angles.share_within_10()[i])),
            ]
        )
    return ["\n".join([f"Joint angles, degrees; mean error {angles.overall():.1f}", *aligned(rows)])]


def _share(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Rows as lines: the first `left` columns to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
