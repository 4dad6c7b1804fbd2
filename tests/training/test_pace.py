from __future__ import annotations

import torch
from torch import nn

from labeltool.models.blaze_encoder import BlazeEncoder
from labeltool.models.heatmap import HeatmapConfig, HeatmapNetwork
from labeltool.skeleton import LSP_14
from labeltool.training.pace import optimiser_of, set_rate


def test_layers_with_a_pace_take_smaller_steps() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), nn.Linear(3, 1))
    network[1].pace = 0.1
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    optimiser = optimiser_of(network, 1.0, 0.0)
    set_rate(optimiser, 1e-3)
    network(torch.ones(2, 3)).sum().backward()
    optimiser.step()
    for name, weight in network.named_parameters():
        # the first step of Adam is as long as the rate
        expected = 1e-4 if name.startswith("1.") else 1e-3
        moved = (weight - before[name]).abs()
        assert moved.max() < 1.01 * expected and moved.max() > 0.99 * expected


def test_without_one_all_weights_are_of_one_group() -> None:
    network = nn.Linear(2, 2)
    assert [group["params"] for group in optimiser_of(network, 1.0, 0.0).param_groups] == [list(network.parameters())]


def test_blazeposes_encoder_is_changed_slowly_whichever_network_it_is_of() -> None:
    network = HeatmapNetwork(HeatmapConfig(LSP_14, backbone="blazepose_full", side=64, channels=16))
    optimiser = optimiser_of(network, 1e-3, 0.01)
    quick, slow = optimiser.param_groups
    assert (quick["pace"], slow["pace"]) == (1.0, BlazeEncoder.pace)
    assert {id(p) for p in slow["params"]} == {id(p) for p in network.backbone.parameters()}
    assert len(quick["params"]) + len(slow["params"]) == len(list(network.parameters()))
    set_rate(optimiser, 1e-3)
    assert (quick["lr"], slow["lr"]) == (1e-3, 1e-3 * BlazeEncoder.pace)
