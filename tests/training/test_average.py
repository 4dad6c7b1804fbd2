from __future__ import annotations

import pytest
import torch
from torch import nn

from labeltool.training.average import averaged


def followed(decay: float, steps: int) -> float:
    """The average after some steps of a weight that starts at 0 and is 1 from the second step on."""
    network = nn.Linear(1, 1, bias=False)
    average = averaged(network, decay)
    with torch.no_grad():
        network.weight.fill_(0)
        average.update_parameters(network)
        network.weight.fill_(1)
    for _ in range(steps):
        average.update_parameters(network)
    weight: float = average.state_dict()["module.weight"].item()
    return weight


def test_a_short_training_is_not_held_at_its_start() -> None:
    assert followed(0.995, 1) == pytest.approx(9 / 11), "after the first step only 2 / 11 of it are kept"
    assert followed(0.995, 60) > 0.999, "a fixed decay of 0.995 would be at 0.26"


def test_a_long_training_is_averaged_over_as_many_steps_as_the_decay_says() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = averaged(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(1)
    for _ in range(500):
        average.update_parameters(network)
    with torch.no_grad():
        network.weight.fill_(0)
    for step in range(1, 4):
        average.update_parameters(network)
        assert average.state_dict()["module.weight"].item() == pytest.approx(0.9**step)


def test_buffers_follow_and_counters_are_those_of_the_network() -> None:
    network = nn.BatchNorm1d(1)
    average = averaged(network, 0.5)
    for value in (0.0, 1.0, 1.0):
        network.running_mean = torch.full((1,), value)
        network.num_batches_tracked = torch.tensor(int(value) * 7)
        average.update_parameters(network)
    assert average.state_dict()["module.running_mean"].item() == pytest.approx(1 - 2 / 11 * 3 / 12)
    assert average.state_dict()["module.num_batches_tracked"].item() == 7


def test_a_decay_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"average 1.5: expected a decay within 0 and 1"):
        averaged(nn.Linear(1, 1), 1.5)
