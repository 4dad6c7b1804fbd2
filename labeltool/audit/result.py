"""What an audit found: numbers by joint and over all, as JSON, as tables show them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labeltool.audit.angles import AngleCounts
from labeltool.audit.average_precision import AveragePrecision
from labeltool.audit.diagnosis import DiagnosisCounts
from labeltool.audit.oks import Scale
from labeltool.audit.pdj import Torso
from labeltool.skeleton import Skeleton

#: The one threshold that the joints' table shows.
TABLE_THRESHOLD = 0.2


@dataclass(frozen=True)
class PdjResult:
    """PDJ as tables show it; shares in 0..1, NaN where nothing was counted.

    Attributes:
        thresholds: 0.05 .. 0.50.
        overall: the share of detected joints at each of them.
        per_joint: the same by joint.
        curve_thresholds: 0, 0.01 .. 0.50.
        curve_overall: the share at each of these.
        curve_per_joint: the same by joint.
        auc: area under the overall curve, as a share of a perfect one.
        torso: how the diameter was taken.
        coverage: share of labelled people with a torso diameter.
        people: labelled people.
        people_counted: those with a torso diameter.
        people_mirrored: those of them measured on the fallback diagonal.
        people_zero_torso: labelled people whose torso has no length; not counted.
        counted: joints counted.
    """

    thresholds: tuple[float, ...]
    overall: tuple[float, ...]
    per_joint: Mapping[str, tuple[float, ...]]
    curve_thresholds: tuple[float, ...]
    curve_overall: tuple[float, ...]
    curve_per_joint: Mapping[str, tuple[float, ...]]
    auc: float
    torso: Torso
    coverage: float
    people: int
    people_counted: int
    people_mirrored: int
    people_zero_torso: int
    counted: int


@dataclass(frozen=True)
class JointRow:
    """One joint of the table; NaN where nothing was counted.

    Attributes:
        joint: its name.
        n: labelled joints.
        missed: those without a prediction.
        not_predicted: those of them on people the model found: it does not predict this joint.
        ks: mean keypoint similarity, a missed joint as 0.
        endpoint_error: mean distance of the predicted ones to their labels, pixels.
        pdj_n: labelled joints of people with a torso diameter.
        pdj: PDJ at 0.2.
        pdj_low: lower end of its 95 % Wilson interval.
        pdj_high: upper end.
        pdj_auc: area under its PDJ curve.
        sigma: the sigma its ks was taken with.
        sigma_source: where that comes from.
    """

    joint: str
    n: int
    missed: int
    not_predicted: int
    ks: float
    endpoint_error: float
    pdj_n: int
    pdj: float
    pdj_low: float
    pdj_high: float
    pdj_auc: float
    sigma: float
    sigma_source: str


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes:
        skeleton: the joints and their sigmas.
        scale: what s of the OKS was.
        people: labelled people (no crowd, at least one joint labelled).
        people_missed: those whom no detection speaks for.
        detections: how many detections there were.
        oks: COCO's ten numbers.
        pdj: PDJ curves and coverage.
        joints: the table by joint.
        pck: share of joints within 0.2 of the longer box side.
        pcp: relaxed PCP@0.5 by limb.
        pcp_overall: the same over all limbs.
        notes: what about the labels makes these numbers doubtful.
        diagnosis: what went wrong at each joint; missed people and background detections.
        angles: errors of joint angles.
    """

    skeleton: Skeleton
    scale: Scale
    people: int
    people_missed: int
    detections: int
    oks: AveragePrecision
    pdj: PdjResult
    joints: tuple[JointRow, ...]
    pck: float
    pcp: Mapping[str, float]
    pcp_overall: float
    notes: tuple[str, ...]
    diagnosis: DiagnosisCounts
    angles: AngleCounts

    def to_json(self) -> dict[str, Any]:
        """The audit as `labeltool audit --json` prints it: plain dicts, lists and numbers.

        What is undefined is None; in the OKS block it is -1, the number that pycocotools gives for it.
        """
        pdj = self.pdj
        threshold = f"pdj@{TABLE_THRESHOLD:g}"
        return {
            "oks": {
                **self.oks.as_dict(),
                "scale": self.scale,
            },
            "pdj": {
                "thresholds": list(pdj.thresholds),
                "overall": _numbers(pdj.overall),
                "per_joint": {joint: _numbers(values) for joint, values in pdj.per_joint.items()},
                "coverage": _number(pdj.coverage),
                "torso": pdj.torso,
                "people": pdj.people,
                "people_counted": pdj.people_counted,
                "people_mirrored": pdj.people_mirrored,
                "people_zero_torso": pdj.people_zero_torso,
                "counted": pdj.counted,
                "auc": _number(pdj.auc),
            },
            "joints": [
                {
                    "joint": row.joint,
                    "n": row.n,
                    "missed": row.missed,
                    "not_predicted": row.not_predicted,
                    "ks": _number(row.ks),
                    "endpoint_error": _number(row.endpoint_error),
                    "pdj_n": row.pdj_n,
                    threshold: _number(row.pdj),
                    f"{threshold}_low": _number(row.pdj_low),
                    f"{threshold}_high": _number(row.pdj_high),
                    "pdj_auc": _number(row.pdj_auc),
                    "sigma": row.sigma,
                    "sigma_source": row.sigma_source,
                }
                for row in self.joints
            ],
            "pck@0.2": _number(self.pck),
            "pcp@0.5": {"rule": "relaxed", "overall": _number(self.pcp_overall), "per_limb": _by_name(self.pcp)},
            "people": self.people,
            "people_missed": self.people_missed,
            "detections": self.detections,
            "skeleton": self.skeleton.name,
            "notes": list(self.notes),
            "diagnosis": self.diagnosis.to_json(),
            "angles": _angles(self.angles),
        }

    def curve(self) -> list[dict[str, str | float]]:
        """The PDJ curves as rows {"joint", "threshold", "pdj"} for a plot, first those of "overall"; undefined ones left out."""
        curves = {"overall": self.pdj.curve_overall, **self.pdj.curve_per_joint}
        return [
            {"joint": joint, "threshold": t, "pdj": value}
            for joint, values in curves.items()
            for t, value in zip(self.pdj.curve_thresholds, values, strict=True)
            if not math.isnan(value)
        ]


def _angles(counts: AngleCounts) -> dict[str, Any]:
    columns = (counts.mean_absolute(), counts.mean_signed(), counts.share_within_10())
    return {
        "overall": _number(counts.overall()),
        "per_angle": {
            name: {
                "n": int(counts.measured[i]),
                "missing": int(counts.missing[i]),
                "mean_absolute": _number(float(columns[0][i])),
                "mean_signed": _number(float(columns[1][i])),
                "within_10": _number(float(columns[2][i])),
            }
            for i, name in enumerate(counts.names)
        },
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(values: tuple[float, ...]) -> list[float | None]:
    return [_number(value) for value in values]


def _by_name(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}
