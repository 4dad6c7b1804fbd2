from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeltool.coco.document import CocoDocument
from labeltool.errors import AuditError, LabeltoolError
from labeltool.evaluate import audit_files, audit_project, choose_run
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import COCO_17

NAMES = COCO_17.joints


def person(number: int, image: int, *, labelled: bool = True, crowd: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    x, y = 20 + 100 * (number % 3), 30
    keypoints: list[float] = []
    for _ in NAMES:
        keypoints += [float(x + rng.integers(0, 80)), float(y + rng.integers(0, 120)), 2] if labelled else [0, 0, 0]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints,
        "num_keypoints": len(NAMES) * labelled,
        "bbox": [x, y, 80, 120],
        "area": 5000.0,
        "iscrowd": int(crowd),
        "segmentation": {"size": [200, 400], "counts": [80000]} if crowd else [],
    }


def document() -> dict[str, Any]:
    """Photo 1: a labelled person, one without labels; photo 2: a labelled person, a crowd; photo 3: nobody labelled."""
    people = [
        person(11, 1),
        person(12, 1, labelled=False),
        person(21, 2),
        person(22, 2, labelled=False, crowd=True),
        person(31, 3, labelled=False),
    ]
    return {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 400, "height": 200} for n in (1, 2, 3)],
        "annotations": people,
        "categories": [COCO_17.to_category()],
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in (1, 2, 3):
        Image.new("RGB", (400, 200)).save(photos / f"{n}.png")
    return Project.create(tmp_path / "p", CocoDocument(document(), "made"), photos, COCO_17)


def guess(project: Project, image: int, row: int, shift: float = 0.0, owner: bool = True) -> PredictedPerson:
    """A guess at the row-th person of a photo: its labels moved to the right, or the middle of its box."""
    p = project.people(image)[row]
    assert p.box is not None
    x, y, w, h = p.box
    joints = {
        name: (j.x + shift, float(j.y), 0.5) if j.v else (x + w / 2, y + h / 2, 0.5) for name, j in p.joints.items()
    }
    return PredictedPerson(p.box, 0.9, joints, p.id if owner else None)


def test_people_without_labels_and_crowds_do_no_harm(project: Project) -> None:
    guesses = {
        1: [guess(project, 1, 0), guess(project, 1, 1)],
        2: [guess(project, 2, 0)],
        3: [guess(project, 3, 0)],
    }
    project.add_predictions("m", "1", "h", guesses)
    result = audit_project(project, "m").to_json()
    assert result["people"] == 2 and result["detections"] == 2
    assert result["oks"]["AP"] == pytest.approx(1)
    assert result["pdj"]["overall"] == [1.0] * 10


def test_only_photos_that_the_model_was_run_on_are_judged(project: Project) -> None:
    project.add_predictions("m", "1", "h", {1: [guess(project, 1, 0)]})
    result = audit_project(project).to_json()
    assert result["people"] == 1 and result["oks"]["AR"] == pytest.approx(1)
    project.add_predictions("nobody", "1", "h", {1: [], 2: []})
    result = audit_project(project, "nobody").to_json()
    assert result["people"] == 2 and result["people_missed"] == 2
    assert result["pdj"]["overall"] == [0.0] * 10


def test_predictions_are_no_truth_until_somebody_takes_them(project: Project) -> None:
    only_unlabelled = {3: [guess(project, 3, 0)]}
    project.add_predictions("m", "1", "h", only_unlabelled, fill=True)
    with pytest.raises(AuditError, match="no photo that m@1 was run on has a labelled person"):
        audit_project(project, "m")
    p = project.people(3)[0]
    project.save(p.id, base=p.revision, author="ann", edit_id="e1", accept=True)
    assert audit_project(project, "m").to_json()["people"] == 1


def test_a_corrected_label_is_what_the_model_is_held_against(project: Project) -> None:
    project.add_predictions("m", "1", "h", {1: [guess(project, 1, 0)], 2: [guess(project, 2, 0)]})
    p = project.people(1)[0]
    wrist = p.joints["left_wrist"]
    project.save(p.id, base=p.revision, author="ann", edit_id="e1", joints={"left_wrist": (wrist.x + 300, wrist.y, 2)})
    rows = {row["joint"]: row for row in audit_project(project, "m").to_json()["joints"]}
    assert rows["left_wrist"]["ks"] == pytest.approx(0.5, abs=1e-6)
    assert rows["right_wrist"]["ks"] == pytest.approx(1)


def test_the_latest_run_of_a_name_counts(project: Project) -> None:
    project.add_predictions("m", "1", "h1", {1: [guess(project, 1, 0, shift=300)]})
    project.add_predictions("m", "2", "h2", {1: [guess(project, 1, 0)]})
    assert audit_project(project, "m").to_json()["pdj"]["overall"][0] == 1
    assert audit_project(project, "m@1").to_json()["pdj"]["overall"][0] == 0
    with pytest.raises(AuditError, match=r"expected one of m@[12], m@[12]"):
        audit_project(project, "m@3")
    project.add_predictions("other", "1", "h3", {1: []})
    with pytest.raises(AuditError, match="say which by --model"):
        choose_run(project, None)


def oracle(truth: Path, results: Path) -> list[float]:
    coco = COCO(str(truth))
    evaluation = COCOeval(coco, coco.loadRes(str(results)), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [float(n) for n in evaluation.stats]


@pytest.mark.parametrize("noise", [0, 4, 25])
def test_files_give_the_numbers_of_pycocotools_on_real_people(coco_mini: Path, tmp_path: Path, noise: float) -> None:
    truth = coco_mini / "annotations" / "person_keypoints_val2017.json"
    rng = np.random.default_rng(int(noise))
    results = []
    for a in json.loads(truth.read_text())["annotations"]:
        if a["num_keypoints"] and rng.random() < 0.9:
            xyv = np.array(a["keypoints"], float).reshape(-1, 3)
            xyv[:, :2] += rng.normal(0, noise, xyv[:, :2].shape)
            score = float(rng.random())
            results.append(
                {"image_id": a["image_id"], "category_id": 1, "keypoints": xyv.ravel().tolist(), "score": score}
            )
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    ours = audit_files(truth, path).to_json()["oks"]
    assert np.allclose([n for k, n in ours.items() if k != "scale"], oracle(truth, path), rtol=0, atol=1e-12)


def test_files_that_cannot_be_measured_name_the_place(tmp_path: Path) -> None:
    truth, results = tmp_path / "t.json", tmp_path / "r.json"
    truth.write_text(json.dumps(document()))
    good = {"image_id": 1, "category_id": 1, "keypoints": [1.0, 2.0, 1.0] * 17, "score": 0.5}
    for change, message in (
        ({"keypoints": [1, 2, 3]}, "51"),
        ({"image_id": 99}, "99"),
        ({"score": "high"}, "score"),
    ):
        results.write_text(json.dumps([{**good, **change}]))
        with pytest.raises(LabeltoolError, match=message) as caught:
            audit_files(truth, results)
        assert "r.json" in str(caught.value)
    results.write_text(json.dumps([{**good, "keypoints": [float("nan"), 2.0, 1.0] * 17}]))
    with pytest.raises(LabeltoolError, match=r"r\.json"):
        audit_files(truth, results)
    unlabelled = document()
    unlabelled["annotations"] = [person(1, 1, labelled=False)]
    truth.write_text(json.dumps(unlabelled))
    results.write_text(json.dumps([good]))
    with pytest.raises(AuditError, match="no person of category 'person' has a labelled joint"):
        audit_files(truth, results)
