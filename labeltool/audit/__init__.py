"""What measures a model against labels: pure functions on arrays, no files and no project."""

from labeltool.audit.average_precision import AveragePrecision, average_precision
from labeltool.audit.coco_arrays import detections_from_coco, labels_from_coco
from labeltool.audit.oks import Scale
from labeltool.audit.pdj import Torso
from labeltool.audit.people import NO_PERSON, Detections, Labels
from labeltool.audit.report import AuditCounts, AuditResult, JointRow, PdjResult, audit, measure
from labeltool.audit.tables import format_audit

__all__ = [
    "NO_PERSON",
    "AuditCounts",
    "AuditResult",
    "AveragePrecision",
    "Detections",
    "JointRow",
    "Labels",
    "PdjResult",
    "Scale",
    "Torso",
    "audit",
    "average_precision",
    "detections_from_coco",
    "format_audit",
    "labels_from_coco",
    "measure",
]
