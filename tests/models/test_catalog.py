from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from labeltool.errors import ModelError
from labeltool.models import catalog as catalogs
from labeltool.models.catalog import ModelInfo, broken_offers, catalog, load_model


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    catalogs._scan.cache_clear()
    yield
    catalogs._scan.cache_clear()


def offer(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    entries = [EntryPoint(f"e{i}", value, catalogs.ENTRY_POINTS) for i, value in enumerate(values)]
    monkeypatch.setattr(catalogs, "entry_points", lambda group: entries if group == catalogs.ENTRY_POINTS else [])


THIRD_PARTY = ModelInfo("mine", "one", "lsp-14", False, "MIT", True, lambda weights, device: object(), "pkg")  # type: ignore[arg-type,return-value]
TAKEN = ModelInfo("deeppose", "two", "lsp-14", False, "MIT", True, THIRD_PARTY.load, "pkg")
NO_INFO = "text"


def test_own_models_are_known_without_torch() -> None:
    code = "import sys; from labeltool.models.catalog import catalog; print(sorted(catalog()), 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "deeppose" in out and "keypoint-rcnn" in out
    assert out.rstrip().endswith("False")


def test_entry_points_add_models(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, f"{__name__}:THIRD_PARTY")
    assert catalog()["mine"] is THIRD_PARTY
    assert load_model("mine") is not None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (f"{__name__}:TAKEN", "'deeppose' exists already"),
        (f"{__name__}:NO_INFO", "str, expected a labeltool.models.catalog.ModelInfo"),
        ("no_such_package_at_all:X", "cannot be imported"),
    ],
)
def test_bad_offers_are_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    offer(monkeypatch, value, f"{__name__}:THIRD_PARTY")
    own = {"bottom-up", "deeppose", "heatmap", "heatmap-flip", "keypoint-rcnn", "mask-rcnn", "rtmpose", "vitpose"}
    assert set(catalog()) == own | {"mine"}
    assert catalog()["deeppose"].source == "labeltool"
    assert len(broken_offers()) == 1
    assert message in broken_offers()[0]
    with pytest.raises(ModelError, match="'e0'"):
        load_model("unknown")


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(ModelError, match="'openpose': unknown, expected one of bottom-up, deeppose, heatmap"):
        load_model("openpose")
