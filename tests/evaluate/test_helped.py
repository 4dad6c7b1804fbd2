"""The help of a model, measured in a project: blind people beside those who began with its joints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeltool.coco.document import CocoDocument
from labeltool.evaluate import Choices, format_help, help_json, measure_help, read_project
from labeltool.project import Joint, PredictedPerson, Project
from labeltool.skeleton import LSP_14

PEOPLE = 120
CHOICES = Choices(replicates=100)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person a photo, and a model that is off by 3 pixels in each direction. Blind people are labelled where they are, in 20
    seconds; of an assisted one the labeller moves two joints, in 8 seconds, and leaves the others as the model has them."""
    folder = tmp_path_factory.mktemp("helped")
    (folder / "photos").mkdir()
    box = [20, 20, 60, 80]
    document = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 200, "height": 200} for n in range(1, PEOPLE + 1)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": box, "area": 2500, "iscrowd": 0}
            for n in range(1, PEOPLE + 1)
        ],
        "categories": [LSP_14.to_category()],
    }
    rng = np.random.default_rng(5)
    truth = {name: (30 + 3 * i, 25 + 5 * i) for i, name in enumerate(LSP_14.joints)}
    made = CocoDocument(document, "made")
    with Project.create(folder / "p", made, folder / "photos", LSP_14, blind_share=0.4) as project:
        guesses = {}
        for person in (project.people(n)[0] for n in range(1, PEOPLE + 1)):
            joints = {name: (x + rng.normal(0, 3), y + rng.normal(0, 3), 0.8) for name, (x, y) in truth.items()}
            guesses[person.image_id] = [PredictedPerson((20.0, 20.0, 60.0, 80.0), 0.8, joints, person.id)]
        filled = set(project.add_predictions("toy", "1", "0" * 64, guesses, fill=True).filled)
        for person in (project.people(n)[0] for n in range(1, PEOPLE + 1)):
            names = LSP_14.joints[:2] if person.id in filled else LSP_14.joints
            project.save(
                person.id,
                base=person.revision,
                author="anna",
                edit_id=f"e{person.id}",
                joints={name: (*truth[name], 2) for name in names},
                accept=True,
                active_seconds=8.0 if person.id in filled else 20.0,
            )
    return folder / "p"


def test_the_bias_and_the_time(path: Path) -> None:
    with Project.open(path) as project:
        (subject,) = read_project(project, ["toy"])
        found = measure_help(project, subject, CHOICES)
        blind = project.counts().blind
    assert (found.blind, found.assisted) == (blind, PEOPLE - blind)
    assert 20 < blind < 80  # 48 expected, standard deviation 5.4
    assert found.moved == 2
    assert found.anchoring is not None and found.seconds is not None
    assert found.anchoring.bias.low > 0.05, "twelve of fourteen joints are the model's own: it looks better than it is"
    assert (found.seconds.saved.a, found.seconds.saved.b, found.seconds.saved.value) == (20, 8, 12)
    text = format_help(found)
    assert (
        f"{PEOPLE - blind} people began with this model's joints, {blind} were labelled blind; 2.0 joints moved" in text
    )
    assert "seconds a person       8.0   20.0       -12.0" in text
    assert json.loads(json.dumps(help_json(found)))["seconds"]["difference"] == 12


def test_another_models_people_are_in_neither_group(path: Path, tmp_path: Path) -> None:
    with Project.open(shutil.copytree(path, tmp_path / "p")) as project:
        guess = next(project.predictions(image_id=1))
        assert guess.person_id is not None
        everybody = {n: [PredictedPerson(guess.box, 0.5, guess.joints, n)] for n in range(1, PEOPLE + 1)}
        project.add_predictions("other", "1", "1" * 64, everybody)
        (subject,) = read_project(project, ["other"])
        found = measure_help(project, subject, CHOICES)
    assert found.assisted == 0 and found.blind > 0
    assert found.anchoring is None and found.seconds is None
    assert "each group needs 5 photos" in format_help(found)
    assert help_json(found)["anchoring"] is None


def test_the_command_prints_it(path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = run("audit", path, "--model", "toy", "--replicates", 50)
    assert status == 0
    assert "were labelled blind; 2.0 joints moved a person" in out
    status, out, _ = run("audit", path, "--model", "toy", "--replicates", 50, "--json")
    data: dict[str, Any] = json.loads(out)
    assert data["help"]["joints_moved"] == 2


def test_a_person_drawn_after_the_run_is_no_miss(path: Path, tmp_path: Path) -> None:
    with Project.open(shutil.copytree(path, tmp_path / "p")) as project:
        before = measure_help(project, read_project(project, ["toy"])[0], CHOICES)
        joints = {name: Joint(5, 5, 2, "added") for name in LSP_14.joints}
        for n in range(10):
            drawn = project.add_person(1, box=(1, 1, 9, 9), author="anna", edit_id=f"d{n}")
            project.save(drawn.id, base=1, author="anna", edit_id=f"s{n}", joints=joints)
        after = measure_help(project, read_project(project, ["toy"])[0], CHOICES)
    assert (after.blind, after.assisted) == (before.blind, before.assisted)
