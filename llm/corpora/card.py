"""A corpus at a glance: how large it is, how it is cut into tokens, how far counting alone predicts it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm.corpora import CORPORA, corpus_floor
from llm.corpora.corpus import Corpus
from llm.corpora.files import YOUR_OWN
from llm.corpora.tales.floor import Estimate
from llm.tokenizers.base import Tokenizer

MOST_FREQUENT = 20
SAMPLE_CHARACTERS = 1_500
_MEASURED = 0.1  # share of the tokens that counting is tested on, as training does with the last tenth


@dataclass(frozen=True)
class TokenCount:
    """A token and how often it occurs."""

    id: int
    text: str
    """Bytes that are no whole character are shown as U+FFFD."""
    count: int


@dataclass(frozen=True)
class Card:
    """What can be said of a text cut by a tokenizer; `dataclasses.asdict` makes JSON of it."""

    name: str
    title: str
    source: str
    licence: str
    n_bytes: int
    """In UTF-8."""
    n_characters: int
    n_tokens: int
    bytes_per_token: float
    vocab_size: int
    vocab_used: int
    """How many of the vocabulary's tokens occur."""
    most_frequent: tuple[TokenCount, ...]
    """The top of the list; of equal counts the lower id first."""
    unigram_loss: float | None
    """Nats a token for who knows only how frequent tokens are; None for texts of under twenty tokens."""
    bigram_loss: float | None
    """Nats a token for who also sees the token before; see `baselines`."""
    floor: Estimate | None
    """Nats a token that no model can get below, where they are known."""
    sample: str


def describe(
    corpus: Corpus, tokenizer: Tokenizer, *, ids: Sequence[int] | np.ndarray | None = None, seed: int = 1
) -> Card:
    """The card of a corpus; `ids` are its tokens if somebody has them already. `seed` chooses the sample.

    Raises ValueError as the tokenizer's `encode` does.
    """
    tokens = np.asarray(tokenizer.encode(corpus.text) if ids is None else ids, dtype=np.int64)
    n_bytes = len(corpus.text.encode("utf-8", "replace"))
    counts = np.bincount(tokens, minlength=tokenizer.vocab_size)
    most = np.argsort(-counts, kind="stable")[:MOST_FREQUENT]
    unigram, bigram = baselines(tokens, tokenizer.vocab_size) if len(tokens) >= 2 / _MEASURED else (None, None)
    is_ours = corpus.name in CORPORA and corpus.licence != YOUR_OWN  # a person's file may be called "tales" as well
    return Card(
        name=corpus.name,
        title=corpus.title,
        source=corpus.source,
        licence=corpus.licence,
        n_bytes=n_bytes,
        n_characters=len(corpus.text),
        n_tokens=len(tokens),
        bytes_per_token=n_bytes / max(len(tokens), 1),
        vocab_size=tokenizer.vocab_size,
        vocab_used=int(np.count_nonzero(counts)),
        most_frequent=tuple(
            TokenCount(id, tokenizer.token_bytes(id).decode("utf-8", "replace"), int(counts[id]))
            for id in most.tolist()
            if counts[id]
        ),
        unigram_loss=unigram,
        bigram_loss=bigram,
        floor=corpus_floor(corpus.name, tokenizer) if is_ours else None,
        sample=_sample(corpus.text, seed),
    )


def baselines(tokens: np.ndarray, vocab_size: int) -> tuple[float, float]:
    """The loss of a unigram and of a bigram model, counted on the first nine tenths and measured on the last.

    Nats a token, over the same tokens: all of the last tenth but its first, before which nothing stands.
    The unigram model adds one to every count (Laplace). The bigram model leans on it by Witten-Bell
    interpolation: P(b|a) = (n(ab) + t(a) P(b)) / (n(a) + t(a)), with t(a) different tokens seen after
    a; the more of them, the likelier a new one (Witten and Bell, 1991).
    """
    n_learnt = len(tokens) - max(1, round(len(tokens) * _MEASURED))
    learnt, before, after = tokens[:n_learnt], tokens[n_learnt:-1], tokens[n_learnt + 1 :]
    unigram = (np.bincount(learnt, minlength=vocab_size) + 1) / (n_learnt + vocab_size)

    pairs, times = np.unique(learnt[:-1] * vocab_size + learnt[1:], return_counts=True)
    after_each = np.bincount(learnt[:-1], minlength=vocab_size)
    kinds_after = np.bincount(pairs // vocab_size, minlength=vocab_size)
    asked = before * vocab_size + after
    at = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
    together = np.where(pairs[at] == asked, times[at], 0)
    total = after_each[before] + kinds_after[before]
    bigram = np.where(total, (together + kinds_after[before] * unigram[after]) / np.maximum(total, 1), unigram[after])
    return float(-np.log(unigram[after]).mean()), float(-np.log(bigram).mean())


def _sample(text: str, seed: int) -> str:
    """Some text from a random place, from the start of a line if one is near."""
    at = random.Random(seed).randrange(max(1, len(text) - SAMPLE_CHARACTERS))
    line = text.find("\n", at, at + SAMPLE_CHARACTERS) if at else -1
    at = at if line < 0 else line
    return text[at : at + SAMPLE_CHARACTERS].strip()
