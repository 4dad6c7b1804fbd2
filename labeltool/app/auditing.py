"""What the Audit page shows, worked out from an audit's result."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from labeltool.audit import AuditResult
from labeltool.project import ModelSummary

#: The ten numbers in COCO's order, with what each says.
OKS_NUMBERS: Mapping[str, str] = {
    "AP": "Average precision over OKS thresholds .50 to .95",
    "AP50": "Average precision at OKS .50",
    "AP75": "Average precision at OKS .75",
    "APM": "Average precision on people of 32² to 96² pixels",
    "APL": "Average precision on people above 96² pixels",
    "AR": "Average recall over OKS thresholds .50 to .95",
    "AR50": "Average recall at OKS .50",
    "AR75": "Average recall at OKS .75",
    "ARM": "Average recall on people of 32² to 96² pixels",
    "ARL": "Average recall on people above 96² pixels",
}

SCALES: Mapping[str, str] = {
    "area": "Segment area (COCO)",
    "bbox-diagonal": "Box diagonal (the lecture's)",
}


def run_name(model: ModelSummary) -> str:
    """A run as it is chosen and asked for: `name@version`."""
    return f"{model.model}@{model.version}"


def run_label(model: ModelSummary) -> str:
    """A run as it is read: name, version, how much it said."""
    return f"{model.model} {model.version} ({model.people:,} people in {model.images:,} images)"


def number(value: float) -> str:
    """A number of an audit with three digits; a dash where nothing was counted (COCO's -1)."""
    return "–" if math.isnan(value) or value < 0 else f"{value:.3f}"


def coverage_line(result: AuditResult) -> str:
    """How many of the labelled people the PDJ speaks of."""
    pdj = result.pdj
    if not pdj.people:
        return "No labelled person."
    share = 0.0 if math.isnan(pdj.coverage) else pdj.coverage
    line = (
        f"PDJ counts {pdj.counted:,} joints of {pdj.people_counted:,} of {pdj.people:,} labelled people "
        f"(coverage {share:.0%}): those with both torso ends labelled."
    )
    return f"{line} Area under the curve {number(pdj.auc)}."


def joint_table(result: AuditResult) -> pd.DataFrame:
    """One row a joint: how many were labelled, mean keypoint similarity, PDJ at 0.2 with its interval, what was missed."""
    return pd.DataFrame(
        [
            {
                "Joint": row.joint.replace("_", " "),
                "Labelled": row.n,
                "ks": row.ks,
                "PDJ@0.2": row.pdj,
                "95 % interval": f"{number(row.pdj_low)} to {number(row.pdj_high)}" if row.pdj_n else "–",
                "AUC": row.pdj_auc,
                "Error (px)": row.endpoint_error,
                "Missed": row.missed,
            }
            for row in result.joints
        ]
    )
