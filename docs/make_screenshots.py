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

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = (1360, 850)


def main() -> None:
    """Makes them all."""
    IMAGES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("the screenshots need Chromium: install the package chromium")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "demo") as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme=theme)  # type: ignore[arg-type]
            page.goto(address)
            label_page(page)
            save(page, f"label-{theme}" if theme == "dark" else "label")
            if theme == "light":
                page.keyboard.press("?")
                page.wait_for_timeout(600)
                save(page, "keys")
                page.keyboard.press("Escape")
                for name in ("Export", "Audit"):
                    page.get_by_role("link", name=name).first.click()
                    page.get_by_role("heading", name=name).first.wait_for()
                    page.wait_for_timeout(4000)
                    save(page, name.lower())
            page.close()
        browser.close()


def label_page(page: Page) -> None:
    """Waits for the canvas and goes to a photo with several people."""
    page.get_by_role("button", name="Submit").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    for _ in range(3):
        page.keyboard.press("f")
        page.wait_for_timeout(700)


def save(page: Page, name: str) -> None:
    """Writes docs/images/NAME.jpg, with the colours of lines kept sharp."""
    path = IMAGES / f"{name}.jpg"
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(path, quality=88, subsampling=0, optimize=True)
    print(path.relative_to(IMAGES.parent.parent))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The demo project on a free port; gives its address with the token."""
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
