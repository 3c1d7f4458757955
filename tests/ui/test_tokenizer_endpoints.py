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
from llm.ui.tokenizer.token_shapes import readable
from llm.ui.tokenizer.reading import CHOICES, build_reading, comparison, merge_rank, reading, ready_tokenizer

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
    return {fn.__name__: fn for fn in build_reading(subject.Subjects(Sessions())).server_fns}


def asked(**values):
    return {"visitor": "0" * 32, "model": "shipped:tiny", "step": None, "text": TEXT, **values}


def test_gpt2s_known_ids_and_ranks(tab):
    """Hello world is 15496, 995 everywhere, and a token's rank leads to the merge that made it."""
    answer = tab["read_tokens"](asked(kind="gpt2", text="Hello world"))
    assert answer["ids"] == [15496, 995]
    assert answer["tokens"]["995"] == {"parts": [{"text": " world"}], "hex": "20 77 6f 72 6c 64", "rank": 740}
    assert answer["counts"] == {"bytes": 11, "characters": 11, "words": 2}
    assert answer["n_ctx"] == 8


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_answers_what_core_encodes(tab, kind):
    """Ids, bytes and losses on the page are those of llm.tokenizers, for ordinary and for hostile text."""
    tokenizer = ready_tokenizer(kind)
    for text in ("", TEXT, HOSTILE):
        answer = tab["read_tokens"](asked(kind=kind, text=text))
        if kind == "character" and text == HOSTILE:
            assert "This alphabet has no" in answer["error"]
            continue
        assert answer["ids"] == tokenizer.encode(text)
        assert answer["lost"] == tokenizer.what_is_lost(text)
        for id in answer["ids"]:
            assert bytes.fromhex(answer["tokens"][str(id)]["hex"]) == tokenizer.token_bytes(id)
        assert json.loads(json.dumps(answer)) == answer


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
    steps = tab["explain_token"](asked(kind="gpt2", id=15496))["steps"]
    there = set(range(256))
    for step in steps:
        left, right, token = step["left"]["id"], step["right"]["id"], step["token"]["id"]
        assert {left, right} <= there
        assert tokenizer.token_bytes(left) + tokenizer.token_bytes(right) == tokenizer.token_bytes(token)
        there.add(token)
    assert steps[-1]["token"] == {"id": 15496, "parts": [{"text": "Hello"}]}
    assert tab["explain_token"](asked(kind="character", id=1)) == {"steps": []}


def test_a_character_in_several_tokens_is_grouped_and_named():
    """An emoji family of several code points is one character over many tokens; its parts show as hex."""
    answer = reading(ready_tokenizer("gpt2"), f"a {FAMILY}b \u202e")
    [[first, count, text], [_, _, mark]] = answer["clusters"]
    assert (first, text, mark) == (1, f" {FAMILY}", " U+202E")
    data = b"".join(ready_tokenizer("gpt2").token_bytes(id) for id in answer["ids"][first : first + count])
    assert data.decode() == text
    assert answer["tokens"][str(answer["ids"][1])]["parts"][0] == {"text": " "}
    assert "hex" in answer["tokens"][str(answer["ids"][2])]["parts"][0]


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
    rows = {row["kind"]: row for row in tab["compare_tokens"](asked(text="\u6771\u4eac"))["rows"]}
    assert list(rows) == list(CHOICES)
    assert "This alphabet has no" in rows["model"]["error"]
    assert sum(rows["gpt2"]["cells"]) == rows["gpt2"]["total"] > 0
    long = tab["compare_tokens"](asked(text=TEXT * 400))
    assert 0 < long["bytes_drawn"] < long["counts"]["bytes"]
    assert sum(len(row["ids"]) for row in long["rows"]) <= 2500


def test_pasted_ids_come_back_as_text(tab):
    """Any usual way to write a list of ids decodes, and bytes that are no whole character are named."""
    for ids in ("15496, 995", "[15496,995]", " 15496\n995; "):
        assert tab["decode_ids"](asked(kind="gpt2", ids=ids)) == {"text": "Hello world", "broken": []}
    answer = tab["decode_ids"](asked(kind="gpt2", ids="15496 8582"))
    assert answer == {"text": "Hello\ufffd", "broken": ["f0 9f"]}
    assert tab["decode_ids"](asked(kind="gpt2", ids="")) == {"text": "", "broken": []}


@pytest.mark.parametrize(
    ("endpoint", "values", "sentence"),
    [
        ("read_tokens", {"kind": "no such"}, "Kind must be one of"),
        ("read_tokens", {"kind": ["gpt2"]}, "Kind must be one of"),
        ("read_tokens", {"text": 7}, "Text must be a text"),
        ("read_tokens", {"text": "x" * 20_001}, "use at most 20,000"),
        ("read_tokens", {"text": "\u6771"}, "This alphabet has no"),
        ("read_tokens", {"model": "shipped:../../etc"}, "That model is gone"),
        ("compare_tokens", {"text": None}, "Text must be a text"),
        ("explain_token", {"kind": "gpt2", "id": float("nan")}, "Id must be a number"),
        ("explain_token", {"kind": "gpt2"}, "Id must be a number"),
        ("decode_ids", {"kind": "gpt2", "ids": "hello"}, "is no id"),
        ("decode_ids", {"kind": "gpt2", "ids": "9" * 5000}, "is no id"),
        ("decode_ids", {"kind": "gpt2", "ids": "-1"}, "There is no token -1"),
        ("decode_ids", {"kind": "gpt2", "ids": "50257"}, "ids 0 to 50,256"),
        ("decode_ids", {"kind": "gpt2", "ids": [15496]}, "Ids must be a text"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(tab, endpoint, values, sentence):
    """Endpoints are public: wrong kinds, types, ids and sizes get a sentence, not a stack trace."""
    assert sentence in tab[endpoint](asked(**values))["error"]


def test_a_half_surrogate_and_an_id_out_of_range_are_taken_kindly(tab):
    """Broken JSON text becomes U+FFFD, and ids are clamped to the vocabulary as a slider would."""
    assert tab["read_tokens"](asked(kind="gpt2", text="\ud800"))["counts"]["bytes"] == 3
    assert tab["explain_token"](asked(kind="gpt2", id=10**9)) == {"steps": []}
