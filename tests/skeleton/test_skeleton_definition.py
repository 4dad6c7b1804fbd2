from __future__ import annotations

import numpy as np

from labeltool.skeleton import (
    COCO_17,
    LSP_14,
    MPII_16,
    convert,
    define,
)


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


def test_pairs_are_found_by_name() -> None:
    skeleton = define("d", ["l_eye", "r_eye", "wing_left", "wing_right", "tail"])
    assert skeleton.flip_pairs == (("l_eye", "r_eye"), ("wing_left", "wing_right"))
