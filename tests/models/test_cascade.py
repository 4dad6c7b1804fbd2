from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from labeltool.errors import ModelError
from labeltool.models.backbones import Backbone
from labeltool.models.cascade import (
    LEAST_DIAMETER,
    USUAL_DIAMETER,
    RefinerConfig,
    RefiningStage,
    View,
    cut,
    diameters,
    displaced,
    place_of_peak,
)
from labeltool.models.deeppose import CROP_SIZE, DeepPoseConfig, DeepPoseNetwork, load
from labeltool.models.weights import write_checkpoint
from labeltool.skeleton import LSP_14, define

TINY = DeepPoseConfig(define("tiny", ["left_shoulder", "right_hip", "nose"]), backbone="test_efficientnet", hidden=16)
SMALL = RefinerConfig(channels=8, hidden=8, cells=8)
BLIND = replace(SMALL, sharing="per-joint", told=False)
PHOTO = RefinerConfig(channels=8, hidden=8, cells=4, source="photo", backbone="test_efficientnet", tile=32)
FIRST = Backbone(torch.nn.Identity(), (4, 6, 8), (4, 8, 16), lambda size: size // 16)


def photo(height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def view(people: int = 2) -> View:
    torch.manual_seed(0)
    return View(torch.randn(people, 3, 64, 64), [torch.randn(people, c, s, s) for c, s in ((4, 32), (6, 16), (8, 8))])


def poses(people: int = 2) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(people, 3, 2) - 0.5


def a_stage(config: RefinerConfig = SMALL) -> RefiningStage:
    torch.manual_seed(2)
    stage = RefiningStage(config, TINY.skeleton, FIRST).eval()
    for network in stage.networks:  # away from the zeros they start with
        if config.told:
            torch.nn.init.normal_(network.told[-1].weight, std=0.1)  # type: ignore[union-attr,index,arg-type]
        torch.nn.init.normal_(network.correction.weight, std=0.1)  # type: ignore[union-attr,arg-type]
    return stage


def test_the_poses_diameter_is_the_lectures() -> None:
    pose = torch.zeros(1, 14, 2)
    pose[0, LSP_14.index("left_shoulder")] = torch.tensor([160.0, 360.0])
    pose[0, LSP_14.index("right_hip")] = torch.tensor([60.0, 90.0])
    assert float(diameters(pose, LSP_14)) == pytest.approx(287.92, abs=0.005)


def test_a_square_about_the_lectures_joint_and_back() -> None:
    centre, side = torch.tensor([[[60.0, 90.0]]]), torch.tensor([[2 * 287.92]])
    moved = displaced(centre, side, torch.tensor([[[0.1, -0.25]]]))
    assert torch.allclose(moved, torch.tensor([[[60 + 57.584, 90 - 143.96]]]))


def test_a_diameter_that_cannot_be_measured() -> None:
    pose = torch.zeros(3, 3, 2)
    pose[0, 0, 0], pose[1, 0, 0], pose[2, 0, 0] = torch.nan, 0.01, 0.4
    assert diameters(pose, TINY.skeleton).tolist() == pytest.approx([USUAL_DIAMETER, LEAST_DIAMETER, 0.4])
    assert diameters(pose, define("hand", ["a", "b", "c"])).tolist() == pytest.approx([USUAL_DIAMETER] * 3)


def test_squares_are_cut_where_they_lie() -> None:
    steps = (torch.arange(40) + 0.5) / 40 - 0.5
    maps = torch.stack([steps.expand(40, 40), steps[:, None].expand(40, 40)])[None].expand(2, -1, -1, -1)
    centre = torch.tensor([[[0.0, 0.0], [0.1, -0.2]], [[-0.2, 0.2], [0.9, 0.0]]])
    side = torch.tensor([[0.5, 0.2], [0.3, 0.2]])
    parts = cut(maps.contiguous(), centre, side, 10)
    assert parts.shape == (4, 2, 10, 10)
    places = (torch.arange(10) + 0.5) / 10 - 0.5
    for n, (c, s) in enumerate(zip(centre.flatten(0, 1)[:3], side.flatten()[:3], strict=True)):
        assert torch.allclose(parts[n, 0, 4], c[0] + s * places, atol=1e-5)
        assert torch.allclose(parts[n, 1, :, 4], c[1] + s * places, atol=1e-5)
    assert (parts[3] == 0).all(), "outside the view"


def test_the_place_of_the_peak_is_not_drawn_to_a_second_one() -> None:
    logits = torch.full((1, 10, 10), -20.0)
    logits[0, 2, 3], logits[0, 2, 4], logits[0, 8, 8] = 5.0, 5.0, 4.9
    assert torch.allclose(place_of_peak(logits), torch.tensor([[4.0 / 10 - 0.5, 2.5 / 10 - 0.5]]), atol=1e-5)


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, sharing="per-joint"), BLIND, PHOTO])
def test_all_joints_at_once_are_what_each_is_alone(config: RefinerConfig) -> None:
    stage, pose = a_stage(config), poses()
    with torch.inference_mode():
        together, error = stage.refine(view(), pose)
        side = stage.sides(pose)
        for person in range(2):
            for joint in range(3):
                displacement, log_error, cells = stage(
                    View(view().photo[person : person + 1], [m[person : person + 1] for m in view().maps]),
                    pose[person : person + 1, joint : joint + 1],
                    side[person].view(1, 1),
                    torch.tensor([[joint]]),
                    pose[person : person + 1],
                )
                alone = pose[person, joint] + side[person] * displacement[0, 0]
                assert torch.allclose(together[person, joint], alone, atol=1e-4)
                assert float(error[person, joint]) == pytest.approx(float(log_error + side[person].log()), abs=1e-4)
                assert cells.shape == (1, 1, config.cells, config.cells)


def test_a_shared_network_tells_joints_apart_and_knows_the_rest_of_the_pose() -> None:
    stage, pose = a_stage(), poses(1)
    square = (pose[:, :1], stage.sides(pose)[:, None])
    with torch.inference_mode():
        one, other = (stage(view(1), *square, torch.tensor([[k]]), pose)[2] for k in (0, 1))
        elsewhere = pose.clone()
        elsewhere[0, 2] += 0.3
        third = stage(view(1), *square, torch.tensor([[0]]), elsewhere)[2]
    assert not torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(one, third, atol=1e-3)


def test_one_network_a_joint_is_blind_to_the_rest_of_the_pose() -> None:
    stage, pose = a_stage(BLIND), poses(1)
    square = (pose[:, :1], stage.sides(pose)[:, None])
    elsewhere = pose.clone()
    elsewhere[0, 2] += 0.3
    with torch.inference_mode():
        one, other = (stage(view(1), *square, torch.tensor([[0]]), p) for p in (pose, elsewhere))
        as_told = a_stage(replace(BLIND, told=True))(view(1), *square, torch.tensor([[0]]), elsewhere)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.allclose(as_told[2], other[2], atol=1e-3)
    assert not any("names" in name or "told" in name for name in stage.state_dict())


def test_stages_of_checkpoints_that_do_not_say_so_are_told_joint_and_pose() -> None:
    described = replace(SMALL, sharing="per-joint").to_json()
    del described["told"]
    assert RefinerConfig.from_json(described) == replace(SMALL, sharing="per-joint", told=True)


@pytest.mark.parametrize("config", [replace(SMALL, sharing="per-joint"), BLIND])
def test_one_network_a_joint_learns_of_its_joint_alone(config: RefinerConfig) -> None:
    stage, pose = a_stage(config).train(), poses()
    joint = torch.full((2, 1), 1)
    stage(view(), pose[:, 1:2], stage.sides(pose)[:, None], joint, pose)[0].sum().backward()
    moved = [any(p.grad is not None and bool(p.grad.any()) for p in n.parameters()) for n in stage.networks]
    assert moved == [False, True, False]


@pytest.mark.parametrize("stages", [[SMALL, replace(SMALL, sigma=1.0)], [PHOTO], [BLIND]])
def test_a_checkpoint_holds_all_stages(tmp_path: Path, stages: list[RefinerConfig]) -> None:
    path = tmp_path / "cascade.safetensors"
    torch.manual_seed(0)
    network = DeepPoseNetwork(TINY, stages)
    described = {"model": "deeppose", "config": TINY.to_json(), "stages": [s.to_json() for s in stages]}
    write_checkpoint(path, network.state_dict(), described)
    model = load(path, device="cpu")
    assert model.stages == 1 + len(stages)
    assert model.size == CROP_SIZE * (2 if stages == [PHOTO] else 1)
    boxes = np.array([[10, 10, 40, 60], [50, 20, 30, 30]], float)
    whole = model.predict([photo()], [boxes])[0]
    assert whole.xy.shape == (2, 3, 2) and np.isfinite(whole.xy).all()
    assert ((whole.confidence >= 0) & (whole.confidence <= 1)).all()
    first = model.after(1).predict([photo()], [boxes])[0]
    assert not np.allclose(first.xy, whole.xy)
    assert (model.after(model.stages).predict([photo()], [boxes])[0].xy == whole.xy).all()
    with pytest.raises(ModelError, match=f"stage {2 + len(stages)}: not there, expected 1 to {1 + len(stages)}"):
        model.after(2 + len(stages))


def test_a_checkpoint_of_stage_1_alone_has_no_more(tmp_path: Path) -> None:
    path = tmp_path / "first.safetensors"
    write_checkpoint(path, DeepPoseNetwork(TINY).state_dict(), {"model": "deeppose", "config": TINY.to_json()})
    assert load(path, device="cpu").stages == 1


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (3, "stages is 3, expected a list"),
        ([{"colour": 1}], "refining stage: .*colour"),
        ([{"source": "smell"}], "source of a refining stage is 'smell', expected features or photo"),
        ([{"sigma": 0}], "sigma of a refining stage is 0, expected a positive number"),
        ([{"told": False}], "told of a refining stage is False, expected true, or false with one network a joint"),
        ([SMALL.to_json()], r"tensor 'stages.0.networks.0.* is missing"),
    ],
)
def test_stages_that_are_described_wrongly(tmp_path: Path, stages: object, message: str) -> None:
    path = tmp_path / "x.safetensors"
    described = {"model": "deeppose", "config": TINY.to_json(), "stages": stages}
    write_checkpoint(path, DeepPoseNetwork(TINY).state_dict(), described)
    with pytest.raises(ModelError, match=message):
        load(path, device="cpu")


def test_training_the_last_stage_leaves_the_others_alone() -> None:
    network = DeepPoseNetwork(TINY, [SMALL, SMALL])
    network.learn_last_stage()
    network.train()
    learning = [name for name, p in network.named_parameters() if p.requires_grad]
    assert learning and all(name.startswith("stages.1.") for name in learning)
    training = {name.split(".")[0] for name, m in network.named_modules() if m.training and name}
    assert training == {"stages"} and not network.stages[0].training and network.stages[1].training
