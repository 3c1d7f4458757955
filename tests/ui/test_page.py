"""What all tabs share: the bar, the address, offline, the phone, the room, and safety of text."""

import json
import re
import shutil
from pathlib import Path

import pytest

from llm.ui import build_app
from tests.ui.desk import READY

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "shakespeare"
TABS = ("Train", "Attention", "Tokenizer", "Generate")


def test_opening_a_page_copies_nothing_but_settings():
    """What the page is told of its components is plain: Gradio copies it for each page, objects with all they know."""
    for component in build_app().get_config_file()["components"]:
        json.dumps(component["props"], allow_nan=False)


def test_page_asks_nobody_but_its_own_server(browser, app_url):
    """With the network unplugged everything works: all tabs opened, no request leaves this machine."""
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app_url)
    page.wait_for_function(READY)
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
    strangers = [url for url in asked if not url.startswith((app_url, "data:", "blob:"))]
    context.close()
    assert asked and not strangers


def test_text_from_the_address_stays_text(visit):
    """Markup and template syntax in a link's prompt is shown, never run, on every tab."""
    hostile = "<img src=x onerror=\"window.hit=1\">${window.hit=2}{{constructor.constructor('window.hit=3')()}}"
    page = visit(f"prompt={hostile.replace('#', '%23').replace('&', '%26')}&model=<b>x</b>&step=NaN&tab=../x")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(400)
    assert page.evaluate("window.hit === undefined && glassbox.subject.prompt.includes('onerror')")
    assert page.locator("img[src=x]").count() == 0


def test_a_link_restores_model_and_prompt(page, visit):
    """The address holds the state: opened elsewhere, it shows the same prompt."""
    page.get_by_label("Prompt", exact=True).fill("My lord, the king")
    page.wait_for_function("location.hash.includes('king')")
    other = visit(page.url.partition("#")[2])
    assert other.evaluate("glassbox.subject") == page.evaluate("glassbox.subject")
    assert other.get_by_label("Prompt", exact=True).input_value() == "My lord, the king"


@pytest.mark.parametrize("tab", TABS)
def test_phone_needs_no_sideways_scrolling(page, tab):
    """At 390 pixels nothing sticks out of the page."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_room_mode_is_one_key(page):
    """P puts the controls away and makes text larger; P again brings them back; typing a p does not."""
    page.wait_for_selector(".gb-try", state="attached")
    size = "parseFloat(getComputedStyle(document.querySelector('.gb-lead, .gb-try')).fontSize)"
    before = page.evaluate(size)
    page.get_by_label("Prompt", exact=True).press("p")
    assert not page.evaluate("document.body.classList.contains('gb-room')")
    page.get_by_label("Prompt", exact=True).press("Escape")
    page.keyboard.press("p")
    page.wait_for_function("document.body.classList.contains('gb-room')")
    larger = "least => parseFloat(getComputedStyle(document.querySelector('.gb-try')).fontSize) > least"
    page.wait_for_function(larger, arg=1.4 * before)
    page.keyboard.press("p")
    page.wait_for_function("!document.body.classList.contains('gb-room')")


def test_a_checkpoint_folder_can_be_opened(page, tmp_path):
    """Choosing a folder of ours uploads it, checks it and shows it; a folder that is none says what is missing."""
    chooser = page.locator(".gb-bar [data-id=own-folder]")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing", encoding="utf-8")
    chooser.set_input_files(tmp_path / "other")
    page.get_by_text("no weights").wait_for()
    shutil.copytree(SHIPPED, tmp_path / "mine")
    chooser.set_input_files(tmp_path / "mine")
    page.wait_for_function("glassbox.subject.model === 'upload:mine'")
    page.wait_for_function("document.querySelector('.gb-bar [data-id=model]').value === 'upload:mine'")


def test_a_damaged_checkpoint_is_refused(page, tmp_path):
    """Truncated weights are found out before anything is replaced, and the page goes on."""
    shutil.copytree(SHIPPED, tmp_path / "torn")
    weights = tmp_path / "torn" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    page.locator(".gb-bar [data-id=own-folder]").set_input_files(tmp_path / "torn")
    notice = page.locator(".gb-bar .gb-notice")
    page.wait_for_function(
        "/truncated|cut|incomplete|damaged|bytes/.test(document.querySelector('.gb-bar .gb-notice').textContent)"
    )
    assert re.search(r"model\.safetensors", notice.inner_text())
    assert page.evaluate("glassbox.subject.model").startswith("shipped:")
