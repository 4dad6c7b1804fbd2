"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labeltool.cli import main
from labeltool.project import measuring, rows
from labeltool.project.blind import is_chosen
from labeltool.project.config import DEFAULT_BLIND_SHARE

REPO = Path(__file__).resolve().parent.parent

#: Where the tests are that take long. They begin first: one of them begun last would keep one process busy while the other idles.
LONG = ("test_killed.py", "training", "browser", "test_cli_train.py", "app", "models")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long tests first; the others stay in their order."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(REPO / "tests")
        return next((n for n, name in enumerate(LONG) if name in (path.name, path.parts[0])), len(LONG))

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def nobody_blind_by_default() -> Iterator[None]:
    """Projects made with the default share choose nobody to be labelled blind: a test that wants somebody names a share."""

    def choose(key: str, share: float, image_id: int, annotation_id: int) -> bool:
        return share != DEFAULT_BLIND_SHARE and is_chosen(key, share, image_id, annotation_id)

    with pytest.MonkeyPatch.context() as patch:
        for module in (rows, measuring):
            patch.setattr(module, "is_chosen", choose)
        yield


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


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process: (exit status, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out, err

    return call
