from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labeltool.models import deeppose, heatmap
from labeltool.models.weights import Checkpoint, read_checkpoint
from labeltool.skeleton import COCO_17, LSP_14, to_mapping
from labeltool.training.card import head_lines, training_lines
from labeltool.training.starting import announce, known_joints, lineage, people_behind


def checkpoint(**description: Any) -> Checkpoint:
    return Checkpoint(Path("before.safetensors"), {}, description, "ab" * 32)


def row(labels: str, people: int, learnt: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"labels": labels, "people": people, **({"learnt": list(learnt)} if learnt else {})}


def test_from_nothing_and_from_weights_that_say_nothing() -> None:
    assert lineage(None, []) == {"init": None}
    assert lineage(checkpoint(), []) == {"init": "ab" * 32, "start": {"file": "before.safetensors"}}
    assert people_behind({}) is None and people_behind({"data": "no rows"}) is None


def test_people_are_counted_once_along_a_chain_of_versions() -> None:
    shipped = {
        "model": "heatmap",
        "version": "5",
        "licence": "research",
        "data": [row("lsp.mat", 8500), row("f.json", 500)],
    }
    assert people_behind(shipped) == 9000
    first = {"data": [row("P", 3, (1, 2, 3))]}
    first |= lineage(checkpoint(**shipped), first["data"])
    assert first["start"] == {
        "file": "before.safetensors",
        "model": "heatmap",
        "version": "5",
        "licence": "research",
        "labels": ["f.json", "lsp.mat"],
        "people": 9000,
    }
    second = {"data": [row("P", 5, (1, 2, 3, 4, 5))]}
    second |= lineage(checkpoint(**first), second["data"])
    assert people_behind(first) == 9003 and people_behind(second) == 9005
    assert second["start"]["labels"] == ["P", "f.json", "lsp.mat"]
    # people of another project of the same numbers are other people
    other = {"data": [row("Q", 3, (1, 2, 3))]}
    other |= lineage(checkpoint(**first), other["data"])
    assert people_behind(other) == 9006


def test_the_card_says_what_stands_behind_the_weights() -> None:
    data = [row("P", 5, (1, 2))]
    about = {
        "data": data,
        **lineage(checkpoint(model="heatmap", version="5", licence="research", data=[row("l", 9)]), data),
    }
    text = "\n".join(training_lines(about))
    assert "Started from `before.safetensors`, `abababababab` (heatmap 5), which had learnt from 9 people" in text
    assert "(l); licence of those weights: research." in text
    assert "Started from chance." in "\n".join(training_lines({"data": data, "init": None}))


@pytest.mark.parametrize("path", [heatmap.SHIPPED, deeppose.SHIPPED], ids=lambda path: path.stem)
def test_the_shipped_checkpoints_describe_themselves_as_those_that_are_trained_do(path: Path) -> None:
    found = read_checkpoint(path)
    text = "\n".join([*head_lines(found, "14 joints.", "A first guess."), *training_lines(found.description)])
    assert "| joints.mat (LSP-extended im00001..im08500) | 8,500 | 8,500 |" in text
    assert "nan" not in text and "None" not in text
    assert people_behind(found.description) is not None


def test_who_is_learnt_from_and_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    announce([8500, 40], 500, ["l.json: people left out: 3 without a labelled joint of lsp-14"], "people")
    said = capsys.readouterr().out
    assert "people left out: 3" in said and "8,500 + 40 people to learn from, 500 to validate on" in said


def test_joints_that_a_model_has_not_learnt_are_not_known() -> None:
    said = {"config": {"skeleton": to_mapping(LSP_14), "unlearnt": ["left_wrist"]}}
    assert known_joints(said, LSP_14) == set(LSP_14.joints) - {"left_wrist"}
    assert known_joints(said, COCO_17) == set(COCO_17.joints) & set(LSP_14.joints) - {"left_wrist"}
    assert known_joints({}, LSP_14) == set(), "a checkpoint that says nothing"
