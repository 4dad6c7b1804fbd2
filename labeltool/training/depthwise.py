"""Depthwise convolutions backwards in the precision that is faster on a processor.

Under bfloat16 autocast oneDNN takes 2 to 9 times as long as in float32 for the weights of 5 x 5 depthwise convolutions, and 4 to
15 times for the input of those with stride 2: most of a training step of EfficientNet-Lite. Those two are done in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

_aten = torch.ops.aten


class QuickDepthwise(TorchFunctionMode):
    """While it is on, depthwise convolutions under CPU autocast go backwards as above; every other call is as it was."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The call itself, or the same convolution with another way back."""
        given = kwargs or {}
        if func is torch.conv2d:
            quick = _quick(*args, **given)
            if quick is not None:
                return quick
        return func(*args, **given)


def _quick(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    """The convolution, or None where float32 would not be faster."""
    steps, pads, apart = (_pair(value) for value in (stride, padding, dilation))
    if (
        not torch.is_autocast_enabled("cpu")
        or torch.get_autocast_dtype("cpu") is not torch.bfloat16
        or input.device.type != "cpu"
        or input.dim() != 4
        or not 1 < groups == input.shape[1] == weight.shape[0]
        or pads is None
        or apart != (1, 1)
        or not (max(weight.shape[2:]) >= 5 or steps != (1, 1))
        or not (torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad))
    ):
        return None
    out: Tensor = _Depthwise.apply(input.to(torch.bfloat16), weight.to(torch.bfloat16), steps, pads)
    return out if bias is None else out + bias.to(out.dtype)[:, None, None]


def _pair(value: Any) -> tuple[int, int] | None:
    """Both directions of a stride or padding; None where it is a word such as `same`."""
    if isinstance(value, int):
        return value, value
    return None if isinstance(value, str) else (int(value[0]), int(value[-1]))


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution of bfloat16 tensors."""

    @staticmethod
    def forward(ctx: Any, photo: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(photo, weight)
        ctx.geometry = (None, stride, padding, (1, 1), False, (0, 0), len(weight))
        with torch.autocast("cpu", enabled=False):
            return torch.conv2d(photo, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        photo, weight = ctx.saved_tensors
        own = (grads[0], photo, weight)
        of_photo = of_weight = None
        if ctx.needs_input_grad[0]:
            chosen = own if ctx.geometry[1] == (1, 1) else tuple(tensor.float() for tensor in own)
            of_photo = _aten.convolution_backward(*chosen, *ctx.geometry, (True, False, False))[0].to(photo.dtype)
        if ctx.needs_input_grad[1]:
            chosen = own if max(weight.shape[2:]) < 5 else tuple(tensor.float() for tensor in own)
            of_weight = _aten.convolution_backward(*chosen, *ctx.geometry, (False, True, False))[1].to(weight.dtype)
        return of_photo, of_weight, None, None
