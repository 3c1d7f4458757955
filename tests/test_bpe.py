"""Training byte-level BPE: the fast trainer against a slow, plain one, against tokenizers and against tiktoken."""

import itertools
import json
from collections import Counter

import pytest
import regex
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm.corpora import load_corpus
from llm.tokenizers import BPETrainer, GPT2Tokenizer, Merge, bpe, train_bpe
from llm.tokenizers.bpe import MAX_TOKEN_BYTES
from llm.tokenizers.byte_level import PATTERN
from llm.tokenizers.gpt2 import byte_characters

ORIGINAL_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""As the GPT-2 release has it."""


def apply(pair, token, ids):
    """Replace each occurrence of the pair, from left to right."""
    out, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            out.append(token)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def count_pairs(chunks):
    """How often each pair stands side by side, in all chunks of the text."""
    return Counter(pair for ids in chunks for pair in itertools.pairwise(ids))


def reference(text, vocab_size):
    """The textbook: recount every pair in the whole text, merge the best everywhere, repeat."""
    chunks = [list(chunk.encode()) for chunk in regex.findall(ORIGINAL_PATTERN, text)]
    tokens = [bytes([b]) for b in range(256)]
    merges = []
    while len(tokens) < vocab_size - 1:
        counts = count_pairs(chunks)
        allowed = [p for p, n in counts.items() if n > 1 and len(tokens[p[0]]) + len(tokens[p[1]]) <= MAX_TOKEN_BYTES]
        if not allowed:
            break
        best = min(allowed, key=lambda p: (-counts[p], tokens[p[0]], tokens[p[1]]))
        merges.append(Merge(best, len(tokens), counts[best]))
        chunks = [apply(best, len(tokens), ids) for ids in chunks]
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return merges, [id for ids in chunks for id in ids]


def assert_same(text, vocab_size):
    """The fast trainer finds the same merges, and encode cuts the training text as training left it."""
    tokenizer = train_bpe(text, vocab_size)
    merges, segmentation = reference(text, vocab_size)
    assert list(tokenizer.merges) == merges
    assert tokenizer.encode(text) == segmentation
    assert tokenizer.decode(segmentation) == text


@settings(deadline=None, max_examples=400)
@given(text=st.text("ab ", min_size=1, max_size=80), vocab_size=st.integers(257, 300))
@example("aaaaaaaaa", 300)
@example("aaaab aaab aab ab caab caaab", 300)
@example("abababab bababa", 300)
def test_tiny_alphabets_against_the_reference(text, vocab_size):
    """Where pairs overlap themselves and many bytes are equal, merges, counts and encoding still agree."""
    assert_same(text, vocab_size)


@settings(deadline=None, max_examples=200)
@given(text=st.text(min_size=1, max_size=60, alphabet=st.sampled_from("a'sé🙂1 \n\r\t\u00a0.\x00数")))
def test_mixed_text_against_the_reference(text):
    """Contractions, blanks of all sorts and characters of several bytes are chunked and merged alike."""
    assert_same(text + text, 290)


def test_real_text_against_the_reference():
    """On real prose, with many chunks that occur often."""
    assert_same(load_corpus("pydoc").text[:12_000], 500)


def test_the_worked_example():
    """ "aaabdaaabac": aa, then ab (before aa+a: of equal counts the smaller bytes), then both; then nothing twice."""
    tokenizer = train_bpe("aaabdaaabac", 1000)
    assert tokenizer.merges == (Merge((97, 97), 256, 4), Merge((97, 98), 257, 2), Merge((256, 257), 258, 2))
    assert [tokenizer.token_bytes(id) for id in range(256, 260)] == [b"aa", b"ab", b"aaab", b"<|endoftext|>"]
    assert tokenizer.encode("aaabdaaabac") == [258, 100, 258, 97, 99]
    assert tokenizer.vocab_size == 260 and tokenizer.eot_id == 259


def test_a_single_byte_is_its_own_id():
    """Ids 0 to 255 are the byte values."""
    tokenizer = train_bpe("x", 257)
    assert [tokenizer.token_bytes(id) for id in range(256)] == [bytes([b]) for b in range(256)]
    assert tokenizer.encode("é") == [0xC3, 0xA9] and tokenizer.vocab_size == 257


def test_training_can_be_watched_stopped_and_continued():
    """Merge by merge the tokens left are those that a recount finds, and any stop is a tokenizer of that size."""
    text = load_corpus("pydoc").text[:3_000]
    trainer = BPETrainer(text)
    chunks = [list(chunk.encode()) for chunk in regex.findall(ORIGINAL_PATTERN, text)]
    assert trainer.n_tokens == len(text.encode()) and trainer.tokenizer().merges == ()
    for stop in (7, 40):
        for merge in itertools.islice(trainer.merges(), stop - len(trainer.learnt)):
            chunks = [apply(merge.pair, merge.token, ids) for ids in chunks]
            assert trainer.learnt[-1] is merge and trainer.n_tokens == sum(map(len, chunks))
        assert trainer.tokenizer().merges == train_bpe(text, 257 + stop).merges


def test_examples_are_the_most_frequent_chunks_with_the_pair():
    """Recounted: of the chunks in which the pair stands, the three most frequent, the earlier first where equal."""
    text = load_corpus("pydoc").text[:3_000]
    times = Counter(regex.findall(ORIGINAL_PATTERN, text))
    ids_of = {chunk: list(chunk.encode()) for chunk in times}
    for merge in itertools.islice(BPETrainer(text).merges(), 150):
        holding = [chunk for chunk in times if merge.pair in itertools.pairwise(ids_of[chunk])]
        assert merge.examples == tuple(sorted(holding, key=lambda chunk: -times[chunk])[:3])
        ids_of = {chunk: apply(merge.pair, merge.token, ids) for chunk, ids in ids_of.items()}


def test_frequent_pairs_are_those_that_a_recount_finds():
    """In the order in which they would merge: the first of them is the next merge."""
    text = load_corpus("pydoc").text[:3_000] + "-" * 300
    trainer = BPETrainer(text)
    chunks = [list(chunk.encode()) for chunk in regex.findall(ORIGINAL_PATTERN, text)]
    tokens = [bytes([b]) for b in range(256)]
    expected = []
    for merge in itertools.islice(trainer.merges(), 80):
        assert not expected or expected[0] == (merge.pair, merge.count)
        chunks = [apply(merge.pair, merge.token, ids) for ids in chunks]
        tokens.append(tokens[merge.pair[0]] + tokens[merge.pair[1]])
        order = sorted((-n, tokens[p[0]], tokens[p[1]], p) for p, n in count_pairs(chunks).items() if n > 1)
        allowed = [entry for entry in order if len(entry[1]) + len(entry[2]) <= MAX_TOKEN_BYTES]
        expected = [(pair, -negative) for negative, _, _, pair in allowed[:12]]
        assert trainer.frequent_pairs(12) == expected
    assert BPETrainer("abc").frequent_pairs(5) == []


def test_of_an_endless_chunk_the_part_around_the_pair_is_the_example():
    """Nobody could read a megabyte; the part is of whole characters and holds the pair."""
    for merge in BPETrainer("數" * 5_000 + "xyz" * 9 + "語" * 5_000).merges():
        (example,) = merge.examples
        assert 30 < len(example.encode()) <= MAX_TOKEN_BYTES * 5 // 4 and "\ufffd" not in example
        assert merge.pair != (120, 121) or "xyz" * 9 in example


def test_merges_chosen_by_tokenizers_are_of_highest_count():
    """Hugging Face's trainer breaks ties otherwise, so replay its merges: each must be a most frequent pair here."""
    text = load_corpus("pydoc").text[:12_000]
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        [text], tokenizers.trainers.BpeTrainer(vocab_size=450, initial_alphabet=alphabet, show_progress=False)
    )
    names = byte_characters()
    chunks = [[names[b] for b in chunk.encode()] for chunk in regex.findall(PATTERN, text)]
    merges = json.loads(theirs.to_str())["model"]["merges"]
    assert len(merges) == 450 - 256
    ours = train_bpe(text, 451).merges
    for n, (left, right) in enumerate(merges):
        counts = count_pairs(chunks)
        assert counts[(left, right)] == max(counts.values())
        if n == 0:
            assert counts[(left, right)] == ours[0].count
        chunks = [apply((left, right), left + right, ids) for ids in chunks]
    assert theirs.encode(text, add_special_tokens=False).tokens == [name for ids in chunks for name in ids]


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet=st.sampled_from("ab'stdmlrveSé½1  \n\r\t\x0b\x1c\x85\u00a0\u3000.!🙂\u0301"), max_size=40))
def test_the_pattern_cuts_as_the_original(text):
    """Possessive matching and the shorter last rule change no chunk."""
    assert regex.findall(PATTERN, text) == regex.findall(ORIGINAL_PATTERN, text)
    assert "".join(regex.findall(PATTERN, text)) == text


@pytest.mark.parametrize("text", ["a" * 100_000, "\n" * 100_000 + "x", "ab" * 50_000, "數" * 30_000], ids=range(4))
def test_one_endless_chunk_trains_and_comes_back(text):
    """A text without a single space is one chunk; no token grows past its bound, and the time stays linear."""
    tokenizer = train_bpe(text, 4096)
    assert max(len(tokenizer.token_bytes(id)) for id in range(tokenizer.vocab_size)) <= MAX_TOKEN_BYTES
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("end", ["", "x", "\n", "\nx"])
def test_millions_of_blanks_do_not_bring_tiktoken_down(end):
    """They overflow the stack of its regular expressions (a panic, no exception) unless the run is cut first."""
    text = "a" + " " * 1_500_000 + end + " b"
    tokenizer = GPT2Tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("blank", [" ", "\n", "\t", " \n"])
def test_cutting_long_blanks_changes_no_token(blank):
    """A run long enough to be cut is encoded as tiktoken does it whole, where tiktoken still can."""
    tokenizer = GPT2Tokenizer()
    for text in (f"a{blank * 100_001}b {blank * 120_000}", f"{blank * 99_999}1{blank * 100_000}'s"):
        assert tokenizer.encode(text) == tokenizer._encoding.encode_ordinary(text)


def test_a_text_without_spaces_takes_bounded_memory(monkeypatch):
    """Of its one huge piece the first part is learnt from, cut between two characters; what is learnt can spell it."""
    monkeypatch.setattr(bpe, "MAX_DISTINCT_BYTES", 1_001)
    text = "äöü" * 5_000
    trainer = BPETrainer(text)
    assert trainer.n_tokens == 1_000
    first = next(trainer.merges())
    assert first.count <= 1_000
    assert trainer.tokenizer().decode(trainer.tokenizer().encode(text)) == text
    pieces = "".join(f" {a}{b}{c}" for a, b, c in itertools.product("abcdefghij", repeat=3))
    assert BPETrainer(pieces).n_tokens == 1_001
    assert BPETrainer("of the " * 3_000).n_tokens == 21_000  # few distinct ones: all of it
