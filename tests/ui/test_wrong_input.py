"""Typed or pasted wrong: one plain sentence at most, nothing breaks, and no field keeps what it can't mean."""

import pytest
from playwright.sync_api import expect

from tests.ui.test_stage import settled, views

WRONG = ["", "abc", "NaN", "1e999", "-5", "99999999999999999999", "0.5", "🙂", "<b>x</b>", "x" * 100_000]
FIELDS = """(name) => [...document.querySelectorAll(`#gb-${name} :is(textarea, input)`)]
  .filter((one) => !/range|checkbox|radio|file/.test(one.type) && one.checkVisibility() && !one.disabled)"""
SENTENCES = """() => [...document.querySelectorAll(".gb-notice, .gb-refused")]
  .filter((one) => one.checkVisibility() && one.textContent).map((one) => one.textContent)"""


@pytest.mark.slow
@pytest.mark.refused
def test_no_field_of_any_view_breaks(page):
    """Every value in every field: at most one sentence, in words, and no error in the console."""
    wrong = []
    for tab, name in views(page):
        settled(page, tab, name)
        page.evaluate(f"document.querySelectorAll('#gb-{name} details').forEach((one) => (one.open = true))")
        for i in range(page.evaluate(f"(name) => ({FIELDS})(name).length", name)):
            field = page.evaluate_handle(f"([name, i]) => ({FIELDS})(name)[i]", [name, i]).as_element()
            if field is None:
                continue
            before = field.input_value()
            for value in WRONG:
                field.focus()
                page.keyboard.press("Control+A")
                page.keyboard.press("Delete")
                page.keyboard.insert_text(value)
                field.dispatch_event("change")
                page.wait_for_timeout(500)
                said = page.evaluate(SENTENCES)
                odd = [one for one in said if any(sign in one for sign in ("NaN", "undefined", "null", "[object", "{"))]
                if len(set(said)) > 1 or odd or any(len(one) > 300 for one in said):
                    wrong.append((tab, name, i, value[:20], said))
            field.fill(before)
            page.keyboard.press("Escape")
    assert not wrong, wrong


def test_a_number_field_goes_back_to_what_it_means(visit):
    """Emptied, a seed and a neuron stay as they were; beyond its end a neuron is the last one."""
    page = visit("tab=model&view=forward")
    number = page.locator("#gb-forward [data-id=neuron] input")
    page.wait_for_function("document.querySelector('#gb-forward [data-id=neuron] input')?.value")
    number.fill("99999")
    number.dispatch_event("change")
    last = page.evaluate("document.querySelector('#gb-forward [data-id=neuron] input').max")
    page.wait_for_function(
        "(last) => location.hash.includes(`neuron=0.${last}`) || location.hash.includes(`.${last}`)", arg=last
    )
    expect(number).to_have_value(last)
    number.fill("")
    number.dispatch_event("change")
    expect(number).to_have_value(last)
    page.evaluate("glassbox.openView('attention', 'while_generating')")
    seed = page.locator("#gb-while_generating [data-id=seed]")
    expect(seed).to_have_value("1337")
    seed.fill("")
    seed.dispatch_event("change")
    expect(seed).to_have_value("1337")


def test_what_has_no_room_is_said_to_be_left_out(page):
    """A pasted text that is longer than its field takes is cut with a word about it."""
    prompt = page.locator("#gb-bar [data-id=prompt]")
    prompt.focus()
    paste = """(field) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", "x".repeat(100_000));
      field.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData }));
    }"""
    prompt.evaluate(paste)
    expect(page.locator("#gb-bar .gb-notice")).to_have_text(
        "20\u202f000 characters have room here; the rest of what you pasted is left out."
    )
