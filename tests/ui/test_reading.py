"""What helps people read: notices that end, a kept theme, forced colours, composed text, other scripts, named bytes."""

import re

import pytest
from playwright.sync_api import expect

from llm.tokenizers import train_tokenizer
from llm.ui.token_names import token_name
from tests.ui.desk import READY

HEBREW, EMOJI = "\u05e9\u05dc\u05d5\u05dd", "\U0001f642"


@pytest.mark.parametrize("text", [HEBREW, EMOJI])
def test_pieces_of_a_character_are_named_by_their_bytes(text):
    """No two different tokens of a text have one name, and none is the replacement sign."""
    tokenizer = train_tokenizer("bpe", "anything", vocab_size=257)
    ids = tokenizer.encode(text)
    names = [token_name(tokenizer, id) for id in ids]
    assert len(set(names)) == len(set(ids)) and all(re.fullmatch("‹[0-9A-F]{2}›", name) for name in names)
    assert token_name(tokenizer, tokenizer.encode("a")[0]) == "a"


def test_the_page_names_bytes_and_controls(page):
    """The page's own rule gives the same names; CR, VT, FF, NUL and DEL have signs."""
    visible = "(text) => glassbox.modules['shared/tokens/visible.js'].visible(text)"
    assert page.evaluate(visible, "\r\x0b\x0c\x00\x7f \n\t") == "␍␋␌␀␡·⏎⇥"
    label = """() => {
      const vocabulary = glassbox.modules["shared/tokens/vocabulary.js"].vocabularyOf({
        tokenizer: "x", eot_id: 9, lengths: btoa("\\x01\\0\\0\\0\\x02\\0\\0\\0"), bytes: btoa("\\xd7\\xd7\\x90"),
      });
      return [vocabulary.label(0), vocabulary.label(1)];
    }"""
    assert page.evaluate(label) == ["‹D7›", "\u05d0"]


@pytest.mark.parametrize("text", [HEBREW, EMOJI])
def test_heads_tell_the_pieces_apart(page, text):
    """A prompt in another script, read by a model of bytes or letters: no replacement sign in the Attention tab."""
    page.get_by_label("Prompt", exact=True).fill(text)
    page.wait_for_function("(text) => glassbox.subject.prompt === text", arg=text)
    trace = "(prompt) => glassbox.modules['shared/server.js']"
    trace += ".asker('heads')('trace_prompt', { ...glassbox.subject, prompt })"
    names = [token["text"] for token in page.evaluate(f"async (prompt) => (await ({trace})(prompt)).tokens", text)]
    assert "\ufffd" not in "".join(names) and len(set(names)) > 1
    expect(page.locator("#gb-heads [data-id=reading]")).to_have_text("".join(names))
    assert "\ufffd" not in page.locator("#gb-heads").inner_text()


def test_a_prompt_reads_from_right_to_left(page):
    """Hebrew stands at the right of the prompt and of its text."""
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill(HEBREW)
    assert prompt.evaluate("(node) => getComputedStyle(node).direction") == "rtl"
    prompt.fill("Once")
    assert prompt.evaluate("(node) => getComputedStyle(node).direction") == "ltr"


def test_notices_end_and_are_never_two(lone_page):
    """One text stands once on the page, and goes after ten seconds."""
    page = lone_page
    page.clock.install()
    files = page.locator(".gb-bar [data-id=own-files]")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.locator(".gb-share summary").click()
    page.get_by_role("button", name="Copy the link").click()
    notice = page.locator(".gb-notice", has_text="Copy the address of this page")
    expect(notice).to_have_count(1)
    assert notice.is_visible() and files.count() == 1
    page.clock.run_for(11_000)
    expect(notice).to_have_count(0)


def test_the_theme_survives_a_reload(page):
    """Light or dark is this visitor's choice; an address that asks for one is obeyed."""
    dark = "document.body.classList.contains('dark')"
    before = page.evaluate(dark)
    page.locator(".gb-bar [data-id=theme]").click()
    page.reload()
    page.wait_for_function(READY)
    page.wait_for_function(f"{dark} === {str(not before).lower()}")
    page.goto(page.url.split("#")[0] + f"?__theme={'dark' if before else 'light'}")
    page.wait_for_function(READY)
    assert page.evaluate(dark) == before


def test_forced_colours_keep_what_colour_says(page):
    """Under the system's high contrast the bars still have a colour, and the open tab and view stand out."""
    page.emulate_media(forced_colors="active")
    page.locator("#gb-heads .gb-next-bar i").first.wait_for()
    back = "(node) => getComputedStyle(node).backgroundColor"
    bar = page.locator("#gb-heads .gb-next-bar i").first
    assert bar.evaluate(back) != page.locator("body").evaluate(back)
    tab = page.locator(".tab-container [role=tab][aria-selected=true]")
    other = page.locator(".tab-container [role=tab][aria-selected=false]").first
    assert tab.evaluate(back) != other.evaluate(back)


def test_keys_of_a_composition_are_left_alone(page):
    """Enter and Escape while a word is composed do not leave the field; afterwards they do."""
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.focus()
    press = """(node, composing) => node.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", isComposing: composing, bubbles: true, cancelable: true }))"""
    prompt.evaluate(press, True)
    assert prompt.evaluate("(node) => document.activeElement === node")
    prompt.evaluate(press, False)
    assert not prompt.evaluate("(node) => document.activeElement === node")
