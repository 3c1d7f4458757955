"""A real app and a real browser: Debian's Chromium, driven by Playwright."""

import functools
import os
import shutil

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


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
def tiny(tmp_path, monkeypatch):
    """`tiny_view` over a folder and a home of the test's own: tiny(build_logit_lens, louder, n_ctx=60)."""
    from tiny_model import tiny_view

    from llm.ui import subject

    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    return functools.partial(tiny_view, tmp_path)


@pytest.fixture(scope="session")
def browser():
    """Chromium. Where none is installed the browser tests say so; in CI that is a failure."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; .ci/run installs it.")
        pytest.skip("Chromium is not installed: apt-get install chromium, or name it in CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)  # the first answer of a fresh app loads a model

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, app_url):
    """A visitor's fresh page, with the shipped model on it. Any error in the console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(app_url)
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    yield page
    context.close()
    assert not errors, errors


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A client of an app that goes by one more name and takes little at once."""
    from tests.ui.raw import raw_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("home")))
        with raw_app(["Glass.example"], request_mb=0.5, upload_mb=0.5) as client:
            yield client
