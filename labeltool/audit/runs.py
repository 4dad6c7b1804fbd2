"""Runs of equal numbers in sorted arrays, which numpy's `unique` would sort or hash once more."""

from __future__ import annotations

import numpy as np

from labeltool.audit.people import IntArray


def run_starts(values: IntArray) -> IntArray:
    """Where each run of equal values begins in a sorted array: ascending positions, the first 0."""
    new = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)


def distinct(*arrays: IntArray) -> IntArray:
    """The values of all arrays, each once, ascending."""
    values = np.sort(np.concatenate(arrays))
    return values.take(run_starts(values))
