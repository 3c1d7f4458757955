"""Vocabulary files brought to Compare, ids taken away and brought back, as a person does it."""

import ast
import json

import pytest
import tokenizers
from playwright.sync_api import expect

from llm.tokenizers import GPT2Tokenizer, export, train_bpe
from llm.ui.tokenizer.tokenizer_menu import ready_tokenizer

TEXT = "The lighthouse keeper's 1234 lamps — all of them lit, naïvely."


def view(page, title, name):
    page.get_by_role("tab", name="Tokenizer").click()
    page.locator("[data-views-of=tokenizer]").get_by_role("button", name=title, exact=True).click()
    return page.locator(f"#gb-{name}")


def type_prompt(page, text):
    page.locator("#gb-bar").get_by_label("Prompt", exact=True).fill(text)


@pytest.fixture
def own():
    """A vocabulary that no shelf has."""
    return train_bpe("the lighthouse keeper lit all of the lamps " * 30, 320)


def test_vocabulary_files_join_the_comparison(page, own):
    """A .tiktoken file and a tokenizer.json count as their own libraries do; broken ones are refused, and all stays."""
    type_prompt(page, TEXT)
    tab = view(page, "Compare tokenizers", "compare_tokenizers")
    rows, notice = tab.locator(".gb-tk-table tbody tr"), tab.locator(".gb-notice")
    expect(rows).to_have_count(4)
    tab.get_by_label("Characters").uncheck()
    tab.get_by_label("Byte-level BPE").uncheck()
    expect(rows).to_have_count(2)

    def bring(name, data):
        tab.get_by_label("A vocabulary file").set_input_files({"name": name, "mimeType": "", "buffer": data})

    bring("lamps.tiktoken", export(own, "tiktoken").encode())
    tab.get_by_label("As in").select_option("cl100k (GPT-4)")
    tab.get_by_role("button", name="Add", exact=True).click()
    expect(rows).to_have_count(3)
    expect(rows.last).to_contain_text("From a .tiktoken file")
    whole = export(own, "hugging_face").encode()
    bring("harbour.json", whole)
    expect(rows).to_have_count(4)
    expect(rows.last).to_contain_text("harbour")
    expect(notice).to_be_hidden()
    theirs = tokenizers.Tokenizer.from_str(whole.decode()).encode(TEXT).ids
    expect(rows.last.locator(".gb-tk-bar span")).to_have_text(str(len(theirs)))
    expect(tab.locator(".gb-tk-labels").first).to_contain_text("harbour")
    expect(tab.get_by_label("harbour", exact=True)).to_be_checked()

    for name, data, sentence in (
        ("torn.json", whole[: len(whole) // 2], "JSON"),
        ("words.json", b'{"model": {"type": "WordPiece", "vocab": {}}}', "only byte-level BPE can be read here"),
        ("photo.tiktoken", b"\x89PNG\r\n\x1a\n not a vocabulary at all", "no .tiktoken file"),
    ):
        bring(name, data)
        if name.endswith(".tiktoken"):
            tab.get_by_role("button", name="Add", exact=True).click()
        expect(notice).to_contain_text(sentence)
        expect(rows).to_have_count(4)
        expect(rows.last).to_contain_text("harbour")

    rows.last.get_by_role("button", name="harbour").click()
    reading = page.locator("#gb-read")
    shown = reading.locator("[data-id=ids] [data-token]")
    expect(shown).to_have_text([str(id) for id in theirs])
    again = {"name": "harbour.json", "mimeType": "", "buffer": export(GPT2Tokenizer(), "hugging_face").encode()}
    reading.get_by_label("A vocabulary file").set_input_files(again)  # another one of the same name takes its place
    expect(shown).to_have_text([str(id) for id in GPT2Tokenizer().encode(TEXT)])


def test_ids_are_copied_three_ways(page):
    """JSON, Python and text hold the ids that are shown, and paste back to the text."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = view(page, "Read", "read")
    tab.get_by_label("Tokenizer", exact=True).select_option("GPT-2's vocabulary")
    type_prompt(page, TEXT)
    ids = GPT2Tokenizer().encode(TEXT)
    expect(tab.locator("[data-id=ids] [data-token]")).to_have_count(len(ids))
    for name, read in (("JSON", json.loads), ("Python", lambda code: ast.literal_eval(code.removeprefix("ids = ")))):
        tab.get_by_role("button", name=name, exact=True).click()
        expect(tab.get_by_role("button", name="copied")).to_be_visible()
        assert read(page.evaluate("navigator.clipboard.readText()")) == ids
        expect(tab.get_by_role("button", name=name, exact=True)).to_be_visible()
    tab.get_by_role("button", name="text", exact=True).click()
    expect(tab.get_by_role("button", name="copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == " ".join(map(str, ids))
    tab.get_by_text("Decode ids").click()
    tab.get_by_label("Ids, with commas").focus()
    page.keyboard.press("Control+v")
    expect(tab.locator("[data-id=decoded]")).to_have_text(TEXT)
    expect(tab.locator("[data-id=decode-notes]")).to_be_empty()


def test_pasted_ids_that_are_wrong_are_explained(page):
    """What is no number, no token or no character stands out, and a sentence says why; another tokenizer reads anew."""
    tab = view(page, "Read", "read")
    tok = tab.get_by_label("Tokenizer", exact=True)
    tok.select_option("GPT-2's vocabulary")
    tab.get_by_text("Decode ids").click()
    paste, out, notes = (
        tab.get_by_label("Ids, with commas"),
        tab.locator("[data-id=decoded]"),
        tab.locator("[data-id=decode-notes]"),
    )
    use = tab.get_by_role("button", name="Use as prompt")
    paste.fill("15496, hello")
    expect(notes).to_contain_text("“hello” is no id")
    expect(out).to_be_empty()
    expect(use).to_be_hidden()
    paste.fill("[15496, -1, 50257]")
    expect(out.locator(".gb-tk-wrong")).to_have_text(["id·-1", "id·50257"])
    expect(notes).to_contain_text("-1, the 2nd, is no token: ids here go from 0 to 50,256")
    broken = GPT2Tokenizer().encode("\N{CAT FACE}")
    paste.fill(" ".join(map(str, [15496, *broken[:-1], 995])))
    expect(out.locator(".gb-tk-wrong")).to_have_count(1)
    expect(notes).to_contain_text("begins a character of 4 bytes")
    use.click()
    expect(page.locator("#gb-bar").get_by_label("Prompt", exact=True)).to_have_value(
        "Hello\N{REPLACEMENT CHARACTER} world"
    )
    tok.select_option("Characters")
    paste.fill("15496")
    size = ready_tokenizer("character").vocab_size
    expect(notes).to_contain_text(f"ids here go from 0 to {size - 1:,}")
    paste.fill("")
    expect(notes).to_be_empty()
    expect(out).to_be_empty()
