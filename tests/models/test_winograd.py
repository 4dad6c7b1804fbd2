from __future__ import annotations

import pytest
import torch
from torch import nn

from labeltool.models import winograd
from labeltool.models.winograd import WinogradConv, convolve, fits, replace_convolutions


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 4), (13, 21), (8, 9)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_it_is_the_direct_convolution(monkeypatch, size, bias, count):
    monkeypatch.setattr(winograd, "_AT_A_TIME", 30)
    torch.manual_seed(0)
    direct = nn.Conv2d(5, 7, 3, padding=1, bias=bias)
    quick = WinogradConv(direct)
    x = torch.randn(count, 5, *size)
    with torch.inference_mode():
        found = convolve(x, quick.kernel, direct.bias)
        torch.testing.assert_close(found, direct(x), rtol=1e-4, atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last) or min(size) == 1 or size[0] % 4 or size[1] % 4


def test_small_maps_other_types_and_autocast_go_the_direct_way(monkeypatch):
    direct = nn.Conv2d(4, 4, 3, padding=1)
    quick = WinogradConv(direct)
    ways = []
    monkeypatch.setattr(winograd, "convolve", lambda x, kernel, bias: ways.append(tuple(x.shape)) or x)
    with torch.inference_mode():
        quick(torch.zeros(1, 4, 10, 10))
        assert ways == []
        quick(torch.zeros(1, 4, 40, 40))
        assert ways == [(1, 4, 40, 40)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            quick(torch.zeros(1, 4, 40, 40))
    assert len(ways) == 1


def test_only_what_fits_is_replaced():
    wide = winograd.ENOUGH_CHANNELS
    keep = [
        nn.Conv2d(wide, wide, 1),
        nn.Conv2d(wide, wide, 3, padding=1, stride=2),
        nn.Conv2d(wide, wide, 3),
        nn.Conv2d(wide, wide, 3, padding=1, groups=2),
        nn.Conv2d(wide, wide, 3, padding=2, dilation=2),
        nn.Conv2d(wide // 2, wide, 3, padding=1),
        nn.ReLU(),
    ]
    assert not any(fits(module) for module in keep)
    net = nn.Sequential(*keep, nn.Sequential(nn.Conv2d(wide, wide, 3, padding=1)))
    replaced = replace_convolutions(net)
    assert replaced is net and list(net[:-1]) == keep and isinstance(net[-1][0], WinogradConv)
