"""The Stats page: what the labels hold, in people, joints, sizes and the proportions of bodies."""

from __future__ import annotations

import json

import streamlit as st

from labeltool.app.auditing import STATUS_NAMES
from labeltool.app.counting import Counted, count, joint_table, size_table
from labeltool.app.style import plain
from labeltool.project import STATUSES, Project
from labeltool.report import stats_charts as charts
from labeltool.server.office import current
from labeltool.skeleton import Skeleton

#: Numbers of people an image from here on share a bar.
_MANY = 20


def show() -> None:
    """Shows the page."""
    project = current().project
    st.title("Stats", anchor=False)
    st.caption(
        f"What the labels of **{plain(project.config.name)}** hold: everybody on photos where somebody is labelled. Predictions "
        "that nobody has accepted or moved do not count."
    )
    statuses = st.pills(
        "Photos", STATUSES, selection_mode="multi", format_func=lambda s: STATUS_NAMES[s], help="None chosen: all."
    )
    with st.spinner("Counting…"):
        found = _counted(project, str(project.path), project.mark(), tuple(statuses))
    if not found.stats.people:
        st.info("Nobody is labelled on these photos yet: there is nothing to count.", icon=":material/filter_alt_off:")
        return
    _head(found)
    _people(found, project.skeleton)
    _numbers(found, project.config.name)


@st.cache_resource(max_entries=4, show_spinner=False)
def _counted(_project: Project, path: str, mark: str, statuses: tuple[str, ...]) -> Counted:
    """The numbers, kept until labels or statuses change."""
    return count(_project, statuses)


def _head(found: Counted) -> None:
    stats = found.stats
    visible = sum(flags[2] for flags in stats.flags.values())
    hidden = sum(flags[1] for flags in stats.flags.values())
    labelled, joints = visible + hidden, stats.people * len(stats.flags)
    numbers = (
        ("Labelled photos", f"{stats.images:,}", f"Photos where somebody is labelled, of {found.photos:,}."),
        ("People", f"{stats.people:,}", "People on them, those without a labelled joint included."),
        ("People a photo", f"{stats.people / stats.images:.2f}", "On average, crowd regions left out."),
        ("Joints labelled", f"{labelled / joints:.1%}", f"{labelled:,} of {joints:,} joints have v = 1 or 2."),
        (
            "Hidden",
            f"{hidden / labelled:.1%}" if labelled else "–",
            f"{hidden:,} of the labelled joints have v = 1.",
        ),
        ("Crowd regions", f"{stats.crowds:,}", "They count as nobody."),
    )
    for column, (name, value, meaning) in zip(st.columns(len(numbers)), numbers, strict=True):
        column.metric(name, value, help=meaning, border=True)


def _people(found: Counted, skeleton: Skeleton) -> None:
    stats = found.stats
    left, right = st.columns(2, gap="large")
    left.markdown("**Joints by flag**")
    left.altair_chart(charts.flag_chart(charts.flag_frame(stats)), width="stretch")
    right.markdown("**People a photo**")
    people = charts.count_frame(stats.people_per_image, _MANY)
    right.altair_chart(charts.count_chart(people, "people", "photos"), width="stretch")
    right.markdown("**Labelled joints a person**")
    joints = charts.count_frame(stats.joints_per_person, len(skeleton))
    right.altair_chart(charts.count_chart(joints, "labelled joints", "people"), width="stretch")
    left, right = st.columns(2, gap="large")
    limbs = charts.limb_frame(stats, skeleton)
    left.markdown("**Lengths of limbs**")
    if limbs.empty:
        left.info("Nobody has both ends of a limb and the unit labelled.", icon=":material/info:")
    else:
        left.altair_chart(charts.limb_chart(limbs, stats.limb_unit), width="stretch")
        left.caption(
            "Box: the middle half of people; white: the median; line: nine of ten. Left and right of a limb should look alike: "
            "where they differ, sides may have been swapped."
        )
    right.markdown("**Sizes of people**")
    sizes = charts.size_frame(found.sides)
    if sizes.empty:
        right.info("Nobody has a box.", icon=":material/info:")
    else:
        right.altair_chart(charts.size_chart(sizes, "longer side of the box, px"), width="stretch")
    right.dataframe(
        size_table(stats),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "Number": st.column_config.NumberColumn(format="localized"),
            **{
                name: st.column_config.NumberColumn(format="%.4g")
                for name in ("Least", "A quarter below", "Median", "A quarter above", "Most")
            },
        },
    )


def _numbers(found: Counted, name: str) -> None:
    st.markdown("**Joints in numbers**")
    share = st.column_config.NumberColumn(format="percent")
    whole = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        joint_table(found.stats),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            **{name: whole for name in ("Visible", "Hidden", "Not labelled")},
            **{name: share for name in ("Labelled, of all", "Hidden, of labelled")},
        },
    )
    st.download_button(
        "Download as JSON",
        lambda: json.dumps(found.stats.to_json(), indent=1),
        file_name=f"stats-{name}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="What `labeltool stats --json` prints, of these photos.",
    )
