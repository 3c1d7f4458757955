"""Two visitors and one slot, in a real browser: what the one who waits sees, and what a page without storage leaves."""

import dataclasses
import re
import time

import pytest
from playwright.sync_api import expect

from llm.limits import LAPTOP
from llm.ui.train.training import Training
from tests.ui.desk import READY, WINDOW
from tests.ui.test_train_tab import open_tab, tiny

NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""


@pytest.fixture(scope="module")
def narrow_url(app_url):
    """An app with one slot."""
    from llm.ui import build_app, launch_options

    limits = dataclasses.replace(LAPTOP, trainings=1)
    app = build_app(limits)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options(limits))
    yield url.rstrip("/")
    app.close()


@pytest.fixture
def begun(monkeypatch):
    """The trainings of a test, in order; they end with it."""
    trainings = []
    monkeypatch.setattr(Training, "start", lambda self, start=Training.start: (trainings.append(self), start(self)))
    yield trainings
    for training in trainings:
        training.stop()
        training.join()


@pytest.fixture
def visit(visit, narrow_url, begun):
    """visit() opens the Train tab of that app as a new visitor."""

    def opened():
        page = visit("tab=train", narrow_url)
        page.set_default_timeout(30_000)
        open_tab(page)
        return page

    return opened


def press_start(page, steps):
    tiny(page, steps)
    page.locator("[data-id=start]").click()


def status(page):
    return page.locator(".gb-train [data-id=status]")


def stop(page):
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(status(page)).to_have_text("Stopped; everything is saved.")


@pytest.mark.slow
def test_a_waiting_visitor_sees_their_place_and_a_recorded_run_and_begins_by_themselves(visit):
    """Place, expected wait, a training that plays; a reload keeps the place; then their own run takes over."""
    first, second = visit(), visit()
    press_start(first, 100_000)
    expect(status(first)).to_have_text("Training.", timeout=30_000)
    press_start(second, 40)
    expect(status(second)).to_have_text("Waiting, place 1 in the queue.")
    example = second.locator("#gb-run [data-id=example]")
    expect(example).to_contain_text(re.compile(r"Your turn comes (in about \d+ s|any moment now)"))
    expect(example).to_contain_text("Meanwhile a recorded training plays: induction")
    plays = "Number(document.querySelector('[data-id=n-step]').textContent.split('/')[0].replace(/\\D/g, ''))"
    shown = second.evaluate(plays)
    second.wait_for_function(f"(shown) => {plays} > shown", arg=shown)
    run = second.evaluate("glassbox.address.get('run')")
    second.get_by_role("button", name="Runs").click()
    expect(second.locator("#gb-runs [data-id=rows]")).to_contain_text("waiting")
    second.reload()
    second.wait_for_function(READY)
    second.get_by_role("button", name="Run", exact=True).click()
    expect(status(second)).to_contain_text("Waiting, place 1 in the queue.")
    assert second.evaluate("glassbox.address.get('run')") == run
    stop(first)
    expect(status(second)).to_have_text("Finished.", timeout=60_000)
    expect(example).to_be_hidden()
    assert second.evaluate("glassbox.address.get('run')") == run


def test_leaving_the_queue_leaves_no_run(visit):
    """The button says Leave, and the page is as before Start."""
    first, second = visit(), visit()
    press_start(first, 100_000)
    expect(status(first)).to_have_text("Training.", timeout=30_000)
    press_start(second, 40)
    second.get_by_role("button", name="Leave the queue").click()
    expect(second.locator("#gb-run [data-id=example]")).to_contain_text("A finished example")
    expect(second.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    stop(first)


def test_a_page_without_storage_takes_its_run_along(browser, narrow_url, begun, monkeypatch):
    """In a frame that may store nothing a reload makes another visitor: nobody could stop the old run."""
    monkeypatch.setattr("llm.ui.train.training.MAX_AWAY", 0.5)
    page = browser.new_page(viewport=WINDOW)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.add_init_script(NO_STORAGE)
    page.goto(narrow_url)
    page.wait_for_function(READY)
    open_tab(page)
    press_start(page, 100_000)
    expect(status(page)).to_have_text("Training.", timeout=30_000)
    page.reload()
    page.wait_for_function(READY)
    deadline = time.monotonic() + 20
    while begun[0].alive:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    page.close()
    assert begun[0].state == "stopped" and not errors
