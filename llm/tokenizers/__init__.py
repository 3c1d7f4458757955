"""Ways to turn text into ids: whitespace, character, byte-level BPE, GPT-2's own vocabulary, others' files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm.files import parsed_json, read_json
from llm.tokenizers.base import MAX_FILE_BYTES, Tokenizer, well_formed
from llm.tokenizers.bpe import BPETokenizer, BPETrainer, train_bpe
from llm.tokenizers.byte_level import PATTERN_NAME, PATTERNS, Merge
from llm.tokenizers.character import CharacterTokenizer
from llm.tokenizers.file_formats import FORMATS, export
from llm.tokenizers.gpt2 import GPT2Tokenizer
from llm.tokenizers.hugging_face import HuggingFaceTokenizer
from llm.tokenizers.merging import Candidate, MergeStep, MergingTokenizer, kind_of_piece, merge_history, merge_steps
from llm.tokenizers.stream import TextStream
from llm.tokenizers.tiktoken_file import PUBLISHED, TiktokenTokenizer, load_published, recognised
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
    "read_tokenizer",
    "tokenizer_from_dict",
    "train_bpe",
    "train_tokenizer",
    "well_formed",
]

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


def train_tokenizer(kind: str, text: str, vocab_size: int | None = None) -> Tokenizer:
    """A tokenizer of one of KINDS, learnt from `text`.

    `vocab_size` bounds the kinds that are `sized`; each has one of its own for None. The others don't look at it.
    Raises ValueError on an unknown kind, a size out of range or a text with nothing to learn from.
    """
    if kind not in KINDS:
        raise _unknown_kind(kind)
    return KINDS[kind].train(text, vocab_size)


def tokenizer_from_dict(values: Any) -> Tokenizer:
    """Restore any kind from what `to_dict` gave. Raises ValueError on anything else."""
    if not isinstance(values, dict):
        raise ValueError("A tokenizer's JSON must be an object with a kind; save the tokenizer again.")
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in ALL_KINDS:
        raise _unknown_kind(kind)
    return ALL_KINDS[kind].from_dict(values)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read the tokenizer.json of any kind. Raises ValueError when it is missing or unsound."""
    return tokenizer_from_dict(read_json(Path(path), MAX_FILE_BYTES))


def read_tokenizer(data: bytes, pattern: str = PATTERN_NAME) -> Tokenizer:
    """The tokenizer that a file holds: ours, tiktoken's lines or Hugging Face's tokenizer.json.

    `pattern` (one of PATTERNS) is for tiktoken's, which don't say how they cut text.
    Raises ValueError, naming the trouble, on anything else.
    """
    if len(data) > MAX_IMPORT_BYTES:
        raise ValueError(f"This file has {len(data):,} bytes; a vocabulary may have {MAX_IMPORT_BYTES:,}.")
    if data.lstrip()[:1] != b"{":
        return recognised(data) or TiktokenTokenizer.from_file(data, pattern)
    values = parsed_json(data, "This file")
    return tokenizer_from_dict(values) if "kind" in values else HuggingFaceTokenizer(values)


def _unknown_kind(kind: Any) -> ValueError:
    return ValueError(f"{kind!r:.60} is no kind of tokenizer; choose {', '.join(KINDS)}.")
