from __future__ import annotations

import math

import numpy as np
import pytest

from labeltool.audit import Detections, Labels
from labeltool.audit.assisted import anchoring, seconds_spent
from labeltool.audit.by_image import OVERALL
from labeltool.errors import AuditError
from labeltool.skeleton import LSP_14

AREA = 4000.0
SIGMAS = np.array(LSP_14.sigmas)
#: Spread of the model's and of a labeller's error in each coordinate, in units of s k.
MODEL, LABELLER = 0.5, 0.25


def labelled_with_help(pull, *, images=150, seed=0, share_blind=0.3):
    """People of whom some were labelled blind; the others' labels lie `pull` of the way from where they would be to the guess."""
    rng = np.random.default_rng(seed)
    n = 2 * images
    truth = rng.uniform(0, 300, (n, 14, 2))
    unit = (math.sqrt(AREA) * 2 * SIGMAS)[None, :, None]
    guess = truth + rng.normal(0, MODEL, truth.shape) * unit
    label = truth + rng.normal(0, LABELLER, truth.shape) * unit
    blind = rng.random(n) < share_blind
    label = np.where(blind[:, None, None], label, (1 - pull) * label + pull * guess)
    ids = np.arange(n) + 1
    labels = Labels.of(np.repeat(np.arange(images), 2), label, np.full((n, 14), 2), np.full(n, AREA), person=ids)
    return labels, Detections.of(labels.image, guess, rng.random(n), person=ids), blind


def expected_ks(pull):
    """E exp(-d^2 / 2 s^2 k^2) = 1 / (1 + variance) for a normal distance of that variance in each coordinate, in s k."""
    return 1 / (1 + (1 - pull) ** 2 * (MODEL**2 + LABELLER**2))


def found(pull, replicates=300, with_ap=True, **options):
    labels, detections, blind = labelled_with_help(pull, **options)
    return anchoring(labels, detections, LSP_14, blind=blind, assisted=~blind, replicates=replicates, with_ap=with_ap)


@pytest.mark.parametrize("pull", [0.0, 0.3, 0.8])
def test_planted_anchoring_is_recovered_within_its_interval(pull):
    result = found(pull, images=400, seed=5, replicates=200)
    bias = result.bias
    assert bias.a == pytest.approx(expected_ks(pull), abs=0.01) and bias.b == pytest.approx(expected_ks(0), abs=0.01)
    assert bias.low <= expected_ks(pull) - expected_ks(0) <= bias.high
    assert (bias.p_greater > 0.999) == (pull > 0)
    assert result.people_blind + result.people_assisted == 800
    oks = result.differences["oks", OVERALL]
    assert oks.value == pytest.approx(bias.value, abs=1e-9)
    held = [
        d.low <= expected_ks(pull) - expected_ks(0) <= d.high for (m, j), d in result.differences.items() if m == "ks"
    ]
    assert len(held) == 15 and np.mean(held) > 0.75


def test_the_interval_of_the_bias_holds_it_as_often_as_it_says():
    truth = expected_ks(0.4) - expected_ks(0)
    held = 0
    for seed in range(60):
        bias = found(0.4, images=60, seed=100 + seed, replicates=200, with_ap=False).bias
        held += bias.low <= truth <= bias.high
    assert held >= 52


def test_people_of_neither_group_are_left_out():
    labels, detections, blind = labelled_with_help(0.5)
    unknown = np.arange(len(labels)) % 4 == 0
    result = anchoring(labels, detections, LSP_14, blind=blind & ~unknown, assisted=~blind & ~unknown, replicates=20)
    assert result.people_blind + result.people_assisted == (~unknown).sum()


def test_groups_must_be_two_and_apart():
    labels, detections, blind = labelled_with_help(0.5, images=5)
    with pytest.raises(AuditError, match="is blind and assisted, expected one of the two"):
        anchoring(labels, detections, LSP_14, blind=blind, assisted=np.ones_like(blind))
    with pytest.raises(AuditError, match="nobody with a labelled joint was labelled blind"):
        anchoring(labels, detections, LSP_14, blind=np.zeros_like(blind), assisted=~blind)
    with pytest.raises(AuditError, match=r"blind and assisted have shapes \(1,\)"):
        anchoring(labels, detections, LSP_14, blind=[True], assisted=~blind)


def test_seconds_saved():
    rng = np.random.default_rng(0)
    n = 900
    blind = rng.random(n) < 0.3
    seconds = np.where(blind, rng.lognormal(3.5, 0.5, n), rng.lognormal(2.5, 0.5, n))
    seconds[::10] = np.nan
    spent = seconds_spent(np.arange(n) // 3, seconds, blind=blind, assisted=~blind)
    truth = (math.exp(3.5) - math.exp(2.5)) * math.exp(0.125)
    assert spent.saved.low <= truth <= spent.saved.high and spent.saved.high - spent.saved.low < 8
    assert spent.saved.a == pytest.approx(np.nanmean(seconds[blind])) and spent.saved.p_greater > 0.999
    assert spent.blind_median == pytest.approx(math.exp(3.5), rel=0.15)
    assert spent.assisted_median == pytest.approx(np.nanmedian(seconds[~blind]))
    assert spent.blind_people + spent.assisted_people == n - 90
    assert spent.saved_share == pytest.approx(spent.saved.value / spent.saved.a)
    assert spent.saved_total == pytest.approx(spent.saved.value * spent.assisted_people)


def test_seconds_by_hand():
    spent = seconds_spent([1, 1, 2, 2], [60, 20, 40, 10], blind=[1, 0, 1, 0], assisted=[0, 1, 0, 1], replicates=50)
    assert (spent.saved.a, spent.saved.b, spent.saved.value, spent.saved_share, spent.saved_total) == (
        50,
        15,
        35,
        0.7,
        70,
    )
    assert spent.saved.low >= 30 and spent.saved.high <= 40


def test_seconds_that_make_no_sense_are_refused():
    with pytest.raises(AuditError, match="seconds of person 1: negative"):
        seconds_spent([1, 1], [3, -1], blind=[1, 0], assisted=[0, 1])
    with pytest.raises(AuditError, match="no time is known of anybody labelled assisted"):
        seconds_spent([1, 1], [3, np.nan], blind=[1, 0], assisted=[0, 1])
