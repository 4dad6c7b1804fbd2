"""What an importer returns: the document, where its photos are, and everything that could not be taken as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labeltool.coco.document import CocoDocument
from labeltool.skeleton import Skeleton

#: How many examples a note names; the rest is counted.
MAX_EXAMPLES = 5


@dataclass(frozen=True)
class Imported:
    """Labels read from a foreign format, as a COCO document.

    Attributes:
        document: the labels.
        image_root: the folder that the images' `file_name` is relative to.
        skeleton: the joints of the document's people, in the order of its keypoints.
        notes: what a user should know of the import, a line each: whatever was dropped, changed or looks odd.
        problems: for the id of each image whose photo cannot be used the reason.
    """

    document: CocoDocument
    image_root: Path
    skeleton: Skeleton
    notes: tuple[str, ...]
    problems: Mapping[int, str]


def note(text: str, examples: Sequence[str]) -> str:
    """A note that counts its cases and names the first few: `2 joints were ...: im00012 left_wrist, im00013 head_top`.

    Args:
        text: the note with `{n}` for the count and, where needed, `{s}` for the plural's s.
        examples: every case, in order.
    """
    shown = ", ".join(examples[:MAX_EXAMPLES])
    more = f", and {len(examples) - MAX_EXAMPLES:,} more" if len(examples) > MAX_EXAMPLES else ""
    return f"{text.format(n=f'{len(examples):,}', s='' if len(examples) == 1 else 's')}: {shown}{more}"
