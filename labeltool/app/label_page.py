"""The Label page: the editor, and nothing else."""

from __future__ import annotations

from functools import cache

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from labeltool.app import style
from labeltool.server.office import Office, current


@cache
def _editor() -> ComponentRenderer:
    """The editor's component. Made when the page is first shown: only then does Streamlit know where its files lie."""
    return st.components.v2.component("labeltool.editor", js="main.js", css="editor.css")


def editor_data(office: Office) -> dict[str, str]:
    """What the editor needs to begin: where the routes lie, a bearer token for them, the project's id."""
    return {"api": "/api", "token": office.access.mint(office.user), "project": office.access.project}


@st.fragment
def show() -> None:
    """Shows the page."""
    style.fill_page()
    _editor()(key="editor", data=editor_data(current()), height="content")
