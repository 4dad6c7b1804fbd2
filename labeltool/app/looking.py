"""The Audit page's offer to write thresholds of confidence to the project, so that the editor rings what lies below."""

from __future__ import annotations

import streamlit as st

from labeltool.app.style import plain
from labeltool.audit.confidence import ConfidenceCounts
from labeltool.errors import AuditError
from labeltool.evaluate.looking import write_thresholds
from labeltool.project import Project
from labeltool.server.office import current


def kept_line(project: Project, model: str) -> str:
    """What the project keeps of a model's thresholds, in words."""
    kept = project.look_below().get(model)
    if kept is None:
        return "The editor rings predictions below a confidence of 0.5."
    when = f"written by {kept.author} on {kept.at[:10]}"
    return f"The editor rings predictions below the thresholds for {kept.precision:.1%}, {when}."


def offer(project: Project, model: str, counts: ConfidenceCounts | None) -> None:
    """Shows the wanted precision, a button that writes the thresholds, and one that goes back to 0.5."""
    if counts is None:
        return
    at, write, back = st.columns([2, 2, 1], vertical_alignment="bottom")
    wanted = at.number_input("Wanted precision", 0.5, 0.999, 0.95, 0.01, format="%.3f", key="look_precision")
    if write.button("Ring what lies below in the editor", icon=":material/lens_blur:", width="stretch"):
        try:
            write_thresholds(project, model, counts, float(wanted), current().user)
        except AuditError as error:
            st.warning(plain(str(error)), icon=":material/warning:")
    if model in project.look_below() and back.button("Back to 0.5", width="stretch"):
        project.set_look_below(model, None, precision=0.0, author=current().user)
    st.caption(plain(kept_line(project, model)))
