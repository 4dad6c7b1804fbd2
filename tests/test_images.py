from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from labeltool.errors import PhotoError
from labeltool.geometry import image_to_crop
from labeltool.images import MAX_PIXELS, crop_photo, find_photos, load_photo, load_scaled, scale_factor, upright_size


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


def dots(width: int, height: int) -> tuple[Image.Image, list[tuple[int, int]]]:
    """A black photo with a few white squares of 24 x 24 pixels, and the squares' middles."""
    image = Image.new("L", (width, height))
    corners = [(16, 16), (width - 40, 16), (16, height - 40), (width - 40, height - 40), (width // 2, height // 2)]
    for x, y in corners:
        image.paste(255, (x, y, x + 24, y + 24))
    return image.convert("RGB"), [(x + 12, y + 12) for x, y in corners]


@pytest.mark.parametrize("size", [(500, 376), (501, 373), (375, 249), (525, 351), (263, 112)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_scaled_photo_covers_exactly_the_whole_photo(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    image, places = dots(*size)
    image.save(path)
    scaled = np.asarray(load_scaled(path, 256).convert("L"), dtype=float)
    height, width = scaled.shape
    assert max(width, height) <= 256 and max(width, height) >= 0.7 * 256 - 1
    ys, xs = np.mgrid[:height, :width]
    for x, y in places:
        near = (abs(xs - x * width / size[0]) < 24) & (abs(ys - y * height / size[1]) < 24)
        weight = np.where(near & (scaled > 40), scaled, 0)
        found = ((xs * weight).sum() / weight.sum() + 0.5, (ys * weight).sum() / weight.sum() + 0.5)
        # In the photo's own pixels: a quarter of one, edge coordinates; rounding the size up would cost a whole one.
        assert abs(found[0] * size[0] / width - x) < 0.25 and abs(found[1] * size[1] / height - y) < 0.25


def test_a_jpeg_is_decoded_at_a_power_of_two_that_is_near_enough() -> None:
    assert [scale_factor(size, 2048) for size in [(2048, 9), (3000, 9), (4000, 9), (6000, 9), (8688, 9), (40000, 9)]] == [
        1, 2, 2, 4, 4, 8,
    ]  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_scaled_photo_is_upright(tmp_path: Path, orientation: int) -> None:
    image = Image.new("RGB", (800, 400), "white")
    image.paste((255, 0, 0), (0, 0, 160, 160))
    path = tmp_path / "a.jpg"
    upright = tmp_path / "b.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    image.save(upright)
    whole = load_photo(path)
    scaled = np.asarray(load_scaled(path, 200))
    assert scaled.shape == (whole.shape[0] // 4, whole.shape[1] // 4, 3)
    assert np.abs(scaled[4::8, 4::8].astype(int) - whole[18::32, 18::32].astype(int)).max() < 12


def test_an_orientation_that_does_not_exist_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 99
    Image.new("RGB", (40, 20)).save(path, exif=exif)
    assert upright_size(path) == (40, 20)
    assert load_photo(path).shape == (20, 40, 3)


@pytest.mark.parametrize("at_end", [False, True])
def test_the_orientation_of_a_png_is_found_before_and_behind_its_pixels(tmp_path: Path, at_end: bool) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(path, exif=exif)
    if at_end:
        raw = path.read_bytes()
        start = raw.index(b"eXIf") - 4
        end = start + 12 + struct.unpack(">I", raw[start : start + 4])[0]
        rest = raw[:start] + raw[end:]
        tail = rest.index(b"IEND") - 4
        path.write_bytes(rest[:tail] + raw[start:end] + rest[tail:])
    assert upright_size(path) == (20, 40)
    assert load_photo(path).shape == (40, 20, 3)


@pytest.mark.parametrize("top", [255, 4095, 65535])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_scaled_and_not_clipped(tmp_path: Path, top: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    values = np.linspace(0, top, 600).astype(np.uint16).reshape(20, 30)
    Image.fromarray(values).save(path)
    photo = load_photo(path)[..., 0].astype(int)
    assert np.abs(photo - values * 255.0 / (255 if top == 255 else 65535)).max() <= 1
    assert (np.diff(photo.ravel()) >= 0).all()


def test_a_float_tiff_with_gaps_is_shown(tmp_path: Path) -> None:
    values = np.linspace(0, 2000, 600, dtype=np.float32).reshape(20, 30)
    values[3, 4] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    photo = load_photo(tmp_path / "a.tif")[..., 0]
    assert (photo[0, 0], photo[3, 4], photo[-1, -1]) == (0, 0, 255)


def test_adobes_inverted_cmyk_and_the_plain_kind_look_alike(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), (200, 100, 50)).convert("CMYK")
    inverted, plain = tmp_path / "adobe.jpg", tmp_path / "plain.jpg"
    image.save(inverted, quality=98)
    negative = Image.frombytes("CMYK", image.size, bytes(255 - b for b in image.tobytes()))
    file = io.BytesIO()
    negative.save(file, "JPEG", quality=98)
    raw = file.getvalue()
    start = raw.index(b"\xff\xeeC" if b"\xff\xeeC" in raw else b"\xff\xee")
    end = start + 2 + struct.unpack(">H", raw[start + 2 : start + 4])[0]
    plain.write_bytes(raw[:start] + raw[end:])
    for path in (inverted, plain):
        assert np.abs(load_photo(path)[16, 16].astype(int) - [200, 100, 50]).max() <= 6, path
        assert np.abs(np.asarray(load_scaled(path, 8))[4, 4].astype(int) - [200, 100, 50]).max() <= 6, path


def test_a_cmyk_profile_that_is_none_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # of another colour space
    Image.new("RGB", (16, 16), (200, 100, 50)).convert("CMYK").save(path, quality=98, icc_profile=profile)
    assert np.abs(load_photo(path)[8, 8].astype(int) - [200, 100, 50]).max() <= 6
    Image.new("CMYK", (16, 16)).save(path, icc_profile=b"no profile at all")
    assert load_photo(path).shape == (16, 16, 3)


def test_transparency_is_laid_on_white_before_scaling(tmp_path: Path) -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    image.paste((10, 200, 30, 255), (0, 0, 200, 400))
    image.save(tmp_path / "a.png")
    image.convert("P").save(tmp_path / "b.png", transparency=0)
    photo = np.asarray(load_scaled(tmp_path / "a.png", 100))
    assert photo[50, 80].tolist() == [255, 255, 255] and photo[50, 20].tolist() == [10, 200, 30]
    assert load_scaled(tmp_path / "b.png", 100).mode == "RGB"


def test_a_small_file_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path = tmp_path / "bomb.png"
    for width, height in ((60_000, 60_000), (20_000, 10_001)):
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b""))
        for read in (upright_size, load_photo, lambda p: load_scaled(p, 2048)):
            with pytest.raises(PhotoError, match=f"{MAX_PIXELS:,}"):
                read(path)
