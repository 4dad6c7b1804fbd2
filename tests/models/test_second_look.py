"""A second look at people, mirrored and upright."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from labeltool.models.heatmap import decode, unmirror
from labeltool.models.second_look import lean, mirrored_upright, put_back
from labeltool.skeleton import LSP_14, define

#: A person who stands upright in a crop of 64 x 64 cells, their left on our right: right ankle to head top.
UPRIGHT = torch.tensor(
    (27.0, 51, 27, 43, 28, 35, 36, 35, 37, 43, 37, 51, 23, 37, 24, 31, 26, 23, 38, 23, 40, 31, 41, 37, 32, 21, 32, 13)
).view(14, 2)


def turned(uv: Tensor, degrees: float) -> Tensor:
    """Joints (K, 2) turned clockwise about the middle of 64 x 64 cells."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (uv - 31.5) @ torch.tensor([[cos, sin], [-sin, cos]]) + 31.5


def maps_of(uv: Tensor) -> Tensor:
    """A Gaussian of 2 cells about each joint: (K, 64, 64) logits."""
    cells = torch.arange(64)
    x, y = uv[:, 0, None], uv[:, 1, None]
    return -((cells - x)[:, None, :] ** 2 + (cells - y)[:, :, None] ** 2) / 8


@given(st.floats(-179, 179))
def test_how_far_a_person_is_turned(degrees: float) -> None:
    found = lean(turned(UPRIGHT, degrees)[None], LSP_14)
    assert math.degrees(float(found)) == pytest.approx(degrees, abs=1)  # the torso of UPRIGHT is a hair aslant


def test_without_a_torso_nobody_is_turned() -> None:
    bare = define("bare", ["a", "b"])
    assert lean(torch.rand(3, 2, 2), bare).tolist() == [0, 0, 0]


def test_joints_all_in_one_place_turn_nobody() -> None:
    assert lean(torch.full((1, 14, 2), 30.0), LSP_14).tolist() == [0]


@pytest.mark.parametrize("degrees", [0, 30, -90, 135, 180])
def test_the_second_crop_shows_the_person_mirrored_and_upright(degrees: float) -> None:
    """The joints as bright dots: where `UPRIGHT` has them, left and right changed over."""
    there = turned(UPRIGHT, degrees)
    dots = (maps_of(there).exp() * 100 + 127)[:, None].expand(-1, 3, -1, -1)
    shown = mirrored_upright(dots, torch.full((14,), math.radians(degrees)))[:, 0]
    seen = decode(((shown - 127) / 100).clamp(min=1e-9).log()[None])[0]
    wanted = UPRIGHT * torch.tensor([-1.0, 1.0]) + torch.tensor([63.0, 0.0])
    assert (seen - wanted).abs().max() < 0.1
    assert float(shown[0, 0, 0]) == pytest.approx(127, abs=0.1)  # beyond the crop all is grey


@given(st.floats(-180, 180))
def test_maps_are_put_back_to_where_the_person_was(degrees: float) -> None:
    """A network that reads the joints off the second crop without an error answers as one that reads them off the first."""
    angle = torch.tensor([math.radians(degrees)])
    read = UPRIGHT[torch.from_numpy(LSP_14.flip_order().copy())] * torch.tensor([-1.0, 1.0]) + torch.tensor([63.0, 0.0])
    found = decode(put_back(maps_of(read)[None], angle, LSP_14))[0]
    assert (found - turned(UPRIGHT, degrees)).abs().max() < 0.2


def test_somebody_upright_is_only_mirrored() -> None:
    torch.manual_seed(0)
    crops, maps, angle = torch.rand(2, 3, 32, 32) * 255, torch.randn(2, 14, 8, 8), torch.zeros(2)
    torch.testing.assert_close(mirrored_upright(crops, angle), crops.flip(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(put_back(maps, angle, LSP_14), unmirror(maps, LSP_14), atol=1e-5, rtol=0)
