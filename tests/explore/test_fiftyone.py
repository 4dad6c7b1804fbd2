"""The real FiftyOne with its database: what is built, what comes back."""

from __future__ import annotations

import json
import math
import socket
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from study_samples import figures_project, guesses

from labeltool.coco.document import CocoDocument
from labeltool.demo import sample_data
from labeltool.errors import ExploreError
from labeltool.explore import engine
from labeltool.explore.dataset import build
from labeltool.explore.reading import read_fiftyone
from labeltool.explore.tags import sync
from labeltool.formats.coco import read_coco
from labeltool.project import Project
from labeltool.skeleton import COCO_17, LSP_14

# of libraries that FiftyOne imports as it goes
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

Run = Callable[..., tuple[int, str, str]]


def keypoints_of(point_list: Any, visible: Any, width: int, height: int) -> np.ndarray[Any, Any]:
    """By FiftyOne's own rule (utils/coco.py), without its rounding down."""
    rows = [
        (0, 0, v) if math.isnan(x) else (x * width, y * height, v)
        for (x, y), v in zip(point_list, visible, strict=True)
    ]
    return np.array(rows, dtype=float)


def test_the_data_set_holds_the_labels_and_what_the_audit_says(fo: ModuleType, figures: Project) -> None:
    built = build(figures, model="rough")
    dataset = fo.load_dataset("figures")
    assert dataset.persistent
    assert (built.photos, built.new, built.model) == (len(figures.images()), len(figures.images()), "rough@1")
    assert dataset.default_skeleton.labels == list(LSP_14.joints)
    assert [tuple(edge) for edge in dataset.default_skeleton.edges] == LSP_14.limb_indices()

    labels = {person.id: person for person in figures.labelled_people()}
    predictions = {p.person_id: p for p in figures.predictions(model="rough")}
    found, hidden, oks = set(), 0, []
    for sample in dataset:
        image = figures.image(sample.image_id)
        size = image.width, image.height
        assert (sample.status, sample.file_name) == (image.status, image.file_name)
        assert Path(sample.filepath) == figures.photo_path(image)
        for point in sample.ground_truth.keypoints:
            label = labels[point.person]
            expected = np.array(label.keypoints, dtype=float).reshape(-1, 3)
            back = keypoints_of(point.points, point.visible, *size)
            assert np.abs(back[:, :2] - expected[:, :2]).max() < 1e-6
            assert back[:, 2].tolist() == expected[:, 2].tolist()
            hidden += point.visible.count(1)
            found.add(point.person)
            oks.append(point.oks)
        for guess in sample.predictions.keypoints:
            said = predictions[guess.person].joints
            for joint, (x, y), sure in zip(LSP_14.joints, guess.points, guess.confidence, strict=True):
                assert (joint in said) == (not math.isnan(x)) == (not math.isnan(sure))
                if joint in said:
                    assert (x * size[0], y * size[1], sure) == pytest.approx(said[joint], abs=1e-6)
        assert sample.worst_oks == min((point.oks for point in sample.ground_truth.keypoints), default=None)
    assert found == set(labels)
    assert hidden > 0
    assert 0.1 < min(oks) < max(oks) <= 1
    kinds = dataset.distinct("ground_truth.keypoints.errors")
    assert set(kinds) <= {"jitter", "inversion", "swap", "miss"}
    assert kinds == dataset.distinct("predictions.keypoints.errors")
    crowd = dataset.count("boxes.detections")
    assert crowd >= len(labels)


def test_a_refresh_follows_the_project_and_keeps_what_is_the_users(fo: ModuleType, figures: Project) -> None:
    dataset = build(figures, model="rough").dataset
    first = dataset.first()
    first.tags, first["mine"] = ["look"], 7
    label = first.ground_truth.keypoints[0]
    label.tags = ["wrong"]
    first.save()
    person = figures.person(label.person)
    figures.save(person.id, base=person.revision, author="anna", edit_id="1", joints={"neck": (12.25, 34.5, 1)})

    again = build(figures, model="fine")
    assert (again.new, len(dataset)) == (0, again.photos)
    dataset.reload()
    after = dataset[first.id]
    assert (after.tags, after.mine) == (["look"], 7)
    moved = next(p for p in after.ground_truth.keypoints if p.person == person.id)
    assert (moved.id, moved.tags, moved.revision) == (label.id, ["wrong"], person.revision + 1)
    image = figures.image(person.image_id)
    x, y = moved.points[LSP_14.index("neck")]
    assert (x * image.width, y * image.height) == pytest.approx((12.25, 34.5), abs=1e-6)
    assert moved.visible[LSP_14.index("neck")] == 1
    assert moved.help == "none"
    assert dataset.info["labeltool"]["model"] == "fine@1"


def test_tags_come_back_as_marks_until_they_are_settled(fo: ModuleType, figures: Project) -> None:
    dataset = build(figures, model="rough").dataset
    # not every photo has people
    first, second, *_ = (sample for sample in dataset if sample.ground_truth.keypoints)
    first.tags.append("blurry")
    first.save()
    person = second.ground_truth.keypoints[0].person
    view = dataset.select_labels(ids=[second.ground_truth.keypoints[0].id], fields="ground_truth")
    view.tag_labels("wrong")
    (guess,) = [one for one in second.predictions.keypoints if one.person == person]
    dataset.select_labels(ids=[guess.id], fields="predictions").tag_labels("wrong")

    assert sync(figures).open == {"blurry": (1, 0), "wrong": (1, 1)}
    assert figures.queue(mark="fiftyone:blurry").ids == [first.image_id]
    assert figures.queue(mark="fiftyone:wrong").ids == [second.image_id]
    (mark,) = figures.marks(second.image_id)
    assert (mark.kind, mark.person_id, mark.source) == ("wrong", person, "fiftyone")

    before = figures.person(person)
    figures.save(person, base=before.revision, author="anna", edit_id="1", joints={"neck": (12, 34, 2)})
    assert figures.queue(mark="fiftyone:wrong").ids == []
    again = sync(figures)
    assert (again.open, again.settled) == ({"blurry": (1, 0)}, 2)
    build(figures, model="rough")
    assert sync(figures).open == {"blurry": (1, 0)}
    assert dataset[second.id].ground_truth.keypoints[0].tags == ["wrong (settled)"]

    view.tag_labels("wrong")
    dataset.untag_samples("blurry")
    assert sync(figures).open == {"wrong": (1, 1)}
    assert figures.queue(mark="fiftyone").ids == [second.image_id]


def test_a_data_set_becomes_the_labels_of_a_project(fo: ModuleType, figures: Project, tmp_path: Path, run: Run) -> None:
    build(figures, "from here", model="rough")
    bare = read_coco(sample_data() / "images", sample_data() / "truth.json", LSP_14)
    bare.document.data["annotations"] = []
    with Project.create(tmp_path / "bare", bare.document, bare.image_root, LSP_14) as project:
        path = project.path
    status, out, _ = run("import", path, "--from-fiftyone", "from here")
    assert status == 0, out
    expected = {person.annotation_id: person for person in figures.labelled_people()}
    with Project.open(path) as project:
        found = {person.annotation_id: person for person in project.labelled_people()}
        assert set(found) == set(expected)
        for number, person in found.items():
            assert np.array(person.keypoints) == pytest.approx(np.array(expected[number].keypoints), abs=1e-6)
            assert person.keypoints[2::3] == expected[number].keypoints[2::3]
            assert person.box == pytest.approx(expected[number].box, abs=1e-6)
            assert person.area == pytest.approx(expected[number].area)
    assert run("import", path, "--from-fiftyone", "from here")[1].count("0 people added") == 1


def test_what_fiftyone_read_from_a_coco_file_comes_out_as_the_file_has_it(fo: ModuleType, tmp_path: Path) -> None:
    """FiftyOne's own reader, other joints in another order, a field of its own name, boxes of other things."""
    photos = tmp_path / "photos"
    photos.mkdir()
    imported = read_coco(sample_data() / "images", sample_data() / "truth.json", LSP_14)
    images = imported.document.images[:5]
    ids = {image["id"] for image in images}
    for image in images:
        (photos / image["file_name"]).write_bytes((sample_data() / "images" / image["file_name"]).read_bytes())
    people = [
        dict(a, iscrowd=0) for a in imported.document.annotations if a["image_id"] in ids and not a.get("iscrowd")
    ]
    car = {"id": 9000, "image_id": min(ids), "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    categories = [LSP_14.to_category(), {"id": 3, "name": "car"}]
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"images": images, "annotations": [*people, car], "categories": categories}))
    dataset = fo.Dataset.from_dir(
        dataset_type=fo.types.COCODetectionDataset,
        data_path=str(photos),
        labels_path=str(file),
        label_types=["detections", "keypoints"],
        include_annotation_id=True,
        name="theirs",
    )
    dataset.default_skeleton = fo.KeypointSkeleton(labels=list(LSP_14.joints), edges=[[0, 1]])
    dataset.save()
    read = read_fiftyone("theirs", photos, LSP_14)
    expected = {a["id"]: a for a in people}
    assert {a["id"] for a in read.document.annotations} == set(expected)
    for one in read.document.annotations:
        mine = expected[one["id"]]
        plain = np.array(mine["keypoints"], dtype=float).reshape(-1, 3)
        plain[plain[:, 2] == 0] = 0
        assert np.array(one["keypoints"]) == pytest.approx(plain.ravel(), abs=1e-6)
        assert one["keypoints"][2::3] == mine["keypoints"][2::3]
        assert one["bbox"] == pytest.approx(mine["bbox"], abs=1e-6)

    by_name = read_fiftyone("theirs", photos, COCO_17)
    assert "2 joints that the project lacks left out: neck, head_top" in by_name.notes
    for one, other in zip(by_name.document.annotations, read.document.annotations, strict=True):
        elbow, place = COCO_17.index("left_elbow"), LSP_14.index("left_elbow")
        assert one["keypoints"][3 * elbow : 3 * elbow + 3] == other["keypoints"][3 * place : 3 * place + 3]
        assert one["keypoints"][:3] == [0, 0, 0]


def test_the_commands(fo: ModuleType, tmp_path: Path, run: Run) -> None:
    with figures_project(tmp_path) as project:
        path, people = project.path, len(list(project.labelled_people()))
    status, out, _ = run("explore", path, "--no-launch", "--name", "mine", "--model", "fine@1")
    assert status == 0
    assert f"{people} labelled people, {people} of them measured; " in out
    assert out.rstrip().endswith("of fine@1")
    fo.load_dataset("mine").match(fo.ViewField("image_id") == 1).tag_samples("odd one")
    assert run("explore", path, "--sync", "--name", "mine")[:2] == (
        0,
        "fiftyone:odd one: 1 photo in the queue, 0 people marked\n",
    )
    assert run("explore", path, "--sync")[2] == (
        f"labeltool: FiftyOne has no data set 'figures': labeltool explore {path} builds it\n"
    )
    fo.Dataset("figures", persistent=True)
    assert run("explore", path, "--no-launch") == (
        1,
        "",
        "labeltool: FiftyOne's data set 'figures' was not made by labeltool, expected another --name\n",
    )
    status, _, error = run("import", path, "--from-fiftyone", "nothing")
    assert (status, error) == (1, "labeltool: FiftyOne has no data set 'nothing', it has figures, mine\n")
    status, _, error = run("import", path, "--from-fiftyone", "figures")
    assert (status, error) == (1, "labeltool: FiftyOne 'figures': no field of keypoints\n")


def test_a_project_without_a_model_is_shown_too(fo: ModuleType, tmp_path: Path) -> None:
    imported = read_coco(sample_data() / "images", sample_data() / "truth.json", LSP_14)
    document = CocoDocument(imported.document.data, "here")
    with Project.create(tmp_path / "plain", document, imported.image_root, LSP_14) as project:
        built = build(project)
        assert (built.model, built.guesses, built.measured) == ("", 0, 0)
        assert built.dataset.count("ground_truth.keypoints") == built.people > 0
        assert built.dataset.bounds("worst_oks") == (None, None)
        project.add_predictions("late", "1", "c" * 64, guesses(project, 0.02, 1))
        assert build(project).measured == built.people


def test_without_mongod_there_is_one_line(
    fo: ModuleType, figures: Project, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    import fiftyone.constants
    import fiftyone.core.odm.database as database
    import fiftyone.core.service as service

    monkeypatch.delenv("FIFTYONE_PRIVATE_DATABASE_PORT", raising=False)
    monkeypatch.setattr(database, "_client", None)
    monkeypatch.setattr(database, "_db_service", None)
    monkeypatch.setattr(service.DatabaseService, "service_name", "none-that-runs")
    monkeypatch.setattr(fiftyone.constants, "FIFTYONE_DB_BIN_DIR", "/nowhere")
    status, out, error = run("explore", figures.path, "--no-launch")
    assert (status, out) == (1, "")
    assert error == f"labeltool: {engine.NO_DATABASE}\n"


def test_the_app_is_there_and_tracks_nobody(fo: ModuleType, figures: Project) -> None:
    """FiftyOne's own server, in this process: a process of its own takes it most of a minute on a busy machine."""
    from fiftyone.server.app import app
    from starlette.testclient import TestClient

    build(figures, model="rough")
    query = '{ doNotTrack datasets(first: 5, search: "figures") { edges { node { name } } } }'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = TestClient(app)
        assert "FiftyOne" in client.get("/").text
        answer = client.post("/graphql", json={"query": query}).json()
    assert answer == {"data": {"doNotTrack": True, "datasets": {"edges": [{"node": {"name": "figures"}}]}}}


def test_launch_serves_this_machine_alone_and_ends_with_the_block(
    fo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    class Session:
        url = "http://localhost:5199/"

        def close(self) -> None:
            told.append("closed")

    def launch_app(dataset: Any, **options: Any) -> Session:
        told.append((dataset, options))
        return Session()

    monkeypatch.setattr(fo, "launch_app", launch_app)
    with engine.launch("the data set", 5199) as address:
        assert address == "http://127.0.0.1:5199/"
        assert told == [("the data set", {"port": 5199, "address": "127.0.0.1"})]
    assert told[1:] == ["closed"]

    def slow(dataset: Any, **options: Any) -> Session:
        raise fo.core.service.ServiceListenTimeout("the server", 5199)

    monkeypatch.setattr(fo, "launch_app", slow)
    with pytest.raises(ExploreError, match=r"^FiftyOne's App does not start on port 5199: .*; try again$"):
        with engine.launch("the data set", 5199):
            pass


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ExploreError, match=f"^port {port}: Address already in use, expected a free one: --port$"):
            with engine.launch("the data set", port):
                pass
