"""The Audit page: a model's predictions held against the labels."""

from __future__ import annotations

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from labeltool.app.auditing import OKS_NUMBERS, SCALES, coverage_line, joint_table, number, run_label, run_name
from labeltool.app.style import plain
from labeltool.audit import AuditResult
from labeltool.errors import AuditError
from labeltool.evaluate import audit_project
from labeltool.report.charts import curve_frame, pdj_chart
from labeltool.server.office import current


def show() -> None:
    """Shows the page."""
    project = current().project
    st.title("Audit", anchor=False)
    st.caption("A model's predictions held against the labels: joints that were imported, accepted, moved or added.")
    models = project.list_models()
    if not models:
        st.info(
            "No model has predictions in this project yet. Run one with `labeltool prefill`, then come back.",
            icon=":material/model_training:",
        )
        return
    left, right = st.columns([3, 2])
    model = left.selectbox("Model", models, format_func=run_label)
    scale = right.radio("Scale of the OKS", list(SCALES), format_func=lambda s: SCALES[s], horizontal=True)
    try:
        with st.spinner("Measuring…"):
            result = audit_project(project, run_name(model), scale="area" if scale == "area" else "bbox-diagonal")
    except AuditError as error:
        st.warning(plain(str(error).removeprefix(f"{project.path}: ")), icon=":material/warning:")
        return
    _show_oks(result)
    _show_pdj(result)
    _show_joints(result)


def _show_oks(result: AuditResult) -> None:
    st.subheader("Object keypoint similarity", anchor=False)
    st.caption(
        f"{result.people:,} labelled people, {result.people_missed:,} of them missed; {result.detections:,} detections. "
        f"Scale: {SCALES[result.scale]}."
    )
    numbers = result.oks.as_dict()
    names = list(OKS_NUMBERS)
    for row in (names[:5], names[5:]):
        for column, name in zip(st.columns(5), row, strict=True):
            column.metric(name, number(numbers[name]), help=OKS_NUMBERS[name], border=True)
    for note in result.notes:
        st.warning(plain(note), icon=":material/info:")


def _show_pdj(result: AuditResult) -> None:
    st.subheader("Percentage of detected joints", anchor=False)
    st.caption(coverage_line(result))
    frame = curve_frame(result.curve(), result.skeleton)
    if frame.empty:
        st.info("No labelled person has both torso ends labelled: there is no diameter to measure by.")
        return
    st.altair_chart(pdj_chart(frame), width="stretch")


def _show_joints(result: AuditResult) -> None:
    st.subheader("Joint by joint", anchor=False)
    st.dataframe(
        joint_table(result),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "ks": _share("Mean keypoint similarity; a missed joint counts as 0"),
            "PDJ@0.2": _share("Share within 0.2 torso diameters of the label"),
            "AUC": st.column_config.NumberColumn(help="Area under the joint's PDJ curve", format="%.3f"),
            "Error (px)": st.column_config.NumberColumn(help="Mean distance to the label, in pixels", format="%.1f"),
            "Missed": st.column_config.NumberColumn(help="Labelled joints without a prediction"),
        },
    )


def _share(text: str) -> ColumnConfig:
    return st.column_config.ProgressColumn(help=text, min_value=0.0, max_value=1.0, format="%.3f")
