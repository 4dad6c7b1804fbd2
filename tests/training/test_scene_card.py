from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic_scenes import SKELETON, square_document

from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork
from labeltool.models.mask_rcnn import MaskRcnnConfig, build, parse_tasks
from labeltool.models.weights import read_checkpoint, write_checkpoint
from labeltool.training.bottom_up import BottomUpTask
from labeltool.training.coco_ap import average_precision, truth_of
from labeltool.training.mask_rcnn import MaskRcnnTask
from labeltool.training.scene_card import scene_card_lines, scene_worth, write_scene_card
from labeltool.training.scene_loop import SceneTask
from labeltool.training.scenes import Scene, read_scenes


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    return read_scenes(square_document(tmp_path, 6, seed=0), tmp_path, SKELETON)


def make(kind: str) -> SceneTask:
    torch.manual_seed(0)
    if kind == "bottom-up":
        maps = BottomUpConfig(SKELETON, side=128, channels=32, backbone="mobilenetv3_small_050")
        return BottomUpTask(BottomUpNetwork(maps), maps)
    config = MaskRcnnConfig(SKELETON, parse_tasks(kind), "mobilenetv3_small_050", channels=32, side=96)
    return MaskRcnnTask(build(config), config)


def perfect(scenes: list[Scene]) -> list[dict[str, Any]]:
    fields = ("image_id", "category_id", "bbox", "segmentation", "keypoints")
    return [{k: a[k] for k in fields} | {"score": 0.9} for a in truth_of(scenes, SKELETON)["annotations"]]


def test_who_is_found_and_who_is_missed(scenes: list[Scene]) -> None:
    """Every second person is found to the pixel: half the AP, and the others have no points."""
    joints = scene_worth(scenes, perfect(scenes)[::2], make("od,is,hpe"))
    assert list(joints.precision) == ["ap_keypoints", "ap_mask", "ap_box"]
    assert all(found.value == pytest.approx(0.5, abs=0.01) for found in joints.precision.values())
    np.testing.assert_allclose(joints.likeness, [1, 0] * 6)
    np.testing.assert_allclose(joints.guess[::2], [scene.xy[0] for scene in scenes])
    assert np.isnan(joints.guess[1::2]).all()
    assert joints.pose is not None
    result, oks, pdj = joints.pose
    assert [row.pdj for row in result.joints] == [0.5] * 3 and oks.value == pdj.value == 0.5

    boxes = scene_worth(scenes, perfect(scenes)[::2], make("od"))
    assert boxes.pose is None and list(boxes.precision) == ["ap_box"]
    np.testing.assert_allclose(boxes.likeness, [1, 0] * 6)
    x, y, w, h = scenes[0].boxes[0]
    assert boxes.guess[0].tolist() == [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def test_nothing_found_is_nought_everywhere(scenes: list[Scene]) -> None:
    for kind in ("od", "od,hpe", "bottom-up"):
        found = scene_worth(scenes, [], make(kind))
        assert all((f.value, f.low, f.high) == (0, 0, 0) for f in found.precision.values())
        assert (found.likeness == 0).all() and np.isnan(found.guess).all()


def test_masks_are_held_against_outlines_alone(scenes: list[Scene]) -> None:
    """Whoever has none is neither found nor missed, and a mask within their box is not wrong; boxes and joints count them."""
    found = perfect(scenes)
    bare = [replace(scene, outlines=(scene.outlines[0], ())) for scene in scenes]
    assert ["segmentation" in a for a in truth_of(bare, SKELETON)["annotations"]] == [True, False] * 6
    for results, outlined, everybody in ((found, 1, 1), (found[::2], 1, 0.5), (found[1::2], 0, 0.5)):
        worth = scene_worth(bare, results, make("od,is,hpe"))
        assert worth.precision["ap_mask"].value == pytest.approx(outlined, abs=0.01)
        assert worth.precision["ap_mask"].value == pytest.approx(
            average_precision(truth_of(bare, SKELETON), results, "segm", SKELETON)
        )
        for name in ("ap_box", "ap_keypoints"):
            assert worth.precision[name].value == pytest.approx(everybody, abs=0.01)


def test_the_card_counts_whom_the_labels_do_not_outline(scenes: list[Scene], tmp_path: Path) -> None:
    task, best = make("od,is"), tmp_path / "best.safetensors"

    def said(**more: object) -> list[str]:
        write_checkpoint(best, task.network.state_dict(), {**task.describe(), **more})
        lines = scene_card_lines(read_checkpoint(best), scene_worth(scenes, [], task), scenes, task)
        return [line for line in lines if "no outline" in line]

    assert said() == []
    assert said(without_outline={"train": [1234, 5000], "validate": [2, 12]}) == [
        "1,234 of 5,000 people to train on have no outline: their box stands for it.",
        "2 of 12 people to validate on have no outline: AP of masks is that of the others.",
    ]


@pytest.mark.parametrize(
    ("kind", "figures"),
    [
        ("od,is,hpe", ["AP of joints", "AP of masks", "AP of boxes", "OKS, mean", "| nose | 12 |"]),
        ("od", ["AP of boxes", "IoU of the box"]),
        ("bottom-up", ["AP of joints", "PDJ@0.2", "| nose | 12 |"]),
    ],
)
def test_the_card_says_what_the_model_is(
    kind: str, figures: list[str], scenes: list[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make(kind)
    monkeypatch.setattr(type(task), "results", lambda *_: perfect(scenes)[:-1])
    row = {"labels": "squares.json", "project": False, "people": 8, "photos": 4, "per_epoch": None, "sha256": "f" * 64}
    about = {
        **task.describe(),
        "version": "3",
        "licence": "CC0-1.0",
        "labels_sha256": "a" * 64,
        "validation_sha256": "b" * 64,
        "data": [row],
        "losses": dict.fromkeys(task.terms, 0.25),
        "schedule": {"epochs": 4, "batch": 2, "rate": 0.001, "seed": 0, "average": 0.9, "variation": {"flip": 0.5}},
        "epoch": 2,
    }
    best = tmp_path / "best.safetensors"
    write_checkpoint(best, task.network.state_dict(), about, half=True)
    card = write_scene_card(tmp_path, best, task, scenes).read_text()
    assert card.startswith(f"# {about['model']} 3\n") and "nan" not in card
    for text in (*figures, "CC0-1.0", f"| squares.json | 8 | 4 | all | {'f' * 64} |", "a" * 64, "b" * 64, "to"):
        assert text in card, text
    assert "6 photos at the end of the first source with 12 people were never trained on" in card and "flip 0.5" in card
    assert "4 epochs, the best of which was number 2" in card and "| photos; people | 6; 12 |" in card
    for term, what in task.terms.items():
        assert f"| {term} | {what} | 0.25 |" in card
    # the one who was missed comes first, labelled in green and without anything in red
    with Image.open(tmp_path / "failures.jpg") as sheet:
        assert sheet.size == (880, 3 * 238)
        first, second = (np.asarray(sheet.crop((220 * n, 0, 220 * n + 220, 220))).astype(int) for n in (0, 1))
    for shown, missed in ((first, True), (second, False)):
        red = ((shown[..., 0] > 230) & (shown[..., 1] < 80)).sum()
        assert (red < 5) == missed
