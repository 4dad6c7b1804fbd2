"""One audit: a model's detections held against labels, counted in parts that add up to a result."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from labeltool.audit.angles import AngleCounts, count_angles
from labeltool.audit.average_precision import DetectionCounts, count_detections
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
from labeltool.audit.result import TABLE_THRESHOLD, AuditResult, JointRow, PdjResult
from labeltool.errors import AuditError
from labeltool.skeleton import Skeleton

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
