"""The project's own written guideline: Markdown made HTML that a page may show as it is, and the pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from labeltool.errors import ProjectError

#: Below which route the pictures of a guideline are served.
PICTURES = "/api/guideline"

#: Suffixes of pictures, and what they are; SVG is left out, which may hold scripts.
PICTURE_TYPES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}

#: Bytes that a guideline may have.
_LARGEST = 1_000_000

#: The panel's own title is an h2: a guideline's headings begin below it.
_HEADING_SHIFT = 2


def guideline_html(path: Path) -> str:
    """The guideline as HTML without anything active in it.

    HTML in the Markdown is shown as text. Links open a new tab and lead to http, https or mail addresses only; pictures lie
    beside the file or below its folder (`picture_path`), and others are named instead of shown: nothing is fetched from
    elsewhere.

    Raises:
        ProjectError: the file cannot be read, is no UTF-8, or has more than a megabyte.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ProjectError(f"guideline {path.name}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ProjectError(f"guideline {path.name}: not UTF-8 text, expected Markdown") from None
    if len(data) > _LARGEST:
        raise ProjectError(f"guideline {path.name}: has {len(data):,} bytes, expected at most {_LARGEST:,}")
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = markdown.parse(text)
    _tame(tokens)
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def picture_path(guideline: Path, name: str) -> Path | None:
    """Where a picture of a guideline lies, or None when it is not there, no picture, or outside the guideline's folder."""
    folder = guideline.parent.resolve()
    if "\0" in name:
        return None
    path = (folder / name).resolve()
    if path.suffix.lower() not in PICTURE_TYPES or not path.is_relative_to(folder) or not path.is_file():
        return None
    return path


def _tame(tokens: Sequence[Token]) -> None:
    """Makes links and pictures safe, and lets headings begin below the panel's own."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _HEADING_SHIFT, 6)}"
        elif token.type == "link_open":
            _tame_link(token)
        elif token.type == "image":
            _tame_picture(token)
        if token.children and token.type != "text":
            _tame(token.children)


def _tame_link(token: Token) -> None:
    if urlsplit(str(token.attrGet("href") or "")).scheme in ("http", "https", "mailto"):
        token.attrSet("target", "_blank")
        token.attrSet("rel", "noopener noreferrer")
    else:
        del token.attrs["href"]


def _tame_picture(token: Token) -> None:
    source = urlsplit(str(token.attrGet("src") or ""))
    if source.scheme or source.netloc or source.path.startswith("/"):
        token.type, token.content, token.children = "text", f"[picture: {token.content or 'from elsewhere'}]", None
    else:
        token.attrSet("src", f"{PICTURES}/{quote(unquote(source.path))}")
