"""A text that is typed: what the page puts together from changes is what it would be told of the whole."""

import json
import random
import time

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.tokenizers import CharacterTokenizer, GPT2Tokenizer, WhitespaceTokenizer, train_bpe
from llm.ui.memory import Memory
from llm.ui.tokenizer import edited_text
from llm.ui.tokenizer.edited_text import EditedTexts, edited, turn, units
from llm.ui.tokenizer.token_facts import MAX_SPELT, explain_ids
from llm.ui.tokenizer.token_shapes import decoded, inside_characters, readable, text_counts

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
PARTS = ["a", "the ", " ", "\n", "\r\n", "é", "e\u0301", "\u0600", "1", FAMILY, "數", "<|endoftext|>", "'s", "🇫", "🇷"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
BPE = train_bpe("the cat sat on the mat. " * 9 + "é數" * 5, 290)
ALPHABET = "the cat sat\n\ra'sé\u0301\u06001<|endoftext|>數🇫🇷" + FAMILY
KINDS = [BPE, GPT2Tokenizer(), WhitespaceTokenizer.train("the cat a 1"), CharacterTokenizer.train(ALPHABET)]


NONE = np.zeros(0, np.int64)


class Page:
    """What the page keeps: lists that each answer changes."""

    def __init__(self):
        self.ids, self.units, self.known = [], [], set()

    def take(self, change):
        change = json.loads(json.dumps({**change, "new": sorted(change["new"])}))
        if change["fresh"]:
            self.__init__()
        self.known |= set(change["new"])
        for name in ("ids", "units"):
            start, removed, added = change[name]
            getattr(self, name)[start : start + removed] = added
        assert {id for unit in self.units for id in unit[0]} <= self.known


@settings(deadline=None, max_examples=150)
@given(texts=st.lists(TEXTS, min_size=2, max_size=5), kind=st.sampled_from(range(4)), special=st.booleans())
def test_changes_add_up_to_the_whole(texts, kind, special):
    """Whatever is typed after whatever: ids and drawn units are those of the new text alone."""
    tokenizer, page, sheet = KINDS[kind], Page(), None
    for text in texts:
        sheet, change = turn(sheet, text, tokenizer, special)
        page.take(change)
        ids = tokenizer.encode_special(text) if special else tokenizer.encode(text)
        whole = units(tokenizer, text, np.array(ids, dtype=np.int64), special, NONE)
        assert page.ids == ids and page.units == json.loads(json.dumps(whole))
        assert [id for unit in page.units for id in unit[0]] == ids


def test_windows_of_a_long_text_join_up():
    """Drawn in parts, a text shows the tokens, pieces and shared characters that it has when drawn at once."""
    text = "".join(random.Random(5).choices(["the cat ", "sat\n", FAMILY, "é", " 12", "數", "  \n x", "'s"], k=300))
    ids = np.array(BPE.encode(text), dtype=np.int64)
    whole = [pair for unit in units(BPE, text, ids, False, NONE) for pair in zip(unit[0], unit[1], strict=True)]
    for size in (7, 64):
        starts = range(0, len(ids), size)
        parts = [unit for at in starts for unit in units(BPE, text, ids[at : at + size], False, ids[:at])]
        assert [pair for unit in parts for pair in zip(unit[0], unit[1], strict=True)] == whole


def test_the_window_follows_what_is_typed(monkeypatch):
    """Typing far from what is drawn moves the window there; asking for another place does too, and it stays there."""
    monkeypatch.setattr(edited_text, "WINDOW", 50)
    text = "the cat sat. " * 60
    page = Page()
    sheet, change = turn(None, text, BPE, False)
    page.take(change)
    assert change["first"] == 0
    sheet, change = turn(sheet, text + "mat", BPE, False)
    page.take(change)
    assert change["last"] == len(BPE.encode(text + "mat")) and 20 < change["last"] - change["first"] <= 50
    sheet, change = turn(sheet, text + "mat", BPE, False, first=120)
    page.take(change)
    assert (change["first"], change["last"]) == (120, 170) and page.units == json.loads(json.dumps(sheet.units))
    sheet, change = turn(sheet, text + "mat", GPT2Tokenizer(), False)
    page.take(change)
    assert change["fresh"] and page.ids == GPT2Tokenizer().encode(text + "mat")


def test_typing_sends_little():
    """A letter in the middle of ten thousand characters changes a handful of tokens."""
    text = "the cat sat on the mat.\n" * 400
    sheet, _ = turn(None, text, BPE, False)
    _, change = turn(sheet, text[:5000] + "x" + text[5000:], BPE, False)
    assert len(json.dumps({**change, "new": sorted(change["new"])})) < 400


def test_special_tokens_stand_apart_only_when_asked_for():
    """<|endoftext|> written out is text or one token, marked."""
    text = "a<|endoftext|>b"
    _, plain = turn(None, text, BPE, False)
    _, special = turn(None, text, BPE, True)
    assert not any(unit[3] for unit in plain["units"][2])
    assert [(unit[0], unit[3]) for unit in special["units"][2]] == [
        ((97,), None), ((BPE.eot_id,), "special"), ((98,), None)
    ]  # fmt: skip
    words = WhitespaceTokenizer.train("a b")
    _, change = turn(None, "a <|endoftext|> zebra", words, True)
    assert [unit[3] for unit in change["units"][2]] == [None, "special", "zebra"]


@settings(deadline=None, max_examples=200)
@given(TEXTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_places_inside_characters_are_unicodes(text):
    """Found stretch by stretch, as by going through the whole text; and so are graphemes counted."""
    inside, at = set(), 0
    for character in regex.findall(r"\r|\X", text):
        size = len(character.encode())
        inside.update(range(at + 1, at + size))
        at += size
    assert inside_characters(text) == inside
    assert text_counts(text)["graphemes"] == len(regex.findall(r"\X", text))


@given(st.binary(max_size=24) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")[1:]))
def test_broken_bytes_stand_where_pythons_decoder_gives_up(data):
    """Bytes are cut into text and what is none as by decoding, skipping what is broken, and decoding on."""
    expected, rest = [], data
    while rest:
        try:
            expected.append((rest.decode(), b""))
            break
        except UnicodeDecodeError as error:
            expected.append((rest[: error.start].decode(), rest[error.start : error.end]))
            rest = rest[error.end :]
    assert list(decoded(data)) == expected


def test_ids_that_stand_for_endless_bytes_are_refused():
    """A few pasted ids of long tokens could fill the memory."""
    with pytest.raises(ValueError, match="paste fewer"):
        explain_ids(CharacterTokenizer("é"), [0] * (MAX_SPELT // 2 + 1))


def test_flags_take_no_square_of_their_number():
    """Half a million halves of flags are paired in a moment; counted anew at each, it would take ten minutes."""
    started = time.monotonic()
    text = "\N{REGIONAL INDICATOR SYMBOL LETTER F}" * 500_001
    assert text_counts(text)["graphemes"] == 250_001
    assert len(inside_characters(text)) == 7 * 250_000 + 3
    assert time.monotonic() - started < 20


def test_a_character_in_several_tokens_is_one_unit():
    """An emoji family of several code points stands whole over its tokens; a mark without a shape is named."""
    text = f"a {FAMILY}b \u202e"
    ids = np.array(GPT2Tokenizer().encode(text), dtype=np.int64)
    drawn = units(GPT2Tokenizer(), text, ids, False, NONE)
    assert [unit[2] for unit in drawn if unit[2]] == [f" {FAMILY}", " U+202E"]
    family = next(unit for unit in drawn if unit[2])
    assert b"".join(map(GPT2Tokenizer().token_bytes, family[0])).decode() == f" {FAMILY}"
    assert family[1] == (False,) * (len(family[0]) - 1) + (True,)
    assert "hex" in readable(GPT2Tokenizer().token_bytes(family[0][1]))[0]


def test_sheets_are_bounded_and_know_their_version(monkeypatch):
    """The longest unused text goes first, and a page whose sheet is gone is told so."""
    monkeypatch.setattr(edited_text, "_bytes", lambda sheet: len(sheet.text))
    memory = Memory()
    memory.budget = memory.share = 100
    kept = EditedTexts(memory)
    for n in range(4):
        sheet, _ = turn(None, "x" * 40, BPE, False)
        kept.put((str(n), "s"), sheet)
    assert [kept.get((str(n), "s"), 1) is not None for n in range(4)] == [False, False, True, True]
    assert kept.get(("3", "s"), 2) is None
    kept.put(("5", "s"), turn(None, "x" * 90, BPE, False)[0])
    assert kept.get(("5", "s"), 1) is not None and kept.get(("3", "s"), 1) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"at": 1, "removed": 2, "added": "XY"}, "aXYd"),
        ({"at": 0, "removed": 0, "added": ""}, "abcd"),
        ({"at": 99, "removed": 99, "added": "!"}, "abcd!"),
        ({"at": -5, "removed": 99, "added": ""}, ""),
    ],
)
def test_edits_are_clamped_to_the_text(change, text):
    """A page that is wrong about the text changes a part of it and breaks nothing."""
    assert edited("abcd", change) == text
