from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from label_samples import make_project

from labeltool.project import Project

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The sample project: three people, two of them on an image that is done, and a bit of work on it."""
    path = make_project(tmp_path)
    with Project.open(path) as project:
        person = project.people(100)[0]
        joints = {"nose": (400, 6, 2)}
        project.save(person.id, base=person.revision, author="ben", edit_id="e", joints=joints, active_seconds=180)
        project.flag(103, "look again", "rev")
    return path


def test_status_prints_progress_rate_and_what_is_left(path: Path, run: Run) -> None:
    lines = run("status", path)[1].splitlines()
    assert "  needs fix          2" in lines
    assert any(line.startswith("done: 2 of 3 people; 34 of 51 joints decided (66.7%)") for line in lines)
    assert "labeller ben: 1 person in 0.1 active hours, 20 an hour" in lines
    assert any(line.startswith("left: ") for line in lines)


def test_status_as_json(path: Path, run: Run) -> None:
    data = json.loads(run("status", path, "--json")[1])
    assert (data["progress"]["people_done"], data["progress"]["people"]) == (2, 3)
    assert data["labellers"] == [{"author": "ben", "people": 1, "active_seconds": 180.0, "people_per_hour": 20.0}]
    assert data["seconds_left"] == pytest.approx(data["progress"]["people_waiting"] * 180)


def test_refresh_and_validate_look_for_errors_again(path: Path, run: Run) -> None:
    for command in (("status", path, "--refresh"), ("validate", path)):
        with Project.open(path) as project, project._db.write() as connection:
            connection.exec_driver_sql("UPDATE images SET finding = NULL, doubt = NULL")
        run(*command)
        with Project.open(path) as project:
            assert (project.image(100).finding or "").startswith("A311"), command
    run("status", path, "--refresh")
    with Project.open(path) as project:
        (doubt,) = [e.doubt for e in project.queue_page()[1] if e.image.id == 101]
        assert doubt is not None or project.people(101)[0].blind
