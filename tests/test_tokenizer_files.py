"""Vocabularies that leave and that come: tiktoken, tokenizers and our own reader must agree to the id."""

import base64
import hashlib
import json
import time
import unicodedata

import pytest
import tiktoken
import tiktoken.load
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_merging import SAMPLES

from llm.corpora import load_corpus
from llm.deadline import TooLong
from llm.tokenizers import (
    PATTERNS,
    PUBLISHED,
    CharacterTokenizer,
    GPT2Tokenizer,
    HuggingFaceTokenizer,
    TiktokenTokenizer,
    export,
    load_published,
    merge_steps,
    read_tokenizer,
    tiktoken_file,
    tokenizer_from_dict,
    train_bpe,
)
from llm.tokenizers.composed import composed

TEXT = load_corpus("pydoc").text[:60_000]
TEXTS = st.text(alphabet=st.sampled_from("thean'S rI01 \n\r/.é數🙂") | st.characters(max_codepoint=0x2FFF), max_size=60)


@pytest.fixture(scope="module", params=["bpe", "gpt2"])
def ours(request):
    return GPT2Tokenizer() if request.param == "gpt2" else train_bpe(TEXT, 900)


@pytest.fixture(scope="module")
def small():
    return train_bpe(TEXT, 700)


def test_three_files_reopen_alike(ours, tmp_path):
    """Our JSON, tiktoken's lines and tokenizer.json: their readers and ours give the ids that were exported."""
    (tmp_path / "v.tiktoken").write_text(export(ours, "tiktoken"), encoding="utf-8")
    ranks = tiktoken.load.load_tiktoken_bpe(str(tmp_path / "v.tiktoken"))
    special = {"<|endoftext|>": ours.eot_id}
    by_tiktoken = tiktoken.Encoding("v", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens=special)
    by_tokenizers = tokenizers.Tokenizer.from_str(export(ours, "hugging_face"))
    reopened = [read_tokenizer(export(ours, format).encode()) for format in ("glassbox", "tiktoken", "hugging_face")]
    for text in (TEXT[:20_000], *SAMPLES):
        ids = ours.encode(text)
        assert by_tiktoken.encode_ordinary(text) == ids
        assert all(tokenizer.encode(text) == ids and tokenizer.decode(ids) == text for tokenizer in reopened)
        if "<|endoftext|>" not in text:
            assert by_tokenizers.encode(text).ids == ids and by_tokenizers.decode(ids) == text
        assert by_tiktoken.encode(text, allowed_special="all") == ours.encode_special(text)
        assert by_tokenizers.encode(text).ids == ours.encode_special(text)
        assert all(tokenizer.encode_special(text) == ours.encode_special(text) for tokenizer in reopened)
    for tokenizer in reopened:
        assert (tokenizer.vocab_size, tokenizer.special_tokens) == (ours.vocab_size, special)
        assert all(tokenizer.pair(id) == ours.pair(id) for id in range(0, ours.vocab_size, 13))
        assert merge_steps(tokenizer, " the") == merge_steps(ours, " the")


def test_what_came_from_a_file_is_saved_with_a_model(small):
    """A run keeps its tokenizer as JSON: those from files come back from it too."""
    for format in ("tiktoken", "hugging_face"):
        tokenizer = read_tokenizer(export(small, format).encode())
        restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
        assert type(restored) is type(tokenizer) and restored.hash == tokenizer.hash
        assert restored.encode(TEXT) == small.encode(TEXT)


def test_what_came_from_a_file_leaves_as_any_format(small):
    """A vocabulary read from tiktoken's lines finds its merges again; one of Hugging Face's leaves as it came."""
    from_lines = read_tokenizer(export(small, "tiktoken").encode())
    assert export(from_lines, "hugging_face") == export(small, "hugging_face")
    from_json = read_tokenizer(export(small, "hugging_face").encode())
    theirs = tokenizers.Tokenizer.from_str(export(from_json, "hugging_face"))
    assert theirs.encode(TEXT).ids == small.encode(TEXT)
    for tokenizer in (CharacterTokenizer("ab"), from_json):
        with pytest.raises(ValueError, match="fit this format"):
            export(tokenizer, "tiktoken")
    with pytest.raises(ValueError, match="choose glassbox"):
        export(small, "sentencepiece")


OPENAI = {
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": PATTERNS["o200k"],
}
"""As tiktoken publishes them."""


@pytest.fixture(scope="module", params=OPENAI)
def later(request, small):
    """A small vocabulary with a later pattern: ours, tiktoken's, that of tokenizers, and that of a file read again."""
    ranks = {small.token_bytes(id): id for id in range(small.vocab_size - 1)}
    tokenizer = TiktokenTokenizer(ranks, request.param)
    theirs = tiktoken.Encoding("theirs", pat_str=OPENAI[request.param], mergeable_ranks=ranks, special_tokens={})
    file = export(tokenizer, "hugging_face")
    return tokenizer, theirs, tokenizers.Tokenizer.from_str(file), read_tokenizer(file.encode())


@settings(deadline=None, max_examples=200)
@given(text=TEXTS)
def test_later_patterns_cut_as_published(later, text):
    """The patterns of GPT-4 and GPT-4o, on a small vocabulary, against tiktoken with the published pattern."""
    tokenizer, theirs, by_tokenizers, reopened = later
    assert tokenizer.encode(text) == theirs.encode_ordinary(text)
    assert "".join(tokenizer.pieces(text)) == text
    assert [id for piece in tokenizer.pieces(text) for id in theirs.encode_ordinary(piece)] == tokenizer.encode(text)
    assert by_tokenizers.encode(text).ids == reopened.encode(text) == tokenizer.encode(text)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("blank", [" ", "\n", " \n", "\n\n "])
def test_long_blanks_are_cut_where_nothing_changes(small, pattern, blank):
    """Runs that would bring tiktoken down are cut before the last blank or after the last line break."""
    tokenizer = TiktokenTokenizer({small.token_bytes(id): id for id in range(small.vocab_size - 1)}, pattern)
    text = f"a!{blank * 100_001}b{blank * 60_000}"
    assert tokenizer.encode(text) == tokenizer._encoding.encode_ordinary(text)


def their_file(**changes):
    """A tokenizer.json as `tokenizers` writes it, trained on a little text; `changes` are set on the tokenizer."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    for name, value in changes.items():
        setattr(made, name, value)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, show_progress=False, special_tokens=["<|endoftext|>", "<pad>"]
    )
    made.train_from_iterator([TEXT], trainer)
    return made


SPLIT = tokenizers.pre_tokenizers.Sequence(
    [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS["cl100k"]), "isolated"),
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)
KEPT = tokenizers.pre_tokenizers.Sequence(
    [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS["o200k"]), "removed", invert=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)


@pytest.mark.parametrize(
    "changes",
    [{}, {"pre_tokenizer": SPLIT}, {"pre_tokenizer": KEPT}, {"normalizer": tokenizers.normalizers.NFC()}],
    ids=["plain", "sequence", "kept", "nfc"],
)
def test_their_files_encode_as_with_them(changes):
    """Special tokens first among the ids, several cuts, NFC, added tokens that are ordinary text: equal ids."""
    theirs = their_file(**changes)
    theirs.add_tokens(["the quick", "  "])
    ours = read_tokenizer(theirs.to_str().encode())
    assert isinstance(ours, HuggingFaceTokenizer) and ours.special_tokens == {"<|endoftext|>": 0, "<pad>": 1}
    plain = json.loads(theirs.to_str())
    plain["added_tokens"] = [token for token in plain["added_tokens"] if not token["special"]]
    without = tokenizers.Tokenizer.from_str(json.dumps(plain))  # theirs always reads special tokens in text
    composed = unicodedata.normalize("NFC", "".join(SAMPLES)) != "".join(SAMPLES) and "normalizer" in changes
    assert (ours.what_is_lost("".join(SAMPLES)) is not None) == composed
    for text in (TEXT[:20_000], "the quick  brown<pad>fox", *SAMPLES):
        assert ours.encode(text) == without.encode(text).ids
        assert ours.encode_special(text) == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == ours.normalize(text) == "".join(ours.pieces(text))


def test_whole_pieces_and_merges_that_share_a_token(small):
    """As in Llama 3's file: a piece that is a token is taken whole, and several pairs may make one token."""
    file = json.loads(export(small, "hugging_face"))
    vocab, merges = file["model"]["vocab"], file["model"]["merges"]
    vocab["zqx"] = small.vocab_size
    file["model"]["ignore_merges"] = True
    known = {tuple(merge) for merge in merges}
    for name in list(vocab)[256:]:
        for cut in range(1, len(name)):
            pair = name[:cut], name[cut:]
            if pair not in known and pair[0] in vocab and pair[1] in vocab and vocab[name] < small.vocab_size:
                known.add(pair)
                merges.append(list(pair))
    theirs = tokenizers.Tokenizer.from_str(json.dumps(file))
    ours = HuggingFaceTokenizer(file)
    for text in (TEXT[:20_000], "zqx zqx", *(text for text in SAMPLES if "<|" not in text)):
        assert ours.encode(text) == theirs.encode(text).ids
    assert small.vocab_size in ours.encode("zqx")


def test_published_vocabularies_come_from_tiktokens_cache_only(small, tmp_path, monkeypatch):
    """What lies there with the right checksum is opened; anything else is said, and nothing is fetched."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "read_file", lambda path: pytest.fail("it was fetched"))
    data = export(small, "tiktoken").encode()
    published = PUBLISHED["cl100k"]
    with pytest.raises(ValueError, match=r"is not on this computer; run: python -c"):
        load_published("cl100k")
    published.path.write_bytes(data)
    with pytest.raises(ValueError, match="is not on this computer"):
        load_published("cl100k")
    assert read_tokenizer(data).pattern == "gpt2"
    mine = tiktoken_file.Published("mine", published.url, hashlib.sha256(data).hexdigest(), {"<|x|>": 5000})
    monkeypatch.setitem(tiktoken_file.PUBLISHED, "cl100k", mine)
    for opened in (load_published("cl100k"), read_tokenizer(data)):
        assert (opened.pattern, opened.special_tokens) == ("cl100k", {"<|x|>": 5000})
        assert opened.encode_special("a<|x|>") == [97, 5000] and opened.decode([97, 5000]) == "a<|x|>"
        with pytest.raises(ValueError, match="There is no token 4000"):
            opened.token_bytes(4000)


def test_the_cache_is_where_tiktoken_looks(monkeypatch, tmp_path):
    """The same folder and file name as tiktoken's own."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "read_file", lambda path: b"")
    for published in PUBLISHED.values():
        tiktoken.load.read_file_cached(published.url)
        assert published.path.read_bytes() == b""


LINES = b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256))
GOOD = json.loads(export(train_bpe("ab ab", 300), "hugging_face"))


def changed(**model):
    return {**GOOD, "model": {**GOOD["model"], **model}}


UNSOUND = [
    b"",
    b"\x00\xff",
    b"not base64 at all",
    b"YQ== one\n",
    b"YQ==\n",
    b"YQ== 0\n",
    LINES + b"YQ== 256\n",
    LINES + b"YWI= 255\n",
    LINES + b"YWI= 99999999\n",
    LINES + base64.b64encode(b"x" * 2000) + b" 256\n",
    LINES.replace(b" 255\n", b" 300\n"),
    b"{",
    b"[" * 100_000,
    b"{" * 100_000,
    b"{}",
    b'{"kind": "no such"}',
    b'{"kind": "tiktoken", "pattern": "(a+)+$", "ranks": {}, "special_tokens": {}}',
    b'{"kind": "hugging_face", "file": {}}',
    b'{"model": 7}',
    {**GOOD, "normalizer": {"type": "Lowercase"}},
    {**GOOD, "normalizer": 7},
    {**GOOD, "pre_tokenizer": None},
    {**GOOD, "pre_tokenizer": {"type": "Whitespace"}},
    {**GOOD, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
    {**GOOD, "pre_tokenizer": {"type": "Sequence", "pretokenizers": []}},
    {**GOOD, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [GOOD["pre_tokenizer"]] * 2}},
    {**GOOD, "added_tokens": [{"content": "", "id": 1}]},
    {**GOOD, "added_tokens": [{"content": "x", "id": 300, "lstrip": True}]},
    {**GOOD, "added_tokens": [{"content": "new", "id": 97}]},
    {**GOOD, "added_tokens": [{"content": "new", "id": 10**9}]},
    {**GOOD, "added_tokens": [{"content": "\ud800", "id": 900}]},
    {**GOOD, "added_tokens": 7},
    changed(type="WordPiece"),
    changed(type=[]),
    changed(byte_fallback=True),
    changed(vocab={}),
    changed(vocab={"a": 0}),
    changed(vocab={**GOOD["model"]["vocab"], "new": 97}),
    changed(vocab={**GOOD["model"]["vocab"], "new": True}),
    changed(vocab={**GOOD["model"]["vocab"], "new": []}),
    changed(vocab={**GOOD["model"]["vocab"], "x" * 5000: 900}),
    changed(merges=None),
    changed(merges=["a"]),
    changed(merges=[["a", 7]]),
    changed(merges=["a zzz"]),
    changed(merges=["a b", "a b"]),
]  # fmt: skip


@pytest.mark.parametrize("file", UNSOUND, ids=lambda file: repr(file)[-60:])
def test_unsound_files_are_refused_in_a_sentence(file):
    """A vocabulary from a stranger ends in one short ValueError, and never anything else."""
    with pytest.raises(ValueError) as error:
        read_tokenizer(file if isinstance(file, bytes) else json.dumps(file).encode())
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("pattern", ["(a", "a" * 3000, "(a{1000}){1000}", "(" * 900 + ")" * 900])
def test_patterns_that_cannot_be_used_are_refused(pattern):
    """Broken or exploding regular expressions never get compiled."""
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    cut = {"type": "Sequence", "pretokenizers": [step, {"type": "ByteLevel", "add_prefix_space": False}]}
    with pytest.raises(ValueError, match="pattern that cuts"):
        HuggingFaceTokenizer({**GOOD, "pre_tokenizer": cut})


def cut_by(pattern, **changes):
    """A vocabulary that a stranger wrote: its text is cut by that regular expression."""
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    cut = {"type": "Sequence", "pretokenizers": [step, {"type": "ByteLevel", "add_prefix_space": False}]}
    return HuggingFaceTokenizer({**GOOD, "pre_tokenizer": cut, **changes})


def test_a_pattern_that_never_ends_is_given_up(monkeypatch):
    """A stranger's regular expression can't hold the server."""
    monkeypatch.setattr("llm.tokenizers.base.SECONDS", 0.05)
    with pytest.raises(ValueError, match="takes too long"):
        cut_by("(a+)+$").encode("a" * 3000 + "!")


@pytest.mark.parametrize("name", ["<|endoftext|>", "|"])
@pytest.mark.parametrize("ask", ["encode", "encode_special", "pieces"])
def test_all_pieces_of_a_text_share_one_limit(monkeypatch, ask, name):
    """A pattern that is slow but not endless on each of many pieces is given up as soon as the text's time is over."""
    tokenizer = cut_by("(?:x|x)+1z|1", added_tokens=[{"id": 300, "content": name, "special": name != "|"}])
    text = f"{'x' * 14}1{name}" * 5_000
    assert getattr(tokenizer, ask)(text[:40])
    for module in ("base", "hugging_face"):
        monkeypatch.setattr(f"llm.tokenizers.{module}.SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(TooLong):
        getattr(tokenizer, ask)(text)
    assert time.monotonic() - started < 3  # each piece takes some ms: all of them 15 s


@given(st.text(st.sampled_from("aé\u1100\u0301\u0316\u0334\u0344\u0f73\u0f71\u302e\u20dd"), max_size=120))
def test_composing_is_unicodes(text):
    """Long runs of accents, sorted before, come out as normalizing them at once would have it."""
    assert composed(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73"])
def test_composing_takes_no_square_of_the_accents(marks):
    """A letter with half a million accents: Python's own way would take four minutes."""
    started = time.monotonic()
    assert len(composed("a" + marks * 250_000)) >= 250_000
    assert time.monotonic() - started < 20


def test_many_names_are_refused():
    """A text is searched for all added tokens at once, so there can't be ever so many."""
    added = [{"id": 300 + n, "content": f"<{n}>"} for n in range(5_001)]
    with pytest.raises(ValueError, match="at most 5,000"):
        HuggingFaceTokenizer({**GOOD, "added_tokens": added})
    special = {f"<{n}>": 300 + n for n in range(5_001)}
    with pytest.raises(ValueError, match="at most 5,000"):
        TiktokenTokenizer({bytes([byte]): byte for byte in range(256)}, "gpt2", special)


def test_a_file_too_large_is_not_parsed():
    """Its size is looked at first."""
    with pytest.raises(ValueError, match="a vocabulary may have"):
        read_tokenizer(b"{" + b" " * 24_000_000)


def test_special_names_are_text_unless_asked(ours):
    """<|endoftext|> in a text is seven tokens or one, as tiktoken's allowed_special has it."""
    text = "a<|endoftext|><|endoftext|>b <|endoftext"
    assert ours.eot_id not in ours.encode(text)
    ids = ours.encode_special(text)
    assert ids == ours._encoding.encode(text, allowed_special="all") and ids.count(ours.eot_id) == 2
    assert ours.decode(ids) == text
    assert CharacterTokenizer("ab").encode_special("ab") == [0, 1]
