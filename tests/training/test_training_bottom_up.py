from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import die_in_call, expect_the_same_end
from synthetic_scenes import SKELETON, square_document

from labeltool.models.bottom_up import BottomUpConfig, BottomUpNetwork, group
from labeltool.training.bottom_up import (
    BottomUpTask,
    centre_of,
    focal_loss,
    offset_loss,
    to_cells,
    told_cells,
    wanted_maps,
)
from labeltool.training.scene_loop import SceneSchedule, fit_scenes
from labeltool.training.scene_views import PLAIN, View, view
from labeltool.training.scenes import read_scenes


def seen(xy: list[list[list[float]]], labelled: list[list[bool]]) -> View:
    joints = torch.tensor(xy)
    boxes = torch.tensor([[0.0, 0, 80, 80]] * len(xy))
    known = torch.tensor(labelled)
    untold = torch.cat([~known, torch.zeros(len(xy), 1, dtype=torch.bool)], dim=1)
    return View(torch.zeros(3, 128, 160), boxes, joints, known, torch.zeros(0, 128, 160), boxes, untold)


ONE = [[[13.5, 9.5], [45.5, 73.5], [29.5, 41.5]]]


def test_the_centre_is_the_mean_of_the_labelled_joints() -> None:
    assert centre_of(seen(ONE, [[True, True, False]])).tolist() == [[29.5, 41.5]]
    assert centre_of(seen(ONE, [[False] * 3])).tolist() == [[39.5, 39.5]]  # the middle of the box


def test_pixels_and_cells() -> None:
    assert to_cells(torch.tensor([1.5, 13.5])).tolist() == [0.0, 3.0]


def test_maps_are_one_where_the_joints_are_and_decode_to_them() -> None:
    v = seen(ONE, [[True, True, True]])
    maps = wanted_maps(v, (32, 40), 3)
    cells = to_cells(v.xy[0]).int().tolist()
    for joint, (x, y) in enumerate(cells):
        assert maps[joint, y, x] == 1 and (maps[joint] == 1).sum() == 1
    answer = torch.cat([torch.logit(maps.clamp(1e-4, 0.999)), torch.zeros(6, 32, 40)])
    x, y = to_cells(centre_of(v))[0].round().int().tolist()
    answer[4:, y, x] = (to_cells(v.xy[0]) - torch.tensor([x, y])).flatten()
    found, _, scores = group(answer, 3)
    assert len(scores) == 1
    torch.testing.assert_close(torch.from_numpy(found[0]).float(), to_cells(v.xy[0]), atol=0.1, rtol=0)


def test_unlabelled_joints_have_no_peak() -> None:
    maps = wanted_maps(seen(ONE, [[True, False, True]]), (32, 40), 3)
    assert maps[1].max() == 0 and maps[0].max() == 1


def test_focal_loss_by_hand() -> None:
    """One peak seen at .8, one empty cell at .3, one at half height at .6: eq. 1 of Objects as Points."""
    chances, wanted = torch.tensor([0.8, 0.3, 0.6]), torch.tensor([1.0, 0.0, 0.5])
    by_hand = -(0.2**2 * math.log(0.8) + 0.3**2 * math.log(0.7) + 0.5**4 * 0.6**2 * math.log(0.4))
    every = torch.ones(1, 1, 1, 3, dtype=torch.bool)
    found = focal_loss(torch.logit(chances).view(1, 1, 1, 3), wanted.view(1, 1, 1, 3), every)
    assert found.item() == pytest.approx(by_hand, rel=1e-5)
    told = torch.tensor([True, False, True]).view(1, 1, 1, 3)
    without = focal_loss(torch.logit(chances).view(1, 1, 1, 3), wanted.view(1, 1, 1, 3), told)
    assert without.item() == pytest.approx(by_hand + 0.3**2 * math.log(0.7), rel=1e-5)
    far = focal_loss(torch.tensor([[[[200.0, -200.0]]]]), torch.tensor([[[[0.0, 1.0]]]]), every[..., :2])
    assert torch.isfinite(far)


def test_a_joint_that_labels_miss_is_not_taken_for_absent() -> None:
    """In the box of somebody whose joint is not labelled its map teaches nothing, but near another person's peak and outside."""
    other = [[[140.0, 100.0], [70.0, 70.0], [120.0, 20.0]]]
    v = seen(ONE + other, [[True, False, True], [True] * 3])
    maps = wanted_maps(v, (32, 40), 3)
    told = told_cells(v, maps)
    assert told[[0, 2, 3]].all()
    assert not told[1, 2, 3] and told[1, 2, 20] and told[1, 20, 3]
    x, y = to_cells(v.xy[1, 1]).round().int().tolist()
    assert (maps[1, y, x] == 1 and x < 20 and y < 20) and told[1, y - 1 : y + 2, x - 1 : x + 2].all()


def test_a_confident_map_costs_nothing_where_the_labels_miss_the_joint(tmp_path: Path) -> None:
    """Labels that miss a joint teach the same whatever its map says in the box; labels that have it do not."""
    document = square_document(tmp_path, 1, seed=3)
    for annotation in document.annotations:
        annotation["keypoints"][3:6] = [0, 0, 0]
    config = BottomUpConfig(SKELETON, side=128, channels=16, backbone="mobilenetv3_small_050")
    v = view(
        read_scenes(document, tmp_path, SKELETON)[0],
        SKELETON,
        canvas=(128, 96),
        masks=False,
        variation=PLAIN,
        chance=np.random.default_rng(0),
    )
    plain = torch.full((1, 10, 24, 32), -4.0)
    loud = plain.clone()
    for left, top, right, bottom in v.boxes.tolist():
        loud[0, 1, int(top / 4) + 1 : int(bottom / 4), int(left / 4) + 1 : int(right / 4)] = 4.0

    class Saying(BottomUpNetwork):
        answer = plain

        def forward(self, crops: torch.Tensor) -> torch.Tensor:
            return self.answer

    network = Saying(config)
    task = BottomUpTask(network, config)
    quiet = {name: term.item() for name, term in task.losses([v]).items()}
    network.answer = loud
    assert {name: term.item() for name, term in task.losses([v]).items()} == quiet
    everywhere = replace(v, untold=torch.zeros_like(v.untold))
    assert task.losses([everywhere])["joints"].item() > quiet["joints"] + 1


def test_offsets_are_learnt_about_the_centre() -> None:
    """13 cells lie at most 2 from the centre's; an error of a quarter cell is 1/80 of a box of 20 x 20 cells."""
    v = seen(ONE, [[True, True, False]])
    offsets = torch.full((6, 32, 40), 9.0)
    x, y = to_cells(centre_of(v))[0].round().int().tolist()
    about = [(x + i, y + j) for i in range(-2, 3) for j in range(-2, 3) if i * i + j * j <= 4]
    assert len(about) == 13
    for column, row in about:
        offsets[:4, row, column] = (to_cells(v.xy[0, :2]) - torch.tensor([column, row])).flatten() + 0.25
    assert offset_loss(offsets, v).item() == pytest.approx(0.25 / 20)
    offsets[:4, y, x] += 13
    assert offset_loss(offsets, v).item() == pytest.approx(1.25 / 20)
    assert offset_loss(offsets, seen(ONE, [[False] * 3])).item() == 0


def test_a_cell_between_two_people_learns_the_nearers_offsets() -> None:
    """Centres two cells apart: each cell about them is right for one of the two, and the loss is 0."""
    other = [[[x + 8, y + 4] for x, y in ONE[0]]]
    v = seen(ONE + other, [[True] * 3] * 2)
    offsets = torch.full((6, 32, 40), 99.0)
    centres = to_cells(centre_of(v)).round()
    assert torch.equal(centres[1] - centres[0], torch.tensor([2.0, 1.0]))
    for row in range(32):
        for column in range(40):
            cell = torch.tensor([column, row], dtype=torch.float32)
            away = (centres - cell).norm(dim=1)
            if away.min() <= 2:
                offsets[:, row, column] = (to_cells(v.xy)[int(away.argmin())] - cell).flatten()
    assert offset_loss(offsets, v).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_it_learns_a_few_photos(tmp_path: Path) -> None:
    torch.manual_seed(0)
    scenes = read_scenes(square_document(tmp_path, 24, seed=0), tmp_path, SKELETON)
    config = BottomUpConfig(SKELETON, side=128, channels=32, backbone="mobilenetv3_small_050")
    task = BottomUpTask(BottomUpNetwork(config), config)
    mild = replace(PLAIN, scale=1.05, shift=0.05, tint=0.05)
    schedule = SceneSchedule(epochs=16, batch=4, rate=4e-3, average=0.9, variation=mild)
    fit_scenes(tmp_path / "run", task, scenes, scenes[:8], schedule, quiet=True)
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    header = rows[0].split(",")
    assert {"joints", "centres", "offsets", "ap_keypoints"} <= set(header)
    best = max(float(row.split(",")[header.index("ap_keypoints")]) for row in rows[1:])
    assert best > 0.5


def train(out: Path) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    scenes = read_scenes(square_document(out.parent, 8, seed=0), out.parent, SKELETON)
    config = BottomUpConfig(SKELETON, side=64, channels=16, backbone="mobilenetv3_small_050")
    schedule = SceneSchedule(epochs=2, batch=2, save_every=0)
    task = BottomUpTask(BottomUpNetwork(config), config)
    fit_scenes(out, task, scenes[:6], scenes[6:], schedule, quiet=True)
    return task.network.state_dict()


def train_and_die(out: Path) -> None:
    """Dies in the third step of its second epoch."""
    die_in_call(BottomUpTask, "losses", 6)
    train(out)


def test_a_run_that_was_killed_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    expect_the_same_end(train, train_and_die, tmp_path, epoch=1, step=2)
