"""The switch for 8-bit weights in a browser: it says what it changes, writes with them, and travels in the address."""

import json
import re

from playwright.sync_api import expect

from llm.ui.generate import drawing

WRITE = "#gb-write"
WRITTEN = """document.querySelectorAll('#gb-write .gb-written-token').length === 8
  && document.querySelector('#gb-write [data-id=generate]').textContent === 'Generate'"""


def test_the_switch_says_what_it_changes_and_writes(visit):
    """Off at first on a small model; on, measured, and named under the text, in the address and the command line."""
    page = visit("tab=generate&n=8&seed=7")
    page.wait_for_selector(f"{WRITE} .gb-odds button[data-token]")
    switch, says = page.locator(f"{WRITE} [data-id=fast]"), page.locator(f"{WRITE} [data-id=fast-says]")
    expect(switch).to_be_enabled()
    expect(switch).not_to_be_checked()
    expect(says).to_contain_text("faster with rounded weights")
    page.click(f"{WRITE} [data-id=generate]")
    page.wait_for_function(WRITTEN)
    expect(page.locator(f"{WRITE} [data-id=note]")).not_to_contain_text("8-bit")

    page.click(f"{WRITE} [data-id=clear]")
    switch.check()
    expect(says).to_contain_text(
        re.compile(r"same likeliest token at \d+(\.\d+)? % of \d+ positions, perplexity"), timeout=60_000
    )
    page.wait_for_function("location.hash.includes('fast=1')")
    page.click(f"{WRITE} [data-id=generate]")
    page.wait_for_function(WRITTEN)
    expect(page.locator(f"{WRITE} [data-id=note]")).to_contain_text("8-bit weights wrote this")
    page.click(f"{WRITE} summary:text('Export')")
    with page.expect_download() as download:
        page.click(f"{WRITE} [data-id=json]")
    transcript = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert "--weights int8" in transcript["command_line"] and "Int8Decoder" in transcript["python"]
    written = [token["id"] for token in transcript["tokens"]]
    scope: dict[str, object] = {}
    code = transcript["python"].rsplit("print(", 1)[0].replace("pieces = complete", "pieces = list(complete", 1)
    exec(code.rstrip() + ")", scope)  # the page's own code
    assert [piece.choice.id for piece in scope["pieces"] if piece.choice] == written

    page.reload()  # the same weights write it again: nothing is marked as chosen
    page.wait_for_function(WRITTEN)
    assert page.locator(f"{WRITE} .gb-written-token.gb-forced").count() == 0
    expect(switch).to_be_checked()


def test_where_they_cannot_write_the_switch_says_why(visit, monkeypatch):
    """Disabled, with the reason beside it."""
    monkeypatch.setattr(drawing, "why_not_fast", lambda model: "8-bit weights need numba: pip install numba.")
    page = visit("tab=generate&fast=1")
    page.wait_for_selector(f"{WRITE} .gb-odds button[data-token]")
    expect(page.locator(f"{WRITE} [data-id=fast-says]")).to_have_text("8-bit weights need numba: pip install numba.")
    expect(page.locator(f"{WRITE} [data-id=fast]")).to_be_disabled()
    expect(page.locator(f"{WRITE} [data-id=fast]")).not_to_be_checked()
