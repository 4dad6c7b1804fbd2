from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labeltool.coco.document import CocoDocument
from labeltool.errors import ModelError
from labeltool.geometry import FloatArray
from labeltool.models.base import Poses
from labeltool.prefill import prefill
from labeltool.project import Project
from labeltool.project.config import DEFAULT_BLIND_SHARE
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, Skeleton, define

COUNT = 10


class Middle:
    """Puts every joint in the middle of its box; optionally fails after some photos, or finds people at fixed places."""

    name, version, weights_hash = "middle", "1", "abc"

    def __init__(
        self, skeleton: Skeleton = LSP_14, found: list[list[float]] | None = None, fail_after: int = 10**6
    ) -> None:
        self.skeleton = skeleton
        self.detects = found is not None
        self.found = found
        self.fail_after = fail_after
        self.batches: list[int] = []

    def predict(self, images: Sequence[np.ndarray], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        if sum(self.batches) + len(images) > self.fail_after:
            raise KeyboardInterrupt
        self.batches.append(len(images))
        answers = []
        for image, given in zip(images, boxes, strict=True):
            assert image.dtype == np.uint8 and image.shape[2] == 3
            b = np.array(
                self.found if self.found is not None else given if given is not None else [[0, 0, 50, 40]], float
            )
            xy = np.repeat((b[:, :2] + b[:, 2:] / 2)[:, None], len(self.skeleton), axis=1)
            scores = np.linspace(0.9, 0.3, len(b))
            answers.append(Poses(b, xy, np.full(xy.shape[:2], 0.7), scores))
        return answers


class Bar:
    def __init__(self, total: int) -> None:
        self.total, self.n, self.closed = total, 0, False

    def update(self, n: int, /) -> None:
        self.n += n

    def close(self) -> None:
        self.closed = True


def make(
    tmp_path: Path, skeleton: Skeleton = LSP_14, people: bool = True, blind_share: float = DEFAULT_BLIND_SHARE
) -> Project:
    photos = tmp_path / "photos"
    photos.mkdir(exist_ok=True)
    annotations: list[dict[str, Any]] = []
    for n in range(1, COUNT + 1):
        Image.new("RGB", (50, 40), (n, n, n)).save(photos / f"{n}.png")
        labelled = n == 1
        keypoints = [7, 8, 2] * len(skeleton) if labelled else [0, 0, 0] * len(skeleton)
        annotations.append(
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "bbox": [4, 4, 20, 30],
                "area": 300,
                "iscrowd": 0,
                "num_keypoints": len(skeleton) * labelled,
                "keypoints": keypoints,
                "segmentation": [],
            }
        )
    document = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 50, "height": 40} for n in range(1, COUNT + 1)],
        "annotations": annotations if people else [],
        "categories": [skeleton.to_category()],
    }
    return Project.create(tmp_path / "p", CocoDocument(document, "made"), photos, skeleton, blind_share=blind_share)


def test_people_without_labels_are_filled_and_labels_stay(tmp_path: Path) -> None:
    bars: list[Bar] = []

    def bar(total: int) -> Bar:
        bars.append(Bar(total))
        return bars[-1]

    with make(tmp_path) as project:
        before = project.people(1)[0]
        report = prefill(project, Middle(), batch=3, progress=bar)
        assert (report.images, report.people, report.filled, report.proposed) == (COUNT, COUNT, COUNT - 1, 0)
        assert project.people(1)[0] == before
        person = project.people(2)[0]
        assert {(j.x, j.y, j.v, j.source) for j in person.joints.values()} == {(14.0, 19.0, 2, "predicted")}
        assert project.image(2).status == "prefilled"
        assert (bars[0].total, bars[0].n, bars[0].closed) == (COUNT, COUNT, True)
        assert len(list(project.predictions(image_id=1))) == 1, "kept for the audit"


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_stopped_run_goes_on_behind_its_last_batch(tmp_path: Path, batch: int) -> None:
    with make(tmp_path) as project:
        if batch < COUNT:
            with pytest.raises(KeyboardInterrupt):
                prefill(project, Middle(fail_after=4), batch=batch)
        done = len(project.predicted_images("middle", "1", "abc"))
        assert done == (0 if batch == 100 else 4 // batch * batch)
        model = Middle()
        report = prefill(project, model, batch=batch)
        assert (report.before, report.images) == (done, COUNT - done)
        assert all(p.joints["neck"].source == "predicted" for n in range(2, COUNT + 1) for p in project.people(n))
        again = Middle()
        assert prefill(project, again, batch=batch).images == 0
        assert again.batches == []


def test_broken_photos_are_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    with make(tmp_path) as project:
        (tmp_path / "photos" / "3.png").unlink()
        (tmp_path / "photos" / "4.png").write_bytes(b"")
        report = prefill(project, Middle(), batch=2)
        assert report.images == COUNT - 2
        assert len(report.problems) == 2
        assert "3.png: no such photo" in report.problems[0] and "0 bytes" in report.problems[1]
        assert project.predicted_images("middle", "1", "abc") == set(range(1, COUNT + 1)) - {3, 4}


def test_photos_without_people(tmp_path: Path) -> None:
    with make(tmp_path, people=False) as project:
        report = prefill(project, Middle())
        assert (report.images, report.without_boxes) == (0, COUNT)
        report = prefill(project, Middle(), boxes="image")
        assert (report.images, report.proposed) == (COUNT, COUNT)
        assert project.people(1)[0].box == (0, 0, 50, 40)
        assert project.people(1)[0].origin == "model"


def test_a_detector_meets_the_people_that_are_there(tmp_path: Path) -> None:
    found = [[30, 10, 18, 28], [5, 5, 20, 30], [40, 0, 8, 8]]
    with make(tmp_path) as project:
        report = prefill(project, Middle(found=found))
        assert report.filled == COUNT - 1
        people = project.people(2)
        assert people[0].box == (4, 4, 20, 30), "the box is the project's own"
        assert people[0].joints["neck"].x == 15
        assert [p.box for p in people[1:]] == [(30, 10, 18, 28)], "the unsure detection is not proposed"
        assert len(list(project.predictions(image_id=2))) == 3
        assert len(project.people(1)) == 1, "a photo with human labels gets no new people"


def test_the_score_to_propose_somebody_from_can_be_asked_for(tmp_path: Path) -> None:
    found = [[30, 10, 18, 28], [40, 0, 8, 8]]  # of scores 0.9 and 0.3
    for score, proposed in ((0.3, found), (0.31, found[:1]), (0.91, [])):
        folder = tmp_path / str(score)
        folder.mkdir()
        with make(folder, people=False) as project:
            prefill(project, Middle(found=found), propose_from=score)
            assert [list(p.box or ()) for p in project.people(1)] == proposed


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_what_is_no_score_to_propose_from_is_refused(tmp_path: Path, score: float) -> None:
    with make(tmp_path, people=False) as project:
        with pytest.raises(ModelError, match=r"propose from .*: no score, expected a number from 0 to 1"):
            prefill(project, Middle(found=[[30, 10, 18, 28]]), propose_from=score)
        assert project.people(1) == []


def test_joints_are_brought_to_the_projects_skeleton_by_name(tmp_path: Path) -> None:
    with make(tmp_path, skeleton=COCO_17) as project:
        prefill(project, Middle(skeleton=LSP_14))
        joints = project.people(2)[0].joints
        assert joints["left_wrist"].v == 2
        assert joints["nose"].v == 0
        prediction = next(iter(project.predictions(image_id=2)))
        assert "nose" not in prediction.joints and "neck" not in prediction.joints


def test_a_model_of_none_of_the_projects_joints_is_refused(tmp_path: Path) -> None:
    with make(tmp_path, skeleton=define("dog", ["withers", "left_fore_paw"]), people=False) as project:
        with pytest.raises(ModelError, match="predicts lsp-14, expected a model of some of the joints of dog"):
            prefill(project, Middle(), boxes="image")
        assert project.images()[0].status == "unlabelled"


def test_mpii_gets_its_neck_and_head_and_nobody_invents_a_pelvis(tmp_path: Path) -> None:
    with make(tmp_path, skeleton=MPII_16) as project:
        prefill(project, Middle(skeleton=LSP_14))
        joints = project.people(2)[0].joints
        filled = {name for name, joint in joints.items() if joint.source == "predicted"}
        assert filled == set(MPII_16.joints) - {"pelvis", "thorax"}
        assert (joints["upper_neck"].x, joints["head_top"].x) == (14, 14)
        for name in ("pelvis", "thorax"):
            assert joints[name].v == 0
        assert set(next(iter(project.predictions(image_id=2))).joints) == filled


@pytest.mark.parametrize(("skeleton", "absent"), [(COCO_17, 5), (MPII_16, 2)])
def test_joints_that_the_model_does_not_know_stay_unlabelled(tmp_path: Path, skeleton: Skeleton, absent: int) -> None:
    with make(tmp_path, skeleton=skeleton) as project:
        prefill(project, Middle(skeleton=LSP_14))
        person = project.people(2)[0]
        for joint in person.joints.values():
            assert (joint.v == 0) == (joint.source != "predicted")
        assert sum(joint.v == 0 for joint in person.joints.values()) == absent


def test_blind_people_are_predicted_and_not_filled(tmp_path: Path) -> None:
    with make(tmp_path, blind_share=0.5) as project:
        blind = {p.id for n in range(1, COUNT + 1) for p in project.people(n) if p.blind}
        with pytest.raises(KeyboardInterrupt):
            prefill(project, Middle(fail_after=4), batch=2)
        first = prefill(project, Middle(), batch=3)
        assert first.before == 4
        again = prefill(project, Middle(), batch=3)
        assert (again.images, again.before, again.blind) == (0, COUNT, 0)
        filled = {
            p.id for n in range(1, COUNT + 1) for p in project.people(n) if p.joints["neck"].source == "predicted"
        }
        labelled = project.people(1)[0].id
        assert labelled not in blind
        assert filled == set(range(1, COUNT + 1)) - blind - {labelled}
        assert {p.person_id for p in project.predictions()} == set(range(1, COUNT + 1)), "the audit has everybody"
        assert {n for n in range(1, COUNT + 1) if project.image(n).status == "unlabelled"} == {
            project.person(person).image_id for person in blind
        }


def test_the_report_counts_blind_people(tmp_path: Path) -> None:
    with make(tmp_path, blind_share=1.0) as project:
        report = prefill(project, Middle())
        assert (report.people, report.filled, report.blind) == (COUNT, 0, COUNT - 1)
        assert project.counts().blind == COUNT - 1
