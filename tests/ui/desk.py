"""Where visitors of the page sit, one after another: a window of Chromium that stays open.

Scripts that were fetched and compiled for one visitor are there for the next, so a page opens in a third of the
processor's time that it takes in a new window.
"""

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

WINDOW: ViewportSize = {"width": 1440, "height": 900}
READY = "window.glassbox && glassbox.subject.model !== null"


class Desk:
    """One window, and what its pages' consoles said that was wrong."""

    def __init__(self, browser: Browser) -> None:
        self.context: BrowserContext = browser.new_context(viewport=WINDOW)
        self.errors: list[str] = []
        self.used = False
        self._page: Page | None = None

    @property
    def free(self) -> bool:
        """Whether nobody's page is open."""
        return not self.used or self._page is None or self._page.is_closed()

    def open(self, app: str, address: str = "", size: ViewportSize = WINDOW) -> Page:
        """The page of the app at `app` as a newcomer with a window of that size finds it, its model on it."""
        self.used = True
        page = self._page
        if page is None or page.is_closed():
            page = self._page = self.context.new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: self.errors.append(str(error)))
            page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.set_viewport_size(size)
        page.goto(f"{app}/glassbox.json")  # of the same origin, and without a script
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.mouse.move(0, 0)
        self.errors.clear()
        page.goto(f"{app}/#{address}" if address else app)
        page.wait_for_function(READY)
        return page

    def leave(self) -> list[str]:
        """The visitor is gone, with all that was changed about the window; returns the errors they saw."""
        errors, self.used = [*self.errors], False
        for other in self.context.pages:
            if other is not self._page:
                other.close()
        self.context.set_offline(False)
        self.context.clear_permissions()
        if self._page is not None and not self._page.is_closed():
            self._page.unroute_all(behavior="ignoreErrors")
            self._page.emulate_media(forced_colors="null", reduced_motion="null", color_scheme="null")
            self._page.goto("about:blank")
        return errors
