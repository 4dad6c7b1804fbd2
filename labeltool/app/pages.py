"""The pages and the way between them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from labeltool.app import audit_page, export_page, label_page, queue_page, stats_page, style
from labeltool.server.office import current

_ICON = Path(__file__).parent / "icon.svg"


def run() -> None:
    """Shows the page that the address asks for."""
    name = current().project.config.name
    st.set_page_config(page_title=f"{name} · labeltool", page_icon=str(_ICON), layout="wide")
    style.apply()
    pages = [
        st.Page(label_page.show, title="Label", icon=":material/gesture_select:", url_path="label", default=True),
        st.Page(queue_page.show, title="Queue", icon=":material/checklist:", url_path="queue"),
        st.Page(export_page.show, title="Export", icon=":material/download:", url_path="export"),
        st.Page(stats_page.show, title="Stats", icon=":material/bar_chart:", url_path="stats"),
        st.Page(audit_page.show, title="Audit", icon=":material/query_stats:", url_path="audit"),
    ]
    st.navigation(pages, position="top").run()
