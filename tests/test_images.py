from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeltool.errors import PhotoError
from labeltool.geometry import image_to_crop
from labeltool.images import crop_photo, find_photos, load_photo, upright_size


def save_rotated(path: Path, orientation: int) -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste((255, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif, quality=95)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_size_is_that_of_the_decoded_photo(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    save_rotated(path, orientation)
    photo = load_photo(path)
    assert upright_size(path) == (photo.shape[1], photo.shape[0])
    assert photo.shape[:2] == ((40, 20) if orientation >= 5 else (20, 40))


def test_orientation_6_turns_the_corner(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    save_rotated(path, 6)
    photo = load_photo(path).astype(int)
    red = (photo[..., 0] - photo[..., 1]) > 100
    ys, xs = np.nonzero(red)
    assert xs.mean() > 10 and ys.mean() < 10


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16", "1", "LA"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK",) else "a.png")
    if mode == "I;16":
        Image.fromarray(np.linspace(0, 65535, 30 * 20).astype(np.uint16).reshape(20, 30)).save(path)
    else:
        Image.new("RGB", (30, 20), (200, 100, 50)).convert(mode).save(path)
    photo = load_photo(path)
    assert photo.shape == (20, 30, 3)
    assert photo.dtype == np.uint8
    if mode == "I;16":
        assert photo[0, 0, 0] == 0 and photo[-1, -1, 0] == 255


def test_animated_gif_shows_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert load_photo(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"empty \(0 bytes\)"), (b"hello, this is text", "not an image"), (None, "no such photo")],
)
def test_broken_photos_get_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    for function in (upright_size, load_photo):
        with pytest.raises(PhotoError, match=message) as caught:
            function(path)
        assert str(path) in str(caught.value)


def test_a_cut_jpeg_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    assert upright_size(path) == (200, 200)
    with pytest.raises(PhotoError, match="cannot be decoded"):
        load_photo(path)


def test_find_photos_passes_over_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.JPG", "sub/a.png", ".hidden/c.jpg", "notes.txt", ".d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [p.as_posix() for p in find_photos(tmp_path)] == ["b.JPG", "sub/a.png"]
    with pytest.raises(PhotoError, match="no such folder"):
        find_photos(tmp_path / "none")


def test_crop_puts_a_point_where_the_geometry_says() -> None:
    photo = np.zeros((100, 120, 3), np.uint8)
    photo[60, 70] = 255
    box = [50.5, 40.25, 40.0, 40.0]
    crop = crop_photo(photo, box, 160)[..., 0].astype(float)
    ys, xs = np.mgrid[:160, :160]
    centre = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
    assert np.allclose(centre, image_to_crop([[70, 60]], box, 160)[0], atol=0.1)


def test_crop_beyond_the_photo_is_grey() -> None:
    photo = np.full((20, 20, 3), 255, np.uint8)
    crop = crop_photo(photo, [-10, -10, 20, 20], 20)
    assert (crop[:10] == 127).all() and (crop[:, :10] == 127).all()
    assert (crop[10:, 10:] == 255).all()
    assert (crop_photo(photo, [100, 100, 10, 10], 8) == 127).all()
