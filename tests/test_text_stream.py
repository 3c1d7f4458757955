"""Streaming text: characters split over tokens, and stop texts split in every way."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.tokenizers import BPETokenizer, Merge, TextStream, train_tokenizer

BYTES = BPETokenizer([])  # one token a byte: the hardest case for a stream


def stream(tokenizer, ids, stop=()):
    """Everything that comes out, piece by piece, with the stream itself."""
    text_stream = TextStream(tokenizer, stop)
    return [*(text_stream.push(id) for id in ids), text_stream.flush()], text_stream


def chained(*pieces: str) -> BPETokenizer:
    """A tokenizer that has each of the pieces as one token."""
    merges: list[Merge] = []
    ids = {bytes([b]): b for b in range(256)}
    for piece in map(str.encode, pieces):
        for end in range(2, len(piece) + 1):
            if piece[:end] not in ids:
                ids[piece[:end]] = 256 + len(merges)
                merges.append(Merge((ids[piece[: end - 1]], piece[end - 1]), ids[piece[:end]], None))
    return BPETokenizer(merges)


def token_ids(tokenizer, pieces):
    """The id of each piece, found by its bytes."""
    ids = {tokenizer.token_bytes(id): id for id in range(tokenizer.vocab_size)}
    return [ids[piece.encode()] for piece in pieces]


def splits(text):
    """Every way to cut a text into pieces."""
    for cuts in itertools.product((False, True), repeat=len(text) - 1):
        edges = [0, *(i for i, cut in enumerate(cuts, 1) if cut), len(text)]
        yield [text[a:b] for a, b in itertools.pairwise(edges)]


def test_a_character_comes_out_once_it_is_whole():
    """The four bytes of an emoji in four tokens show nothing, nothing, nothing, then the emoji."""
    pieces, _ = stream(BYTES, BYTES.encode("a🙂é"))
    assert pieces == ["a", "", "", "", "🙂", "", "é", ""]


def test_an_unfinished_character_is_flushed_as_replacement():
    """What can no longer become a character is U+FFFD, as decode has it."""
    ids = BYTES.encode("ok🙂")[:-1]
    pieces, _ = stream(BYTES, ids)
    assert pieces[-1] == "\ufffd" and "".join(pieces) == BYTES.decode(ids)


@settings(deadline=None, max_examples=300)
@given(ids=st.lists(st.integers(0, 255) | st.sampled_from(list("é🙂数".encode()))))
def test_without_stop_texts_the_stream_is_decode(ids):
    """Any bytes, valid UTF-8 or not: the pieces joined equal the text decoded at once."""
    assert "".join(stream(BYTES, ids)[0]) == BYTES.decode(ids)


@pytest.mark.parametrize("kind", ["character", "bpe", "gpt2"])
def test_every_kind_streams_its_text(kind):
    """Streaming a kind's own encoding gives the text back; nothing waits when there is no stop text."""
    text = "Zoë's 🙂 naïve 数字 text, twice. Zoë's 🙂 naïve 数字 text, twice.\n"
    tokenizer = train_tokenizer(kind, text)
    pieces, text_stream = stream(tokenizer, tokenizer.encode(text))
    assert "".join(pieces) == text and pieces[-1] == "" and not text_stream.stopped


def test_words_stream_with_their_space():
    """The word kind's pieces are words, each with the space that keeps it from the next."""
    tokenizer = train_tokenizer("whitespace", "to be or not")
    assert stream(tokenizer, tokenizer.encode("to be"))[0] == ["to ", "be ", ""]


@pytest.mark.parametrize("stop", ["END", "\n\n", "é🙂"])
def test_a_stop_text_is_found_however_tokens_cut_it(stop):
    """For each way to cut the text into tokens, the same text comes out and nothing of the stop text."""
    text = f"ab{stop}c"
    tokenizer = chained(*{text[a:b] for a in range(len(text)) for b in range(a + 1, len(text) + 1)})
    for pieces in splits(text):
        out, text_stream = stream(tokenizer, token_ids(tokenizer, pieces), [stop])
        assert "".join(out) == "ab" and text_stream.stopped, pieces


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [("aaab", "aab", "a"), ("aaaab!", "aab", "aa"), ("ababac", "abac", "ab"), ("nanano", "nano", "na")],
)
def test_a_stop_text_that_starts_again_inside_itself(text, stop, expected):
    """After "aa", another "a" must keep the last two: forgetting them would miss "aab" in "aaab"."""
    tokenizer = chained(*{text[a:b] for a in range(len(text)) for b in range(a + 1, len(text) + 1)})
    for pieces in splits(text):
        out, text_stream = stream(tokenizer, token_ids(tokenizer, pieces), [stop])
        assert "".join(out) == expected and text_stream.stopped, pieces


def test_only_what_may_become_a_stop_text_waits():
    """Text is shown at once unless it could be the start of a stop text, and returns when it was not."""
    text_stream = TextStream(BYTES, ["END"])
    shown = [text_stream.push(id) for id in b"xENx"]
    assert shown == ["x", "", "", "ENx"]
    assert [text_stream.push(id) for id in b"EN"] == ["", ""] and text_stream.flush() == "EN"
    assert not text_stream.stopped


def test_the_stop_text_that_is_complete_first_ends_the_stream():
    """With "abcd" and "c", the "c" is complete first, in one token or in four; of "ab" and "b", "ab" starts first."""
    tokenizer = chained("abcd")
    for pieces in splits("abcd"):
        if all(p == "abcd"[: len(p)] or len(p) == 1 for p in pieces):
            assert "".join(stream(tokenizer, token_ids(tokenizer, pieces), ["abcd", "c"])[0]) == "ab"
            assert "".join(stream(tokenizer, token_ids(tokenizer, pieces), ["b", "ab"])[0]) == ""


def test_nothing_comes_after_a_stop():
    """A stopped stream stays silent, also when it is flushed."""
    text_stream = TextStream(BYTES, ["!"])
    assert [text_stream.push(id) for id in b"a!bc"] == ["a", "", "", ""] and text_stream.flush() == ""
    assert text_stream.stopped


def test_a_stop_text_can_be_completed_by_the_flush():
    """The U+FFFD of a character cut off at the end may itself be what was waited for."""
    out, text_stream = stream(BYTES, b"ok\xf0", ["\ufffd"])
    assert "".join(out) == "ok" and text_stream.stopped


def test_an_empty_stop_text_is_refused():
    """It would stop everywhere."""
    with pytest.raises(ValueError, match="empty"):
        TextStream(BYTES, ["a", ""])


@settings(deadline=None, max_examples=300)
@given(
    text=st.text("ab\né", max_size=12),
    stop=st.lists(st.text("ab\né", min_size=1, max_size=4), max_size=3),
)
def test_stop_texts_against_a_plain_search(text, stop):
    """Byte by byte or at once, the result is the text before the stop text that is complete first."""
    ends = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    expected = text[: min(ends)[1]] if ends else text
    out, text_stream = stream(BYTES, BYTES.encode(text), stop)
    assert "".join(out) == expected and text_stream.stopped == bool(ends)
