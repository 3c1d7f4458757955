"""What holds for every kind of tokenizer, and the rules of the word and the character kind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.tokenizers import (
    KINDS,
    BPETokenizer,
    CharacterTokenizer,
    GPT2Tokenizer,
    WhitespaceTokenizer,
    load_tokenizer,
    tokenizer_from_dict,
    train_bpe,
    train_tokenizer,
    well_formed,
)
from llm.tokenizers import base as tokenizer_base

TEXT = "the cat sat on the mat; the dog sat on the cat.\nDéjà vu, naïve café — 数字 🙂 <|endoftext|>\n" * 3
HOSTILE = [
    "",
    " ",
    "\r\n\t\v\f \u00a0\u2028\u3000 x",
    "\x00\x01\x7f",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇺🇳",
    "e\u0301\u0323 Z̸̧̢̛͓͚͇̦a̶l̷g̵o̸",
    "\ufeff\ufffd\uffff\U0010ffff",
    "שָׁלוֹם ‮evil‬ مرحبا",
    "<|endoftext|><unk><|endoftext|>",
    "'s 'S don't I'LL 12345 ½²③",
    "  leading, trailing  \n\n ",
]


@pytest.fixture(scope="module", params=list(KINDS))
def tokenizer(request):
    return train_tokenizer(request.param, TEXT, 400)


@pytest.fixture(scope="module", params=["bpe", "gpt2"])
def byte_level(request):
    return train_tokenizer(request.param, TEXT, 400)


def test_every_kind_keeps_its_contract(tokenizer):
    """Ids lie in the vocabulary, decoding joins the tokens' bytes, and what is not lost comes back."""
    ids = tokenizer.encode(TEXT)
    assert ids and all(0 <= id < tokenizer.vocab_size for id in ids)
    joined = b"".join(tokenizer.token_bytes(id) for id in ids)
    if tokenizer.kind == "whitespace":
        assert tokenizer.decode(ids) == joined.decode().removesuffix(" ") == " ".join(TEXT.split())
    else:
        assert tokenizer.decode(ids) == joined.decode() == TEXT
        assert tokenizer.what_is_lost(TEXT) is None
    assert tokenizer.decode([]) == "" and tokenizer.encode("") == []


def test_spans_cut_the_joined_bytes(tokenizer):
    """spans says where each token lies in the bytes of the whole."""
    ids = tokenizer.encode(TEXT)
    joined = b"".join(tokenizer.token_bytes(id) for id in ids)
    assert [joined[start:end] for start, end in tokenizer.spans(ids)] == [tokenizer.token_bytes(id) for id in ids]


def test_special_tokens_in_text_are_plain_text(tokenizer):
    """A person who types <|endoftext|> never gets the real token; only its id makes it."""
    assert tokenizer.eot_id not in tokenizer.encode(TEXT + " <|endoftext|> <n>")
    if tokenizer.kind == "character":
        assert tokenizer.eot_id is None
    else:
        assert "<|endoftext|>" in tokenizer.decode([tokenizer.eot_id])


@pytest.mark.parametrize("id", [-1, 10**9])
def test_ids_outside_the_vocabulary_are_refused(tokenizer, id):
    """A negative id must not count from the end, nor a large one surface as an IndexError."""
    with pytest.raises(ValueError, match=f"no token {id}"):
        tokenizer.decode([id])
    with pytest.raises(ValueError, match="ids 0 to"):
        tokenizer.token_bytes(tokenizer.vocab_size)


def test_json_restores_every_kind(tokenizer, tmp_path):
    """A saved tokenizer comes back the same: vocabulary, encoding and hash; no partial file stays."""
    path = tmp_path / "tokenizer.json"
    path.write_text("an older file")
    tokenizer.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
    for restored in (
        load_tokenizer(path),
        type(tokenizer).load(path),
        tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict()))),
    ):
        assert type(restored) is type(tokenizer)
        assert restored.hash == tokenizer.hash and restored.to_dict() == tokenizer.to_dict()
        assert restored.encode(TEXT) == tokenizer.encode(TEXT) and restored.vocab_size == tokenizer.vocab_size


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch, step):
    """A writer that dies half-way leaves neither a torn tokenizer.json nor litter."""
    path = tmp_path / "tokenizer.json"
    path.write_text("old")

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        CharacterTokenizer("ab").save(path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_hash_is_the_same_in_another_process():
    """Training and hashing depend on nothing random, such as the order of sets of strings."""
    code = (
        "import sys; from llm.tokenizers import *; text = sys.stdin.buffer.read().decode()\n"
        "print(*(train_tokenizer(kind, text, 400).hash for kind in KINDS))"
    )
    here = [train_tokenizer(kind, TEXT, 400).hash for kind in KINDS]
    root = Path(__file__).resolve().parent.parent
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, input=TEXT.encode(), env=environment, capture_output=True, check=True)
        assert result.stdout.decode().split() == here
    assert len(set(here)) == len(KINDS)


def test_hash_tells_vocabularies_apart():
    """Two vocabularies that differ in anything have different hashes."""
    assert CharacterTokenizer("ab").hash != CharacterTokenizer("ba").hash
    assert WhitespaceTokenizer(["a"]).hash != WhitespaceTokenizer(["b"]).hash
    assert train_bpe("ab ab").hash != train_bpe("ba ba").hash


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_unicode_comes_back_exactly(byte_level, text):
    """Emoji sequences, combining marks, NUL, CRLF, odd blanks, direction marks: every byte survives."""
    assert byte_level.decode(byte_level.encode(text)) == text
    if text:
        characters = CharacterTokenizer.train(text)
        assert characters.decode(characters.encode(text)) == text


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_exactly(byte_level, text):
    """Byte-level encoding loses nothing, whatever the text."""
    assert byte_level.decode(byte_level.encode(text)) == text


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(), min_size=1))
def test_lone_surrogates_become_replacement_characters(byte_level, text):
    """Half a surrogate pair can't be written as UTF-8; it becomes U+FFFD for every kind and never raises."""
    expected = well_formed(text)
    assert expected.encode("utf-8").decode("utf-8") == expected
    assert byte_level.decode(byte_level.encode(text)) == expected
    characters = CharacterTokenizer.train(text)
    assert characters.decode(characters.encode(text)) == expected
    words = WhitespaceTokenizer.train(text + " x")
    assert words.decode(words.encode(text)) == " ".join(expected.split())


def test_well_formed_replaces_only_lone_halves():
    """A lone half becomes one U+FFFD and its neighbours stay; two halves that fit make their character."""
    assert well_formed("a\ud83db\ude42c") == "a\ufffdb\ufffdc"
    assert well_formed("\ud83d\ude42") == "🙂"
    assert well_formed("\ude42\ud83d") == "\ufffd\ufffd"


def test_character_vocabulary_is_the_sorted_alphabet():
    """One token for each distinct character, in Unicode order, and no special token among them."""
    tokenizer = CharacterTokenizer.train("hello\nworld")
    assert [tokenizer.token_bytes(i).decode() for i in range(tokenizer.vocab_size)] == sorted(set("hello\nworld"))
    assert tokenizer.encode("low") == [4, 5, 7]


def test_unknown_characters_are_named_five_at_most():
    """The error shows which characters have no token, and what to do; it does not list hundreds."""
    tokenizer = CharacterTokenizer.train("abc")
    assert tokenizer.unknown("cab → ☃ ☃") == [" ", "→", "☃"]
    with pytest.raises(ValueError, match=r"^This alphabet has no 'é'; .*BPE"):
        tokenizer.encode("abé")
    with pytest.raises(ValueError, match=r"no '1', '2', '3', '4', '5' and 4 more;"):
        tokenizer.encode("987654321")


def test_words_are_ranked_by_count_then_spelling():
    """The most frequent words get the lowest ids after the two special ones, within the bound."""
    tokenizer = WhitespaceTokenizer.train("b b a a c d d d", vocab_size=5)
    assert tokenizer.to_dict()["words"] == ["d", "a", "b"]
    assert tokenizer.encode("d  a\nb c") == [2, 3, 4, 0] and tokenizer.vocab_size == 5
    assert tokenizer.token_bytes(2) == b"d " and tokenizer.decode([2, 0, 1]) == "d <unk> <|endoftext|>"


def test_a_word_spelt_like_a_special_token_has_its_own_id():
    """<unk> and <|endoftext|> as words of the text are words; ids 0 and 1 stay special."""
    tokenizer = WhitespaceTokenizer.train("<unk> <|endoftext|> x")
    assert sorted(tokenizer.encode("<unk> <|endoftext|> x")) == [2, 3, 4]
    assert tokenizer.encode("y") == [0]


def test_what_whitespace_loses_is_said():
    """The word kind counts unknown words and says when blanks go; it is silent when nothing is lost."""
    tokenizer = WhitespaceTokenizer.train("the cat sat")
    assert tokenizer.what_is_lost("the cat") is None
    spaces = "each run of spaces and line breaks becomes one space."
    assert tokenizer.what_is_lost("the  cat\n") == spaces.capitalize()
    assert tokenizer.what_is_lost("the dog") == "1 of 2 words is not in the vocabulary and becomes <unk>."
    assert tokenizer.what_is_lost("a dog\tsat") == (
        f"2 of 3 words are not in the vocabulary and become <unk>; {spaces}"
    )


@pytest.mark.parametrize(
    ("kind", "text", "size"),
    [
        ("whitespace", "", 100),
        ("whitespace", " \n ", 100),
        ("whitespace", "a", 2),
        ("whitespace", "a", True),
        ("whitespace", "a", 10**9),
        ("character", "", None),
        ("bpe", "", 300),
        ("bpe", "a", 256),
        ("bpe", "a", 10**9),
        ("bpe", "a", 300.0),
        ("words", "a", 300),
    ],
)
def test_training_refuses_what_it_cannot_use(kind, text, size):
    """Blank texts, sizes out of range and unknown kinds are one clear sentence, not a crash."""
    with pytest.raises(ValueError, match=r"^[A-Z'v].*[.]$"):
        train_tokenizer(kind, text, size)


def test_the_defaults_of_training():
    """Without a size, whitespace may have 8,192 tokens and bpe 4,096; the other two look at none."""
    words = " ".join(f"w{n}" for n in range(9000))
    assert train_tokenizer("whitespace", words).vocab_size == 8192
    assert train_tokenizer("character", words, 3).vocab_size == 12
    assert train_tokenizer("gpt2", "").vocab_size == 50257
    assert train_tokenizer("bpe", words).vocab_size < 4096  # it ran out of pairs, not into a smaller bound


BPE = {"kind": "bpe", "pattern": "gpt2", "merges": [[97, 98, 5], [256, 99, None]]}
UNSOUND: list[Any] = [
    None,
    [],
    "gpt2",
    {},
    {"kind": None},
    {"kind": ["bpe"]},
    {"kind": "x" * 10_000},
    {"kind": "gpt2"},
    {"kind": "gpt2", "sha256": 7},
    {"kind": "gpt2", "sha256": "0" * 64},
    {"kind": "character"},
    {"kind": "character", "characters": ["a"]},
    {"kind": "character", "characters": ""},
    {"kind": "character", "characters": "aba"},
    {"kind": "character", "characters": "a\ud800"},
    {"kind": "character", "characters": "ab", "extra": 1},
    {"kind": "whitespace", "words": "ab"},
    {"kind": "whitespace", "words": []},
    {"kind": "whitespace", "words": ["a", 1]},
    {"kind": "whitespace", "words": ["a", []]},
    {"kind": "whitespace", "words": ["a", "a"]},
    {"kind": "whitespace", "words": ["a b"]},
    {"kind": "whitespace", "words": [""]},
    {"kind": "whitespace", "words": ["\ud800"]},
    {**BPE, "pattern": "(a+)+$"},
    {**BPE, "pattern": None},
    {**BPE, "merges": {}},
    {**BPE, "merges": [97, 98]},
    {**BPE, "merges": [[97, 98]]},
    {**BPE, "merges": [[97, 98, 1, 1]]},
    {**BPE, "merges": [[97, 256, 1]]},
    {**BPE, "merges": [[-1, 97, 1]]},
    {**BPE, "merges": [[97, "98", 1]]},
    {**BPE, "merges": [[97, True, 1]]},
    {**BPE, "merges": [[97, 98.0, 1]]},
    {**BPE, "merges": [[97, 98, -1]]},
    {**BPE, "merges": [[97, 98, "many"]]},
    {**BPE, "merges": [[97, 98, 1], [97, 98, 1]]},
    {**BPE, "merges": [[97, 97, 1], [97, 256, 1], [256, 97, 1]]},  # two ways to spell "aaa"
    {**BPE, "merges": [[97 if n == 0 else 255 + n] * 2 + [1] for n in range(60)]},  # doubles to 2**60 bytes
    {**BPE, "merges": [[97, 98, 1]] * 200_000},
]


@pytest.mark.parametrize("values", UNSOUND, ids=lambda v: repr(v)[:60])
def test_unsound_json_is_refused(values):
    """A tokenizer.json from a stranger raises one ValueError, and never anything else."""
    with pytest.raises(ValueError) as error:
        tokenizer_from_dict(values)
    assert len(str(error.value)) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(deadline=None)
@given(kind=st.sampled_from([*KINDS, ""]), data=st.data())
def test_random_json_gives_a_tokenizer_or_a_valueerror(kind, data):
    """Whatever the values of the right fields are, loading ends in a working tokenizer or a ValueError."""
    names = {"whitespace": ["words"], "character": ["characters"], "bpe": ["pattern", "merges"], "gpt2": ["sha256"]}
    values = {"kind": kind} | {name: data.draw(json_values) for name in names.get(kind, [])}
    try:
        tokenizer = tokenizer_from_dict(values)
    except ValueError:
        return
    assert tokenizer_from_dict(tokenizer.to_dict()).hash == tokenizer.hash


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"[" * 200_000, b'{"kind": ' + b"9" * 6000 + b"}"], ids=range(5)
)
def test_files_that_are_not_json_are_refused(tmp_path, content):
    """Torn, foreign, absurdly nested or absurdly long: the file is named and the remedy said."""
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json .*; copy or save it again"):
        load_tokenizer(path)


def test_missing_and_huge_files_are_refused(tmp_path, monkeypatch):
    """No file is a sentence, and a huge one is refused by its size before it is read."""
    with pytest.raises(ValueError, match="There is no file"):
        load_tokenizer(tmp_path / "tokenizer.json")
    path = tmp_path / "tokenizer.json"
    with open(path, "wb") as file:
        file.truncate(tokenizer_base.MAX_FILE_BYTES + 1)  # sparse: takes no room on the disk
    monkeypatch.setattr(Path, "read_bytes", lambda *a, **k: pytest.fail("the file was read"))
    with pytest.raises(ValueError, match="choose another file"):
        load_tokenizer(path)


def test_each_kind_restores_only_its_own_json():
    """A class asked to restore another kind says so."""
    for kind in (WhitespaceTokenizer, CharacterTokenizer, BPETokenizer, GPT2Tokenizer):
        other = CharacterTokenizer("a") if kind is not CharacterTokenizer else WhitespaceTokenizer(["a"])
        with pytest.raises(ValueError, match=f"not a {kind.kind} tokenizer"):
            kind.from_dict(other.to_dict())
