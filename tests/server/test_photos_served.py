from __future__ import annotations

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_samples import PHOTOS
from PIL import Image
from starlette.testclient import TestClient

from labeltool.errors import PhotoError
from labeltool.images import browser_type
from labeltool.server import photos
from labeltool.server.photo_store import PhotoStore, ReadyPhoto
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


# --- scaled photos and tiles ---------------------------------------------------------------------------------------------


def large(path: Path, width: int = 4000, height: int = 2500) -> Path:
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(path)
    return path


@pytest.fixture
def big(project_path: Path) -> Path:
    """The photo of the first image, now a large one."""
    return large(project_path.parent / "photos" / "plain.jpg")


def test_a_large_photo_is_sent_scaled_with_the_size_of_the_whole(reader: TestClient, big: Path) -> None:
    url = f"/api/images/{IDS['plain.jpg']}/photo"
    answer = reader.get(f"{url}?max=2048")
    assert answer.headers["x-photo-size"] == "4000x2500"
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (2000, 1250)
    assert reader.get(url).content == big.read_bytes()
    again = reader.get(f"{url}?max=2048", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_small_photo_is_sent_as_it_lies_on_disk_whatever_is_asked_for(reader: TestClient, project_path: Path) -> None:
    answer = reader.get(f"/api/images/{IDS['plain.jpg']}/photo?max=2048")
    assert answer.content == (project_path.parent / "photos" / "plain.jpg").read_bytes()
    assert answer.headers["x-photo-size"] == "40x30"


def test_a_large_photo_is_sent_in_tiles(reader: TestClient, big: Path) -> None:
    url = f"/api/images/{IDS['plain.jpg']}/photo?tile="
    answer = reader.get(f"{url}0,3,2")
    assert answer.headers["x-photo-size"] == "4000x2500"
    assert Image.open(io.BytesIO(answer.content)).size == (4000 - 3 * 1024 + 2, 2500 - 2 * 1024 + 2)
    for place in ("0,4,0", "1,0,0", "0,0,3"):
        missing = reader.get(url + place)
        assert missing.status_code == 404 and missing.json() == {
            "error": f"tile is {place}: the photo has no such tile"
        }


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("max=2049", "max is 2049, expected one of 256, 512, 1024, 2048"),
        ("max=big", "max is 'big', expected an integer"),
        ("tile=1,2", "tile is '1,2', expected 3 integers of at least 0 with commas between"),
        ("tile=1,2,-3", "tile is '1,2,-3', expected 3 integers of at least 0 with commas between"),
        ("tile=1,2,x", "tile is '1,2,x', expected 3 integers of at least 0 with commas between"),
    ],
)
def test_a_part_that_is_none_is_said_in_one_line(reader: TestClient, query: str, error: str) -> None:
    answer = reader.get(f"/api/images/{IDS['plain.jpg']}/photo?{query}")
    assert (answer.status_code, answer.json()) == (422, {"error": error})


@pytest.mark.parametrize("part", ["max=2048", "tile=0,0,0"])
def test_a_broken_photo_is_said_for_every_part(reader: TestClient, part: str) -> None:
    for name in ("missing.jpg", "empty.jpg", "text.jpg"):
        answer = reader.get(f"/api/images/{IDS[name]}/photo?{part}")
        assert answer.status_code in (404, 422) and answer.json()["error"].startswith(name)


def test_what_was_made_is_found_on_disk_by_the_next_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path / "a.jpg")
    tag = photo_tag(path)
    first = PhotoCache(folder=tmp_path / "cache")
    scaled, tile = first.scaled(path, tag, 2048), first.tile(path, tag, (0, 1, 1))

    def refuse(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(photos, "load_scaled", refuse)
    monkeypatch.setattr(photos, "load_image", refuse)
    second = PhotoCache(folder=tmp_path / "cache")
    assert second.scaled(path, tag, 2048) == scaled
    assert second.tile(path, tag, (0, 1, 1)) == tile
    assert (tmp_path / "cache" / ".gitignore").read_text() == "*\n"


def test_a_photo_that_changed_is_made_anew(tmp_path: Path) -> None:
    path = large(tmp_path / "a.jpg")
    cache = PhotoCache(folder=tmp_path / "cache")
    before = cache.scaled(path, photo_tag(path), 2048)
    Image.new("RGB", (3000, 2500), "red").save(path)
    assert cache.scaled(path, photo_tag(path), 2048).size == (3000, 2500) != before.size


def test_many_who_ask_at_once_get_what_was_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path / "a.jpg", 2400, 1500)
    tag = photo_tag(path)
    calls: list[str] = []
    go = threading.Barrier(8)
    for name in ("load_scaled", "load_image"):
        real = getattr(photos, name)
        monkeypatch.setattr(photos, name, lambda *args, _real=real, _name=name: calls.append(_name) or _real(*args))
    cache = PhotoCache()

    def ask(i: int) -> ReadyPhoto | None:
        go.wait(10)
        return cache.scaled(path, tag, 2048) if i % 2 else cache.tile(path, tag, (0, i // 4, 0))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert all(answers)
    assert sorted(calls) == ["load_image", "load_scaled"]


def test_a_failure_is_everybodys_and_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"no photo")
    cache = PhotoCache(folder=tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(PhotoError, match="not an image"):
            cache.scaled(path, photo_tag(path), 2048)
    large(path)
    assert cache.scaled(path, photo_tag(path), 2048).size == (4000, 2500)


def test_without_a_disk_to_write_on_everything_still_works(tmp_path: Path) -> None:
    path = large(tmp_path / "a.jpg")
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache = PhotoCache(folder=tmp_path / "cache")
    tag = photo_tag(path)
    assert cache.scaled(path, tag, 2048).size == (4000, 2500)
    first = cache.tile(path, tag, (0, 0, 0))
    assert first is not None and cache.tile(path, tag, (0, 0, 0)) is first


def test_the_disk_holds_so_many_bytes_and_the_oldest_go_first(tmp_path: Path) -> None:
    store = PhotoStore(tmp_path, limit=10_000)
    for i in range(20):
        assert store.write(f"photo-{i}", {"max-2048": ReadyPhoto(bytes(2000), "image/jpeg", (i, i))})
        os.utime(tmp_path / f"photo-{i}", (i, i))
        if i >= 2:
            assert store.read("photo-0", "max-2048") is not None, "used last, so kept"
        os.utime(tmp_path / "photo-0", (100 + i, 100 + i))
    kept = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert "photo-0" in kept and "photo-19" in kept and 3 <= len(kept) <= 5


def test_a_cut_file_of_the_store_is_none(tmp_path: Path) -> None:
    store = PhotoStore(tmp_path)
    store.write("a", {"full": ReadyPhoto(b"x" * 100, "image/png", (3, 4))})
    file = tmp_path / "a" / "full"
    assert store.read("a", "full") == ReadyPhoto(b"x" * 100, "image/png", (3, 4))
    for content in (file.read_bytes()[:-1], b"", b"labeltool-photo 3 4 image/png x\n", b"x" * 100):
        file.write_bytes(content)
        assert store.read("a", "full") is None


def test_no_more_is_decoded_at_once_than_the_memory_holds() -> None:
    gate = photos._Gate(100)
    inside: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(size: int) -> None:
        with gate.hold(size):
            with lock:
                inside.append(size)
                most.append(sum(inside))
            threading.Event().wait(0.01)
            with lock:
                inside.remove(size)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [40, 40, 40, 500, 40, 40]))
    assert max(size for size in most if size != 500) <= 100
    assert 500 in most, "too large for the gate, so alone"
