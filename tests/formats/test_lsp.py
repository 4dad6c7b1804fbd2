from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from labeltool.coco.check import check_document
from labeltool.coco.document import keypoints_of, read_document, write_document
from labeltool.errors import FormatError
from labeltool.formats.lsp import read_lsp
from labeltool.skeleton import LSP_14

WIDTH, HEIGHT = 120, 100


def some_joints(people: int) -> NDArray[np.float64]:
    """(N, 14, 3) joints inside the photo, all flags 1."""
    rng = np.random.default_rng(7)
    xy = rng.uniform([5, 5], [WIDTH - 5, HEIGHT - 5], (people, 14, 2))
    return np.concatenate([xy, np.ones((people, 14, 1))], axis=2)


def photos(folder: Path, count: int, digits: int = 5) -> Path:
    folder.mkdir(exist_ok=True)
    for n in range(1, count + 1):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / f"im{n:0{digits}d}.jpg")
    return folder


def lspet_mat(path: Path, joints: NDArray[np.float64]) -> Path:
    savemat(path, {"joints": joints.transpose(1, 2, 0)})
    return path


def lsp_mat(path: Path, joints: NDArray[np.float64]) -> Path:
    savemat(path, {"joints": joints.transpose(2, 1, 0)})
    return path


def test_lspet_s_third_row_is_labelled(tmp_path: Path) -> None:
    joints = some_joints(3)
    joints[1, 4] = (-57.5, 3000, 0)
    imported = read_lsp(photos(tmp_path / "p", 3), lspet_mat(tmp_path / "joints.mat", joints))
    xy, v = keypoints_of(imported.document.annotations[1], 14)
    assert v.tolist() == [2] * 4 + [0] + [2] * 9
    assert xy[4].tolist() == [0, 0]
    assert np.array_equal(xy[v > 0], joints[1, v > 0, :2])
    assert imported.document.annotations[1]["num_keypoints"] == 13
    assert imported.notes == ()


def test_lsp_s_third_row_is_occluded_and_keeps_coordinates(tmp_path: Path) -> None:
    joints = some_joints(2)
    joints[:, :, 2] = 0
    joints[1, 4, 2] = 1
    imported = read_lsp(photos(tmp_path / "p", 2, digits=4), lsp_mat(tmp_path / "joints.mat", joints))
    xy, v = keypoints_of(imported.document.annotations[1], 14)
    assert v.tolist() == [2] * 4 + [1] + [2] * 9
    assert np.array_equal(xy, joints[1, :, :2])
    assert imported.document.images[1]["file_name"] == "im0002.jpg"


def test_box_area_and_ids(tmp_path: Path) -> None:
    joints = some_joints(2)
    imported = read_lsp(photos(tmp_path / "p", 2), lspet_mat(tmp_path / "joints.mat", joints))
    document = imported.document
    assert document.images[0] == {"id": 1, "file_name": "im00001.jpg", "width": WIDTH, "height": HEIGHT}
    assert document.categories == [LSP_14.to_category()]
    assert imported.skeleton is LSP_14
    person = document.annotations[0]
    low, high = joints[0, :, :2].min(axis=0), joints[0, :, :2].max(axis=0)
    assert person["bbox"] == pytest.approx([*low, *(high - low)])
    assert person["area"] == pytest.approx(0.53 * (high - low).prod())
    assert person["area_source"] == "0.53 x bbox"
    assert (person["id"], person["image_id"], person["category_id"], person["iscrowd"]) == (1, 1, 1, 0)


def test_joints_outside_the_photo_are_dropped_and_said(tmp_path: Path) -> None:
    joints = some_joints(2)
    joints[0, 11, :2] = (WIDTH + 1.5, 50)
    joints[1, 13, :2] = (60, -0.9)
    joints[1, 0, :2] = (np.nan, 5)
    imported = read_lsp(photos(tmp_path / "p", 2), lspet_mat(tmp_path / "joints.mat", joints))
    first, second = imported.document.annotations
    assert first["keypoints"][33:36] == [0, 0, 0]
    assert first["num_keypoints"] == 13
    assert second["keypoints"][39:42] == [60.0, -0.9, 2]
    assert second["keypoints"][0:3] == [0, 0, 0]
    assert second["bbox"][1] == 0
    assert imported.notes == (
        "1 labelled joint without finite coordinates were marked not labelled: im00002 right_ankle",
        "1 joint outside the photo were marked not labelled: im00001 left_wrist",
    )
    assert {f.severity for f in check_document(imported.document)} == {"warning"}


def test_a_person_without_any_joint_gets_the_whole_photo(tmp_path: Path) -> None:
    joints = some_joints(1)
    joints[:, :, 2] = 0
    imported = read_lsp(photos(tmp_path / "p", 1), lspet_mat(tmp_path / "joints.mat", joints))
    (person,) = imported.document.annotations
    assert person["bbox"] == [0.0, 0.0, WIDTH, HEIGHT]
    assert person["keypoints"] == [0] * 42
    assert "no labelled joint" in imported.notes[0]
    assert not [f for f in check_document(imported.document) if f.severity == "error"]


def test_photos_one_folder_down_and_other_files(tmp_path: Path) -> None:
    mat = lspet_mat(tmp_path / "joints.mat", some_joints(2))
    photos(tmp_path / "images", 2)
    (tmp_path / "README.txt").write_text("hello")
    imported = read_lsp(tmp_path, mat)
    assert imported.image_root == tmp_path / "images"
    assert len(imported.document.images) == 2


def test_photos_beyond_the_joints_are_taken_without_people(tmp_path: Path) -> None:
    imported = read_lsp(photos(tmp_path / "p", 9), lspet_mat(tmp_path / "joints.mat", some_joints(2)))
    assert len(imported.document.images) == 9
    assert len(imported.document.annotations) == 2
    assert imported.notes == (
        "7 photos without joints in the file were taken as photos without people: im00003.jpg, im00004.jpg, im00005.jpg, "
        "im00006.jpg, im00007.jpg, and 2 more",
    )


def test_a_broken_photo_is_a_problem_and_left_out(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", 3)
    (folder / "im00002.jpg").write_bytes(b"")
    imported = read_lsp(folder, lspet_mat(tmp_path / "joints.mat", some_joints(3)))
    assert [image["id"] for image in imported.document.images] == [1, 3]
    assert [a["image_id"] for a in imported.document.annotations] == [1, 3]
    assert list(imported.problems) == [2]
    assert "0 bytes" in imported.problems[2]
    assert imported.notes == ("1 photo could not be opened and were left out with the person in them: im00002.jpg",)


def test_missing_photos_are_an_error(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", 3)
    (folder / "im00002.jpg").unlink()
    mat = lspet_mat(tmp_path / "joints.mat", some_joints(3))
    with pytest.raises(FormatError, match=r"1 of the 3 photos that joints.mat has joints for are missing: im00002.jpg"):
        read_lsp(folder, mat)


def test_two_photos_of_one_number_are_an_error(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", 2)
    (folder / "im0002.jpg").write_bytes((folder / "im00002.jpg").read_bytes())
    with pytest.raises(FormatError, match=r"im00002.jpg and im0002.jpg are both photo 2"):
        read_lsp(folder, lspet_mat(tmp_path / "joints.mat", some_joints(2)))


def test_no_photos_and_no_folder(tmp_path: Path) -> None:
    mat = lspet_mat(tmp_path / "joints.mat", some_joints(2))
    with pytest.raises(FormatError, match=r"no photos im0001.jpg"):
        read_lsp(tmp_path, mat)
    with pytest.raises(FormatError, match="no such folder"):
        read_lsp(tmp_path / "none", mat)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"joints": np.zeros((14, 2, 5))}, r"shape \(14, 2, 5\), expected \(14, 3, N\) as in LSPET or \(3, 14, N\)"),
        ({"joints": np.zeros((5, 14, 3))}, r"shape \(5, 14, 3\)"),
        ({"joints": np.zeros((14, 3, 0))}, "nobody in it"),
        ({"joints": np.full((14, 3, 2), 7.0)}, "labelled flag of right_ankle of person 1 is 7, expected 0 or 1"),
        ({"joints": np.full((3, 14, 2), np.nan)}, "occluded flag of right_ankle of person 1 is nan"),
        ({"joints": "text"}, "'joints' is no plain array, expected numbers"),
        ({"joints": np.ones((14, 3, 2), dtype=complex)}, "holds complex128, expected numbers"),
        ({"joints": {"a": 1}}, "expected numbers"),
        ({"poses": np.zeros((14, 3, 2))}, "holds no array 'joints'"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, content: dict[str, Any], reason: str) -> None:
    mat = tmp_path / "joints.mat"
    savemat(mat, content)
    with pytest.raises(FormatError, match=reason):
        read_lsp(photos(tmp_path / "p", 2), mat)


def test_a_data_set_of_one(tmp_path: Path) -> None:
    joints = some_joints(1)
    savemat(tmp_path / "joints.mat", {"joints": joints[0]})
    imported = read_lsp(photos(tmp_path / "p", 1), tmp_path / "joints.mat")
    assert imported.document.annotations[0]["num_keypoints"] == 14


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "not a MATLAB file"),
        (b"hello world, this is no MATLAB file" * 20, "not a MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(116) + b"\0" * 8 + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n", "7.3"),
    ],
)
def test_files_that_are_no_mat_are_refused_in_one_line(tmp_path: Path, content: bytes | None, reason: str) -> None:
    mat = tmp_path / "joints.mat"
    if content is not None:
        mat.write_bytes(content)
    with pytest.raises(FormatError, match=reason) as caught:
        read_lsp(photos(tmp_path / "p", 1), mat)
    assert "\n" not in str(caught.value)


def test_a_cut_mat_is_refused(tmp_path: Path) -> None:
    mat = lspet_mat(tmp_path / "joints.mat", some_joints(3))
    whole = mat.read_bytes()
    folder = photos(tmp_path / "p", 3)
    for length in range(0, len(whole), 37):
        mat.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"joints\.mat: "):
            read_lsp(folder, mat)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_bytes_never_end_the_process(tmp_path: Path, compressed: bool) -> None:
    mat = tmp_path / "joints.mat"
    savemat(mat, {"other": np.arange(3), "joints": some_joints(4).transpose(1, 2, 0)}, do_compression=compressed)
    whole = mat.read_bytes()
    folder = photos(tmp_path / "p", 4)
    rng = np.random.default_rng(3)
    # Every byte of the tags once with a random value, then some anywhere.
    spots = [*range(120, min(len(whole), 420)), *rng.integers(0, len(whole), 200)]
    for spot in spots:
        damaged = bytearray(whole)
        damaged[spot] = rng.integers(256)
        mat.write_bytes(damaged)
        try:
            assert len(read_lsp(folder, mat).document.images) == 4
        except FormatError as error:
            assert "\n" not in str(error)


def test_all_of_lspet(lspet: Path, tmp_path: Path) -> None:
    imported = read_lsp(lspet / "images", lspet / "joints.mat")
    document = imported.document
    assert len(document.images) == len(document.annotations) == 9000
    assert imported.problems == {}
    assert imported.notes == (
        "3 joints outside the photo were marked not labelled: im00024 head_top, im07393 right_wrist, im08075 right_knee",
    )
    assert sum(a["num_keypoints"] for a in document.annotations) == 110_819 - 3
    assert not [f for f in check_document(document) if f.severity == "error"]
    write_document(tmp_path / "lspet.json", document.data)
    assert read_document(tmp_path / "lspet.json").data == document.data
