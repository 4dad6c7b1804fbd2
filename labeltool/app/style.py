"""The little that the theme cannot say: room at the sides, a slim head, small print dark enough to read (WCAG 2.2 AA)."""

from __future__ import annotations

import streamlit as st

_EVERY_PAGE = """
<style>
[data-testid="stMainBlockContainer"] { padding-left: 2rem; padding-right: 2rem; max-width: 1440px; margin: 0 auto; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.8; }
</style>
"""

_FULL_PAGE = """
<style>
[data-testid="stMainBlockContainer"] { padding: 0; padding-top: 3.75rem; max-width: none; }
[data-testid="stMain"] { overflow: hidden; }
</style>
"""


def apply() -> None:
    """Styles every page."""
    st.html(_EVERY_PAGE)


def fill_page() -> None:
    """Lets the next element take the whole page below the head."""
    st.html(_FULL_PAGE)


def plain(text: str) -> str:
    """Text that Markdown shows as it is: names of projects and files hold stars and underscores."""
    for sign in "\\`*_[]<>#$~:":
        text = text.replace(sign, "\\" + sign)
    return text
