"""The page outlives its network and its server: it says so in one line, and goes on by itself."""

import re

import pytest
from playwright.sync_api import expect
from server_process import ServerProcess

from tests.ui.desk import READY

TABS = ("Train", "Attention", "Tokenizer", "Generate")
LINE = ".gb-connection"
STEPS = "Number(document.querySelector('[data-id=n-step]').textContent.split('/')[0].replace(/\\D/g, ''))"
BROKEN = re.compile(r"Cannot read|undefined|TypeError|Reload the page|Something went wrong|Failed to fetch")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this file's own."""
    server = ServerProcess(tmp_path_factory.mktemp("home"))
    yield server
    server.kill()


@pytest.fixture
def cut_off(page, desks):
    """A visitor's page that a test takes the network from; the server goes on."""
    page.evaluate("window.same = true")  # a reload would lose it
    yield page
    for desk in desks:  # what the browser itself says of failed requests is no error of ours
        desk.errors = [error for error in desk.errors if not error.startswith("Failed to load resource")]


@pytest.fixture
def mortal(browser, server):
    """A visitor's page of a server that a test may kill."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(40_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    page.wait_for_function(READY)
    page.evaluate("window.same = true")  # a reload would lose it
    yield page
    context.close()
    assert not errors, errors


def open_tab(page, tab):
    page.get_by_role("tab", name=tab).click()


def lost(page):
    line = page.locator(LINE).filter(has_text="The server does not answer; trying again.")
    line.wait_for()
    assert line.evaluate("(line) => getComputedStyle(line).backgroundColor") != "rgba(0, 0, 0, 0)", "it has no paper"


def found(page):
    expect(page.locator(LINE)).to_be_hidden(timeout=40_000)
    assert page.evaluate("window.same"), "the page was loaded again"


def whole(page):
    """Nothing on the screen speaks of an error, and nothing waits."""
    page.wait_for_function(
        "[...document.querySelectorAll('[aria-busy]')].every((node) => node.offsetParent === null)", timeout=40_000
    )
    assert not BROKEN.search(page.locator("body").inner_text())


def train(page, steps=100_000):
    open_tab(page, "Train")
    page.locator("[data-id=preset]").select_option("seconds")
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_label("Evaluation every").fill("20")
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")
    page.locator("[data-id=start]").click()
    page.wait_for_function("glassbox.subject.model.startsWith('run:')")


def stop(page):
    open_tab(page, "Train")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; everything is saved.").wait_for()


@pytest.mark.slow
def test_the_network_is_lost_while_a_run_trains(mortal):
    """In each tab: three seconds without a network, one line that says so, then run and timeline go on."""
    page = mortal
    train(page)
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(500)
        page.context.set_offline(True)
        page.evaluate("glassbox.look({ prompt: 'Once ' + Math.random() })")
        lost(page)
        page.wait_for_timeout(3000)
        before = page.evaluate(STEPS)
        page.context.set_offline(False)
        found(page)
        page.wait_for_function(f"{STEPS} > {before}")
        whole(page)
    open_tab(page, "Train")
    shown = "document.querySelector('.gb-track').getAttribute('aria-valuetext')"
    before = page.evaluate(shown)
    page.wait_for_function(f"{shown} !== {before!r}")
    stop(page)


@pytest.mark.slow
@pytest.mark.parametrize("tab", TABS)
def test_the_server_is_killed_and_started_again(mortal, server, tab):
    """In each tab: one line while it is away; then another prompt is drawn, and a training that ended is named."""
    page = mortal
    if tab == "Train":
        train(page)
    open_tab(page, tab)
    page.wait_for_timeout(500)
    server.kill()
    page.evaluate("glassbox.look({ prompt: 'Once there was a' })")
    lost(page)
    server.start()
    found(page)
    whole(page)
    if tab == "Train":
        page.get_by_text("Its program ended under it. Continue from where it was last saved.").wait_for()
        page.get_by_role("button", name="Continue to").click()
        page.wait_for_function("document.querySelector('[data-id=status]').textContent === 'Training.'")
        stop(page)
    for other in TABS:
        open_tab(page, other)
        page.wait_for_timeout(300)
        whole(page)


@pytest.mark.slow
def test_what_writes_goes_on_with_another_server(mortal, server):
    """A text in the middle of its writing goes on when the server is back."""
    page = mortal
    open_tab(page, "Generate")
    write = page.locator("#gb-write")
    write.locator("[data-id=pace]").fill("3")  # 4 tokens a second
    write.get_by_role("button", name="Generate").click()
    count = "document.querySelectorAll('#gb-write [data-id=text] [data-token], #gb-write [data-id=text] span').length"
    page.wait_for_function(f"{count} > 3")
    server.kill()
    lost(page)
    before = page.evaluate(count)
    server.start()
    found(page)
    page.wait_for_function(f"{count} > {before + 2}")
    write.get_by_role("button", name="Stop", exact=True).click()
    whole(page)


def test_what_changes_something_is_asked_once(cut_off):
    """Without a network Start is refused with one sentence; it does not start by itself later."""
    page = cut_off
    open_tab(page, "Train")
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")
    page.context.set_offline(True)
    page.locator("[data-id=start]").click()
    page.locator("#gb-run .gb-notice", has_text="The server did not answer; try again.").wait_for()
    lost(page)
    page.context.set_offline(False)
    found(page)
    page.wait_for_timeout(1000)
    assert page.locator("[data-id=status]").inner_text() == "Ready."


def test_each_endpoint_is_a_question_or_a_change(page):
    """Every endpoint's name says whether it may be asked again: a new verb must be decided on."""
    reading = r"^(check|compare|cut|decode|describe|draw_code|explain|export|find|fit|forecast|list|map|measure|"
    reading += r"merge_piece|name|"
    reading += r"open|pack|patch|plan|poll|prepare|read|score|search|sweep|trace|write_steered|write_without)(_|$)"
    names = page.evaluate(
        "gradio_config.components.flatMap(({ props }) => props.server_fns ?? []).map((fn) => fn.name ?? fn)"
    )
    changes = page.evaluate(
        "gradio_config.components.flatMap(({ props }) => "
        "JSON.parse(/, element, (.*)\\);$/.exec(props.js_on_load ?? '')?.[1] ?? '[]'))"
    )
    assert len(names) > 50 and {"start_run", "draw_tokens", "keep_model", "steer_learning"} <= set(changes)
    undecided = [name for name in names if (name in changes) == bool(re.search(reading, name))]
    assert not undecided


def test_a_page_of_other_code_says_so(cut_off):
    """Where the server's code has changed, the page asks to be reloaded and asks nothing else."""
    page = cut_off
    page.route("**/glassbox.json", lambda route: route.fulfill(json={"process": "other", "code": "other"}))
    page.evaluate("dispatchEvent(new Event('online'))")
    page.locator(LINE).filter(has_text="This page is older than its server; reload it.").wait_for()
    page.locator(LINE).get_by_role("button", name="Reload").click()
    page.wait_for_function("window.glassbox && !window.same && glassbox.subject.model !== null")
