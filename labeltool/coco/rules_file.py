"""Rules C001-C004: the file as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labeltool.coco.document import SECTIONS, type_name
from labeltool.coco.findings import Hits, rule
from labeltool.coco.jsonscan import Places
from labeltool.coco.show import show
from labeltool.coco.view import View

KNOWN_KEYS = ("info", "licenses", *SECTIONS)


@rule("C001", "error", "write the file again as UTF-8 JSON whose top level is one object")
def valid_json(view: View) -> Iterator[Hits]:
    """The file is valid UTF-8 JSON, and its top level is an object.

    A list is taken for a file of results (R601). Also an error: a key that stands twice in one object, of which every reader
    silently keeps one value. A byte order mark is a warning: labeltool passes over it, but pycocotools cannot read such a file.

    Bad: `{"images": [], "annotations": [{"id": 1,` (cut in the middle)
    Good: `{"images": [], "annotations": [], "categories": []}`
    """
    if not isinstance(view.data, dict | list):
        yield _whole(f"the top level is {type_name(view.data)}, expected an object with {', '.join(SECTIONS)}")
    if view.file is not None:
        if view.file.duplicates.count:
            yield _listed(view.file.duplicates, "the key {} stands twice in one object", "keep the value that is meant")
        if view.file.byte_order_mark:
            text = "starts with a UTF-8 byte order mark, which pycocotools cannot read"
            yield Hits([0], lambda _: "file", lambda _: text, "warning", "save the file without the mark")


@rule("C002", "error", "give the document all three lists; empty ones may be []")
def sections_present(view: View) -> Iterator[Hits]:
    """`images`, `annotations` and `categories` are present, and are lists of objects.

    Bad: `{"images": [], "annotations": null}`
    Good: `{"images": [], "annotations": [], "categories": []}`
    """
    if not isinstance(view.data, dict):
        return
    for name in SECTIONS:
        if name not in view.data:
            yield _whole(f"{name!r} is missing, expected a list")
            continue
        section = view.data[name]
        if not isinstance(section, list):
            yield _whole(f"{name!r} is {type_name(section)}, expected a list")
            continue
        yield _strangers(name, section)


@rule("C003", "error", "replace each by a finite number, or mark the joint not labelled (0, 0, 0)")
def finite_numbers(view: View) -> Iterator[Hits]:
    """Every number is finite: no NaN, no Infinity, nothing too large for a float.

    JSON has no such literals, and one NaN coordinate in a detection 300 pixels off can make pycocotools say AP 1.0.

    Bad: `"keypoints": [NaN, 20, 2]`
    Good: `"keypoints": [0, 0, 0]`
    """
    if view.nonfinite.count:
        yield _listed(view.nonfinite, "{} is no JSON number, expected a finite one", quoted=False)


@rule("C004", "warning", "nothing to do if the field is meant: it is kept")
def unknown_keys(view: View) -> Iterator[Hits]:
    """The top level holds only `info`, `licenses`, `images`, `annotations` and `categories`.

    Whatever else stands there is kept when labeltool writes the document, but other tools may drop it.

    Bad: `{"images": [], "annotations": [], "categories": [], "catgories": []}`
    Good: `{"info": {}, "images": [], "annotations": [], "categories": []}`
    """
    unknown = [key for key in view.top if key not in KNOWN_KEYS]
    yield Hits(range(len(unknown)), lambda _: "top level", lambda i: f"unknown key {show(unknown[i])}, kept as it is")


def _strangers(name: str, section: list[Any]) -> Hits:
    rows = [i for i, item in enumerate(section) if not isinstance(item, dict)]
    return Hits(rows, lambda i: f"{name}[{i}]", lambda i: f"is {show(section[i])}, expected an object")


def _whole(text: str, hint: str | None = None) -> Hits:
    return Hits([0], lambda _: "file", lambda _: text, None, hint)


def _listed(places: Places, text: str, hint: str | None = None, *, quoted: bool = True) -> Hits:
    first = places.first
    return Hits(
        range(len(first)),
        lambda i: str(first[i]),
        lambda i: text.format(show(first[i].text) if quoted else first[i].text),
        None,
        hint,
        places.count,
    )
