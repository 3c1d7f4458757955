"""Which kind of vocabulary a file holds, found by its content; and the kinds that can't be read, called by name."""

from __future__ import annotations

import json
from typing import Any

from llm.files import parsed_json
from llm.tokenizers.base import Tokenizer
from llm.tokenizers.bpe import BPETokenizer
from llm.tokenizers.byte_level import PATTERN_NAME
from llm.tokenizers.character import CharacterTokenizer
from llm.tokenizers.gpt2 import GPT2Tokenizer
from llm.tokenizers.hugging_face import HuggingFaceTokenizer
from llm.tokenizers.tiktoken_file import TiktokenTokenizer, recognised
from llm.tokenizers.whitespace import WhitespaceTokenizer

MAX_IMPORT_BYTES = 24_000_000
"""Of a file that `read_tokenizer` reads; Llama 3's, the largest that people bring, has 17 MB."""

KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind
    for kind in (
        WhitespaceTokenizer,
        CharacterTokenizer,
        BPETokenizer,
        GPT2Tokenizer,
    )
}
"""Each kind that can be trained or is at hand, by the name that its JSON carries; simplest first."""

ALL_KINDS: dict[str, type[Tokenizer]] = KINDS | {kind.kind: kind for kind in (TiktokenTokenizer, HuggingFaceTokenizer)}
"""With those that only come from files."""


def tokenizer_from_dict(values: Any) -> Tokenizer:
    """Restore any kind from what `to_dict` gave. Raises ValueError on anything else."""
    if not isinstance(values, dict):
        raise ValueError("A tokenizer's JSON must be an object with a kind; save the tokenizer again.")
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in ALL_KINDS:
        raise unknown_kind(kind)
    return ALL_KINDS[kind].from_dict(values)


def read_tokenizer(data: bytes, pattern: str = PATTERN_NAME) -> Tokenizer:
    """The tokenizer that a file holds: ours, tiktoken's lines, Hugging Face's tokenizer.json, or an alphabet.

    An alphabet is nanoGPT's meta as JSON (stoi, itos), a JSON string, or a text in which each
    character stands once, in the order of the ids. `pattern` (one of PATTERNS) is for tiktoken's,
    which don't say how they cut text. Raises ValueError, naming the trouble, on anything else.
    """
    if len(data) > MAX_IMPORT_BYTES:
        raise ValueError(f"This file has {len(data):,} bytes; a vocabulary may have {MAX_IMPORT_BYTES:,}.")
    if alphabet := _alphabet(data):
        return CharacterTokenizer(alphabet)
    _refuse_foreign(data)
    if data.lstrip()[:1] == b'"':
        return CharacterTokenizer(_string(data))
    if data.lstrip()[:1] != b"{":
        return recognised(data) or TiktokenTokenizer.from_file(data, pattern)
    values = parsed_json(data, "This file")
    if "kind" in values:
        return tokenizer_from_dict(values)
    if "stoi" in values or "itos" in values:
        return CharacterTokenizer.from_meta(values)
    if "model" not in values and values and all(isinstance(id, int) for id in values.values()):
        raise ValueError("This vocab.json belongs to a merges.txt; put that beside it, or give a tokenizer.json.")
    return HuggingFaceTokenizer(values)


def unknown_kind(kind: Any) -> ValueError:
    """The error for a name that is no kind of tokenizer."""
    return ValueError(f"{kind!r:.60} is no kind of tokenizer; choose {', '.join(KINDS)}.")


def _alphabet(data: bytes) -> str | None:
    """The characters of a text in which none stands twice, but for a line break that ends the file."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.strip()[:1] in ("{", "[") and text.strip()[-1:] in ("}", "]"):  # JSON, if little of it
        return None
    if text.endswith("\n") and text.count("\n") > 1:
        text = text[:-1]
    return text if len(set(text)) == len(text) > 1 else None


def _string(data: bytes) -> str:
    try:
        return str(json.loads(data))
    except ValueError as error:
        raise ValueError("This file is no JSON string; write the alphabet with json.dump.") from error


def _refuse_foreign(data: bytes) -> None:
    """Raises ValueError for vocabularies of other kinds, by what their files begin with."""
    only = "only byte-level BPE and alphabets can be read here."
    # Protocol buffers: a piece (tag 10) and its length, in it its text (tag 10) and its shorter length.
    if len(data) > 4 and data[0] == data[2] == 10 and data[3] < data[1]:
        raise ValueError(f"This is a SentencePiece model; {only}")
    lines = set(data[:2_000_000].splitlines())
    if b"[UNK]" in lines and b"[CLS]" in lines:
        raise ValueError(f"This is a WordPiece vocabulary; {only}")
    if data[:9] == b"#version:":
        raise ValueError("This merges.txt belongs to a vocab.json; put that beside it, or give a tokenizer.json.")
    if data[:1] == b"\x80":
        raise ValueError(
            "This is a pickle, which isn't opened here because it can hold a program; where it was made, write "
            'json.dump({"stoi": stoi}, open("meta.json", "w")) and give that file.'
        )
