from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from study_samples import figures_project, guesses

from labeltool.audit import KINDS, OVERALL, audit, detections_from_coco, labels_from_coco
from labeltool.errors import AuditError
from labeltool.evaluate import (
    Choices,
    Study,
    all_cases,
    compare_studies,
    people_table,
    read_files,
    read_project,
    study,
    worst_people,
)
from labeltool.evaluate.people import BACKGROUND, MISSED
from labeltool.evaluate.study import differences_json, study_json
from labeltool.formats.coco import read_coco
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import COCO_17

QUICK = Choices(replicates=200, seed=3)


@pytest.fixture(scope="module")
def studies(figures: Project) -> tuple[Study, Study]:
    fine, rough = (study(one, QUICK) for one in read_project(figures, ["fine", "rough"]))
    return fine, rough


def test_the_store_gives_the_numbers_of_the_exported_file(coco_mini: Path, tmp_path: Path) -> None:
    """What is read from the store directly equals what its document holds: crowds and people without joints included."""
    found = read_coco(coco_mini / "images", coco_mini / "annotations" / "person_keypoints_val2017.json", COCO_17)
    with Project.create(tmp_path / "p", found.document, found.image_root, COCO_17) as project:
        rng = np.random.default_rng(0)
        said = {}
        for image in project.images():
            people = [p for p in project.people(image.id) if p.has_human_joints and p.box]
            said[image.id] = [
                PredictedPerson(
                    p.box or (0, 0, 1, 1),
                    float(rng.random()),
                    {
                        n: (j.x + float(rng.normal(0, 8)), j.y + float(rng.normal(0, 8)), 0.5)
                        for n, j in p.joints.items()
                    },
                )
                for p in people
            ]
        project.add_predictions("m", "1", "h", said)
        (one,) = read_project(project, ["m"])
        document = project.to_document()
        judged = set(one.labels.image.tolist())
        people = [a for a in document["annotations"] if a["image_id"] in judged and a["category_id"] == 1]
        truth = labels_from_coco(sorted(people, key=lambda a: (a["image_id"], a["id"])), COCO_17)
        assert one.labels.crowd.any() and (~one.labels.people & ~one.labels.crowd).any()
        for field in ("image", "person", "xy", "v", "area", "box", "crowd"):
            ours, theirs = getattr(one.labels, field), getattr(truth, field)
            assert np.array_equal(ours, theirs), field
        results = [
            {
                "image_id": p.image_id,
                "category_id": 1,
                "score": p.score,
                "keypoints": [float(x) for n in COCO_17.joints for x in p.joints[n]],
            }
            for p in project.predictions(model="m")
        ]
        ours = audit(one.labels, one.detections, COCO_17).to_json()
        theirs = audit(truth, detections_from_coco(results, COCO_17), COCO_17).to_json()
        assert ours == theirs


def test_both_models_have_the_same_people(studies: tuple[Study, Study]) -> None:
    fine, rough = studies
    assert fine.subject.labels is rough.subject.labels
    assert fine.subject.labels_hash() == rough.subject.labels_hash()
    assert fine.subject.detections_hash() != rough.subject.detections_hash()
    comparison = compare_studies(fine, rough)
    overall = comparison.differences["ks", OVERALL]
    assert overall.p_greater == 1 and overall.low > 0
    assert overall.value == pytest.approx(fine.intervals["ks", OVERALL].value - rough.intervals["ks", OVERALL].value)
    rows = differences_json(comparison.differences)
    assert {row["joint"] for row in rows if row["metric"] == "ks"} == {*fine.subject.skeleton.joints, OVERALL}


def test_a_study_is_the_same_every_time_and_is_plain_json(figures: Project, studies: tuple[Study, Study]) -> None:
    (again,) = (study(one, QUICK) for one in read_project(figures, ["fine"]))
    text = json.dumps(study_json(again), allow_nan=False)
    assert text == json.dumps(study_json(studies[0]), allow_nan=False)
    data = json.loads(text)
    assert data["model"] == {"name": "fine", "version": "1", "weights_hash": "0" * 64}
    assert data["data"]["people"] == 64 and len(data["data"]["labels_sha256"]) == 64
    assert data["choices"]["seed"] == 3
    assert {part["group"] for part in data["slices"]} == {"visible joints", "overlap", "size", "visibility", "status"}


def test_intervals_hold_their_numbers(studies: tuple[Study, Study]) -> None:
    for one in studies:
        for name, interval in one.intervals.items():
            if not np.isnan(interval.value):
                assert interval.low <= interval.value <= interval.high or name[0] in ("AP", "AP50", "AP75", "AR")
        assert any("only 22 images" in note for note in one.notes)


def test_confidence_that_says_something_is_calibrated_somehow(studies: tuple[Study, Study]) -> None:
    calibration = studies[1].calibration
    assert calibration is not None
    curve = calibration.curve()
    assert curve[-1].right > curve[0].right
    joints = study_json(studies[1])["calibration"]["joints"]
    assert sum(row["n"] for row in joints) == int(studies[1].subject.labels.labelled.sum())


def test_only_some_images(figures: Project) -> None:
    (one,) = read_project(figures, ["fine"])
    wanted = set(one.labels.image[:9].tolist())
    some = one.only(wanted)
    assert set(some.labels.image.tolist()) == wanted == set(some.detections.image.tolist())
    (done,) = read_project(figures, ["fine"], statuses=["done"])
    assert {figures.image(i).status for i in set(done.labels.image.tolist())} == {"done"}
    with pytest.raises(AuditError, match=r"no photo with status skipped that fine@1 was run on has a labelled person"):
        read_project(figures, ["fine"], statuses=["skipped"])


def test_the_worst_come_first(studies: tuple[Study, Study]) -> None:
    rough = studies[1]
    groups = dict(all_cases(rough.subject, rough.people, 5))
    assert list(groups) == [*rough.subject.skeleton.joints, *KINDS[1:], MISSED, BACKGROUND]
    for joint in rough.subject.skeleton.joints:
        values = [case.value for case in groups[joint]]
        assert len(values) == 5 and values == sorted(values)
        k = rough.subject.skeleton.index(joint)
        assert values[0] == np.nanmin(rough.people.ks[:, k])
    oks = [case.value for case in worst_people(rough.subject, rough.people, 100)]
    assert len(oks) == 64 and oks == sorted(oks)
    assert np.mean(oks) == pytest.approx(rough.intervals["oks", OVERALL].value)


def test_a_mirrored_person_is_an_inversion_and_a_stray_one_background(tmp_path: Path, figures: Project) -> None:
    truth = figures.to_document()
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    said = guesses(figures, 0.001, 0)
    names, flip = figures.skeleton.joints, figures.skeleton.flip_order()
    mirrored = next(p for people in said.values() for p in people)
    results = []
    for image, people in said.items():
        for p in people:
            points = [p.joints.get(n, (0.0, 0.0, 0.0)) for n in names]
            if p is mirrored:
                points = [points[i] for i in flip]
            flat = [float(x) for point in points for x in point]
            results.append({"image_id": image, "category_id": 1, "keypoints": flat, "score": p.score})
    stray = [1.0, 1.0, 0.5] * len(names)
    results.append({"image_id": 1, "category_id": 1, "keypoints": stray, "score": 0.99})
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    (two,) = read_files(file, [path])
    groups = dict(all_cases(two, people_table(two, "area"), 3))
    assert len(groups["inversion"][0].joints) >= 4
    owner = mirrored.person_id
    assert owner is not None
    assert int(two.labels.person[groups["inversion"][0].label]) == figures.person(owner).annotation_id
    assert groups[BACKGROUND][0].detection == len(results) - 1


def test_models_that_were_not_run_on_the_same_photos_are_compared_where_both_were(tmp_path: Path) -> None:
    with figures_project(tmp_path) as project:
        said = {image: people for image, people in guesses(project, 0.02, 9).items() if image % 2}
        project.add_predictions("half", "1", "h", said)
        fine, half = read_project(project, ["fine", "half"])
        assert set(fine.labels.image.tolist()) == {image for image, people in said.items() if people}
        assert set(fine.detections.image.tolist()) == set(half.detections.image.tolist())
