from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project_samples import EMPTY, FULL, LABELLED, QUAD, SAMPLE, annotation_of, guess, make_project, sample
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeltool.coco.document import CocoDocument, read_document, write_document
from labeltool.errors import ProjectError
from labeltool.project import ExportSummary, Joint, Project
from labeltool.skeleton import COCO_17, from_category

WHO = {"author": "anna"}


def same(a: Any, b: Any) -> bool:
    """Equal in value, type of every number, and key order."""
    return json.dumps(a) == json.dumps(b)


def test_what_nobody_touched_leaves_as_it_came(project: Project, tmp_path: Path) -> None:
    assert same(project.to_document(), SAMPLE)
    summary = project.export(tmp_path / "out.json")
    assert summary == ExportSummary(images=3, annotations=5, people=3, changed=0, new=0, deleted=0)
    assert summary.people == project.counts().people, "a crowd region is no person"
    write_document(tmp_path / "expected.json", SAMPLE)
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "expected.json").read_bytes()
    assert b"".join(project.export_chunks()) == (tmp_path / "out.json").read_bytes()


def test_it_survives_closing(tmp_path: Path) -> None:
    with make_project(tmp_path) as project:
        project.save(LABELLED, base=0, edit_id="e", **WHO, joints={"head": (1, 2, 1)})
        before = project.person(LABELLED), project.to_document()
    with Project.open(tmp_path / "p") as project:
        assert (project.person(LABELLED), project.to_document()) == before


def test_only_the_changed_joint_differs(project: Project) -> None:
    project.save(LABELLED, base=0, edit_id="e", **WHO, joints={"left_hand": (20.5, 22, 2)})
    expected = sample()
    changed = annotation_of(expected, 11)
    changed["keypoints"] = [10, 12.5, 2, 20.5, 22, 2, 7, 8, 0, 30.0, 31, 2]  # the odd (7, 8, 0) stays too
    assert same(project.to_document(), expected)


def test_num_keypoints_counts_labels(project: Project) -> None:
    project.save(LABELLED, base=0, edit_id="e", **WHO, joints={"right_hand": (1, 1, 1), "head": (0, 0, 0)})
    changed = annotation_of(project.to_document(), 11)
    assert changed["num_keypoints"] == 3
    assert changed["keypoints"] == [0, 0, 0, 20, 22, 1, 1, 1, 1, 30.0, 31, 2]
    assert list(changed) == list(SAMPLE["annotations"][0])


def test_the_box_changes_alone(project: Project) -> None:
    project.save(FULL, base=0, edit_id="e", **WHO, box=(0, 0, 10.5, 10))
    expected = sample()
    changed = annotation_of(expected, 12)
    changed["bbox"] = [0, 0, 10.5, 10]
    changed["area"] = 0.53 * 10.5 * 10
    changed["area_source"] = "0.53 x bbox"
    assert project.to_document() == expected


def test_a_person_without_area_or_keypoints_gains_them_when_labelled(project: Project, tmp_path: Path) -> None:
    project.save(EMPTY, base=0, edit_id="e", **WHO, joints={"head": (41, 5, 2)})
    changed = annotation_of(project.to_document(), 13)
    assert changed == {
        **SAMPLE["annotations"][4],
        "keypoints": [41, 5, 2] + [0] * 9,
        "num_keypoints": 1,
        "area": 0.53 * 10 * 20,
        "area_source": "0.53 x bbox",
    }
    assert project.export(tmp_path / "out.json").area_sources == {"0.53 x bbox": 1}


def test_a_person_without_a_box_gets_one_from_its_joints(tmp_path: Path) -> None:
    data = sample()
    annotation_of(data, 13)["bbox"] = [5, 5, 0, 3]
    with make_project(tmp_path, data) as project:
        assert project.person(EMPTY).box is None
        assert (project.person(EMPTY).area, project.person(EMPTY).area_source) == (None, "none")
        assert same(project.to_document(), data)
        project.save(EMPTY, base=0, edit_id="e", **WHO, joints={"head": (10, 5, 2), "foot": (14, 25, 2)})
        changed = annotation_of(project.to_document(), 13)
        assert changed["bbox"] == [10, 5, 4, 20]
        assert changed["area"] == pytest.approx(0.53 * 80)


def test_an_outline_gives_a_missing_area(tmp_path: Path) -> None:
    data = sample()
    annotation_of(data, 13)["segmentation"] = [[40, 4, 50, 4, 50, 24, 40, 24]]
    with make_project(tmp_path, data) as project:
        person = project.person(EMPTY)
        assert (person.area, person.area_source) == (200, "segmentation")
        project.save(EMPTY, base=0, edit_id="e", **WHO, joints={"head": (10, 5, 2)}, box=(1, 1, 2, 2))
        assert annotation_of(project.to_document(), 13)["area"] == 200


def test_a_damaged_outline_and_area_do_no_harm(tmp_path: Path) -> None:
    data = sample()
    annotation_of(data, 13).update(segmentation=[[1, 2, 3]], area="big")
    annotation_of(data, 12).update(area=0, segmentation="?")
    with make_project(tmp_path, data) as project:
        assert same(project.to_document(), data)
        assert project.person(EMPTY).area_source == "0.53 x bbox"
        assert project.person(FULL).area_source == "0.53 x bbox"


def test_an_area_source_that_came_with_the_file_is_kept(tmp_path: Path) -> None:
    data = sample()
    annotation_of(data, 12)["area_source"] = "0.53 x bbox"
    with make_project(tmp_path, data) as project:
        assert project.person(FULL).area_source == "0.53 x bbox"


def test_new_people_come_last_and_keep_their_ids(project: Project, tmp_path: Path) -> None:
    project.add_person(9, box=(1.5, 2, 4, 5), edit_id="n1", **WHO, joints={"head": (3, 4, 1)})
    document = project.to_document()
    assert same(document["annotations"][:-1], SAMPLE["annotations"])
    assert document["annotations"][-1] == {
        "segmentation": [],
        "num_keypoints": 1,
        "area": 0.53 * 20,
        "iscrowd": 0,
        "keypoints": [3, 4, 1] + [0] * 9,
        "image_id": 9,
        "bbox": [1.5, 2, 4, 5],
        "category_id": 1,
        "id": 900100000001,
        "area_source": "0.53 x bbox",
    }
    summary = project.export(tmp_path / "out.json")
    assert (summary.new, summary.people, summary.area_sources) == (1, 4, {"0.53 x bbox": 1})


def test_ids_of_new_people_are_never_zero(tmp_path: Path) -> None:
    data = sample()
    data["annotations"] = []
    with make_project(tmp_path, data) as project:
        assert project.add_person(9, box=(1, 2, 4, 5), edit_id="n1", **WHO).annotation_id == 1


def test_predictions_are_no_labels(project: Project) -> None:
    project.add_predictions("m", "1", "h", {5: [guess(EMPTY)], 9: [guess()]}, fill=True)
    assert same(project.to_document(), SAMPLE)
    with_predicted = project.to_document(with_predicted=True)
    assert annotation_of(with_predicted, 13)["keypoints"] == [5.0, 5.0, 2] * 4
    assert len(with_predicted["annotations"]) == 6
    assert same(project.to_document(), SAMPLE)

    project.save(EMPTY, base=1, edit_id="e", **WHO, joints={"foot": (9, 9, 2)})
    labels = annotation_of(project.to_document(), 13)
    assert (labels["keypoints"], labels["num_keypoints"]) == ([0] * 9 + [9, 9, 2], 1)
    both = annotation_of(project.to_document(with_predicted=True), 13)
    assert (both["keypoints"], both["num_keypoints"]) == ([5.0, 5.0, 2] * 3 + [9, 9, 2], 4)


def test_a_confirmed_proposal_is_a_person(project: Project) -> None:
    (new,) = project.add_predictions("m", "1", "h", {9: [guess()]}, fill=True).proposed
    project.save(new, base=1, edit_id="e", **WHO, accept=True)
    (annotation,) = project.to_document()["annotations"][5:]
    assert annotation["keypoints"] == [5.0, 5.0, 2] * 4
    assert annotation["bbox"] == [1.0, 2.0, 10.0, 20.0]


def test_only_done(project: Project) -> None:
    assert project.image(3).status == "done"
    document = project.to_document(only_done=True)
    assert [image["id"] for image in document["images"]] == [3]
    assert [annotation["id"] for annotation in document["annotations"]] == [12]
    project.set_status(5, "done", "anna")
    document = project.to_document(only_done=True)
    assert [image["id"] for image in document["images"]] == [5, 3]
    assert [annotation["id"] for annotation in document["annotations"]] == [11, 7, 900100000000, 12, 13]
    assert list(document) == list(SAMPLE)


def test_a_detection_file_gains_the_joints_when_people_are_labelled(tmp_path: Path) -> None:
    data = sample()
    data["categories"] = [{"id": 18, "name": "dog"}, {"name": "person", "id": 1}]
    data["annotations"] = [annotation_of(data, 13), annotation_of(data, 7)]
    with make_project(tmp_path, data) as project:
        assert same(project.to_document(), data)
        project.save(1, base=0, edit_id="e", **WHO, joints={"head": (1, 2, 2)})
        assert project.to_document()["categories"] == [
            {"id": 18, "name": "dog"},
            {"name": "person", "id": 1, "keypoints": list(QUAD.joints), "skeleton": [[1, 4]]},
        ]


def test_a_file_without_people_gains_a_category(tmp_path: Path) -> None:
    data = sample()
    data["categories"] = [{"id": 18, "name": "dog"}]
    data["annotations"] = []
    with make_project(tmp_path, data) as project:
        assert same(project.to_document(), data)
        project.add_person(9, box=(1, 2, 3, 4), edit_id="e", **WHO)
        document = project.to_document()
        assert document["categories"] == [{"id": 18, "name": "dog"}, QUAD.to_category(19)]
        assert document["annotations"][0]["category_id"] == 19


def test_other_joints_are_refused_with_the_mapping(tmp_path: Path) -> None:
    with pytest.raises(
        ProjectError, match=r"category 'person': its joints are not those of skeleton 'coco-17'"
    ) as caught:
        make_project(tmp_path, skeleton=COCO_17)
    assert "missing: nose" in str(caught.value)
    data = sample()
    data["categories"][1]["keypoints"] = ["left_hand", "head", "right_hand", "foot"]
    with pytest.raises(ProjectError, match="in another order"):
        make_project(tmp_path, data)
    assert list(tmp_path.iterdir()) == [tmp_path / "photos"]


def test_a_failed_export_leaves_the_file_that_was_there(project: Project, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    with pytest.raises(ProjectError, match="cannot be written"):
        project.export(tmp_path / "dir")
    with pytest.raises(ProjectError, match="cannot be written: No such file or directory"):
        project.export(tmp_path / "none" / "out.json")


# --- generated documents ------------------------------------------------------------------------------------------------

_text = st.text(st.characters(codec=None), max_size=6)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_text, inner, max_size=3)),
    max_leaves=6,
)
_number = st.one_of(st.integers(-20, 700), st.floats(-20, 700))
_flag = st.sampled_from([0, 1, 2, 0.0, 2.0])
_keypoints = st.lists(st.tuples(_number, _number, _flag), min_size=4, max_size=4).map(
    lambda triples: [n for triple in triples for n in triple]
)
_box = st.lists(_number, min_size=4, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    image_ids = draw(st.lists(st.integers(-5, 2**40), unique=True, max_size=4))
    images = []
    for image_id in image_ids:
        image = {
            "id": image_id,
            "file_name": draw(st.sampled_from(["a.jpg", "b/c.png", "ü.jpg"])),
            "width": draw(st.integers(1, 900)),
            "height": draw(st.integers(1, 900)),
            **draw(st.dictionaries(_text.map(lambda t: "x" + t), _json, max_size=2)),
        }
        images.append(dict(draw(st.permutations(list(image.items())))))
    annotations = []
    for annotation_id in draw(st.lists(st.integers(0, 2**50), unique=True, max_size=6)) if image_ids else []:
        annotation: dict[str, Any] = {
            "id": annotation_id,
            "image_id": draw(st.sampled_from(image_ids)),
            "category_id": draw(st.sampled_from([1, 18])),
        }
        fields = {
            "keypoints": st.one_of(_keypoints, st.just([0] * 12), st.just([])),
            "num_keypoints": st.integers(0, 4),
            "bbox": st.one_of(_box, st.none()),
            "area": st.one_of(_number, st.none(), _text),
            "iscrowd": st.integers(0, 1),
            "segmentation": st.one_of(st.just([]), st.lists(st.lists(_number, max_size=8), max_size=2), _json),
            "attributes": _json,
        }
        for key in draw(st.sets(st.sampled_from(list(fields)))):
            annotation[key] = draw(fields[key])
        annotations.append(dict(draw(st.permutations(list(annotation.items())))))
    top = {"images": images, "annotations": annotations, "categories": SAMPLE["categories"]}
    top.update(draw(st.dictionaries(_text.map(lambda t: "y" + t), _json, max_size=3)))
    return dict(draw(st.permutations(list(top.items()))))


@settings(max_examples=40, deadline=None)
@given(data=documents())
def test_a_generated_document_survives(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    with make_project(tmp_path_factory.mktemp("any"), data) as project:
        assert same(project.to_document(), data)
        # A labeller who opens every person and saves it unchanged changes nothing.
        for image in project.images():
            for person in project.people(image.id):
                if not person.crowd:
                    joints = {n: (j.x, j.y, j.v) for n, j in person.joints.items()}
                    project.save(
                        person.id, base=0, edit_id=str(person.id), author="anna", joints=joints, box=person.box
                    )
        assert same(project.to_document(), data)


# --- the real file ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coco_file(coco_mini: Path) -> Path:
    return coco_mini / "annotations" / "person_keypoints_val2017.json"


@pytest.fixture
def real(coco_file: Path, coco_mini: Path, tmp_path: Path) -> Any:
    document = read_document(coco_file)
    skeleton = from_category(document.keypoint_categories()[0])
    with Project.create(tmp_path / "coco", document, coco_mini / "images", skeleton) as project:
        yield document, project


def test_real_coco_leaves_as_it_came(real: tuple[CocoDocument, Project], coco_file: Path, tmp_path: Path) -> None:
    document, project = real
    assert same(project.to_document(), document.data)
    project.export(tmp_path / "out.json")
    assert same(json.loads((tmp_path / "out.json").read_text()), json.loads(coco_file.read_text()))
    counts = project.counts()
    assert (counts.images, counts.people, counts.crowds, counts.labelled_people) == (79, 117, 1, 68)
    assert all(project.photo_path(image).is_file() for image in project.images())


def test_real_coco_scores_one_against_itself(real: tuple[CocoDocument, Project], tmp_path: Path) -> None:
    _, project = real
    project.export(tmp_path / "out.json")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "out.json"))
        results = [
            {"image_id": p.image_id, "category_id": 1, "keypoints": list(p.keypoints), "score": 1.0}
            for p in project.labelled_people()
        ]
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == 1.0


def test_one_joint_of_one_real_person(real: tuple[CocoDocument, Project]) -> None:
    document, project = real
    person = next(p for i in project.images() for p in project.people(i.id) if p.joints["nose"].v == 2)
    nose = person.joints["nose"]
    project.save(person.id, base=0, edit_id="e", **WHO, joints={"nose": (nose.x + 1.25, nose.y, 2)})
    expected = json.loads(json.dumps(document.data))
    annotation_of(expected, person.annotation_id)["keypoints"][0] = nose.x + 1.25
    assert same(project.to_document(), expected)
    assert project.person(person.id).joints["nose"] == Joint(nose.x + 1.25, nose.y, 2, "moved")
    assert math.isclose(nose.x, int(nose.x)) and isinstance(nose.x, int)
