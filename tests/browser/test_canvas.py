"""The canvas in Chromium: odd photos, overlapping people, boxes, the whole person, the loupe, touch, and what zooming fetches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from editor_page import EditorPage
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from served import Served

from labeltool.coco.document import CocoDocument
from labeltool.project import Project
from labeltool.skeleton import COCO_17

pytestmark = pytest.mark.browser

#: The quarters of every odd photo, as it is meant to be seen: top left, top right, bottom left, bottom right.
QUARTERS = ((220, 30, 30), (30, 180, 30), (30, 30, 220), (240, 240, 240))
GREYS = (20, 90, 160, 240)
STAGE, BIG, TINY, FIRST_ODD = 1, 2, 3, 4
BIG_SIZE = (3200, 2400)
#: Where the large photo has a white square of 8 x 8 pixels: its top left pixel.
MARK = (2000, 1500)


def quarters(width: int, height: int, colours: tuple[Any, ...] = QUARTERS, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (width, height))
    for i, colour in enumerate(colours):
        image.paste(
            colour, (i % 2 * width // 2, i // 2 * height // 2, (i % 2 + 1) * width // 2, (i // 2 + 1) * height // 2)
        )
    return image


def turned(folder: Path, orientation: int) -> str:
    """A photo that is stored turned or mirrored, and whose EXIF says so."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = quarters(120, 80)
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = f"exif-{orientation}.jpg"
    (image if undo is None else image.transpose(undo)).save(folder / name, exif=exif, quality=95)
    return name


def odd_photos(folder: Path) -> list[str]:
    """One file of each odd kind; all show the same quarters, of 120 x 80 pixels."""
    plain, grey = quarters(120, 80), quarters(120, 80, GREYS, "L")
    plain.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    plain.save(folder / "frames.gif", save_all=True, append_images=[Image.new("RGB", (120, 80))], duration=50, loop=0)
    plain.save(folder / "plain.webp", lossless=True)
    plain.save(folder / "plain.tif")
    plain.quantize(8).save(folder / "palette.png")
    grey.save(folder / "grey.jpg", quality=95)
    deep = np.asarray(grey).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    clear = plain.convert("RGBA")
    clear.paste((0, 0, 0, 0), (60, 40, 120, 80))  # transparent is shown white
    clear.save(folder / "clear.png")
    names = ["cmyk.jpg", "frames.gif", "plain.webp", "plain.tif", "palette.png", "grey.jpg", "deep.png", "clear.png"]
    return names + [turned(folder, i) for i in range(1, 9)]


def standing(left: float, top: float, scale: float = 1.0) -> list[float]:
    """A person whose joints lie on a grid, all visible, at places between the pixels."""
    values: list[float] = []
    for i in range(17):
        values += [left + (i % 4) * 40 * scale + 0.125, top + (i // 4) * 60 * scale + 0.6875, 2]
    return values


def make_project(folder: Path) -> Path:
    photos = folder / "photos"
    photos.mkdir()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(photos / "stage.jpg")
    big = Image.radial_gradient("L").resize(BIG_SIZE).convert("RGB")
    big.paste((0, 0, 0), (MARK[0] - 60, MARK[1] - 60, MARK[0] + 68, MARK[1] + 68))
    big.paste((255, 255, 255), (MARK[0], MARK[1], MARK[0] + 8, MARK[1] + 8))
    big.save(photos / "big.png", compress_level=1)
    quarters(10, 10).save(photos / "tiny.png")
    odd = odd_photos(photos)
    sizes = [("stage.jpg", 640, 480), ("big.png", *BIG_SIZE), ("tiny.png", 10, 10), *((name, 120, 80) for name in odd)]
    images = [{"id": i + 1, "file_name": n, "width": w, "height": h} for i, (n, w, h) in enumerate(sizes)]
    common = {"category_id": 1, "iscrowd": 0, "area": 30_000.5, "num_keypoints": 17, "segmentation": []}
    people = [
        {"image_id": STAGE, "keypoints": standing(100, 80), "bbox": [90.25, 60.5, 180, 340]},
        {"image_id": STAGE, "keypoints": standing(104, 84), "bbox": [95, 70, 180, 330]},
        {"image_id": STAGE, "keypoints": standing(108, 88), "bbox": [100, 80, 180, 320]},
        {"image_id": BIG, "keypoints": standing(MARK[0] + 3.4, MARK[1] + 2.8), "bbox": [1900, 1400, 400, 500]},
        {"image_id": TINY, "keypoints": standing(1, 1, 0.03), "bbox": [0.5, 0.5, 8, 8]},
    ]
    annotations = [{**common, "id": i + 1, **person} for i, person in enumerate(people)]
    document = {"images": images, "annotations": annotations, "categories": [COCO_17.to_category()]}
    path = folder / "project"
    with Project.create(path, CocoDocument(document, "canvas.json"), photos, COCO_17):
        pass
    return path


@pytest.fixture(scope="module")
def canvas_server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    with Served(make_project(tmp_path_factory.mktemp("canvas")), port=port) as server:
        yield server


@pytest.fixture
def editor(chromium: Browser, tab: Page, canvas_server: Served) -> Iterator[EditorPage]:
    editor = EditorPage(chromium, canvas_server, tab=tab)
    editor.open(STAGE)
    yield editor
    errors = editor.errors
    editor.close()
    assert errors == []


def colours(editor: EditorPage, spots: list[tuple[float, float]]) -> list[list[int]]:
    """What the photo's canvas shows at places of the page."""
    script = """(canvas, spots) => {
        const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width, context = canvas.getContext('2d');
        const pixel = (x, y) => context.getImageData((x - box.left) * ratio, (y - box.top) * ratio, 1, 1).data;
        return spots.map(([x, y]) => [...pixel(x, y)].slice(0, 3));
    }"""
    editor.painted()
    found: list[list[int]] = editor.page.locator(".stage canvas").first.evaluate(script, [list(spot) for spot in spots])
    return found


def near(found: list[int], wanted: Any, by: int = 24) -> bool:
    return max(abs(a - b) for a, b in zip(found, np.broadcast_to(wanted, 3).tolist(), strict=True)) <= by


def box_of(editor: EditorPage, person: int, image: int = STAGE) -> list[float]:
    editor.saved()
    box: list[float] = editor.doc(image)["people"][person]["box"]
    return box


def scale_of(editor: EditorPage) -> float:
    return editor.at(1, 0, (640, 480))[0] - editor.at(0, 0, (640, 480))[0]


def test_every_odd_photo_is_shown_upright_and_in_its_colours(editor: EditorPage) -> None:
    names = [image["file_name"] for image in _images(editor)]
    for image_id in range(FIRST_ODD, len(names) + 1):
        name = names[image_id - 1]
        editor.open(image_id)
        expect(editor.page.locator(".stage-message")).to_be_hidden()
        spots = [editor.at(120 * x - 0.5, 80 * y - 0.5, (120, 80)) for y in (0.25, 0.75) for x in (0.25, 0.75)]
        wanted: tuple[Any, ...] = GREYS if name in ("grey.jpg", "deep.png") else QUARTERS
        if name == "clear.png":
            wanted = (*QUARTERS[:3], (255, 255, 255))
        found = colours(editor, spots)
        for have, want in zip(found, wanted, strict=True):
            assert near(have, want, 40 if name == "cmyk.jpg" else 24), (name, found)


def _images(editor: EditorPage) -> list[dict[str, Any]]:
    ids = editor.server.request("GET", "/api/queue")[1]["ids"]
    return [editor.doc(image_id)["image"] for image_id in ids]


def test_a_photo_of_ten_pixels_is_large_and_sharp_and_its_joints_can_be_taken(editor: EditorPage) -> None:
    editor.open(TINY)
    size = (10, 10)
    edge = (editor.at(4, 2, size)[0] + editor.at(5, 2, size)[0]) / 2
    y = editor.at(0, 2, size)[1]
    left, right = colours(editor, [(edge - 2, y), (edge + 2, y)])
    assert near(left, QUARTERS[0]) and near(right, QUARTERS[1]), "no blur between two pixels"
    before = editor.doc(TINY)["people"][0]["joints"]["right_ankle"]
    spot = editor.at(before["x"], before["y"], size)
    editor.drag((spot[0] + 6, spot[1]), (60, -20))
    editor.saved()
    after = editor.doc(TINY)["people"][0]["joints"]["right_ankle"]
    assert math.isclose(after["x"], before["x"] + 60 / 40, abs_tol=0.01), "a fraction of a pixel"
    assert math.isclose(after["y"], before["y"] - 20 / 40, abs_tol=0.01)


def test_of_three_people_on_top_of_each_other_the_selected_one_wins(editor: EditorPage) -> None:
    doc = editor.doc(STAGE)
    middle = doc["people"][1]["joints"]["left_hip"]
    spot = editor.at(middle["x"], middle["y"], (640, 480))
    for index in (3, 1, 2):
        editor.select(index)
        editor.page.mouse.click(*spot)
        expect(editor.page.locator(".person[aria-pressed=true]")).to_contain_text(f"Person {index}")
        expect(editor.page.locator(".joint[data-selected] .joint-name")).to_have_text("left hip")
    assert editor.save_text() == "No changes"


def test_looking_closely_changes_no_number(editor: EditorPage) -> None:
    before = [editor.doc(image) for image in (STAGE, BIG)]
    editor.page.mouse.move(*editor.at(180, 200, (640, 480)))
    for delta in (-900, -300, 250):
        editor.page.mouse.wheel(0, delta)
    editor.press("z", "Shift+Z", "Tab", "Tab", "f")
    editor.shows(BIG)
    editor.press("z", "d")
    editor.shows(STAGE)
    assert editor.save_text() == "No changes"
    assert [editor.doc(image) for image in (STAGE, BIG)] == before
    assert before[0]["people"][0]["joints"]["nose"] == {
        **before[0]["people"][0]["joints"]["nose"],
        "x": 100.125,
        "y": 80.6875,
    }


def test_a_large_photo_comes_scaled_and_sharp_where_it_is_zoomed(editor: EditorPage) -> None:
    editor.requests.clear()
    editor.open(BIG)
    photos = [path for _, path in editor.requests if "/photo" in path and f"/{BIG}/" in path]
    assert all(path.endswith("max=2048") for path in photos), "no tile for the whole photo on a small stage"
    editor.page.mouse.move(*editor.at(MARK[0] + 3.5, MARK[1] + 3.5, BIG_SIZE))
    with editor.page.expect_response(lambda answer: "tile=" in answer.url and answer.ok):
        for _ in range(12):
            editor.page.mouse.wheel(0, -200)
    editor.page.wait_for_timeout(400)
    middle = editor.at(MARK[0] + 3.5, MARK[1] + 3.5, BIG_SIZE)
    zoom = float(editor.page.locator(".zoom").inner_text().split()[0]) / 100
    assert zoom > 4
    # The square of 8 pixels ends 4 pixels from its middle, sharp on all sides: nothing is shifted by half a pixel.
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        inside, outside = ((middle[0] + dx * zoom * d, middle[1] + dy * zoom * d) for d in (3.75, 4.25))
        white, black = colours(editor, [inside, outside])
        assert min(white) > 200 and max(black) < 60, (dx, dy, white, black)


def test_dragging_asks_for_nothing_until_the_pointer_is_let_go(editor: EditorPage) -> None:
    doc = editor.open(BIG)
    spot = editor.joint(doc, doc["people"][0], "nose")
    editor.page.mouse.move(*spot)
    editor.page.wait_for_timeout(700)
    editor.page.mouse.down()
    editor.page.mouse.move(spot[0] + 5, spot[1])
    editor.requests.clear()
    for i in range(10):
        editor.page.mouse.move(spot[0] - i * 20, spot[1] + i * 10)
    editor.page.wait_for_timeout(300)
    assert editor.requests == []
    editor.press("Escape")
    editor.page.mouse.up()
    assert editor.save_text() == "No changes"


def test_the_loupe_is_there_while_a_joint_is_dragged_and_never_under_the_pointer(editor: EditorPage) -> None:
    doc = editor.doc(STAGE)
    editor.select(1)
    loupe = editor.page.locator(".loupe")
    expect(loupe).to_be_hidden()
    editor.page.mouse.move(*editor.joint(doc, doc["people"][0], "nose"))
    editor.page.mouse.down()
    stage = editor.page.locator(".stage").bounding_box()
    assert stage is not None
    for x, y in ((400, 400), (60, 60), (stage["width"] - 60, 60)):
        editor.page.mouse.move(stage["x"] + x, stage["y"] + y, steps=3)
        editor.painted()
        expect(loupe).to_be_visible()
        box = loupe.bounding_box()
        assert box is not None
        dx = stage["x"] + x - box["x"] - box["width"] / 2
        dy = stage["y"] + y - box["y"] - box["height"] / 2
        assert math.hypot(dx, dy) > box["width"] / 2
    editor.press("Escape")
    editor.page.mouse.up()
    expect(loupe).to_be_hidden()


def test_a_new_person_is_drawn_as_a_box(editor: EditorPage) -> None:
    people = len(editor.doc(STAGE)["people"])
    start = editor.at(400, 100, (640, 480))
    editor.press("b")
    expect(editor.page.locator(".stage-hint")).to_contain_text("Drag a box")
    editor.page.mouse.click(*start)
    editor.drag(start, (60, 60))
    expect(editor.page.locator(".person")).to_have_count(people + 1)
    editor.saved()
    doc = editor.doc(STAGE)
    new = doc["people"][-1]
    scale = scale_of(editor)
    for have, want in zip(new["box"], (400.5, 100.5, 60 / scale, 60 / scale), strict=True):
        assert math.isclose(have, want, abs_tol=0.05), new["box"]
    assert all(joint["v"] == 0 for joint in new["joints"].values())
    # Without joints the box has handles even when boxes are hidden.
    editor.press("b")
    editor.page.mouse.move(*editor.at(450, 300, (640, 480)))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.at(500, 400, (640, 480)), steps=4)
    editor.press("Escape")
    editor.page.mouse.up()
    editor.press("Escape")
    expect(editor.page.locator(".stage-hint")).to_be_hidden()
    assert len(editor.doc(STAGE)["people"]) == people + 1, "Escape draws nothing"
    editor.press("Control+z")
    editor.saved()


def test_a_box_is_reshaped_by_its_handles_and_the_joints_stay(editor: EditorPage) -> None:
    before = editor.doc(STAGE)["people"][0]
    editor.select(1)
    x, y, w, h = before["box"]
    scale = scale_of(editor)
    corner = editor.at(x + w - 0.5, y + h - 0.5, (640, 480))
    editor.page.mouse.move(*corner)
    assert editor.page.locator("canvas.people").evaluate("canvas => canvas.style.cursor") == "nwse-resize"
    editor.drag(corner, (30, 20))
    after = box_of(editor, 0)
    for have, want in zip(after, (x, y, w + 30 / scale, h + 20 / scale), strict=True):
        assert math.isclose(have, want, abs_tol=0.01), after
    assert editor.doc(STAGE)["people"][0]["joints"] == before["joints"]
    editor.press("Control+z")
    assert box_of(editor, 0) == before["box"]


def test_alt_and_drag_moves_the_whole_person_and_not_the_box(editor: EditorPage) -> None:
    before = editor.doc(STAGE)["people"][0]
    editor.select(1)
    scale = scale_of(editor)
    spot = editor.at(before["joints"]["nose"]["x"], before["joints"]["nose"]["y"], (640, 480))
    editor.page.keyboard.down("Alt")
    editor.drag(spot, (40, 25))
    editor.page.keyboard.up("Alt")
    editor.saved()
    after = editor.doc(STAGE)["people"][0]
    for name, joint in before["joints"].items():
        assert math.isclose(after["joints"][name]["x"], joint["x"] + 40 / scale, abs_tol=0.01), name
        assert math.isclose(after["joints"][name]["y"], joint["y"] + 25 / scale, abs_tol=0.01), name
    assert after["box"] == before["box"]
    editor.press("Control+z")
    editor.saved()
    undone = editor.doc(STAGE)["people"][0]["joints"]
    assert {n: (j["x"], j["y"]) for n, j in undone.items()} == {
        n: (j["x"], j["y"]) for n, j in before["joints"].items()
    }


def test_brightness_changes_the_photo_alone_and_is_remembered(editor: EditorPage) -> None:
    page = editor.page
    script = "canvases => canvases.map(canvas => getComputedStyle(canvas).filter)"
    page.get_by_role("button", name="Brightness, contrast, boxes (L)").click()
    slider = page.get_by_label("Brightness", exact=False).locator("visible=true").and_(page.locator("input"))
    slider.focus()
    editor.press(*["ArrowRight"] * 10)
    expect(slider).to_have_attribute("aria-valuetext", "200 %")
    found = page.locator(".stage > canvas").evaluate_all(script)
    assert found == ["brightness(2) contrast(1)", "none", "none"]
    editor.press("Escape")
    expect(page.locator(".adjust-sheet")).to_be_hidden()
    page.reload()
    page.wait_for_selector(".lt[data-ready]")
    assert page.locator(".stage > canvas").evaluate_all(script)[0] == "brightness(2) contrast(1)"
    page.get_by_role("button", name="Brightness, contrast, boxes (L)").click()
    page.get_by_role("button", name="Reset").click()
    assert page.locator(".stage > canvas").evaluate_all(script) == ["none"] * 3
    assert editor.save_text() == "No changes"


def test_two_fingers_zoom_and_move_the_view_and_no_joint(chromium: Browser, canvas_server: Served) -> None:
    editor = EditorPage(chromium, canvas_server)
    editor.open(STAGE)
    doc = editor.doc(STAGE)
    before = editor.page.locator(".zoom").inner_text()
    x, y = editor.joint(doc, doc["people"][0], "left_hip")
    touch = editor.context.new_cdp_session(editor.page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 40, y))
    fingers("touchStart", (x + 40, y), (x + 140, y))
    for i in range(1, 6):
        fingers("touchMove", (x + 40 - 10 * i, y), (x + 140 + 10 * i, y))
    fingers("touchEnd")
    editor.painted()
    zoom = [int(text.split()[0].replace(",", "")) for text in (before, editor.page.locator(".zoom").inner_text())]
    assert abs(zoom[1] / zoom[0] - 2) < 0.05
    assert editor.save_text() == "No changes"
    assert editor.doc(STAGE) == doc
    assert editor.errors == []
    editor.close()
