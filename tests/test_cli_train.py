from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from labeltool.cli import cli

Run = Callable[..., tuple[int, str, str]]

#: Options that only some models have.
OWN = {
    "heatmap": {"--mix", "--stages", "--side", "--freeze", "--backbone", "--pretrained", "--teacher", "--teacher-share"},
    "deeppose": {
        "--mix", "--stages", "--from-stage", "--sigma", "--look", "--per-joint", "--backbone", "--pretrained",
    },
    "mask-rcnn": {"--tasks", "--backbone", "--pretrained"},
    "bottom-up": {"--freeze", "--backbone", "--pretrained"},
}  # fmt: skip
SHARED = {
    "--data", "--init", "--out", "--validation", "--skeleton", "--epochs", "--rate", "--batch", "--device", "--seed", "--version",
    "--licence", "--no-prefill",
}  # fmt: skip


def trainings() -> dict[str, click.Command]:
    group = cli.commands["train"]
    assert isinstance(group, click.Group)
    return dict(group.commands)


def test_each_training_has_its_own_options_and_no_others() -> None:
    assert {name: {p.opts[0] for p in command.params} for name, command in trainings().items()} == {
        name: own | SHARED for name, own in OWN.items()
    }


def test_trainings_and_their_options_stand_in_the_docs(repo: Path) -> None:
    readme = (repo / "README.md").read_text()
    guides = readme + "".join(p.read_text() for p in (repo / "docs").rglob("*.md"))
    for name, command in trainings().items():
        assert command.help and f"labeltool train {name}" in readme, name
        for option in command.params:
            assert f"`{option.opts[0]}" in guides or f" {option.opts[0]} " in guides, (name, option.opts[0])


@pytest.mark.parametrize("name", OWN)
def test_help_of_a_training_shows_its_options(name: str, run: Run) -> None:
    status, said, _ = run("train", name, "--help")
    assert status == 0
    for option in {o for own in OWN.values() for o in own}:
        assert (f"  {option} " in said or f"  {option}\n" in said) == (option in OWN[name]), option


def test_a_training_without_a_model_is_of_the_default_one(tmp_path: Path, run: Run) -> None:
    status, _, error = run("train", "--data", tmp_path / "a.json", tmp_path, "--sigma", "3", "--out", tmp_path / "o")
    assert status == 2 and "train heatmap" in error and "--sigma" in error
    status, said, _ = run("train", "--help")
    assert status == 0 and all(name in said for name in OWN)


def test_what_cannot_work_is_said_before_anything_is_read(tmp_path: Path, run: Run) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    data = ("--data", tmp_path / "no.json", tmp_path)
    for command, expected in (
        (("heatmap", *data, "--out", taken), (1, "taken: is a file, expected a folder for the run")),
        (("bottom-up", *data, "--out", taken), (1, "taken: is a file, expected a folder for the run")),
        (
            ("deeppose", *data, "--out", tmp_path / "o", "--from-stage", "2"),
            (2, "expected --init CHECKPOINT with them"),
        ),
        (("heatmap", *data, "--out", tmp_path / "o", "--rate", "nan"), (2, "nan is not a finite number")),
    ):
        status, _, error = run("train", *command)
        assert status == expected[0] and expected[1] in error
    assert not (tmp_path / "o").exists()
