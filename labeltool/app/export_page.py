"""The Export page: what the labels hold, what is wrong with them, and the file."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from labeltool.app.checking import LARGE, ExportCheck, Spot, check_export, places, title_of, waiting_line
from labeltool.app.style import plain
from labeltool.coco.findings import Finding
from labeltool.server.office import current

_ALL = "All images"
_DONE = "Only images that are done"


def show() -> None:
    """Shows the page."""
    project = current().project
    counts = project.counts()
    done = counts.by_status["done"]
    st.title("Export", anchor=False)
    st.caption(
        f"The labels of **{plain(project.config.name)}** as one COCO keypoint file. What nobody touched leaves as it came."
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("File", anchor=False)
        choice = st.radio("What to export", [_ALL, _DONE], captions=[f"{counts.images:,} images", f"{done:,} images"])
        only_done = choice == _DONE
        empty = only_done and done == 0
        st.link_button(
            "Download COCO JSON",
            f"/api/export?only_done={int(only_done)}",
            icon=":material/download:",
            type="primary",
            disabled=empty,
        )
        waiting = waiting_line(counts)
        if waiting:
            st.info(waiting, icon=":material/hourglass_empty:")
    with right:
        st.subheader("Check", anchor=False)
        if empty:
            st.info("No image is done yet: there is nothing to check.", icon=":material/info:")
        elif counts.images <= LARGE or st.button("Check the labels", icon=":material/fact_check:"):
            with st.spinner("Checking the labels…"):
                check = check_export(project, only_done)
            _show_check(check)


def _show_check(check: ExportCheck) -> None:
    columns = st.columns(4)
    for column, name, number in zip(
        columns,
        ("Images", "Annotations", "Errors", "Warnings"),
        (check.images, check.annotations, check.errors, check.warnings),
        strict=True,
    ):
        column.metric(name, f"{number:,}", border=True)
    if not check.findings:
        st.success("Nothing is wrong with these labels.", icon=":material/check_circle:")
    for finding in check.findings:
        _show_finding(finding, check.spots)


def _show_finding(finding: Finding, spots: Mapping[str, Spot]) -> None:
    error = finding.severity == "error"
    icon = ":material/error:" if error else ":material/warning:"
    with st.expander(title_of(finding), icon=icon, expanded=error):
        st.markdown(f"**What to do:** {plain(finding.hint)}")
        rows = [
            f"- {_open(spots.get(place))}`{place}`: {plain(what)}"
            for place, what in zip(finding.places, finding.details, strict=False)
        ]
        more = finding.count - len(rows)
        if more > 0:
            rows.append(f"- … and {places(more)} more")
        st.markdown("\n".join(rows))


def _open(spot: Spot | None) -> str:
    """A link that opens the editor at a spot, before its place."""
    return "" if spot is None else f'[:material/gesture_select: {plain(spot.photo)}]({spot.link} "Open in the editor") '
