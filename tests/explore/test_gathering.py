from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from study_samples import guesses

from labeltool.audit import KINDS
from labeltool.demo import sample_data
from labeltool.evaluate import people_table, read_project
from labeltool.explore.gathering import Photo, gather
from labeltool.explore.measured import choose_model, measure
from labeltool.formats.coco import read_coco
from labeltool.project import Mark, PredictedPerson, Project
from labeltool.skeleton import LSP_14


def photos_of(project: Project, model: str | None = None) -> list[Photo]:
    run = choose_model(project, model)
    assert run is not None
    return list(gather(project, run, measure(project, run), "fiftyone", project.images()))


def test_what_the_audit_says_stands_beside_each_person(figures: Project) -> None:
    (subject,) = read_project(figures, ["rough"])
    table = people_table(subject, "area")
    expected = {
        int(subject.labels.person[row]): (float(table.oks[row]), [KINDS[k] if k >= 0 else "" for k in table.kind[row]])
        for row in np.flatnonzero(subject.labels.people)
    }
    found = {
        one.person.annotation_id: (one.verdict.oks, list(one.verdict.kinds))
        for photo in photos_of(figures, "rough")
        for one in photo.people
        if one.verdict is not None
    }
    assert found == expected
    assert len({oks for oks, _ in found.values()}) > 10
    for photo in photos_of(figures, "rough"):
        owners = {one.person.id: one.verdict for one in photo.people}
        assert [guess.verdict for guess in photo.guesses] == [owners[guess.owner] for guess in photo.guesses]


def test_a_detection_finds_its_person_and_another_is_background(figures: Project) -> None:
    image = figures.images()[0]
    (person, *_) = (p for p in figures.labelled_people() if p.image_id == image.id)
    xyv = np.array(person.keypoints).reshape(-1, 3)
    near = {j: (x, y, 0.9) for j, (x, y, v) in zip(LSP_14.joints, xyv.tolist(), strict=True) if v}
    far = {j: (x + 5000, y, 0.8) for j, (x, y, _) in near.items()}
    said = [PredictedPerson((0, 0, 9, 9), 0.9, near), PredictedPerson((0, 0, 9, 9), 0.8, far)]
    figures.add_predictions("alone", "1", "f" * 64, {image.id: said}, fill=False)
    (photo,) = [photo for photo in photos_of(figures, "alone") if photo.image.id == image.id]
    first, second = photo.guesses
    assert (first.owner, first.background) == (person.id, False)
    assert first.verdict is not None
    assert first.verdict.oks == pytest.approx(1)
    assert (second.owner, second.background, second.verdict) == (None, True, None)


def test_no_model_is_shown_of_whom_is_to_be_labelled_blind(tmp_path: Path) -> None:
    data = sample_data()
    imported = read_coco(data / "images", data / "truth.json", LSP_14)
    with Project.create(tmp_path / "all", imported.document, imported.image_root, LSP_14) as known:
        said = guesses(known, 0.02, 0)
    for annotation in imported.document.annotations:
        annotation["keypoints"], annotation["num_keypoints"] = [0] * 42, 0
    with Project.create(tmp_path / "p", imported.document, imported.image_root, LSP_14, blind_share=0.5) as project:
        project.add_predictions("m", "1", "a" * 64, said)
        photos = photos_of(project)
        blind = {one.person.id for photo in photos for one in photo.people if one.person.blind}
        shown = {guess.prediction.person_id for photo in photos for guess in photo.guesses}
        assert blind
        assert shown
        assert not blind & shown
        withheld = {one.person_id for some in said.values() for one in some} - shown
        assert withheld <= blind
        assert sum(photo.withheld for photo in photos) == len(withheld) > 3
        # a labeller's word ends it
        chosen = project.person(min(withheld))
        project.save(chosen.id, base=chosen.revision, author="anna", edit_id="1", joints={"neck": (30, 40, 2)})
        assert chosen.id in {g.prediction.person_id for photo in photos_of(project) for g in photo.guesses}


def test_nothing_to_measure_by_is_said(tmp_path: Path) -> None:
    data = sample_data()
    imported = read_coco(data / "images", data / "truth.json", LSP_14)
    with Project.create(tmp_path / "p", imported.document, imported.image_root, LSP_14) as project:
        assert choose_model(project, None) is None
        image = project.images()[0]
        project.add_predictions("m", "1", "a" * 64, {image.id: []})
        run = choose_model(project, None)
        assert run is not None
        measured = measure(project, run)
        assert measured.note == "" or "no photo" in measured.note
        assert not measured.guesses


def test_marks_of_others_are_named(figures: Project) -> None:
    image = figures.images()[0].id
    figures.put_marks("suspects", [Mark("limb", image), Mark("limb", image)], "anna")
    figures.put_marks("fiftyone", [Mark("wrong", image)], "anna")
    photos = photos_of(figures)
    assert photos[0].marks == ["suspects:limb"]
    assert photos[1].marks == []
