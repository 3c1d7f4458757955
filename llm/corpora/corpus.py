"""What a corpus is: a text, with where it comes from and under which licence."""

from __future__ import annotations

from dataclasses import dataclass


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
