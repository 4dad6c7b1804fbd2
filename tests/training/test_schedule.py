from __future__ import annotations

from itertools import product

import pytest
import torch

from labeltool.errors import ModelError
from labeltool.training.loop import Schedule, Stage, chance_of, read_stages
from labeltool.training.samples import Part, people_of_epoch
from labeltool.training.scene_loop import SceneSchedule


def test_the_rate_rises_and_falls() -> None:
    schedule = Schedule(rate=1.0)
    rates = [schedule.rate_at(p / 100) for p in range(101)]
    assert rates[0] == pytest.approx(0.04) and max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(0.0)
    assert rates.index(max(rates)) == 15


def test_stages_give_sizes_by_epoch() -> None:
    stages = read_stages("2@128, 1@192")
    assert stages == (Stage(2, 128), Stage(1, 192))
    schedule = Schedule(epochs=3, stages=stages)
    assert [schedule.size_at(epoch, 256) for epoch in range(3)] == [128, 128, 192]
    assert Schedule().size_at(5, 192) == 192
    with pytest.raises(ModelError, match="stages of 3 epochs, expected 4 together"):
        Schedule(epochs=4, stages=stages)
    for text in ("", "8", "8@", "0@128", "8@128;4@192"):
        with pytest.raises(ModelError, match="expected epochs@side such as 8@128"):
            read_stages(text)


def test_an_epoch_sees_all_of_one_source_and_some_of_another() -> None:
    parts = (Part(10), Part(100, per_epoch=20))
    first, second = (people_of_epoch(110, parts, torch.Generator().manual_seed(seed)).tolist() for seed in (1, 2))
    for rows in (first, second):
        assert len(rows) == len(set(rows)) == 30
        assert set(range(10)) <= set(rows)
    assert set(first) != set(second)
    assert sorted(people_of_epoch(5, (), torch.Generator())) == list(range(5))


def test_chance_is_of_the_seed_the_epoch_and_the_step_however_large_the_seed() -> None:
    assert chance_of(3, 2, 5).initial_seed() == (3 * 1_000_003 + 2) * 10_000_019 + 5
    for seed in (0, 20240101, 2**63 - 1):
        drawn = {
            tuple(torch.rand(4, generator=chance_of(seed, epoch, step)).tolist())
            for epoch, step in product(range(3), range(3))
        }
        assert len(drawn) == 9


@pytest.mark.parametrize("kind", [Schedule, SceneSchedule])
def test_seeds_that_cannot_be(kind: type[Schedule | SceneSchedule]) -> None:
    assert kind(seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(ModelError, match=r"^seed -1: expected 0 or more$"):
        kind(seed=-1)
    with pytest.raises(ModelError, match=rf"^seed {2**63}: expected less than 2\^63$"):
        kind(seed=2**63)
