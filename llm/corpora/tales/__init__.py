"""Tales: short stories without end from a small grammar, and exactly how probable each of them is.

Each story is a paragraph of about 90 to 180 words. `stories` streams them, `parse` tells the probability of
any text, `floor` the loss that no model can get below, and `accepted_share` how many sentences of a
text the grammar could have written.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple, Protocol

from llm.corpora.corpus import Corpus, CorpusInfo
from llm.corpora.tales.floor import Estimate, Floor, estimate_floor
from llm.corpora.tales.grammar import Grammar
from llm.corpora.tales.parser import SentenceAcceptor, derivations, sentences
from llm.corpora.tales.plots import RULES
from llm.corpora.tales.words import TABLES

__all__ = [
    "GRAMMAR",
    "INFO",
    "SEPARATOR",
    "Estimate",
    "Floor",
    "Story",
    "accepted_share",
    "accepts",
    "floor",
    "load",
    "parse",
    "sentences",
    "stories",
    "text",
]

GRAMMAR = Grammar(RULES, TABLES)
SEPARATOR = "\n\n"
"""Follows each story. No story contains it, so it costs nothing to predict."""

INFO = CorpusInfo(
    title="Tales",
    description="Short stories from a grammar written for Glassbox; the lowest possible loss is known.",
    size_bytes=8_000_000,
    source="llm.corpora.tales",
    licence="MIT",
    needs_download=False,
)


class Story(NamedTuple):
    """A story, and the natural logarithm of the probability that the next story is this one."""

    text: str
    log_probability: float


class Encoder(Protocol):
    """What the floor asks of a tokenizer."""

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text."""


def stories(seed: int) -> Iterator[Story]:
    """Stories without end, the same ones for the same seed."""
    rng = random.Random(seed)
    while True:
        story, nats = GRAMMAR.write(rng)
        yield Story(story, -nats)


def text(size_bytes: int, seed: int) -> str:
    """Whole stories, a separator after each, until there are at least `size_bytes` (they are ASCII)."""
    parts: list[str] = []
    size = 0
    for story, _ in stories(seed):
        parts += (story, SEPARATOR)
        size += len(story) + len(SEPARATOR)
        if size >= size_bytes:
            break
    return "".join(parts)


def load(size_bytes: int = INFO.size_bytes, seed: int = 1337) -> Corpus:
    """The stories as a corpus."""
    return Corpus("tales", INFO.title, text(size_bytes, seed), f"{INFO.source}, seed {seed}", INFO.licence)


def parse(text: str) -> float | None:
    """The log-probability that the next story is exactly `text`; None if the grammar can't write it."""
    found = derivations(GRAMMAR, text)
    return math.log(math.fsum(math.exp(-nats) for nats in found)) if found else None


def accepts(sentence: str) -> bool:
    """Whether some story holds this sentence."""
    return _acceptor().accepts(sentence)


def accepted_share(text: str) -> float:
    """Share of the sentences of `text` that some story holds; an unfinished last one doesn't count.

    Raises ValueError when there is no whole sentence.
    """
    found = sentences(text)
    if found and not found[-1].endswith((".", "!", "?", '."', '!"', '?"')):
        found.pop()
    if not found:
        raise ValueError("There is no whole sentence in this text; let the model write more.")
    return sum(map(accepts, found)) / len(found)


def floor(tokenizer: Encoder, n_stories: int = 2000, seed: int = 1) -> Floor:
    """The lowest loss on tales that any model can reach with this tokenizer, estimated from `n_stories`.

    Tokens are counted as they are in a long text: each story together with a separator.
    Raises ValueError for fewer than two stories.
    """
    sample = list(islice(stories(seed), n_stories))
    return estimate_floor(
        nats=[-story.log_probability for story in sample],
        n_bytes=[len(story.text) + len(SEPARATOR) for story in sample],
        # In front: a tokenizer may cut the separator otherwise where nothing follows it.
        n_tokens=[len(tokenizer.encode(SEPARATOR + story.text)) for story in sample],
    )


@cache
def _acceptor() -> SentenceAcceptor:
    return SentenceAcceptor(GRAMMAR)
