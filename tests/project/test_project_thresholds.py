"""Thresholds of confidence: kept by model and joint, and what they do to doubts and to what the editor is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from project_samples import EMPTY, QUAD, guess, make_project

from labeltool.errors import ProjectError
from labeltool.project import Project, Thresholds
from labeltool.project.thresholds import ALWAYS, USUAL, on_one_scale
from labeltool.server.answers import confidences, limits_of


def test_thresholds_are_kept_by_model(project: Project) -> None:
    assert project.look_below() == {}
    project.set_look_below("m@1", {"head": 0.3, "foot": None}, precision=0.9, author="anna")
    project.set_look_below("n@1", {"head": 0.8}, precision=0.95, author="ben")
    found = project.look_below()
    assert {name: (t.precision, t.author, t.joints) for name, t in found.items()} == {
        "m@1": (0.9, "anna", {"head": 0.3, "foot": None}),
        "n@1": (0.95, "ben", {"head": 0.8}),
    }
    one = found["m@1"]
    assert [one.below(name) for name in QUAD.joints] == [0.3, USUAL, USUAL, ALWAYS]
    project.set_look_below("m@1", None, precision=0.9, author="anna")
    assert set(project.look_below()) == {"n@1"}
    for joints, message in (({"knee": 0.5}, "unknown joint"), ({"head": 1.5}, "expected a number from 0 to 1")):
        with pytest.raises(ProjectError, match=message):
            project.set_look_below("n@1", joints, precision=0.9, author="anna")
    assert project.look_below()["n@1"].joints == {"head": 0.8}


def test_confidences_on_one_scale() -> None:
    chosen = Thresholds({"head": 0.2, "foot": None}, 0.9, "anna", "")
    given = np.array([[0.1, 0.5, np.nan, 1.0], [0.2, 0.7, 0.5, 0.5], [1.0, 0.1, 0.0, 0.0]])
    found = on_one_scale(given, QUAD.joints, chosen)
    np.testing.assert_allclose(found, [[0.25, 0.5, np.nan, 0.5], [0.5, 0.7, 0.5, 0.25], [1.0, 0.1, 0.0, 0.0]])
    assert on_one_scale(given, QUAD.joints, None) is given


def test_the_queue_and_the_editor_go_by_them(tmp_path: Path) -> None:
    def doubt() -> float:
        (found,) = [entry.confidence for entry in project.queue_page()[1] if entry.image.id == 5]
        assert found is not None
        return found

    with make_project(tmp_path, blind_share=0.0) as project:
        project.add_predictions("m", "1", "h", {5: [guess(EMPTY, head=(10.0, 10.0, 0.4))]})
        before = doubt()
        project.set_look_below("m@1", {"head": 0.2}, precision=0.9, author="anna")
        assert (before, doubt()) == (0.6, 0.375)
        said, people = list(project.predictions(5)), [project.person(EMPTY)]
        assert confidences(said, people) == {EMPTY: {"head": 0.4}}
        assert limits_of(said, people, project.look_below()) == {EMPTY: {"head": 0.2}}
        assert limits_of(said, people, {}) == {}
