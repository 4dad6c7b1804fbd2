"""SLEAP files as SLEAP makes them: predicted instances, films, full paths, boxes of nobody; and files that are none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sleap_io
from format_documents import photos

from labeltool.coco.document import CocoDocument
from labeltool.errors import FormatError
from labeltool.formats.registry import get_format, guess_format
from labeltool.skeleton import COCO_17

SLEAP = get_format("sleap")


def skeleton() -> Any:
    nodes = [sleap_io.Node(name) for name in ("nose", "left_ear", "right_ear")]
    return sleap_io.Skeleton(nodes, edges=[sleap_io.Edge(nodes[0], nodes[1])], name="mouse")


def listed(names: list[str], shape: list[int] | None) -> Any:
    about = {"type": "ImageVideo", "filename": names[0], "filenames": names}
    return sleap_io.Video(names, backend_metadata=about | ({"shape": shape} if shape else {}), open_backend=False)


def film() -> Any:
    about = {"type": "MediaVideo", "filename": "day1/clip.mp4", "shape": [100, 48, 64, 3]}
    return sleap_io.Video("day1/clip.mp4", backend_metadata=about, open_backend=False)


def instance(own: Any, **more: Any) -> Any:
    points = np.array([[1.5, 2, 1, 1], [3, 4, 0, 1], [np.nan, np.nan, 0, 0]])
    return sleap_io.Instance.from_numpy(points, own, **more)


def saved(path: Path, frames: list[Any], own: Any, **more: Any) -> Path:
    videos = list({id(frame.video): frame.video for frame in frames}.values())
    sleap_io.Labels(frames, videos=videos, skeletons=[own], **more).save(str(path), embed=False, verbose=False)
    return path


def test_a_users_labels_and_nothing_else(tmp_path: Path) -> None:
    own = skeleton()
    guess = sleap_io.PredictedInstance.from_numpy(np.ones((3, 2)), own, score=0.5)
    track = sleap_io.Track("a")
    mine = instance(own, track=track)
    boxes = [
        sleap_io.UserBoundingBox.from_xywh(1, 2, 10, 20, instance=mine),
        sleap_io.UserBoundingBox.from_xywh(5, 5, 5, 5),
    ]
    video = listed(["a.jpg", "b.jpg"], [2, 48, 64, 3])
    frame = sleap_io.LabeledFrame(video, 1, [guess, mine], bboxes=boxes)
    imported = SLEAP.read(saved(tmp_path / "l.slp", [frame], own, tracks=[track]))
    data = imported.document.data
    assert [(i["file_name"], i["width"], i["height"]) for i in data["images"]] == [("b.jpg", 64, 48), ("a.jpg", 64, 48)]
    (person,) = data["annotations"]
    assert person["keypoints"] == [1.5, 2, 2, 3, 4, 1, 0, 0, 0]
    assert (person["image_id"], person["bbox"]) == (1, [1, 2, 10, 20])
    assert imported.skeleton.joints == ("nose", "left_ear", "right_ear")
    assert imported.skeleton.limbs == (("nose", "left_ear"),)
    assert imported.notes == (
        "1 predicted instance left out, being no labels: b.jpg [0]",
        "1 frame had boxes of no instance, which were left out: b.jpg",
        "1 tracks were left out",
    )


def test_frames_of_films_are_named(tmp_path: Path) -> None:
    own = skeleton()
    imported = SLEAP.read(saved(tmp_path / "l.slp", [sleap_io.LabeledFrame(film(), 17, [instance(own)])], own))
    assert imported.document.images == [{"id": 1, "file_name": "clip/000017.png", "width": 64, "height": 48}]
    assert "1 frame of films are photos that must be made of them: clip/000017.png" in imported.notes


def test_full_paths_start_from_the_folder_of_photos(tmp_path: Path) -> None:
    own = skeleton()
    folder = photos(tmp_path / "images", ["a.jpg", "sub/b.jpg"])
    names = [str(folder / name) for name in ("a.jpg", "sub/b.jpg")]
    path = saved(tmp_path / "l.slp", [sleap_io.LabeledFrame(listed(names, None), 0, [instance(own)])], own)
    sized = SLEAP.read(path, folder)
    assert [(i["file_name"], i["width"]) for i in sized.document.images] == [("a.jpg", 48), ("sub/b.jpg", 100)]
    with pytest.raises(FormatError, match="no image sizes, expected the folder of the photos"):
        SLEAP.read(path)
    known = saved(tmp_path / "k.slp", [sleap_io.LabeledFrame(listed(names, [2, 9, 9, 3]), 0, [instance(own)])], own)
    assert [i["file_name"] for i in SLEAP.read(known).document.images] == ["a.jpg", "sub/b.jpg"]


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 600])
def test_what_is_no_sleap_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "l.slp"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"l\.slp: (cannot be read|not a SLEAP file)") as caught:
        SLEAP.read(path)
    assert "\n" not in str(caught.value)


def test_a_cut_file_and_one_of_other_data_are_one_line(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "other.slp", "w") as file:
        file["numbers"] = [1, 2, 3]
    own = skeleton()
    whole = saved(tmp_path / "l.slp", [sleap_io.LabeledFrame(film(), 0, [instance(own)])], own).read_bytes()
    (tmp_path / "cut.slp").write_bytes(whole[: len(whole) // 2])
    for name in ("other.slp", "cut.slp"):
        with pytest.raises(FormatError, match=name):
            SLEAP.read(tmp_path / name)


def test_the_name_says_it_and_without_sleap_io_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guess_format(tmp_path / "a.slp", "--to").name == "sleap"
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    document = CocoDocument({"images": [], "annotations": [], "categories": [COCO_17.to_category()]}, "x")
    with pytest.raises(FormatError, match=r"pip install 'labeltool\[sleap\]'"):
        SLEAP.write(document, tmp_path / "a.slp")
