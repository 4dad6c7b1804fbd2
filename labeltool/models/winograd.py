"""3 x 3 convolutions of large feature maps by Winograd's F(4 x 4, 3 x 3), where the processor's own kernels do not have it.

Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (CVPR 2016), section 4: a tile of 6 x 6 values and the
kernel are each taken to 36 products, which give 4 x 4 results, Y = A^T [(G g G^T) * (B^T d B)] A: 36 multiplications instead of
144. In float32 the results differ from the direct convolution's by about 1e-5 of their size.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)
_KERNEL = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
_OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)

#: With fewer channels or places than these, the direct convolution is as quick.
ENOUGH_CHANNELS, ENOUGH_PLACES = 192, 800

# Values that are worked on at a time, so that they stay in the processor's cache.
_AT_A_TIME = 200_000


class WinogradConv(nn.Module):
    """A 3 x 3 convolution of stride 1 and padding 1 with fixed weights.

    Args:
        convolution: whose weights are taken; the same answer up to rounding.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.direct = convolution
        weight = convolution.weight.detach().double()
        kernel = torch.einsum("ai,bj,ocij->abco", _KERNEL, _KERNEL, weight)
        #: (36, input channels, output channels) float.
        self.kernel = kernel.reshape(36, weight.shape[1], weight.shape[0]).float().contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H, W), channels last in memory."""
        places = x.shape[0] * x.shape[2] * x.shape[3]
        if x.dtype != torch.float32 or places < ENOUGH_PLACES or torch.is_autocast_enabled(x.device.type):
            return cast("Tensor", self.direct(x))
        return convolve(x, self.kernel, self.direct.bias)


def fits(convolution: nn.Module) -> bool:
    """Whether a module is a convolution that `WinogradConv` can stand for, with channels enough to be worth it."""
    return (
        type(convolution) is nn.Conv2d
        and convolution.kernel_size == (3, 3)
        and convolution.stride == (1, 1)
        and convolution.padding == (1, 1)
        and convolution.dilation == (1, 1)
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and min(convolution.in_channels, convolution.out_channels) >= ENOUGH_CHANNELS
    )


def replace_convolutions(module: nn.Module) -> nn.Module:
    """The module with `WinogradConv` in the place of every convolution that it fits, in place; itself where it is one."""
    if fits(module):
        return WinogradConv(cast("nn.Conv2d", module))
    for name, child in module.named_children():
        setattr(module, name, replace_convolutions(child))
    return module


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution of a map with a transformed kernel.

    Args:
        x: (N, C, H, W) float32.
        kernel: (36, C, D) float32, G g G^T by place.
        bias: (D,) or None.

    Returns:
        (N, D, H, W), channels last in memory.
    """
    n, channels, height, width = x.shape
    down, across = -(-height // 4), -(-width // 4)
    padded = functional.pad(
        x.permute(0, 2, 3, 1), (0, 0, 1, 4 * across + 1 - width, 1, 4 * down + 1 - height)
    ).contiguous()
    take, give = _INPUT.to(x.dtype), _OUTPUT.to(x.dtype)
    out = x.new_empty((n, down, 4, across, 4, kernel.shape[2]))
    image, row, column, _ = padded.stride()
    rows = min(down, max(1, _AT_A_TIME // (across * channels)))
    # Small maps go several at a time: a product of few rows is slow.
    maps = max(1, _AT_A_TIME // (down * across * channels))
    for i in range(0, n, maps):
        m = min(maps, n - i)
        for first in range(0, down, rows):
            k = min(rows, down - first)
            tiles = padded.as_strided(
                (6, 6, m, k, across, channels),
                (row, column, image, 4 * row, 4 * column, 1),
                padded.storage_offset() + i * image + 4 * first * row,
            )
            half = torch.mm(take, tiles.reshape(6, -1))
            products = torch.bmm(torch.matmul(take, half.view(6, 6, -1)).view(36, m * k * across, channels), kernel)
            # Y = A^T M A: over the second place of the 36, then over the first.
            half = torch.matmul(give, products.view(6, 6, -1))
            found = torch.mm(give, half.view(6, -1)).view(4, 4, m, k, across, -1).permute(2, 3, 0, 4, 1, 5)
            into = out[i : i + m, first : first + k]
            if bias is None:
                into.copy_(found)
            else:
                torch.add(found, bias, out=into)
    whole = out.view(n, 4 * down, 4 * across, -1)[:, :height, :width]
    return whole.permute(0, 3, 1, 2)
