"""What the Tokenizer tab sends is what the tokenizers say, and nothing a stranger sends breaks it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.model import GPT
from llm.tokenizers import KINDS, train_tokenizer
from llm.ui import subject
from llm.ui.sessions import Sessions
from llm.ui.tokenizer.compare_tokenizers import build_compare_tokenizers, comparison
from llm.ui.tokenizer.read import build_read
from llm.ui.tokenizer.token_facts import merge_rank, why_broken
from llm.ui.tokenizer.token_shapes import readable
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu, ready_tokenizer

TEXT = "the quick brown fox jumps over the lazy dog; "
FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
HOSTILE = f"na\u00efve e\u0301 {FAMILY}\r\n\t \u202e\u00a0x<|endoftext|>\x00 \u6771\u4eac <img src=x>"


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The endpoints by name, over one tiny model whose context is 8 characters of a small alphabet."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    tokenizer = train_tokenizer("character", TEXT)
    save_checkpoint(
        tmp_path / "tiny", GPT(ModelConfig(tokenizer.vocab_size, n_ctx=8, n_embd=8, n_head=1, n_layer=1)), tokenizer
    )
    shelf = TokenizerMenu(subject.Subjects(Sessions()))
    return {fn.__name__: fn for lens in (build_read(shelf), build_compare_tokenizers(shelf)) for fn in lens.server_fns}


def asked(**values):
    return {"visitor": "0" * 32, "model": "shipped:tiny", "step": None, "sheet": "s", "text": TEXT, **values}


def test_gpt2s_known_ids_and_ranks(tab):
    """Hello world is 15496, 995 everywhere, and a token's rank leads to the merge that made it."""
    answer = tab["read_text"](asked(tok="gpt2", text="Hello world"))
    assert answer["ids"] == [0, 0, [15496, 995]] and answer["total"] == 2 and answer["fresh"]
    assert answer["units"] == [0, 0, [((15496,), (True,), None, None), ((995,), (True,), None, None)]]
    assert answer["new"]["995"] == {"parts": [{"text": " world"}], "hex": "20 77 6f 72 6c 64", "rank": 740}
    assert answer["counts"] == {"bytes": 11, "characters": 11, "graphemes": 11, "words": 2}
    assert answer["n_ctx"] == 8 and answer["special_tokens"] == [("<|endoftext|>", 50256)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_answers_what_core_encodes(tab, kind):
    """Ids, bytes and losses on the page are those of llm.tokenizers, for ordinary and for hostile text."""
    for n, text in enumerate(("", TEXT, HOSTILE)):
        tokenizer = ready_tokenizer(kind)
        if kind == "character" and text == HOSTILE:
            tokenizer = train_tokenizer("character", HOSTILE)
        answer = tab["read_text"](asked(tok=kind, text=text, sheet=str(n)))
        ids = answer["ids"][2]
        assert ids == tokenizer.encode(text)
        assert answer["lost"] == tokenizer.what_is_lost(text)
        for id in ids:
            assert bytes.fromhex(answer["new"][str(id)]["hex"]) == tokenizer.token_bytes(id)
        assert json.loads(json.dumps(answer))["ids"] == answer["ids"]


def test_an_alphabet_that_lacks_a_character_is_learnt_from_the_text_itself(tab):
    """Python's documentation has no Chinese; characters at hand then say where they come from. A model's can't."""
    answer = tab["read_text"](asked(tok="character", text="$\u6771\u4eac"))
    assert answer["total"] == 3
    assert answer["about"] == (
        "trained on this very text, since Python's documentation has no '$', '\u4eac', '\u6771', vocabulary 3"
    )
    assert "trained here on Python's documentation" in tab["read_text"](asked(tok="character"))["about"]
    assert "This alphabet has no" in tab["read_text"](asked(text="\u6771"))["error"]


def test_only_what_was_typed_is_asked_for_and_answered(tab):
    """An edit of the sheet that the server has; without it the page is asked for the whole text."""
    first = tab["read_text"](asked(tok="gpt2", text="Hello world"))
    typed = {**asked(tok="gpt2"), "version": first["version"], "at": 5, "removed": 0, "added": ","}
    del typed["text"]
    answer = tab["read_text"](typed)
    assert answer["ids"] == [1, 0, [11]] and answer["units"][:2] == [1, 0] and list(answer["new"]) == ["11"]
    assert answer["counts"]["bytes"] == 12 and answer["total"] == 3
    assert tab["read_text"](typed) == {"gone": True}  # that version is no more
    assert tab["read_text"]({**typed, "visitor": "1" * 32, "version": answer["version"]}) == {"gone": True}


@pytest.mark.parametrize("kind", ["bpe", "gpt2"])
def test_every_merge_is_found_by_its_tokens_id(kind):
    """Ranks are computed from ids, so the n-th merge must make the n-th id after the 256 bytes."""
    tokenizer = ready_tokenizer(kind)
    assert [merge_rank(tokenizer, merge.token) for merge in tokenizer.merges] == [*range(1, len(tokenizer.merges) + 1)]
    assert merge_rank(tokenizer, 255) is None
    assert merge_rank(tokenizer, tokenizer.eot_id) is None


def test_the_steps_of_a_token_rebuild_it(tab):
    """How it was made: single bytes first, each step from what is there already, the token last."""
    tokenizer = ready_tokenizer("gpt2")
    steps = tab["explain_token"](asked(tok="gpt2", id=15496))["steps"]
    there = set(range(256))
    for step in steps:
        left, right, token = step["left"]["id"], step["right"]["id"], step["token"]["id"]
        assert {left, right} <= there
        assert tokenizer.token_bytes(left) + tokenizer.token_bytes(right) == tokenizer.token_bytes(token)
        there.add(token)
    assert steps[-1]["token"] == {"id": 15496, "parts": [{"text": "Hello"}]}
    assert tab["explain_token"](asked(tok="character", id=1)) == {"steps": []}


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", []),
        (b" \n\x00", [{"text": " \n\x00"}]),
        (b"a\xf0\x9f", [{"text": "a"}, {"hex": "f0 9f"}]),
        (b"\x80\x80z", [{"hex": "80 80"}, {"text": "z"}]),
        ("e\u0301".encode(), [{"text": "e\u0301"}]),
        ("\u0301".encode(), [{"hex": "cc 81"}]),
        ("\u202eab\u00a0".encode(), [{"hex": "e2 80 ae"}, {"text": "ab"}, {"hex": "c2 a0"}]),
        (FAMILY.encode(), [{"text": FAMILY}]),
    ],
)
def test_only_what_a_reader_can_see_is_text(data, parts):
    """Halves of characters, lone accents and signs without a shape show as hex, never as nothing."""
    assert readable(data) == parts


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n\tae\u0301\U0001f468\u200d"), max_size=60)
)
def test_columns_hold_the_same_text_in_every_row(text):
    """Aligned rows: each column's bytes agree between the lossless rows, and no token is left out."""
    kinds = ["bpe", "gpt2", "whitespace"]
    answer = comparison(text, [({"kind": kind}, ready_tokenizer(kind)) for kind in kinds])
    columns = []
    for row in answer["rows"]:
        assert sum(row["cells"]) == len(row["ids"]) == row["total"] == len(ready_tokenizer(row["kind"]).encode(text))
        ids = iter(row["ids"])
        columns.append(
            [b"".join(ready_tokenizer(row["kind"]).token_bytes(next(ids)) for _ in range(n)) for n in row["cells"]]
        )
    assert columns[0] == columns[1]
    assert b"".join(columns[0]) == text.encode()
    assert answer["bytes_drawn"] == len(text.encode())


def test_compare_survives_a_tokenizer_that_cannot_write_the_text(tab):
    """One row's refusal is a sentence in that row; the others are drawn, and long texts only in part."""
    toks = ["model", "gpt2", "whitespace", "character"]
    answer = tab["compare_tokenizers"](asked(text="\u6771\u4eac", toks=toks))
    rows = {row["ref"]: row for row in answer["rows"]}
    assert list(rows) == toks
    assert "This alphabet has no" in rows["model"]["error"]
    assert sum(rows["gpt2"]["cells"]) == rows["gpt2"]["total"] > 0
    long = tab["compare_tokenizers"](asked(text=TEXT * 400, toks=toks))
    assert 0 < long["bytes_drawn"] < long["counts"]["bytes"]
    assert sum(len(row["ids"]) for row in long["rows"]) <= 2500


def test_samples_are_counted_under_each_tokenizer(tab):
    """Ten languages, code, numbers, emoji and the prompt; a model that can't write one says so by a gap."""
    answer = tab["measure_samples"](asked(toks=["gpt2", "character", "model"]))
    samples = {sample["name"]: sample for sample in answer["samples"]}
    assert len(samples) == 14 and sum(sample["language"] for sample in samples.values()) == 10
    for sample in samples.values():
        assert sample["tokens"][0] == len(ready_tokenizer("gpt2").encode(sample["text"]))
        assert sample["tokens"][1] == len(sample["text"]) and sample["bytes"] == len(sample["text"].encode())
    assert samples["Your prompt"]["tokens"][2] == len(TEXT) and samples["Hindi"]["tokens"][2] is None


def test_pasted_ids_come_back_as_text(tab):
    """Any usual way to write a list of ids decodes."""
    for ids in ("15496, 995", "[15496,995]", " 15496\n995; "):
        assert tab["decode_ids"](asked(tok="gpt2", ids=ids)) == {
            "parts": [{"text": "Hello world"}], "remarks": [], "text": "Hello world"
        }  # fmt: skip
    assert tab["decode_ids"](asked(tok="gpt2", ids="")) == {"parts": [], "remarks": [], "text": ""}


def test_what_is_wrong_with_pasted_ids_is_said(tab):
    """Ids outside the vocabulary stand out and the rest is decoded; broken UTF-8 is explained."""
    answer = tab["decode_ids"](asked(tok="gpt2", ids="15496 50257 8582 995 -1"))
    assert answer["parts"] == [{"text": "Hello"}, {"id": 50257}, {"hex": "f0 9f"}, {"text": " world"}, {"id": -1}]
    assert answer["remarks"] == [
        "50257, the 2nd, is no token: ids here go from 0 to 50,256.",
        "f0 9f begins a character of 4 bytes, of which only 2 are here.",
        "-1, the 5th, is no token: ids here go from 0 to 50,256.",
    ]
    assert answer["text"] == "Hello\ufffd\ufffd world\ufffd"
    many = tab["decode_ids"](asked(tok="gpt2", ids="99999 " * 30))
    assert len(many["remarks"]) == 6 and many["remarks"][-1] == "25 more things are wrong."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x80", "80 goes on with a character whose first byte is missing."),
        (b"\xc3", "c3 begins a character of 2 bytes, of which only the first is here."),
        (b"\xe6\x9d", "e6 9d begins a character of 3 bytes, of which only 2 are here."),
        (b"\xff", "ff never occurs in UTF-8."),
        (b"\xc0", "c0 never occurs in UTF-8."),
    ],
)
def test_broken_utf8_is_explained(data, sentence):
    """What RFC 3629 forbids, in words."""
    assert why_broken(data) == sentence


@pytest.mark.parametrize(
    ("endpoint", "values", "sentence"),
    [
        ("read_text", {"tok": "no such"}, "There is no such tokenizer"),
        ("read_text", {"tok": ["gpt2"]}, "Tok must be a text"),
        ("read_text", {"tok": "mine:gone"}, "That vocabulary of yours is gone"),
        ("read_text", {"tok": "cl100k"}, "is not on this computer"),
        ("read_text", {"text": 7}, "Text must be a text"),
        ("read_text", {"text": "x" * 1_000_001}, "use at most 1,000,000"),
        ("read_text", {"sheet": "x" * 99}, "use at most 40"),
        ("read_text", {"version": float("nan")}, "Version must be a number"),
        ("read_text", {"names_are_text": 1}, "must be true or false"),
        ("read_text", {"first": "x"}, "First must be a number"),
        ("read_text", {"model": "shipped:../../etc"}, "That model is gone"),
        ("compare_tokenizers", {"text": None, "toks": ["gpt2"]}, "Text must be a text"),
        ("compare_tokenizers", {"toks": []}, "Choose one to 4"),
        ("compare_tokenizers", {"toks": ["gpt2"] * 5}, "Choose one to 4"),
        ("compare_tokenizers", {"toks": [7]}, "must be a text"),
        ("measure_samples", {"toks": "gpt2"}, "Choose one to 4"),
        ("explain_token", {"tok": "gpt2", "id": float("nan")}, "Id must be a number"),
        ("explain_token", {"tok": "gpt2"}, "Id must be a number"),
        ("decode_ids", {"tok": "gpt2", "ids": "hello"}, "is no id"),
        ("decode_ids", {"tok": "gpt2", "ids": "9" * 5000}, "is no id"),
        ("decode_ids", {"tok": "gpt2", "ids": [15496]}, "Ids must be a text"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(tab, tmp_path, monkeypatch, endpoint, values, sentence):
    """Endpoints are public: wrong kinds, types, ids and sizes get a sentence, not a stack trace."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert sentence in tab[endpoint](asked(**values))["error"]


def test_a_half_surrogate_and_an_id_out_of_range_are_taken_kindly(tab):
    """Broken JSON text becomes U+FFFD, and ids are clamped to the vocabulary as a slider would."""
    assert tab["read_text"](asked(tok="gpt2", text="\ud800"))["counts"]["bytes"] == 3
    assert tab["explain_token"](asked(tok="gpt2", id=10**9)) == {"steps": []}
