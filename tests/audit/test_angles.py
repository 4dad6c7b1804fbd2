from __future__ import annotations

import math

import numpy as np
import pytest

from labeltool.audit import Labels
from labeltool.audit.angles import VERTICES, angle_errors, angle_triples, count_angles, joint_angles
from labeltool.errors import AuditError
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, define

ARM = define("arm", ["left_shoulder", "left_elbow", "left_wrist"])


def arm(*degrees):
    """Arms bent by so many degrees at the elbow, of different lengths and turned differently."""
    poses = []
    for i, angle in enumerate(degrees):
        turn = math.radians(17 * i)
        ends = [np.array([math.cos(t), math.sin(t)]) for t in (turn, turn + math.radians(angle))]
        elbow = np.array([50.0 + i, 80 - i])
        poses.append([elbow + (10 + i) * ends[0], elbow, elbow + (20 - i / 7) * ends[1]])
    return np.array(poses)


@pytest.mark.parametrize("degrees", [0, 1e-3, 45, 90, 120, 179.999, 180])
def test_angles_of_known_arms(degrees):
    for signed in (degrees, -degrees):
        assert joint_angles(arm(0, signed, signed), ARM)[1:].ravel() == pytest.approx([degrees] * 2, abs=1e-9)


def test_every_skeleton_has_its_eight_angles():
    expected = [f"{side}_{vertex}" for side in ("left", "right") for vertex in VERTICES]
    for skeleton in (COCO_17, LSP_14, MPII_16):
        triples = angle_triples(skeleton)
        assert list(triples) == expected
        for vertex, (a, at, b) in triples.items():
            assert skeleton.joints[at] == vertex
            assert {skeleton.joints[a][:4], skeleton.joints[b][:4]} == {vertex[:4]}
    assert list(angle_triples(ARM)) == ["left_elbow"]
    assert joint_angles(np.zeros((2, 1, 2)), define("nose", ["nose"])).shape == (2, 0)


def test_errors_have_a_sign_and_missing_ones_are_counted():
    labels = Labels.of([1] * 4, arm(90, 90, 90, 90), np.full((4, 3), 2), [100.0] * 4)
    guesses = arm(95, 60, 100, 90)
    guesses[3, 2] = np.nan
    found = count_angles(labels, guesses, ARM)
    assert (found.measured.tolist(), found.missing.tolist()) == ([3], [1])
    assert found.mean_absolute() == pytest.approx([15]) and found.mean_signed() == pytest.approx([-5])
    assert found.overall() == pytest.approx(15)


def test_share_within_ten_degrees():
    labels = Labels.of([1] * 4, arm(90, 90, 90, 90), np.full((4, 3), 2), [100.0] * 4)
    guesses = arm(99, 60, 81, 90)
    guesses[3, 2] = np.nan
    assert count_angles(labels, guesses, ARM).share_within_10().tolist() == [0.5]


def test_only_labelled_angles_count():
    v = np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2], [2, 2, 2]])
    xy = arm(90, 90, 90, 90)
    xy[3, 0] = xy[3, 1]
    labels = Labels.of([1] * 4, xy, v, [100.0] * 4, crowd=[False, False, True, False])
    error, labelled = angle_errors(labels, arm(100, 100, 100, 100), ARM)
    assert labelled.ravel().tolist() == [True, False, False, False]
    assert error[0, 0] == pytest.approx(10) and np.isnan(error[1:]).all()


def test_degenerate_guesses_are_missing():
    labels = Labels.of([1], arm(90), [[2, 2, 2]], [100.0])
    assert count_angles(labels, np.zeros((1, 3, 2)), ARM).missing.tolist() == [1]


def test_turning_moving_and_scaling_change_no_angle():
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 100, (50, 17, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(joint_angles(7 * xy @ turn + 40, COCO_17), joint_angles(xy, COCO_17), atol=1e-8)
    mirrored = (xy * [-1, 1])[:, COCO_17.flip_order()]
    np.testing.assert_allclose(
        np.roll(joint_angles(mirrored, COCO_17), 4, axis=1), joint_angles(xy, COCO_17), atol=1e-9
    )


def test_parts_add_up():
    rng = np.random.default_rng(1)
    labels = Labels.of([1] * 20, rng.uniform(0, 99, (20, 17, 2)), rng.integers(0, 3, (20, 17)), [100.0] * 20)
    guesses = labels.xy + rng.normal(0, 3, labels.xy.shape)
    whole = count_angles(labels, guesses, COCO_17)
    added = count_angles(labels.take(range(7)), guesses[:7], COCO_17) + count_angles(
        labels.take(range(7, 20)), guesses[7:], COCO_17
    )
    np.testing.assert_allclose(added.mean_absolute(), whole.mean_absolute())
    assert added.measured.tolist() == whole.measured.tolist()
    with pytest.raises(AuditError, match="angles of other joints"):
        whole + count_angles(Labels.of([1], arm(9), [[2] * 3], [1.0]), arm(9), ARM)
