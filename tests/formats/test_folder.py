from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from labeltool.coco.check import check_document
from labeltool.errors import FormatError
from labeltool.formats.folder import read_folder
from labeltool.skeleton import COCO_17, MPII_16


def photo(path: Path, size: tuple[int, int] = (40, 30), orientation: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)


def test_photos_are_numbered_by_path_and_have_their_upright_size(tmp_path: Path) -> None:
    photo(tmp_path / "b.jpg")
    photo(tmp_path / "a" / "2.PNG", (50, 20))
    photo(tmp_path / "a" / "1.jpeg", orientation=6)
    photo(tmp_path / ".hidden" / "x.jpg")
    (tmp_path / "notes.txt").write_text("hello")
    imported = read_folder(tmp_path, MPII_16)
    assert imported.document.images == [
        {"id": 1, "file_name": "a/1.jpeg", "width": 30, "height": 40},
        {"id": 2, "file_name": "a/2.PNG", "width": 50, "height": 20},
        {"id": 3, "file_name": "b.jpg", "width": 40, "height": 30},
    ]
    assert imported.document.annotations == []
    assert imported.document.categories == [MPII_16.to_category()]
    assert (imported.image_root, imported.skeleton, imported.notes, imported.problems) == (tmp_path, MPII_16, (), {})
    assert check_document(imported.document, images_root=tmp_path) == []


def test_broken_photos_keep_their_number_and_are_left_out(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"")
    (tmp_path / "c.jpg").write_text("this is text")
    photo(tmp_path / "d.jpg")
    imported = read_folder(tmp_path, COCO_17)
    assert [image["id"] for image in imported.document.images] == [1, 4]
    assert sorted(imported.problems) == [2, 3]
    assert imported.problems[2].startswith(f"{tmp_path / 'b.jpg'}: the file is empty (0 bytes)")
    assert imported.problems[3].startswith(f"{tmp_path / 'c.jpg'}: not an image")
    assert imported.notes == ("2 photos could not be opened and were left out: b.jpg, c.jpg",)


def test_a_folder_without_photos_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no photos here"):
        read_folder(tmp_path, COCO_17)
    with pytest.raises(FormatError, match="no such folder"):
        read_folder(tmp_path / "none", COCO_17)
