"""What a corpus is: a text, with where it comes from and under which licence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

Progress = Callable[[int, int], None]
"""Called with the bytes that were read, or are here, and the bytes there are, or will be."""


@dataclass(frozen=True)
class Corpus:
    """A text to learn from."""

    name: str
    """How `load_corpus` knows it, or the file's name."""
    title: str
    text: str
    source: str
    """Where the text comes from, for people."""
    licence: str
    held_out: str = ""
    """What to validate on, where that is more than new lines: questions that `text` never shows. Else its end is."""

    @cached_property
    def hash(self) -> str:
        """What the text is known by, as `text_hash` says."""
        return text_hash(self.text)

    def pieces(self, on_progress: Progress | None = None) -> Iterator[str]:
        """The text, as one piece: it is in memory already."""
        yield self.text

    def whole(self) -> Corpus:
        """The text in memory."""
        return self


@dataclass(frozen=True)
class CorpusInfo:
    """What can be said of a corpus before it is loaded."""

    title: str
    description: str
    size_bytes: int
    """Bytes of its UTF-8 text; about so many where they depend on the Python version."""
    source: str
    licence: str
    needs_download: bool
    """Whether its text comes over the network the first time."""


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8: equal exactly when the text is, whatever its file is called."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
