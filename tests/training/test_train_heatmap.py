from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_people import MILD, SKELETON, squares

from labeltool.errors import ModelError
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork, load
from labeltool.models.weights import Checkpoint
from labeltool.training.from_files import make_task
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Schedule, Stage, fit
from labeltool.training.starting import freeze

TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)


@pytest.mark.slow
def test_a_short_training_learns_and_writes_a_model_that_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    schedule = Schedule(epochs=10, batch=16, rate=5e-3, average=0.9, augmentation=MILD)
    best = fit(tmp_path / "run", task, squares(192, 0), squares(48, 1), schedule, quiet=True)
    with open(tmp_path / "run" / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["pdj@0.2"]) > 0.9
    assert load(best, device="cpu").skeleton.joints == SKELETON.joints


def test_only_known_models_are_trained() -> None:
    with pytest.raises(ModelError, match="'alexnet': cannot be trained, expected one of deeppose, heatmap"):
        make_task("alexnet", SKELETON)


def test_the_side_of_the_crops_can_be_chosen() -> None:
    assert make_task("heatmap", SKELETON).size == 192 and make_task("heatmap", SKELETON, side=96).size == 96
    with pytest.raises(ModelError, match="heatmap: crops of 100 px, expected a multiple of 32"):
        make_task("heatmap", SKELETON, side=100)


def test_the_backbone_can_be_chosen() -> None:
    for model in ("heatmap", "deeppose"):
        assert make_task(model, SKELETON).config.backbone == "tf_efficientnet_lite0"
        assert make_task(model, SKELETON, "test_efficientnet").config.backbone == "test_efficientnet"
        with pytest.raises(ModelError, match="backbone 'no_such_net'"):
            make_task(model, SKELETON, "no_such_net")


def test_a_network_is_like_the_one_it_starts_from() -> None:
    other = replace(TINY, padding=1.5, mean=0.4, slope=2.0, offsets=(1.0, 2.0, 3.0))
    start = Checkpoint(Path("s.safetensors"), {}, {"model": "heatmap", "config": other.to_json()}, "")
    assert make_task("heatmap", SKELETON, start=start).config == replace(other, slope=1.0, offsets=())
    # another backbone wants photos as its own weights were made
    resnet = make_task("heatmap", SKELETON, "resnet18", 96, start=start).config
    assert (resnet.backbone, resnet.mean, resnet.std) == ("resnet18", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert HeatmapConfig.from_json(json.loads(json.dumps(resnet.to_json()))) == resnet
    regression = make_task("deeppose", SKELETON, start=start).config
    assert (regression.backbone, regression.mean, regression.padding) == ("test_efficientnet", 0.4, 1.25)
    odd = replace(start, description={"model": "heatmap", "config": {"backbone": 7, "side": "64"}})
    assert make_task("heatmap", SKELETON, start=odd).config == HeatmapConfig(SKELETON)
    wrong = {**other.to_json(), "std": [0.2, 0.0, 0.2]}
    with pytest.raises(ModelError, match=r"s\.safetensors: std \[0\.2, 0\.0, 0\.2\]: expected numbers above 0"):
        make_task("heatmap", SKELETON, start=replace(start, description={"model": "heatmap", "config": wrong}))
    with pytest.raises(ModelError, match=r"^heatmap: crops of 100 px"):
        make_task("heatmap", SKELETON, side=100, start=start)
    with pytest.raises(ModelError, match=r"^backbone 'no_such_net'"):
        make_task("heatmap", SKELETON, "no_such_net", start=start)
    with pytest.raises(ModelError, match=r"s\.safetensors: heatmap: crops of 100 px"):
        make_task("heatmap", SKELETON, start=replace(start, description={"model": "heatmap", "config": {"side": 100}}))


def test_layers_are_frozen_up_to_stride_8_of_other_networks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task("heatmap", SKELETON, "resnet18")
    task.network.freeze()
    frozen = {name.split(".")[0] for name, p in task.network.backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1", "layer2"}
    dense = HeatmapNetwork(HeatmapConfig(SKELETON, backbone="densenet121"))
    dense.freeze()
    learnt = {name for name, p in dense.backbone.named_parameters() if p.requires_grad}
    assert any("denseblock3" in name for name in learnt) and not any("denseblock1" in name for name in learnt)
    for place in ("nowhere", "layer2.rep.0"):
        info = [{"module": place, "reduction": 8}]
        monkeypatch.setattr(task.network.backbone.feature_info, "info", info)
        with pytest.raises(ModelError, match="freeze: the backbone does not say which layers are up to stride 8"):
            task.network.freeze()


def test_frozen_layers_stay_and_the_others_learn(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    task.network.freeze()
    before = {name: tensor.clone() for name, tensor in task.network.state_dict().items()}
    fit(tmp_path, task, squares(16, 0), squares(8, 1), Schedule(epochs=1, batch=8, augmentation=MILD), quiet=True)
    changed = {name for name, tensor in task.network.state_dict().items() if not torch.equal(tensor, before[name])}
    first = ("backbone.conv_stem", "backbone.bn1", "backbone.blocks.0", "backbone.blocks.1", "backbone.blocks.2")
    assert not {name for name in changed if name.startswith(first)}
    assert {"backbone.blocks.3.0.bn1.weight", "backbone.blocks.3.0.bn1.running_mean", "head.weight"} <= changed
    task.network.eval()
    assert not any(layer.training for layer in task.network.modules())


def test_nothing_is_frozen_that_was_never_learnt() -> None:
    with pytest.raises(ModelError, match="are to be frozen as they are, expected --init with their weights"):
        freeze(make_task("heatmap", SKELETON).network, None, "heatmap", "heatmap")
    with pytest.raises(ModelError, match="deeppose: no layers can be frozen, expected the heatmap model"):
        freeze(make_task("deeppose", SKELETON).network, None, "deeppose", "heatmap")


def test_no_step_is_of_one_person(tmp_path: Path) -> None:
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    schedule = Schedule(epochs=1, batch=8, augmentation=MILD, stages=(Stage(1, 32),))
    assert fit(tmp_path, task, squares(9, 0), squares(8, 1), schedule, quiet=True).is_file()
