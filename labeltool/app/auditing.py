"""What the Audit page shows, worked out from an audit's result."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from labeltool.audit import KINDS, OVERALL, AuditResult, Interval
from labeltool.evaluate import HELP_COLUMNS, Case, Help, PeopleTable, Study, Subject, help_rows, worst_people
from labeltool.evaluate.people import (
    BACKGROUND,
    MISSED,
    background_detections,
    missed_people,
    worst_of_joint,
    worst_of_kind,
)
from labeltool.project import ModelSummary
from labeltool.report.findings import headed, spoken
from labeltool.report.tables import PDJ, calibration_frame, joint_frame, slice_frame
from labeltool.skeleton import Skeleton

#: In a project of more labelled people, what takes replicates waits for a click.
FEW_PEOPLE = 3_000

#: The people with the least OKS.
ALL_PEOPLE = "least OKS"

#: The statuses as they are read.
STATUS_NAMES: Mapping[str, str] = {
    "unlabelled": "Unlabelled",
    "prefilled": "Pre-filled",
    "in_progress": "In progress",
    "done": "Done",
    "skipped": "Skipped",
}

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


def joint_table(result: AuditResult, study: Study | None = None) -> pd.DataFrame:
    """One row a joint: how many were labelled, mean ks and PDJ at 0.2 with their intervals, what was missed.

    With a study the intervals are the bootstrap's, and a row over all joints stands last; else PDJ has Wilson's.
    """
    rows = [
        _joint_line(
            spoken(row.joint),
            row.n,
            row.ks,
            (row.pdj, row.pdj_low, row.pdj_high),
            row.pdj_auc,
            row.endpoint_error,
            row.missed,
            None if study is None else (study.intervals["ks", row.joint], study.intervals[PDJ, row.joint]),
        )
        for row in result.joints
    ]
    if study is not None:
        whole = joint_frame(study).iloc[-1]
        found = (study.intervals["ks", OVERALL], study.intervals[PDJ, OVERALL])
        pdj = (found[1].value, found[1].low, found[1].high)
        rows.append(
            _joint_line(
                "all joints",
                int(whole["labelled"]),
                found[0].value,
                pdj,
                float(whole["pdj_auc"]),
                float(whole["error_px"]),
                int(whole["missed"]),
                found,
            )
        )
    return pd.DataFrame(rows)


def _joint_line(
    joint: str,
    labelled: int,
    ks: float,
    pdj: tuple[float, float, float],
    auc: float,
    error: float,
    missed: int,
    drawn: tuple[Interval, Interval] | None,
) -> dict[str, str | float]:
    """A row of the table; `drawn` are the bootstrap's intervals of ks and PDJ, without which PDJ has Wilson's."""
    share, low, high = pdj if drawn is None else (pdj[0], drawn[1].low, drawn[1].high)
    return {
        "Joint": joint,
        "Labelled": labelled,
        "ks": ks,
        **({} if drawn is None else {"ks, 95 %": between(drawn[0].low, drawn[0].high)}),
        "PDJ@0.2": share,
        "PDJ, 95 %": between(low, high),
        "AUC": auc,
        "Error (px)": error,
        "Missed": missed,
    }


def error_table(result: AuditResult) -> pd.DataFrame:
    """One row a joint, and one over all: the kinds of errors in percent."""
    found = result.diagnosis
    shares, counts = found.shares(), found.kinds.sum(axis=0)
    rows: list[dict[str, str | float]] = [
        {
            "Joint": spoken(joint),
            "Joints": int(counts[k]),
            **{kind: 100 * float(shares[i, k]) for i, kind in enumerate(KINDS)},
        }
        for k, joint in enumerate(found.joints)
    ]
    rows.append({"Joint": "all joints", "Joints": int(counts.sum()), **_percent(found.overall())})
    return pd.DataFrame(rows)


def difference_table(rows: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """The rows of one metric of `comparison_frame`, as they are read."""
    return pd.DataFrame(
        {
            "Joint": [spoken(joint).replace("overall", "all joints") for joint in rows["joint"]],
            a: rows["a"],
            b: rows["b"],
            "Difference": rows["difference"],
            "95 % interval": [
                f"{low:+.3f} to {high:+.3f}" if low == low else "–"
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "First ahead": rows["p_a_better"],
        }
    )


def slice_table(study: Study) -> pd.DataFrame:
    """The groups that have somebody in them, with ks, PDJ and AP and their intervals."""
    frame = slice_frame(study)
    frame = frame[frame["people"] > 0]
    columns: dict[str, object] = {
        "Group": frame["group"],
        "Which": frame["name"],
        "People": frame["people"],
        "Joints": frame["joints"],
    }
    for name, metric in (("ks", "ks"), ("PDJ@0.2", "pdj@0.2"), ("AP", "AP")):
        columns[name] = frame[metric]
        ends = zip(frame[f"{metric}_low"], frame[f"{metric}_high"], strict=True)
        columns[f"{name}, 95 %"] = [between(low, high) for low, high in ends]
    return pd.DataFrame(columns)


def threshold_table(study: Study) -> pd.DataFrame:
    """Calibration by joint, and the confidence below which somebody should look; the last two columns in percent."""
    frame = calibration_frame(study)
    return pd.DataFrame(
        {
            "Joint": [spoken(joint) for joint in frame["joint"]],
            "Predictions": frame["n"],
            "Right": frame["right"],
            "Calibration error": frame["calibration_error"],
            "Look below": ["always" if t != t else f"{t:.3f}" for t in frame["look_below"]],
            "Need no look": 100 * frame["kept"],
            "Errors caught": 100 * frame["caught"],
        }
    )


def help_table(found: Help) -> pd.DataFrame:
    """The model on people it helped and on people labelled blind, a row a measure; empty where nothing was compared."""
    return pd.DataFrame(help_rows(found), columns=["Measure", *map(headed, HELP_COLUMNS)])


def group_names(skeleton: Skeleton) -> list[str]:
    """What the pictures of people may be sorted by."""
    return [ALL_PEOPLE, *KINDS[1:], MISSED, BACKGROUND, *skeleton.joints]


def cases_of(subject: Subject, table: PeopleTable, group: str, most: int) -> list[Case]:
    """The worst cases of one of `group_names`, at most so many."""
    if group == ALL_PEOPLE:
        return worst_people(subject, table, most)
    if group == MISSED:
        return missed_people(subject, table, most)
    if group == BACKGROUND:
        return background_detections(subject, table, most)
    if group in KINDS:
        return worst_of_kind(subject, table, group, most)
    return worst_of_joint(subject, table, subject.skeleton.index(group), most)


def between(low: float, high: float) -> str:
    """An interval as it is read; a dash where there is none."""
    return "–" if math.isnan(low) or math.isnan(high) else f"{number(low)} to {number(high)}"


def _percent(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: 100 * value for name, value in shares.items()}
