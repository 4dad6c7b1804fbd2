"""The model in the loop: `predict`, the list of models, blind people, and what a server without models says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_samples import ORIGIN, PHOTOS, TOKEN, make_project
from starlette.testclient import TestClient

from labeltool.errors import ModelError, PhotoError
from labeltool.geometry import FloatArray
from labeltool.models.base import PoseModel, Poses
from labeltool.models.catalog import ModelInfo, catalog
from labeltool.project import Project
from labeltool.server import predicting
from labeltool.server.app import create_api
from labeltool.server.predicting import Models, PhotosInMemory
from labeltool.skeleton import COCO_17, LSP_14, Skeleton, define

BOX = [8, 4, 24, 20]
#: A place that stands nowhere else in what a page gets.
ODD = 12.3456789


class Toy:
    """A model whose every joint lies at (ODD, ODD + its number), with the boxes it was asked about."""

    version, weights_hash = "7", "f" * 64

    def __init__(self, name: str = "toy", skeleton: Skeleton = COCO_17, found: list[list[float]] | None = None) -> None:
        self.name, self.skeleton, self.found = name, skeleton, found
        self.detects = found is not None
        self.asked: list[Any] = []
        self.inside = self.most_inside = 0

    def predict(self, images: Sequence[np.ndarray], boxes: Sequence[FloatArray | None]) -> list[Poses]:
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        time.sleep(0.01)
        (image,), (given,) = images, boxes
        self.asked.append((image.shape, None if given is None else given.tolist()))
        rows = np.array(self.found if given is None else given, dtype=np.float64).reshape(-1, 4)
        xy = np.full((len(rows), len(self.skeleton), 2), ODD) + np.arange(len(self.skeleton))[None, :, None] * [0, 1]
        self.inside -= 1
        return [Poses(rows, xy, np.full(xy.shape[:2], 0.7654321), np.full(len(rows), 0.9))]


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Toy]:
    """The models that there are: `toy`, the default, and some more; each is made when it is loaded."""
    made: dict[str, Toy] = {}

    def offer(name: str, **options: Any) -> ModelInfo:
        def load(_weights: Path | None, _device: str) -> PoseModel:
            made[name] = Toy(name, **options)
            return made[name]

        return ModelInfo(name, f"the {name}", "coco-17", "found" in options, "none", True, load)

    def broken(_weights: Path | None, _device: str) -> PoseModel:
        raise ModelError("models need the package 'torch', which is not installed: pip install 'labeltool[models]'")

    offers = [
        offer("toy"),
        offer("lsp", skeleton=LSP_14),
        offer("foreign", skeleton=define("hand", ("thumb", "palm"))),
        offer("finder", found=[[0, 0, 5, 5], [9, 5, 23, 20]]),
        offer("loner", found=[]),
        ModelInfo("broken", "needs torch", "coco-17", False, "none", False, broken),
    ]
    table = {info.name: info for info in offers}
    monkeypatch.setattr(predicting, "catalog", lambda: table)
    monkeypatch.setattr(predicting, "default_model", lambda: "toy")
    monkeypatch.setattr(predicting, "load_model", lambda name, weights, device: table[name].load(weights, device))
    return made


def ask(client: TestClient, image: int = 101, **body: Any) -> Any:
    return client.post(f"/api/images/{image}/predict", json={"box": BOX, "person": 4, "model": None, **body})


def test_a_box_is_filled(labeller: TestClient, toys: dict[str, Toy], project_path: Path) -> None:
    before = labeller.get("/api/images/101").json()["people"]
    answer = ask(labeller)
    assert answer.status_code == 200
    data = answer.json()
    assert (data["model"], data["version"]) == ("toy", "7")
    assert data["joints"]["nose"] == {"x": ODD, "y": ODD, "confidence": 0.7654}
    assert list(data["joints"]) == list(COCO_17.joints)
    assert data["seconds"] > 0
    assert toys["toy"].asked == [((30, 40, 3), [BOX])], "the photo upright, and the box that was asked about"
    with Project.open(project_path) as project:
        (stored,) = project.predictions(image_id=101, model="toy", version="7")
        assert (stored.person_id, stored.joints["nose"], stored.weights_hash) == (4, (ODD, ODD, 0.7654321), "f" * 64)
        assert project.predicted_images("toy", "7", "f" * 64) == {101}, "it has spoken about everybody there"
    after = labeller.get("/api/images/101").json()["people"]
    assert [p["revision"] for p in after] == [p["revision"] for p in before]
    assert [{k: j["x"] for k, j in p["joints"].items()} for p in after] == [
        {k: j["x"] for k, j in p["joints"].items()} for p in before
    ], "no joint moves before the labeller's edit"
    assert after[0]["joints"]["nose"]["confidence"] == 0.75, "its joint is still the older model's"


def test_a_second_answer_replaces_the_first(labeller: TestClient, toys: dict[str, Toy], project_path: Path) -> None:
    for x in (8, 9):
        assert ask(labeller, box=[x, 4, 24, 20]).status_code == 200
    with Project.open(project_path) as project:
        assert [p.box for p in project.predictions(image_id=101, model="toy", version="7")] == [(9, 4, 24, 20)]


def test_one_of_many_people_leaves_the_image_to_prefill(
    labeller: TestClient, toys: dict[str, Toy], project_path: Path
) -> None:
    assert ask(labeller, 100, person=1).status_code == 200
    with Project.open(project_path) as project:
        assert project.predicted_images("toy", "7", "f" * 64) == set()
    assert ask(labeller, 100, person=2).status_code == 200
    with Project.open(project_path) as project:
        assert project.predicted_images("toy", "7", "f" * 64) == {100}, "the crowd does not count"


def test_models_by_name(labeller: TestClient, toys: dict[str, Toy]) -> None:
    data = ask(labeller, model="lsp").json()
    assert data["model"] == "lsp"
    assert set(data["joints"]) == set(LSP_14.joints) & set(COCO_17.joints), "what it does not know is not made up"
    assert ask(labeller, model="finder").json()["joints"]["nose"]["x"] == ODD
    assert toys["finder"].asked == [((30, 40, 3), None)]


@pytest.mark.parametrize(
    ("model", "status", "error"),
    [
        ("nobody", 422, "model 'nobody': unknown, expected one of broken, finder, foreign, loner, lsp, toy"),
        ("foreign", 422, "model 'foreign': knows no joint of coco-17, expected some in common"),
        ("loner", 422, "model 'loner': sees nobody in this box, expected an overlap of 0.5 or more"),
        ("broken", 503, "models need the package 'torch', which is not installed: pip install 'labeltool[models]'"),
        ("", 422, "model is '', expected a text of at most 100 signs"),
    ],
)
def test_models_that_cannot_answer(
    labeller: TestClient, toys: dict[str, Toy], model: str, status: int, error: str
) -> None:
    answer = ask(labeller, model=model)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_the_list_of_models(labeller: TestClient, toys: dict[str, Toy]) -> None:
    def listed() -> dict[str, Any]:
        return {m["name"]: m for m in labeller.get("/api/models").json()}

    before = listed()
    assert list(before) == ["toy", "lsp", "foreign", "finder", "loner"], (
        "without weights at hand a model is not offered"
    )
    assert (before["toy"]["version"], before["toy"]["default"], before["toy"]["loaded"]) == (None, True, False)
    assert toys == {}, "nothing is loaded before it is needed"
    ask(labeller)
    assert (listed()["toy"]["version"], listed()["toy"]["loaded"]) == ("7", True)
    ask(labeller, model="lsp")
    ask(labeller, model="finder")
    assert [name for name, model in listed().items() if model["loaded"]] == ["lsp", "finder"], "two stay warm"


@pytest.mark.parametrize(
    ("image", "body", "status", "error"),
    [
        (101, {"box": None}, 422, "predict: box is None, expected [x, y, w, h]"),
        (101, {"box": [1, 2, 0, 4]}, 422, "predict: box is 0 x 4, expected w and h above 0"),
        (101, {"box": [1, 2, 3, 10**400]}, 422, "predict: box h is a number of 401 digits, expected a finite number"),
        (101, {"person": "4"}, 422, "person is '4', expected an integer of at least 0"),
        (101, {"person": 99}, 404, "person 99: no such person in the project"),
        (999, {}, 404, "image 999: no such image in the project"),
        (100, {"person": 4}, 422, "predict: person 4 is no person to fill on image 100"),
        (100, {"person": 3}, 422, "predict: person 3 is no person to fill on image 100"),
        (101, {"person": None}, 409, "predict: person is null, expected a saved person: the id says who is labelled"),
        (101, {"boxes": 1}, 422, "unknown field 'boxes'"),
    ],
)
def test_requests_that_are_refused(
    labeller: TestClient, toys: dict[str, Toy], image: int, body: dict[str, Any], status: int, error: str
) -> None:
    answer = ask(labeller, image, **body)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)
    assert "\n" not in answer.json()["error"]
    assert toys == {}


def test_a_photo_that_cannot_be_read(labeller: TestClient, toys: dict[str, Toy], project_path: Path) -> None:
    with Project.open(project_path) as project:
        made = {
            name: project.add_person(100 + i, box=(1, 1, 9, 9), author="anna", edit_id=f"n{i}").id
            for i, name in enumerate(PHOTOS)
            if name in ("cut.jpg", "missing.jpg")
        }
        root = str(project.config.image_root)
    for name, person in made.items():
        answer = ask(labeller, 100 + PHOTOS.index(name), person=person)
        assert answer.status_code == 422
        assert name in answer.json()["error"] and root not in answer.json()["error"]


def test_a_server_without_models(project_path: Path, toys: dict[str, Toy]) -> None:
    app = create_api(project_path, token=TOKEN, models=Models(enabled=False))
    with TestClient(app, base_url=ORIGIN, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        assert client.get("/api/models").json() == []
        answer = ask(client)
    assert answer.status_code == 503
    assert answer.json()["error"] == "this server was started without a model (labeltool serve --no-model)"


def test_one_question_at_a_time(labeller: TestClient, toys: dict[str, Toy]) -> None:
    threads = [threading.Thread(target=ask, args=(labeller,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(toys["toy"].asked), toys["toy"].most_inside) == (6, 1)


def test_the_default_is_warmed_once_the_page_is_there(toys: dict[str, Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "_QUIET", 0.15)
    models = Models()
    models.start_warming()
    time.sleep(0.05)
    assert toys == {}
    for _ in range(5):
        models.note_request()
        time.sleep(0.05)
        assert toys == {}, "requests still come"
    deadline = time.monotonic() + 5
    while "toy" not in toys or not toys["toy"].asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    models.close()


def test_photos_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path in paths:
        path.touch()
    decoded: list[str] = []

    def load(path: Path) -> np.ndarray:
        decoded.append(path.name)
        return np.zeros((10, 10, 3), dtype=np.uint8)

    monkeypatch.setattr(predicting, "load_photo", load)
    photos = PhotosInMemory(600)
    for n in (0, 0, 1, 0, 2, 0, 1):
        photos.get(paths[n])
    assert decoded == ["0.png", "1.png", "2.png", "1.png"], "two fit; the one used last goes last"
    paths[1].write_text("another")
    photos.get(paths[1])
    assert decoded[-1] == "1.png" and len(decoded) == 5, "a changed file is decoded anew"
    with pytest.raises(PhotoError, match="no such photo"):
        photos.get(tmp_path / "none.png")


def test_the_shipped_default_is_in_the_catalog() -> None:
    assert catalog()[Models().default].shipped


# --- blind people ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[TestClient]:
    """The labeller of a project whose people without labels are all blind, pre-filled on its second photo."""
    path = make_project(tmp_path, blind_share=1.0, places={"nose": (ODD, 6.2345678, 0.7654321)})
    with TestClient(create_api(path, token=TOKEN), base_url=ORIGIN) as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        yield client


def test_nothing_of_the_prediction_reaches_the_page(blind: TestClient, toys: dict[str, Toy]) -> None:
    refused = ask(blind)
    assert refused.status_code == 403
    error = "person 4 is labelled blind: without a model, to measure what help is worth"
    assert refused.json() == {"error": error}
    person = blind.get("/api/images/101").json()["people"][0]
    assert (person["blind"], person["box"], person["revision"]) == (True, BOX, 0)
    assert {(j["x"], j["y"], j["v"], j["confidence"]) for j in person["joints"].values()} == {(0, 0, 0, None)}
    saved = blind.put(
        "/api/people/4",
        json={"base": 0, "edit_id": "e", "action": "place", "joints": {"nose": {"x": 10, "y": 11, "v": 2}}},
    )
    stale = blind.put("/api/people/4", json={"base": 0, "edit_id": "f", "action": "place"})
    assert (saved.status_code, stale.status_code) == (200, 409)
    assert saved.json()["blind"] is True
    done = blind.put("/api/images/101/status", json={"status": "done"})
    answers = [refused, saved, stale, done]
    answers += [
        blind.get(path)
        for path in (
            "/api/project",
            "/api/queue",
            "/api/queue?names=1",
            "/api/models",
            "/api/images/101",
            "/api/export",
            "/api/export?only_done=1",
        )
    ]
    for answer in answers:
        for number in (str(ODD), "6.2345678", "0.7654", "0.765"):
            assert number.encode() not in answer.content, answer.url


def test_a_models_joints_are_refused_for_a_blind_person(blind: TestClient) -> None:
    for source in ("predicted", "accepted"):
        joints = {"nose": {"x": 10, "y": 11, "v": 2, "source": source}}
        answer = blind.put("/api/people/4", json={"base": 0, "edit_id": source, "action": "move", "joints": joints})
        assert answer.status_code == 422
        assert answer.json()["error"] == (
            f"person 4: joint 'nose' is {source}, and the person is labelled blind, expected joints by hand"
        )


def test_labelled_people_are_not_blind(blind: TestClient, toys: dict[str, Toy]) -> None:
    assert [p["blind"] for p in blind.get("/api/images/100").json()["people"]] == [False, False, False]
    assert ask(blind, 100, person=1).status_code == 200


def test_a_box_of_nobody_may_be_filled_where_nobody_is_blind(tmp_path: Path, toys: dict[str, Toy]) -> None:
    path = make_project(tmp_path, blind_share=0.0)
    with TestClient(create_api(path, token=TOKEN), base_url=ORIGIN) as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        assert ask(client, person=None).json()["joints"]["nose"]["x"] == ODD
    with Project.open(path) as project:
        assert list(project.predictions(model="toy", version="7")) == [], "of nobody nothing is stored"
