"""The Queue page: how far the work is, who labels how fast, and every image, a page at a time."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from labeltool.app import style
from labeltool.app.queueing import (
    FILTER_NAMES,
    ORDER_NAMES,
    PAGE,
    Overview,
    duration,
    images_table,
    last_page,
    mark_names,
    mark_reasons,
    overview,
    paces_table,
    reasons_table,
    share,
)
from labeltool.project import Project
from labeltool.server.office import current

_COLOURS = {
    "done": "#2e9e6b",
    "in_progress": "#3d8bfd",
    "prefilled": "#8b6cef",
    "unlabelled": "#8a919e",
    "skipped": "#d98a00",
}

_BAR = """
<style>
.lt-bar { display: flex; height: 14px; gap: 2px; border-radius: 7px; overflow: hidden; }
.lt-bar > span { min-width: 2px; }
ul.lt-legend.lt-legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 10px 0 0; padding: 0; }
ul.lt-legend.lt-legend { list-style: none; font-size: 0.92rem; }
ul.lt-legend.lt-legend li { margin: 0; }
.lt-legend i { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 3px; }
.lt-legend b { font-weight: 650; font-variant-numeric: tabular-nums; }
</style>
"""


def show() -> None:
    """Shows the page."""
    project = current().project
    found = overview(project)
    st.title("Queue", anchor=False)
    st.caption(f"How far **{style.plain(project.config.name)}** is, and every image of it.")
    _show_progress(found)
    images, labellers, skipped = st.tabs(["Images", "Labellers", "Skipped"])
    with images:
        _show_images(project)
    with labellers:
        _show_labellers(found)
    with skipped:
        _show_reasons(found)


def _show_progress(found: Overview) -> None:
    progress = found.progress
    rate = found.team.people_per_hour
    images = sum(progress.by_status.values())
    done = progress.by_status["done"]
    numbers = (
        ("Images done", f"{done:,} of {images:,}", "Images that were submitted, of all."),
        (
            "People done",
            f"{progress.people_done:,} of {progress.people:,}",
            "People on images that are done. Those on skipped images are left out of both.",
        ),
        (
            "Joints decided",
            f"{share(progress.joints_done, progress.joints):.1%}",
            f"{progress.joints_done:,} of {progress.joints:,}: all joints of people on images that are done, and elsewhere those "
            "with a human's word.",
        ),
        (
            "People an hour",
            "–" if rate is None else f"{rate:,.0f}",
            "People worked on for each active hour, all labellers together; pauses over 30 s are no work.",
        ),
        (
            "Work left",
            duration(found.seconds_left),
            "Active time of one labeller for the people that wait, at that rate. An image without people yet counts as many as "
            "an image that is done has on average.",
        ),
        (
            "Needs fix",
            f"{progress.needs_fix:,}",
            "The photo cannot be shown, the labels have an error, or a reviewer flagged it.",
        ),
    )
    for column, (name, value, meaning) in zip(st.columns(len(numbers)), numbers, strict=True):
        column.metric(name, value, help=meaning, border=True)
    st.html(_status_bar(progress.by_status))


def _status_bar(counts: Mapping[str, int]) -> str:
    order = [status for status in _COLOURS if counts[status]]
    parts = "".join(
        f'<span style="flex: {counts[s]} 1 0; background: {_COLOURS[s]}" title="{FILTER_NAMES[s]}: {counts[s]:,}"></span>'
        for s in order
    )
    legend = "".join(
        f'<li><i style="background: {_COLOURS[s]}"></i>{html.escape(FILTER_NAMES[s])} <b>{counts[s]:,}</b></li>'
        for s in _COLOURS
    )
    spoken = ", ".join(f"{FILTER_NAMES[s]} {counts[s]:,}" for s in order)
    bar = f'<div class="lt-bar" role="img" aria-label="Images by status: {spoken}">{parts}</div>'
    return f'{_BAR}{bar}<ul class="lt-legend">{legend}</ul>'


@st.fragment
def _show_images(project: Project) -> None:
    """A fragment: turning a page asks for fifty images, and nothing else of the page."""
    marks = mark_names(project.mark_counts())
    labellers = ["", *project.labellers()]
    _take_address(list(marks), labellers)
    which_at, mark_at, labeller_at, order_at, seed_at, text_at = st.columns([2, 2, 2, 2, 1, 2])
    which = which_at.selectbox("Show", list(FILTER_NAMES), format_func=FILTER_NAMES.__getitem__, key="queue_which")
    mark = mark_at.selectbox("Marked", list(marks), format_func=marks.__getitem__, key="queue_mark")
    labeller = labeller_at.selectbox(
        "Labelled by", labellers, format_func=lambda n: n or "Anybody", key="queue_labeller"
    )
    order = order_at.selectbox("Order", list(ORDER_NAMES), format_func=ORDER_NAMES.__getitem__, key="queue_order")
    seed = seed_at.number_input("Seed", value=1, step=1, disabled=order != "random", key="queue_seed")
    text = text_at.text_input("Name or id", placeholder="a part of the name, or an id", key="queue_text")
    wish: dict[str, Any] = {"order": order, "seed": int(seed), "text": text, "mark": mark, "labeller": labeller}
    page = partial(project.queue_page, which, **wish, limit=PAGE)
    total, entries = page(offset=0)
    pages = last_page(total)
    if st.session_state.get("queue_number", 1) > pages:
        st.session_state["queue_number"] = pages
    table = st.container()
    below, number_at = st.columns([5, 1], vertical_alignment="bottom")
    number = int(number_at.number_input("Page", min_value=1, max_value=pages, step=1, key="queue_number"))
    first = (number - 1) * PAGE
    if number > 1:
        _, entries = page(offset=first)
    if not entries:
        table.info("No image is like that.", icon=":material/search_off:")
        return
    below.caption(f"{first + 1:,} to {first + len(entries):,} of {total:,} images")
    reasons = mark_reasons(project, entries, mark) if mark else None
    _image_table(table, images_table(entries, part_of(mark, labeller), reasons))


def part_of(mark: str, labeller: str) -> str:
    """The editor's filter for a choice of marks or, without one, of a labeller."""
    return f"mark:{mark}" if mark else f"by:{labeller}" if labeller else ""


def _take_address(marks: Sequence[str], labellers: Sequence[str]) -> None:
    """Takes over what the page's address asks for (`?mark=suspects:limb&which=done&labeller=anna&order=mark`), once."""
    known = {"which": list(FILTER_NAMES), "mark": marks, "labeller": labellers, "order": list(ORDER_NAMES)}
    for name, values in known.items():
        asked = st.query_params.get(name)
        if asked in values:
            st.session_state[f"queue_{name}"] = asked
        if asked is not None:
            del st.query_params[name]


def _image_table(place: st.delta_generator.DeltaGenerator, frame: pd.DataFrame) -> None:
    place.dataframe(
        frame,
        hide_index=True,
        height="content",
        column_config={
            "Open": st.column_config.LinkColumn(
                "Open", display_text="Open", width=60, help="Opens the image on the Label page."
            ),
            "Image": st.column_config.TextColumn(width="medium"),
            "Id": st.column_config.NumberColumn(width="small", format="%d"),
            "Status": st.column_config.TextColumn(width="small"),
            "People": st.column_config.NumberColumn(width="small"),
            "Joints decided": st.column_config.NumberColumn(width="small", help="Joints with a human's word."),
            "Doubt": st.column_config.ProgressColumn(
                width="small",
                min_value=0,
                max_value=1,
                format="%.2f",
                help="How unsure models are about the most doubtful person: by joints' confidence, by two models' disagreement, "
                "and by how little the pose looks like a body's. 0 is no doubt; nothing where no model spoke.",
            ),
            "Note": st.column_config.TextColumn(width="large"),
        },
    )


def _show_labellers(found: Overview) -> None:
    if not found.paces:
        st.info("Nobody has labelled anything yet.", icon=":material/info:")
        return
    st.dataframe(
        paces_table(found.paces),
        hide_index=True,
        column_config={
            "Active hours": st.column_config.NumberColumn(format="%.2f"),
            "People an hour": st.column_config.NumberColumn(format="%.0f"),
        },
    )


def _show_reasons(found: Overview) -> None:
    if not found.reasons:
        st.info("No image was skipped.", icon=":material/info:")
        return
    st.dataframe(reasons_table(found.reasons), hide_index=True)
