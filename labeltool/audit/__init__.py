"""What measures a model against labels: pure functions on arrays, no files and no project."""

from labeltool.audit.agreement import Agreement, agreement
from labeltool.audit.angles import AngleCounts, count_angles
from labeltool.audit.assisted import Anchoring, SecondsSpent, anchoring, seconds_spent
from labeltool.audit.average_precision import AveragePrecision, average_precision
from labeltool.audit.bootstrap import Difference, Interval, bootstrap, compare, expect_same_labels
from labeltool.audit.by_image import OVERALL, ImageSums, sum_images, sums_of_values
from labeltool.audit.coco_arrays import detections_from_coco, labels_from_coco
from labeltool.audit.confidence import ConfidenceCounts, LookBelow, count_confidence, right_joints
from labeltool.audit.confusion import DistancesByConfidence, JointConfusion, count_confusion, count_distances
from labeltool.audit.corrections import CorrectionCounts, count_corrections
from labeltool.audit.diagnosis import KINDS, Diagnosis, DiagnosisCounts, count_diagnosis, diagnose
from labeltool.audit.matching import NO_DETECTION, joints_of, match
from labeltool.audit.oks import Pairs, Scale, all_pairs
from labeltool.audit.pdj import Torso
from labeltool.audit.people import NO_PERSON, Detections, Labels, in_parts
from labeltool.audit.report import AuditCounts, audit, measure
from labeltool.audit.result import AuditResult, JointRow, PdjResult
from labeltool.audit.slices import Slice, SliceAudit, audit_slices, by_column, standard_slices
from labeltool.audit.tables import format_audit
from labeltool.audit.visibility import VisibilityCounts, count_visibility

__all__ = [
    "KINDS",
    "NO_DETECTION",
    "NO_PERSON",
    "OVERALL",
    "Agreement",
    "Anchoring",
    "AngleCounts",
    "AuditCounts",
    "AuditResult",
    "AveragePrecision",
    "ConfidenceCounts",
    "CorrectionCounts",
    "Detections",
    "Diagnosis",
    "DiagnosisCounts",
    "Difference",
    "DistancesByConfidence",
    "ImageSums",
    "Interval",
    "JointConfusion",
    "JointRow",
    "Labels",
    "LookBelow",
    "Pairs",
    "PdjResult",
    "Scale",
    "SecondsSpent",
    "Slice",
    "SliceAudit",
    "Torso",
    "VisibilityCounts",
    "agreement",
    "all_pairs",
    "anchoring",
    "audit",
    "audit_slices",
    "average_precision",
    "bootstrap",
    "by_column",
    "compare",
    "count_angles",
    "count_confidence",
    "count_confusion",
    "count_corrections",
    "count_diagnosis",
    "count_distances",
    "count_visibility",
    "detections_from_coco",
    "diagnose",
    "expect_same_labels",
    "format_audit",
    "in_parts",
    "joints_of",
    "labels_from_coco",
    "match",
    "measure",
    "right_joints",
    "seconds_spent",
    "standard_slices",
    "sum_images",
    "sums_of_values",
]
