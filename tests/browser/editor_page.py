"""The Label page as a labeller sees it: where joints are on the screen, and what the page says."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, ViewportSize, expect
from served import Served

#: What `fit` in geometry.js keeps free around the photo, and its largest scale.
_MARGIN = 24
_MAX_SCALE = 40


SCREEN: ViewportSize = {"width": 1440, "height": 900}

#: What a page keeps in a browser, beside the files it has loaded.
_KEPT = "cookies,local_storage,indexeddb,service_workers,cache_storage"


class EditorPage:
    """The Label page in a browser context of its own, or on a tab that other tests have used: it finds nothing they have kept.

    Attributes:
        page: the page.
        errors: errors of the page's scripts, and of its console.
        requests: requests to /api since they were last cleared, as (method, path).
    """

    def __init__(
        self, browser: Browser, server: Served, scheme: str = "dark", before: str = "", tab: Page | None = None
    ) -> None:
        assert not (before and tab), "what runs before the page stays in its browser context"
        self.server = server
        self._shared = tab is not None
        self.page: Page = browser.new_context(viewport=SCREEN).new_page() if tab is None else tab
        self.context = self.page.context
        if before:
            self.context.add_init_script(before)
        if self._shared:
            self._clean()
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        self.errors: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.page.on("pageerror", self._fault)
        self.page.on("console", self._say)
        self.page.on("request", self._note)
        self.page.goto(server.link)
        self.page.wait_for_selector(".lt[data-ready]", timeout=60_000)

    def _clean(self) -> None:
        """Undoes what a test has left on the tab, a failed one too: held keys, routes, its size, what the page has kept."""
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        self.page.goto("about:blank")
        self.page.unroute_all()
        self.page.mouse.up()
        for key in ("Alt", "Control", "Meta", "Shift", "Space", "h"):
            self.page.keyboard.up(key)
        self.page.set_viewport_size(SCREEN)
        self.page.mouse.move(0, 0)
        storage = self.context.new_cdp_session(self.page)
        storage.send("Storage.clearDataForOrigin", {"origin": self.server.origin, "storageTypes": _KEPT})
        storage.detach()

    def _fault(self, error: Error) -> None:
        self.errors.append(str(error))

    def _say(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _note(self, request: Request) -> None:
        if "/api/" in request.url:
            self.requests.append((request.method, request.url.removeprefix(self.server.origin)))

    def close(self) -> None:
        """Closes the browser context; on a tab that others will use, the page alone."""
        if not self._shared:
            self.context.close()
            return
        self.page.remove_listener("pageerror", self._fault)
        self.page.remove_listener("console", self._say)
        self.page.remove_listener("request", self._note)
        self.page.goto("about:blank")

    # --- where things are --------------------------------------------------------------------------------------------

    def at(self, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        """A joint's place on the page while the whole photo is fitted."""
        box = self.page.locator("canvas.people").bounding_box()
        assert box is not None
        width, height = size
        scale = min((box["width"] - 2 * _MARGIN) / width, (box["height"] - 2 * _MARGIN) / height, _MAX_SCALE)
        left = box["x"] + box["width"] / 2 - width / 2 * scale
        top = box["y"] + box["height"] / 2 - height / 2 * scale
        return left + (x + 0.5) * scale, top + (y + 0.5) * scale

    def joint(self, doc: dict[str, Any], person: dict[str, Any], name: str) -> tuple[float, float]:
        """A joint's place on the page."""
        joint = person["joints"][name]
        return self.at(joint["x"], joint["y"], (doc["image"]["width"], doc["image"]["height"]))

    # --- what a labeller does ------------------------------------------------------------------------------------------

    def open(self, image_id: int) -> dict[str, Any]:
        """Opens an image by its place in the queue; the image as the server has it."""
        ids = self.server.request("GET", "/api/queue")[1]["ids"]
        field = self.page.get_by_label("Place in the queue")
        field.fill(str(ids.index(image_id) + 1))
        field.press("Enter")
        self.shows(image_id)
        self.focus()
        return self.doc(image_id)

    def doc(self, image_id: int) -> dict[str, Any]:
        """The image as the server has it now."""
        data: dict[str, Any] = self.server.request("GET", f"/api/images/{image_id}")[1]
        return data

    def focus(self) -> None:
        self.page.locator("canvas.people").focus()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start: tuple[float, float], by: tuple[float, float], steps: int = 8) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for i in range(1, steps + 1):
            self.page.mouse.move(start[0] + by[0] * i / steps, start[1] + by[1] * i / steps)
        self.page.mouse.up()

    def select(self, person: int) -> None:
        """Selects the n-th person of the list, from 1."""
        self.page.get_by_role("button", name=f"Person {person} ").first.click()
        self.focus()

    # --- what the page says --------------------------------------------------------------------------------------------

    def shows(self, image_id: int) -> None:
        self.page.wait_for_selector(f'.lt[data-image="{image_id}"][data-ready]', timeout=20_000)

    def saved(self) -> None:
        """Waits until the status line says that everything is saved."""
        self.painted()
        expect(self.page.locator(".save-text")).to_contain_text("Saved at", timeout=20_000)

    def painted(self) -> None:
        """Waits until what was done last is on the screen."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def save_text(self) -> str:
        self.painted()
        return self.page.locator(".save-text").inner_text()

    def flag(self, joint: str) -> str:
        """The flag that the joint list shows as set."""
        self.painted()
        row = self.page.locator(".joint", has=self.page.get_by_text(joint.replace("_", " "), exact=True))
        return row.get_attribute("data-v") or ""

    def source(self, joint: str) -> str:
        """The source that the joint list shows."""
        self.painted()
        row = self.page.locator(".joint", has=self.page.get_by_text(joint.replace("_", " "), exact=True))
        return row.locator(".source").inner_text()
