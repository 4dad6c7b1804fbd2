"""`labeltool suspects`: on a file with results, on a project with its predictions, into the queue, and as sheets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import COCO_17

Run = Callable[..., tuple[int, str, str]]

#: Two people with the same joints on the second photo: a suspect that needs no large data set.
TWINS = {2: 2, 3: 2}


def pose(n: int, sign: int = 1) -> list[tuple[float, float]]:
    return [(40 + n + 3 * (k % 3) * sign, 5 + 4 * k) for k in range(17)]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Three photos; on the second one person was labelled twice."""
    (tmp_path / "photos").mkdir()
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 120, "height": 90} for n in (1, 2, 3)]
    for image in images:
        Image.new("RGB", (120, 90), (90, 120, 150)).save(tmp_path / "photos" / str(image["file_name"]))
    annotations: list[dict[str, Any]] = [
        {
            "id": 10 + n,
            "image_id": TWINS.get(n, n),
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": [value for x, y in pose(0) for value in (x, y, 2)],
            "num_keypoints": 17,
            "bbox": [30, 2, 30, 75],
            "area": 1500,
        }
        for n in (1, 2, 3)
    ]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}))
    return path


def test_a_file_with_results_and_a_sheet(run: Run, labels: Path, tmp_path: Path) -> None:
    results = tmp_path / "r.json"
    keypoints = [value for x, y in pose(1) for value in (x, y, 0.9)]
    results.write_text(json.dumps([{"image_id": 1, "category_id": 1, "keypoints": keypoints, "score": 0.9}]))
    sheet = tmp_path / "sheet.png"
    options = ("--predictions", results, "--sheet", sheet, "--images", tmp_path / "photos")
    status, out, err = run("suspects", labels, *options)
    assert status == 0 and "twin  2.jpg (id 13): the joints of annotation 12" in out
    assert str(sheet) in err
    with Image.open(sheet) as picture:
        assert picture.size == (1600, 336)
        assert len(picture.crop((0, 16, 320, 336)).getcolors(100_000) or []) > 10, "a skeleton is drawn"
    status, _, err = run("suspects", labels, "--sheet", sheet)
    assert status == 2 and "--sheet of a file needs --images" in err
    status, _, err = run("suspects", labels, "--sheet", sheet, "--images", tmp_path / "no")
    assert status == 1 and f"{tmp_path / 'no'}: no such folder of photos" in err
    assert run("suspects", labels, "--sheet", labels, "--images", tmp_path / "photos")[0] == 1
    assert json.loads(labels.read_text())["images"]
    assert run("suspects", labels, "--send")[0] == 2
    folder = tmp_path / "sheets"
    run("suspects", labels, "--sheet", folder, "--images", tmp_path / "photos")
    assert [path.name for path in folder.iterdir()] == ["suspects-1.png"]
    (tmp_path / "file").touch()
    for below in ("file", "file/sheets"):
        status, _, err = run("suspects", labels, "--sheet", tmp_path / below, "--images", tmp_path / "photos")
        assert status == 1 and err.endswith(f"{tmp_path / 'file'}: is a file, expected a folder\n")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    status, _, err = run("suspects", labels, "--sheet", tmp_path / "link", "--images", tmp_path / "photos")
    assert status == 1 and err.endswith(f"{tmp_path / 'link'}: File exists\n")


def test_a_photo_that_is_missing_is_said_on_the_sheet(run: Run, labels: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"

    def brightest() -> float:
        assert run("suspects", labels, "--sheet", sheet, "--images", tmp_path / "photos")[0] == 0
        with Image.open(sheet) as picture:
            return float(np.asarray(picture.convert("L"))[18:32, :120].max())

    assert brightest() < 200, "no words on a photo that is there"
    (tmp_path / "photos" / "2.jpg").unlink()
    assert brightest() > 200


def test_a_project_sends_them_to_its_queue(run: Run, labels: Path, tmp_path: Path) -> None:
    project = tmp_path / "p"
    assert run("init", project, "--images", tmp_path / "photos", "--annotations", labels)[0] == 0
    status, out, err = run("suspects", project, "--send", "--user", "anna")
    assert status == 0 and "1 suspect of 1 person" in out and "1 mark in the queue" in err
    with Project.open(project) as opened:
        (mark,) = opened.marks()
        assert (mark.source, mark.kind, mark.image_id, mark.author) == ("suspects", "twin", 2, "anna")
        assert opened.person(mark.person_id or 0).annotation_id == 13
        opened.settle_marks([mark.id], "ben")
        joints = {name: (x, y, 0.9) for name, (x, y) in zip(COCO_17.joints, pose(1), strict=True)}
        person = opened.people(1)[0].id
        opened.add_predictions("m", "1", "h", {1: [PredictedPerson((30, 2, 30, 75), 0.9, joints, person)]})
    status, _, err = run("suspects", project, "--send", "--sheet", tmp_path / "s.png")
    assert status == 0 and "asked m@1 about 1 person" in err and "0 marks in the queue" in err
    assert "asked" not in run("suspects", project, "--no-model")[2]
    assert (
        "model 'x' has no predictions in this project, expected one of: m@1"
        in run("suspects", project, "--model", "x")[2]
    )
