"""A project of the sample figures in which two made-up models have spoken, for the tests of studies and reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labeltool.demo import sample_data
from labeltool.formats.coco import read_coco
from labeltool.project import PredictedPerson, Project
from labeltool.skeleton import LSP_14

#: Pixels by which each model is off, as a share of the person's box.
NOISE = {"fine": 0.01, "rough": 0.06}


def guesses(project: Project, noise: float, seed: int) -> dict[int, list[PredictedPerson]]:
    """A guess at everybody who is labelled: the label moved by chance; surer where it is nearer."""
    rng = np.random.default_rng(seed)
    found: dict[int, list[PredictedPerson]] = {image.id: [] for image in project.images()}
    for person in project.labelled_people():
        assert person.box is not None
        size = max(person.box[2:])
        xyv = np.array(person.keypoints).reshape(-1, 3)
        off = rng.normal(0, noise * size, (len(xyv), 2))
        sure = np.clip(1 - np.hypot(*off.T) / size * 4, 0, 1)
        joints = {
            name: (float(x), float(y), float(c))
            for name, (x, y), v, c in zip(LSP_14.joints, xyv[:, :2] + off, xyv[:, 2], sure, strict=True)
            if v
        }
        found[person.image_id].append(PredictedPerson(person.box, float(sure.mean()), joints, person.id))
    return found


def figures_project(folder: Path) -> Project:
    """The sample figures with all their labels, and the words of `fine` and `rough`, both version 1; open."""
    data = sample_data()
    imported = read_coco(data / "images", data / "truth.json", LSP_14)
    project = Project.create(folder / "p", imported.document, imported.image_root, LSP_14, name="figures")
    for seed, (model, noise) in enumerate(NOISE.items()):
        project.add_predictions(model, "1", f"{seed}" * 64, guesses(project, noise, seed))
    return project
