"""A training that was stopped, in whatever way, goes on to the weights of one that was not."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from run_state import last_place, last_tensors
from synthetic_people import MILD, SKELETON, squares

from labeltool.errors import ModelError
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.models.weights import read_checkpoint
from labeltool.training import loop
from labeltool.training.heatmap import HeatmapTask
from labeltool.training.loop import Schedule, Stage, fit
from labeltool.training.samples import Part

TINY = HeatmapConfig(SKELETON, backbone="test_efficientnet", side=64, channels=16)
SCHEDULE = Schedule(
    epochs=3, batch=8, average=0.9, augmentation=MILD, stages=(Stage(1, 32), Stage(2, None)), save_every=0.0
)
PARTS = (Part(24), Part(24, per_epoch=10))

#: What the killed process runs: the training of this module, slowed down so that the kill falls in the middle.
SCRIPT = """
import sys, time
from pathlib import Path
import test_resume
from labeltool.training import state
save = state.State.save
def slow(self, place):
    save(self, place)
    time.sleep(0.1)
state.State.save = slow
test_resume.run(Path(sys.argv[1]))
"""


def run(out: Path, schedule: Schedule = SCHEDULE, *, quiet: bool = True) -> Path:
    torch.manual_seed(0)
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    return fit(out, task, squares(48, 0), squares(8, 1), schedule, parts=PARTS, quiet=quiet)


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(cut)],
        env={**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        limit = time.monotonic() + 120
        place: dict[str, int] = {"epoch": 0, "step": 0}
        while (place["epoch"], place["step"]) < (1, 2):
            assert process.poll() is None and time.monotonic() < limit, process.stderr and process.stderr.read()
            time.sleep(0.02)
            if (cut / "state.json").exists():
                place = last_place(cut)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
    assert not (cut / "card.md").exists()
    run(cut)
    run(whole)
    ended, unbroken = last_tensors(cut), last_tensors(whole)
    assert ended.keys() == unbroken.keys()
    assert all(torch.equal(ended[name], unbroken[name]) for name in unbroken)
    for name in ("curve.csv", "curve.svg", "best.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name
    assert (cut / "curve.csv").read_text().splitlines()[0] == "epoch,size,loss,pdj@0.2"
    assert [line.split(",")[:2] for line in (cut / "curve.csv").read_text().splitlines()[1:]] == [
        ["1", "32"],
        ["2", "64"],
        ["3", "64"],
    ]


def in_step(call: int, happens: Callable[[HeatmapTask, Any], Any], patch: pytest.MonkeyPatch) -> None:
    """Has something happen to what is minimised when that is asked for that time (1 is the first)."""
    real, calls = HeatmapTask.objective, itertools.count(1)

    def objective(task: HeatmapTask, *given: torch.Tensor) -> Any:
        found = real(task, *given)
        return happens(task, found) if next(calls) == call else found

    patch.setattr(HeatmapTask, "objective", objective)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_stopped_by_the_keyboard_goes_on_behind_the_step_on_its_way(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seldom = replace(SCHEDULE, save_every=1e6, epochs=2, stages=())

    def interrupt(_: HeatmapTask, found: Any) -> Any:
        signal.raise_signal(number)
        return found

    before = signal.signal(number, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            in_step(7, interrupt, patch)
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / "cut", seldom, quiet=False)
            assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    line = f"{tmp_path / 'cut'}: stopped after step 2 of epoch 2; the same command goes on from there"
    assert capsys.readouterr().out.splitlines()[-1] == line
    place = last_place(tmp_path / "cut")
    assert (place["epoch"], place["step"]) == (1, 2)
    run(tmp_path / "cut", seldom)
    run(tmp_path / "whole", seldom)
    ended, unbroken = last_tensors(tmp_path / "cut"), last_tensors(tmp_path / "whole")
    assert all(torch.equal(ended[name], unbroken[name]) for name in unbroken)


def test_a_run_stopped_while_it_measures_makes_no_step_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seldom = replace(SCHEDULE, save_every=1e6, epochs=2, stages=())

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "detection_rate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", seldom, quiet=False)
    line = f"{tmp_path / 'cut'}: stopped after step 5 of epoch 1; the same command goes on from there"
    assert capsys.readouterr().out.splitlines()[-1] == line
    asked: list[int] = []
    real = HeatmapTask.objective

    def objective(task: HeatmapTask, *given: torch.Tensor) -> Any:
        asked.append(1)
        return real(task, *given)

    with monkeypatch.context() as patch:
        patch.setattr(HeatmapTask, "objective", objective)
        run(tmp_path / "cut", seldom)
    assert len(asked) == 5, "the second epoch's steps alone"
    run(tmp_path / "whole", seldom)
    ended, unbroken = last_tensors(tmp_path / "cut"), last_tensors(tmp_path / "whole")
    assert all(torch.equal(ended[name], unbroken[name]) for name in unbroken)
    assert (tmp_path / "cut" / "curve.csv").read_bytes() == (tmp_path / "whole" / "curve.csv").read_bytes()


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    short = replace(SCHEDULE, epochs=1, stages=())
    first, again, other = (
        read_checkpoint(run(tmp_path / name, replace(short, seed=seed))).tensors
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_a_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    run(tmp_path, replace(SCHEDULE, epochs=1, stages=()))
    with pytest.raises(
        ModelError, match=r"holds a training with schedule.epochs = 1, now 2; expected the same, or an empty"
    ):
        run(tmp_path, replace(SCHEDULE, epochs=2, stages=()))
    path = tmp_path / "state.json"
    plain = json.loads(path.read_text())
    for changed, said in (
        ({"data": [{"labels": "a"}]}, r"data = \[an object of 1 field\], now null"),
        ({"schedule": {**plain["arguments"]["schedule"], "warmth": 3}}, "schedule.warmth = 3, now null"),
    ):
        path.write_text(json.dumps({**plain, "arguments": {**plain["arguments"], **changed}}))
        with pytest.raises(ModelError, match=f"holds a training with {said}; expected the same"):
            run(tmp_path, replace(SCHEDULE, epochs=1, stages=()))


def test_a_damaged_state_is_one_line(tmp_path: Path) -> None:
    short = replace(SCHEDULE, epochs=2, stages=())
    run(tmp_path, short)
    name = json.loads((tmp_path / "state.json").read_text())["tensors"]
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:1000])
    with pytest.raises(ModelError, match="not a safetensors checkpoint"):
        run(tmp_path, short)
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(
        ModelError, match=r"state.json: not the state of a training: .*; start again with an empty --out"
    ):
        run(tmp_path, short)


def test_a_full_disk_is_one_line_and_the_state_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, SCHEDULE)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=r"state-1.safetensors: checkpoint cannot be written: No space left on device"):
        run(tmp_path / "new", SCHEDULE)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file: cannot be made a folder: File exists"):
        run(tmp_path / "file")


def test_a_loss_that_is_no_number_is_one_line(tmp_path: Path) -> None:
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    with torch.no_grad():
        task.network.head.weight[0, 0] = float("nan")
    line = r"^training: the loss is nan in step 1 of epoch 1, expected a finite number; try another --out with a lower --rate$"
    with pytest.raises(ModelError, match=line):
        fit(tmp_path, task, squares(8, 0), squares(8, 1), SCHEDULE, quiet=True)


def test_a_gradient_without_end_is_one_line_and_nothing_learns_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[HeatmapTask] = []

    def steepen(task: HeatmapTask, found: Any) -> Any:
        seen.append(task)
        weight = task.network.head.weight.sum()
        return found[0] + (weight - weight.detach()).sqrt(), found[1]

    in_step(7, steepen, monkeypatch)
    with pytest.raises(ModelError) as error:
        run(tmp_path)
    assert str(error.value) == (
        "training: the norm of the gradient is inf in step 2 of epoch 2, expected a finite number; try another --out with a lower"
        f" --rate, and --init {tmp_path / 'best.safetensors'} to go on from the best epoch so far"
    )
    place = last_place(tmp_path)
    assert (place["epoch"], place["step"]) == (1, 1)
    for tensor in (*seen[0].network.state_dict().values(), *last_tensors(tmp_path).values()):
        assert torch.isfinite(tensor).all()


def test_nobody_to_measure_by_is_one_line(tmp_path: Path) -> None:
    task = HeatmapTask(HeatmapNetwork(TINY), TINY)
    blind = squares(8, 1)
    blind.v[:, 0] = 0
    with pytest.raises(ModelError, match="nobody of 8 people has both left_shoulder and right_hip labelled"):
        fit(tmp_path, task, squares(8, 0), blind, SCHEDULE, quiet=True)
