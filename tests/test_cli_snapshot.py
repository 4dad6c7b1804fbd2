from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import Project
from labeltool.skeleton import LSP_14

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two photos, one done with a person who has all joints."""
    (tmp_path / "photos").mkdir()
    for n in (1, 2):
        Image.fromarray(np.zeros((90, 120, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{n}.jpg")
    person = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [5, 5, 60, 70],
        "area": 900,
        "iscrowd": 0,
        "keypoints": [v for k in range(14) for v in (10 + k, 20 + k, 2)],
        "num_keypoints": 14,
    }
    data = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 120, "height": 90} for n in (1, 2)],
        "annotations": [person],
        "categories": [LSP_14.to_category()],
    }
    Project.create(tmp_path / "p", CocoDocument(data, "labels"), tmp_path / "photos", LSP_14).close()
    return tmp_path / "p"


def test_a_snapshot_is_the_export_of_its_moment(project: Path, tmp_path: Path, run: Run) -> None:
    assert run("snapshot", project, "--list")[1] == f"{project}: no snapshots yet\n"
    status, out, _ = run("snapshot", project, "--note", "before")
    (file,) = (project / "snapshots").iterdir()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert status == 0 and f"snapshot 1: {file}" in out and digest in out
    assert file.name == f"0001-{digest[:12]}.json"
    assert not os.stat(file).st_mode & 0o222
    run("export", project, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == file.read_bytes()
    out = run("snapshot", project, "--list")[1]
    assert digest[:12] in out and out.endswith("2 photos, 1 annotation, 1 person, 14 labelled joints  before\n")
    assert json.loads(run("stats", file, "--json")[1])["people"] == 1


def test_snapshots_are_held_against_each_other_and_against_now(project: Path, run: Run) -> None:
    run("snapshot", project)
    assert run("snapshot", project, "--compare", 1, "now") == (0, "no difference: 1 person\n", "")
    with Project.open(project) as opened:
        opened.save(1, base=0, author="anna", edit_id="a", joints={"head_top": (13, 24, 1)})
    assert run("snapshot", project, "--json")[0] == 0
    status, out, _ = run("snapshot", project, "--compare", 1, 2)
    assert status == 1 and "1 of them changed" in out and "moved furthest: 1.jpg (id 1) head_top" in out
    found = json.loads(run("snapshot", project, "--compare", 1, "now", "--json")[1])
    assert found["joints"]["head_top"]["moved"] == found["joints"]["head_top"]["flags_changed"] == 1
    assert run("snapshot", project, "--compare", 2, "now")[0] == 0
    assert "the same labels as snapshot 2" in run("snapshot", project)[1]
    status, _, err = run("snapshot", project, "--compare", 1, 9)
    assert status == 1 and "no snapshot '9', expected a number from 1 to 3, or now" in err
    for misuse in (
        ["--list", "--note", "x"],
        ["--list", "--compare", "1", "2"],
        ["--compare", "1", "2", "--only-done"],
    ):
        assert run("snapshot", project, *misuse)[0] == 2


def test_only_done_photos(project: Path, run: Run) -> None:
    found = json.loads(run("snapshot", project, "--only-done", "--json")[1])
    assert (found["images"], found["people"], found["joints"], found["only_done"]) == (1, 1, 14, True)
    assert ", only done" in run("snapshot", project, "--list")[1]


def test_a_file_that_was_changed_or_lost_is_named(project: Path, run: Run) -> None:
    for _ in range(2):
        run("snapshot", project)
    first, second = sorted((project / "snapshots").iterdir())
    first.chmod(0o644)
    first.write_bytes(first.read_bytes().replace(b"1.jpg", b"3.jpg"))
    second.unlink()
    status, _, err = run("snapshot", project, "--list")
    assert status == 1
    assert f"{first}: changed: its hash is another" in err and f"{second}: missing" in err
    faults = [one["fault"] for one in json.loads(run("snapshot", project, "--list", "--json")[1])["snapshots"]]
    assert faults == ["changed: its hash is another", "missing"]
    status, _, err = run("snapshot", project, "--compare", 1, "now")
    assert status == 1 and "expected the file that was recorded" in err
    first.write_bytes(b"{}")
    assert "its size is another" in run("snapshot", project, "--list")[2]


def test_the_record_only_grows_and_moves_with_the_project(project: Path, tmp_path: Path, run: Run) -> None:
    run("snapshot", project)
    with (
        sqlite3.connect(project / "labels.db") as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("UPDATE snapshots SET sha256 = 'x'")
    connection.close()
    shutil.move(project, tmp_path / "moved")
    assert run("snapshot", tmp_path / "moved", "--list")[0] == 0


def test_a_snapshot_that_cannot_be_written_leaves_no_record(project: Path) -> None:
    (project / "snapshots").write_text("a file")
    with Project.open(project) as opened:
        with pytest.raises(ProjectError, match="snapshots: cannot be written"):
            opened.take_snapshot()
        with pytest.raises(ProjectError, match="note is ' '"):
            opened.take_snapshot(" ")
        assert opened.snapshots() == []
