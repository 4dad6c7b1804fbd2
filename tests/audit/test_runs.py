from __future__ import annotations

import numpy as np

from labeltool.audit.runs import distinct, run_starts


def test_runs_begin_where_the_value_changes():
    assert run_starts(np.array([3, 3, 5, 9, 9, 9])).tolist() == [0, 2, 3]
    assert run_starts(np.array([7])).tolist() == [0]
    assert run_starts(np.array([], dtype=int)).tolist() == []


def test_distinct_values_are_numpys_union():
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, 30), rng.integers(-9, 20, 40)
    assert distinct(a, b).tolist() == np.union1d(a, b).tolist()
    assert distinct(a, a[:0]).tolist() == np.unique(a).tolist() and len(distinct(a[:0], a[:0])) == 0
