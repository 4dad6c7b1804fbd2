from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_samples import PHOTOS
from PIL import Image
from starlette.testclient import TestClient

from labeltool.errors import PhotoError
from labeltool.images import browser_type
from labeltool.server.photos import PhotoCache, photo_tag

IDS = {name: 100 + i for i, name in enumerate(PHOTOS)}


def get(client: TestClient, name: str, **headers: str) -> Any:
    return client.get(f"/api/images/{IDS[name]}/photo", headers=headers)


def red_at_top_left(content: bytes) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    red = pixels[..., 0] - pixels[..., 2] > 80
    return bool(red[2:8, 2:8].all()) and red.mean() < 0.15


def test_an_upright_photo_leaves_as_it_lies_on_disk(reader: TestClient, project_path: Path) -> None:
    answer = get(reader, "plain.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == (project_path.parent / "photos" / "plain.jpg").read_bytes()
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["turned.jpg", "cmyk.jpg", "plain.jpg"])
def test_every_photo_arrives_upright_without_orientation(reader: TestClient, name: str) -> None:
    content = get(reader, name).content
    image = Image.open(io.BytesIO(content))
    assert image.size == (40, 30)
    assert image.mode == "RGB"
    assert image.getexif().get(0x0112, 1) == 1
    assert red_at_top_left(content)


def test_a_16_bit_photo_becomes_one_that_browsers_show(reader: TestClient) -> None:
    answer = get(reader, "grey16.png")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).mode == "RGB"


def test_a_photo_that_the_browser_has_is_not_sent_again(reader: TestClient, project_path: Path) -> None:
    tag = get(reader, "turned.jpg").headers["etag"]
    again = get(reader, "turned.jpg", **{"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    path = project_path.parent / "photos" / "turned.jpg"
    os.utime(path, ns=(1, 1))
    assert get(reader, "turned.jpg", **{"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("missing.jpg", 404, "missing.jpg: no such photo"),
        ("empty.jpg", 422, "empty.jpg: the file is empty"),
        ("text.jpg", 422, "text.jpg: not an image"),
        ("cut.jpg", 422, "cut.jpg: cannot be decoded"),
    ],
)
def test_a_photo_that_is_none_is_said_in_one_line_without_the_servers_folders(
    reader: TestClient, project_path: Path, name: str, status: int, message: str
) -> None:
    answer = get(reader, name)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(message)
    assert str(project_path.parent) not in answer.text


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("RGB", "jpg", "image/jpeg"),
        ("L", "jpg", "image/jpeg"),
        ("CMYK", "jpg", None),
        ("RGB", "png", "image/png"),
        ("RGBA", "png", None),
        ("P", "gif", "image/gif"),
        ("RGB", "webp", "image/webp"),
        ("RGB", "tif", None),
        ("RGB", "bmp", None),
        ("I;16", "png", None),
    ],
)
def test_which_files_a_browser_shows_as_they_are(tmp_path: Path, mode: str, suffix: str, expected: str | None) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new(mode, (8, 6)).save(path)
    assert browser_type(path) == expected


def test_notes_behind_a_photos_end_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.effect_noise((200, 200), 60).save(path)
    with path.open("ab") as file:
        file.write(b"\0" * 10_000)
    assert browser_type(path) == "image/jpeg"


def test_a_cut_png_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((200, 200), 60).save(path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(PhotoError, match="cannot be decoded"):
        browser_type(path)


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.tif" for i in range(4)]
    for path in paths:
        Image.effect_noise((64, 64), 60).convert("RGB").save(path)
    tags = [photo_tag(path) for path in paths]
    size = len(PhotoCache().get(paths[0], tags[0]).content)
    cache = PhotoCache(limit=int(size * 2.5))
    first = cache.get(paths[0], tags[0])
    cache.get(paths[1], tags[1])
    assert cache.get(paths[0], tags[0]) is first
    cache.get(paths[2], tags[2])
    assert cache.get(paths[0], tags[0]) is first, "used last, so kept"
    cache.get(paths[3], tags[3])
    cache.get(paths[2], tags[2])
    assert cache.get(paths[0], tags[0]) is not first
