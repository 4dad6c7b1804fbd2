from __future__ import annotations

import contextlib
import copy
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labeltool.coco.document import CocoDocument
from labeltool.errors import ProjectError
from labeltool.project import Addition, Project
from labeltool.project.rows import IMPORTED
from labeltool.skeleton import LSP_14

SIZE = (120, 90)


def person(number: int, image: int, x: float = 10, *, labelled: bool = True, **more: Any) -> dict[str, Any]:
    keypoints: list[float] = []
    for k in range(14):
        keypoints += [x + k, 20.5 + k, 2] if labelled else [0, 0, 0]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [x, 10, 30, 60],
        "area": 900,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": 14 if labelled else 0,
        "mood": "kept",
        **more,
    }


def document(people: list[dict[str, Any]], images: int = 3, first: int = 1, **more: Any) -> CocoDocument:
    data = {
        "images": [
            {"id": n, "file_name": f"{n - first + 1}.jpg", "width": SIZE[0], "height": SIZE[1]}
            for n in range(first, first + images)
        ],
        "annotations": people,
        "categories": [LSP_14.to_category()],
        **more,
    }
    return CocoDocument(data, "labels.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path


def make(folder: Path, labels: CocoDocument) -> Project:
    return Project.create(folder / "p", labels, folder / "photos", LSP_14, blind_share=0)


@pytest.fixture
def bare(folder: Path) -> Iterator[Project]:
    """A project of three photos with nobody on them."""
    with make(folder, document([])) as project:
        yield project


def add(project: Project, labels: CocoDocument, **options: Any) -> Addition:
    return project.add_document(labels, source="labels.json", **options)


def exported(project: Project) -> dict[str, Any]:
    return project.to_document()


def test_labels_come_to_photos_that_are_there(bare: Project) -> None:
    before = bare.mark()
    labels = document([person(1, 11), person(2, 11, 60), person(3, 12, labelled=False)], first=11)
    added = add(bare, labels)
    assert (added.known_images, added.new_images, added.people, added.same, added.updated) == (3, 0, 3, 0, 0)
    assert [a | {"image_id": a["image_id"] + 10} for a in exported(bare)["annotations"]] == labels.annotations
    assert [(i.status, i.reason) for i in bare.images()] == [
        ("done", IMPORTED),
        ("unlabelled", None),
        ("unlabelled", None),
    ]
    assert [event.author for event in bare.events(1)] == ["import:labels.json"]
    assert bare.mark() != before
    assert bare.counts().people == 3 and bare.progress().people == 3
    assert bare.paces() == []


def test_the_same_again_adds_nothing(bare: Project) -> None:
    crowd = person(4, 13, 40, labelled=False, iscrowd=1)
    twin = person(6, 12, 50)
    labels = document(
        [person(1, 11), person(2, 11, 60), person(3, 12, labelled=False), crowd, twin, {**twin, "id": 7}], first=11
    )
    add(bare, labels)
    once, mark = exported(bare), bare.mark()
    again = add(bare, labels)
    assert (again.people, again.others, again.updated, again.same, again.kept) == (0, 0, 0, 6, 0)
    assert exported(bare) == once and bare.mark() == mark


def test_new_photos_go_to_the_end_with_ids_that_are_free(folder: Path) -> None:
    with make(folder, document([person(1, 1)], images=1)) as project:
        labels = document([person(1, 1), person(2, 2, 50), person(5, 3)], images=3)
        labels.images[0]["file_name"] = "other.jpg"  # the id is that of another photo, and so is the person's
        added = add(project, labels, problems={2: "2.jpg: no such photo"})
        assert (added.new_images, added.people) == (3, 3)
        names = [(i.id, i.file_name, i.status, i.problem) for i in project.images()]
        assert names == [
            (1, "1.jpg", "done", None),
            (2, "other.jpg", "done", None),
            (3, "2.jpg", "done", "2.jpg: no such photo"),
            (4, "3.jpg", "done", None),
        ]
        assert [(a["id"], a["image_id"]) for a in exported(project)["annotations"]] == [(1, 1), (2, 2), (3, 3), (5, 4)]
        assert added.notes == ("2 annotations got another id: theirs was taken",)
        again = add(project, labels)
        assert (again.new_images, again.people, again.same) == (0, 0, 3)


def test_people_nobody_touched_take_the_labels_and_the_log_keeps_what_was(folder: Path) -> None:
    with make(folder, document([person(1, 1, labelled=False), person(2, 2)])) as project:
        assert project.image(1).status == "unlabelled"
        moved = person(2, 2)
        moved["keypoints"][0] += 1.25
        added = add(project, document([person(1, 1), moved]))
        assert (added.updated, added.people, added.kept) == (2, 0, 0)
        assert exported(project)["annotations"] == [person(1, 1), moved]
        assert project.image(1).status == "done"
        (entry,) = project.history(2)
        assert (entry.author, entry.action, entry.joints_moved) == ("import:labels.json", "import", 0)
        assert entry.before is not None and entry.before["joints"][LSP_14.joints[0]][0] == 10
        assert project.person(2).joints[LSP_14.joints[0]].source == "imported"
        # what came first comes again: it is what the file says, so it holds
        assert add(project, document([person(2, 2)])).updated == 1
        assert add(project, document([person(2, 2)])).same == 1


def test_a_labellers_work_stays_unless_it_is_to_be_replaced(folder: Path) -> None:
    theirs = person(1, 1)
    theirs["keypoints"][1] += 2
    with make(folder, document([person(1, 1), person(2, 2)])) as project:
        project.save(1, base=0, author="anna", edit_id="a", joints={LSP_14.joints[3]: (50, 51, 1)})
        project.save(2, base=0, author="anna", edit_id="b", deleted=True)
        mine = exported(project)
        # the very labels that the project began with: her work came later
        assert add(project, document([person(1, 1), person(2, 2)])).same == 2
        other = person(2, 2)
        other["keypoints"][0] += 1
        kept = add(project, document([theirs, other]))
        assert (kept.kept, kept.updated, kept.people) == (2, 0, 0)
        assert kept.kept_places == ("1.jpg: person 1", "2.jpg: person 2")
        assert exported(project) == mine
        replaced = add(project, document([theirs, other]), edited="replace")
        assert (replaced.replaced, replaced.kept) == (2, 0)
        assert exported(project)["annotations"] == [theirs, other]
        assert [entry.author for entry in project.history(1)] == ["anna", "import:labels.json"]
        assert add(project, document([theirs, other])).same == 2


def test_an_annotation_without_joints_takes_none_away(folder: Path) -> None:
    with make(folder, document([person(1, 1)])) as project:
        assert add(project, document([person(1, 1, labelled=False)])).same == 1
        assert exported(project)["annotations"] == [person(1, 1)]


def test_an_id_alone_is_nobody(folder: Path) -> None:
    with make(folder, document([person(1, 1, 10)])) as project:
        project.add_person(2, box=(1, 1, 20, 20), author="anna", edit_id="a")
        added = add(project, document([person(1, 1, 80), person(2, 2, 60)]))
        assert (added.people, added.updated) == (2, 0)
        assert [a["id"] for a in exported(project)["annotations"]] == [1, 3, 4, 2]
        assert add(project, document([person(1, 1, 80), person(2, 2, 60)])).same == 2


def test_an_export_comes_back_as_itself(folder: Path) -> None:
    with make(folder, document([person(1, 1)])) as project:
        project.add_person(1, box=(40, 5, 30, 40), author="anna", edit_id="a", joints={LSP_14.joints[0]: (41.5, 6, 2)})
        project.save(1, base=0, author="anna", edit_id="b", joints={LSP_14.joints[3]: (50, 51, 1)})
        out = exported(project)
        added = add(project, CocoDocument(copy.deepcopy(out), "out.json"))
        assert (added.same, added.people, added.updated, added.kept) == (2, 0, 0, 0)
        assert exported(project) == out


def test_joints_in_another_order_and_other_categories(bare: Project) -> None:
    category = LSP_14.to_category(7)
    category["keypoints"] = list(reversed(category["keypoints"]))
    mine = person(1, 1)
    flat = mine["keypoints"]
    turned = {**mine, "category_id": 7, "keypoints": [v for k in reversed(range(14)) for v in flat[3 * k : 3 * k + 3]]}
    dog = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}
    labels = document([turned, dog, {**dog, "id": 3}], categories=[{"id": 1, "name": "dog"}, category])
    added = add(bare, labels)
    assert (added.people, added.others) == (1, 2)
    assert added.notes[0] == "categories added to the project: dog"
    out = exported(bare)
    assert out["categories"] == [LSP_14.to_category(), {"id": 2, "name": "dog"}]
    assert out["annotations"] == [mine, {**dog, "category_id": 2}, {**dog, "id": 3, "category_id": 2}]
    assert add(bare, labels).same == 3


def test_people_come_to_a_project_of_a_detection_file(folder: Path) -> None:
    boxes = {"id": 1, "image_id": 1, "category_id": 4, "bbox": [10, 10, 30, 60], "area": 900, "iscrowd": 0}
    with make(folder, document([boxes], categories=[{"id": 4, "name": "person"}])) as project:
        assert "keypoints" not in exported(project)["categories"][0]
        assert add(project, document([person(1, 1)])).updated == 1
        assert add(project, document([person(2, 2)])).people == 1
        out = exported(project)
        assert out["categories"][0]["keypoints"] == list(LSP_14.joints)
        assert [a["category_id"] for a in out["annotations"]] == [4, 4]
        assert out["annotations"][0]["keypoints"] == person(1, 1)["keypoints"]


def test_photos_are_known_by_the_last_part_of_their_name(bare: Project, folder: Path) -> None:
    labels = document([person(1, 1)])
    for image in labels.images:
        image["file_name"] = f"upload/deep/{image['file_name']}"
    matching = bare.match_images(labels)
    assert list(matching.known.values()) == [1, 2, 3] and not matching.new
    assert matching.notes()[0].startswith("3 photos known by the last part of the name: upload/deep/1.jpg is 1.jpg")
    (folder / "photos" / "upload" / "deep").mkdir(parents=True)
    (folder / "photos" / "upload" / "deep" / "1.jpg").write_bytes(b"there")
    assert list(bare.match_images(labels).known) == [2, 3]
    labels.images[1]["width"] = 60
    assert list(bare.match_images(labels).known) == [3]


def test_photos_of_another_size_are_named(bare: Project) -> None:
    labels = document([person(1, 1)])
    labels.images[0]["width"] = 240
    text = "1.jpg: the project has it with 120 x 90 pixels, the import with 240 x 90"
    assert bare.match_images(labels).unlike == {1: text}
    assert add(bare, labels, leave_out=[1]).people == 0


def damaged(change: Any) -> CocoDocument:
    labels = copy.deepcopy(document([person(1, 1), person(2, 1, 60)]))
    change(labels)
    return labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.annotations[1].update(id=1), r"annotations\[1\] \(id 1\): the id stands twice"),
        (lambda d: d.annotations[1].update(image_id=9), "image_id is 9, expected the id of an image"),
        (lambda d: d.annotations[1]["keypoints"].pop(), "keypoints has 41 numbers, expected 42"),
        (lambda d: d.images[1].update(id=1), r"images\[1\] \(id 1\): the id stands twice"),
        (
            lambda d: d.categories[0].update(keypoints=["nose"], skeleton=[]),
            "its joints are not those of skeleton 'lsp-14'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_whole(bare: Project, change: Any, message: str) -> None:
    before = exported(bare)
    with pytest.raises(ProjectError, match=message):
        add(bare, damaged(change))
    assert exported(bare) == before


def test_a_run_cut_off_goes_on(bare: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeltool.project.adding._IMAGES", 1)
    labels = document([person(1, 11), person(2, 11, 60), person(3, 12), person(4, 13)], first=11)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(bare, labels, told=stop)
    assert len(exported(bare)["annotations"]) == 2
    added = add(bare, labels)
    assert (added.same, added.people) == (2, 2)
    assert json.dumps(exported(bare)["annotations"]).count('"id"') == 4


def test_two_imports_at_once_are_refused(bare: Project) -> None:
    def another(_: int) -> None:
        with pytest.raises(ProjectError, match="another import into this project is running"):
            add(bare, document([person(1, 1)]))

    assert add(bare, document([person(1, 1)]), told=another).people == 1


def some_document(rng: random.Random, images: int, people: int, first_id: int) -> CocoDocument:
    """People, some twice under two ids, crowds and dogs, on photos with ids of their own."""
    numbers = rng.sample(range(1, 50), images)
    rows: list[dict[str, Any]] = []
    for number in rng.sample(range(first_id, first_id + 100), people):
        row = person(number, rng.choice(numbers), rng.randrange(0, 80, 20), labelled=rng.random() < 0.6)
        kind = rng.random()
        if kind < 0.15:
            row = {"id": number, "image_id": row["image_id"], "category_id": 2, "bbox": row["bbox"]}
        elif kind < 0.3 and rows:
            row = {**copy.deepcopy(rng.choice(rows)), "id": number}
        elif kind < 0.4:
            row["iscrowd"] = 1
        rows.append(row)
    data = {
        "images": [{"id": n, "file_name": f"{k}.jpg", "width": 120, "height": 90} for k, n in enumerate(numbers)],
        "annotations": rows,
        "categories": [LSP_14.to_category(), {"id": 2, "name": "dog"}],
    }
    return CocoDocument(data, "some.json")


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_comes_once(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off after any transaction and run again, over other labels and a labeller's work: the next run changes nothing."""
    rng = random.Random(seed)
    monkeypatch.setattr("labeltool.project.adding._IMAGES", rng.choice([1, 2]))
    labels = some_document(rng, 6, 14, rng.choice([1, 40]))
    left = rng.randint(1, 3)

    def stop(_: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    with make(folder, some_document(rng, 3, 8, 1)) as project:
        for image in project.images():
            for one in project.people(image.id):
                if not one.crowd and rng.random() < 0.4:
                    project.save(one.id, base=0, author="anna", edit_id=f"{one.id}", joints={"neck": (55, 44, 1)})
        with contextlib.suppress(KeyboardInterrupt):
            add(project, labels, told=stop)
        add(project, labels)
        whole = exported(project)
        ids = [annotation["id"] for annotation in whole["annotations"]]
        assert len(ids) == len(set(ids))
        again = add(project, labels)
        assert (again.people, again.others, again.updated, again.new_images) == (0, 0, 0, 0)
        assert exported(project) == whole
        check_counters(folder / "p" / "labels.db")
        # and the database goes on counting
        newest = project.add_person(project.images()[0].id, box=(5, 5, 40, 40), author="anna", edit_id="new")
        check_counters(folder / "p" / "labels.db", least={newest.image_id: 1})


def check_counters(path: Path, least: dict[int, int] | None = None) -> None:
    """Every image says of itself how many people it has, and how many of their joints are decided."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        kept = {row[0]: row[1:] for row in database.execute("SELECT id, people, decided FROM images")}
        found = dict.fromkeys(kept, (0, 0))
        for image, labelled, removed in database.execute(
            "SELECT image_id, labelled, from_removed FROM people WHERE NOT crowd AND NOT deleted"
        ):
            people, decided = found[image]
            found[image] = (people + 1, decided + labelled + removed)
    assert kept == found
    assert all(kept[image][0] >= count for image, count in (least or {}).items())
