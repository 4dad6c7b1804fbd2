from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as rle
from synthetic_scenes import SKELETON, square_document

from labeltool.training.outlines import RunLengths, rle_of
from labeltool.training.scene_views import PLAIN, Variation, View, view
from labeltool.training.scenes import Scene, fingerprint, outlined, read_scenes


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
        seen = look(scene, (160, 160), replace(PLAIN, scale=1.3, shift=0.15), seed)
        for xy, labelled, mask in zip(seen.xy, seen.labelled, seen.masks, strict=True):
            if not labelled[0]:
                continue
            x, y = xy[0].round().int().tolist()
            red, green, blue = seen.pixels[:, y, x].tolist()
            assert green > 150 > max(red, blue) and mask[y, x] == 1


def test_a_mirrored_view_swaps_left_and_right(scene: Scene) -> None:
    pair = SKELETON.flip_order()
    assert pair.tolist() == [0, 1, 2]  # no joint here has a partner, so mirroring keeps the order
    mirrored = look(scene, (128, 96), replace(PLAIN, flip=1))
    np.testing.assert_allclose(mirrored.xy[..., 0].numpy(), 127 - scene.xy[..., 0])
    np.testing.assert_allclose(mirrored.boxes[:, 0].numpy(), 128 - scene.boxes[:, 0] - scene.boxes[:, 2])
    plain = look(scene, (128, 96))
    assert torch.equal(mirrored.pixels, plain.pixels.flip(2))


def test_people_and_joints_beyond_the_canvas_are_left_out(scene: Scene) -> None:
    away = replace(PLAIN, shift=0.5)
    counts, hazy = set(), []
    for seed in range(20):
        seen = look(scene, (128, 96), away, seed)
        counts.add(len(seen.boxes))
        assert (seen.boxes[:, :2] >= 0).all() and (seen.boxes[:, 2:] <= torch.tensor([128, 96])).all()
        inside = ((seen.xy > -0.5) & (seen.xy < torch.tensor([127.5, 95.5]))).all(dim=2)
        assert torch.equal(seen.labelled, inside)
        # whoever is cut off though partly there is told nothing of; everybody else has all their joints told
        assert seen.untold.all() and len(seen.hazy) + len(seen.boxes) <= 2
        hazy.append(len(seen.hazy))
    assert counts >= {1, 2} and {0, 1} <= set(hazy)


def test_joints_that_labels_miss_are_untold_and_those_beyond_the_canvas_are_not(tmp_path: Path) -> None:
    document = square_document(tmp_path, 1, seed=3)
    document.annotations[0]["keypoints"][3:6] = [0, 0, 0]
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    plain = look(scene, (128, 96))
    assert plain.untold.tolist() == [[False, True, False, False]]
    assert torch.equal(plain.hazy, plain.boxes[:1]) and plain.labelled.sum() == 5


def test_crowds_are_grey_and_no_people(tmp_path: Path) -> None:
    document = square_document(tmp_path, 1, seed=3)
    document.annotations[1]["iscrowd"] = 1
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    assert len(scene) == 1
    x, y, w, h = map(int, scene.ignored[0])
    assert (look(scene, (128, 96)).pixels[:, y : y + h, x : x + w] == 127).all()


TURNED = replace(PLAIN, rotation=40, rotated=1, scale=1.3, shift=0.1, flip=0.5)
DOTS = np.array([[60.0, 40.0], [150.0, 70.0], [90.0, 120.0]])


@pytest.fixture
def dotted(tmp_path: Path) -> Scene:
    """A grey photo with three white squares of 9 x 9 pixels: joints in their middles, and a hexagon about them as the outline."""
    photo = np.full((160, 220, 3), 127, dtype=np.uint8)
    for x, y in DOTS.astype(int):
        photo[y - 4 : y + 5, x - 4 : x + 5] = 255
    Image.fromarray(photo).save(tmp_path / "dots.png")
    outline = (50.0, 35.0, 110.0, 30.0, 160.0, 60.0, 150.0, 90.0, 95.0, 130.0, 70.0, 100.0)
    boxes, v = np.array([[50.0, 30.0, 110.0, 100.0]]), np.full((1, 3), 2)
    return Scene(tmp_path / "dots.png", (220, 160), boxes, DOTS[None], v, ((outline,),), np.zeros((0, 4)), 1)


def motion_of(seen: View) -> tuple[np.ndarray, np.ndarray]:
    """The matrix and the offset that took the dots, in edge coordinates, to where a view has them."""
    found = np.linalg.solve(np.column_stack([DOTS + 0.5, np.ones(3)]), seen.xy[0].double().numpy() + 0.5)
    return found[:2].T, found[2]


def test_a_turned_view_has_its_joints_where_the_photo_shows_them(dotted: Scene) -> None:
    """The middle of each white square is the joint, to a fiftieth of a pixel, whether mirrored or not."""
    looked_at = {True: 0, False: 0}
    for seed in range(16):
        seen = look(dotted, (320, 240), TURNED, seed)
        matrix, _ = motion_of(seen)
        looked_at[bool(np.linalg.det(matrix) < 0)] += 1
        bright = seen.pixels.mean(dim=0).numpy() - 127
        rows, columns = np.mgrid[:240, :320]
        for (x, y), labelled in zip(seen.xy[0].numpy(), seen.labelled[0], strict=True):
            if not labelled or not (12 < x < 307 and 12 < y < 227):
                continue
            near = bright * ((abs(columns - x) < 12) & (abs(rows - y) < 12))
            assert near.sum() > 5000
            assert (near * columns).sum() / near.sum() == pytest.approx(x, abs=0.02)
            assert (near * rows).sum() / near.sum() == pytest.approx(y, abs=0.02)
    assert min(looked_at.values()) >= 4


def test_a_turned_box_is_that_of_the_outline_and_holds_the_mask(dotted: Scene) -> None:
    outline = np.reshape(dotted.outlines[0][0], (-1, 2))
    corners = np.array([[50, 30], [160, 30], [160, 130], [50, 130]])
    for seed in range(16):
        for scene, points in ((dotted, outline), (replace(dotted, outlines=((),)), corners)):
            seen = look(scene, (320, 240), TURNED, seed)
            matrix, offset = motion_of(seen)
            there = points @ matrix.T + offset
            wanted = np.clip([there.min(axis=0), there.max(axis=0)], 0, [320, 240]).ravel()
            np.testing.assert_allclose(seen.boxes[0].numpy(), wanted, atol=1e-3)
            rows, columns = np.nonzero(seen.masks[0].numpy())
            left, top, right, bottom = seen.boxes[0].tolist()
            assert left - 1 <= columns.min() and columns.max() + 1 <= right + 1
            assert top - 1 <= rows.min() and rows.max() + 1 <= bottom + 1
            x, y = points.T
            area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2 * abs(np.linalg.det(matrix))
            if (there > 0).all() and (there < [320, 240]).all():
                assert len(rows) == pytest.approx(area, rel=0.03)


def test_how_far_and_how_often_views_are_turned(dotted: Scene) -> None:
    """By up to 15 degrees for half of them where nothing else is asked for; without rotation the rest is as it would be."""
    usual = replace(PLAIN, rotation=Variation().rotation, rotated=Variation().rotated)
    angles = []
    for seed in range(200):
        matrix, _ = motion_of(look(dotted, (110, 80), usual, seed))
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2) / 4, atol=1e-4)
        angles.append(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    turned = np.abs(angles) > 0.01
    assert 0.4 < turned.mean() < 0.6 and 13 < np.abs(angles).max() <= 15 and min(angles) < -10 < 10 < max(angles)
    for seed in range(5):
        one = look(dotted, (160, 160), replace(TURNED, rotation=0), seed)
        other = look(dotted, (160, 160), replace(TURNED, rotated=0), seed)
        chance = np.random.default_rng(seed)
        zoom = 160 / 220 * 1.3 ** chance.uniform(-1, 1)
        middle = 80 + chance.uniform(-1, 1, 2) * 16
        xy = (DOTS + 0.5 - [110, 80]) * zoom + middle
        if chance.uniform() < 0.5:
            xy[:, 0] = 160 - xy[:, 0]
        for seen in (one, other):
            np.testing.assert_allclose(seen.xy[0].numpy(), xy - 0.5, atol=1e-4)
        assert torch.equal(one.pixels, other.pixels) and torch.equal(one.masks, other.masks)


def test_some_views_are_turned_by_any_angle_or_by_quarters_where_an_outline_is_missing(dotted: Scene) -> None:
    """A tenth where nothing else is asked for, all of the photo on the canvas, boxes without an outline as tight as they were."""
    some = replace(PLAIN, full_circle=Variation().full_circle)
    far = [turn_of(look(dotted, (110, 80), some, seed)) for seed in range(300)]
    assert 0.06 < (np.abs(far) > 0.01).mean() < 0.15
    every = [turn_of(look(dotted, (110, 80), replace(some, full_circle=1), seed)) for seed in range(100)]
    assert np.histogram(every, 4, (-180, 180))[0].min() > 12
    boxed, quarters = replace(dotted, outlines=((),)), set()
    for seed in range(40):
        seen = look(boxed, (110, 80), replace(PLAIN, full_circle=1), seed)
        matrix, offset = motion_of(seen)
        corners = np.array([[0, 0], [220, 160]]) @ matrix.T + offset
        assert (corners > -1e-3).all() and (corners < np.array([110, 80]) + 1e-3).all()
        box = (np.array([[50, 30], [160, 130]]) @ matrix.T + offset).ravel()
        wanted = [*np.minimum(box[:2], box[2:]), *np.maximum(box[:2], box[2:])]
        np.testing.assert_allclose(seen.boxes[0].numpy(), wanted, atol=1e-3)
        left, top, right, bottom = np.round(wanted).astype(int)
        assert seen.masks[0, top:bottom, left:right].all()
        assert seen.masks[0].sum() <= (right - left + 1) * (bottom - top + 1)
        quarters.add(round(turn_of(seen)) % 360)
    assert quarters == {90, 180, 270}


def turn_of(seen: View) -> float:
    """By how many degrees the dots were turned, -180 to 180."""
    matrix, _ = motion_of(seen)
    return float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))


def test_a_turned_crowd_is_grey_and_no_more_than_that(tmp_path: Path) -> None:
    document = square_document(tmp_path, 1, seed=3)
    document.annotations[1]["iscrowd"] = 1
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    turned = replace(PLAIN, rotation=30, rotated=1)
    shown = look(scene, (256, 192), turned, 2).pixels
    bare = look(replace(scene, ignored=np.zeros((0, 4))), (256, 192), turned, 2).pixels
    changed = int((shown != bare).any(dim=0).sum())
    side = float(scene.ignored[0, 2]) * 2
    assert changed == pytest.approx(side * side, rel=0.05)
    assert (shown[:, (shown != bare).any(dim=0)] == 127).all()


def test_a_piece_of_some_people_is_covered_and_their_joints_stay_labelled(scene: Scene) -> None:
    plain, count = look(scene, (128, 96)), 0
    for seed in range(60):
        seen = look(scene, (128, 96), replace(PLAIN, occlusion=0.3), seed)
        again = look(scene, (128, 96), replace(PLAIN, occlusion=0.3), seed)
        assert torch.equal(seen.pixels, again.pixels) and torch.equal(seen.masks, again.masks)
        assert torch.equal(seen.xy, plain.xy) and torch.equal(seen.labelled, plain.labelled)
        assert torch.equal(seen.boxes, plain.boxes)
        changed = (seen.pixels != plain.pixels).any(dim=0)
        assert not changed[plain.masks.sum(dim=0) == 0].sum() > 2 * 40, "only people are covered, their outline aside"
        for mask, whole in zip(seen.masks, plain.masks, strict=True):
            covered = (mask != whole).bool()
            assert not (mask > whole).any()
            if covered.any():
                count += 1
                assert 0.03 < covered.sum() / whole.sum() < 0.27
                rows, columns = covered.nonzero().T
                box = covered[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
                assert box.all(), "a rectangle"
                # another place of the photo, or grey: never anybody's orange
                red, _, blue = seen.pixels[:, covered]
                assert not ((red > 200) & (blue < 60)).any()
    assert 0.2 < count / 120 < 0.4


def test_nobody_is_hidden_by_the_piece_that_covers_another(scene: Scene) -> None:
    """A small person within a large one's box keeps at least half of their box."""
    outlines = ((), ())
    boxes = np.array([[4.0, 4.0, 120.0, 88.0], [60.0, 40.0, 8.0, 8.0]])
    crowded = replace(scene, boxes=boxes, outlines=outlines)
    for seed in range(60):
        seen = look(crowded, (128, 96), replace(PLAIN, occlusion=1), seed)
        assert seen.masks[1].sum() >= 0.5 * 0.75 * 64


def run_lengths(polygons: list[list[float]], *, packed: bool) -> dict[str, Any]:
    """Polygons on the photo of 128 x 96 pixels as COCO JSON's RLE."""
    found = rle.merge(rle.frPyObjects(polygons, 96, 128))
    if packed:
        return {"size": [96, 128], "counts": found["counts"].decode()}
    flat = RunLengths((96, 128), found["counts"]).pixels().ravel(order="F")
    ends = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return {"size": [96, 128], "counts": np.diff([0, *ends, flat.size]).tolist()}


@pytest.mark.parametrize("packed", [True, False])
def test_run_lengths_are_the_outline_that_they_were_made_of(packed: bool, tmp_path: Path) -> None:
    """To the pixel in the plain view; in any other within a pixel of its edge, and the turned box within one too."""
    document = square_document(tmp_path, 1, seed=3)
    diamond = [[40.0, 20.0, 60.0, 45.0, 40.0, 70.0, 20.0, 45.0], [52.0, 62.0, 62.0, 62.0, 62.0, 72.0, 52.0, 72.0]]
    document.annotations[0] |= {"segmentation": diamond, "bbox": [20, 20, 42, 52]}
    drawn = read_scenes(document, tmp_path, SKELETON)[0]
    for annotation in document.annotations:
        annotation["segmentation"] = run_lengths(annotation["segmentation"], packed=packed)
    scene = read_scenes(document, tmp_path, SKELETON)[0]
    assert outlined([scene]) == (2, 2) and fingerprint([scene]) != fingerprint([drawn])
    for ours, theirs in zip(scene.outlines, drawn.outlines, strict=True):
        assert isinstance(ours, RunLengths) and rle_of(ours, scene.size) == rle_of(theirs, scene.size)
    assert torch.equal(look(scene, (128, 96)).masks, look(drawn, (128, 96)).masks)
    for seed in range(12):
        for variation in (TURNED, replace(TURNED, rotation=0, shift=0.3)):
            ours, theirs = (look(s, (256, 192), variation, seed) for s in (scene, drawn))
            assert torch.equal(ours.pixels, theirs.pixels) and len(ours.boxes) == len(theirs.boxes)
            torch.testing.assert_close(ours.boxes, theirs.boxes, atol=3, rtol=0)
            for one, other in zip(ours.masks, theirs.masks, strict=True):
                assert (one & other).sum() > 0.93 * (one | other).sum()


def test_the_box_stands_for_a_missing_outline(scene: Scene) -> None:
    seen = look(replace(scene, outlines=((), scene.outlines[1])), (128, 96))
    left, top, right, bottom = seen.boxes[0].int().tolist()
    assert seen.masks[0, top:bottom, left:right].all() and seen.masks[0].sum() == (right - left) * (bottom - top)
