from __future__ import annotations

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from labeltool.skeleton import (
    BUILT_IN,
    COCO_17,
    LSP_14,
    MPII_16,
    Skeleton,
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
