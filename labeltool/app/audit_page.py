"""The Audit page: a model's predictions held against the labels, live as labelling goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from labeltool.app import looking, measured, worst
from labeltool.app.auditing import (
    ALL_PEOPLE,
    FEW_PEOPLE,
    OKS_NUMBERS,
    SCALES,
    STATUS_NAMES,
    between,
    cases_of,
    coverage_line,
    difference_table,
    error_table,
    group_names,
    help_table,
    joint_table,
    number,
    run_label,
    slice_table,
    threshold_table,
)
from labeltool.app.style import plain
from labeltool.audit import OVERALL, AuditResult, Scale
from labeltool.errors import AuditError
from labeltool.evaluate import Choices, Comparison, Study, help_line, run_names, taught_line
from labeltool.evaluate.people import Case
from labeltool.project import STATUSES, ModelSummary, Project
from labeltool.report import charts, report_zip
from labeltool.report.findings import findings, headed, spoken, verdict
from labeltool.report.gallery import caption_of, where_of
from labeltool.report.tables import (
    PDJ,
    comparison_frame,
    confusion_frame,
    distance_frame,
    error_frame,
    joint_frame,
    reliability_frame,
)
from labeltool.server.office import current

#: Pictures in a row, and rows at most.
_ACROSS, _ROWS = 6, 3
_BOOTSTRAP = "From a bootstrap by image, 1,000 replicates"
#: Longest side of a picture in pixels.
_SIDE = 360


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
    chosen, statuses, scale, part = _choices(project, models)
    try:
        with st.spinner("Measuring…"):
            key = measured.key_of(project, chosen, statuses, *part)
            if not measured.subjects(project, key)[0].labels.people.any():
                st.info("No labelled person on photos like that.", icon=":material/filter_alt_off:")
                return
            result = measured.results(project, key, scale)[0]
        found = _intervals(project, key, scale, result)
    except AuditError as error:
        st.warning(plain(str(error).removeprefix(f"{project.path}: ")), icon=":material/warning:")
        return
    study, comparison = found if found is not None else (None, None)
    if line := taught_line(measured.subjects(project, key)):
        st.caption(line)
    _head(result, study, comparison)
    shown: dict[str, Callable[[], None]] = {
        "Joints": lambda: _joints(result, study),
        "Errors": lambda: _errors(result, study),
        "On whom": lambda: _on_whom(study),
        "Confidence": lambda: _confidence(study, project),
        "People": lambda: _people(project, key, scale),
        "Help": lambda: _help(project, key, scale),
    }
    if len(chosen) > 1:
        shown = {"Comparison": lambda: _comparison(comparison), **shown}
    # Only the open one is worked out: pictures and tables of a large project take their time.
    for tab, draw in zip(st.tabs(list(shown), on_change="rerun", key="audit-tabs"), shown.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _choices(
    project: Project, models: Sequence[ModelSummary]
) -> tuple[tuple[str, ...], tuple[str, ...], Scale, tuple[str, str]]:
    """The models (one or two), the statuses (none for all), the scale, and the part of the queue that the page asks for."""
    left, middle, right = st.columns(3)
    model = left.selectbox("Model", models, format_func=run_label)
    others = [one for one in models if one != model]
    versus = middle.selectbox(
        "Compare with", [None, *others], format_func=lambda m: "no other model" if m is None else run_label(m),
        placeholder="no other model",
    )  # fmt: skip
    scale = right.radio("Scale of the OKS", list(SCALES), format_func=lambda s: SCALES[s], horizontal=True)
    statuses = st.pills(
        "Photos", STATUSES, selection_mode="multi", format_func=lambda s: STATUS_NAMES[s], help="None chosen: all."
    )
    part = worst.choose_part(project)
    link = worst.queue_link(statuses, *part)
    st.caption(
        f"[Show these photos in the queue]({link})"
        if link
        else "The queue shows photos of one status, unfinished ones, or all."
    )
    names = run_names(models)
    chosen = (names[model],) if versus is None else (names[model], names[versus])
    return chosen, tuple(statuses), "area" if scale == "area" else "bbox-diagonal", part


def _intervals(
    project: Project, key: measured.Key, scale: Scale, result: AuditResult
) -> tuple[Study, Comparison | None] | None:
    """The study with its intervals; in a large project only when asked for."""
    choices = Choices(scale)
    if result.people > FEW_PEOPLE and not st.toggle(
        "Intervals, groups and comparison",
        help=f"A bootstrap of {choices.replicates:,} replicates over {result.people:,} people: it takes a while.",
    ):
        return None
    with st.spinner(f"Drawing {choices.replicates:,} replicates…"):
        return measured.studies(project, key, choices)


def _head(result: AuditResult, study: Study | None, comparison: Comparison | None) -> None:
    st.caption(
        f"{result.people:,} labelled people, {result.people_missed:,} of them without any detection; "
        f"{result.detections:,} detections. "
        f"Scale: {SCALES[result.scale]}."
    )
    numbers = result.oks.as_dict()
    names = list(OKS_NUMBERS)
    for row in (names[:5], names[5:]):
        for column, name in zip(st.columns(5), row, strict=True):
            found = study.intervals.get((name, OVERALL)) if study else None
            column.metric(
                name,
                number(numbers[name]),
                between(found.low, found.high) if found else None,
                delta_color="off",
                delta_arrow="off",
                help=OKS_NUMBERS[name],
                border=True,
                height="stretch",
            )
    for note in (*result.notes, *(study.notes if study else ())):
        st.warning(plain(headed(note)), icon=":material/info:")
    if study is not None:
        st.markdown("\n".join(f"- {plain(line)}" for line in findings(study)))
        _download(study, comparison)


def _download(study: Study, comparison: Comparison | None) -> None:
    """The report as a zip, made when it is asked for."""
    st.download_button(
        "Download the report",
        lambda: report_zip(study, comparison),
        file_name=f"audit-{study.title.replace('@', '-')}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="One page that opens anywhere, tables, plots, pictures, and every number with what repeats it",
    )


def _comparison(comparison: Comparison | None) -> None:
    if comparison is None:
        st.info("Switch on the intervals above to compare the two models.", icon=":material/info:")
        return
    a, b = comparison.a.title, comparison.b.title
    st.markdown("\n".join(f"- {plain(line)}" for line in verdict(comparison)))
    metric = st.segmented_control(
        "Measure", ["ks", PDJ], default="ks", format_func=lambda m: "mean ks" if m == "ks" else "PDJ@0.2", required=True
    )
    frame = comparison_frame(comparison)
    rows = frame[frame["metric"] == metric]
    left, right = st.columns([2, 3])
    left.altair_chart(charts.difference_chart(rows, f"{a} − {b}"), width="stretch")
    right.dataframe(
        difference_table(rows, a, b),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            a: _decimals(),
            b: _decimals(),
            "Difference": st.column_config.NumberColumn(format="%+.3f"),
            "First ahead": st.column_config.ProgressColumn(
                help="Share of replicates in which the first is ahead, a tie as half", min_value=0, max_value=1,
                format="%.3f",
            ),
        },
    )  # fmt: skip
    st.caption(
        "In every replicate the same images are drawn for both. Blue: the interval leaves out zero. One of twenty such intervals "
        "does so by chance."
    )


def _joints(result: AuditResult, study: Study | None) -> None:
    st.caption(coverage_line(result))
    st.dataframe(
        joint_table(result, study),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "ks": _share("Mean keypoint similarity; a missed joint counts as 0"),
            "PDJ@0.2": _share("Share within 0.2 torso diameters of the label"),
            "AUC": st.column_config.NumberColumn(help="Area under the joint's PDJ curve", format="%.3f"),
            "Error (px)": st.column_config.NumberColumn(help="Mean distance to the label, in pixels", format="%.1f"),
            "Labelled": st.column_config.NumberColumn(help="Joints with v = 1 or 2", format="localized"),
            "Missed": st.column_config.NumberColumn(help="Labelled joints without a prediction", format="localized"),
            "ks, 95 %": st.column_config.TextColumn(help=_BOOTSTRAP),
            "PDJ, 95 %": st.column_config.TextColumn(help="Wilson's interval" if study is None else _BOOTSTRAP),
        },
    )
    left, right = st.columns(2, gap="large")
    frame = charts.curve_frame(result.curve(), result.skeleton)
    if frame.empty:
        left.info("No labelled person has both torso ends labelled: there is no diameter to measure by.")
    else:
        left.markdown("**PDJ by threshold**")
        left.altair_chart(charts.pdj_chart(frame), width="stretch")
    if study is not None:
        right.markdown("**Mean ks with its interval**")
        right.altair_chart(charts.interval_chart(joint_frame(study), result.skeleton, "ks", "mean ks"), width="stretch")


def _errors(result: AuditResult, study: Study | None) -> None:
    found = result.diagnosis
    st.caption(
        f"{found.people_missed:,} of {found.people:,} people missed, {found.background:,} of {found.detections:,} detections on "
        "background, matched at OKS ≥ .1. Good: ks ≥ .85. Jitter: .5 to .85. Inversion: nearer to its left-right mirror. "
        "Swap: nearer to somebody else's joint. Miss: near none."
    )
    if not found.kinds.any():
        st.info("No labelled person is matched by a detection.", icon=":material/info:")
        return
    left, right = st.columns(2, gap="large")
    left.altair_chart(charts.error_chart(error_frame(result)), width="stretch")
    table = error_table(result)
    kinds = {name: st.column_config.NumberColumn(format="%.1f %%") for name in table.columns[2:]}
    right.dataframe(table, hide_index=True, width="stretch", height="content", column_config=kinds)
    if study is not None:
        st.markdown("**On which joint of the person a predicted joint lies**")
        st.altair_chart(charts.confusion_chart(confusion_frame(study), result.skeleton), width="content")
        gains = ", ".join(f"{spoken(kind)} {gain:+.3f}" for kind, gain in study.gains.items())
        st.caption(f"How much AP would rise if one kind were fixed and all else stayed: {gains}.")


def _on_whom(study: Study | None) -> None:
    if study is None:
        st.info("Switch on the intervals above to see groups of people.", icon=":material/info:")
        return
    table = slice_table(study)
    shares = {name: _decimals() for name in ("ks", "PDJ@0.2", "AP")}
    st.dataframe(table, hide_index=True, width="stretch", height="content", column_config=shares)
    st.caption(
        "AP of a group counts the false detections of its images: compare it between models, not between groups."
    )


def _confidence(study: Study | None, project: Project) -> None:
    if study is None:
        st.info("Switch on the intervals above to see the reliability curve.", icon=":material/info:")
        return
    frame = reliability_frame(study)
    if frame.empty:
        st.info("The model gives no confidence by joint.", icon=":material/info:")
        return
    left, right = st.columns([2, 3], gap="large")
    left.markdown("**How often it is right when it says so**")
    left.altair_chart(charts.reliability_chart(frame), width="stretch")
    distances = distance_frame(study)
    if not distances.empty:
        left.markdown("**How far off what stays is, when only surer predictions are taken**")
        left.altair_chart(charts.distance_chart(distances), width="stretch")
    right.markdown("**Below which confidence somebody should look**")
    right.dataframe(
        threshold_table(study),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "Right": st.column_config.NumberColumn(help="Share of predictions with ks ≥ .5", format="%.3f"),
            "Calibration error": st.column_config.NumberColumn(
                help="Expected calibration error, ten bins", format="%.3f"
            ),
            "Need no look": st.column_config.NumberColumn(format="%.1f %%"),
            "Errors caught": st.column_config.NumberColumn(format="%.1f %%"),
        },
    )
    st.caption(
        "Chosen on these labels so that 95 % of the predictions at or above it are right with 95 % certainty; 'always' where no "
        "threshold reaches that."
    )
    looking.offer(project, study.title, study.calibration)


def _help(project: Project, key: measured.Key, scale: Scale) -> None:
    """The model on people labelled blind and on those who began with its joints."""
    with st.spinner("Measuring…"):
        found = measured.helped(project, key, Choices(scale))
    if not found.blind and not found.assisted:
        st.info("Nobody was labelled blind yet, and nobody began with this model's joints.", icon=":material/info:")
        return
    st.markdown(plain(headed(help_line(found))) + ".")
    table = help_table(found)
    if not table.empty:
        st.dataframe(table, hide_index=True, width="content", height="content")
        st.caption(
            "Labels that began as the model's guess flatter it: the difference says by how much. People are labelled blind by "
            "chance, so nothing else sets the two groups apart."
        )


@st.fragment
def _people(project: Project, key: measured.Key, scale: Scale) -> None:
    """The worst people as pictures."""
    subject = measured.subjects(project, key)[0]
    table = measured.everybody(project, key, scale)
    group = st.selectbox(
        "Worst first", group_names(subject.skeleton), format_func=lambda g: headed(spoken(g)), width=320
    )
    cases = cases_of(subject, table, group or ALL_PEOPLE, _ACROSS * _ROWS)
    st.markdown(":green[Label], :red[prediction]; yellow: from where a joint was predicted to where it is labelled.")
    if not cases:
        st.info("None.", icon=":material/check_circle:")
    links = worst.links_of(project, subject, cases)
    opens = dict(zip(cases, links, strict=True))
    if cases and st.button("Show the worst of these in the queue", icon=":material/checklist:"):
        every = cases_of(subject, table, group or ALL_PEOPLE, worst.MOST)
        captions = [caption_of(subject, table, case) for case in every]
        link = worst.send_cases(project, subject, every, captions, current().user)
        st.markdown(f"{len(every):,} marked as `{worst.SOURCE}`: [open the queue]({link})")
    for start in range(0, len(cases), _ACROSS):
        for column, case in zip(st.columns(_ACROSS), cases[start : start + _ACROSS], strict=False):
            with column:
                _picture(project, key, case, caption_of(subject, table, case), where_of(subject, case), opens[case])


def _picture(project: Project, key: measured.Key, case: Case, caption: str, where: str, link: str) -> None:
    content = measured.picture(project, key, case, _SIDE)
    if content is None:
        st.info("The photo cannot be shown.", icon=":material/broken_image:")
    else:
        st.image(content, width="stretch")
    st.caption(f"**{plain(caption)}**  \n{plain(where)}  \n[Open]({link})")


def _share(text: str) -> ColumnConfig:
    return st.column_config.ProgressColumn(help=text, min_value=0.0, max_value=1.0, format="%.3f")


def _decimals() -> ColumnConfig:
    return st.column_config.NumberColumn(format="%.3f")
