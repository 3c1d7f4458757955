"""The Tokenizer tab, used as a person would."""

import re

from playwright.sync_api import expect

from llm.tokenizers import GPT2Tokenizer, read_tokenizer, train_bpe
from llm.ui.tokenizer.tokenizer_menu import ready_tokenizer


def view(page, title, name):
    page.get_by_role("tab", name="Tokenizer").click()
    page.locator("[data-views-of=tokenizer]").get_by_role("button", name=title, exact=True).click()
    return page.locator(f"#gb-{name}")


def type_prompt(page, text):
    page.locator("#gb-bar").get_by_label("Prompt", exact=True).fill(text)


def test_type_point_and_switch(page):
    """Typing shows GPT-2's ids live, a chip lights its id and its twins, and another tokenizer counts otherwise."""
    tab = view(page, "Read", "read")
    tok = tab.get_by_label("Tokenizer", exact=True)
    tok.select_option("GPT-2's vocabulary")
    type_prompt(page, "Hello world")
    chips, ids = tab.locator("[data-id=tokens] [data-token]"), tab.locator("[data-id=ids] [data-token]")
    expect(ids).to_have_text(["15496", "995"])
    expect(chips).to_have_text(["Hello", "·world"])
    tint = chips.nth(1).evaluate("chip => getComputedStyle(chip).backgroundColor")

    type_prompt(page, "Oh, Hello world world")
    expect(ids).to_have_text(["5812", "11", "18435", "995", "995"])
    expect(chips.nth(3)).to_have_css("background-color", tint)

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

    for name, kind in (("Characters", "character"), ("Byte-level BPE", "bpe")):
        tok.select_option(name)
        wanted = ready_tokenizer(kind).encode("Oh, Hello world world")
        expect(ids).to_have_text([str(id) for id in wanted])
        expect(tab.locator("[data-id=counts] div", has_text="tokens").first).to_contain_text(str(len(wanted)))
        expect(tab.locator("[data-id=about]")).to_contain_text("trained here on Python's documentation")
    tab.get_by_label("Show white space").uncheck()
    expect(tab.locator("[data-id=tokens] .gb-tk-blank")).to_have_count(0)


def test_hostile_text_special_tokens_and_pasted_ids(page):
    """Markup stays text, a split character stands whole, <|endoftext|> is what the switch says, ids decode."""
    tab = view(page, "Read", "read")
    hostile = "<img src=x onerror=document.title='gone'>${document.title='gone'}"
    type_prompt(page, hostile)
    tok = tab.get_by_label("Tokenizer", exact=True)
    tok.select_option("GPT-2's vocabulary")
    tokens = tab.locator("[data-id=tokens]")
    expect(tokens).to_have_text(hostile.replace(" ", "·"))
    assert tab.locator("img").count() == 0
    assert page.title() != "gone"
    tok.select_option("Characters")
    expect(tab.locator("[data-id=about]")).to_contain_text("trained on this very text")

    tok.select_option("GPT-2's vocabulary")
    type_prompt(page, "hello \N{CAT FACE}<|endoftext|>")
    expect(tab.locator(".gb-tk-cluster .gb-tk-whole")).to_have_text("·\N{CAT FACE}")
    tab.get_by_label("as plain text").uncheck()
    expect(tab.locator("[data-id=tokens] .gb-tk-special")).to_have_text("<|endoftext|>")
    shown = [int(id) for id in tab.locator("[data-id=ids] [data-token]").all_text_contents()]
    assert shown == GPT2Tokenizer().encode_special("hello \N{CAT FACE}<|endoftext|>")

    tab.get_by_text("Decode ids").click()
    tab.get_by_label("Ids, with commas").fill("[15496, 99999, 995]")
    expect(tab.locator("[data-id=decoded]")).to_have_text("Helloid·99999 world")
    expect(tab.locator("[data-id=decode-notes]")).to_contain_text("99999, the 2nd, is no token")
    tab.get_by_label("Ids, with commas").fill("15496 995")
    tab.get_by_role("button", name="Use as prompt").click()
    expect(page.locator("#gb-bar").get_by_label("Prompt", exact=True)).to_have_value("Hello world")

    tab.get_by_text("Why it matters").click()
    tab.get_by_role("button", name="strawberry").click()
    expect(tab.locator("[data-id=lesson]")).to_contain_text("one id for “ strawberry”")
    expect(tab.locator("[data-id=ids]")).to_contain_text("41236")


def test_step_through_a_word_and_compare(page):
    """Pieces are cut and named, merges go back and forth to GPT-2's ids; rows of four tokenizers line up over bars."""
    type_prompt(page, "I'll count 42 tokens")
    tab = view(page, "Step through", "step_through")
    tab.get_by_label("Tokenizer", exact=True).select_option("GPT-2's vocabulary")
    pieces = tab.get_by_role("radio")
    expect(pieces).to_have_text(["I", "'ll", "·count", "·42", "·tokens"])
    for i, title in enumerate(["word", "contraction", "word", "number", "word"]):
        expect(pieces.nth(i)).to_have_attribute("title", title)
    pieces.nth(4).click()
    cells = tab.locator("[data-id=tower] .gb-tk-cell .gb-tk-chip")
    expect(cells).to_have_text(list("·tokens"))
    expect(tab.locator("[data-id=tower] .gb-tk-next b")).to_have_text("1")  # space + t, GPT-2's first merge
    tab.get_by_role("button", name="One merge on").click()
    expect(cells.first).to_have_text("·t")
    tab.get_by_label("Merges made").fill(tab.get_by_label("Merges made").get_attribute("max"))
    expect(cells).to_have_text(["·tokens"])
    expect(tab.locator("[data-id=final]")).to_contain_text("[16326] the same")
    tab.get_by_role("button", name="One merge back").click()
    expect(cells).to_have_text(["·to", "kens"])

    tab = view(page, "Compare tokenizers", "compare_tokenizers")
    expect(tab.locator(".gb-tk-table tbody tr")).to_have_count(4)
    expect(tab.locator(".gb-tk-column").first).to_contain_text("I")
    expect(tab.locator(".gb-tk-sample-row")).to_have_count(14)
    tab.get_by_label("Characters").uncheck()
    tab.get_by_label("Whitespace").check()
    expect(tab.locator("[data-id=table]")).to_contain_text("Whitespace")
    page.wait_for_function("location.hash.includes('toks=')")


def test_train_keep_and_take_away_a_vocabulary(page):
    """A vocabulary learnt from pasted text, merge by merge, is kept, read with, searched and downloaded."""
    tab = view(page, "Train a vocabulary", "train_a_vocabulary")
    expect(tab.locator("[data-id=status]")).to_contain_text("300 merges; Start trains your own")  # a real example
    expect(tab.locator("[data-id=newest] > div")).to_have_count(10)
    expect(tab.get_by_role("button", name="Keep", exact=True)).to_be_hidden()
    tab.get_by_label("Learn from").select_option("A text of yours")
    text = "low lower lowest, new newer newest; " * 20
    tab.get_by_label("Your text").fill(text)
    tab.get_by_label("Merges a second").fill("0")
    tab.get_by_role("button", name="Start").click()
    tab.get_by_role("button", name="Merge once").click()
    tab.get_by_role("button", name="Merge once").click()
    expect(tab.locator("[data-id=newest] > div").nth(1)).to_be_visible()
    expect(tab.locator("[data-id=status]")).to_have_text("Paused.")
    expect(tab.locator(".gb-tk-first")).to_be_visible()
    chips = tab.locator("[data-id=sample] .gb-tk-chip")
    before = chips.count()
    tab.get_by_label("Merges a second").fill("6")
    tab.get_by_role("button", name="Go on").click()
    expect(tab.locator("[data-id=status]")).to_contain_text("Finished. No pair is left")
    page.wait_for_function(
        "most => document.querySelectorAll('#gb-train_a_vocabulary [data-id=sample] .gb-tk-chip').length < most",
        arg=before / 2,
    )
    tokenizer = train_bpe(text, 1024)
    expect(tab.locator("[data-id=figures] dd").first).to_have_text(str(len(tokenizer.merges)))

    tab.get_by_label("Keep it for this visit as").fill("low words")
    tab.get_by_role("button", name="Keep", exact=True).click()
    with page.expect_download() as download:
        tab.get_by_role("button", name="tokenizer.json").click()
    assert download.value.suggested_filename == "low-words-tokenizer.json"
    data = download.value.path().read_bytes()
    assert read_tokenizer(data).encode("lowest newest") == tokenizer.encode("lowest newest")

    type_prompt(page, "lowest newest")
    tab.get_by_role("button", name="Read with it").click()
    reading = page.locator("#gb-read")
    expect(reading.locator("[data-id=name]")).to_have_text("low words")
    shown = reading.locator("[data-id=ids] [data-token]")
    expect(shown).to_have_text([str(id) for id in tokenizer.encode("lowest newest")])

    tab = view(page, "Vocabulary", "vocabulary")
    expect(tab.locator(".gb-tk-word .gb-tk-chip").first).to_have_text("00")  # few fonts have a sign for it
    tab.get_by_label("Search").fill("west")
    tab.locator(".gb-tk-word", has_text="west").first.click()
    expect(tab.locator(".gb-tk-tree")).to_contain_text("we")


def test_few_tokens_are_large_and_keys_lead_from_one_to_the_next(page):
    """A short prompt fills the picture and scrolls nowhere, a long text is small; arrows say each token in a room."""
    tab = view(page, "Read", "read")
    tokens = tab.locator("[data-id=tokens]")
    chips = tokens.locator("[data-token]")

    def size():
        return chips.first.evaluate("(chip) => parseFloat(getComputedStyle(chip).fontSize)")

    type_prompt(page, "The boat was blue.")
    expect(chips.last).to_have_text(".")
    assert size() > 40
    assert tokens.evaluate("(box) => box.scrollHeight <= box.clientHeight")
    type_prompt(page, "The boat was blue. " * 60)
    page.wait_for_function("document.querySelectorAll('#gb-read [data-id=tokens] [data-token]').length > 250")
    assert size() < 25

    page.keyboard.press("Escape")
    page.locator("#gb-bar").get_by_label("Prompt", exact=True).blur()
    page.keyboard.press("p")
    said = tab.locator(".gb-caption-now")
    expect(said).to_contain_text("tokens")
    page.keyboard.press("ArrowRight")
    expect(chips.first).to_have_class(re.compile("gb-tk-on"))
    expect(said).to_contain_text(f"is token {chips.first.get_attribute('data-token')}")
    page.keyboard.press(" ")
    expect(chips.nth(1)).to_have_class(re.compile("gb-tk-on"))
    page.keyboard.press("ArrowLeft")
    expect(chips.first).to_have_class(re.compile("gb-tk-on"))
    page.keyboard.press("p")
