"""Values of any type in a few words, for messages: never long, never on two lines, never raising."""

from __future__ import annotations

from typing import Any, Final


class _Missing:
    """Stands for a field that is not there."""

    def __repr__(self) -> str:
        return "missing"


#: What `dict.get` returns for a field that is not there, where null must be told apart.
MISSING: Final = _Missing()


def show(value: Any, depth: int = 2) -> str:
    """A value of parsed JSON in a few words: strings quoted and cut, lists with their length, `missing` for MISSING."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 200 else f"an integer of {value.bit_length():,} bits"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, list):
        return _show_list(value, depth)
    if isinstance(value, dict):
        return f"an object of {len(value)} field{'' if len(value) == 1 else 's'}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _show_list(values: list[Any], depth: int) -> str:
    if depth <= 0:
        return f"a list of {len(values)}"
    shown = ", ".join(show(v, depth - 1) for v in values[:4])
    return f"[{shown}]" if len(values) <= 4 else f"[{shown}, ... {len(values)} values]"
