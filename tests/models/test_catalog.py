from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from labeltool.errors import ModelError
from labeltool.models import catalog as catalogs
from labeltool.models.catalog import Figure, ModelInfo, broken_offers, catalog, load_model


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
    own = {"bottom-up", "deeppose", "heatmap", "heatmap-flip", "keypoint-rcnn", "mask-rcnn", "rtmpose", "vitpose"} | {
        "blazepose"
    }
    assert set(catalog()) == own | {"mine"}
    assert catalog()["deeppose"].source == "labeltool"
    assert len(broken_offers()) == 1
    assert message in broken_offers()[0]
    with pytest.raises(ModelError, match="'e0'"):
        load_model("unknown")


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(
        ModelError, match="'openpose': unknown, expected one of blazepose, bottom-up, deeppose, heatmap"
    ):
        load_model("openpose")


def test_a_plug_in_need_not_tell_its_size_or_figures() -> None:
    assert (THIRD_PARTY.size, THIRD_PARTY.figures, THIRD_PARTY.speed) == (None, (), None)


CHECKPOINTS = {"deeppose": "deeppose-lsp14", "heatmap": "heatmap-lsp14", "heatmap-flip": "heatmap-lsp14"}


def test_sizes_are_those_of_the_files(repo: Path) -> None:
    shipped = {name: info.size for name, info in catalog().items() if info.shipped}
    folder = repo / "labeltool" / "models" / "checkpoints"
    assert shipped == {name: (folder / f"{file}.safetensors").stat().st_size for name, file in CHECKPOINTS.items()}


def test_the_size_of_a_download_is_the_publishers() -> None:
    from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights as Weights

    # torchvision counts in 2^20 bytes
    assert catalog()["keypoint-rcnn"].size == int(Weights.COCO_V1.meta["_file_size"] * 2**20)


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page, each a list of rows of cells; the first row is the head."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in t.splitlines()] for t in found]


def test_figures_are_those_of_the_page(repo: Path) -> None:
    photos, rendered = [t for t in tables((repo / "docs/models/heatmap.md").read_text()) if "PCP@0.5" in t[0]]
    told = []
    for table, data in (
        (photos, "500 people of LSP-extended, im08501..im09000"),
        (rendered, "2,992 rendered figures of ten unseen seeds"),
    ):
        pdj, pcp = table[0].index("PDJ@0.2 (95 % interval)"), table[0].index("PCP@0.5")
        for row in table:
            name = row[0].removesuffix(", three stages")
            if name in CHECKPOINTS:
                told.append((name, Figure("PDJ@0.2", float(row[pdj].split()[0]), data)))
                told.append((name, Figure("PCP@0.5", float(row[pcp]), data)))
    assert len(told) == 12
    for name, info in catalog().items():
        assert info.figures == tuple(figure for who, figure in told if who == name)


def test_deepposes_own_page_has_the_same_figures(repo: Path) -> None:
    (stages,) = [t for t in tables((repo / "docs/models/deeppose.md").read_text()) if "PCP@0.5" in t[0]]
    row = dict(zip(stages[0], stages[-1], strict=True))
    assert row[""] == "stage 3"
    pdj, pcp = catalog()["deeppose"].figures[:2]
    assert (float(row["PDJ@0.2"].split()[0]), float(row["PCP@0.5"])) == (pdj.value, pcp.value)


@pytest.mark.parametrize(
    ("name", "script"),
    [("heatmap", "predict_latency.py"), ("bottom-up", "crowded.py"), ("keypoint-rcnn", "keypoint_rcnn.py")],
)
def test_speeds_are_those_of_the_page(repo: Path, name: str, script: str) -> None:
    speed = catalog()[name].speed
    assert speed is not None
    text = (repo / "docs" / "benchmarks.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith(f"| `{script}`")]
    figures = re.findall(r"\b\d+(?:\.\d+)?(?= ms| times)", speed)
    assert figures and all(re.search(rf"\b{re.escape(figure)} (ms|times|x)", line) for figure in figures)
    assert ("AMD EPYC" in speed) <= ("two cores of an AMD EPYC" in text)


def test_no_other_speeds_are_told() -> None:
    told = {name for name, info in catalog().items() if info.speed is not None and info.source == "labeltool"}
    assert told == {"heatmap", "bottom-up", "keypoint-rcnn"}
