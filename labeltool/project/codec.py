"""How people stand in columns: joints as flat JSON in skeleton order, sources as letters, states as JSON by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from labeltool.project.edits import State
from labeltool.project.values import SOURCES, Box, Joint

#: One letter a source in the column `sources`.
LETTERS: Mapping[str, str] = {
    "imported": "i",
    "predicted": "p",
    "accepted": "a",
    "moved": "m",
    "added": "n",
    "removed": "r",
}
_SOURCE_OF = {letter: source for source, letter in LETTERS.items()}

#: JSON as the store writes it: compact, ASCII, key order kept, ints and floats exact; NaN and Infinity raise ValueError.
encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
decode = json.loads


def encode_row(value: Any) -> str:
    """The value as `encode` writes it, several times faster where orjson is sure to write the same value.

    orjson writes NaN as null, and cannot write all that Python can: both are left to `encode`.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:  # that of orjson is one, too
        return encode(value)
    return encode(value) if b"null" in text or not text.isascii() else text.decode("ascii")


def encode_numbers(values: Sequence[float]) -> str:
    """A list of finite numbers as `encode` writes it."""
    try:
        return orjson.dumps(values).decode("ascii")
    except TypeError:  # an integer of more than 64 bits
        return encode(values)


def encode_box(box: Box | None) -> str | None:
    """The box as JSON, or None."""
    return None if box is None else encode(box)


def decode_box(text: str | None) -> Box | None:
    """The inverse of `encode_box`."""
    if text is None:
        return None
    x, y, w, h = decode(text)
    return (x, y, w, h)


def encode_joints(joints: Mapping[str, Joint]) -> tuple[str | None, str]:
    """The columns `keypoints` (None where no joint is labelled) and `sources` (one letter when all are alike)."""
    flat: list[float] = []
    letters = []
    for joint in joints.values():
        flat += (joint.x, joint.y, joint.v)
        letters.append(LETTERS[joint.source])
    labelled = any(joint.v for joint in joints.values())
    short = letters[:1] if len(set(letters)) == 1 else letters
    return (encode(flat) if labelled else None), "".join(short)


def decode_keypoints(keypoints: str | None, count: int) -> list[float]:
    """The flat 3K numbers of a `keypoints` column, exactly as they came."""
    return [0] * (3 * count) if keypoints is None else decode(keypoints)


def spread_sources(sources: str, count: int) -> str:
    """The letters of a `sources` column, one a joint."""
    return sources * count if len(sources) == 1 else sources


def source_names(sources: str, count: int) -> list[str]:
    """The K sources of a `sources` column."""
    return [_SOURCE_OF[letter] for letter in spread_sources(sources, count)]


def decode_joints(names: Sequence[str], keypoints: str | None, sources: str) -> dict[str, Joint]:
    """The joints by name; with v = 0 they stand at (0, 0) whatever the imported file held there."""
    flat = decode_keypoints(keypoints, len(names))
    joints = {}
    for index, (name, source) in enumerate(zip(names, source_names(sources, len(names)), strict=True)):
        x, y, v = flat[3 * index : 3 * index + 3]
        joints[name] = Joint(x, y, int(v), source) if v else Joint(0, 0, 0, source)
    return joints


def encode_state(state: State) -> str:
    """The JSON of a state, for the log: box, deleted, joints by name as [x, y, v, source]."""
    joints = {name: (joint.x, joint.y, joint.v, joint.source) for name, joint in state.joints.items()}
    return encode({"box": state.box, "deleted": state.deleted, "joints": joints})


def decode_state(data: Mapping[str, Any], names: Sequence[str]) -> State:
    """The state that the log holds."""
    box = data["box"]
    joints = {name: Joint(*data["joints"][name]) for name in names}
    return State(None if box is None else (box[0], box[1], box[2], box[3]), joints, data["deleted"])


def encode_guess(joints: Mapping[str, tuple[float, float, float]], names: Sequence[str]) -> str:
    """A prediction's joints as flat JSON: x, y, confidence, or null three times where the model says nothing."""
    nothing = (None, None, None)
    return encode([value for name in names for value in joints.get(name, nothing)])


def decode_guess(text: str, names: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """The inverse of `encode_guess`."""
    flat = decode(text)
    return {
        name: (flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]) for i, name in enumerate(names) if flat[3 * i] is not None
    }


def tally(joints: Mapping[str, Joint]) -> dict[str, int]:
    """The counters that a row of people carries: `labelled`, `hidden`, and `from_<source>` for every source."""
    counts = {f"from_{source}": 0 for source in SOURCES}
    labelled = hidden = 0
    for joint in joints.values():
        if joint.v > 0 or joint.source == "removed":
            counts[f"from_{joint.source}"] += 1
        if joint.v > 0 and joint.is_human:
            labelled += 1
            hidden += joint.v == 1
    return {"labelled": labelled, "hidden": hidden, **counts}
