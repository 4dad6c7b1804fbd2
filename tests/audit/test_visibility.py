from __future__ import annotations

import numpy as np
import pytest

from labeltool.audit.visibility import count_visibility
from labeltool.errors import AuditError


def test_confusion_by_joint():
    found = count_visibility([[0, 2], [1, 2], [2, 2]], [[0, 2], [2, 2], [2, 1]], ["a", "b"])
    assert found.counts[0].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert found.counts[1].tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 2]]
    assert found.overall().sum() == 6
    assert found.agreement() == pytest.approx([2 / 3, 2 / 3])


def test_kappa_of_a_textbook_table():
    # Both say 2 twenty times, 1 fifteen times; they differ in 5 and 10: kappa .4.
    first = np.repeat([2, 2, 1, 1], [20, 5, 10, 15])[:, None]
    second = np.repeat([2, 1, 2, 1], [20, 5, 10, 15])[:, None]
    assert count_visibility(first, second, ["a"]).kappa() == pytest.approx([0.4])


def test_kappa_at_its_ends():
    rng = np.random.default_rng(0)
    v = rng.integers(0, 3, (30_000, 1))
    assert count_visibility(v, v, ["a"]).kappa() == pytest.approx([1])
    assert count_visibility(v, rng.permutation(v), ["a"]).kappa() == pytest.approx([0], abs=0.02)
    assert np.isnan(count_visibility([[2], [2]], [[2], [2]], ["a"]).kappa()).all()
    assert np.isnan(count_visibility(np.zeros((0, 1)), np.zeros((0, 1)), ["a"]).agreement()).all()


def test_parts_add_up():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 3, (2, 40, 3))
    added = count_visibility(a[:9], b[:9], "xyz") + count_visibility(a[9:], b[9:], "xyz")
    assert (added.counts == count_visibility(a, b, "xyz").counts).all()
    with pytest.raises(AuditError, match="visibility of other joints"):
        added + count_visibility([[1]], [[1]], ["x"])


def test_flags_that_are_none_are_refused():
    with pytest.raises(AuditError, match="visibility of b of person 0: 3, expected 0, 1 or 2"):
        count_visibility([[0, 3]], [[0, 0]], ["a", "b"])
    with pytest.raises(AuditError, match=r"shapes \(1, 2\) and \(1, 1\), expected \(1, 2\) twice"):
        count_visibility([[0, 1]], [[0]], ["a", "b"])
