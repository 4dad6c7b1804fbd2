"""A page in Chromium that is measured: the Label page, or the plain one."""

from __future__ import annotations

import io
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, Request, sync_playwright
from playwright.sync_api import TimeoutError as NoAnswer

from latency.project import HEIGHT, PATCH, WIDTH

PROBE = Path(__file__).resolve().parent / "probe.js"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = (1440, 900)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium (or the one LABELTOOL_CHROMIUM names), else Playwright's own, without a head."""
    path = os.environ.get("LABELTOOL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class MeasuredPage:
    """A page with the probe in it, in a browser context (and so with caches) of its own.

    Attributes:
        page: the page.
        first_open_ms: from asking for the address to the first photo and its skeletons painted.
        requests: the URLs asked for since they were last cleared.
    """

    def __init__(self, browser: Browser, link: str) -> None:
        self._context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="dark")
        self._context.add_init_script(PROBE.read_text())
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.page.on("request", self._note)
        asked = time.time() * 1000
        self.page.goto(link)
        self.first_open_ms: float = self.page.evaluate("probe.opened()") - asked

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def close(self) -> None:
        """Closes it."""
        self._context.close()

    def key(self, key: str, image_id: int, ahead: bool | None = None) -> float:
        """Milliseconds from a key to an image painted.

        Args:
            key: the key to press.
            image_id: the image that it leads to.
            ahead: whether its photo must have been fetched before the key, or must not; None where it does not matter.

        Raises:
            RuntimeError: the photo was fetched at the other time, and the figure would be of something else.
        """
        before = self._photo_was_asked(image_id)
        if ahead is not None and before != ahead:
            raise RuntimeError(
                f"photo {image_id}: {'fetched' if before else 'not fetched'} ahead, measured as the contrary"
            )
        self.page.evaluate("id => probe.arm(id)", image_id)
        self.page.keyboard.press(key)
        taken: float = self.page.evaluate("probe.result()")
        return taken

    def _photo_was_asked(self, image_id: int) -> bool:
        return any(re.search(rf"/(images/{image_id}/photo|photo/{image_id})\b", url) for url in self.requests)

    def jump(self, image_id: int, ahead: bool | None = False) -> float:
        """Milliseconds from Enter in the field for the place in the queue to the image painted."""
        raise NotImplementedError

    def where(self, x: float, y: float) -> tuple[float, float]:
        """The place on the page of a pixel of the photo."""
        raise NotImplementedError

    def shows(self, colour: tuple[int, int, int]) -> bool:
        """Whether the photo whose patch has this colour is on the screen."""
        x, y = self.where((PATCH[0] + PATCH[2]) / 2, (PATCH[1] + PATCH[3]) / 2)
        shot = self.page.screenshot(clip={"x": x - 2, "y": y - 2, "width": 4, "height": 4})
        with Image.open(io.BytesIO(shot)) as picture:
            seen: Any = picture.convert("RGB").getpixel((1, 1))
        return bool(max(abs(a - b) for a, b in zip(seen, colour, strict=True)) < 16)

    def drag(self, joint: tuple[float, float], seconds: float) -> dict[str, Any]:
        """Drags a joint about for so long: frames, long tasks, moves, requests before it is let go.

        Raises:
            RuntimeError: letting go saved nothing, so no joint was dragged.
        """
        x, y = self.where(*joint)
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 6, y + 6, steps=3)
        self.page.wait_for_timeout(200)
        self.requests.clear()
        found: dict[str, Any] = self.page.evaluate("([x, y, s]) => probe.drag(x, y, s)", [x, y, seconds])
        found["requests"] = len(self.requests)
        try:
            with self.page.expect_request(lambda request: request.method == "PUT", timeout=5000):
                mouse.up()
        except NoAnswer:
            raise RuntimeError("no save after the drag: no joint was dragged") from None
        return found


class LabelPage(MeasuredPage):
    """The Label page of `labeltool serve`."""

    def jump(self, image_id: int, ahead: bool | None = False) -> float:
        """Milliseconds from Enter in the field for the place in the queue to the image painted."""
        field = self.page.get_by_label("Place in the queue")
        field.fill(str(image_id))
        taken = self.key("Enter", image_id, ahead)
        self.page.locator("canvas.people").focus()
        return taken

    def where(self, x: float, y: float) -> tuple[float, float]:
        """The place on the page of a pixel of the photo, by what the status line says at two places."""
        box = self.page.locator("canvas.people").bounding_box()
        assert box is not None
        (ax, ay), (bx, by) = [(box["x"] + box["width"] * s, box["y"] + box["height"] * s) for s in (0.3, 0.7)]
        (pax, pay), (pbx, pby) = self._says(ax, ay), self._says(bx, by)
        return ax + (x - pax) * (bx - ax) / (pbx - pax), ay + (y - pay) * (by - ay) / (pby - pay)

    def _says(self, x: float, y: float) -> tuple[float, float]:
        self.page.mouse.move(x, y)
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        numbers = re.findall(r"-?\d+\.\d+", self.page.locator(".where").inner_text())
        return float(numbers[0]), float(numbers[1])


class PlainPage(MeasuredPage):
    """The plain page."""

    def jump(self, image_id: int, ahead: bool | None = False) -> float:
        """Milliseconds from Enter to the image painted."""
        self.page.evaluate("id => { location.hash = id; }", image_id)
        return self.key("Enter", image_id, ahead)

    def where(self, x: float, y: float) -> tuple[float, float]:
        """The place on the page of a pixel of the photo."""
        return x * 1068 / WIDTH, y * 801 / HEIGHT
