"""Whether values of parsed JSON are numbers that can be computed with."""

from __future__ import annotations

import math
from typing import Any

_NUMBERS = frozenset({int, float})


def is_finite_number(value: Any) -> bool:
    """Whether a value is an int or float (no bool) that is finite and that a float can hold."""
    try:
        return type(value) in _NUMBERS and math.isfinite(value)
    except OverflowError:
        return False


def all_finite_numbers(values: list[Any]) -> bool:
    """Whether every value of a list is a finite number (see `is_finite_number`)."""
    if not _NUMBERS.issuperset(map(type, values)):
        return False
    try:
        # One pass in C for the usual case; only a sum that overflows asks for a look at each number.
        if math.isfinite(sum(values)):
            return True
    except OverflowError:
        pass
    return all(map(is_finite_number, values))
