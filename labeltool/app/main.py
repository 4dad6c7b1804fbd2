"""The script that Streamlit runs for every view of a page."""

from __future__ import annotations

from labeltool.app.pages import run

run()
