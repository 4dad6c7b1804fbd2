from __future__ import annotations

from pathlib import Path

import pytest

from labeltool.errors import SkeletonError
from labeltool.skeleton import (
    BUILT_IN,
    COCO_17,
    Skeleton,
    from_category,
    from_mapping,
    get_skeleton,
    to_mapping,
)


def test_coco_category_of_the_real_file(coco_mini: Path) -> None:
    import json

    data = json.loads((coco_mini / "annotations" / "person_keypoints_val2017.json").read_text())
    skeleton = from_category(data["categories"][0])
    assert skeleton.joints == COCO_17.joints
    assert skeleton.name == "coco-17"
    assert skeleton.limb_indices() == [(a - 1, b - 1) for a, b in data["categories"][0]["skeleton"]]


@pytest.mark.parametrize("skeleton", BUILT_IN.values(), ids=BUILT_IN)
def test_round_trips(skeleton: Skeleton) -> None:
    again = from_category(skeleton.to_category())
    assert (again.joints, again.limbs, again.sigmas) == (skeleton.joints, skeleton.limbs, skeleton.sigmas)
    assert from_mapping(to_mapping(skeleton)) == skeleton


def test_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "hand.toml"
    path.write_text(
        'joints = ["root", "left_tip", "right_tip"]\nlimbs = [["root", "left_tip"]]\n[sigmas]\nleft_tip = 0.03\n'
    )
    skeleton = get_skeleton(str(path))
    assert skeleton.name == "hand"
    assert skeleton.flip_pairs == (("left_tip", "right_tip"),)
    assert skeleton.sigmas[1] == 0.03
    assert skeleton.sigma_sources[1] == "the skeleton file"
    assert "no published value" in skeleton.sigma_sources[0]
    assert skeleton.torso is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints = 3", "expected a list of names"),
        ("joints = []", "no joints"),
        ('joints = ["a", "a"]', "'a' stands twice"),
        ('joints = ["a", ""]', "empty name"),
        ('joints = ["a"]\nlimbs = [["a", "b"]]', "names 'b'"),
        ('joints = ["a"]\nlimbs = [["a"]]', "pairs of joint names"),
        ('joints = ["a"]\nsigmas = {a = -1}', "positive"),
        ('joints = ["a"]\nsigmas = {b = 1}', "sigmas names 'b'"),
        ('joints = ["a"]\ntorso = ["a", "b"]', "torso"),
        ('joints = ["a"]\ncolour = 1', "unknown field 'colour'"),
        ("joints = [", "not a TOML file"),
    ],
)
def test_bad_toml_gets_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(SkeletonError, match=message) as caught:
        get_skeleton(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_skeleton_lists_the_known() -> None:
    with pytest.raises(SkeletonError, match="coco-17, lsp-14, mpii-16"):
        get_skeleton("coco-18")


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ({"name": "x"}, "keypoints is None"),
        ({"name": "x", "keypoints": ["a", 3]}, "list of joint names"),
        ({"name": "x", "keypoints": ["a", "b"], "skeleton": [[0, 1]]}, r"1\.\.2"),
        ({"name": "x", "keypoints": ["a", "b"], "skeleton": [[1, True]]}, "two integers"),
        ({"name": "x", "keypoints": ["a", "b"], "sigmas": [0.1]}, "1 values, expected 2"),
        ({"name": "x", "keypoints": ["a", "b"], "sigmas": [0.1, "y"]}, "expected 2 numbers"),
    ],
)
def test_bad_category(category: dict[str, object], message: str) -> None:
    with pytest.raises(SkeletonError, match=message):
        from_category(category)
