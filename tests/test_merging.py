"""Merging one piece, step by step: what tiktoken does at once, and what stood beside it at each step."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizers import HOSTILE

from llm.corpora import load_corpus
from llm.tokenizers import GPT2Tokenizer, kind_of_piece, merge_history, merge_steps, train_bpe
from llm.tokenizers.merging import merge

SAMPLES = [
    "Hello world, I'll say it's 2024: 1,000.5 tokens!",
    "strawberry  strawberry\n\n    def f(x):\n\treturn x ** 2\n",
    "Juoksentelisinkohan? Älä nyt. 東京は大きい。 Привет 🙂👩‍👩‍👧 e\u0301",
    " SolidGoldMagikarp aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ________________",
    *HOSTILE,
]


@pytest.fixture(scope="module", params=["bpe", "gpt2"])
def tokenizer(request):
    return GPT2Tokenizer() if request.param == "gpt2" else train_bpe(load_corpus("pydoc").text[:60_000], 900)


def stepped(tokenizer, piece):
    """The piece's ids after its last step."""
    steps = merge_steps(tokenizer, piece)
    return list(steps[-1].after) if steps else tokenizer.byte_ids(piece.encode())


@pytest.mark.parametrize("text", SAMPLES)
def test_the_last_step_is_what_tiktoken_encodes(tokenizer, text):
    """Piece by piece, for prose, code, scripts, emoji and odd blanks."""
    assert "".join(tokenizer.pieces(text)) == text
    assert [id for piece in tokenizer.pieces(text) for id in stepped(tokenizer, piece)] == tokenizer.encode(text)


@settings(deadline=None, max_examples=150)
@given(
    text=st.text(alphabet=st.sampled_from("thean' rstIe01 \n.é數🙂") | st.characters(max_codepoint=0x2FFF), max_size=40)
)
def test_any_text_steps_to_tiktokens_ids(tokenizer, text):
    """Whatever the text is, slow steps, fast merging and tiktoken agree."""
    for piece in tokenizer.pieces(text):
        ids = tokenizer._encoding.encode_ordinary(piece) if tokenizer.pieces(piece) == [piece] else None
        assert stepped(tokenizer, piece) == merge(tokenizer.byte_ids(piece.encode()), tokenizer.merged)
        assert ids is None or stepped(tokenizer, piece) == ids


def test_each_step_takes_the_lowest_rank_of_all_that_could_merge(tokenizer):
    """The candidates are all neighbours that spell a token; one merges, and nothing else moves."""
    for piece in tokenizer.pieces(SAMPLES[0] + SAMPLES[1]):
        before = tuple(tokenizer.byte_ids(piece.encode()))
        for step in merge_steps(tokenizer, piece):
            assert step.before == before and step.chosen in step.candidates
            joined = [tokenizer.token_bytes(a) + tokenizer.token_bytes(b) for a, b in pairwise(before)]
            spelt = [(place, data) for place, data in enumerate(joined) if data in tokenizer._encoding._mergeable_ranks]
            assert [(c.place, tokenizer.token_bytes(c.token)) for c in step.candidates] == spelt
            assert step.chosen.rank == min(c.rank for c in step.candidates)
            place = step.chosen.place
            assert tokenizer.pair(step.chosen.token) == before[place : place + 2]
            before = step.after
            assert before == (*step.before[:place], step.chosen.token, *step.before[place + 2 :])


def test_a_known_piece():
    """ " the" in GPT-2: space + t is its very first merge, h + e the third, and the two of them meet in the seventh."""
    steps = merge_steps(GPT2Tokenizer(), " the")
    assert [step.chosen.rank for step in steps] == [1, 3, 7]
    assert [len(step.candidates) for step in steps] == [3, 2, 1]
    assert steps[-1].after == (262,)
    assert merge_steps(GPT2Tokenizer(), "x") == []


def test_a_tokens_history_rebuilds_it(tokenizer):
    """From single bytes on, each pair is there before it merges, and the last one is the token."""
    for id in range(256, tokenizer.vocab_size - 1, 97):
        there = set(range(256))
        history = merge_history(tokenizer, id)
        for token, (left, right) in history.items():
            assert {left, right} <= there
            assert tokenizer.token_bytes(left) + tokenizer.token_bytes(right) == tokenizer.token_bytes(token)
            there.add(token)
        assert list(history)[-1] == id
    assert merge_history(tokenizer, 65) == merge_history(tokenizer, tokenizer.eot_id) == {}


def test_pieces_are_named():
    """What the pattern's alternatives stand for."""
    pieces = GPT2Tokenizer().pieces("It's 2024, don't\n  ½ 東京!! \x1c")
    assert [(piece, kind_of_piece(piece)) for piece in pieces] == [
        ("It", "word"),
        ("'s", "contraction"),
        (" 2024", "number"),
        (",", "punctuation"),
        (" don", "word"),
        ("'t", "contraction"),
        ("\n ", "space"),
        (" ½", "number"),
        (" 東京", "word"),
        ("!!", "punctuation"),
        (" \x1c", "punctuation"),
    ]


def test_a_piece_without_end_merges_in_no_time():
    """A heap over a linked list: a hundred thousand bytes, as tiktoken merges them."""
    tokenizer = GPT2Tokenizer()
    for piece in ("a" * 20_000, "xy" * 20_000):
        assert merge(tokenizer.byte_ids(piece.encode()), tokenizer.merged) == tokenizer.encode(piece)
