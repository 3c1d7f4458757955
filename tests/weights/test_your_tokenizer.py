"""The tokenizers that people own give the ids of their own programs, or one sentence says why not."""

import json
import re

import pytest
import tokenizers
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from llm.checkpoint import load_checkpoint
from llm.cli.parser import main
from llm.tokenizers import GPT2Tokenizer, export, read_tokenizer, train_tokenizer
from llm.weights.bring import open_any

TEXT = "the quick brown fox jumps over the lazy dog, 123 times. " * 9
BPE = train_tokenizer("bpe", TEXT, 300)
FILE = json.loads(export(BPE, "hugging_face"))
SAMPLE = "The fox jumps twice, 42 dogs — ça va?"


def pairs_as_strings(file):
    return file | {"model": file["model"] | {"merges": [" ".join(pair) for pair in file["model"]["merges"]]}}


def reversed_ids(file):
    """The same tokens, each with another id: what must never be taken for the original."""
    last = max(file["model"]["vocab"].values())
    return file | {"model": file["model"] | {"vocab": {n: last - id for n, id in file["model"]["vocab"].items()}}}


def slow_files(file):
    vocab = {**file["model"]["vocab"], **{token["content"]: token["id"] for token in file["added_tokens"]}}
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in file["model"]["merges"])])
    return {"vocab.json": json.dumps(vocab), "merges.txt": merges + "\n"}


TOKENIZERS = {
    "tokenizer.json, merges as pairs": {"tokenizer.json": json.dumps(FILE)},
    "tokenizer.json, merges as strings": {"tokenizer.json": json.dumps(pairs_as_strings(FILE))},
    "tokenizer.json with its ids reversed": {"tokenizer.json": json.dumps(reversed_ids(FILE))},
    "vocab.json and merges.txt": slow_files(FILE),
    "both, which agree": {"tokenizer.json": json.dumps(FILE), **slow_files(FILE)},
    ".tiktoken": {"mine.tiktoken": export(BPE, "tiktoken")},
    "saved by Glassbox": {"tokenizer.json": json.dumps(BPE.to_dict())},
}


def expected_ids(files):
    """What tokenizers and transformers themselves make of the files; ours where they know no such file."""
    if "tokenizer.json" in files and "kind" not in json.loads(files["tokenizer.json"]):
        return tokenizers.Tokenizer.from_str(files["tokenizer.json"]).encode(SAMPLE).ids
    return BPE.encode(SAMPLE)


@pytest.fixture
def folder(tmp_path):
    """A transformers folder with as many tokens as the tokenizers here."""
    config = GPT2Config(
        vocab_size=BPE.vocab_size, n_positions=8, n_embd=12, n_head=3, n_layer=1, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.mark.parametrize("files", TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_folders_own_tokenizer_counts(folder, files):
    """What lies in the folder is read, said, saved with the model, and goes back to transformers with it."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    notes = open_any(folder, folder.parent / "new")
    tokenizer = load_checkpoint(folder.parent / "new").tokenizer
    assert tokenizer.encode(SAMPLE) == expected_ids(files) and tokenizer.decode(tokenizer.encode(SAMPLE)) == SAMPLE
    assert any(all(name in note for name in files) for note in notes)
    assert main(["convert", str(folder.parent / "new"), str(folder.parent / "back")]) == 0
    back = AutoTokenizer.from_pretrained(folder.parent / "back")
    assert back.encode(SAMPLE) == expected_ids(files) and back.decode(back.encode(SAMPLE)) == SAMPLE


@pytest.mark.parametrize("files", TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_tokenizers_file_can_be_named(tmp_path, files, capsys):
    """`tokenize --tokenizer FILE` gives the ids that the files' own programs give."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for named in (tmp_path, tmp_path / next(iter(files))):
        assert main(["tokenize", "--tokenizer", str(named), "--json", SAMPLE]) == 0
        assert json.loads(capsys.readouterr().out)["ids"] == expected_ids(files)


def test_fifty_thousand_tokens_of_ones_own_are_not_openais(tmp_path):
    """A folder of GPT-2's size keeps the ids that its own files give; OpenAI's file is known for what it is."""
    config = GPT2Config(n_positions=4, n_embd=4, n_head=1, n_layer=1)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "theirs")
    gpt2 = json.loads(export(GPT2Tokenizer(), "hugging_face"))
    for file, kind, ids in ((gpt2, "gpt2", [31373, 995]), (reversed_ids(gpt2), "hugging_face", [18882, 49260])):
        (tmp_path / "theirs" / "tokenizer.json").write_text(json.dumps(file), encoding="utf-8")
        open_any(tmp_path / "theirs", tmp_path / kind)
        tokenizer = load_checkpoint(tmp_path / kind).tokenizer
        assert (tokenizer.kind, tokenizer.encode("hello world")) == (kind, ids)
    (tmp_path / "theirs" / "tokenizer.json").unlink()
    assert any("GPT-2's own vocabulary is taken" in note for note in open_any(tmp_path / "theirs", tmp_path / "none"))


SENTENCEPIECE = b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02"
UNFIT = {
    "two that disagree": (
        {"tokenizer.json": json.dumps(reversed_ids(FILE)), **slow_files(FILE)}, "remove the one that is not this",
    ),
    "vocab.json alone": ({"vocab.json": slow_files(FILE)["vocab.json"]}, "holds vocab.json but not merges.txt"),
    "SentencePiece": ({"tokenizer.model": SENTENCEPIECE}, "This is a SentencePiece model"),
    "WordPiece": ({"vocab.txt": b"[PAD]\n[UNK]\n[CLS]\nthe\n##s\n"}, "This is a WordPiece vocabulary"),
    "WordPiece's JSON": (
        {"tokenizer.json": json.dumps({"model": {"type": "WordPiece", "vocab": {"a": 0}}})}, "This is a WordPiece",
    ),
    "Unigram": (
        {"tokenizer.json": json.dumps({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}})}, "This is a Unigram",
    ),
    "SentencePiece's BPE": (
        {"tokenizer.json": json.dumps({"model": {"type": "BPE", "byte_fallback": True, "vocab": {}, "merges": []}})},
        "This is a SentencePiece BPE vocabulary",
    ),
    "nanoGPT's pickle": ({"meta.pkl": b"\x80\x04\x95"}, "This is a pickle"),
    "of another size": ({"meta.json": json.dumps({"stoi": {"a": 0, "b": 1}})}, "tokens and the tokenizer 2; name"),
    "none": ({}, "no tokenizer lies beside it; name the model's own"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "sentence"), UNFIT.values(), ids=UNFIT)
def test_a_tokenizer_that_cannot_be_right_is_refused(folder, files, sentence):
    """Of another kind, or not this model's: called by its name, and no model is written with wrong ids."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=re.escape(sentence)):
        open_any(folder, folder.parent / "new")
    assert not (folder.parent / "new").exists()


ALPHABETS = {
    "nanoGPT's meta": json.dumps({"stoi": {"\n": 0, "b": 1, "ß": 2}, "itos": {0: "\n", 1: "b", 2: "ß"}}),
    "itos as a list": json.dumps({"itos": ["\n", "b", "ß"]}),
    "a JSON string": json.dumps("\nbß"),
    "a text": "\nbß\n",
}  # fmt: skip


@pytest.mark.parametrize("text", ALPHABETS.values(), ids=ALPHABETS)
def test_an_alphabet_in_each_form(text):
    """The characters of a character model, in the order of their ids."""
    assert read_tokenizer(text.encode()).to_dict() == {"kind": "character", "characters": "\nbß"}
