"""Vocabularies in tiktoken's files: one line a token, its bytes in base64 and its rank, which is its id.

GPT-3.5's cl100k and GPT-4o's o200k are read from tiktoken's own cache where they lie there already;
nothing is fetched.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llm.tokenizers.base import END_OF_TEXT, MAX_NAMED, checked_fields, is_count
from llm.tokenizers.byte_level import PATTERN_NAME, PATTERNS, ByteLevelTokenizer

MAX_TOKENS = 300_000
"""Tokens of one vocabulary; o200k has 200,019."""
MAX_TOKEN_BYTES = 1_024
"""Bytes of one token that came in a file; the longest of o200k are 128 blanks."""
_MAX_ID = 2 * MAX_TOKENS


class TiktokenTokenizer(ByteLevelTokenizer):
    """A vocabulary by its ranks: ids 0 to 255 are the single bytes, and merging goes by id."""

    kind = "tiktoken"
    title = "From a .tiktoken file"

    def __init__(
        self, ranks: Mapping[bytes, int], pattern: str = PATTERN_NAME, special_tokens: Mapping[str, int] | None = None
    ) -> None:
        """Without `special_tokens`, <|endoftext|> follows the last rank. Raises ValueError on an unsound vocabulary."""
        _check(ranks, pattern, special_tokens)
        tokens = [b""] * (1 + max(ranks.values()))
        for token, rank in ranks.items():
            tokens[rank] = token
        super().__init__(tokens, pattern, special_tokens)

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "tiktoken", "pattern": ..., "ranks": {base64: rank}, "special_tokens": {name: id}}."""
        ranks = {base64.b64encode(token).decode("ascii"): rank for token, rank in self._ranks.items()}
        return {"kind": self.kind, "pattern": self.pattern, "ranks": ranks, "special_tokens": self.special_tokens}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError on anything but a sound vocabulary."""
        pattern, entries, special = checked_fields(
            values, cls.kind, {"pattern": str, "ranks": dict, "special_tokens": dict}
        )
        ranks = {_decoded(entry): rank for entry, rank in entries.items()}
        if len(ranks) != len(entries):
            raise ValueError("Two lines of this vocabulary spell the same token; use the file as it was published.")
        return cls(ranks, pattern, special)

    @classmethod
    def from_file(cls, data: bytes, pattern: str = PATTERN_NAME) -> Self:
        """Read the lines of a .tiktoken file. The file does not say which pattern cuts its text.

        Raises ValueError on anything but such lines.
        """
        ranks: dict[bytes, int] = {}
        for line in data.splitlines():
            if not line.strip():
                continue
            parts = line.split()
            if len(parts) != 2 or not parts[1].isdigit() or len(parts[1]) > 7:
                raise ValueError("This is no .tiktoken file: each line must hold a token in base64 and its rank.")
            token = _decoded(parts[0].decode("latin-1"))
            if token in ranks:
                raise ValueError("Two lines of this vocabulary spell the same token; use the file as it was published.")
            ranks[token] = int(parts[1])
        return cls(ranks, pattern)


@dataclass(frozen=True)
class Published:
    """A vocabulary that OpenAI publishes for tiktoken to fetch."""

    title: str
    url: str
    sha256: str
    special_tokens: dict[str, int]

    @property
    def path(self) -> Path:
        """Where tiktoken keeps it once it has fetched it."""
        folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
        name = hashlib.sha1(self.url.encode(), usedforsecurity=False).hexdigest()
        return Path(folder or Path(tempfile.gettempdir()) / "data-gym-cache") / name


_URL = "https://openaipublic.blob.core.windows.net/encodings/"
PUBLISHED = {
    "cl100k": Published(
        "cl100k, of GPT-3.5 and GPT-4",
        f"{_URL}cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        {
            END_OF_TEXT: 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    "o200k": Published(
        "o200k, of GPT-4o",
        f"{_URL}o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        {END_OF_TEXT: 199999, "<|endofprompt|>": 200018},
    ),
}
"""By the name of their pattern."""


def load_published(name: str) -> TiktokenTokenizer:
    """One of PUBLISHED, from tiktoken's cache. Raises ValueError when it does not lie there; fetches nothing."""
    published = PUBLISHED[name]
    data = published.path.read_bytes() if published.path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != published.sha256:
        raise ValueError(
            f"{published.title} is not on this computer; run: "
            f"python -c \"import tiktoken; tiktoken.get_encoding('{name}_base')\""
        )
    return recognised(data) or TiktokenTokenizer.from_file(data, name)


def recognised(data: bytes) -> TiktokenTokenizer | None:
    """The vocabulary with its own pattern and special tokens if the file is one of PUBLISHED, else None."""
    checksum = hashlib.sha256(data).hexdigest()
    for name, published in PUBLISHED.items():
        if checksum == published.sha256:
            ranks = TiktokenTokenizer.from_file(data, name)._ranks
            return TiktokenTokenizer(ranks, name, published.special_tokens)
    return None


def _decoded(entry: str) -> bytes:
    try:
        return base64.b64decode(entry, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{entry[:40]!r} is not base64; use the file as it was published.") from error


def _check(ranks: Mapping[bytes, Any], pattern: str, special_tokens: Mapping[str, Any] | None) -> None:
    if pattern not in PATTERNS:
        raise ValueError(f"{pattern!r:.40} is no pattern known here; choose {', '.join(PATTERNS)}.")
    if len(ranks) > MAX_TOKENS:
        raise ValueError(f"This vocabulary has {len(ranks):,} tokens; at most {MAX_TOKENS:,} are supported.")
    special = special_tokens or {}
    if len(special) > MAX_NAMED:
        raise ValueError(f"This vocabulary has {len(special):,} special tokens; at most {MAX_NAMED:,} are supported.")
    ids = [*ranks.values(), *special.values()]
    if not all(is_count(id, 0, _MAX_ID) for id in ids) or len(set(ids)) != len(ids):
        raise ValueError(f"Each token needs a rank of its own from 0 to {_MAX_ID:,}; use the file as it was published.")
    if not all(ranks.get(bytes([byte]), 256) < 256 for byte in range(256)):
        raise ValueError("The first 256 ranks must be the single bytes; this is no byte-level vocabulary.")
    if not all(0 < len(token) <= MAX_TOKEN_BYTES for token in ranks):
        raise ValueError(f"A token must have 1 to {MAX_TOKEN_BYTES:,} bytes; use the file as it was published.")
    if not all(name and len(name) <= MAX_TOKEN_BYTES for name in special):
        raise ValueError("A special token has no name or an endless one; use the file as it was published.")
