"""One audit: a model's detections held against labels, as numbers by joint, as JSON, and as a table for the terminal."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from labeltool.audit.angles import AngleCounts, count_angles
from labeltool.audit.average_precision import AveragePrecision, DetectionCounts, count_detections
from labeltool.audit.circle import squared_distance
from labeltool.audit.diagnosis import DiagnosisCounts, count_diagnosis, diagnose
from labeltool.audit.doubts import Doubts, count_doubts
from labeltool.audit.intervals import wilson
from labeltool.audit.joints import JointCounts, count_joints
from labeltool.audit.matching import NO_DETECTION, expect_ids, joints_of, match
from labeltool.audit.oks import Scale, all_pairs
from labeltool.audit.pck import count_pck, sum_endpoint_errors
from labeltool.audit.pcp import count_pcp
from labeltool.audit.pdj import CURVE_THRESHOLDS, THRESHOLDS, PdjCounts, Torso, count_pdj
from labeltool.audit.people import Detections, Labels, expect_joints, in_parts
from labeltool.audit.rates import Rates
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

#: The one threshold that the joints' table shows.
TABLE_THRESHOLD = 0.2

# Parts that are measured at the same time; each needs memory of its own.
_THREADS = 4


@dataclass(frozen=True, eq=False)
class AuditCounts:
    """What some images leave for an audit. Counts of different images add up with `+`; `result` makes the numbers of them.

    So a set of labels of any size is audited in parts: `sum(parts[1:], parts[0]).result()`.
    """

    skeleton: Skeleton
    scale: Scale
    torso: Torso
    people: int
    people_missed: int
    detections: int
    oks: DetectionCounts
    pdj: PdjCounts
    joints: JointCounts
    pck: Rates
    pcp: Rates
    endpoint: Rates
    doubts: Doubts
    diagnosis: DiagnosisCounts
    angles: AngleCounts

    def __add__(self, other: AuditCounts) -> AuditCounts:
        for name in ("skeleton", "scale", "torso"):
            if getattr(self, name) != getattr(other, name):
                raise AuditError(f"audit parts of another {name}, expected the same to add them")
        return replace(
            self,
            people=self.people + other.people,
            people_missed=self.people_missed + other.people_missed,
            detections=self.detections + other.detections,
            oks=self.oks + other.oks,
            pdj=self.pdj + other.pdj,
            joints=self.joints + other.joints,
            pck=self.pck + other.pck,
            pcp=self.pcp + other.pcp,
            endpoint=self.endpoint + other.endpoint,
            doubts=self.doubts + other.doubts,
            diagnosis=self.diagnosis + other.diagnosis,
            angles=self.angles + other.angles,
        )

    def result(self) -> AuditResult:
        """The numbers."""
        return AuditResult(
            skeleton=self.skeleton,
            scale=self.scale,
            people=self.people,
            people_missed=self.people_missed,
            detections=self.detections,
            oks=self.oks.summary(),
            pdj=_pdj_result(self.pdj, self.torso),
            joints=_joint_rows(self),
            pck=self.pck.overall(),
            pcp=dict(zip(self.pcp.names, map(float, self.pcp.each()), strict=True)),
            pcp_overall=self.pcp.overall(),
            notes=self.doubts.notes(),
            diagnosis=self.diagnosis,
            angles=self.angles,
        )


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


def measure(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    *,
    scale: Scale = "area",
    torso: Torso = "left_shoulder-right_hip",
) -> AuditCounts:
    """What some images leave for an audit: all of their labels against all of their detections; arguments as `audit`."""
    expect_joints(skeleton.joints, labels=labels.joints, detections=detections.joints)
    sigmas = np.array(skeleton.sigmas)
    pairs = all_pairs(labels, detections, sigmas, scale)
    speaks = match(labels, detections, pairs)
    xy = joints_of(detections, speaks)
    squared = squared_distance(xy, labels.xy)
    people = labels.people
    return AuditCounts(
        skeleton=skeleton,
        scale=scale,
        torso=torso,
        people=int(people.sum()),
        people_missed=int((people & (speaks == NO_DETECTION)).sum()),
        detections=len(detections),
        oks=count_detections(labels, detections, pairs),
        pdj=count_pdj(labels, xy, skeleton, torso=torso, thresholds=CURVE_THRESHOLDS, squared=squared),
        joints=count_joints(labels, xy, speaks, sigmas, scale, squared=squared),
        pck=count_pck(labels, xy, skeleton, squared=squared),
        pcp=count_pcp(labels, xy, skeleton, squared=squared),
        endpoint=sum_endpoint_errors(labels, xy, skeleton, squared=squared),
        doubts=count_doubts(labels, scale),
        diagnosis=count_diagnosis(diagnose(labels, detections, skeleton, pairs, scale=scale), labels, skeleton),
        angles=count_angles(labels, xy, skeleton),
    )


def audit(
    labels: Labels,
    detections: Detections,
    skeleton: Skeleton,
    *,
    scale: Scale = "area",
    torso: Torso = "left_shoulder-right_hip",
) -> AuditResult:
    """A model's detections held against labels.

    - **OKS AP and AR** as COCO's (`average_precision`); **ks, PDJ, PCK, PCP, end-point error** on the detection that speaks
      for each person (`matching.match`), over the same people: no crowds, at least one labelled joint.
    - **Diagnosis** (`diagnosis.diagnose`) on COCO's own matching at OKS >= .1, with the default margin of an inversion.
    - **Visibility**: v = 1 and v = 2 count alike, v = 0 not at all.
    - **Size classes** go by the label's area under both scales.

    Args:
        labels: all labels of the images that are judged.
        detections: all detections of these images.
        skeleton: joints, sigmas, limbs, torso ends.
        scale: what s of the OKS is: "area" (COCO) or "bbox-diagonal" (the lecture).
        torso: the torso diameter of PDJ: the skeleton's own, or "either-diagonal".

    Raises:
        AuditError: the two have other joints than the skeleton, an unknown scale or torso, ids that do not agree.
    """
    expect_joints(skeleton.joints, labels=labels.joints, detections=detections.joints)
    expect_ids(labels, detections)

    def part(some: tuple[Labels, Detections]) -> AuditCounts:
        return measure(*some, skeleton, scale=scale, torso=torso)

    # numpy lets go of the interpreter while it counts; the parts are added in their own order, so the result is the same.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        return reduce(add, pool.map(part, in_parts(labels, detections))).result()


def _pdj_result(counts: PdjCounts, torso: Torso) -> PdjResult:
    shown = [counts.thresholds.index(t) for t in THRESHOLDS]
    overall, per_joint = counts.overall(), counts.per_joint()
    return PdjResult(
        thresholds=THRESHOLDS,
        overall=tuple(map(float, overall[shown])),
        per_joint={j: tuple(map(float, per_joint[shown, k])) for k, j in enumerate(counts.joints)},
        curve_thresholds=counts.thresholds,
        curve_overall=tuple(map(float, overall)),
        curve_per_joint={j: tuple(map(float, per_joint[:, k])) for k, j in enumerate(counts.joints)},
        auc=counts.auc(),
        torso=torso,
        coverage=counts.coverage(),
        people=counts.people,
        people_counted=counts.people_counted,
        people_mirrored=counts.people_mirrored,
        people_zero_torso=counts.people_zero_torso,
        counted=int(counts.counted.sum()),
    )


def _joint_rows(counts: AuditCounts) -> tuple[JointRow, ...]:
    detected = counts.pdj.at(TABLE_THRESHOLD)
    low, high = wilson(detected, counts.pdj.counted)
    columns = {
        "n": counts.joints.n,
        "missed": counts.joints.missed,
        "not_predicted": counts.joints.not_predicted,
        "ks": counts.joints.mean_similarity(),
        "endpoint_error": counts.endpoint.each(),
        "pdj_n": counts.pdj.counted,
        "pdj": Rates(counts.pdj.joints, detected.astype(np.float64), counts.pdj.counted).each(),
        "pdj_low": low,
        "pdj_high": high,
        "pdj_auc": counts.pdj.auc_per_joint(),
    }
    skeleton = counts.skeleton
    return tuple(
        JointRow(
            joint=joint,
            sigma=skeleton.sigmas[k],
            sigma_source=skeleton.sigma_sources[k],
            **{name: values[k].item() for name, values in columns.items()},
        )
        for k, joint in enumerate(skeleton.joints)
    )


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
