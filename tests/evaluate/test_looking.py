"""Thresholds of confidence, chosen on labels and written to a project by the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from study_samples import figures_project

from labeltool.audit.confidence import count_by_confidence
from labeltool.errors import AuditError
from labeltool.evaluate.looking import thresholds_text, write_thresholds
from labeltool.project import Project

Run = Callable[..., tuple[int, str, str]]


def test_the_command_writes_and_prints_thresholds(run: Run, tmp_path: Path) -> None:
    figures_project(tmp_path).close()
    path = tmp_path / "p"
    status, _, err = run("audit", path, "--model", "fine", "--write-thresholds", "--precision", "0.9", "--user", "ben")
    assert status == 0 and "at and above it 90% are right with 95 % certainty" in err
    with Project.open(path) as project:
        (kept,) = project.look_below().values()
        assert (kept.precision, kept.author) == (0.9, "ben") and set(project.look_below()) == {"fine@1"}
        assert set(kept.joints) == set(project.skeleton.joints)
        # A joint that nothing was predicted of keeps what it had: it is not written.
        names = project.skeleton.joints
        right = np.ones((200, len(names)), dtype=bool)
        counted = right.copy()
        counted[:, 0] = False
        counts = count_by_confidence(np.full(right.shape, 0.3), right, counted, names)
        found = write_thresholds(project, "fine@1", counts, 0.9, "ben")
        assert names[0] not in project.look_below()["fine@1"].joints
        assert set(project.look_below()["fine@1"].joints.values()) == {0.0}
        assert "not judged" in thresholds_text(found, 0.9)
        nothing = count_by_confidence(np.full(right.shape, 0.3), right, ~right, names)
        with pytest.raises(AuditError, match="expected some to choose thresholds on"):
            write_thresholds(project, "fine@1", nothing, 0.9, "ben")
    assert run("audit", path, "--model", "fine", "--versus", "coarse", "--write-thresholds")[0] == 2
