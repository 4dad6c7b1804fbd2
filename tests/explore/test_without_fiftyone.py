from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from labeltool.project import Project

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("options", [("--no-launch",), ("--sync",)])
def test_without_fiftyone_there_is_one_line(
    figures: Project, monkeypatch: pytest.MonkeyPatch, run: Run, options: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    assert run("explore", figures.path, *options, *(() if options == ("--sync",) else ("--model", "fine"))) == (
        1,
        "",
        "labeltool: FiftyOne is not installed: pip install 'labeltool[fiftyone]'\n",
    )


def test_import_without_fiftyone(figures: Project, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    status, _, error = run("import", figures.path, "--from-fiftyone", "x")
    assert (status, error) == (1, "labeltool: FiftyOne is not installed: pip install 'labeltool[fiftyone]'\n")


def test_what_does_not_go_together(figures: Project, run: Run) -> None:
    for arguments, message in (
        (("explore", figures.path, "--sync", "--model", "fine"), "--sync goes without --model"),
        (("import", figures.path), "give FILE, or --from-fiftyone NAME"),
        (("import", figures.path, "a.json", "--from-fiftyone", "x"), "give FILE, or --from-fiftyone NAME"),
        (("import", figures.path, "a.json", "--field", "x"), "--field goes with --from-fiftyone"),
        (("import", figures.path, "--from-fiftyone", "x", "--format", "coco"), "--format goes with FILE"),
    ):
        status, _, error = run(*arguments)
        assert status == 2
        assert error.rstrip().endswith(message)
