"""The Tokenizer tab, used as a person would."""

import re

from playwright.sync_api import expect

from llm.ui.tokenizer.reading import ready_tokenizer


def lens(page):
    page.get_by_role("tab", name="Tokenizer").click()
    return page.locator(".gb-tokenizer")


def shown_ids(tokenizer_lens):
    return [int(id) for id in tokenizer_lens.locator("[data-id=ids] [data-i]").all_text_contents()]


def test_type_point_and_switch(page):
    """Typing shows GPT-2's ids live, a chip lights its id and its twins, and another tokenizer counts otherwise."""
    tab = lens(page)
    tab.get_by_label("GPT-2's vocabulary").check()
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("Hello world")
    chips, ids = tab.locator("[data-id=tokens] [data-i]"), tab.locator("[data-id=ids] [data-i]")
    expect(ids).to_have_text(["15496", "995"])
    expect(chips).to_have_text(["Hello", "·world"])
    tint = chips.nth(1).evaluate("chip => getComputedStyle(chip).backgroundColor")

    prompt.fill("Oh, Hello world world")
    expect(ids).to_have_text(["5812", "11", "18435", "995", "995"])
    assert chips.nth(3).evaluate("chip => getComputedStyle(chip).backgroundColor") == tint

    chips.nth(3).hover()
    expect(ids.nth(3)).to_have_class(re.compile("gb-tk-on"))
    expect(ids.nth(4)).to_have_class(re.compile("gb-tk-same"))
    expect(tab.locator("[data-id=detail]")).to_contain_text("20 77 6f 72 6c 64")
    ids.nth(0).hover()
    expect(chips.nth(0)).to_have_class(re.compile("gb-tk-on"))
    chips.nth(3).click()
    expect(tab.locator("[data-id=steps]")).to_contain_text("merge 740")
    page.keyboard.press("Escape")
    expect(tab.locator(".gb-tk-on")).to_have_count(0)

    for name, kind in (("Characters", "character"), ("Byte-level BPE, trained here", "bpe")):
        tab.get_by_label(name).check()
        wanted = ready_tokenizer(kind).encode("Oh, Hello world world")
        expect(ids).to_have_text([str(id) for id in wanted])
        expect(tab.locator("[data-id=counts] div", has_text="tokens").first).to_contain_text(str(len(wanted)))
        expect(tab.locator("[data-id=about]")).to_contain_text("trained here on Python's documentation")
    tab.get_by_label("Show white space").uncheck()
    expect(tab.locator("[data-id=tokens] .gb-tk-blank")).to_have_count(0)


def test_hostile_text_refusals_and_comparison(page):
    """Markup stays text, a refusal is a sentence above the kept picture, rows line up, pasted ids come back as text."""
    tab = lens(page)
    hostile = "<img src=x onerror=document.title='gone'>${document.title='gone'}"
    page.get_by_label("Prompt", exact=True).fill(hostile)
    tab.get_by_label("GPT-2's vocabulary").check()
    tokens = tab.locator("[data-id=tokens]")
    expect(tokens).to_have_text(hostile.replace(" ", "·"))
    assert tab.locator("img").count() == 0
    assert page.title() != "gone"

    tab.get_by_label("Characters").check()
    expect(tab.locator(".gb-notice")).to_contain_text("This alphabet has no '$'")
    expect(tokens).to_have_text(hostile.replace(" ", "·"))

    page.get_by_label("Prompt", exact=True).fill("hello \N{CAT FACE}")
    tab.get_by_role("button", name="Compare").click()
    expect(tab.locator(".gb-tk-table tbody tr")).to_have_count(5)
    expect(tab.locator("[data-id=drawn]")).to_contain_text("Characters: This alphabet has no")
    columns = tab.locator(".gb-tk-column")
    expect(columns.first).to_contain_text("hello")
    assert page.evaluate("location.hash.includes('tokview=compare')")

    tab.get_by_role("button", name="GPT-2's vocabulary").click()
    expect(tab.locator(".gb-tk-cluster .gb-tk-whole")).to_have_text("·\N{CAT FACE}")
    assert shown_ids(tab) == ready_tokenizer("gpt2").encode("hello \N{CAT FACE}")

    tab.get_by_text("Decode ids").click()
    tab.get_by_label("Ids, with commas").fill("[15496, 995]")
    expect(tab.locator("[data-id=decoded]")).to_have_text("Hello world")
    tab.get_by_label("Characters").check()
    expect(tab.locator("[data-id=decode-note]")).to_contain_text("There is no token 15496")
    tab.get_by_label("GPT-2's vocabulary").check()
    tab.get_by_role("button", name="Use as prompt").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Hello world")
