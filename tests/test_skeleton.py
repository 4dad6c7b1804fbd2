from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from labeltool.errors import SkeletonError
from labeltool.skeleton import (
    BUILT_IN,
    COCO_17,
    LSP_14,
    MPII_16,
    Skeleton,
    convert,
    define,
    from_category,
    from_mapping,
    get_skeleton,
    to_mapping,
)


def test_coco_sigmas_are_those_of_pycocotools() -> None:
    assert np.allclose(COCO_17.sigmas, Params(iouType="keypoints").kpt_oks_sigmas, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("skeleton", "count"), [(COCO_17, 17), (LSP_14, 14), (MPII_16, 16)])
def test_built_in(skeleton: Skeleton, count: int) -> None:
    assert len(skeleton) == count
    assert skeleton.torso == ("left_shoulder", "right_hip")
    lefts = [j for j in skeleton.joints if j.startswith("left_")]
    assert sorted(a for a, _ in skeleton.flip_pairs) == sorted(lefts)
    assert all(b == a.replace("left_", "right_") for a, b in skeleton.flip_pairs)
    assert all(skeleton.sigma_sources)
    touched = {joint for limb in skeleton.limbs for joint in limb}
    assert touched == set(skeleton.joints)


@pytest.mark.parametrize("skeleton", BUILT_IN.values(), ids=BUILT_IN)
def test_flip_order_is_its_own_inverse_and_renames_left_and_right(skeleton: Skeleton) -> None:
    order = skeleton.flip_order()
    assert (order[order] == np.arange(len(skeleton))).all()
    names = np.array(skeleton.joints)
    for name, mirrored in zip(names, names[order], strict=True):
        assert mirrored == name.replace("left_", "~").replace("right_", "left_").replace("~", "right_")


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


def test_conversion_says_what_has_no_counterpart() -> None:
    to_coco = convert(LSP_14, COCO_17)
    assert to_coco.dropped == ("neck", "head_top")
    assert to_coco.missing == ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    to_mpii = convert(LSP_14, MPII_16)
    assert ("neck", "upper_neck") in to_mpii.pairs
    assert to_mpii.dropped == ()
    assert to_mpii.missing == ("pelvis", "thorax")


def test_conversion_moves_values_by_name_and_invents_none() -> None:
    values = np.arange(14 * 2, dtype=float).reshape(1, 14, 2)
    out = convert(LSP_14, COCO_17).apply(values)
    assert out.shape == (1, 17, 2)
    for joint in LSP_14.joints[:12]:
        assert (out[0, COCO_17.index(joint)] == values[0, LSP_14.index(joint)]).all()
    assert np.isnan(out[0, COCO_17.index("nose")]).all()


def test_mpii_and_back_loses_nothing_of_lsp() -> None:
    values = np.arange(14 * 2, dtype=float).reshape(1, 14, 2)
    there = convert(LSP_14, MPII_16).apply(values)
    assert (there[0, MPII_16.index("upper_neck")] == values[0, LSP_14.index("neck")]).all()
    assert np.isnan(there[0, [MPII_16.index("pelvis"), MPII_16.index("thorax")]]).all()
    assert (convert(MPII_16, LSP_14).apply(there) == values).all()


def test_a_head_of_another_name_is_the_head_top() -> None:
    own = define("own", ["head", "upper_neck", "tail"])
    conversion = convert(LSP_14, own)
    assert set(conversion.pairs) == {("head_top", "head"), ("neck", "upper_neck")}
    assert conversion.missing == ("tail",)


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


def test_pairs_are_found_by_name() -> None:
    skeleton = define("d", ["l_eye", "r_eye", "wing_left", "wing_right", "tail"])
    assert skeleton.flip_pairs == (("l_eye", "r_eye"), ("wing_left", "wing_right"))
