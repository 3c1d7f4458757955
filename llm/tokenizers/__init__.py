"""Four ways to turn text into ids: whitespace, character, byte-level BPE, and GPT-2's own vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm.tokenizers.base import Tokenizer, read_json, well_formed
from llm.tokenizers.bpe import BPETokenizer, train_bpe
from llm.tokenizers.byte_level import Merge
from llm.tokenizers.character import CharacterTokenizer
from llm.tokenizers.gpt2 import GPT2Tokenizer
from llm.tokenizers.stream import TextStream
from llm.tokenizers.whitespace import WhitespaceTokenizer

__all__ = [
    "KINDS",
    "BPETokenizer",
    "CharacterTokenizer",
    "GPT2Tokenizer",
    "Merge",
    "TextStream",
    "Tokenizer",
    "WhitespaceTokenizer",
    "load_tokenizer",
    "tokenizer_from_dict",
    "train_bpe",
    "train_tokenizer",
    "well_formed",
]

KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind for kind in (WhitespaceTokenizer, CharacterTokenizer, BPETokenizer, GPT2Tokenizer)
}
"""Each kind's class, by the name that its JSON carries; simplest first."""


def train_tokenizer(kind: str, text: str, vocab_size: int | None = None) -> Tokenizer:
    """A tokenizer of one of the four kinds, learnt from `text`.

    `vocab_size` bounds whitespace (8,192 if None) and bpe (4,096 if None). character takes exactly
    the characters of the text and gpt2 is already trained, so neither looks at it.
    Raises ValueError on an unknown kind, a size out of range or a text with nothing to learn from.
    """
    match kind:
        case "whitespace":
            return WhitespaceTokenizer.train(text, 8192 if vocab_size is None else vocab_size)
        case "character":
            return CharacterTokenizer.train(text)
        case "bpe":
            return train_bpe(text, 4096 if vocab_size is None else vocab_size)
        case "gpt2":
            return GPT2Tokenizer()
    raise _unknown_kind(kind)


def tokenizer_from_dict(values: Any) -> Tokenizer:
    """Restore any kind from what `to_dict` gave. Raises ValueError on anything else."""
    if not isinstance(values, dict):
        raise ValueError("A tokenizer's JSON must be an object with a kind; save the tokenizer again.")
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _unknown_kind(kind)
    return KINDS[kind].from_dict(values)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read the tokenizer.json of any kind. Raises ValueError when it is missing or unsound."""
    return tokenizer_from_dict(read_json(path))


def _unknown_kind(kind: Any) -> ValueError:
    return ValueError(f"{kind!r:.60} is no kind of tokenizer; choose {', '.join(KINDS)}.")
