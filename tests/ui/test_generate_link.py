"""What was written travels in the address: opened elsewhere, the model writes it again, token by token."""

import json
import re

import pytest

from llm.checkpoint import load_checkpoint
from llm.config import SamplingConfig
from llm.sampler import generate
from llm.ui.subject import FIRST, SHIPPED
from tests.ui.desk import READY

CHIPS = """(view) => [...document.querySelectorAll(`#gb-${view} .gb-written-token`)]
  .map((chip) => [chip.textContent, chip.className, chip.style.backgroundColor])"""
IDLE = "document.querySelector('#gb-write [data-id=generate]').textContent === 'Generate'"


def address(page):
    """What a link to the page has behind its #."""
    return page.url.partition("#")[2]


def wait_for_chips(page, view, count):
    page.wait_for_function(
        "([view, count]) => document.querySelectorAll(`#gb-${view} .gb-written-token`).length === count",
        arg=[view, count],
    )


def transcript(page):
    """The exported tokens, with every probability in full."""
    if not page.is_visible("#gb-write [data-id=json]"):
        page.click("#gb-write summary:text('Export')")
    with page.expect_download() as download:
        page.click("#gb-write [data-id=json]")
    return json.loads(download.value.path().read_text(encoding="utf-8"))["tokens"]


@pytest.fixture
def written(visit):
    """Eight tokens, one chosen, the temperature moved, six more; and the address that holds them."""
    page = visit("tab=generate&n=8&k=40&seed=7")
    page.wait_for_selector("#gb-write .gb-odds button[data-token]")
    page.click("#gb-write [data-id=generate]")
    wait_for_chips(page, "write", 8)
    page.wait_for_function(IDLE)
    page.locator("#gb-write .gb-odds button").nth(3).click()
    wait_for_chips(page, "write", 9)
    page.locator("#gb-write [data-setting=temperature]").press("ArrowLeft")
    page.click("#gb-write [data-id=generate]")
    wait_for_chips(page, "write", 17)
    page.wait_for_function(IDLE)
    page.click("#gb-write [data-id=undo]")
    wait_for_chips(page, "write", 16)
    page.click("#gb-write [data-id=one]")
    wait_for_chips(page, "write", 17)
    page.wait_for_function("new URLSearchParams(location.hash.slice(1)).get('w')?.split('*').at(-1).length === 3")
    return page


def test_a_link_brings_the_text_and_what_comes_next(written, visit):
    """Opened anew: the same chips, probabilities, seed and code, the same next token; a chosen one stays chosen."""
    before, chips = transcript(written), written.evaluate(CHIPS, "write")
    page = visit(address(written))
    wait_for_chips(page, "write", 17)
    page.wait_for_function(IDLE)
    assert page.evaluate(CHIPS, "write") == chips and "gb-forced" in chips[8][1]
    for token, old in zip(transcript(page), before, strict=True):
        for name in ("probability", "model_probability"):
            assert token.pop(name) == pytest.approx(old.pop(name), rel=1e-3)
        assert token == old
    assert page.input_value("#gb-write [data-id=seed]") == "7"
    for one in (written, page):
        one.click("#gb-write [data-id=one]")
        wait_for_chips(one, "write", 18)
    assert page.evaluate(CHIPS, "write") == written.evaluate(CHIPS, "write")


def test_a_link_cannot_lie(written, visit):
    """Ids that the draw does not give stand as chosen, with the model's odds; broken ones are refused kindly."""
    link = address(written)
    first = re.search(r"\*d(..)", link)
    page = visit(link[: first.start(1)] + "AB" + link[first.end(1) :])
    wait_for_chips(page, "write", 17)
    page.wait_for_function(IDLE)
    chips = page.evaluate(CHIPS, "write")
    assert all("gb-forced" in name for _, name, _ in chips[:9])
    assert transcript(page)[0]["probability"] < 1e-3
    page.close()
    for wrong in ("__", "é!"):
        page = visit(link[: first.start(1)] + wrong + link[first.end(1) :])
        page.wait_for_selector("#gb-write .gb-odds button[data-token]")
        page.wait_for_selector("#gb-write .gb-notice:text('could not be read from this link')")
        assert page.evaluate(CHIPS, "write") == []
        page.close()
    written.locator("#gb-bar").get_by_label("Prompt", exact=True).fill("Another prompt")
    written.wait_for_function("!location.hash.includes('w=') && location.hash.includes('Another')")


def test_an_empty_prompt_stays_empty(page):
    """A link to an empty prompt opens with it, and not with an example."""
    page.locator("#gb-bar").get_by_label("Prompt", exact=True).fill("")
    page.wait_for_function("glassbox.subject.prompt === ''")
    page.reload()
    page.wait_for_function(READY)
    assert page.evaluate("glassbox.subject.prompt") == ""


def test_a_tree_of_branches_comes_back(visit):
    """Branches with their names, marks, texts and the moments where they part; the chosen one is shown."""
    page = visit("tab=generate&view=branches&reach=10&seed=4")
    page.click("#gb-branches [data-id=begin]")
    page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    for nth in (0, 1):
        page.locator("#gb-branches .gb-branches li").last.locator(".gb-branch-name").click()
        page.locator("#gb-branches [data-id=text] .gb-written-token").nth(4).click()
        page.wait_for_selector("#gb-branches [data-at='4'] .gb-taken")
        page.locator("#gb-branches .gb-odds li:not(.gb-taken) button").nth(nth).click()
        page.wait_for_selector(f"#gb-branches .gb-branches li >> nth={nth + 1}")
        page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    page.locator("#gb-branches .gb-active [title^=Rename]").click()
    page.keyboard.type("über *.")
    page.keyboard.press("Enter")
    page.click("#gb-branches .gb-active [title^=Keep]")
    page.wait_for_function("location.hash.includes('tree=')")
    page.wait_for_timeout(300)  # the address follows a moment later
    state = """() => [...document.querySelectorAll("#gb-branches .gb-branches li")]
      .map((row) => row.innerText + row.className)
      .concat(document.querySelector("#gb-branches [data-id=parting]").textContent)"""
    branches, chips = page.evaluate(state), page.evaluate(CHIPS, "branches")
    assert len(branches) == 4 and "über *." in "".join(branches) and "★" in "".join(branches)
    other = visit(address(page))
    wait_for_chips(other, "branches", len(chips))
    other.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    assert other.evaluate(state) == branches and other.evaluate(CHIPS, "branches") == chips
    for one in (page, other):
        one.click("#gb-branches [data-id=on]")
        wait_for_chips(one, "branches [data-id=text]", 25)
    assert other.evaluate(CHIPS, "branches") == page.evaluate(CHIPS, "branches")


def test_equally_long_branches_are_not_mixed_up(visit):
    """Writing on with a branch goes on from its own tokens, though another one as long was written last."""
    page = visit("tab=generate&view=branches&reach=5&t=0")
    page.click("#gb-branches [data-id=begin]")
    chosen = []
    for nth in (3, 4):
        page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
        page.locator("#gb-branches .gb-branch-name", has_text="text 1").click()
        page.locator("#gb-branches [data-id=text] .gb-written-token").nth(2).click()
        page.wait_for_selector("#gb-branches [data-at='2'] .gb-taken")
        row = page.locator("#gb-branches .gb-odds button").nth(nth)
        chosen.append(int(row.get_attribute("data-token")))
        row.click()
        page.wait_for_selector(f"#gb-branches .gb-branches li >> nth={nth - 2}")
    page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    page.locator("#gb-branches .gb-branch-name", has_text="branch 2").click()
    page.click("#gb-branches [data-id=on]")
    wait_for_chips(page, "branches [data-id=text]", 13)
    shipped = load_checkpoint(SHIPPED / FIRST)
    ids = shipped.tokenizer.encode(page.evaluate("glassbox.subject.prompt"))
    greedy = SamplingConfig(temperature=0.0, max_new_tokens=10)
    start = [choice.id for choice in generate(shipped.model, ids, greedy)][:2] + chosen[:1]
    more = [choice.id for choice in generate(shipped.model, ids + start, greedy)]
    shown = "".join(text for text, _, _ in page.evaluate(CHIPS, "branches [data-id=text]"))
    assert shown.replace("⏎\n", "\n") == shipped.tokenizer.decode(start + more)
