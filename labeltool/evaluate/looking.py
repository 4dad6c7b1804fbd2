"""Thresholds of confidence: chosen on the labels for a wanted precision, and written to the project."""

from __future__ import annotations

from collections.abc import Sequence

from labeltool.audit import Scale, right_joints
from labeltool.audit.confidence import ConfidenceCounts, LookBelow, count_confidence
from labeltool.audit.matching import joints_of
from labeltool.errors import AuditError
from labeltool.evaluate.people import people_table
from labeltool.evaluate.subjects import Subject
from labeltool.project import Project

#: Confidence that the wanted precision is kept on other photos.
SURE = 0.95


def count_subject(subject: Subject, scale: Scale = "area") -> ConfidenceCounts:
    """The confidence of a subject's predictions and how many of them are right.

    Raises:
        AuditError: the model gives no confidence by joint.
    """
    people = people_table(subject, scale)
    right = right_joints(subject.labels, joints_of(subject.detections, people.speaks), subject.skeleton, scale=scale)
    return count_confidence(subject.labels, subject.detections, people.speaks, right, subject.skeleton.joints)


def write_thresholds(
    project: Project, model: str, counts: ConfidenceCounts, precision: float, author: str
) -> tuple[LookBelow, ...]:
    """Chooses the thresholds of a model for a wanted precision and writes them to the project.

    At and above a joint's threshold the lower end of the 95 % Wilson interval of the share that is right reaches the precision.

    Args:
        project: the project.
        model: `name@version`.
        counts: of the labels that the thresholds are chosen on.
        precision: the wanted share of right joints, 0..1.
        author: who chose it.

    Returns:
        the thresholds; joints without a judged prediction keep the usual one.

    Raises:
        AuditError: the precision is no share, or nothing was judged.
    """
    found = counts.look_below(precision, sure=SURE)
    judged = {row.joint: row.threshold for row in found if row.n}
    if not judged:
        raise AuditError(
            f"{model}: no labelled joint has a prediction with a confidence, expected some to choose thresholds on"
        )
    project.set_look_below(model, judged, precision=precision, author=author)
    return found


def thresholds_text(found: Sequence[LookBelow], precision: float) -> str:
    """The thresholds as lines of text."""
    lines = [f"{'look below':<16}{'threshold':>10}{'no look':>10}{'right':>8}{'caught':>8}"]
    for row in found:
        if not row.n:
            lines.append(f"{row.joint:<16}{'not judged':>10}")
            continue
        limit = "always" if row.threshold is None else f"{row.threshold:.3f}"
        right = "-" if row.precision != row.precision else f"{row.precision:.3f}"
        caught = "-" if row.caught != row.caught else f"{row.caught:.1%}"
        lines.append(f"{row.joint:<16}{limit:>10}{row.kept:>10.1%}{right:>8}{caught:>8}")
    lines.append(f"at and above it {precision:.0%} are right with 95 % certainty; the editor rings what lies below")
    return "\n".join(lines)
