"""The entropy of the tales: the loss that no model can get below, for any tokenizer.

The grammar states the probability of every story that it writes, and a story can be derived in one
way only. So the mean of -ln p over many stories estimates their entropy (Shannon, "A Mathematical
Theory of Communication", 1948), without bias. Spread over tokens it is the least mean cross-entropy:
a tokenizer only spells the same story differently. One that loses something (words outside its
vocabulary, say) leaves less to predict; for it the true floor is a little lower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A mean, and the standard error that it has because only so many stories were drawn."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Floor:
    """The entropy of the stories in nats, each with the separator after it."""

    stories: int
    """How many were drawn for the estimate."""
    per_story: Estimate
    per_byte: Estimate
    per_token: Estimate
    tokens_per_story: float

    @property
    def perplexity(self) -> float:
        """The lowest perplexity of a token: e to the nats of one."""
        return math.exp(self.per_token.value)


def estimate_floor(nats: Sequence[float], n_bytes: Sequence[int], n_tokens: Sequence[int]) -> Floor:
    """The floor from the -ln p of stories and their lengths. Raises ValueError for fewer than two stories."""
    if len(nats) < 2:
        raise ValueError("A floor needs at least two stories to know its own error; draw more.")
    return Floor(
        stories=len(nats),
        per_story=ratio(nats, [1] * len(nats)),
        per_byte=ratio(nats, n_bytes),
        per_token=ratio(nats, n_tokens),
        tokens_per_story=sum(n_tokens) / len(n_tokens),
    )


def ratio(amounts: Sequence[float], lengths: Sequence[int]) -> Estimate:
    """All amounts over all lengths, with the usual (delta method) standard error of a ratio of means."""
    n, total = len(amounts), sum(lengths)
    value = sum(amounts) / total
    squares = sum((amount - value * length) ** 2 for amount, length in zip(amounts, lengths, strict=True))
    return Estimate(value, math.sqrt(squares * n / (n - 1)) / total)
