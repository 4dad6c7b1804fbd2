"""The pages about the shipped models, held against the files they speak of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labeltool.models.weights import file_sha256, read_checkpoint

SHIPPED = ["deeppose", "heatmap"]
#: Bytes of a sheet of failures, at most.
SHEET = 150_000


def page(repo: Path, model: str) -> str:
    return (repo / "docs" / "models" / f"{model}.md").read_text()


def told(text: str, what: str) -> str:
    """The SHA-256 in the row of a table that begins so."""
    (found,) = re.findall(rf"^\| {re.escape(what)}.*\| `([0-9a-f]{{64}})` \|$", text, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("model", SHIPPED)
def test_the_page_has_the_hash_of_the_shipped_weights(repo: Path, model: str) -> None:
    checkpoint = read_checkpoint(repo / "labeltool" / "models" / "checkpoints" / f"{model}-lsp14.safetensors")
    text = page(repo, model)
    assert told(text, "the shipped weights") == checkpoint.sha256
    assert told(text, "joints trained on") == checkpoint.description["labels_sha256"]
    assert f"Checkpoint {checkpoint.path.stat().st_size / 1e6:.1f} MB" in text


def test_heatmaps_page_has_the_hashes_of_its_description(repo: Path) -> None:
    path = repo / "labeltool" / "models" / "checkpoints" / "heatmap-lsp14.safetensors"
    about = read_checkpoint(path).description
    text = page(repo, "heatmap")
    assert told(text, "joints validated on") == about["validation_sha256"]
    assert told(text, "LSP-extended's `joints.mat`") == about["data"][0]["sha256"]


@pytest.mark.parametrize("model", SHIPPED)
def test_the_page_has_the_hash_of_the_labels(repo: Path, lspet: Path, model: str) -> None:
    assert told(page(repo, model), "LSP-extended's `joints.mat`") == file_sha256(lspet / "joints.mat")


def test_deepposes_page_says_how_many_people_it_was_trained_on(repo: Path) -> None:
    path = repo / "labeltool" / "models" / "checkpoints" / "deeppose-lsp14.safetensors"
    about = read_checkpoint(path).description
    text = page(repo, "deeppose")
    assert [f"| {row['people']:,} |" in text for row in about["data"]] == [True] * 3


@pytest.mark.parametrize("model", SHIPPED)
def test_the_page_shows_where_the_model_fails(repo: Path, model: str) -> None:
    (link,) = re.findall(r"\]\((\.\./images/failures-.*?)\)", page(repo, model))
    sheet = repo / "docs" / "models" / link
    assert sheet.name == f"failures-{model}.jpg" and 0 < sheet.stat().st_size <= SHEET
