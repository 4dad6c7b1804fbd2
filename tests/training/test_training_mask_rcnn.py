from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killing import die_in_call, expect_the_same_end
from pycocotools import mask as rle
from run_state import last_place, last_tensors
from synthetic_scenes import SKELETON, square_document

from labeltool.audit import OVERALL, bootstrap
from labeltool.errors import ModelError
from labeltool.models.mask_rcnn import MaskRcnnConfig, build, open_checkpoint, parse_tasks
from labeltool.training.coco_ap import average_precision, counts_by_image, truth_of
from labeltool.training.mask_rcnn import MaskRcnnTask, average_precisions
from labeltool.training.scene_loop import SceneSchedule, fit_scenes
from labeltool.training.scene_views import PLAIN, View, view
from labeltool.training.scenes import Scene, read_scenes

MILD = replace(PLAIN, scale=1.05, shift=0.05, tint=0.05)


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    return read_scenes(square_document(tmp_path, 24, seed=0), tmp_path, SKELETON)


def make(tasks: str) -> MaskRcnnTask:
    torch.manual_seed(0)
    config = MaskRcnnConfig(SKELETON, parse_tasks(tasks), "mobilenetv3_small_050", channels=32, side=96)
    return MaskRcnnTask(build(config), config)


def test_the_lectures_six_terms(scenes: list[Scene]) -> None:
    chance = np.random.default_rng(0)
    views = [
        view(scene, SKELETON, canvas=(128, 96), masks=True, variation=PLAIN, chance=chance) for scene in scenes[:2]
    ]
    assert set(make("od,is,hpe").losses(views)) == {"rpn_reg", "rpn_clf", "bb_reg", "bb_clf", "segment", "hpe"}
    assert set(make("od").losses(views)) == {"rpn_reg", "rpn_clf", "bb_reg", "bb_clf"}
    assert make("od,is").losses([]) == {}


def test_perfect_answers_have_ap_one_in_every_measure(scenes: list[Scene]) -> None:
    truth = truth_of(scenes, SKELETON)
    results: list[dict[str, Any]] = [
        {k: a[k] for k in ("image_id", "category_id", "bbox", "segmentation", "keypoints")} | {"score": 0.9}
        for a in truth["annotations"]
    ]
    for measure in ("bbox", "segm", "keypoints"):
        assert average_precision(truth, results, measure, SKELETON) == pytest.approx(1.0)
        assert average_precision(truth, results[::2], measure, SKELETON) == pytest.approx(0.5, abs=0.01)
        assert average_precision(truth, [], measure, SKELETON) == 0


def test_photos_add_up_to_the_same_ap_and_give_its_interval(scenes: list[Scene]) -> None:
    """Boxes that are too wide by chance, some missed, some of nobody: AP from each photo's matches is pycocotools' to the bit."""
    chance = np.random.default_rng(1)
    truth = truth_of(scenes, SKELETON)
    results = []
    for a in truth["annotations"]:
        if chance.uniform() < 0.2:
            continue
        x, y, w, h = a["bbox"]
        wide = w * (1 + chance.uniform(0, 0.8))
        moved = np.reshape(a["keypoints"], (-1, 3)) + np.array([chance.normal(0, 4), 0, 0])
        segmentation = rle.frPyObjects([[x, y, x + wide, y, x + wide, y + h, x, y + h]], 96, 128)[0]
        row = {"bbox": [x, y, wide, h], "segmentation": segmentation, "keypoints": moved.ravel().tolist()}
        results.append({"image_id": a["image_id"], "category_id": 1, "score": float(chance.uniform()), **row})
        if chance.uniform() < 0.2:
            results.append({**results[-1], "bbox": [0, 0, 9, 9], "keypoints": [1, 1, 1] * 3, "score": 0.5})
    for measure in ("bbox", "segm", "keypoints"):
        expected = average_precision(truth, results, measure, SKELETON)
        found = bootstrap(counts_by_image(truth, results, measure, SKELETON), replicates=200)["AP", OVERALL]
        assert 0.1 < found.low < found.value < found.high < 0.95
        assert found.value == pytest.approx(expected, abs=1e-12)
        nothing = bootstrap(counts_by_image(truth, [], measure, SKELETON), replicates=200)["AP", OVERALL]
        assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_random_weights_find_nothing(scenes: list[Scene]) -> None:
    task = make("od,is,hpe")
    aps = average_precisions(task.network, task.config, scenes[:2])
    assert set(aps) == {"ap_box", "ap_mask", "ap_keypoints"} and max(aps.values()) < 0.05


@pytest.mark.slow
def test_it_learns_a_few_photos(scenes: list[Scene], tmp_path: Path) -> None:
    task = make("od,is,hpe")
    schedule = SceneSchedule(epochs=11, batch=4, rate=3e-3, average=0.9, variation=MILD)
    best = fit_scenes(tmp_path / "run", task, scenes, scenes[:8], schedule, quiet=True)
    model = open_checkpoint(best, "cpu")
    aps = average_precisions(model.network, model.config, scenes[:8])
    assert min(aps.values()) > 0.4
    svg = (tmp_path / "run" / "curve.svg").read_text()
    assert svg.startswith("<svg") and "ap_keypoints" in svg


def train(out: Path, save_every: float = 0) -> dict[str, torch.Tensor]:
    some = read_scenes(square_document(out.parent, 8, seed=0), out.parent, SKELETON)
    made = make("od")
    schedule = SceneSchedule(epochs=2, batch=4, variation=MILD, save_every=save_every)
    fit_scenes(out, made, some, some[:2], schedule, quiet=save_every == 0)
    return made.network.state_dict()


def train_and_die(out: Path) -> None:
    """Dies in the second step of its second epoch."""
    die_in_call(MaskRcnnTask, "losses", 4)
    train(out)


def test_a_run_that_was_killed_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    expect_the_same_end(train, train_and_die, tmp_path, epoch=1, step=1)


def in_second_epoch(happens: Callable[[MaskRcnnTask], Mapping[str, torch.Tensor]], patch: pytest.MonkeyPatch) -> None:
    """Has something happen, and give another loss, in the first step of the second epoch of `train`."""
    real, calls = MaskRcnnTask.losses, itertools.count(1)

    def losses(task: MaskRcnnTask, views: Sequence[View]) -> Mapping[str, torch.Tensor]:
        found = real(task, views)
        return {**found, **happens(task)} if next(calls) == 3 else found

    patch.setattr(MaskRcnnTask, "losses", losses)


def test_a_run_stopped_by_the_keyboard_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: MaskRcnnTask) -> Mapping[str, torch.Tensor]:
        signal.raise_signal(signal.SIGINT)
        return {}

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            in_second_epoch(interrupt, patch)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "cut", save_every=1e6)
    finally:
        signal.signal(signal.SIGINT, before)
    out, err = capsys.readouterr()
    line = f"{tmp_path / 'cut'}: stopped after step 1 of epoch 2; the same command goes on from there"
    assert out.splitlines()[-1] == line and err == "", "no progress bar where there is no terminal"
    whole = train(tmp_path / "whole")
    for name, tensor in train(tmp_path / "cut").items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=0, msg=name)


def test_a_run_stopped_while_it_measures_goes_on_with_the_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Mapping[str, float]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MaskRcnnTask, "scores", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", save_every=1e6)
    place = last_place(tmp_path / "cut")
    assert (place["epoch"], place["step"]) == (0, 2)
    whole = train(tmp_path / "whole")
    for name, tensor in train(tmp_path / "cut").items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=0, msg=name)


def test_a_gradient_without_end_is_one_line_and_the_state_stays_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steepen(task: MaskRcnnTask) -> Mapping[str, torch.Tensor]:
        weight = task.network.roi_heads.box_predictor.cls_score.weight.sum()
        return {"steep": (weight - weight.detach()).sqrt()}

    in_second_epoch(steepen, monkeypatch)
    with pytest.raises(ModelError) as error:
        train(tmp_path / "run")
    assert str(error.value) == (
        "training: the norm of the gradient is inf in step 1 of epoch 2, expected a finite number; try another --out with a lower"
        f" --rate, and --init {tmp_path / 'run' / 'best.safetensors'} to go on from the best epoch so far"
    )
    assert all(torch.isfinite(tensor).all() for tensor in last_tensors(tmp_path / "run").values())


def test_trainings_that_cannot_be(scenes: list[Scene], tmp_path: Path) -> None:
    task = make("od")
    with pytest.raises(ModelError, match="0 photos to learn from, 1 to validate on"):
        fit_scenes(tmp_path / "a", task, [], scenes[:1], SceneSchedule(), quiet=True)
    schedule = SceneSchedule(epochs=1, batch=2)
    with torch.no_grad():
        task.network.roi_heads.box_predictor.cls_score.weight.fill_(float("nan"))
    with pytest.raises(
        ModelError, match=r"the loss bb_clf is nan in step 1 of epoch 1, expected a finite number; try another"
    ):
        fit_scenes(tmp_path / "b", task, scenes[:2], scenes[:1], schedule, quiet=True)


def test_a_run_of_other_arguments_is_not_continued(scenes: list[Scene], tmp_path: Path) -> None:
    fit_scenes(tmp_path / "run", make("od"), scenes[:4], scenes[:1], SceneSchedule(epochs=1, batch=4), quiet=True)
    with pytest.raises(ModelError, match="expected the same, or an empty --out"):
        other = SceneSchedule(epochs=1, batch=2)
        fit_scenes(tmp_path / "run", make("od"), scenes[:4], scenes[:1], other, quiet=True)


def test_a_run_on_other_labels_is_not_continued(scenes: list[Scene], tmp_path: Path) -> None:
    """Not even where only an outline, or the labels that choose the best epoch, have changed."""

    def fit(training: list[Scene], validation: list[Scene]) -> None:
        schedule = SceneSchedule(epochs=1, batch=4)
        fit_scenes(tmp_path / "run", make("od"), training, validation, schedule, quiet=True)

    fit(scenes[:4], scenes[4:5])
    before = (tmp_path / "run" / "best.safetensors").read_bytes()
    fit(scenes[:4], scenes[4:5])
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == before
    bare = replace(scenes[0], outlines=((), scenes[0].outlines[1]))
    with pytest.raises(ModelError, match="run: holds a training with labels_sha256 = "):
        fit([bare, *scenes[1:4]], scenes[4:5])
    moved = replace(scenes[4], xy=scenes[4].xy + 1)
    with pytest.raises(ModelError, match="run: holds a training with validation_sha256 = "):
        fit(scenes[:4], [moved])
