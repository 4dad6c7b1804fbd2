from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from project_samples import QUAD, annotation_of, make_project, sample

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import Project


def annotation(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["annotations"][0].__setitem__(key, value)


def image(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["images"][1].__setitem__(key, value)


def keypoint(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["annotations"][0]["keypoints"].__setitem__(place, value)


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (annotation("keypoints", [1] * 11), r"annotations\[0\] \(id 11\): keypoints has 11 numbers, expected 12"),
        (annotation("keypoints", "abc"), "keypoints is str, expected a list"),
        (
            annotation("keypoints", [[1, 2, 2]] * 12),
            r"keypoints\[0\] \(head\) is \[1, 2, 2\], expected a finite number",
        ),
        (keypoint(5, 3), r"keypoints\[5\] \(v of left_hand\) is 3, expected 0, 1 or 2"),
        (keypoint(5, 0.5), "is 0.5, expected 0, 1 or 2"),
        (keypoint(3, True), r"keypoints\[3\] \(left_hand\) is True"),
        (keypoint(3, "5"), r"keypoints\[3\] \(left_hand\) is '5'"),
        (keypoint(3, 10**400), "is a number of 1329 bits"),
        (keypoint(4, math.nan), r"annotations\[0\] \(id 11\): holds NaN or Infinity"),
        (annotation("score", math.inf), "holds NaN or Infinity"),
        (annotation("id", "11"), r"\(id '11'\): the id is '11', expected an integer"),
        (annotation("id", True), "the id is True"),
        (annotation("id", 2**64), "the id is a number of 65 bits"),
        (annotation("id", 12), r"annotations\[3\] \(id 12\): the id stands twice"),
        (annotation("image_id", 4), r"annotations\[0\] \(id 11\): image_id is 4, expected the id of an image"),
        (annotation("image_id", None), "image_id is None"),
        (annotation("deep", deep()), "is nested too deep"),
        (image("id", 5), r"images\[1\] \(id 5\): the id stands twice"),
        (image("id", 1.0), "the id is 1.0"),
        (image("file_name", ""), "file_name is ''"),
        (image("file_name", "a\ud800.jpg"), "no valid Unicode"),
        (image("width", -1), r"images\[1\] \(id 3\): width is -1, expected a whole number of pixels"),
        (image("height", None), "height is None"),
        (lambda d: d["categories"][1].__setitem__("id", "1"), "category id is '1'"),
        (lambda d: d.__setitem__("more", math.nan), "holds NaN or Infinity"),
    ],
)
def test_a_document_that_does_not_fit(tmp_path: Path, damage: Callable[[dict[str, Any]], None], message: str) -> None:
    data = sample()
    damage(data)
    with pytest.raises(ProjectError, match=message) as caught:
        make_project(tmp_path, data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    assert list(tmp_path.iterdir()) == [tmp_path / "photos"]  # no trace of the attempt


def test_odd_annotations_of_other_categories_are_kept(tmp_path: Path) -> None:
    data = sample()
    annotation_of(data, 7).update(image_id="?", id="7", keypoints=["?"])
    del data["annotations"][3]["category_id"]
    with make_project(tmp_path, data) as project:
        assert project.to_document() == data
        assert project.people(3) == []


def test_problems_of_photos(tmp_path: Path) -> None:
    with make_project(tmp_path, problems={9: "b/nine.png: empty\udcff"}) as project:
        assert project.image(9).problem == "b/nine.png: empty\\udcff"
        assert project.counts().problems == 1
        assert project.set_problem(9, None).problem is None
        assert project.set_problem(3, "gone").problem == "gone"
    with pytest.raises(ProjectError, match="problem of image 4: no such image"):
        make_project(tmp_path / "photos", problems={4: "x"})


def test_where_a_project_may_be_made(tmp_path: Path) -> None:
    document, photos = CocoDocument(sample(), "s.json"), tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "empty").mkdir()
    Project.create(tmp_path / "empty", document, photos, QUAD).close()
    Project.create(tmp_path / "a" / "b", document, photos, QUAD).close()
    with pytest.raises(ProjectError, match="holds a project already"):
        Project.create(tmp_path / "empty", document, photos, QUAD)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(ProjectError, match="is not empty, expected a new or empty folder"):
        Project.create(tmp_path / "full", document, photos, QUAD)
    with pytest.raises(ProjectError, match="is no folder"):
        Project.create(tmp_path / "full" / "thesis.txt", document, photos, QUAD)
    with pytest.raises(ProjectError, match=r"thesis\.txt is no folder"):
        Project.create(tmp_path / "full" / "thesis.txt" / "p", document, photos, QUAD)
    with pytest.raises(ProjectError, match="no such folder of photos"):
        Project.create(tmp_path / "new", document, tmp_path / "nowhere", QUAD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "empty", "full", "photos"]
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_killed_import_leaves_nothing_behind_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftover = tmp_path / ".p.abc.part"
    leftover.mkdir()
    (leftover / "labels.db").write_text("half")
    make_project(tmp_path).close()
    assert leftover.is_dir()  # so young that another run may be making it
    monkeypatch.setattr("labeltool.project.building._LEFTOVER_SECONDS", -1)
    Project.create(tmp_path / "q", CocoDocument(sample(), "s"), tmp_path / "photos", QUAD).close()
    assert leftover.is_dir()  # belongs to another project
    for file in (tmp_path / "p").iterdir():
        file.unlink()
    make_project(tmp_path).close()
    assert not leftover.exists()
