"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and labels beside the checkout; the test is skipped where it is absent."""
    folder = REPO.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("real data: no folder ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def coco_mini(shared: Path) -> Path:
    """79 photos of COCO val2017 with their genuine annotations."""
    return shared / "data" / "coco-mini"


@pytest.fixture(scope="session")
def lspet(shared: Path) -> Path:
    """9,000 photos of Leeds Sports Pose Extended with joints.mat."""
    return shared / "data" / "lspet"
