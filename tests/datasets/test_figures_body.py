"""Bones: left is left, limbs keep their lengths, poses keep to what joints allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figure_scenes import STAND, camera, solved
from figures_render.body import Limb, Proportions, collides, sample_proportions, solve
from figures_render.geometry import MIRROR, swing
from figures_render.poses import LIBRARY, sample_pose

from labeltool.skeleton import BUILT_IN, COCO_17


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_body_knows_every_joint_of_the_skeletons(name: str) -> None:
    assert set(BUILT_IN[name].joints) <= set(solved(STAND).joints)


@pytest.mark.parametrize(("yaw", "left_is_right_of"), [(0, True), (180, False)])
def test_left_is_the_persons_own(yaw: float, left_is_right_of: bool) -> None:
    bones = solved(STAND, yaw)
    for left, right in COCO_17.flip_pairs:
        x = [camera().project(bones.joints[name])[0][0] for name in (left, right)]
        assert (x[0] > x[1]) == left_is_right_of, left


def test_turning_left_brings_the_right_side_nearer() -> None:
    bones = solved(STAND, 90)
    assert bones.joints["nose"][0] > bones.joints["neck"][0]
    for left, right in COCO_17.flip_pairs:
        if "eye" not in left:
            assert bones.joints[right][2] > bones.joints[left][2], left


def test_a_mirrored_pose_is_the_mirror_image() -> None:
    rng = np.random.default_rng(11)
    for name in LIBRARY:
        pose = LIBRARY[name][0](rng)
        one, other = solved(pose), solved(pose.mirrored())
        for left, right in COCO_17.flip_pairs:
            np.testing.assert_allclose(one.joints[left], MIRROR @ other.joints[right], atol=1e-9)


def test_limbs_keep_their_lengths_in_every_pose() -> None:
    p = Proportions()
    rng = np.random.default_rng(12)
    for name in LIBRARY:
        j = solve(sample_pose(rng, sports=True, name=name), p, float(rng.uniform(0, 360))).joints
        for side in ("left", "right"):
            for a, b, length in (
                ("shoulder", "elbow", p.upper_arm),
                ("elbow", "wrist", p.forearm),
                ("hip", "knee", p.thigh),
                ("knee", "ankle", p.shank),
            ):
                assert np.linalg.norm(j[f"{side}_{a}"] - j[f"{side}_{b}"]) == pytest.approx(length * p.unit)


def test_swing_lifts_to_the_front_and_to_the_side() -> None:
    down = np.array([0.0, -1.0, 0.0])
    np.testing.assert_allclose(swing(90, 0, 0) @ down, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(swing(90, 90, 0) @ down, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(swing(180, 37, 0) @ down, [0, 1, 0], atol=1e-12)


def test_knees_bend_backward_and_elbows_forward() -> None:
    bent = Limb(0, 90, 0, 90)
    j = solved(replace(STAND, left_arm=bent, left_leg=bent)).joints
    assert j["left_wrist"][2] > j["left_elbow"][2] + 0.2
    assert j["left_ankle"][2] < j["left_knee"][2] - 0.3


def test_a_standing_person_has_human_measures() -> None:
    p = Proportions(height=1.75)
    j = solve(STAND, p, 0).joints
    sole = min(j["left_ankle"][1], j["right_ankle"][1]) - 0.041 * p.unit
    assert j["head_top"][1] - sole == pytest.approx(1.75, rel=0.02)
    assert 0.30 < j["left_shoulder"][0] - j["right_shoulder"][0] < 0.42


def test_a_hand_through_the_trunk_collides() -> None:
    inside = Limb(20, -60, 60, 110)
    assert collides(solved(replace(STAND, left_arm=inside)), Proportions())
    assert not collides(solved(STAND), Proportions())


def test_people_differ_within_limits() -> None:
    rng = np.random.default_rng(13)
    people = [sample_proportions(rng) for _ in range(300)]
    heights = np.array([p.height for p in people])
    assert 1.0 <= heights.min() < 1.3
    assert 1.85 < heights.max() <= 2.02
    assert 0.05 < np.mean([p.child for p in people]) < 0.25
    assert sample_proportions(rng, child=True).height < 1.5
