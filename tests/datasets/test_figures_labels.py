"""Labels: flags agree with depth in scenes where it is known what hides what; polygons agree with masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figure_scenes import HANG, STAND, camera, drawn, flags, joint
from figures_render import labels
from figures_render.body import Limb
from figures_render.mesh import box
from figures_render.picture import annotate
from pycocotools import mask as coco_mask

from labeltool.skeleton import COCO_17, LSP_14

# pycocotools 2.0.11's decode and numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE = ("shoulder", "elbow", "hip", "knee", "ankle")


def test_facing_the_viewer_everything_is_seen() -> None:
    picture = drawn([(STAND, 0, (0, 0))])
    assert set(flags(picture, LSP_14.joints).values()) == {2}
    assert flags(picture, ["nose", "left_eye", "right_eye"]) == {"nose": 2, "left_eye": 2, "right_eye": 2}
    assert joint(picture, "left_shoulder")[0] > joint(picture, "right_shoulder")[0]


def test_from_behind_the_face_is_hidden_and_left_is_left() -> None:
    picture = drawn([(STAND, 180, (0, 0))])
    assert flags(picture, ["nose", "left_eye", "right_eye"]) == {"nose": 1, "left_eye": 1, "right_eye": 1}
    assert set(flags(picture, LSP_14.joints).values()) == {2}
    assert joint(picture, "left_shoulder")[0] < joint(picture, "right_shoulder")[0]


@pytest.mark.parametrize(("yaw", "near", "far"), [(90, "right", "left"), (-90, "left", "right")])
def test_in_profile_the_far_side_is_hidden(yaw: float, near: str, far: str) -> None:
    forward = Limb(70, 0, 0, 0)
    picture = drawn([(replace(STAND, left_arm=forward, right_arm=forward), yaw, (0, 0))])
    assert set(flags(picture, [f"{near}_{name}" for name in SIDE]).values()) == {2}
    assert set(flags(picture, [f"{far}_{name}" for name in ("shoulder", "hip")]).values()) == {1}


def test_a_hand_behind_the_back_is_hidden_from_the_front_only() -> None:
    pose = replace(STAND, right_arm=Limb(30, 165, 60, 62))
    assert joint(drawn([(pose, 0, (0, 0))]), "right_wrist")[2] == 1
    assert joint(drawn([(pose, 180, (0, 0))]), "right_wrist")[2] == 2


def test_a_person_in_front_hides_the_one_behind() -> None:
    picture = drawn([(STAND, 0, (0.0, 0.0)), (STAND, 0, (0.20, -1.0))])
    assert set(flags(picture, LSP_14.joints, 0).values()) == {2}
    behind = flags(picture, LSP_14.joints, 1)
    assert behind["right_shoulder"] == behind["right_hip"] == behind["neck"] == 1
    assert behind["left_elbow"] == 2


def test_a_thing_in_front_hides_and_one_behind_does_not() -> None:
    thing = box([0, 0.4, 0.8], np.eye(3), [0.6, 0.35, 0.05])
    legs = [f"{side}_{name}" for side in ("left", "right") for name in ("knee", "ankle")]
    assert set(flags(drawn([(STAND, 0, (0, 0))], [thing]), legs).values()) == {1}
    thing = box([0, 0.4, -0.8], np.eye(3), [0.6, 0.35, 0.05])
    assert set(flags(drawn([(STAND, 0, (0, 0))], [thing]), legs).values()) == {2}


def test_outside_the_picture_is_not_labelled() -> None:
    picture = drawn([(STAND, 0, (0, 0))], view=camera(x=1.1))
    assert joint(picture, "right_elbow") == (0.0, 0.0, 0)
    x, _, v = joint(picture, "left_wrist")
    assert v == 2
    assert x > 0


def test_a_joint_lies_where_its_bone_projects() -> None:
    picture = drawn([(STAND, 25, (0.1, -0.4))])
    for name in COCO_17.joints:
        x, y, _ = joint(picture, name)
        xy, _ = picture.scene.camera.project(picture.scene.people[0].bones.joints[name])
        assert (x, y) == pytest.approx(tuple(xy), abs=0.0051)


def test_the_surface_is_where_the_bones_are() -> None:
    """The middle of a forearm's pixels lies on the line between its joints."""
    pose = replace(STAND, left_arm=Limb(90, 90, 0, 0), right_arm=HANG)
    picture = drawn([(pose, 0, (0, 0))])
    elbow, wrist = (np.array(joint(picture, f"left_{name}")[:2]) for name in ("elbow", "wrist"))
    mask = labels.person_mask(picture.buffer, picture.mesh, 0)
    middle = (elbow + wrist) / 2
    rows = np.flatnonzero(mask[:, round(middle[0])])
    assert abs((rows[0] + rows[-1]) / 2 - middle[1]) < 1.0


def _decoded(polygons: list[list[float]], shape: tuple[int, int]) -> np.ndarray:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, *shape))).astype(bool)


def test_exact_polygons_give_back_the_mask() -> None:
    rng = np.random.default_rng(31)
    for _ in range(20):
        coarse = rng.random((6, 7)) < 0.55
        mask = np.kron(coarse, np.ones((6, 6), dtype=bool))
        np.testing.assert_array_equal(_decoded(labels.mask_polygons(mask, tolerance=0.0), mask.shape), mask)


def test_a_hole_is_cut_not_filled() -> None:
    y, x = np.mgrid[0:60, 0:60]
    radius = np.hypot(x - 29.5, y - 29.5)
    mask = (radius < 25) & (radius > 10)
    polygons = labels.mask_polygons(mask)
    assert len(polygons) >= 2
    again = _decoded(polygons, mask.shape)
    assert np.count_nonzero(again & mask) / np.count_nonzero(again | mask) > 0.97


def test_small_shapes_and_nothing() -> None:
    mask = np.zeros((5, 5), dtype=bool)
    assert labels.mask_polygons(mask) == []
    mask[2, 3] = True
    assert labels.mask_box(mask) == (3, 2, 1, 1)
    assert sorted(labels.mask_polygons(mask)[0]) == sorted([3.0, 2.0, 4.0, 2.0, 4.0, 3.0, 3.0, 3.0])


def test_trace_keeps_diagonal_neighbours_apart() -> None:
    loops = labels.trace(np.array([[True, False], [False, True]]))
    assert sorted(len(loop) for loop in loops) == [4, 4]


def test_annotation_of_a_known_scene() -> None:
    picture = drawn([(STAND, 0, (0, 0))])
    (annotation,) = annotate(picture, LSP_14.joints)
    mask = labels.person_mask(picture.buffer, picture.mesh, 0)
    assert annotation["area"] == np.count_nonzero(mask)
    x, y, w, h = annotation["bbox"]
    rows, columns = np.nonzero(mask)
    assert (x, y) == (columns.min(), rows.min())
    assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)
    assert annotation["num_keypoints"] == 14
    assert annotation["iscrowd"] == 0


def test_somebody_fully_hidden_is_not_in_the_picture() -> None:
    wall = box([0, 1.0, -0.5], np.eye(3), [1.5, 1.0, 0.05])
    picture = drawn([(STAND, 0, (0, 0.4)), (STAND, 0, (0, -1.2))], [wall])
    assert len(picture.scene.people) == 1
    assert len(annotate(picture, LSP_14.joints)) == 1
