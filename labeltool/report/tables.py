"""The tables of a report, as data frames that become CSV, Parquet and rows of the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from labeltool.audit import KINDS, NO_DETECTION, OVERALL, AuditResult
from labeltool.evaluate import Comparison, Study
from labeltool.evaluate.study import calibration_json, differences_json, slice_json

PDJ = "pdj@0.2"

#: The place of predictions near no joint of the person.
NEAR_NONE = "none"


def joint_frame(study: Study) -> pd.DataFrame:
    """One row a joint, and one over all: similarity and PDJ with their intervals, errors by kind, what was missed.

    The shares of kinds are of the labelled joints of matched people; `nan` where nothing was counted.
    """
    shares, counts = study.result.diagnosis.shares(), study.result.diagnosis.kinds
    rows = []
    for k, row in enumerate(study.result.joints):
        rows.append(
            {
                "joint": row.joint,
                "labelled": row.n,
                "missed": row.missed,
                **_interval(study, "ks", row.joint),
                "pdj_counted": row.pdj_n,
                **_interval(study, PDJ, row.joint),
                "pdj_auc": row.pdj_auc,
                "error_px": row.endpoint_error,
                "diagnosed": int(counts[:, k].sum()),
                **{kind: float(shares[i, k]) for i, kind in enumerate(KINDS)},
            }
        )
    result = study.result
    measured = [(row.endpoint_error, row.n - row.missed) for row in result.joints if row.n > row.missed]
    predicted = sum(n for _, n in measured)
    rows.append(
        {
            "joint": OVERALL,
            "labelled": sum(row.n for row in result.joints),
            "missed": sum(row.missed for row in result.joints),
            **_interval(study, "ks", OVERALL),
            "pdj_counted": result.pdj.counted,
            **_interval(study, PDJ, OVERALL),
            "pdj_auc": result.pdj.auc,
            "error_px": sum(error * n for error, n in measured) / predicted if predicted else float("nan"),
            "diagnosed": int(counts.sum()),
            **result.diagnosis.overall(),
        }
    )
    return pd.DataFrame(rows)


def interval_frame(study: Study) -> pd.DataFrame:
    """Every number that has an interval: metric, joint, value, low, high."""
    return pd.DataFrame(
        [
            {"metric": metric, "joint": joint, "value": i.value, "low": i.low, "high": i.high}
            for (metric, joint), i in study.intervals.items()
        ]
    )


def curve_rows(study: Study) -> pd.DataFrame:
    """The PDJ curves: joint, threshold, pdj."""
    return pd.DataFrame(study.result.curve(), columns=["joint", "threshold", "pdj"])


def error_frame(result: AuditResult) -> pd.DataFrame:
    """Labelled joints of matched people by kind of error: joint, kind, n, share."""
    found = result.diagnosis
    shares = found.shares()
    return pd.DataFrame(
        [
            {"joint": joint, "kind": kind, "n": int(found.kinds[i, k]), "share": float(shares[i, k])}
            for k, joint in enumerate(found.joints)
            for i, kind in enumerate(KINDS)
        ]
    )


def confusion_frame(study: Study) -> pd.DataFrame:
    """On which joint of the person predictions lie: predicted, lies_on ("none" where near none), n, share of the row."""
    found = study.confusion
    shares, columns = found.shares(), [*found.joints, NEAR_NONE]
    return pd.DataFrame(
        [
            {"predicted": joint, "lies_on": other, "n": int(found.counts[i, j]), "share": float(shares[i, j])}
            for i, joint in enumerate(found.joints)
            for j, other in enumerate(columns)
        ]
    )


def distance_frame(study: Study) -> pd.DataFrame:
    """Distances of predictions at or above a confidence: threshold, kept, median and p90 in torso diameters; empty without."""
    rows = [] if study.distances is None else study.distances.curve()
    return pd.DataFrame(rows, columns=["threshold", "kept", "median", "p90"])


def reliability_frame(study: Study) -> pd.DataFrame:
    """The reliability curve over all joints; empty where the model gives no confidence."""
    columns = ["low", "high", "n", "confidence", "right", "right_low", "right_high"]
    points = [] if study.calibration is None else [vars(point) for point in study.calibration.curve()]
    return pd.DataFrame(points, columns=columns)


def calibration_frame(study: Study) -> pd.DataFrame:
    """Calibration by joint: expected calibration error, and the confidence below which somebody should look."""
    rows = [] if study.calibration is None else calibration_json(study.calibration)["joints"]
    columns = ["joint", "n", "right", "calibration_error", "look_below", "kept", "precision", "caught"]
    return pd.DataFrame(rows, columns=columns).astype({c: "float64" for c in columns[2:]})


def slice_frame(study: Study) -> pd.DataFrame:
    """The audit of groups of people and joints, with intervals."""
    frame = pd.DataFrame([slice_json(part) for part in study.slices])
    return frame.astype({c: "float64" for c in frame.columns[4:]})


def angle_frame(study: Study) -> pd.DataFrame:
    """Errors of joint angles in degrees."""
    angles = study.result.angles
    return pd.DataFrame(
        {
            "angle": list(angles.names),
            "measured": angles.measured,
            "missing": angles.missing,
            "mean_error": angles.mean_absolute(),
            "mean_signed": angles.mean_signed(),
            "within_10": angles.share_within_10(),
        }
    )


def people_frame(study: Study) -> pd.DataFrame:
    """Everybody who is labelled, with OKS and errors, and the ks of each joint."""
    labels, table = study.subject.labels, study.people
    rows = np.flatnonzero(labels.people)
    kind = table.kind[rows]
    columns: dict[str, object] = {
        "image": labels.image[rows],
        "file_name": [study.subject.photos.names.get(i, "") for i in labels.image[rows].tolist()],
        "person": labels.person[rows],
        "labelled": labels.labelled[rows].sum(axis=1),
        "area": labels.area[rows],
        "detected": table.speaks[rows] != NO_DETECTION,
        "oks": table.oks[rows],
        **{name: (kind == i).sum(axis=1) for i, name in enumerate(KINDS)},
        **{f"ks_{joint}": table.ks[rows, k] for k, joint in enumerate(study.subject.skeleton.joints)},
    }
    return pd.DataFrame(columns)


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """The differences of two models: a, b, a - b with its interval, and the probability that a is the better one."""
    frame = pd.DataFrame(differences_json(comparison.differences))
    return frame.astype({c: "float64" for c in frame.columns[2:]})


def study_frames(study: Study) -> Mapping[str, pd.DataFrame]:
    """All tables of a study by name."""
    frames = {
        "joints": joint_frame(study),
        "intervals": interval_frame(study),
        "pdj_curves": curve_rows(study),
        "errors": error_frame(study.result),
        "confusion": confusion_frame(study),
        "reliability": reliability_frame(study),
        "distance_by_confidence": distance_frame(study),
        "calibration": calibration_frame(study),
        "slices": slice_frame(study),
        "angles": angle_frame(study),
        "people": people_frame(study),
    }
    return {name: frame for name, frame in frames.items() if len(frame)}


def _interval(study: Study, metric: str, joint: str) -> dict[str, float]:
    found = study.intervals[metric, joint]
    name = "pdj" if metric == PDJ else metric
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
