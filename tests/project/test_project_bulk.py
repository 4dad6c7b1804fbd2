from __future__ import annotations

import numpy as np
from project_samples import FULL, LABELLED

from labeltool.project import PredictedPerson, Project


def test_arrays_hold_what_the_people_hold(project: Project) -> None:
    labelled = {p.id: p for p in project.labelled_people()}
    table = project.label_arrays()
    assert set(table.image.tolist()) == {p.image_id for p in labelled.values()}
    everybody = [p for image in sorted(set(table.image.tolist())) for p in project.people(image)]
    assert table.person.tolist() == [p.id for p in everybody], "crowds and people without labels are there"
    assert table.crowd.tolist() == [p.crowd for p in everybody]
    assert table.annotation.tolist() == [p.annotation_id for p in everybody]
    for row, person in enumerate(everybody):
        if person.id in labelled:
            assert table.keypoints[row].ravel().tolist() == list(labelled[person.id].keypoints)
        if person.box is None:
            assert np.isnan(table.box[row]).all()
        else:
            assert tuple(table.box[row]) == person.box
        assert np.isnan(table.area[row]) if person.area is None else table.area[row] == person.area
        assert table.area_source[row] == person.area_source


def test_a_removed_joint_and_a_deleted_person_are_no_labels(project: Project) -> None:
    name = project.skeleton.joints[0]
    project.save(LABELLED, base=0, author="anna", edit_id="e1", joints={name: (0, 0, 0)})
    project.save(FULL, base=0, author="anna", edit_id="e2", deleted=True)
    table = project.label_arrays()
    assert FULL not in table.person
    assert not table.keypoints[table.person.tolist().index(LABELLED), 0].any()


def test_predictions_as_arrays(project: Project) -> None:
    person = project.person(LABELLED)
    first, second = project.skeleton.joints[:2]
    guess = PredictedPerson((1, 2, 3, 4), 0.75, {first: (5, 6.5, 0.25)}, LABELLED)
    stray = PredictedPerson((1, 2, 3, 4), 0.5, {second: (7, 8, 1)})
    project.add_predictions("m", "1", "h", {person.image_id: [guess, stray]})
    table = project.prediction_arrays("m", "1", "h")
    assert table.image.tolist() == [person.image_id] * 2 and table.person.tolist() == [LABELLED, -1]
    assert table.score.tolist() == [0.75, 0.5]
    assert table.joints[0, 0].tolist() == [5, 6.5, 0.25] and np.isnan(table.joints[0, 1:]).all()
    nothing = project.prediction_arrays("other", "1", "h")
    assert nothing.joints.shape == (0, len(project.skeleton), 3)


def test_the_mark_changes_with_every_change(project: Project) -> None:
    marks = [project.mark()]
    project.save(LABELLED, base=0, author="anna", edit_id="e1", joints={project.skeleton.joints[0]: (1, 1, 2)})
    marks.append(project.mark())
    image = project.person(LABELLED).image_id
    project.set_status(image, "skipped", "anna", "blurred")
    marks.append(project.mark())
    project.add_predictions("m", "1", "h", {image: []})
    marks.append(project.mark())
    assert len(set(marks)) == 4 and project.mark() == marks[-1]
