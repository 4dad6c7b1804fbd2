from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from labeltool.audit.intervals import wilson
from labeltool.errors import AuditError


@pytest.mark.parametrize(("hits", "counted"), [(0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (15, 148), (0, 1)])
def test_equals_scipy(hits, counted):
    expected = binomtest(hits, counted).proportion_ci(0.95, method="wilson")
    low, high = wilson(hits, counted)
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_of_nothing_is_undefined_and_ends_are_exact():
    low, high = wilson([0, 0, 7], [0, 7, 7])
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert low[1] == 0 and high[2] == 1


def test_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for truth in (0.1, 0.5, 0.93):
        low, high = wilson(rng.binomial(200, truth, 20_000), 200)
        assert 0.93 < ((low <= truth) & (truth <= high)).mean() < 0.97


def test_confidence_must_be_a_share():
    with pytest.raises(AuditError, match="confidence is 95, expected a number between 0 and 1"):
        wilson(1, 2, confidence=95)
