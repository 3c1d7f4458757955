"""Makes the pictures of README.md anew: `python -m tests.readme_pictures`. For one of them a model trains a minute."""

import os
import tempfile

from playwright.sync_api import Browser, Page, sync_playwright

from tests.ui.desk import READY, WINDOW
from tests.ui.server_process import ROOT, ServerProcess

ROOM = {"width": 1280, "height": 720}
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
STEPS = 340
"""Of the training that is shown: its curve has bent by then, and several samples are there."""


def opened(browser: Browser, url: str, size: dict[str, int], *, dark: bool = False) -> Page:
    """The page as a newcomer finds it, its heads drawn."""
    page = browser.new_page(viewport=size, color_scheme="dark" if dark else "light")
    page.set_default_timeout(600_000)
    page.goto(url)
    page.wait_for_function(READY)
    page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
    page.wait_for_selector("#gb-heads [data-picture] canvas >> visible=true")
    page.wait_for_timeout(2_000)
    return page


def save(page: Page, name: str) -> None:
    """Write what is seen as a picture of the README."""
    path = ROOT / "assets" / f"screenshot-{name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """The heads at the desk and in a room, and a model in training."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = ServerProcess(home)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            save(opened(browser, server.url, WINDOW), "light")
            room = opened(browser, server.url, ROOM)
            room.keyboard.press("p")
            room.wait_for_function("document.body.classList.contains('gb-room')")
            room.wait_for_timeout(1_000)
            save(room, "room")
            train = opened(browser, server.url, WINDOW, dark=True)
            train.evaluate("glassbox.openView('train', 'run')")
            train.click("#gb-run [data-id=start]")
            reached = "(steps) => Number(document.querySelector('#gb-run .gb-figures b, #gb-run .gb-figures dd')"
            reached += (
                ".textContent.split('/')[0].replace(/\\D/g, '')) >= steps && /Training/.test(document.body.innerText)"
            )
            train.wait_for_function(reached, arg=STEPS)
            save(train, "dark")
        finally:
            browser.close()
            server.kill()


if __name__ == "__main__":
    main()
