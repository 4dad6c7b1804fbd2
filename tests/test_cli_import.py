from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labeltool.project import Project
from labeltool.skeleton import LSP_14

Run = Callable[..., tuple[int, str, str]]


def person(number: int, image: int, x: float) -> dict[str, Any]:
    keypoints = [v for k in range(14) for v in (x + k, 20.5 + k, 1 + k % 2)]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [x, 10, 30, 60],
        "area": 900,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": 14,
        "mood": "kept",
    }


def write(path: Path, images: int, each: int, folder: str = "") -> list[dict[str, Any]]:
    people = [person(n * each + k + 1, n + 1, 5 + 40 * k) for n in range(images) for k in range(each)]
    data = {
        "images": [
            {"id": n + 1, "file_name": f"{folder}{n + 1}.jpg", "width": 120, "height": 90} for n in range(images)
        ],
        "annotations": people,
        "categories": [LSP_14.to_category()],
    }
    path.write_text(json.dumps(data))
    return people


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(3):
        Image.fromarray(np.zeros((90, 120, 3), dtype=np.uint8)).save(folder / f"{n + 1}.jpg")
    return folder


@pytest.fixture
def project(tmp_path: Path, photos: Path, run: Run) -> Path:
    path = tmp_path / "p"
    assert run("init", path, "--images", photos, "--skeleton", "lsp-14")[0] == 0
    return path


def test_labels_come_in_once(tmp_path: Path, project: Path, run: Run) -> None:
    people = write(tmp_path / "labels.json", 3, 2)
    status, out, _ = run("import", project, tmp_path / "labels.json")
    assert status == 0
    assert out.endswith("p: 0 new photos, 3 known; 6 people added, 0 brought up to date, 0 there already\n")
    out = run("import", project, tmp_path / "labels.json")[1]
    assert out.endswith("0 people added, 0 brought up to date, 6 there already\n")
    assert run("export", project, tmp_path / "out.json")[0] == 0
    assert json.loads((tmp_path / "out.json").read_text())["annotations"] == people


def test_another_format_and_names_that_start_elsewhere(tmp_path: Path, photos: Path, project: Path, run: Run) -> None:
    write(tmp_path / "labels.json", 1, 1)
    assert run("convert", tmp_path / "labels.json", tmp_path / "task.xml")[0] == 0
    assert "1 person added" in run("import", project, tmp_path / "task.xml")[1]
    (photos / "day2").mkdir()
    (photos / "1.jpg").rename(photos / "day2" / "4.jpg")
    write(tmp_path / "more.json", 4, 1)
    data = json.loads((tmp_path / "more.json").read_text())
    del data["images"][:3], data["annotations"][:3]
    (tmp_path / "more.json").write_text(json.dumps(data))
    status, _, err = run("import", project, tmp_path / "more.json")
    assert status == 1 and "4.jpg: no such photo" in err and "nothing was imported" in err
    assert "1 new photo" in run("import", project, tmp_path / "more.json", "--images", photos / "day2")[1]
    with Project.open(project) as opened:
        assert opened.images()[-1].file_name == "day2/4.jpg"


def test_what_a_labeller_did_stays(tmp_path: Path, project: Path, run: Run) -> None:
    write(tmp_path / "labels.json", 1, 1)
    run("import", project, tmp_path / "labels.json")
    with Project.open(project) as opened:
        opened.save(1, base=0, author="anna", edit_id="a", joints={LSP_14.joints[0]: (50, 51, 2)})
    data = json.loads((tmp_path / "labels.json").read_text())
    data["annotations"][0]["keypoints"][0] = 7
    (tmp_path / "labels.json").write_text(json.dumps(data))
    status, out, err = run("import", project, tmp_path / "labels.json")
    assert status == 0
    assert "1 person whom a labeller worked on differ and stay as they are (--edited replace takes the file's)" in out
    assert "1.jpg: person 1" in err
    assert (
        "1 person whom a labeller worked on replaced"
        in run("import", project, tmp_path / "labels.json", "--edited", "replace")[1]
    )
    with Project.open(project) as opened:
        assert opened.person(1).joints[LSP_14.joints[0]].x == 7


def test_errors_and_other_sizes_stop_it(tmp_path: Path, project: Path, run: Run) -> None:
    people = write(tmp_path / "labels.json", 2, 1)
    data = json.loads((tmp_path / "labels.json").read_text())
    data["images"][0]["width"] = 60
    data["annotations"][1]["num_keypoints"] = 3
    (tmp_path / "labels.json").write_text(json.dumps(data))
    status, _, err = run("import", project, tmp_path / "labels.json")
    assert status == 1 and "the project has it with 120 x 90 pixels, the import with 60 x 90" in err
    status, _, err = run("import", project, tmp_path / "labels.json", "--skip-broken")
    assert status == 1 and "1 error; nothing was imported (see labeltool validate" in err
    out = run("import", project, tmp_path / "labels.json", "--skip-broken", "--accept-errors")[1]
    assert "0 new photos, 1 known; 1 person added" in out
    with Project.open(project) as opened:
        assert [p.annotation_id for image in opened.images() for p in opened.people(image.id)] == [people[1]["id"]]


#: Kills the process in the call of that number, counted over the writes of all batches.
KILLED = """
import os, signal, sys
import labeltool.project.adding as adding, labeltool.project.batch as batch
adding._IMAGES = 20
left = int(sys.argv.pop(1))
def counted(call):
    def wrapped(*arguments):
        global left
        result = call(*arguments)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapped
batch.insert_many = counted(batch.insert_many)
adding.Adding.add = counted(adding.Adding.add)
from labeltool.cli import main
main(sys.argv[1:])
"""


def test_an_import_killed_anywhere_goes_on_without_duplicates(tmp_path: Path, project: Path, run: Run) -> None:
    """Three times in a row: between the tables of a batch, before its commit, at its start; then the rest comes in."""
    images = 200
    people = write(tmp_path / "labels.json", images, 2)
    command = [sys.executable, "-c", KILLED]
    arguments = ["import", str(project), str(tmp_path / "labels.json"), "--skip-broken"]
    arrived = []
    for number in (6, 12, 17):
        # a batch writes images, originals and people, and ends before it is committed: four calls
        process = subprocess.run([*command, str(number), *arguments], capture_output=True)
        assert process.returncode == -signal.SIGKILL
        with Project.open(project) as opened:
            arrived.append(opened.counts().people)
    assert arrived == [40, 80, 160]
    out = run("import", project, tmp_path / "labels.json", "--skip-broken")[1]
    assert "120 new photos, 80 known; 240 people added, 0 brought up to date, 160 there already" in out
    assert run("export", project, tmp_path / "out.json")[0] == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["annotations"] == people
    assert len(found["images"]) == images
