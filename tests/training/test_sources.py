from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeltool.coco.document import read_document
from labeltool.errors import ModelError, ProjectError
from labeltool.project import Project
from labeltool.skeleton import COCO_17, LSP_14, define
from labeltool.training.samples import Person, labels_not_learnt
from labeltool.training.sources import Source, read_source, split_by_photo


def person(photo: str, x: float = 0.0) -> Person:
    xy = np.full((14, 2), x)
    return Person(Path(photo), np.array([x, 0, 10, 10]), xy, np.full(14, 2))


def test_no_photo_is_on_both_sides_of_the_split() -> None:
    people = [person(name, n) for n, name in enumerate("aabbbcdda")]
    kept, unseen = split_by_photo(people, 2, "labels.json")
    assert [p.photo.name for p in unseen] == ["d", "d"]
    assert [p.photo.name for p in kept] == ["a", "a", "a", "b", "b", "b", "c"]
    kept, unseen = split_by_photo(people, 4, "labels.json")
    assert sorted(p.photo.name for p in unseen) == list("bbbcdd") and {p.photo.name for p in kept} == {"a"}
    with pytest.raises(
        ModelError, match=r"labels.json: 9 labelled people on 4 photos, expected more than the 7 to validate on"
    ):
        split_by_photo(people, 7, "labels.json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four photos of two people each; in every photo one has labels, and the other has been labelled blind since."""
    photos = tmp_path / "photos"
    photos.mkdir()
    annotations = []
    for n in range(1, 5):
        Image.new("RGB", (60, 50), (n, n, n)).save(photos / f"{n}.png")
        for labelled in (True, False):
            annotations.append(
                {
                    "id": 10 * n + labelled,
                    "image_id": n,
                    "category_id": 1,
                    "bbox": [4, 4, 20, 30],
                    "area": 300,
                    "iscrowd": 0,
                    "num_keypoints": 17 * labelled,
                    "keypoints": [7 + n, 8, 2] * 17 if labelled else [0, 0, 0] * 17,
                    "segmentation": [],
                }
            )
    images = [{"id": n, "file_name": f"{n}.png", "width": 60, "height": 50} for n in range(1, 5)]
    data = {"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}
    (tmp_path / "labels.json").write_text(json.dumps(data))
    document = read_document(tmp_path / "labels.json")
    with Project.create(tmp_path / "p", document, photos, COCO_17, blind_share=1.0) as made:
        for number, image in enumerate([3, 1]):
            asked, blind = sorted(made.people(image), key=lambda p: p.blind)
            made.save(asked.id, base=0, author="ann", edit_id=f"e{number}", joints={"nose": (30, 20, 2)})
            made.save(blind.id, base=0, author="ann", edit_id=f"b{number}", joints={"nose": (31, 21, 2)})
            assert blind.blind and not asked.blind
    return tmp_path / "p"


def test_a_project_gives_whom_a_human_touched_and_nobody_blind(project: Path) -> None:
    people = read_source(Source(project), COCO_17)
    assert [p.photo.name for p in people] == ["1.png", "3.png"]
    nose = COCO_17.index("nose")
    assert [p.xy[nose].tolist() for p in people] == [[30, 20], [30, 20]]
    assert [p.xy[nose + 1].tolist() for p in people] == [[8, 8], [10, 8]]
    assert all((p.v == 2).all() and p.box.tolist() == [4, 4, 20, 30] for p in people)
    assert Source(project).sha256() is None
    # another skeleton takes what has the same name
    assert int((read_source(Source(project), LSP_14)[0].v > 0).sum()) == 12


def test_what_is_left_out_is_told(project: Path, tmp_path: Path) -> None:
    told: list[str] = []
    read_source(Source(project), LSP_14, told.append)
    assert [line.split(": ", 1)[1] for line in told] == [
        "labelled and not learnt, as lsp-14 has no such joints: nose, left_eye, right_eye, left_ear, right_ear"
    ]
    labels = tmp_path / "labels.json"
    data = json.loads(labels.read_text())
    broken = data["images"][0]
    (tmp_path / "photos" / broken["file_name"]).write_bytes(b"no photo")
    kept = [a for a in data["annotations"] if a["image_id"] != broken["id"]]
    kept[0]["keypoints"], kept[0]["num_keypoints"] = [0] * 51, 0
    kept[2]["bbox"] = [4, 4, 1, 1]
    labels.write_text(json.dumps(data))
    told.clear()
    people = read_source(Source(labels, tmp_path / "photos"), COCO_17, told.append)
    assert [p.photo.name for p in people] == ["4.png"]
    assert told[0].startswith(f"{labels}: photos left out as they cannot be used: 1, the first {broken['file_name']}: ")
    assert told[1:] == [
        f"{labels}: people left out: 5 without a labelled joint of coco-17, 1 with a box of less than two pixels"
    ]


def test_joints_of_whole_photos_that_are_not_learnt_are_told(project: Path, tmp_path: Path) -> None:
    document = read_document(tmp_path / "labels.json")
    (line,) = labels_not_learnt(document, LSP_14)
    assert "has no such joints: nose, left_eye, right_eye, left_ear, right_ear" in line
    assert not list(labels_not_learnt(document, COCO_17))


def test_sources_that_teach_nothing_are_one_line(project: Path, tmp_path: Path) -> None:
    other = define("other", ["left_shoulder", "right_hip", "tail"])
    unrelated = define("unrelated", ["trunk", "tail"])
    assert len(read_source(Source(project), other)) == 2
    with pytest.raises(ModelError, match=r"p: no person whom a human has labelled or checked of skeleton unrelated"):
        read_source(Source(project), unrelated)
    labels = tmp_path / "labels.json"
    with pytest.raises(
        ModelError, match=r"labels.json: no person with labelled joints of skeleton unrelated, expected at"
    ):
        read_source(Source(labels, tmp_path / "photos"), unrelated)
    data = json.loads(labels.read_text())
    for annotation in data["annotations"]:
        annotation["keypoints"], annotation["num_keypoints"] = [0] * 51, 0
    labels.write_text(json.dumps(data))
    with pytest.raises(ModelError, match="no person with labelled joints of skeleton coco-17"):
        read_source(Source(labels, tmp_path / "photos"), COCO_17)
    with pytest.raises(ProjectError, match=r"no project.toml in it"):
        read_source(Source(tmp_path), COCO_17)
