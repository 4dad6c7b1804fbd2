from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_scenes import SKELETON, square_document

from labeltool.coco.document import CocoDocument
from labeltool.errors import ModelError
from labeltool.training.scenes import outlined, read_scenes


def test_photos_without_people_and_people_without_boxes(tmp_path: Path) -> None:
    document = square_document(tmp_path, 2, seed=3)
    kept = [a for a in document.annotations if a["image_id"] == 1]
    assert len(read_scenes(CocoDocument({**document.data, "annotations": kept}, "x"), tmp_path, SKELETON)) == 1
    del kept[0]["bbox"]
    with pytest.raises(
        ModelError, match=r"annotation \(id 1\) on 000.png: bbox is missing, expected four finite numbers"
    ):
        read_scenes(CocoDocument({**document.data, "annotations": kept}, "x"), tmp_path, SKELETON)


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [[1, 2, float("nan"), 4, 5, 6]],
        {"size": [128, 96], "counts": [5, 12283]},
        {"size": [96, 128], "counts": [5, 100]},
        {"size": [96, 128], "counts": "garbage"},
        {"size": [96, 128]},
        {"size": [96, 128], "counts": [12288]},
        "outline",
    ],
)
def test_a_damaged_or_empty_outline_is_none(damaged: object, tmp_path: Path) -> None:
    document = square_document(tmp_path, 1, seed=3)
    document.annotations[0]["segmentation"] = damaged
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    assert scene.outlines[0] == () and outlined([scene]) == (1, 2)
