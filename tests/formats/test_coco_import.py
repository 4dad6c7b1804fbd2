from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from labeltool.errors import CocoError, FormatError, LabeltoolError
from labeltool.formats.coco import read_coco
from labeltool.skeleton import COCO_17, LSP_14, MPII_16, define

SMALL = define("small", ("nose", "left_hip", "right_hip"), (("left_hip", "right_hip"),), sigmas={"nose": 0.5})


def document(**category: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 5, "file_name": "a.jpg", "width": 40, "height": 30},
            {"id": 6, "file_name": "b.jpg", "width": 40, "height": 30},
        ],
        "annotations": [
            {
                "id": 8,
                "image_id": 5,
                "category_id": 1,
                "keypoints": [1, 2, 2, 3, 4.5, 1, 0, 0, 0],
                "num_keypoints": 2,
                "bbox": [0, 0, 10, 10],
                "area": 53.0,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(SMALL.joints), "skeleton": [[2, 3]]} | category],
        "mine": {"kept": 1.0},
    }


def written(folder: Path, data: dict[str, Any], photos: tuple[str, ...] = ("a.jpg", "b.jpg")) -> Path:
    for name in photos:
        Image.new("RGB", (40, 30)).save(folder / name)
    path = folder / "labels.json"
    path.write_text(json.dumps(data))
    return path


def test_the_genuine_file_comes_as_it_is(coco_mini: Path) -> None:
    path = coco_mini / "annotations" / "person_keypoints_val2017.json"
    imported = read_coco(coco_mini / "images", path)
    assert imported.document.data == json.loads(path.read_text())
    assert imported.skeleton.joints == COCO_17.joints
    assert imported.image_root == coco_mini / "images"
    assert imported.notes == ()
    assert imported.problems == {}


def test_the_skeleton_is_the_category_s_own(tmp_path: Path) -> None:
    imported = read_coco(tmp_path, written(tmp_path, document()))
    assert imported.skeleton.joints == SMALL.joints
    assert imported.skeleton.limbs == (("left_hip", "right_hip"),)
    assert imported.document.data == document()


def test_a_wanted_skeleton_gives_its_sigmas_in_the_document_s_order(tmp_path: Path) -> None:
    path = written(tmp_path, document(keypoints=["right_hip", "nose", "left_hip"], skeleton=[]))
    imported = read_coco(tmp_path, path, SMALL)
    assert imported.skeleton.joints == ("right_hip", "nose", "left_hip")
    assert imported.skeleton.sigmas == (0.107, 0.5, 0.107)
    assert imported.skeleton.limbs == SMALL.limbs
    assert imported.skeleton.flip_pairs == SMALL.flip_pairs
    assert read_coco(tmp_path, written(tmp_path, document()), SMALL).skeleton is SMALL


def test_other_joints_than_wanted_show_the_mapping(tmp_path: Path) -> None:
    path = written(tmp_path, document(keypoints=["upper_neck", "left_hip", "tail"], skeleton=[]))
    with pytest.raises(FormatError) as caught:
        read_coco(tmp_path, path, LSP_14)
    assert str(caught.value) == (
        f"{path}: category 'person' has other joints than skeleton 'lsp-14': 2 of 14 joints have a counterpart; "
        "under another name: upper_neck -> neck; missing in the file: right_ankle, right_knee, right_hip, left_knee, "
        "left_ankle, right_wrist, right_elbow, right_shoulder, left_shoulder, left_elbow, left_wrist, head_top; "
        "only in the file: tail"
    )


def test_photos_with_problems_stay_in_the_document(tmp_path: Path) -> None:
    data = document()
    data["images"] += [
        {"id": 7, "file_name": "none.jpg", "width": 40, "height": 30},
        {"id": 8, "file_name": "../a.jpg", "width": 40, "height": 30},
        {"id": 9, "file_name": "text.jpg", "width": 40, "height": 30},
    ]
    data["images"][1]["width"] = 30
    path = written(tmp_path, data)
    (tmp_path / "text.jpg").write_text("no photo")
    imported = read_coco(tmp_path, path)
    assert imported.document.data == data
    assert sorted(imported.problems) == [7, 8, 9]
    assert "no such photo" in imported.problems[7]
    assert "leads out of the folder" in imported.problems[8]
    assert imported.notes == (
        "3 photos cannot be used: none.jpg, ../a.jpg, text.jpg",
        "1 photo have another size than the file says: b.jpg is 40 x 30, the file says 30 x 30",
    )


def test_a_folder_without_any_of_the_photos_is_the_wrong_folder(tmp_path: Path) -> None:
    path = written(tmp_path, document(), photos=())
    with pytest.raises(FormatError, match=r"none of the 2 photos of .* can be opened here: .*a.jpg: no such photo"):
        read_coco(tmp_path, path)
    with pytest.raises(FormatError, match="no such folder of photos"):
        read_coco(tmp_path / "none", path)


@pytest.mark.parametrize(
    ("section", "row", "changes", "reason"),
    [
        ("images", 1, {"id": 5}, r"images\[1\] \(id 5\): id 5 is also that of images\[0\]"),
        ("images", 0, {"id": "5"}, r"id is '5', expected the integer 5 \(and 1 more: see labeltool validate\)"),
        ("images", 0, {"width": 0}, r"images\[0\] \(id 5\): width is 0"),
        ("images", 1, {"id": 2**70}, r"images\[1\]: id is 1180591620717411303424, expected a 64-bit integer"),
        ("annotations", 0, {"image_id": 77}, "image_id is 77, expected the id of an image"),
        ("annotations", 0, {"category_id": None}, "category_id is null"),
        ("annotations", 0, {"keypoints": [1, 2]}, r"annotations\[0\]: annotation \(id 8\): keypoints has 2 numbers"),
        ("annotations", 0, {"keypoints": [1, 2, 7] * 3}, "v of joint 0 is 7"),
        ("categories", 0, {"keypoints": 5}, "no category has keypoints"),
        ("categories", 0, {"keypoints": ["a", "a", "b"]}, "joint 'a' stands twice"),
        ("categories", 0, {"skeleton": 5}, "skeleton is 5"),
        ("categories", 0, {"sigmas": [0.1, 0.1, -1]}, r"sigmas\[2\] is -1"),
    ],
)
def test_damaged_documents_are_refused_in_one_line(
    tmp_path: Path, section: str, row: int, changes: dict[str, Any], reason: str
) -> None:
    data = document()
    data[section][row].update(changes)
    with pytest.raises(LabeltoolError, match=reason) as caught:
        read_coco(tmp_path, written(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, document())
    path.write_text(path.read_text()[:200])
    with pytest.raises(CocoError, match="ends in the middle"):
        read_coco(tmp_path, path)


def test_people_without_keypoints_are_nobody_labelled(tmp_path: Path) -> None:
    data = document()
    del data["annotations"][0]["keypoints"]
    assert read_coco(tmp_path, written(tmp_path, data)).document.data == data


def test_the_built_in_skeletons_are_told_apart(coco_mini: Path) -> None:
    path = coco_mini / "annotations" / "person_keypoints_val2017.json"
    assert read_coco(coco_mini / "images", path, COCO_17).skeleton is COCO_17
    with pytest.raises(FormatError, match="12 of 16 joints have a counterpart; missing in the file: pelvis, thorax"):
        read_coco(coco_mini / "images", path, MPII_16)
