from __future__ import annotations

import math

import numpy as np
import pytest
from random_files import random_files

from labeltool.audit import Detections, Labels, average_precision, detections_from_coco, labels_from_coco
from labeltool.audit.bootstrap import _weights, _whole_numbers, bootstrap, compare, expect_same_labels, resample
from labeltool.audit.by_image import OVERALL, sum_images, sums_of_values
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14

MEAN = ("value", OVERALL)


@pytest.fixture(scope="module")
def arrays():
    document, results = random_files(8, COCO_17, images=25)
    labels, detections = labels_from_coco(document["annotations"], COCO_17), detections_from_coco(results, COCO_17)
    # Copies of an image must not change the order of equal scores between images.
    rng = np.random.default_rng(0)
    scores = rng.permutation(len(detections)) / len(detections)
    return labels, Detections.of(detections.image, detections.xy, scores, box=detections.box)


def drawn_for_real(labels, detections, images, weights):
    """The sample as a data set of its own: every image as often as it was drawn, under new ids."""
    rows, found, label_image, detection_image = [], [], [], []
    new = 0
    for image, times in zip(images, weights.astype(int), strict=True):
        for _ in range(times):
            new += 1
            for mine, theirs, who in ((rows, label_image, labels.image), (found, detection_image, detections.image)):
                here = np.flatnonzero(who == image)
                mine.extend(here)
                theirs.extend([new] * len(here))
    some = labels.take(np.array(rows, dtype=int))
    some = Labels.of(label_image, some.xy, some.v, some.area, box=some.box, crowd=some.crowd)
    guesses = detections.take(np.array(found, dtype=int))
    return some, Detections.of(detection_image, guesses.xy, guesses.score, box=guesses.box)


def test_a_replicate_is_the_audit_of_the_images_drawn(arrays):
    sums = sum_images(*arrays, COCO_17)
    (drawn,) = resample([sums], 12, seed=4)
    for values, weights in zip(drawn, next(_weights(len(sums.images), 12, 4)), strict=True):
        assert weights.sum() == len(sums.images)
        sample = drawn_for_real(*arrays, sums.images, weights)
        expected = sum_images(*sample, COCO_17).values()
        numbers = average_precision(*sample, COCO_17.sigmas)
        assert (expected["AP", OVERALL], expected["AR", OVERALL]) == (numbers.AP, numbers.AR)
        np.testing.assert_allclose(values, [expected[n] for n in sums.all_names], rtol=0, atol=1e-12)


def clustered(rng, images, people, columns, spread):
    """Independent data sets side by side, (N, columns): people of an image share a part of their value; the mean is 0."""
    image = np.sort(rng.integers(0, images, people))
    shared = rng.normal(0, spread, (images, columns))
    return image, shared[image] + rng.normal(0, 1, (people, columns))


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    image, values = clustered(rng, 150, 400, 1200, spread=1.0)
    sums = sums_of_values(image, [("value", str(i)) for i in range(1200)], values)
    intervals = bootstrap(sums, replicates=600, seed=3).values()
    held = np.mean([i.low <= 0 <= i.high for i in intervals])
    assert 0.93 <= held <= 0.97
    # Taking the people for independent would promise far too much.
    half = 1.96 * values.std(axis=0) / math.sqrt(len(values))
    assert np.mean(np.abs(values.mean(axis=0)) <= half) < 0.85


def test_intervals_of_shares_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    image = np.sort(rng.integers(0, 200, 500))
    hard = rng.beta(4, 2, (200, 1500))
    hit = rng.random((500, 1500)) < hard[image]
    intervals = bootstrap(sums_of_values(image, [("hit", str(i)) for i in range(1500)], hit)).values()
    assert 0.93 <= np.mean([i.low <= 4 / 6 <= i.high for i in intervals]) <= 0.97


def test_paired_differences_hold_the_truth_and_are_sharper_than_unpaired_ones():
    rng = np.random.default_rng(5)
    image, hard = clustered(rng, 150, 400, 800, spread=1.0)
    names = [("value", str(i)) for i in range(800)]
    a = sums_of_values(image, names, hard + rng.normal(0.3, 0.5, hard.shape))
    b = sums_of_values(image, names, hard + rng.normal(0, 0.5, hard.shape))
    found = compare(a, b, replicates=600).values()
    assert 0.93 <= np.mean([d.low <= 0.3 <= d.high for d in found]) <= 0.97
    alone = bootstrap(a, replicates=200).values()
    assert np.mean([d.high - d.low for d in found]) < 0.5 * np.mean([i.high - i.low for i in alone])
    assert np.mean([d.p_greater for d in found]) > 0.99


def test_the_probability_of_being_better_is_calibrated_between_equals():
    rng = np.random.default_rng(6)
    image = np.repeat(np.arange(100), 2)
    names = [("value", str(i)) for i in range(2000)]
    a, b = (sums_of_values(image, names, rng.normal(0, 1, (200, 2000))) for _ in range(2))
    ahead = np.array([d.p_greater for d in compare(a, b, replicates=500).values()])
    assert np.mean(ahead > 0.95) == pytest.approx(0.05, abs=0.015) and np.mean(ahead) == pytest.approx(0.5, abs=0.02)


def model(labels, noise, seed):
    rng = np.random.default_rng(seed)
    xy = labels.xy + rng.normal(0, 1, labels.xy.shape) * noise
    return Detections.of(labels.image, xy, rng.random(len(labels)))


def test_the_better_model_is_named_joint_by_joint():
    rng = np.random.default_rng(7)
    labels = Labels.of(
        np.repeat(np.arange(80), 2), rng.uniform(0, 100, (160, 14, 2)), np.full((160, 14), 2), [3000.0] * 160
    )
    noise = np.full((1, 14, 1), 5.0)
    worse = noise.copy()
    worse[0, :4] = 9
    a, b = (sum_images(labels, model(labels, n, s), LSP_14) for s, n in enumerate((noise, worse)))
    expect_same_labels(a, b)
    found = compare(a, b)
    for joint in LSP_14.joints[:4]:
        d = found["ks", joint]
        assert d.p_greater > 0.999 and 0 < d.low < d.value < d.high and d.value == d.a - d.b
    assert found["oks", OVERALL].p_greater > 0.999 and found["AP", OVERALL].p_greater > 0.999
    back = compare(b, a)
    assert back["ks", "neck"].low == pytest.approx(-found["ks", "neck"].high)
    assert back["ks", "neck"].p_greater == pytest.approx(1 - found["ks", "neck"].p_greater)
    itself = compare(a, a)["AP", OVERALL]
    assert (itself.value, itself.low, itself.high, itself.p_greater) == (0, 0, 0, 0.5)


def test_the_same_seed_gives_the_same_numbers(arrays):
    sums = sum_images(*arrays, COCO_17)
    first = bootstrap(sums, replicates=120, seed=1)
    assert str(bootstrap(sums, replicates=120, seed=1)) == str(first) != str(bootstrap(sums, replicates=120, seed=2))
    for name, interval in first.items():
        assert interval.low <= interval.high or math.isnan(interval.value), name


def test_sums_of_replicates_are_exact_in_any_order():
    rng = np.random.default_rng(3)
    total = rng.normal(0, 1, (400, 5)) * [1, 1e-9, 1e12, 0, 1]
    whole, unit = _whole_numbers(total)
    np.testing.assert_allclose(whole * unit, total, rtol=0, atol=1e-12 * np.abs(total).max())
    for weights in next(_weights(400, 4, 0)):
        order = rng.permutation(400)
        forwards, backwards = (
            weights[order] @ whole[order],
            (weights[order[::-1], None] * whole[order[::-1]]).sum(axis=0),
        )
        assert forwards.tolist() == backwards.tolist() and (np.abs(forwards) < 2**53).all()


def test_what_is_never_counted_has_no_interval():
    sums = sums_of_values([1, 2], [("a", OVERALL), ("b", OVERALL)], [[1, np.nan], [3, np.nan]])
    found = bootstrap(sums, replicates=20)
    assert math.isnan(found["b", OVERALL].value) and math.isnan(found["b", OVERALL].low)
    assert (found["a", OVERALL].low, found["a", OVERALL].high) == (1, 3)


def test_what_cannot_be_resampled_is_refused(arrays):
    sums = sum_images(*arrays, COCO_17)
    with pytest.raises(AuditError, match="1 replicates, expected at least 2"):
        bootstrap(sums, replicates=1)
    with pytest.raises(AuditError, match="confidence is 95"):
        bootstrap(sums, replicates=2, confidence=95)
    with pytest.raises(AuditError, match="no image to resample"):
        bootstrap(sums_of_values([], [MEAN], np.zeros((0, 1))))
    with pytest.raises(AuditError, match="other statistics"):
        compare(sums, sum_images(*arrays, COCO_17, threshold=0.1))
    labels, detections = arrays
    other = labels.take(np.arange(1, len(labels)))
    with pytest.raises(AuditError, match="other labels for the two models"):
        expect_same_labels(sums, sum_images(other, detections, COCO_17))
