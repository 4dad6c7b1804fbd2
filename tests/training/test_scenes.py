from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_scenes import SKELETON, square_document

from labeltool.coco.document import CocoDocument
from labeltool.errors import ModelError
from labeltool.training.scenes import PLAIN, Scene, Variation, View, read_scenes, view


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return read_scenes(square_document(tmp_path, 1, seed=3), tmp_path, SKELETON)[0]


def look(scene: Scene, canvas: tuple[int, int], variation: Variation = PLAIN, seed: int = 0) -> View:
    return view(scene, SKELETON, canvas=canvas, masks=True, variation=variation, chance=np.random.default_rng(seed))


def test_the_plain_view_is_the_photo(scene: Scene) -> None:
    plain = look(scene, (128, 96))
    assert plain.pixels.shape == (3, 96, 128)
    np.testing.assert_allclose(plain.xy.numpy(), scene.xy)
    np.testing.assert_allclose(plain.boxes[:, 2:].numpy(), scene.boxes[:, :2] + scene.boxes[:, 2:])
    for box, mask in zip(plain.boxes.int().tolist(), plain.masks, strict=True):
        wanted = torch.zeros(96, 128, dtype=torch.uint8)
        wanted[box[1] : box[3], box[0] : box[2]] = 1
        assert (mask != wanted).sum() <= 2 * (box[2] - box[0])  # the outline itself may fall on either side


def test_everything_moves_with_the_photo(scene: Scene) -> None:
    """Whatever the view: the green pixel of the shoulder lies where the joint says, and the person's mask covers it."""
    for seed in range(12):
        seen = look(scene, (160, 160), Variation(scale=1.3, shift=0.15, flip=0, tint=0), seed)
        for xy, labelled, mask in zip(seen.xy, seen.labelled, seen.masks, strict=True):
            if not labelled[0]:
                continue
            x, y = xy[0].round().int().tolist()
            red, green, blue = seen.pixels[:, y, x].tolist()
            assert green > 150 > max(red, blue) and mask[y, x] == 1


def test_a_mirrored_view_swaps_left_and_right(scene: Scene) -> None:
    pair = SKELETON.flip_order()
    assert pair.tolist() == [0, 1, 2]  # no joint here has a partner, so mirroring keeps the order
    mirrored = look(scene, (128, 96), Variation(scale=1, shift=0, flip=1, tint=0))
    np.testing.assert_allclose(mirrored.xy[..., 0].numpy(), 127 - scene.xy[..., 0])
    np.testing.assert_allclose(mirrored.boxes[:, 0].numpy(), 128 - scene.boxes[:, 0] - scene.boxes[:, 2])
    plain = look(scene, (128, 96))
    assert torch.equal(mirrored.pixels, plain.pixels.flip(2))


def test_people_and_joints_beyond_the_canvas_are_left_out(scene: Scene) -> None:
    away = Variation(scale=1, shift=0.5, flip=0, tint=0)
    counts = set()
    for seed in range(20):
        seen = look(scene, (128, 96), away, seed)
        counts.add(len(seen.boxes))
        assert (seen.boxes[:, :2] >= 0).all() and (seen.boxes[:, 2:] <= torch.tensor([128, 96])).all()
        inside = ((seen.xy > -0.5) & (seen.xy < torch.tensor([127.5, 95.5]))).all(dim=2)
        assert torch.equal(seen.labelled, inside)
    assert counts >= {1, 2}


def test_crowds_are_grey_and_no_people(tmp_path: Path) -> None:
    document = square_document(tmp_path, 1, seed=3)
    document.annotations[1]["iscrowd"] = 1
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    assert len(scene) == 1
    x, y, w, h = map(int, scene.ignored[0])
    assert (look(scene, (128, 96)).pixels[:, y : y + h, x : x + w] == 127).all()


def test_photos_without_people_and_people_without_boxes(tmp_path: Path) -> None:
    document = square_document(tmp_path, 2, seed=3)
    kept = [a for a in document.annotations if a["image_id"] == 1]
    assert len(read_scenes(CocoDocument({**document.data, "annotations": kept}, "x"), tmp_path, SKELETON)) == 1
    del kept[0]["bbox"]
    with pytest.raises(
        ModelError, match=r"annotation \(id 1\) on 000.png: bbox is missing, expected four finite numbers"
    ):
        read_scenes(CocoDocument({**document.data, "annotations": kept}, "x"), tmp_path, SKELETON)
