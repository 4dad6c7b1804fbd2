from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from labeltool.coco.document import CocoDocument
from labeltool.dataset.poses import learn, mirrored, torso_frame
from labeltool.dataset.suspects import KINDS, suspects
from labeltool.skeleton import LSP_14

#: A standing person, in shares of its height, in the order of LSP.
BODY = np.array(
    [
        (-0.10, 1.00), (-0.09, 0.75), (-0.08, 0.52), (0.08, 0.52), (0.09, 0.75), (0.10, 1.00),
        (-0.18, 0.55), (-0.16, 0.40), (-0.12, 0.22), (0.12, 0.22), (0.16, 0.40), (0.18, 0.55),
        (0.00, 0.18), (0.00, 0.02),
    ]
)  # fmt: skip


@pytest.fixture
def crowd() -> CocoDocument:
    """Sixty people of all sizes, one a photo, with joints a few per cent off the ideal body."""
    rng = np.random.default_rng(11)
    images, annotations = [], []
    for n in range(1, 61):
        height = rng.uniform(60, 600)
        xy = (BODY + rng.normal(0, 0.01, BODY.shape)) * height + (400, 20)
        low, high = xy.min(axis=0), xy.max(axis=0)
        images.append({"id": n, "file_name": f"{n}.jpg", "width": 900, "height": 900})
        annotations.append(
            {
                "id": 100 + n,
                "image_id": n,
                "category_id": 1,
                "keypoints": [value for x, y in xy.tolist() for value in (x, y, 2)],
                "bbox": [*low.tolist(), *(high - low).tolist()],
            }
        )
    return CocoDocument({"images": images, "annotations": annotations, "categories": [LSP_14.to_category()]}, "crowd")


def move(annotation: dict[str, Any], joint: str, x: float, y: float) -> None:
    k = 3 * LSP_14.index(joint)
    annotation["keypoints"][k] += x
    annotation["keypoints"][k + 1] += y


def exchange(annotation: dict[str, Any], *pairs: tuple[str, str]) -> None:
    values = annotation["keypoints"]
    for a, b in pairs:
        i, j = 3 * LSP_14.index(a), 3 * LSP_14.index(b)
        values[i : i + 3], values[j : j + 3] = values[j : j + 3], values[i : i + 3]


def test_good_people_are_not_suspect(crowd: CocoDocument) -> None:
    assert suspects(crowd) == []


def test_planted_mistakes_are_found_and_nothing_else(crowd: CocoDocument) -> None:
    people = crowd.annotations
    size = [a["bbox"][3] for a in people]
    exchange(people[3], ("left_shoulder", "right_shoulder"))
    move(people[7], "right_wrist", 0.1 * size[7], 0.6 * size[7])
    move(people[9], "head_top", 0, 3 * size[9])
    people.append(copy.deepcopy(people[12]) | {"id": 999})
    found = suspects(crowd)
    kinds = {(s.kind, s.annotation, s.joints) for s in found}
    assert ("swap", 104, ("left_shoulder", "right_shoulder")) in kinds
    assert ("limb", 108, ("right_wrist", "right_elbow")) in kinds
    assert ("limb", 110, ("neck", "head_top")) in kinds
    assert ("stray", 110, ("head_top",)) in kinds
    assert ("twin", 999, ()) in kinds
    assert {s.annotation for s in found} == {104, 108, 110, 999}
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    assert all(s.score > 0 for s in found)


def test_the_size_of_the_photo_does_not_matter(crowd: CocoDocument) -> None:
    move(crowd.annotations[7], "right_wrist", 0, 0.6 * crowd.annotations[7]["bbox"][3])
    large = copy.deepcopy(crowd.data)
    for a in large["annotations"]:
        a["keypoints"] = [v if k % 3 == 2 else 4 * v for k, v in enumerate(a["keypoints"])]
        a["bbox"] = [4 * v for v in a["bbox"]]
    for image in large["images"]:
        image["width"] = image["height"] = 3600
    assert suspects(CocoDocument(large, "large")) == suspects(crowd) != []


def test_documents_that_say_little(crowd: CocoDocument) -> None:
    few = crowd.data | {"annotations": crowd.annotations[:2]}
    assert suspects(CocoDocument(few, "few")) == []
    assert suspects(CocoDocument(crowd.data | {"annotations": []}, "none")) == []
    for a in crowd.annotations:
        a["keypoints"] = [0] * 42
    assert suspects(crowd) == []
    for a in crowd.annotations:
        a["bbox"] = [0, 0, 0, 0]
    assert suspects(crowd) == []


def arms_and_legs(rng: np.random.Generator, many: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Bodies whose arms and legs move, (N, 14, 2), a photo's height about 1: half of them seen from behind."""
    xy = np.repeat(BODY[None], many, axis=0)
    for chain in (["elbow", "wrist"], ["knee", "ankle"]):
        for side in ("left", "right"):
            at = [LSP_14.index(f"{side}_{name}") for name in chain]
            xy[:, at] += rng.normal(0, 0.05, (many, 1, 2)) + rng.normal(0, 0.02, (many, 2, 2))
    xy += rng.normal(0, 0.01, xy.shape)
    behind = rng.random(many) < 0.5
    xy[behind] = xy[behind][:, LSP_14.flip_order()]
    turn = rng.uniform(0, 2 * np.pi, many)
    spin = np.stack([np.stack([np.cos(turn), -np.sin(turn)], 1), np.stack([np.sin(turn), np.cos(turn)], 1)], 1)
    return np.asarray(np.einsum("nij,nkj->nki", spin, xy - 0.5), dtype=np.float64)


def document_of(xy: np.ndarray[Any, np.dtype[np.float64]], v: int = 2) -> CocoDocument:
    images, annotations = [], []
    for n, joints in enumerate(300 + 200 * xy, start=1):
        low, high = joints.min(axis=0), joints.max(axis=0)
        images.append({"id": n, "file_name": f"{n:04}.jpg", "width": 600, "height": 600})
        keypoints = [value for x, y in joints.tolist() for value in (x, y, v)]
        box = [*low.tolist(), *(high - low).tolist()]
        annotations.append({"id": n, "image_id": n, "category_id": 1, "keypoints": keypoints, "bbox": box})
    return CocoDocument({"images": images, "annotations": annotations, "categories": [LSP_14.to_category()]}, "many")


def at(joint: str) -> int:
    return LSP_14.index(joint)


def test_poses_are_learnt_and_what_does_not_fit_comes_first() -> None:
    rng = np.random.default_rng(5)
    xy = arms_and_legs(rng, 320)
    legs = [f"{side}_{name}" for name in ("hip", "knee", "ankle") for side in ("left", "right")]
    for person in (10, 20, 30):
        xy[person, [at(j) for j in legs]] = xy[person, [at(j) for j in (legs[n ^ 1] for n in range(6))]]
    xy[40, at("left_knee")] = xy[40, at("head_top")] + 0.05  # above hip and shoulder, in reach of nothing
    found = suspects(document_of(xy))
    assert {(s.annotation, s.kind) for s in found[:4]} == {(11, "swap"), (21, "swap"), (31, "swap"), (41, "pose")}
    arms = [f"{side}_{name}" for name in ("shoulder", "elbow", "wrist") for side in ("left", "right")]
    either = [set(legs), set(arms)]  # the body is twisted; which half is wrong, only a model can tell
    assert all(any(set(s.joints) <= half for half in either) for s in found[:4] if s.kind == "swap")
    assert next(s.joints for s in found if s.kind == "pose") == ("left_knee",)
    assert len({s.annotation for s in found}) <= 9, "one in a hundred of the others at most"
    assert {s.kind for s in found} <= set(KINDS)


def test_a_model_says_what_poses_cannot() -> None:
    rng = np.random.default_rng(6)
    truth = arms_and_legs(rng, 320)
    labels = truth.copy()
    labels[7] = labels[7][LSP_14.flip_order()]  # all sides: as good a pose as the other
    said = 300 + 200 * (truth + rng.normal(0, 0.01, truth.shape))
    predictions = {n + 1: np.concatenate([p, np.full((14, 1), 0.9)], axis=1) for n, p in enumerate(said)}
    assert not any(s.annotation == 8 for s in suspects(document_of(labels)))
    first = suspects(document_of(labels), predictions)[0]
    assert (first.annotation, first.kind, len(first.joints)) == (8, "swap", 12)
    # An odd place is less suspect where the model confirms it, and more where it does not.
    labels[40, at("left_wrist")] = labels[40, at("right_ankle")] + 0.03

    def score() -> float:
        found = suspects(document_of(labels), predictions)
        return max(s.score for s in found if s.annotation == 41 and s.joints == ("left_wrist",))

    against = score()
    predictions[41][at("left_wrist"), :2] = 300 + 200 * labels[40, at("left_wrist")]
    confirmed = score()
    del predictions[41]
    assert confirmed < score() - 3 < against - 4


def test_a_density_knows_mirrors_and_marginals() -> None:
    xy = arms_and_legs(np.random.default_rng(7), 320)
    frame = torso_frame(LSP_14, xy, np.full(320, 0.25))
    down = frame[:, at("left_hip")] + frame[:, at("right_hip")]
    np.testing.assert_allclose(down[:, 0], 0, atol=1e-9)
    assert (down[:, 1] > 0).all()
    poses = learn(LSP_14, frame)
    assert poses is not None and learn(LSP_14, frame[:299]) is None
    (whole,) = poses.judge(frame[:50])
    (flipped,) = poses.judge(mirrored(LSP_14, frame[:50]))
    assert abs(float(np.mean(whole.pose - flipped.pose))) < 1.5
    # What is given by the others, plus the others, is the whole.
    part = frame[:50].copy()
    part[:, at("left_wrist")] = np.nan
    (rest,) = poses.judge(part)
    np.testing.assert_allclose(whole.pose - rest.pose, whole.joint[:, at("left_wrist")], atol=1e-8)


def test_flags_that_do_not_fit() -> None:
    xy = arms_and_legs(np.random.default_rng(8), 150)
    found = document_of(xy)
    values = [a["keypoints"] for a in found.annotations]
    values[3][3 * at("left_elbow") : 3 * at("left_elbow") + 3] = [0, 0, 0]
    values[4][2::3] = [1] * 14
    values[5][3 * at("left_wrist") : 3 * at("left_wrist") + 2] = values[5][3 * at("neck") : 3 * at("neck") + 2]
    values[6][3 * at("left_wrist") : 3 * at("left_wrist") + 2] = [650, 300]
    flags = {(s.annotation, s.joints): s.reason for s in suspects(found) if s.kind == "flag"}
    assert flags == {
        (4, ("left_elbow",)): "not labelled between left shoulder and left wrist",
        (5, ()): "every joint hidden",
        (6, ("left_wrist", "neck")): "at exactly the same place",
        (7, ("left_wrist",)): "called visible outside the photo",
    }
    for a in found.annotations[:20]:
        a["keypoints"][3 * at("left_elbow") : 3 * at("left_elbow") + 3] = [0, 0, 0]
    assert not any("left_elbow" in s.joints and s.kind == "flag" for s in suspects(found)), "as these labellers do"
