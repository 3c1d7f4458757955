"""The card of a corpus, against counting by hand."""

import dataclasses
import json
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpora import Corpus, corpus_floor, read_text_file, tales
from llm.corpora.card import SAMPLE_CHARACTERS, baselines, describe
from llm.corpora.tasks.texts import load
from llm.tokenizers import train_tokenizer

TEXT = "the cat sat on the mat; the café was shut.\nA dog lay there.\n" * 30


def corpus(text, name="mine.txt"):
    return Corpus(name, "mine", text, name, "your own")


@pytest.mark.parametrize(("kind", "size"), [("character", None), ("bpe", 280), ("whitespace", None), ("gpt2", None)])
def test_counts_against_counting_by_hand(kind, size):
    """Bytes, characters, tokens, the vocabulary's share in use and the most frequent tokens, for each tokenizer."""
    tokenizer = train_tokenizer(kind, TEXT, size)
    card = describe(corpus(TEXT), tokenizer)
    ids = tokenizer.encode(TEXT)
    counts = Counter(ids)
    assert (card.n_bytes, card.n_characters, card.n_tokens) == (len(TEXT.encode()), len(TEXT), len(ids))
    assert card.bytes_per_token == len(TEXT.encode()) / len(ids)
    assert (card.vocab_size, card.vocab_used) == (tokenizer.vocab_size, len(counts))
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:20]
    assert [(token.id, token.count) for token in card.most_frequent] == expected
    assert card.most_frequent[0].text == tokenizer.token_bytes(expected[0][0]).decode()
    assert describe(corpus(TEXT), tokenizer, ids=np.array(ids, dtype=np.uint16)) == card


@given(ids=st.lists(st.integers(0, 5), min_size=20, max_size=120), vocab_size=st.integers(6, 9))
def test_baselines_against_their_definitions(ids, vocab_size):
    """Add-one and Witten-Bell worked out token by token; the bigram odds of every token add up to one."""
    n = len(ids) - round(len(ids) * 0.1)
    learnt, measured = ids[:n], ids[n:]
    followers = {a: Counter(y for x, y in pairwise(learnt) if x == a) for a in range(vocab_size)}

    def unigram(b):
        return (learnt.count(b) + 1) / (n + vocab_size)

    def bigram(b, a):
        seen = followers[a]
        return (seen[b] + len(seen) * unigram(b)) / (seen.total() + len(seen)) if seen else unigram(b)

    for a in range(vocab_size):
        assert math.fsum(bigram(b, a) for b in range(vocab_size)) == pytest.approx(1)
    pairs = list(pairwise(measured))
    expected = [
        -sum(math.log(unigram(b)) for _, b in pairs) / len(pairs),
        -sum(math.log(bigram(b, a)) for a, b in pairs) / len(pairs),
    ]
    assert baselines(np.array(ids), vocab_size) == pytest.approx(expected)


def test_baselines_of_texts_whose_entropy_is_known():
    """Random digits cost ln 10 each, whatever stands before; a cycle costs nothing once the one before is seen."""
    digits = np.random.default_rng(1).integers(0, 10, 50_000)
    assert baselines(digits, 10) == pytest.approx([math.log(10)] * 2, abs=0.01)
    unigram, bigram = baselines(np.arange(50_000) % 8, 8)
    assert unigram == pytest.approx(math.log(8), abs=1e-3) and 0 < bigram < 0.01


def test_no_baselines_for_a_handful_of_tokens():
    """Nothing can be measured on one token."""
    card = describe(corpus("a b c"), train_tokenizer("character", "a b c"))
    assert (card.unigram_loss, card.bigram_loss, card.sample) == (None, None, "a b c")


def test_floor_where_it_is_known(tmp_path):
    """Tasks and tales have one, other texts none, not even a file that is called like a corpus."""
    sort = load("task:sort", 5_000)
    tokenizer = train_tokenizer("character", sort.text)
    assert describe(sort, tokenizer).floor == corpus_floor("task:sort", tokenizer)
    (tmp_path / "tales").write_text(tales.text(5_000, 1), encoding="utf-8")
    mine = read_text_file(tmp_path / "tales")
    assert mine.name == "tales" and describe(mine, train_tokenizer("character", mine.text)).floor is None


def test_floor_lies_below_the_baselines():
    """They are drawn on one chart: floor, bigram, unigram, from below."""
    sort = load("task:sort", 50_000)
    card = describe(sort, train_tokenizer("character", sort.text))
    assert card.floor.value < card.bigram_loss < card.unigram_loss < math.log(card.vocab_size)


@pytest.mark.parametrize("text", ["x" * 1_000, "short", "line\n" * 200, "é\n\n🙂 " * 100])
def test_a_sample_is_a_piece_of_the_text(text):
    """Found in it word for word, from the start of a line where there is one, the same for the same seed."""
    tokenizer = train_tokenizer("bpe", text, 257)
    samples = [describe(corpus(text), tokenizer, seed=seed).sample for seed in (1, 1, 2)]
    assert samples[0] == samples[1]
    for sample in samples:
        assert sample and sample in text and len(sample) <= SAMPLE_CHARACTERS
        assert "line" not in text or sample.startswith("line")


def test_a_card_is_json():
    """A page gets it as it is."""
    sort = load("task:sort", 2_000)
    card = describe(sort, train_tokenizer("bpe", sort.text, 300))
    values = json.loads(json.dumps(dataclasses.asdict(card)))
    assert values["floor"].keys() == {"value", "standard_error"} and values["licence"] == "MIT"
    assert values["most_frequent"][0].keys() == {"id", "text", "count"}
