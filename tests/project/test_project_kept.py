from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project_samples import EMPTY, FULL, LABELLED, make_project

from labeltool.project import PredictedPerson, Project, bulk, kept


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "ENOUGH", 0)


def same(a: Any, b: Any) -> None:
    for field in fields(a):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


def fresh_labels(project: Project) -> bulk.LabelArrays:
    with project._db.read() as connection:
        return bulk.label_arrays(connection, len(project.skeleton))


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    reads: list[Any] = []
    whole, run = bulk.label_arrays, bulk.prediction_arrays

    def labels(connection: Any, count: int, on: Any = None) -> Any:
        reads.append("all labels" if on is None else sorted(on))
        return whole(connection, count, on)

    def predictions(*arguments: Any) -> Any:
        reads.append("predictions")
        return run(*arguments)

    monkeypatch.setattr(bulk, "label_arrays", labels)
    monkeypatch.setattr(bulk, "prediction_arrays", predictions)
    return reads


def move(project: Project, person: int, edit: str) -> None:
    head = project.skeleton.joints[0]
    base = project.person(person).revision
    project.save(person, base=base, author="anna", edit_id=edit, joints={head: (len(edit), base, 2)})


def test_only_what_changed_is_read_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = count_reads(monkeypatch)
    project.label_arrays()
    project.label_arrays()
    assert reads == ["all labels"]
    move(project, LABELLED, "e1")
    found = project.label_arrays()
    assert reads == ["all labels", [project.person(LABELLED).image_id]]
    same(found, fresh_labels(project))


def test_another_process_finds_them_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_project(tmp_path) as project:
        image = project.person(LABELLED).image_id
        project.add_predictions("m", "1", "h", {image: [PredictedPerson((1, 2, 3, 4), 0.5, {}, LABELLED)]})
        before = project.label_arrays(), project.prediction_arrays("m", "1", "h")
        move(project, FULL, "e1")
    reads = count_reads(monkeypatch)
    with Project.open(tmp_path / "p") as project:
        same(project.prediction_arrays("m", "1", "h"), before[1])
        same(project.label_arrays(), fresh_labels(project))
        assert reads[:1] == [[project.person(FULL).image_id]], "the one image that changed"
        project.add_predictions("m", "1", "h", {image: []})
        assert not len(project.prediction_arrays("m", "1", "h").image)
        assert "predictions" in reads


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes | None) -> None:
    with make_project(tmp_path) as project:
        whole = project.label_arrays()
    file = tmp_path / "p" / "cache" / "arrays" / "labels.npz"
    file.write_bytes(file.read_bytes()[:-40] if content is None else content)
    with Project.open(tmp_path / "p") as project:
        same(project.label_arrays(), whole)
    with np.load(file) as columns:
        assert columns["image"].tolist() == whole.image.tolist()


def test_the_file_of_another_project_is_not_taken(tmp_path: Path) -> None:
    with make_project(tmp_path) as project:
        move(project, LABELLED, "e1")
        project.label_arrays()
    (tmp_path / "other").mkdir()
    with make_project(tmp_path / "other") as other:
        folder = other.path / "cache" / "arrays"
        folder.mkdir(parents=True)
        (folder / "labels.npz").write_bytes((tmp_path / "p" / "cache" / "arrays" / "labels.npz").read_bytes())
        same(other.label_arrays(), fresh_labels(other))


def test_a_folder_that_cannot_be_written_is_no_hindrance(project: Project) -> None:
    (project.path / "cache").write_text("a file stands where the folder should")
    same(project.label_arrays(), fresh_labels(project))


STEPS = st.lists(
    st.tuples(st.sampled_from(["move", "delete", "restore", "add", "predict", "look", "reopen"]), st.integers(0, 2))
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_happens_they_are_what_the_store_holds(tmp_path_factory: pytest.TempPathFactory, steps: Any) -> None:
    folder = tmp_path_factory.mktemp("kept")
    project = make_project(folder)
    people = [LABELLED, FULL, EMPTY]
    for number, (step, which) in enumerate(steps):
        person, edit = people[which], f"edit {number}"
        base = project.person(person).revision
        if step == "move" and not project.person(person).deleted:
            move(project, person, edit)
        elif step in ("delete", "restore"):
            project.save(person, base=base, author="anna", edit_id=edit, deleted=step == "delete")
        elif step == "add":
            head = project.skeleton.joints[0]
            image = project.person(person).image_id
            people.append(
                project.add_person(image, box=(1, 2, 3, 4), author="b", edit_id=edit, joints={head: (3, 3, 2)}).id
            )
        elif step == "predict" and not project.person(person).deleted:
            guess = PredictedPerson((1, 2, 3, 4), 0.5, {project.skeleton.joints[1]: (5, 6, 0.5)}, person)
            project.add_predictions("m", "1", "h", {project.person(person).image_id: [guess]})
        elif step == "look":
            project.label_arrays()
        elif step == "reopen":
            project.close()
            project = Project.open(folder / "p")
        people = people[-6:]
    same(project.label_arrays(), fresh_labels(project))
    project.close()
