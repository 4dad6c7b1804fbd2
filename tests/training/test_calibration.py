from __future__ import annotations

import numpy as np
import pytest

from labeltool.errors import ModelError
from labeltool.training.calibration import fit_logistic


def test_the_curve_that_made_the_labels_is_found() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, (20_000, 3))
    offsets = np.array([-1.0, 0.5, 2.0])
    right = rng.random(x.shape) < 1 / (1 + np.exp(-(0.7 * x + offsets)))
    fitted = fit_logistic(x, right, np.ones_like(right))
    assert fitted.slopes == pytest.approx((0.7,), abs=0.03)
    assert np.allclose(fitted.offsets, offsets, atol=0.08)


def test_the_curve_over_several_numbers_is_found() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, 2, (20_000, 2, 2))
    offsets = np.array([-1.0, 0.5])
    right = rng.random(x.shape[:2]) < 1 / (1 + np.exp(-(x @ np.array([0.7, -0.3]) + offsets)))
    fitted = fit_logistic(x, right, np.ones_like(right))
    assert fitted.slopes == pytest.approx((0.7, -0.3), abs=0.03)
    assert np.allclose(fitted.offsets, offsets, atol=0.08)


def test_a_joint_with_few_labels_goes_with_the_others() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 2, (2000, 2))
    right = rng.random(x.shape) < 1 / (1 + np.exp(-x))
    counted = np.ones_like(right)
    counted[2:, 1] = False
    right[:2, 1] = False
    fitted = fit_logistic(x, right, counted)
    assert abs(fitted.offsets[1] - fitted.offsets[0]) < 1.0


def test_labels_that_a_line_divides_and_labels_of_one_kind_stay_finite() -> None:
    x = np.linspace(-1, 1, 50)[:, None]
    for right in (x > 0, np.ones_like(x, dtype=bool)):
        fitted = fit_logistic(x, right, np.ones_like(right))
        assert np.isfinite([*fitted.slopes, *fitted.offsets]).all()


def test_nothing_to_fit_is_one_line() -> None:
    nothing = np.zeros((4, 2), dtype=bool)
    with pytest.raises(ModelError, match="calibration: no labelled joint"):
        fit_logistic(np.zeros((4, 2)), nothing, nothing)
