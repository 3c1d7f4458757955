"""Ways to turn text into ids: whitespace, character, byte-level BPE, GPT-2's own vocabulary, others' files."""

from __future__ import annotations

from pathlib import Path

from llm.files import read_json
from llm.tokenizers.base import MAX_FILE_BYTES, Tokenizer, well_formed
from llm.tokenizers.bpe import BPETokenizer, BPETrainer, train_bpe
from llm.tokenizers.byte_level import PATTERNS, Merge
from llm.tokenizers.character import CharacterTokenizer
from llm.tokenizers.file_formats import FORMATS, export
from llm.tokenizers.folders import Found, open_tokenizer, tokenizer_in
from llm.tokenizers.gpt2 import GPT2Tokenizer
from llm.tokenizers.hugging_face import HuggingFaceTokenizer
from llm.tokenizers.merging import Candidate, MergeStep, MergingTokenizer, kind_of_piece, merge_history, merge_steps
from llm.tokenizers.reading import (
    ALL_KINDS,
    KINDS,
    MAX_IMPORT_BYTES,
    read_tokenizer,
    tokenizer_from_dict,
    unknown_kind,
)
from llm.tokenizers.stream import TextStream
from llm.tokenizers.tiktoken_file import PUBLISHED, TiktokenTokenizer, load_published
from llm.tokenizers.whitespace import WhitespaceTokenizer

__all__ = [
    "ALL_KINDS",
    "FORMATS",
    "KINDS",
    "MAX_IMPORT_BYTES",
    "PATTERNS",
    "PUBLISHED",
    "BPETokenizer",
    "BPETrainer",
    "Candidate",
    "CharacterTokenizer",
    "Found",
    "GPT2Tokenizer",
    "HuggingFaceTokenizer",
    "Merge",
    "MergeStep",
    "MergingTokenizer",
    "TextStream",
    "TiktokenTokenizer",
    "Tokenizer",
    "WhitespaceTokenizer",
    "export",
    "kind_of_piece",
    "load_published",
    "load_tokenizer",
    "merge_history",
    "merge_steps",
    "open_tokenizer",
    "read_tokenizer",
    "tokenizer_from_dict",
    "tokenizer_in",
    "train_bpe",
    "train_tokenizer",
    "well_formed",
]


def train_tokenizer(kind: str, text: str, vocab_size: int | None = None) -> Tokenizer:
    """A tokenizer of one of KINDS, learnt from `text`.

    `vocab_size` bounds the kinds that are `sized`; each has one of its own for None. The others don't look at it.
    Raises ValueError on an unknown kind, a size out of range or a text with nothing to learn from.
    """
    if kind not in KINDS:
        raise unknown_kind(kind)
    return KINDS[kind].train(text, vocab_size)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read the tokenizer.json of any kind. Raises ValueError when it is missing or unsound."""
    return tokenizer_from_dict(read_json(Path(path), MAX_FILE_BYTES))
