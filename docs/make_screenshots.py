"""Makes the pictures of docs/images from the demo project, in headless Chromium: `make screenshots`."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, Route, sync_playwright

from labeltool.demo import make_demo

IMAGES = Path(__file__).resolve().parent / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = (1280, 800)

#: A picture takes no more than this.
MOST_BYTES = 200_000

#: Photos of the demo that the pictures show, by id.
LABELLED, PREFILLED, ALONE = 1, 8, 10

GUIDELINE = """# How we label

**Visible (2)** is what you can point at. **Hidden (1)** is what you can place from the rest of the body, behind something.
**Not labelled (0)** is what lies outside the photo, or what two of us would place a head's width apart.

- Left and right are the *person's own*.
- A hip lies in the joint, not on the belt.
- People in the background, smaller than a thumb: leave them out.
"""


def main() -> None:
    """Makes them all."""
    IMAGES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("the screenshots need Chromium: install the package chromium")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "demo") as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in ("light", "dark"):
            with label_page(browser, address, theme) as page:
                states(page, theme, address)
        with label_page(browser, address, "light") as page:
            pages(page)
        with label_page(browser, address, "light") as page:
            trouble(page)
        browser.close()


# --- the pictures ------------------------------------------------------------------------------------------------------------


def states(page: Page, theme: str, address: str) -> None:
    """The editor as it looks at work: in dark the first picture alone."""
    go_to(page, LABELLED)
    press(page, "Tab", "Tab")
    save(page, "label" if theme == "light" else "label-dark")
    if theme == "dark":
        return
    press(page, "Escape", "?")
    save(page, "keys")
    press(page, "Escape")
    go_to(page, PREFILLED)
    press(page, "z", "u")
    if page.get_by_text("No joint of this image is unsure").count():
        sys.exit(f"image {PREFILLED}: no joint is unsure, expected some: the pictures need another photo")
    save(page, "unsure")
    person = people(page, address, PREFILLED)[0]
    x, y = place(page, *joints(person)[4])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 14, y + 9, steps=5)
    save(page, "loupe")
    press(page, "Escape")
    page.mouse.up()
    page.mouse.move(5, 5)
    new_person(page, address)
    page.get_by_role("button", name="Guideline", exact=True).click()
    page.locator(".guideline li").first.wait_for()
    save(page, "guideline")
    page.get_by_role("button", name="Guideline", exact=True).click()
    page.locator("canvas.people").focus()
    press(page, "Control+Space")
    save(page, "skip")
    press(page, "Escape", "Control+g")
    page.keyboard.type("rendered_1")
    save(page, "find")
    press(page, "Escape")


def new_person(page: Page, address: str) -> None:
    """A person deleted, and made anew: a box, then joints one by one."""
    go_to(page, ALONE)
    person = people(page, address, ALONE)[0]
    left, top, width, height = person["box"]
    press(page, "Shift+Delete")
    page.wait_for_timeout(4500)  # Until the notice has gone.
    start, end = place(page, left, top), place(page, left + width, top + height)
    press(page, "b")
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    save(page, "boxing")
    page.mouse.up()
    page.wait_for_timeout(4500)
    press(page, "p")
    for x, y in joints(person)[:5]:
        page.mouse.click(*place(page, x, y))
    save(page, "placing")
    press(page, "Escape")


def pages(page: Page) -> None:
    """The other pages."""
    for name in ("Queue", "Export", "Stats", "Audit"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.get_by_role("heading", name=name, exact=True).first.wait_for()
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(1500)  # Tables and curves draw themselves after the page is there.
        save(page, name.lower())


def trouble(page: Page) -> None:
    """Without the server, and with another labeller who was first."""
    go_to(page, LABELLED)
    page.route("**/api/people/**", lambda route: route.abort())
    press(page, "Tab", "ArrowRight", "Tab", "Shift+ArrowDown", "Tab", "1")
    page.locator('.save[data-state="offline"]').wait_for()
    page.wait_for_timeout(4500)
    save(page, "offline")
    page.unroute("**/api/people/**")
    page.route("**/api/people/**", somebody_else_first)
    page.get_by_role("button", name="Try now").click()
    page.locator(".conflict").wait_for()
    press(page, "z")
    save(page, "conflict")


def somebody_else_first(route: Route) -> None:
    """Saves the same joints elsewhere, by another request, before the labeller's own goes on."""
    body: dict[str, Any] = route.request.post_data_json
    joints = {n: {**j, "x": j["x"] + 18, "y": j["y"] - 14, "v": 2} for n, j in body.get("joints", {}).items()}
    other = {**body, "edit_id": f"other {body['edit_id']}", "joints": {n: _place(j) for n, j in joints.items()}}
    route.fetch(post_data=other)
    route.continue_()


def _place(joint: dict[str, Any]) -> dict[str, Any]:
    return {key: joint[key] for key in ("x", "y", "v")}


# --- the page ----------------------------------------------------------------------------------------------------------------


@contextmanager
def label_page(browser: Browser, address: str, theme: str) -> Iterator[Page]:
    """The Label page, in a context of its own."""
    page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme=theme)  # type: ignore[arg-type]
    page.goto(address)
    page.locator(".lt[data-ready]").wait_for(timeout=60_000)
    yield page
    page.close()


def go_to(page: Page, image_id: int) -> None:
    """Opens an image."""
    page.get_by_label("Place in the queue").fill(str(image_id))
    page.keyboard.press("Enter")
    page.locator(f'.lt[data-image="{image_id}"][data-ready]').wait_for()
    page.locator("canvas.people").focus()


def press(page: Page, *keys: str) -> None:
    """Presses keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(100)


def people(page: Page, address: str, image_id: int) -> list[dict[str, Any]]:
    """The people of an image, as the server has them."""
    origin, token = address.split("/?token=")
    answer = page.request.get(f"{origin}/api/images/{image_id}", headers={"Authorization": f"Bearer {token}"})
    return [person for person in answer.json()["people"] if not person["crowd"]]


def joints(person: dict[str, Any]) -> list[tuple[float, float]]:
    """Where a person's joints are in the photo, in the skeleton's order."""
    return [(joint["x"], joint["y"]) for joint in person["joints"].values()]


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the photo is on the page, by what the status line says at two places of the stage."""
    box = page.locator("canvas.people").bounding_box()
    assert box is not None
    (ax, ay), (bx, by) = [(box["x"] + box["width"] * s, box["y"] + box["height"] * s) for s in (0.3, 0.7)]
    seen = []
    for at in ((ax, ay), (bx, by)):
        page.mouse.move(*at)
        page.wait_for_timeout(60)
        seen.append([float(n) for n in re.findall(r"-?\d+\.\d+", page.locator(".where").inner_text())])
    (pax, pay), (pbx, pby) = seen
    return ax + (x - pax) * (bx - ax) / (pbx - pax), ay + (y - pay) * (by - ay) / (pby - pay)


def save(page: Page, name: str) -> None:
    """Writes docs/images/NAME.jpg, with the colours of lines kept sharp as far as the size allows."""
    page.wait_for_timeout(500)
    path = IMAGES / f"{name}.jpg"
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB")
    for quality in (88, 84, 80, 75, 70):
        picture.save(path, quality=quality, subsampling=0, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break
    print(path.relative_to(IMAGES.parent.parent))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The demo project, with a guideline, on a free port; gives its address with the token."""
    make_demo(folder)
    (folder / "guideline.md").write_text(GUIDELINE)
    settings = folder / "project.toml"
    settings.write_text(f'guideline = "guideline.md"\n{settings.read_text()}')
    command = [sys.executable, "-m", "labeltool.cli", "demo", str(folder), "--no-open", "--port", "8619"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if found := re.search(r"http://\S+token=\S+", line):
                    yield found.group()
                    break
            else:
                sys.exit("the demo did not start")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
