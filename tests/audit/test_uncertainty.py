from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labeltool.audit.oks import keypoint_similarity
from labeltool.audit.uncertainty import (
    Bodies,
    anthropometric,
    combined,
    confidence_doubt,
    disagreement,
    measured_bodies,
    pose_doubt,
)
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, define

STANDING = {
    "nose": (100, 40), "left_eye": (108, 32), "right_eye": (92, 32), "left_ear": (118, 36), "right_ear": (82, 36),
    "left_shoulder": (140, 90), "right_shoulder": (60, 90), "left_elbow": (150, 150), "right_elbow": (50, 150),
    "left_wrist": (154, 200), "right_wrist": (46, 200), "left_hip": (125, 185), "right_hip": (75, 185),
    "left_knee": (128, 265), "right_knee": (72, 265), "left_ankle": (130, 345), "right_ankle": (70, 345),
}  # fmt: skip


def person(**moved: tuple[float, float]) -> np.ndarray:
    return np.array([[{**STANDING, **moved}[name] for name in COCO_17.joints]], dtype=np.float64)


def crowd(count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.5, 3, (count, 1, 1))
    return person() * scale + rng.normal(0, 3, (count, 17, 2)) * scale


def test_confidence_is_the_share_expected_to_miss() -> None:
    found = confidence_doubt([[0.9, 0.5, np.nan], [1.2, -0.2, 0.5], [np.nan] * 3])
    assert_allclose(found, [0.3, 0.5, np.nan])


def test_disagreement_is_one_minus_oks_and_symmetric() -> None:
    rng = np.random.default_rng(2)
    a, b, area = rng.uniform(0, 100, (5, 17, 2)), rng.uniform(0, 100, (5, 17, 2)), rng.uniform(500, 9000, 5)
    b = a + (b - a) / 10
    oks = keypoint_similarity(a, b, area, COCO_17.sigmas).mean(axis=1)
    assert_allclose(disagreement(a, b, area, COCO_17.sigmas), 1 - oks)
    assert_allclose(disagreement(a, b, area, COCO_17.sigmas), disagreement(b, a, area, COCO_17.sigmas))
    assert_allclose(disagreement(a, a, area, COCO_17.sigmas), 0)


def test_disagreement_is_over_the_joints_that_both_predict() -> None:
    a, b = np.zeros((3, 2, 2)), np.full((3, 2, 2), 3.0)
    b[0, 1] = np.nan
    a[0, 0] = b[0, 0]
    b[1] = np.nan
    found = disagreement(a, b, [100, 100, np.nan], [0.1, 0.1])
    assert found[0] == pytest.approx(0)
    assert np.isnan(found[1:]).all(), "no joint in common, or no area"


@pytest.mark.parametrize("skeleton", [COCO_17, LSP_14, MPII_16])
def test_the_literature_knows_the_limbs_of_the_body(skeleton: object) -> None:
    assert isinstance(skeleton, type(COCO_17))
    usual = dict(zip(skeleton.limbs, anthropometric(skeleton).usual, strict=True))
    arm = next(length for limb, length in usual.items() if set(limb) == {"left_elbow", "left_wrist"})
    assert arm == 0.146
    assert sum(np.isfinite(length) for length in usual.values()) >= 10


def test_one_joint_far_off_is_doubted_and_a_standing_person_is_not() -> None:
    bodies = anthropometric(COCO_17)
    fine = pose_doubt(COCO_17, person(), bodies)[0]
    off = pose_doubt(COCO_17, person(left_wrist=(700, 200)), bodies)[0]
    assert fine < 0.25
    assert off > 0.5 > fine


def test_a_pose_counts_not_its_size_or_place() -> None:
    bodies = anthropometric(COCO_17)
    joints = person(left_ankle=(300, 500))
    assert_allclose(pose_doubt(COCO_17, joints * 7 + 40, bodies), pose_doubt(COCO_17, joints, bodies))


def test_a_short_limb_is_no_doubt() -> None:
    bodies = measured_bodies(COCO_17, crowd(), np.full((60, 17), 2))
    before = pose_doubt(COCO_17, person(), bodies)[0]
    after = pose_doubt(COCO_17, person(left_wrist=(151, 152)), bodies)[0]
    assert after <= before + 0.05, "an arm that points at the camera"


def test_knees_that_change_sides_are_doubted() -> None:
    bodies = measured_bodies(COCO_17, crowd(), np.full((60, 17), 2))
    crossed = person(left_knee=STANDING["right_knee"], right_knee=STANDING["left_knee"])
    assert pose_doubt(COCO_17, crossed, bodies)[0] > pose_doubt(COCO_17, person(), bodies)[0] + 0.2


def test_the_projects_own_bodies_are_the_yardstick_when_there_are_enough() -> None:
    joints, v = crowd(), np.full((60, 17), 2)
    bodies = measured_bodies(COCO_17, joints, v)
    assert np.isfinite(bodies.usual).all(), "faces too"
    assert_allclose(bodies.usual, measured_bodies(COCO_17, joints * 3, v).usual)
    assert np.median(pose_doubt(COCO_17, joints, bodies)) < 0.4
    few = measured_bodies(COCO_17, joints[:19], v[:19])
    assert_allclose(few.usual, anthropometric(COCO_17).usual)
    v[:, COCO_17.index("left_wrist")] = 0
    part = measured_bodies(COCO_17, joints, v)
    limb = COCO_17.limbs.index(("left_elbow", "left_wrist"))
    assert part.usual[limb] == pytest.approx(bodies.usual[limb], rel=0.35), "from the literature, in the project's unit"


def test_whoever_has_fewer_than_two_known_limbs_is_not_judged() -> None:
    joints = np.full((1, 17, 2), np.nan)
    joints[0, [5, 7]] = (1, 2), (3, 4)
    assert np.isnan(pose_doubt(COCO_17, joints, anthropometric(COCO_17))).all()
    dog = define("dog", ("nose", "tail"), (("nose", "tail"),))
    assert np.isnan(pose_doubt(dog, np.ones((2, 2, 2)), anthropometric(dog))).all()
    assert np.isnan(
        pose_doubt(define("dots", ("a", "b")), np.ones((2, 2, 2)), anthropometric(define("dots", ("a", "b"))))
    ).all()
    assert len(measured_bodies(COCO_17, np.empty((0, 17, 2)), np.empty((0, 17))).usual) == len(COCO_17.limbs)


def test_the_combination_grows_with_each_and_leaves_out_what_is_not_known() -> None:
    assert_allclose(combined([0.5, 0.2, np.nan], [0.5, np.nan, np.nan]), [0.75, 0.2, np.nan])
    assert combined([0.5], [0.6], [0.1])[0] > combined([0.5], [0.5], [0.1])[0]


def test_bodies_survive_json() -> None:
    bodies = anthropometric(COCO_17)
    again = Bodies.from_json(bodies.to_json())
    assert_allclose(again.usual, bodies.usual)
    assert_allclose(again.spread, bodies.spread)
