"""Reading a text the way GLTR shows it: how surprising each token was, its rank, and what was expected instead.

The surprisals are those of `llm.evaluate.surprisal`, with its windows: a text longer than the context
is read in windows that overlap by half, so every token but the first few has at least half a context
before it. (Gehrmann, Strobelt and Rush, 2019, "GLTR: Statistical Detection and Visualization of
Generated Text".)

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.model import GPT
from llm.sampler import checked_ids, reading

ROWS = 128
"""Positions whose odds are worked out at a time: with GPT-2's vocabulary that takes 26 MB."""


@dataclass(frozen=True)
class Met:
    """One token of a text, as the model met it."""

    nats: float
    """-ln p of the token given those before it."""
    rank: int
    """1 when no token was held more likely."""
    context: int
    """How many tokens before it the model saw."""
    expected: tuple[tuple[int, float], ...]
    """The most likely tokens there, as (id, probability)."""


@dataclass(frozen=True)
class Window:
    """What one window of a text adds: its tokens that no earlier one scored."""

    number: int
    total: int
    first: int
    """Position in the text of the first token met."""
    met: list[Met]


def read_windows(model: GPT, ids: Sequence[int], *, start: int = 0, expected: int = 5) -> Iterator[Window]:
    """Read a text from window number `start` on. Its first token has nothing before it and is never met.

    Raises ValueError when there are fewer than two tokens, one is not in the model's vocabulary, or
    the model's logits are broken.
    """
    ids = checked_ids(ids, model.config.vocab_size)
    if len(ids) < 2:
        raise ValueError("There is nothing to score: the text needs at least two tokens.")
    return _read(model, ids, start, min(expected, model.config.vocab_size))


def _read(model: GPT, ids: list[int], start: int, expected: int) -> Iterator[Window]:
    n_ctx = model.config.n_ctx
    stride = max(1, n_ctx // 2)
    starts = range(0, max(0, len(ids) - n_ctx) + stride, stride)
    for number in range(start, len(starts)):
        begin = starts[number]
        end = min(begin + n_ctx, len(ids))
        scored = max(1, starts[number - 1] + n_ctx if number else 1)
        with reading(model):
            logits_TV = model(torch.tensor([ids[begin:end]], device=model.device))[0, scored - begin - 1 : -1]
            if not logits_TV.isfinite().all():
                raise ValueError(
                    "The logits hold NaN or infinity, so nothing can be read; go back to an earlier snapshot."
                )
            met = _met(logits_TV, ids[scored:end], scored - begin, expected)
        yield Window(number, len(starts), scored, met)


def _met(logits_TV: Tensor, ids: list[int], context: int, expected: int) -> list[Met]:
    """The tokens `ids`, each after its row of logits; the first has `context` tokens before it."""
    met: list[Met] = []
    for rows_TV, part in zip(logits_TV.split(ROWS), torch.tensor(ids).split(ROWS), strict=True):
        logs_TV = rows_TV.float().log_softmax(dim=-1)
        own_T1 = logs_TV.gather(1, part[:, None].to(logs_TV.device))
        ranks = (1 + (logs_TV > own_T1).sum(dim=-1)).tolist()
        best, best_ids = (top.tolist() for top in logs_TV.topk(expected, dim=-1))
        for nats, rank, logs, names in zip((-own_T1[:, 0]).tolist(), ranks, best, best_ids, strict=True):
            odds = torch.tensor(logs).exp().tolist()
            met.append(Met(nats, rank, context + len(met), tuple(zip(names, odds, strict=True))))
    return met
