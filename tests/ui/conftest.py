"""A real app and a real browser: Debian's Chromium, driven by Playwright."""

import functools
import time

import programs
import pytest


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory):
    """An empty home from the first test on, to which one that a test sets for itself gives way again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def app_url(home_of_tests):
    """The address of the app, served from this process."""
    from llm.ui import build_app, launch_options

    app = build_app()
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url.rstrip("/")
    app.close()


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home and uploads of the test's own."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """`tiny_view` over a folder and a home of the test's own: tiny(build_logit_lens, louder, n_ctx=60)."""
    from tiny_model import tiny_view

    from llm.ui import subject

    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    return functools.partial(tiny_view, tmp_path)


@pytest.fixture(scope="session")
def browser():
    """Chromium."""
    executable = programs.chromium()
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)  # the first answer of a fresh app loads a model

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        chromium = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def desks(browser):
    """Those that visitors sat at so far."""
    from tests.ui.desk import Desk

    desks: list[Desk] = []
    yield desks
    for desk in desks:
        desk.context.close()


@pytest.fixture
def unhurried(monkeypatch):
    """Trainings leave the processor to the page: it is looked at while they go on, not at how fast they are."""
    from llm.training.trainer import Trainer

    def make_step(trainer, make=Trainer._make_step):
        time.sleep(0.01)
        return make(trainer)

    monkeypatch.setattr(Trainer, "_make_step", make_step)


@pytest.fixture
def visit(request, browser, desks, app_url, unhurried):
    """visit("tab=train") opens a newcomer's page at an address, with its model on it; each visit of a test is another
    visitor's. `app` is another app's address, `size` that of the window. An error in a console fails the test."""
    from tests.ui.desk import WINDOW, Desk

    def opened(address="", app=app_url, size=WINDOW):
        free = next((desk for desk in desks if desk.free), None)
        if free is None:
            desks.append(free := Desk(browser))
        return free.open(app, address, size)

    yield opened
    errors = [error for desk in desks if desk.used for error in desk.leave()]
    if request.node.get_closest_marker("refused"):
        errors = [error for error in errors if "a status of 400 (Bad Request)" not in error]
    assert not errors, errors


@pytest.fixture
def page(visit):
    """A newcomer's page, with the shipped model on it."""
    return visit()


@pytest.fixture
def lone_page(browser, app_url):
    """The same in a window of its own, for tests that change what can't be changed back, as the time."""
    from tests.ui.desk import Desk

    desk = Desk(browser)
    yield desk.open(app_url)
    errors = desk.leave()
    desk.context.close()
    assert not errors, errors


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A client of an app that goes by one more name and takes little at once."""
    from tests.ui.raw import raw_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("home")))
        with raw_app(["Glass.example"], request_mb=0.5, upload_mb=0.5) as client:
            yield client
