from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from labeltool.training.depthwise import QuickDepthwise

CHANNELS = 16


def gradients(
    way: AbstractContextManager[Any], side: int, stride: int, padding: int, *, photo: bool = True
) -> tuple[Tensor, Tensor | None, Tensor]:
    """What a depthwise convolution answers under bfloat16 autocast, and both gradients."""
    chance = torch.Generator().manual_seed(side * 10 + stride)
    seen = torch.randn(2, CHANNELS, 11, 9, generator=chance).requires_grad_(photo)
    weight = torch.randn(CHANNELS, 1, side, side, generator=chance).requires_grad_()
    with way, torch.autocast("cpu", torch.bfloat16):
        out = torch.conv2d(seen, weight, None, stride, padding, 1, CHANNELS)
    out.float().square().sum().backward()
    assert weight.grad is not None
    return out.detach(), seen.grad, weight.grad


@pytest.mark.parametrize(("side", "stride", "padding"), [(5, 1, 2), (5, 2, 2), (5, 2, 0), (3, 2, 1), (3, 1, 1)])
@pytest.mark.parametrize("photo", [True, False])
def test_gradients_are_those_of_the_plain_convolution(side: int, stride: int, padding: int, photo: bool) -> None:
    quick = gradients(QuickDepthwise(), side, stride, padding, photo=photo)
    plain = gradients(nullcontext(), side, stride, padding, photo=photo)
    assert torch.equal(quick[0], plain[0])
    assert (quick[1] is None) == (plain[1] is None) == (not photo)
    for ours, theirs in zip(quick[1:], plain[1:], strict=True):
        if ours is not None and theirs is not None:
            # bfloat16 holds eight bits
            assert (ours - theirs).abs().max() <= 2**-7 * theirs.abs().max()


def test_a_bias_is_added_and_learns() -> None:
    layer = nn.Conv2d(CHANNELS, CHANNELS, 5, stride=2, padding=2, groups=CHANNELS)
    seen = torch.randn(2, CHANNELS, 11, 9)
    found = []
    for way in (Seen(), nullcontext()):
        layer.zero_grad()
        with QuickDepthwise() if isinstance(way, Seen) else nullcontext(), torch.autocast("cpu", torch.bfloat16):
            out = layer(seen)
        with way:
            out.float().square().sum().backward()
        assert layer.weight.grad is not None and layer.bias is not None and layer.bias.grad is not None
        found.append((out.detach().float(), layer.weight.grad.clone(), layer.bias.grad.clone()))
        if isinstance(way, Seen):
            assert way.ways == {("weight", "float32")}
    for ours, theirs in zip(*found, strict=True):
        assert (ours - theirs).abs().max() <= 2**-6 * theirs.abs().max()


class Seen(TorchDispatchMode):
    """Notes which gradients are computed in which precision."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: set[tuple[str, str]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution_backward.default:
            for what, wanted in zip(("photo", "weight"), args[-1], strict=False):
                if wanted:
                    self.ways.add((what, str(args[0].dtype).removeprefix("torch.")))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("side", "stride", "photo", "weight"),
    [(5, 1, "bfloat16", "float32"), (5, 2, "float32", "float32"), (3, 2, "float32", "bfloat16")],
)
def test_each_gradient_has_the_faster_precision(side: int, stride: int, photo: str, weight: str) -> None:
    with Seen() as seen:
        gradients(QuickDepthwise(), side, stride, side // 2)
    assert seen.ways == {("photo", photo), ("weight", weight)}


def taken(layer: nn.Module, autocast: bool = True) -> bool:
    """Whether a layer goes back in float32."""
    seen = torch.zeros(1, CHANNELS, 8, 8, requires_grad=True)
    with QuickDepthwise(), torch.autocast("cpu", torch.bfloat16, autocast):
        out = layer(seen)
    return out.grad_fn is not None and "_Depthwise" in type(out.grad_fn).__name__


def test_only_where_it_is_faster() -> None:
    depthwise = {"groups": CHANNELS, "bias": False}
    assert taken(nn.Conv2d(CHANNELS, CHANNELS, 5, padding=2, **depthwise))
    assert taken(nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, **depthwise))
    assert taken(nn.Conv2d(CHANNELS, CHANNELS, 5, stride=(2, 1), padding=(2, 1), **depthwise))
    assert not taken(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, **depthwise))
    assert not taken(nn.Conv2d(CHANNELS, CHANNELS, 5))
    assert not taken(nn.Conv2d(CHANNELS, 2 * CHANNELS, 5, **depthwise))
    assert not taken(nn.Conv2d(CHANNELS, CHANNELS, 5, padding="same", **depthwise))
    assert not taken(nn.Conv2d(CHANNELS, CHANNELS, 5, dilation=2, padding=4, **depthwise))
    assert not taken(nn.Conv2d(CHANNELS, CHANNELS, 5, **depthwise), autocast=False)
